"""The counters of every process, and of telemetry itself. Label values come from closed lists."""

import platform
import time
from bisect import bisect_left
from collections import Counter as Tallied
from collections.abc import Iterable

from prometheus_client import Counter, Gauge, Histogram

BUILD = Gauge(
    "cio_build_info", "Which version runs, by role; always 1.", ["role", "version", "python"],
    multiprocess_mode="mostrecent",
)  # fmt: skip
STARTED = Gauge(
    "cio_started_timestamp_seconds", "When the role's process started, epoch seconds.", ["role"],
    multiprocess_mode="mostrecent",
)  # fmt: skip
TRACES_SENT = Counter("cio_traces_sent_total", "Traces of intents that the collector took.")
TRACES_DROPPED = Counter(
    "cio_traces_dropped_total", "Traces of intents dropped, as the collector is away or slow."
)
COMPLAINTS = Counter(
    "cio_telemetry_complaints_total", "Warnings and errors of the telemetry libraries."
)


class BatchHistogram(Histogram):
    """A histogram that takes the observations of a whole batch with a few writes."""

    def observe_all(self, amounts: Iterable[float]) -> None:
        """Observe every amount; the same as observing each, only cheaper."""
        seen = Tallied(amounts)
        in_bucket = Tallied[int]()
        for amount, times in seen.items():
            in_bucket[bisect_left(self._upper_bounds, amount)] += times
        for bucket, times in in_bucket.items():
            self._buckets[bucket].inc(times)
        self._sum.inc(sum(amount * times for amount, times in seen.items()))


def note_start(role: str, version: str) -> None:
    """Say which version of a role starts in this process, and when."""
    BUILD.labels(role, version, platform.python_version()).set(1)
    STARTED.labels(role).set(time.time())
