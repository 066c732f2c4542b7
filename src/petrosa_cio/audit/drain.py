"""The drain: from the journal to the record, for good.

Everything here may be repeated: a trace has one identity and one place in the chain, and is stored
once, whoever stores it. The chain is only ever continued from its own end, one after the other, in
journal order; a store that finds the next place taken says so, and the end is read anew. So two
drains at a time can neither fork it nor leave a gap, and one that was killed is continued where it
stopped. Whatever happens, an entry is acknowledged only after all of its records are stored or set
aside: the record can lag behind, but not have a gap.
"""

import asyncio
from collections.abc import Awaitable, Callable, Collection, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Protocol, TypeVar

import structlog

from petrosa_cio.audit.chain import GENESIS, Document, NotChainable, chained, head_at
from petrosa_cio.audit.patience import ConsumerPosition, heed_cancellation, left_behind, until_done
from petrosa_cio.audit.trace import (
    after_approvals,
    aside,
    instead,
    place_of,
    portions,
    read_entries,
    what_befell_approvals,
)
from petrosa_cio.errors import Unavailable
from petrosa_cio.ports import Appended, Archive, Head, JournalEntry, JournalReader

log = structlog.get_logger()

T = TypeVar("T")

KEEP = timedelta(hours=24)
"""How long the journal keeps what is stored: a gate that recovers reads its last hours there."""

PURGE_EVERY_S = 60.0

MAX_ENTRIES = 32
"""Journal entries taken together; each is at most a megabyte."""

MAX_TRACES = 1_000
MAX_BYTES = 8_000_000

ACK_WAIT_S = 60.0
"""For the drain's consumer: longer than storing `MAX_ENTRIES` of the largest entries may take. When
MongoDB is away for longer, entries come again while they are still held here, which is harmless."""


class DrainTally(Protocol):
    """Counts what the drain does. None of these may raise or wait."""

    def drained(self, records: int, new: int, journaled_at: datetime) -> None:
        """Count records stored, those of them that were new, and when the newest was journaled."""

    def poisoned(self, records: int) -> None:
        """Count records set aside, as they cannot be stored."""

    def purged(self, before_sequence: int) -> None:
        """Note up to where the journal was emptied."""

    def unavailable(self, dependency: str) -> None:
        """Count a dependency that was away."""


def purge_before(kept_until: int, acknowledged_until: int) -> int:
    """Return the journal sequence below which entries are needed no more.

    Args:
        kept_until: Sequence of the newest trace that was journaled longer than `KEEP` ago.
        acknowledged_until: Sequence up to which everything is acknowledged. It matters when the
            journal was made anew: then it counts from one again, and the traces know larger ones.
    """
    return min(kept_until, acknowledged_until) + 1


def _follow(done_until: int, sequences: Collection[int]) -> bool:
    """Return whether nothing is missing between what is done and what comes."""
    coming = sorted(sequence for sequence in sequences if sequence > done_until)
    return coming == list(range(done_until + 1, done_until + 1 + len(coming)))


