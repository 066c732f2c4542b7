"""A stream that is compared: it is read on from where that stopped, and what is missing is told."""

import math
from collections.abc import Awaitable, Callable, Sequence
from contextlib import aclosing
from dataclasses import dataclass
from datetime import datetime

from petrosa_cio.audit.books import Books, Progress, StreamName
from petrosa_cio.audit.findings import Finding, FindingKind
from petrosa_cio.audit.sources import StreamReading
from petrosa_cio.audit.stream_news import gone_before, in_us, news
from petrosa_cio.ports import Stored, StreamEnds


@dataclass(frozen=True, slots=True)
class Reach:
    """How far a stream is to be read.

    Attributes:
        ends: Where it begins and ends.
        last: Sequence up to which.
        until: Up to when; None for no such bound.
        most: How many things are compared before the rest is left for later.
    """

    ends: StreamEnds
    last: int
    until: datetime | None = None
    most: float = math.inf

    def covers(self, one: Stored) -> bool:
        """Return whether a message is to be read."""
        return one.sequence <= self.last and (self.until is None or one.stored_at <= self.until)


@dataclass(frozen=True, slots=True)
class Part:
    """What was read.

    Attributes:
        at: When the last message was stored; None where nothing was read.
        is_all: Whether nothing is left to be read.
    """

    at: datetime | None
    is_all: bool


class ComparedStream:
    """Reads one stream on and on.

    Args:
        name: What it is called.
        reading: Where its messages come from.
        limit: Most messages that are compared together.
        keep: Keeps findings.
        save: Saves the books.
        clock: The time, aware UTC.
    """

    def __init__(
        self,
        name: StreamName,
        reading: StreamReading,
        limit: int,
        *,
        keep: Callable[[Sequence[Finding]], Awaitable[None]],
        save: Callable[[Books], Awaitable[None]],
        clock: Callable[[], datetime],
    ) -> None:
        self._name = name
        self._reading = reading
        self._limit = limit
        self._keep = keep
        self._save = save
        self._clock = clock

    async def read_on(
        self,
        books: Books,
        reach: Reach,
        compare: Callable[[Books, Sequence[Stored]], Awaitable[int]],
    ) -> Part:
        """Read on as far as it is to be read, and save how far it was compared.

        Args:
            books: Changed in place.
            reach: How far to read.
            compare: Compares some messages, and returns how many things these were.

        Raises:
            Unavailable: Something is away; what is saved is compared.
        """
        ends = reach.ends
        known, number, at = await self._begin(books, ends), 0, None
        if reach.last <= known.sequence <= ends.last:
            return Part(None, is_all=reach.last == ends.last)
        async with aclosing(news(self._reading, known, ends, limit=self._limit)) as batches:
            async for batch in batches:
                read = [one for one in batch if reach.covers(one)]
                if read:
                    await self._tell_gone(known, gone_before(known.sequence, read))
                    number += await compare(books, read)
                    at = read[-1].stored_at
                    known = Progress(ends.created_ns, read[-1].sequence, in_us(at))
                    books.progress[self._name] = known
                    await self._save(books)
                if len(read) < len(batch) or number >= reach.most:
                    return Part(at, is_all=known.sequence >= ends.last)
        if ends.first > ends.last:  # nothing is left to be read, whatever was there
            await self._tell_gone(known, ends.last - known.sequence if known.sequence else 0)
            books.progress[self._name] = Progress(ends.created_ns, ends.last)
        return Part(at, is_all=True)

    async def _begin(self, books: Books, ends: StreamEnds) -> Progress:
        """Return how far the stream is read; of one that was made anew nothing is."""
        known = books.progress.get(self._name)
        if known is not None and known.created_ns == ends.created_ns:
            return known
        if known is not None:
            await self._tell(known, why="the stream was made anew")
        begun = books.progress[self._name] = Progress(ends.created_ns)
        return begun

    async def _tell_gone(self, known: Progress, number: int) -> None:
        if number > 0:
            await self._tell(known, messages=number)

    async def _tell(self, known: Progress, **detail: str | int) -> None:
        """Keep the finding that something could not be compared."""
        about = f"{self._name}:{known.created_ns}:{known.sequence}:{known.at_us}"
        told = {"stream": str(self._name), **detail}
        await self._keep([Finding(FindingKind.NOT_CHECKED, about, self._clock(), told)])
