"""The loops that bring batches to the gate, and end well when told to stop."""

import asyncio
from collections.abc import Coroutine, Sequence
from typing import Any, TypeVar

import structlog

from petrosa_cio.errors import Unavailable
from petrosa_cio.nurse.arrival import from_delivery
from petrosa_cio.nurse.gate import Gate
from petrosa_cio.ports import Delivery, Intake

log = structlog.get_logger()

Result = TypeVar("Result")


async def serve_stream(
    gate: Gate, intake: Intake, stop: asyncio.Event, *, fund: str, batch_max: int, in_flight: int
) -> None:
    """Process the stream of intents until told to stop, then finish what is begun.

    Batches are taken in stream order, up to ``in_flight`` on their way to their signals at a time,
    so that one can be read while another waits for the journal. On the way out nothing more is
    pulled; what was pulled and not begun is given back for another replica.
    """
    slots = asyncio.Semaphore(in_flight)
    stopping = asyncio.ensure_future(stop.wait())
    try:
        async with asyncio.TaskGroup() as work:
            while not stop.is_set():
                batch = await _unless(stopping, intake.next_batch(batch_max)) or []
                if not batch or not await _unless(stopping, slots.acquire()):
                    await _give_back(intake, batch)
                    continue
                arrivals = [from_delivery(one, fund=fund) for one in batch]
                slot = _Slot(slots)
                task = work.create_task(gate.process(arrivals, slot.leave))
                task.add_done_callback(slot.leave)
            await _give_back(intake, intake.take_waiting())
    finally:
        stopping.cancel()


class _Slot:
    """One of the places on the way, left once: with the signals, or at the end without any."""

    def __init__(self, slots: asyncio.Semaphore) -> None:
        self._slots: asyncio.Semaphore | None = slots

    def leave(self, _done: object = None) -> None:
        slots, self._slots = self._slots, None
        if slots is not None:
            slots.release()


async def _unless(
    stopping: asyncio.Future[Any], work: Coroutine[object, object, Result]
) -> Result | None:
    """Wait for a result or for the word to stop, whichever comes first; None for the latter."""
    working = asyncio.ensure_future(work)
    await asyncio.wait({working, stopping}, return_when=asyncio.FIRST_COMPLETED)
    if working.done():
        return working.result()
    working.cancel()
    await asyncio.wait({working})
    return None if working.cancelled() else working.result()


async def _give_back(intake: Intake, waiting: Sequence[Delivery]) -> None:
    if not waiting:
        return
    try:
        await intake.give_back(waiting, delay_s=0)
    except Unavailable:
        log.warning("not_given_back", intents=len(waiting))
