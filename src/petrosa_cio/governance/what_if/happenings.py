"""What a ledger remembers for a while, in one world: events by counter, openings and prices."""

from bisect import bisect_right
from collections.abc import Iterable

from petrosa_cio.adapters.memory_openings import RecentOpenings, RecentPrices
from petrosa_cio.risk.claims import DriftClaim, OppositeClaim, RateClaim
from petrosa_cio.risk.repetition import DAY_MS


def openings_of(symbol: str) -> str:
    """Return the name of a symbol's openings, beside those of counters."""
    return f"openings:{symbol}"


def prices_of(symbol: str) -> str:
    """Return the name of the prices of a symbol's openings."""
    return f"prices:{symbol}"


class Events:
    """Times of counted events by counter, oldest first, as long as any window may need them."""

    def __init__(self) -> None:
        self._times: dict[str, list[int]] = {}

    def within(self, counter: str, window_ms: int, *, now_ms: int) -> int:
        """Return how many events are in a window that ends now."""
        times = self._times.get(counter)
        return len(times) - bisect_right(times, now_ms - window_ms) if times else 0

    def add(self, counters: Iterable[str], *, now_ms: int) -> None:
        """Count one event for each counter."""
        for counter in counters:
            times = self._times.setdefault(counter, [])
            times.append(max(now_ms, times[-1]) if times else now_ms)
            # Half at a time: to move the rest of a long list for each event would be slow.
            if times[len(times) // 2] <= now_ms - DAY_MS:
                del times[: bisect_right(times, now_ms - DAY_MS)]

    def remove(self, counters: Iterable[str], *, at_ms: int) -> None:
        """Take out one event of that time for each counter, if there still is one."""
        for counter in counters:
            times = self._times.get(counter, [])
            place = bisect_right(times, at_ms) - 1
            if place >= 0 and times[place] == at_ms:
                del times[place]


class Happenings:
    """What intents and approvals left behind in one world."""

    def __init__(self) -> None:
        self.events = Events()
        self.openings = RecentOpenings(lambda _: False)
        self.prices = RecentPrices()
        self._marks: dict[str, tuple[int, frozenset[str], str | None]] = {}

    def came(self, rates: Iterable[RateClaim], *, now_ms: int) -> set[str]:
        """Count an intent, approved or not, and return the counters."""
        counters = {one.counter for one in rates if not one.of_held}
        self.events.add(counters, now_ms=now_ms)
        return counters

    def held(
        self,
        decision_id: str,
        rates: Iterable[RateClaim],
        opposite: OppositeClaim | None,
        drift: DriftClaim | None,
        *,
        now_ms: int,
    ) -> set[str]:
        """Remember an approval, by what it asked; return the names of what is not as before."""
        counters = frozenset(one.counter for one in rates if one.of_held)
        self.events.add(counters, now_ms=now_ms)
        left = set(counters)
        if opposite is not None:
            self.openings.add(opposite, decision_id, now_ms, now_ms=now_ms)
            left.add(openings_of(opposite.symbol))
        if drift is not None:
            self.prices.add(drift, now_ms=now_ms)
            left.add(prices_of(drift.symbol))
        if counters or opposite is not None:
            symbol = None if opposite is None else opposite.symbol
            self._marks[decision_id] = (now_ms, counters, symbol)
        return left

    def came_to_nothing(self, decision_id: str) -> set[str]:
        """Forget what an approval left, as the ledger does; return the names of what that was.

        Its price stays, as there.
        """
        at_ms, counters, symbol = self._marks.pop(decision_id, (0, frozenset(), None))
        self.events.remove(counters, at_ms=at_ms)
        if symbol is not None:
            self.openings.remove(symbol, decision_id)
            return {*counters, openings_of(symbol)}
        return set(counters)

    def is_final(self, decision_id: str) -> None:
        """Take note that what an approval left is never taken back."""
        self._marks.pop(decision_id, None)
