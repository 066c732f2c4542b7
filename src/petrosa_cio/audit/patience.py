"""Trying again for ever, and taking over from a process that ended in the middle of its work."""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from typing import Protocol, TypeVar

import structlog

from petrosa_cio.errors import Unavailable

log = structlog.get_logger()

T = TypeVar("T")

FIRST_PAUSE_S = 0.1
LONGEST_PAUSE_S = 5.0
LOOK_AGAIN_S = 1.0


class ConsumerPosition(Protocol):
    """How far a durable consumer has come."""

    async def acknowledged_until(self) -> int:
        """Return the stream sequence up to which everything is acknowledged. Raises Unavailable."""

    async def outstanding(self) -> int:
        """Return how many deliveries are not acknowledged, by anybody. Raises Unavailable."""


class Placed(Protocol):
    """Something that stands in a stream."""

    @property
    def sequence(self) -> int:
        """Its number in the stream."""


Entry = TypeVar("Entry", bound=Placed)


def heed_cancellation() -> None:
    """Raise CancelledError if this task was told to end and a driver swallowed that.

    On Python 3.11 `asyncio.wait_for` does so when its work is done in the same instant, and drivers
    use it: without a second look a loop would never end.
    """
    task = asyncio.current_task()
    if task is not None and task.cancelling():
        raise asyncio.CancelledError


async def until_done(
    work: Callable[[], Awaitable[T]], *, on_unavailable: Callable[[str], None]
) -> T:
    """Do some work again and again, with longer and longer pauses, until nothing is away.

    Args:
        work: What is to be done; harmless when repeated.
        on_unavailable: Told the dependency each time one is away.
    """
    pause_s = FIRST_PAUSE_S
    while True:
        try:
            result = await work()
        except Unavailable as away:
            log.warning("dependency_away", dependency=away.dependency, detail=away.detail)
            on_unavailable(away.dependency)
        else:
            heed_cancellation()
            return result
        heed_cancellation()
        await asyncio.sleep(pause_s)
        pause_s = min(2 * pause_s, LONGEST_PAUSE_S)


async def left_behind(
    next_batch: Callable[[], Awaitable[Sequence[Entry]]],
    position: ConsumerPosition,
    held: dict[int, Entry] | None = None,
) -> list[Entry]:
    """Return, in stream order, what a predecessor took and did not finish, and what came with it.

    A stream hands out new messages at once and those of a dead process only after a while, so order
    would be lost whenever one process follows another. Here nothing is returned until everything
    unacknowledged is in our own hands. The consumer's bound on unacknowledged messages bounds it.

    Args:
        next_batch: Takes what is there.
        position: How far the consumer has come.
        held: What is in our hands already, by sequence; what is taken is added, so that it is still
            there when this is tried again.
    """
    held = {} if held is None else held
    while len(held) < await position.outstanding():
        heed_cancellation()
        try:
            async with asyncio.timeout(LOOK_AGAIN_S):
                held |= {one.sequence: one for one in await next_batch()}
        except TimeoutError:
            continue
    return [held[sequence] for sequence in sorted(held)]
