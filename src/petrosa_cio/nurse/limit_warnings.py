"""Tells once that a shared limit is half used, four fifths used, or full.

What is told of exposure as it is taken is exact, and needs no memory. Two things do: a sliding
window, whose use goes up and down around a band with every event; and refusals, of which a full
limit gives many. Each process remembers what it has told, so replicas may each tell such a thing
once. A failure here is logged and touches nothing else.
"""

from collections.abc import Sequence
from datetime import datetime

import orjson
from msgspec import Struct

from petrosa_cio.nurse.decision import Decision
from petrosa_cio.nurse.heartbeat import SERVICE
from petrosa_cio.risk.intent import Intent
from petrosa_cio.risk.warning_bands import (
    BANDS,
    Crossing,
    Taken,
    all_taken,
    crossed_bands,
    is_far_from_bands,
)
from petrosa_cio.risk.warning_bands import crossing as crossing_of

LIMIT_WARNING = "cio.limit.warning"
"""The subject on which it is said that a limit has come to a band."""

MARGIN_PCT = 10
"""By so many percent of the limit its use must have fallen before the same is told again."""

MAX_REMEMBERED = 10_000


class _Told(Struct, frozen=True, gc=False):
    """The highest band told, the use below which it is forgotten (in hundredths), and when."""

    band: int
    forgotten_below: int
    seen_ms: int


class BandMemory:
    """Remembers which bands were told, by counter, window and limit."""

    def __init__(self) -> None:
        """Begin with nothing told."""
        self._told: dict[tuple[str, int, int], _Told] = {}

    @property
    def is_empty(self) -> bool:
        """Whether nothing that was told matters still."""
        return not self._told

    def news(self, taken: Taken, *, now_ms: int) -> Sequence[int]:
        """Return the bands that are to be told now, and remember them.

        Args:
            taken: A limit as a decision left it.
            now_ms: The ledger's time of that decision, epoch milliseconds.
        """
        key = (taken.claim.counter, taken.window_ms, taken.limit)
        told, crossed = self._told.get(key), crossed_bands(taken)
        if told is None and not crossed:
            return ()
        kept = None if told is None else _kept(told, taken, now_ms)
        is_new = [band for band in crossed if kept is None or band > kept.band]
        self._remember(key, _told_now(is_new[-1], taken, now_ms) if is_new else kept)
        return is_new if taken.window_ms or taken.is_refused else crossed

    def _remember(self, key: tuple[str, int, int], told: _Told | None) -> None:
        self._told.pop(key, None)
        if told is None:
            return
        if len(self._told) >= MAX_REMEMBERED:
            self._told.clear()
        self._told[key] = told


def _told_now(band: int, taken: Taken, now_ms: int) -> _Told:
    below = min(band * taken.limit, taken.after * 100) - MARGIN_PCT * taken.limit
    return _Told(band, below, now_ms)


def _kept(told: _Told, taken: Taken, now_ms: int) -> _Told | None:
    """Return what is still true of what was told: the same, a lower band, or nothing."""
    if taken.window_ms and now_ms - told.seen_ms >= taken.window_ms:
        return None  # whatever was counted then has left the window
    if taken.before * 100 >= told.forgotten_below:
        return _Told(told.band, told.forgotten_below, now_ms)
    for band in reversed(BANDS):
        if band < told.band and taken.before * 100 >= (band - MARGIN_PCT) * taken.limit:
            return _told_now(band, taken, now_ms)
    return None


class Warned(Struct, frozen=True):
    """A limit that has come to a band, and the decision that brought it there."""

    decision: Decision
    crossing: Crossing


class LimitWarnings:
    """Finds what there is to tell of the limits that a decision asked for."""

    def __init__(self) -> None:
        """Begin with nothing told."""
        self._memory = BandMemory()

    def of(self, one: Decision) -> list[Warned]:
        """Return what is to be told of one decision, and remember it."""
        readings, intent = one.readings, one.draft.intent
        if readings is None or not isinstance(intent, Intent):
            return []
        if self._memory.is_empty and is_far_from_bands(one.draft.assessment, readings):
            return []
        return [
            Warned(one, crossing_of(taken, band, intent))
            for taken in all_taken(one.draft.assessment, readings)
            for band in self._memory.news(taken, now_ms=readings.time_ms)
        ]


def warning_event(warned: Warned, *, at: datetime) -> bytes:
    """Return the event about one warning, as JSON.

    Args:
        warned: The limit and the decision.
        at: This moment, aware UTC.
    """
    one, found = warned.decision, warned.crossing
    return orjson.dumps(
        {
            "service": SERVICE,
            "timestamp": at.timestamp(),
            "limit": found.limit,
            "code": found.code,
            "scope": found.scope,
            "band_pct": found.band_pct,
            "used": f"{found.used:f}",
            "limit_value": f"{found.value:f}",
            "unit": found.unit,
            "entry": found.entry,
            "is_refused": found.is_refused,
            "decision_id": one.decision_id,
            "strategy": one.draft.intent.strategy,
            "symbol": one.draft.intent.symbol,
        }
    )
