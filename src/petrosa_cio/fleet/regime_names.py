"""One table of the names of market regimes: the data-manager's are ours, older ones lead to them.

Letters of any size, spaces, hyphens and dots make no difference: ``Breakout-Phase`` is
``breakout_phase``. Where an older name could mean two of ours, it leads to the one that a careful
policy treats more strictly. What is not in the table is not known, and nobody guesses: ``unknown``
least of all, nor ``neutral``, which neighbours also invent where they have no data, nor
``trending``, which does not say where to.
"""

import re
from typing import Final, NamedTuple

NAMES: Final = frozenset(
    {
        "turbulent_illiquidity",
        "stable_accumulation",
        "breakout_phase",
        "consolidation",
        "balanced_market",
        "transitional",
        "bullish_acceleration",
        "bearish_acceleration",
    }
)
"""The names that the data-manager gives, and that policies state limits for."""


class Older(NamedTuple):
    """An older way to name a regime.

    Attributes:
        spellings: How it is spelt.
        name: Which of `NAMES` it leads to.
        why: Why that one.
    """

    spellings: tuple[str, ...]
    name: str
    why: str


OLDER: Final = (
    Older(
        ("turbulent", "volatile", "high_volatility", "high_vol", "extreme_volatility"),
        "turbulent_illiquidity",
        "wild prices; whether the books are thin is not said, so they may be",
    ),
    Older(
        ("illiquid", "illiquidity", "low_liquidity", "thin"),
        "turbulent_illiquidity",
        "thin books, in which any size moves the price",
    ),
    Older(
        ("crisis", "crash", "panic", "capitulation", "flash_crash"),
        "turbulent_illiquidity",
        "prices fall through thin books, and nothing is to be opened",
    ),
    Older(
        ("accumulation", "stable_growth"),
        "stable_accumulation",
        "quiet prices while much is bought",
    ),
    Older(
        ("breakout", "breaking_out", "expansion"),
        "breakout_phase",
        "wild prices with much volume",
    ),
    Older(
        ("ranging", "range", "range_bound", "rangebound", "sideways", "consolidating", "flat"),
        "consolidation",
        "prices stay within a band",
    ),
    Older(
        ("low_volatility", "low_vol", "calm", "quiet"),
        "consolidation",
        "quiet prices; much volume is not said, and without it they only rest",
    ),
    Older(
        ("balanced", "normal"),
        "balanced_market",
        "nothing stands out",
    ),
    Older(
        ("transition", "choppy", "chop", "whipsaw", "mixed", "uncertain"),
        "transitional",
        "the market goes nowhere for long",
    ),
    Older(
        ("trending_up", "uptrend", "up_trend", "bull", "bullish", "bull_market", "bullish_trend"),
        "bullish_acceleration",
        "prices rise, and nobody is to stand against them",
    ),
    Older(
        (
            "trending_down", "downtrend", "down_trend", "bear", "bearish", "bear_market",
            "bearish_trend",
        ),
        "bearish_acceleration",
        "prices fall, and nobody is to stand against them",
    ),
)  # fmt: skip

_TABLE: Final = {name: name for name in NAMES} | {
    spelling: older.name for older in OLDER for spelling in older.spellings
}
_SEPARATORS: Final = re.compile(r"[\s._-]+")


def known_name(text: str) -> str | None:
    """Return the one of `NAMES` that a text means, or None: then the regime is not known."""
    return _TABLE.get(_SEPARATORS.sub("_", text.strip().casefold()))
