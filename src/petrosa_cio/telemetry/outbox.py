"""Hands traces to their exporter from a thread of its own, and drops what it cannot take in time.

The event loop only ever appends to a bounded queue. A collector that is away or slow fills the
queue; then new traces are dropped and counted, and nothing waits.
"""

import threading
from collections import deque
from collections.abc import Callable, Sequence

import structlog

from petrosa_cio.telemetry.metrics import TRACES_DROPPED, TRACES_SENT
from petrosa_cio.telemetry.traces import IntentTrace

log = structlog.get_logger()

ROOM = 4_096
"""Traces that wait at most."""

PORTION = 16
"""Traces that are exported together: few, so that the work holds the interpreter only briefly."""

LOOK_EVERY_S = 0.25
"""Pause between two looks at the queue. Nobody wakes the thread: a wake-up would cost the loop."""


class Outbox:
    """A bounded queue of traces with a thread that empties it.

    Args:
        export: Sends a portion and tells whether it arrived; it may take its time.
        ratio: The share of intents to trace where the caller did not choose: 0 to 1.
        room: Traces that wait at most.
    """

    def __init__(
        self, export: Callable[[Sequence[IntentTrace]], bool], *, ratio: float, room: int = ROOM
    ) -> None:
        self.ratio = ratio
        self._export = export
        self._room = room
        self._waiting: deque[IntentTrace] = deque()
        self._closing = threading.Event()
        self._given_up = False
        self._thread = threading.Thread(target=self._work, name="traces", daemon=True)
        self._thread.start()

    def put(self, traces: Sequence[IntentTrace]) -> None:
        """Take traces, or drop those for which there is no room."""
        taken = traces[: max(0, self._room - len(self._waiting))]
        self._waiting.extend(taken)
        if len(taken) < len(traces):
            TRACES_DROPPED.inc(len(traces) - len(taken))

    def close(self, *, timeout_s: float) -> None:
        """Export what waits, for so many seconds at most; drop the rest."""
        self._closing.set()
        self._thread.join(timeout_s)
        self._given_up = True
        TRACES_DROPPED.inc(len(self._waiting))

    def _work(self) -> None:
        while not self._closing.wait(LOOK_EVERY_S):
            self._empty()
        self._empty()

    def _empty(self) -> None:
        while self._waiting and not self._given_up:
            portion = [self._waiting.popleft() for _ in range(min(PORTION, len(self._waiting)))]
            counter = TRACES_SENT if self._arrived(portion) else TRACES_DROPPED
            counter.inc(len(portion))

    def _arrived(self, portion: Sequence[IntentTrace]) -> bool:
        try:
            return self._export(portion)
        except Exception:  # whatever it is, the next portion has its chance
            log.exception("traces_not_exported", traces=len(portion))
            return False
