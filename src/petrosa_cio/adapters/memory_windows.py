"""What the in-memory ledger forgets as time passes: buckets of entries, and events in a window."""

from bisect import bisect_right
from collections.abc import Sequence
from typing import Generic, TypeVar

from petrosa_cio.adapters.ledger_times import BUCKETS_KEPT, RATE_HISTORY_MS
from petrosa_cio.risk.claims import RateClaim

Value = TypeVar("Value")


class Buckets(Generic[Value]):
    """Entries by bucket of time; a bucket is forgotten as a whole, as an expiring Redis key is.

    Args:
        bucket_ms: Length of a bucket, milliseconds.
    """

    def __init__(self, bucket_ms: int) -> None:
        self._bucket_ms = bucket_ms
        self._buckets: dict[int, dict[str, Value]] = {}
        self._expires_ms: dict[int, int] = {}

    def get(self, key: str, *, at_ms: int, now_ms: int) -> Value | None:
        """Return the entry in the bucket of a moment, or None."""
        self._forget(now_ms)
        return self._buckets.get(at_ms // self._bucket_ms, {}).get(key)

    def recent(self, key: str, *, now_ms: int) -> Value | None:
        """Return the entry in this bucket, else in the last, else in the next one, or None.

        The next one has entries where the clock was set back.
        """
        for away_ms in (0, -self._bucket_ms, self._bucket_ms):
            found = self.get(key, at_ms=now_ms + away_ms, now_ms=now_ms)
            if found is not None:
                return found
        return None

    def put(self, key: str, value: Value, *, at_ms: int, now_ms: int) -> None:
        """Store an entry in the bucket of a moment; the first one decides when the bucket ends."""
        self._forget(now_ms)
        bucket = at_ms // self._bucket_ms
        self._expires_ms.setdefault(bucket, now_ms + BUCKETS_KEPT * self._bucket_ms)
        self._buckets.setdefault(bucket, {})[key] = value

    def drop(self, key: str, *, at_ms: int) -> None:
        """Remove an entry that is in the bucket of a moment."""
        del self._buckets[at_ms // self._bucket_ms][key]

    def _forget(self, now_ms: int) -> None:
        for bucket in [found for found, end in self._expires_ms.items() if now_ms >= end]:
            del self._expires_ms[bucket], self._buckets[bucket]


class EventTimes:
    """Times of counted events by counter, oldest first. What no window needs is forgotten."""

    def __init__(self) -> None:
        self._times: dict[str, list[int]] = {}
        self._keep_ms: dict[str, int] = {}

    def within(self, rate: RateClaim, *, now_ms: int, since_ms: int = 0) -> int:
        """Return how many events are in the rate's window, at most its ceiling.

        Args:
            rate: What is asked for.
            now_ms: The time.
            since_ms: Events before that do not count, wherever the window begins. A moment to come,
                as the clock was set back, is none: else nothing would count until then.
        """
        times = self._times.get(rate.counter, [])
        start = max(now_ms - rate.window_ms, since_ms - 1 if since_ms <= now_ms else 0)
        return min(len(times) - bisect_right(times, start), rate.ceiling)

    def count(self, rates: Sequence[RateClaim], *, now_ms: int) -> tuple[tuple[str, int], ...]:
        """Add one event to each distinct counter; return counters and times of what was added."""
        marks = {}
        for rate in rates:
            self._keep(rate.counter, rate.window_ms)
            if rate.counter not in marks:
                times = self._times.setdefault(rate.counter, [])
                # A clock that was set back must not put older times behind newer ones.
                times.append(max(now_ms, times[-1]) if times else now_ms)
                marks[rate.counter] = times[-1]
        return tuple(marks.items())

    def remove(self, counter: str, at_ms: int, *, now_ms: int) -> None:
        """Take out one event of that time, if there still is one."""
        self._forget(counter, now_ms)
        times = self._times.get(counter, [])
        if at_ms in times:
            times.remove(at_ms)

    def end_batch(self, *, now_ms: int) -> None:
        """Forget what is older than every window that was asked for in this batch."""
        for counter in list(self._keep_ms):
            self._forget(counter, now_ms)

    def _keep(self, counter: str, window_ms: int) -> None:
        self._keep_ms[counter] = max(self._keep_ms.get(counter, RATE_HISTORY_MS), window_ms)

    def _forget(self, counter: str, now_ms: int) -> None:
        keep_ms = self._keep_ms.pop(counter, None)
        if keep_ms is not None:
            times = self._times[counter]
            del times[: bisect_right(times, now_ms - keep_ms)]