class Drain:
    """Stores what the gates journaled.

    Args:
        reader: The journal, by the drain's own durable consumer.
        position: How far that consumer has come.
        archive: Where traces go.
        tally: What is told how it goes.
        clock: The time, aware UTC.
    """

    def __init__(
        self,
        reader: JournalReader,
        position: ConsumerPosition,
        archive: Archive,
        *,
        tally: DrainTally,
        clock: Callable[[], datetime],
    ) -> None:
        self._reader = reader
        self._position = position
        self._archive = archive
        self._tally = tally
        self._clock = clock
        self._head: Head | None = None  # unknown
        self._at_once = MAX_TRACES
        self._done_until = 0
        self._held: dict[int, JournalEntry] = {}

    async def run(self) -> None:
        """Drain and purge until cancelled. Whatever is away is waited for."""
        async with asyncio.TaskGroup() as both:
            both.create_task(self._drain())
            both.create_task(self._purge_now_and_then())

    async def _drain(self) -> None:
        self._head, self._held, self._done_until = None, {}, 0
        entries = await self._patiently(self._all_left_behind)
        while True:
            self._held = {}
            await self.keep(entries)
            entries = await self._patiently(self._next_in_order)

    async def _next_in_order(self) -> list[JournalEntry]:
        """Return what comes next; where something seems to be missing before it, with all of it.

        Another drain may have it in hands, one that lost its lease and does not know it yet.
        """
        if not self._held:
            self._held = {one.sequence: one for one in await self._next_entries()}
        if _follow(self._done_until, self._held):
            return [self._held[sequence] for sequence in sorted(self._held)]
        return await self._all_left_behind()

    async def _all_left_behind(self) -> list[JournalEntry]:
        return await left_behind(self._next_entries, self._position, self._held)

    async def _next_entries(self) -> list[JournalEntry]:
        return await self._reader.next_entries(MAX_ENTRIES)

    async def keep(self, entries: Sequence[JournalEntry]) -> None:
        """Store the records of some entries and acknowledge them. Does not return before."""
        if not entries:
            return
        found = read_entries(entries)
        await self._set_aside(found.aside)
        traces = await self._worth_keeping(found.traces)
        new = 0
        for portion in portions(traces, max_traces=MAX_TRACES, max_bytes=MAX_BYTES):
            new += await self._store(portion)
        self._tally.drained(len(found.traces), new, entries[-1].stored_at)
        await self._acknowledge(entries)
        self._done_until = entries[-1].sequence

    async def _worth_keeping(self, traces: Sequence[Document]) -> list[Document]:
        decided = after_approvals(traces)
        verdicts: Mapping[str, str] = {}
        if decided:
            verdicts = await self._patiently(lambda: self._archive.verdicts_of(decided))
        return what_befell_approvals(traces, verdicts)

    async def _store(self, traces: Sequence[Document]) -> int:
        """Continue the chain with some traces and return how many were new."""
        new, waiting = 0, list(traces)
        while waiting:
            stored, waiting = await self._patiently(lambda: self._continue(waiting))  # noqa: B023
            new += stored
        return new

    async def _continue(self, waiting: list[Document]) -> tuple[int, list[Document]]:
        """Store as many as can be, in order; return how many, and what is still to be stored.

        Where something fails, the end of the chain is read anew before anything else is stored, and
        less is stored at once: a slow store that is asked for too much would never be done.
        """
        head, self._head = self._head, None
        head = head or await self._archive.head() or GENESIS
        at_once = self._at_once
        asked = waiting[:at_once]
        self._at_once = max(1, len(asked) // 2)
        added, head = await self._append(head, asked)
        left = waiting[added.stored :]
        if added.refused is not None:
            bad = added.refused - added.stored
            left[bad] = await self._poison(left[bad], added.why)
        elif added.stored < len(asked):
            known = await self._stored(asked[added.stored :])
            left = [one for one in left if one["_id"] not in known]
            if len(left) == len(waiting):
                raise Unavailable("mongo", "another drain continues the chain at this moment")
            return added.stored, left
        self._head = head
        self._at_once = min(2 * at_once, MAX_TRACES) if len(asked) == at_once else at_once
        return added.stored, left

    async def _append(self, head: Head, waiting: Sequence[Document]) -> tuple[Appended, Head]:
        try:
            linked = chained(head, waiting)
        except NotChainable as odd:
            return Appended(0, odd.index, str(odd)), head
        added = await self._archive.append(linked)
        return added, head_at(linked[added.stored - 1]) if added.stored else head

    async def _stored(self, traces: Sequence[Document]) -> Collection[str]:
        return await self._archive.stored([str(one["_id"]) for one in traces])

    async def _poison(self, trace: Document, why: str) -> Document:
        """Set a trace aside that cannot be stored; return what stands in its place."""
        if "record" not in trace:
            raise Unavailable("mongo", f"it refuses even what stands for a poisoned record: {why}")
        line, place = str(trace["record"]).encode(), place_of(trace)
        await self._set_aside([aside(line, why, place)])
        return instead(line, why, place, trace)

    async def _set_aside(self, lines: Sequence[Document]) -> None:
        if not lines:
            return
        for line in lines:
            log.error("record_poisoned", line=line["_id"], error=line["error"])
        self._tally.poisoned(await self._patiently(lambda: self._archive.set_aside(lines)))

    async def _acknowledge(self, entries: Sequence[JournalEntry]) -> None:
        try:
            await self._reader.acknowledge(entries)
        except Unavailable as away:  # they come again, and are found stored
            self._tally.unavailable(away.dependency)

    async def _purge_now_and_then(self) -> None:
        while True:
            try:
                await self.purge()
            except Unavailable as away:
                self._tally.unavailable(away.dependency)
            heed_cancellation()
            await asyncio.sleep(PURGE_EVERY_S)

    async def purge(self) -> None:
        """Drop from the journal what was stored longer than `KEEP` ago. Raises Unavailable."""
        kept_until = await self._archive.sequence_at(self._clock() - KEEP)
        before = purge_before(kept_until, await self._position.acknowledged_until())
        if before > 1:
            await self._reader.purge(before)
            self._tally.purged(before)

    async def _patiently(self, work: Callable[[], Awaitable[T]]) -> T:
        return await until_done(work, on_unavailable=self._tally.unavailable)
