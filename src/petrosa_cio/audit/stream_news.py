"""What is new in a stream since it was last read, also where the stream itself went back.

A server that leaves syncing to its system may lose its newest messages with the power, and then
counts on from before: a sequence that was read means another message now. So the last message that
was read is looked at again, and where it is not the same, what is younger than it is news.
"""

from collections.abc import AsyncGenerator, Sequence
from contextlib import aclosing
from datetime import datetime
from itertools import pairwise
from typing import Protocol

import structlog

from petrosa_cio.audit.books import Progress, StreamName
from petrosa_cio.audit.findings import Finding, FindingKind
from petrosa_cio.audit.sources import StreamReading
from petrosa_cio.ports import Stored, StreamEnds

log = structlog.get_logger()


class _WentBack(Exception):
    """Internal to this module: the stream does not have the message that was read last."""


class NamedStream(Protocol):
    """A stream, and how it is read."""

    @property
    def name(self) -> StreamName:
        """What it is called here."""

    @property
    def reading(self) -> StreamReading:
        """Where its messages come from."""

    @property
    def limit(self) -> int:
        """Most messages that are read together."""


async def news(
    stream: NamedStream, known: Progress, ends: StreamEnds
) -> AsyncGenerator[list[Stored]]:
    """Iterate over what is new in a stream, in order.

    Args:
        stream: The stream.
        known: How far it was read, of the stream that is there now.
        ends: Where it begins and ends. What came later may be among the news.
    """
    try:
        if ends.last < known.sequence:
            raise _WentBack
        async with aclosing(_behind(stream, known)) as batches:
            async for batch in batches:
                yield batch
    except _WentBack:
        log.warning("stream_went_back", stream=stream.name, was=known.sequence, last=ends.last)
        async with aclosing(stream.reading.batches(0, limit=stream.limit)) as batches:
            async for batch in batches:
                young = [one for one in batch if in_us(one.stored_at) > known.at_us]
                if young:
                    yield young


async def _behind(stream: NamedStream, known: Progress) -> AsyncGenerator[list[Stored]]:
    after = max(known.sequence - 1, 0)
    async with aclosing(stream.reading.batches(after, limit=stream.limit)) as batches:
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


def not_checked(known: Progress, name: StreamName, at: datetime, **detail: str | int) -> Finding:
    """Return the finding that something of a stream could not be compared."""
    about = f"{name}:{known.created_ns}:{known.sequence}:{known.at_us}"
    return Finding(FindingKind.NOT_CHECKED, about, at, {"stream": str(name), **detail})


def in_us(instant: datetime) -> int:
    """Return an instant in whole microseconds since 1970, which is all that it has."""
    return int(instant.timestamp()) * 1_000_000 + instant.microsecond
