"""What the in-memory ledger keeps of openings that were held lately: who opposes whom, and prices.

The twin of `lua/openings.lua` and `lua/prices.lua`.
"""

from collections.abc import Callable
from dataclasses import dataclass, field

from petrosa_cio.adapters.ledger_times import HOUR_MS, OPENINGS_KEPT, PRICE_PART_MS
from petrosa_cio.risk.claims import DriftClaim, Opponent, OppositeClaim
from petrosa_cio.risk.intent import Direction


@dataclass(frozen=True, slots=True)
class Opening:
    """An opening that was held; without ``taken_at_ms`` it stands for several and stays."""

    decision_id: str
    taken_at_ms: int | None
    direction: Direction
    confidence: int
    at_ms: int


@dataclass(slots=True)
class _Symbol:
    openings: list[Opening] = field(default_factory=list)
    shut_by: Opponent | None = None
    shut_at_ms: int = 0


class RecentOpenings:
    """Openings by symbol, oldest first, and which symbols are shut as two opposed each other.

    Args:
        is_open: Whether an opening is not through the fence yet.
    """

    def __init__(self, is_open: Callable[[Opening], bool]) -> None:
        self._is_open = is_open
        self._symbols: dict[str, _Symbol] = {}

    def opponent_of(self, claim: OppositeClaim, *, now_ms: int) -> Opponent | None:
        """Return the decision that shut the symbol, else the strongest opening the other way."""
        found, start_ms = self._of(claim.symbol), now_ms - claim.window_ms
        if found.shut_by is not None and found.shut_at_ms > start_ms:
            return found.shut_by
        opposites = self._opposites(claim, now_ms)
        if not opposites:
            return None
        strongest = max(opposites, key=lambda one: one.confidence)
        return Opponent(strongest.decision_id, strongest.confidence)

    def to_overrule(self, claim: OppositeClaim, *, now_ms: int) -> list[tuple[str, int]]:
        """Return decision and time of the openings the other way that may still be withdrawn."""
        return [
            (one.decision_id, one.taken_at_ms)
            for one in self._opposites(claim, now_ms)
            if one.taken_at_ms is not None
        ]

    def add(self, claim: OppositeClaim, decision_id: str, taken_at_ms: int, *, now_ms: int) -> None:
        """Keep an opening; drop the oldest as long as they are older than its window."""
        openings, start_ms = self._of(claim.symbol).openings, now_ms - claim.window_ms
        while openings and openings[0].at_ms <= start_ms:
            del openings[0]
        openings.append(
            Opening(decision_id, taken_at_ms, claim.direction, claim.confidence, now_ms)
        )
        self._merge_oldest(openings, claim.direction)

    def remove(self, symbol: str, decision_id: str) -> None:
        """Forget an opening."""
        found = self._of(symbol)
        found.openings = [
            one
            for one in found.openings
            if one.decision_id != decision_id or one.taken_at_ms is None
        ]

    def shut(self, claim: OppositeClaim, decision_id: str, *, now_ms: int) -> None:
        """Shut a symbol in both directions, from now on."""
        found = self._of(claim.symbol)
        found.shut_by = Opponent(decision_id, claim.confidence, is_shut=True)
        found.shut_at_ms = now_ms

    def _opposites(self, claim: OppositeClaim, now_ms: int) -> list[Opening]:
        return [
            one
            for one in self._of(claim.symbol).openings
            if one.at_ms > now_ms - claim.window_ms and one.direction is not claim.direction
        ]

    def _merge_oldest(self, openings: list[Opening], direction: Direction) -> None:
        """Make one of the two oldest of too many on a side, which can only deny more.

        One that may still be withdrawn stays by itself, so that a stronger opposite finds it.
        """
        side = [one for one in openings if one.direction is direction]
        while len(side) > OPENINGS_KEPT:
            first, second = side[:2]
            if self._is_open(first) or self._is_open(second):
                return
            stronger = first if first.confidence > second.confidence else second
            latest_ms = max(first.at_ms, second.at_ms)  # not the second where a clock was set back
            openings[openings.index(second)] = side[1] = Opening(
                stronger.decision_id, None, direction, stronger.confidence, latest_ms
            )
            openings.remove(first)
            del side[0]

    def _of(self, symbol: str) -> _Symbol:
        return self._symbols.setdefault(symbol, _Symbol())


class RecentPrices:
    """Lowest and highest price of the openings that were held, by symbol and part of the hour."""

    def __init__(self) -> None:
        self._parts: dict[str, dict[int, tuple[str, str]]] = {}

    def range_of(self, symbol: str, *, now_ms: int) -> tuple[str, str] | None:
        """Return lowest and highest price of the last hour, if there was one."""
        oldest = (now_ms - HOUR_MS) // PRICE_PART_MS
        parts = [kept for part, kept in self._parts.get(symbol, {}).items() if part >= oldest]
        if not parts:
            return None
        return min(lowest for lowest, _ in parts), max(highest for _, highest in parts)

    def add(self, claim: DriftClaim, *, now_ms: int) -> None:
        """Keep the price of an opening that is held.

        It is not taken out again, whatever becomes of the opening: the prices of others are then
        only held closer together.
        """
        parts, part = self._parts.setdefault(claim.symbol, {}), now_ms // PRICE_PART_MS
        oldest = (now_ms - HOUR_MS) // PRICE_PART_MS
        for old in [one for one in parts if one < oldest]:
            del parts[old]
        lowest, highest = parts.get(part, (claim.price, claim.price))
        parts[part] = min(lowest, claim.price), max(highest, claim.price)
