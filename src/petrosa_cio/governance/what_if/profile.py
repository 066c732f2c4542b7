"""Exposure and rates over time, as they were and as they would have been."""

from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from decimal import Decimal

from petrosa_cio.risk.claims import from_units

MOST_POINTS = 240
"""Points of a profile over time; a longer span has longer steps."""

_MINUTE_MS = 60_000


@dataclass(slots=True)
class Pair:
    """One number in both worlds."""

    was: int = 0
    would: int = 0

    def raise_to(self, was: int, would: int) -> None:
        """Keep the highest of each."""
        self.was, self.would = max(self.was, was), max(self.would, would)


@dataclass(slots=True)
class Step:
    """What happened in a step of time.

    Attributes:
        intents: Intents that were decided.
        promoted: Approvals among them, reduced ones too.
        gross: The highest gross exposure, ledger units.
        positions: The highest exposure by counter, of those that were touched, ledger units.
    """

    intents: int = 0
    promoted: Pair = field(default_factory=Pair)
    gross: Pair = field(default_factory=Pair)
    positions: dict[str, Pair] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Point:
    """A step of the profile, for people.

    Attributes:
        at: When it begins, aware UTC.
        intents: Intents that were decided in it.
        promoted: Approvals as they were and as they would have been.
        gross_usd: The highest gross exposure in it, alike, USD.
        positions_usd: The highest exposure by symbol and side, of those that were asked for, alike.
    """

    at: datetime
    intents: int
    promoted: tuple[int, int]
    gross_usd: tuple[Decimal, Decimal]
    positions_usd: dict[str, tuple[Decimal, Decimal]]


class Profile:
    """Collects what happened minute by minute.

    Attributes:
        peaks: The highest exposure by counter, ledger units; ``gross`` among them.
        most_per_minute: The most approvals in a minute.
    """

    def __init__(self) -> None:
        self.peaks: dict[str, Pair] = {}
        self.most_per_minute = Pair()
        self._minutes: dict[int, Step] = {}

    def decided(self, at_ms: int, *, was: bool, would: bool) -> None:
        """Count an intent, and whether it was and would have been approved."""
        step = self._step(at_ms)
        step.intents += 1
        step.promoted.was += was
        step.promoted.would += would
        self.most_per_minute.raise_to(step.promoted.was, step.promoted.would)

    def exposed(self, at_ms: int, counter: str, was: int, would: int, *, is_gross: bool) -> None:
        """Take note of the units in use of a counter at a moment."""
        step = self._step(at_ms)
        pair = step.gross if is_gross else step.positions.setdefault(counter, Pair())
        pair.raise_to(was, would)
        self.peaks.setdefault(counter, Pair()).raise_to(was, would)

    def points(self) -> list[Point]:
        """Return the profile in at most `MOST_POINTS` steps of whole minutes."""
        if not self._minutes:
            return []
        first, last = min(self._minutes), max(self._minutes)
        length = -(-(last - first + 1) // MOST_POINTS)
        steps: dict[int, list[Step]] = {}
        for minute in sorted(self._minutes):
            begins = first + (minute - first) // length * length
            steps.setdefault(begins, []).append(self._minutes[minute])
        return [_point(begins, together) for begins, together in steps.items()]

    def _step(self, at_ms: int) -> Step:
        minute = at_ms // _MINUTE_MS
        found = self._minutes.get(minute)
        if found is None:
            found = self._minutes[minute] = Step()
        return found


def usd(pair: Pair) -> tuple[Decimal, Decimal]:
    """Return units in both worlds in USD."""
    return from_units(pair.was), from_units(pair.would)


def _point(minute: int, steps: Iterable[Step]) -> Point:
    whole = Step()
    for one in steps:
        whole.intents += one.intents
        whole.promoted.was += one.promoted.was
        whole.promoted.would += one.promoted.would
        whole.gross.raise_to(one.gross.was, one.gross.would)
        for counter, pair in one.positions.items():
            whole.positions.setdefault(counter, Pair()).raise_to(pair.was, pair.would)
    return Point(
        at=datetime(1970, 1, 1, tzinfo=UTC) + timedelta(minutes=minute),
        intents=whole.intents,
        promoted=(whole.promoted.was, whole.promoted.would),
        gross_usd=usd(whole.gross),
        positions_usd={counter: usd(pair) for counter, pair in whole.positions.items()},
    )
