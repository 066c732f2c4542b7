"""Work that is done again and again, until the process is told to stop."""

import asyncio
from collections.abc import Awaitable, Callable, Coroutine

import structlog

from petrosa_cio.audit.patience import heed_cancellation
from petrosa_cio.errors import Unavailable

log = structlog.get_logger()


async def every(
    interval_s: float,
    work: Callable[[], Awaitable[None]],
    stop: asyncio.Event,
    *,
    wake: asyncio.Event | None = None,
) -> None:
    """Do a piece of work at once, and then after every interval.

    A failure is logged, and the work tried again at its next time.

    Args:
        interval_s: Seconds between the end of one piece and the next.
        work: The work.
        stop: Ends it.
        wake: When set, the next piece is done at once.
    """
    pause = wake or stop
    while not stop.is_set():
        if wake is not None:
            wake.clear()
        try:
            await work()
        except Unavailable as away:
            log.warning("not_done", work=work.__qualname__, detail=str(away))
        except Exception:
            log.exception("work_failed", work=work.__qualname__)
        heed_cancellation()
        try:
            async with asyncio.timeout(interval_s):
                await pause.wait()
        except TimeoutError:
            continue


async def until_stopped(work: Coroutine[object, object, None], stop: asyncio.Event) -> None:
    """Do some work until it ends or the process is told to stop; raises what the work raised."""
    working, stopping = asyncio.ensure_future(work), asyncio.ensure_future(stop.wait())
    try:
        await asyncio.wait({working, stopping}, return_when=asyncio.FIRST_COMPLETED)
    finally:
        for task in (working, stopping):
            task.cancel()
        await asyncio.wait({working, stopping})
    if not working.cancelled():
        working.result()
