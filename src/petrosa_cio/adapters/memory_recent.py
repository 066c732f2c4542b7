"""What the in-memory ledger remembers for a while: events, openings and their prices.

Beside that stands which of it belongs to which decision, so that it can be given back.
"""

from collections.abc import Callable
from dataclasses import dataclass

from petrosa_cio.adapters.memory_openings import Opening, RecentOpenings, RecentPrices
from petrosa_cio.adapters.memory_windows import EventTimes
from petrosa_cio.risk.claims import DriftClaim, RateClaim, ReserveRequest
from petrosa_cio.risk.drift import drifts_from

INTENTS, CONTENT, EXECUTIONS = "intents", "content", "executions"


@dataclass(frozen=True, slots=True)
class Marks:
    """What a decision leaves behind beside exposure, given back with it until there is a fill.

    Attributes:
        events: Counter and time of each event.
        symbol: The symbol it opened, where openings the other way are counted.
    """

    events: tuple[tuple[str, int], ...]
    symbol: str | None


class Recent:
    """Events by counter, openings and prices by symbol, and what each decision left there.

    Args:
        is_open: Whether an opening is not through the fence yet.
    """

    def __init__(self, is_open: Callable[[Opening], bool]) -> None:
        self.openings = RecentOpenings(is_open)
        self._events = EventTimes()
        self._prices = RecentPrices()
        self._marks: dict[str, Marks] = {}

    def test_rates(
        self, request: ReserveRequest, *, since_ms: int, now_ms: int
    ) -> tuple[tuple[int, ...], frozenset[str]]:
        """Return the events per rate before a request, and which kinds have reached their ceiling.

        It is counted as an intent unless one of those rates is full.

        Args:
            request: The request.
            since_ms: When its strategy was last resumed.
            now_ms: The time.
        """
        seen = tuple(
            self._events.within(rate, now_ms=now_ms, since_ms=since_ms if rate.pauses else 0)
            for rate in request.rates
        )
        found = zip(seen, request.rates, strict=True)
        full = frozenset(_kind_of(rate) for used, rate in found if used >= rate.ceiling)
        if INTENTS not in full:
            self._events.count([one for one in request.rates if not one.of_held], now_ms=now_ms)
        return seen, full

    def test_price(
        self, claim: DriftClaim | None, *, now_ms: int
    ) -> tuple[tuple[str, str] | None, bool]:
        """Return lowest and highest price of the hour, and whether this one is too far from one."""
        if claim is None:
            return None, False
        prices = self._prices.range_of(claim.symbol, now_ms=now_ms)
        return prices, drifts_from(claim, prices)

    def take(self, request: ReserveRequest, *, now_ms: int) -> bool:
        """Remember a request that is held; return whether there is anything to give back."""
        events = self._events.count([one for one in request.rates if one.of_held], now_ms=now_ms)
        opposite = request.opposite
        if opposite is not None:
            self.openings.add(opposite, request.decision_id, request.taken_at_ms, now_ms=now_ms)
        if request.drift is not None:
            self._prices.add(request.drift, now_ms=now_ms)
        if not events and opposite is None:
            return False
        self._marks[request.decision_id] = Marks(events, opposite.symbol if opposite else None)
        return True

    def give_back(self, decision_id: str, *, now_ms: int) -> None:
        """Forget what a decision left, as it came to nothing."""
        marks = self._marks.pop(decision_id, None)
        if marks is None:
            return
        for counter, at_ms in marks.events:
            self._events.remove(counter, at_ms, now_ms=now_ms)
        if marks.symbol is not None:
            self.openings.remove(marks.symbol, decision_id)

    def make_final(self, decision_id: str) -> None:
        """Take note of a fill: what happened is neither undone, nor forgotten at the close."""
        self._marks.pop(decision_id, None)

    def end_batch(self, *, now_ms: int) -> None:
        """Forget the events that no window needs any more."""
        self._events.end_batch(now_ms=now_ms)


def _kind_of(rate: RateClaim) -> str:
    if rate.pauses:
        return EXECUTIONS
    return CONTENT if rate.of_held else INTENTS
