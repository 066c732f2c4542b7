"""The loops that bring batches to the gate, and end well when told to stop."""

import asyncio
from collections.abc import Sequence

import structlog

from petrosa_cio.errors import Unavailable
from petrosa_cio.nurse.arrival import from_delivery
from petrosa_cio.nurse.gate import Gate
from petrosa_cio.ports import Delivery, Intake

log = structlog.get_logger()


async def serve_stream(
    gate: Gate, intake: Intake, stop: asyncio.Event, *, fund: str, batch_max: int, in_flight: int
) -> None:
    """Process the stream of intents until told to stop, then finish what is begun.

    Batches are taken in stream order, up to ``in_flight`` at a time, so that one can be read while
    another waits for the journal. On the way out nothing more is pulled; what was pulled and not
    begun is given back for another replica.
    """
    slots = asyncio.Semaphore(in_flight)
    async with asyncio.TaskGroup() as work:
        while not stop.is_set():
            batch = await _next_batch(intake, stop, batch_max)
            if not batch:
                continue
            await slots.acquire()
            arrivals = [from_delivery(one, fund=fund) for one in batch]
            task = work.create_task(gate.process(arrivals))
            task.add_done_callback(lambda _: slots.release())
        await _give_back_waiting(intake)


async def _next_batch(intake: Intake, stop: asyncio.Event, limit: int) -> Sequence[Delivery]:
    """Wait for a batch or for the word to stop, whichever comes first."""
    pulling = asyncio.ensure_future(intake.next_batch(limit))
    stopping = asyncio.ensure_future(stop.wait())
    await asyncio.wait({pulling, stopping}, return_when=asyncio.FIRST_COMPLETED)
    stopping.cancel()
    if pulling.done():
        return pulling.result()
    pulling.cancel()
    await asyncio.wait({pulling})
    return () if pulling.cancelled() else pulling.result()


async def _give_back_waiting(intake: Intake) -> None:
    waiting = intake.take_waiting()
    if not waiting:
        return
    try:
        await intake.give_back(waiting, delay_s=0)
    except Unavailable:
        log.warning("not_given_back", intents=len(waiting))
