"""Sheds floods: a strategy that sends far more than it may is denied cheaply.

The ledger judges rates. But a flood of tens of thousands of intents would cost a full assessment
each, and make the intents of others wait until they are stale. So once a strategy has had its full
rate granted and has tried as often again within the window, further intents are denied with
``RATE_ABOVE_MAX`` alone: no other reason is looked for, and nothing is asked of the ledger but to
remember the answer. Whatever is shed here the ledger would have denied as well, because what this
process saw granted is never more than what the ledger counted.

The same goes for a symbol and for the fund. An intent that is over a limit is a try at the
narrowest one alone, its strategy's before the symbol's and the fund's: what one strategy sends
beyond its own rate is never a flood of the others.
"""

from bisect import bisect_right
from collections.abc import Callable, Sequence

from petrosa_cio.risk.claims import RateClaim, Readings
from petrosa_cio.risk.unchecked import Flood

FLOOD_FACTOR = 2
"""A flood is this many times the granted rate within one window."""

MAX_COUNTERS = 10_000

SLACK_MS = 100
"""The ledger's time is known here a little late; by so much windows are taken as shorter."""


class Shedder:
    """Remembers what the ledger granted and what it refused, by rate counter, in ledger time."""

    def __init__(self, monotonic: Callable[[], float]) -> None:
        """Take a clock in seconds that never goes back. It begins without any memory."""
        self._monotonic = monotonic
        self._granted: dict[str, list[int]] = {}
        self._refused: dict[str, list[int]] = {}
        self._ledger_ms = 0
        self._heard_at = monotonic()

    def flood(self, rates: Sequence[RateClaim]) -> Flood | None:
        """Return of which flood an intent is a part, or None when it is to be judged in full."""
        for place, rate in enumerate(rates):
            if len(self._granted.get(rate.counter, ())) < rate.ceiling:
                continue  # what lies within the window is no more than that
            granted = self._within(self._granted, rate)
            if granted < rate.ceiling:
                continue
            tried = granted + self._within(self._refused, rate)
            if tried >= rate.ceiling * FLOOD_FACTOR:
                return Flood(place, tried)
        return None

    def note(self, rates: Sequence[RateClaim], readings: Readings) -> None:
        """Take note of an intent that the ledger has judged, and of the ledger's time."""
        self._ledger_ms, self._heard_at = readings.time_ms, self._monotonic()
        longest_ms: dict[str, int] = {}
        denied_by = None
        for rate, used in zip(rates, readings.rates, strict=True):
            if rate.of_held:
                continue
            counter, window_ms = rate.counter, rate.window_ms
            if window_ms > longest_ms.get(counter, -1):
                longest_ms[counter] = window_ms
            if denied_by is None and used >= rate.ceiling:
                denied_by = counter
        if denied_by is not None:
            self._add(self._refused, denied_by, longest_ms[denied_by])
            return
        for counter, keep_ms in longest_ms.items():
            self._add(self._granted, counter, keep_ms)

    def _add(self, events: dict[str, list[int]], counter: str, keep_ms: int) -> None:
        times, now_ms = events.get(counter), self._ledger_ms
        if times is None:
            if len(events) >= MAX_COUNTERS:
                events.clear()
            events[counter] = [now_ms]
            return
        times.append(now_ms if now_ms > times[-1] else times[-1])
        # Half at a time: to move the rest of a long list for each event would be slow.
        if times[len(times) // 2] <= now_ms - keep_ms:
            del times[: bisect_right(times, now_ms - keep_ms)]

    def _within(self, events: dict[str, list[int]], rate: RateClaim) -> int:
        times = events.get(rate.counter, [])
        now_ms = self._ledger_ms + int((self._monotonic() - self._heard_at) * 1000)
        return len(times) - bisect_right(times, now_ms - rate.window_ms + SLACK_MS)
