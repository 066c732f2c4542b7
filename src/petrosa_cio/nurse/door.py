"""The synchronous door: one intent in a request, its verdict in the reply.

The request takes the same way as an intent from the stream. The caller hears within the time
limit: the verdict, or ``RETRY_SAFE``, which promises that nothing was promoted and that the same
intent may be sent again. Once promotion has begun the caller gets the verdict, however long that
takes.
"""

import asyncio
from collections.abc import Callable
from datetime import datetime
from uuid import uuid4

import orjson
import structlog

from petrosa_cio.audit.record import Source
from petrosa_cio.nurse.arrival import Arrival, DoorCall
from petrosa_cio.nurse.gate import Gate

log = structlog.get_logger()

MAX_WAITING = 4_096
"""Callers that may wait at once; one more is told at once to try again."""

RETRY_SAFE = orjson.dumps(
    {
        "verdict": "RETRY_SAFE",
        "reasons": ["DEADLINE_EXCEEDED"],
        "detail": "nothing was promoted; the same intent may be sent again",
    }
)


class Door:
    """Takes requests, decides them in batches, and answers in time."""

    def __init__(
        self,
        gate: Gate,
        *,
        timeout_s: float,
        batch_max: int,
        clock: Callable[[], datetime],
    ) -> None:
        """Take the gate and how long a caller waits at most, in seconds."""
        self._gate = gate
        self._timeout_s = timeout_s
        self._batch_max = batch_max
        self._clock = clock
        self._waiting: asyncio.Queue[Arrival] = asyncio.Queue(MAX_WAITING)
        self._closed = False
        self._deciding: set[asyncio.Task[None]] = set()

    async def ask(self, subject: str, headers: dict[str, str], body: bytes) -> bytes:
        """Decide one intent and return the reply's JSON. Never raises."""
        call = DoorCall(asyncio.get_running_loop().create_future())
        source = Source(subject, headers, body, "", 0, 0, self._clock())
        try:
            if self._closed:
                return RETRY_SAFE
            self._waiting.put_nowait(Arrival(uuid4().hex, source, door=call))
        except asyncio.QueueFull:
            return RETRY_SAFE
        await asyncio.wait({call.answer}, timeout=self._timeout_s)
        if not call.answer.done() and not call.begun:
            call.abandoned = True
            return RETRY_SAFE
        return await self._answer(call)

    async def _answer(self, call: DoorCall) -> bytes:
        try:
            return (await call.answer).as_json()
        except asyncio.CancelledError:
            if call.answer.cancelled():  # the batch failed before anything was promoted
                return RETRY_SAFE
            raise

    async def serve(self, stop: asyncio.Event) -> None:
        """Decide what waits until told to stop, then finish what is begun."""
        while not stop.is_set():
            try:
                async with asyncio.timeout(0.1):
                    batch = [await self._waiting.get()]
            except TimeoutError:
                continue
            while len(batch) < self._batch_max and not self._waiting.empty():
                batch.append(self._waiting.get_nowait())
            await self._decide(batch)
        self._closed = True
        if self._deciding:
            await asyncio.wait(self._deciding)
        while not self._waiting.empty():
            _release(self._waiting.get_nowait())

    async def _decide(self, batch: list[Arrival]) -> None:
        """Decide a batch, and return once its signals are on their way or it has ended."""
        wanted, sent = (
            [one for one in batch if not (one.door and one.door.abandoned)],
            asyncio.Event(),
        )
        task = asyncio.create_task(self._process(wanted, sent))
        self._deciding.add(task)
        task.add_done_callback(self._deciding.discard)
        await sent.wait()

    async def _process(self, wanted: list[Arrival], sent: asyncio.Event) -> None:
        try:
            await self._gate.process(wanted, sent.set)
        finally:
            sent.set()
            for one in wanted:
                _release(one)


def _release(arrival: Arrival) -> None:
    """Let a caller go whose intent came to no verdict."""
    if arrival.door and not arrival.door.answer.done():
        arrival.door.answer.cancel()
