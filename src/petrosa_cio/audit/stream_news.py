"""What is new in a stream since it was last read, also where the stream itself went back.

A server that leaves syncing to its system may lose its newest messages with the power, and then
counts on from before: a sequence that was read means another message now. So the last message that
was read is looked at again, and where it is not the same, what is younger than it is news.
"""

from collections.abc import AsyncGenerator, Sequence
from contextlib import aclosing
from datetime import datetime
from itertools import pairwise

import structlog

from petrosa_cio.audit.books import Progress
from petrosa_cio.audit.sources import StreamReading
from petrosa_cio.ports import Stored, StreamEnds

log = structlog.get_logger()


class _WentBack(Exception):
    """Internal to this module: the stream does not have the message that was read last."""


async def news(
    reading: StreamReading, known: Progress, ends: StreamEnds, *, limit: int
) -> AsyncGenerator[list[Stored]]:
    """Iterate over what is new in a stream, in order, up to ``limit`` at a time.

    Args:
        reading: The stream.
        known: How far it was read, of the stream that is there now.
        ends: Where it begins and ends. What came later may be among the news.
        limit: Most messages at a time.
    """
    try:
        if ends.last < known.sequence:
            raise _WentBack
        async with aclosing(_behind(reading, known, limit)) as batches:
            async for batch in batches:
                yield batch
    except _WentBack:
        log.warning("stream_went_back", was=known.sequence, last=ends.last)
        async with aclosing(reading.batches(0, limit=limit)) as batches:
            async for batch in batches:
                young = [one for one in batch if in_us(one.stored_at) > known.at_us]
                if young:
                    yield young


async def _behind(
    reading: StreamReading, known: Progress, limit: int
) -> AsyncGenerator[list[Stored]]:
    async with aclosing(reading.batches(max(known.sequence - 1, 0), limit=limit)) as batches:
        async for batch in batches:
            if batch[0].sequence != known.sequence:
                yield batch
            elif in_us(batch[0].stored_at) != known.at_us:
                raise _WentBack
            elif batch[1:]:
                yield batch[1:]


def gone_before(previous: int, messages: Sequence[Stored]) -> int:
    """Return how many messages are missing before and among some that were read in order.

    Args:
        previous: Sequence of the message before; 0 where none was read.
        messages: At least one.
    """
    first = messages[0].sequence
    before = first - 1 - previous if 0 < previous < first else 0
    return before + sum(two.sequence - one.sequence - 1 for one, two in pairwise(messages))


def in_us(instant: datetime) -> int:
    """Return an instant in whole microseconds since 1970, which is all that it has."""
    return int(instant.timestamp()) * 1_000_000 + instant.microsecond
