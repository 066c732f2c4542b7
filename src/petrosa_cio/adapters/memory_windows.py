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
        """Return the entry in the current bucket, else the one in the bucket before, or None."""
        found = self.get(key, at_ms=now_ms, now_ms=now_ms)
        if found is not None:
            return found
        return self.get(key, at_ms=now_ms - self._bucket_ms, now_ms=now_ms)

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
    """Times of counted events by counter, oldest first."""

    def __init__(self) -> None:
        self._times: dict[str, list[int]] = {}

    def within(self, rate: RateClaim, *, now_ms: int) -> int:
        """Return how many events are in the rate's window, at most its ceiling."""
        times = self._times.get(rate.counter, [])
        return min(len(times) - bisect_right(times, now_ms - rate.window_ms), rate.ceiling)

    def count(self, rates: Sequence[RateClaim], *, now_ms: int) -> None:
        """Add one event to each distinct counter and forget those that no window needs."""
        for counter in dict.fromkeys(rate.counter for rate in rates):
            windows = [rate.window_ms for rate in rates if rate.counter == counter]
            times = self._times.setdefault(counter, [])
            # A clock that was set back must not put older times behind newer ones.
            times.append(max(now_ms, times[-1]) if times else now_ms)
            del times[: bisect_right(times, now_ms - max(RATE_HISTORY_MS, *windows))]
