"""The drain: from the journal to the record, for good.

Everything here may be repeated: a trace has one identity and is stored once, whoever stores it. So
two drains at a time do no harm to what is stored, as long as each works in journal order; that
there is only one is a matter of not working twice. Whatever happens, an entry is acknowledged only
after all of its records are stored or kept aside: the record can lag behind, but not have a gap.
"""

import asyncio
from collections.abc import Awaitable, Callable, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Protocol, TypeVar

import structlog

from petrosa_cio.audit.patience import ConsumerPosition, heed_cancellation, left_behind, until_done
from petrosa_cio.audit.record import RecordKind
from petrosa_cio.audit.trace import (
    Document,
    aside,
    place_of,
    portions,
    read_entries,
    what_befell_approvals,
)
from petrosa_cio.errors import Unavailable
from petrosa_cio.ports import JournalEntry, JournalReader, TraceStore

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


class Archive(TraceStore, Protocol):
    """The record of verdicts, with all that the drain needs of it.

    ``store`` raises ValueError for documents that can never be stored as they are.
    """

    async def set_aside(self, lines: Sequence[Document]) -> None:
        """Keep lines that cannot be kept as traces, idempotently by ``_id``."""

    async def verdicts_of(self, decision_ids: Sequence[str]) -> Mapping[str, str]:
        """Return the stored verdicts of some decisions, by decision id."""

    async def sequence_at(self, moment: datetime) -> int:
        """Return the journal sequence of the newest trace journaled until then; 0 if none."""


class DrainTally(Protocol):
    """Counts what the drain does. None of these may raise or wait."""

    def drained(self, records: int, new: int, journaled_at: datetime) -> None:
        """Count records stored, those of them that were new, and when the newest was journaled."""

    def unreadable(self, records: int) -> None:
        """Count records kept aside."""

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

    async def run(self) -> None:
        """Drain and purge until cancelled. Whatever is away is waited for."""
        async with asyncio.TaskGroup() as both:
            both.create_task(self._drain())
            both.create_task(self._purge_now_and_then())

    async def _drain(self) -> None:
        entries = await self._patiently(lambda: left_behind(self._next_entries, self._position))
        while True:
            await self.keep(entries)
            entries = await self._patiently(self._next_entries)

    async def _next_entries(self) -> list[JournalEntry]:
        return await self._reader.next_entries(MAX_ENTRIES)

    async def keep(self, entries: Sequence[JournalEntry]) -> None:
        """Store the records of some entries and acknowledge them. Does not return before."""
        if not entries:
            return
        traces, unreadable = read_entries(entries)
        verdicts = [trace for trace in traces if trace["kind"] == RecordKind.VERDICT]
        later = [trace for trace in traces if trace["kind"] != RecordKind.VERDICT]
        new = await self._store(verdicts)
        new += await self._store(await self._worth_keeping(later))
        await self._set_aside(unreadable)
        self._tally.drained(len(traces), new, entries[-1].stored_at)
        await self._acknowledge(entries)

    async def _worth_keeping(self, later: Sequence[Document]) -> list[Document]:
        """Judge what came later by the verdicts, which were stored before it."""
        decided = [str(one["decision_id"]) for one in later if one["kind"] != RecordKind.CHANGE]
        verdicts: Mapping[str, str] = {}
        if decided:
            verdicts = await self._patiently(lambda: self._archive.verdicts_of(decided))
        return what_befell_approvals(later, verdicts)

    async def _store(self, traces: Sequence[Document]) -> int:
        new = 0
        for portion in portions(traces, max_traces=MAX_TRACES, max_bytes=MAX_BYTES):
            new += await self._store_portion(portion)
        return new

    async def _store_portion(self, portion: Sequence[Document]) -> int:
        """Store a portion; where it holds something that cannot be stored, store each alone."""
        try:
            return await self._patiently(lambda: self._archive.store(portion))
        except Exception as error:  # whatever it is, it must not stop the records behind it
            if len(portion) > 1:
                return sum([await self._store_portion([trace]) for trace in portion])
            line = str(portion[0]["record"]).encode()
            why = f"{type(error).__name__}: {error}"
            await self._set_aside([aside(line, why, place_of(portion[0]))])
            return 0

    async def _set_aside(self, lines: Sequence[Document]) -> None:
        for line in lines:
            log.error("record_kept_aside", line=line["_id"], error=line["error"])
        if lines:
            await self._patiently(lambda: self._archive.set_aside(lines))
            self._tally.unreadable(len(lines))

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
