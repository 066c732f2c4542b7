"""The story of the demo: chapters, each with its weather and the regime that people call it.

A chapter begins at a share of the demo, so the same story fits ten seconds and ten minutes.
"""

from dataclasses import dataclass

from petrosa_cio.risk.trading_state import TradingState


@dataclass(frozen=True, slots=True)
class Weather:
    """How prices move, in shares of the price.

    Attributes:
        drift: Expected move of one tick.
        roughness: Typical random move of one tick.
        pull: How strongly a tick is pulled back to the price at which the chapter began, 0 to 1.
    """

    drift: float
    roughness: float
    pull: float = 0.0


@dataclass(frozen=True, slots=True)
class Chapter:
    """A part of the story.

    Attributes:
        title: Its name.
        sentence: What to look at.
        begins: When, as a share of the demo, 0 to 1.
        regime: The market regime that is announced.
        weather: How the market is.
        switch: The trading state of the fund that the operator sets when it begins, if any.
    """

    title: str
    sentence: str
    begins: float
    regime: str
    weather: Weather
    switch: TradingState | None = None


CHAPTERS = (
    Chapter(
        "A calm trend",
        "What is within every limit passes; what is not is cut or denied, with the reason.",
        0.0,
        "stable_accumulation",
        Weather(drift=0.0006, roughness=0.0008),
    ),
    Chapter(
        "Limits fill up",
        "Prices go sideways while positions add up. Where a limit is full, an order is too much.",
        0.20,
        "consolidation",
        Weather(drift=0.0, roughness=0.0015, pull=0.15),
    ),
    Chapter(
        "Wild prices",
        "The market is unclear. In this regime the policy halves every size.",
        0.38,
        "transitional",
        Weather(drift=0.0, roughness=0.005),
    ),
    Chapter(
        "The crash",
        "In this regime the policy opens nothing. Stops close what is open, and limits free up.",
        0.52,
        "turbulent_illiquidity",
        Weather(drift=-0.007, roughness=0.004),
    ),
    Chapter(
        "The operator halts the fund",
        "Everything that opens is denied with FUND_HALTED. A request to close still passes.",
        0.66,
        "turbulent_illiquidity",
        Weather(drift=0.0, roughness=0.003),
        TradingState.HALTED,
    ),
    Chapter(
        "Trading again",
        "The operator resumes. Prices recover, and this regime allows buying only.",
        0.80,
        "bullish_acceleration",
        Weather(drift=0.0025, roughness=0.0015),
        TradingState.ACTIVE,
    ),
)


def chapter_at(share: float) -> Chapter:
    """Return the chapter at a share of the demo; the last one goes on after the end."""
    return [one for one in CHAPTERS if one.begins <= share or one is CHAPTERS[0]][-1]
