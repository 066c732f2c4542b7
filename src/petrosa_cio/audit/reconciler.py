"""The reconciler: is the record complete? It compares streams and record, round after round.

It reads three streams from where it stopped, each up to where it ended when the round began: what
was journaled, what the order engine reported, and which intents were captured. They are compared
with the record once the drain has stored everything that was journaled until then, so that a record
that lags is not taken for one with gaps. Where it stopped is saved together with what it waits for,
after its findings are kept; a finding is kept once, so a round may be repeated by anybody.

It only looks: nothing waits for it, and no decision depends on it.
"""

import asyncio
from collections import Counter
from collections.abc import Awaitable, Callable, Mapping, Sequence
from contextlib import aclosing
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Protocol

import structlog

from petrosa_cio.audit.alerting import Findings
from petrosa_cio.audit.books import Books, Progress, StreamName, read_books
from petrosa_cio.audit.findings import (
    Finding,
    FindingKind,
)
from petrosa_cio.audit.patience import heed_cancellation, until_done
from petrosa_cio.audit.reckoning import (
    due_doubts,
    judge_doubts,
    reckon_executions,
    reckon_journal,
    silent,
    told_again,
    verdicts_that_came,
    without_verdict,
)
from petrosa_cio.audit.sources import DrainPosition, KeptRecords, StreamReading, stored_until
from petrosa_cio.audit.told import Told, read_told
from petrosa_cio.errors import Unavailable
from petrosa_cio.ports import Kept, Stored, StreamEnds
from petrosa_cio.risk.execution import ExecutionEvent, UnreadableExecution
from petrosa_cio.risk.identity import decision_id

log = structlog.get_logger()

ROUND_EVERY_S = 5.0
MAX_ENTRIES = 16
"""Journal entries read together; each is at most a megabyte."""

MAX_MESSAGES = 500
"""Intents or reports read together."""

JUDGED = timedelta(hours=24)
"""A report older than that is not asked whether it was approved; streams may be older than the
record."""


class BooksStore(Protocol):
    """Where the books are kept between rounds. Raises Unavailable."""

    async def load(self) -> tuple[int, Mapping[str, bytes]]:
        """Return a version and every entry by name."""

    async def save(self, version: int, changes: Mapping[str, bytes | None]) -> bool:
        """Store entries in one step if the version is the same; return whether it was."""


class CompletenessTally(Protocol):
    """Is told how it goes. None of these may raise or wait."""

    def reconciled(self, books: Books) -> None:
        """Show where the reconciler is."""

    def unavailable(self, dependency: str) -> None:
        """Count a dependency that was away."""


@dataclass(frozen=True, slots=True)
class Patience:
    """How long things may take.

    Attributes:
        settle_s: Age at which a captured intent must have its verdict.
        acknowledge_s: Time in which the order engine must say something of an approval.
    """

    settle_s: float
    acknowledge_s: float


@dataclass(frozen=True, slots=True)
class Sources:
    """What is compared, for one fund.

    ``intents_stream`` is the name of the intents' stream, a part of every decision's identity;
    ``read`` understands one report of the order engine, and never raises.
    """

    fund: str
    intents: StreamReading
    intents_stream: str
    journal: StreamReading
    executions: StreamReading
    drain: DrainPosition
    record: KeptRecords
    read: Callable[[bytes], ExecutionEvent | UnreadableExecution]


class Reconciler:
    """Compares what was captured, decided, sent and executed.

    Args:
        sources: What is compared.
        books: Where it keeps how far it is.
        findings: Where findings go.
        patience: How long things may take.
        tally: What is told how it goes.
        clock: The time, aware UTC.
    """

    def __init__(
        self,
        sources: Sources,
        books: BooksStore,
        findings: Findings,
        *,
        patience: Patience,
        tally: CompletenessTally,
        clock: Callable[[], datetime],
    ) -> None:
        self._from = sources
        self._store = books
        self._findings = findings
        self._patience = patience
        self._tally = tally
        self._clock = clock
        self._books: Books | None = None
        self._streams = {
            StreamName.JOURNAL: (sources.journal, MAX_ENTRIES),
            StreamName.EXECUTIONS: (sources.executions, MAX_MESSAGES),
            StreamName.INTENTS: (sources.intents, MAX_MESSAGES),
        }

    async def run(self) -> None:
        """Compare until cancelled. Whatever is away is waited for."""
        while True:
            try:
                await until_done(self.round, on_unavailable=self._tally.unavailable)
            except Exception:  # it only watches, and must not end the role whose work it shares
                log.exception("not_reconciled")
            heed_cancellation()
            await asyncio.sleep(ROUND_EVERY_S)

    async def round(self) -> None:
        """Compare everything up to this moment. Raises Unavailable; then it is to be repeated."""
        books, self._books = self._books or await self._loaded(), None  # after a failure: load anew
        began_at = self._clock()
        # In this order: an approval is journaled before it is executed, so whatever was reported
        # until here has its verdict in what was journaled until then.
        reported = await self._from.executions.ends()
        journaled = await self._from.journal.ends()
        captured = await self._from.intents.ends()
        await stored_until(self._from.drain, journaled.last)
        await self._read(StreamName.JOURNAL, books, journaled, self._compare_journal)
        await self._read(StreamName.EXECUTIONS, books, reported, self._compare_reports)
        settled = began_at - self._settling
        await self._read(StreamName.INTENTS, books, captured, self._compare_intents, settled)
        await self._judge_what_is_due(books, began_at)
        books.checked_until, books.checked_at = settled, began_at
        await self._save(books)
        self._tally.reconciled(books)
        self._books = books

    @property
    def _settling(self) -> timedelta:
        return timedelta(seconds=self._patience.settle_s)

    async def _loaded(self) -> Books:
        return read_books(*await self._store.load()) or await self._new_books()

    async def _new_books(self) -> Books:
        version, _ = await self._store.load()
        return Books(self._clock(), version=version)

    async def _save(self, books: Books) -> None:
        if not await self._store.save(books.version, books.take_changes()):
            raise Unavailable("reconciliation", "another reconciler was quicker")
        books.version += 1

    async def _begin(self, books: Books, name: StreamName, ends: StreamEnds) -> int:
        """Return behind which sequence to read; find it out where messages are gone unread."""
        known = books.progress.get(name)
        if known is None or known.created_ns != ends.created_ns:
            books.progress[name] = Progress(ends.created_ns, 0)
            return 0
        gone = ends.first - 1 - known.sequence
        if gone > 0:
            about = f"{name}:{ends.created_ns}:{known.sequence}"
            detail: dict[str, str | int] = {"stream": name, "messages": gone}
            lost = Finding(FindingKind.NOT_CHECKED, about, self._clock(), detail)
            await self._findings.keep([lost])
        return known.sequence

    async def _read(
        self,
        name: StreamName,
        books: Books,
        ends: StreamEnds,
        compare: Callable[[Books, Sequence[Stored]], Awaitable[None]],
        until: datetime | None = None,
    ) -> None:
        """Read a stream on to its end, or to a moment, and save how far it was compared."""
        after = await self._begin(books, name, ends)
        if after >= ends.last:
            return
        stream, limit = self._streams[name]
        async with aclosing(stream.batches(after, limit=limit)) as batches:
            async for batch in batches:
                read = [one for one in batch if _is_due(one, ends.last, until)]
                if read:
                    await compare(books, read)
                    books.progress[name] = Progress(ends.created_ns, read[-1].sequence)
                    await self._save(books)
                if len(read) < len(batch):
                    return

    async def _compare_journal(self, books: Books, entries: Sequence[Stored]) -> None:
        told = list(read_told(entries))
        kept = await self._kept([one.decision_id for one in told])
        first = await self._first_told(told_again(told, kept))
        await self._findings.keep(reckon_journal(told, kept, first, books))
        await self._findings.end(verdicts_that_came(told))

    async def _first_told(self, decision_ids: Sequence[str]) -> Mapping[str, Told]:
        if not decision_ids:
            return {}
        records = await self._from.record.records_of(decision_ids)
        lines = [Stored(0, self._clock(), "", text.encode()) for text in records.values()]
        return {one.decision_id: one for one in read_told(lines)}

    async def _compare_reports(self, books: Books, reports: Sequence[Stored]) -> None:
        read = [(one, self._from.read(one.body)) for one in reports]
        events = [
            (one, event)
            for one, event in read
            if isinstance(event, ExecutionEvent) and event.decision_id
        ]
        told = Counter(event.decision_id for _, event in events)
        # The first report of an order ends the wait for it, and more of them may follow at once.
        asked = [one for one, times in told.items() if times > 1 or one not in books.awaited]
        kept = await self._kept(asked)
        findings, over = reckon_executions(events, kept, books, judged_since=self._clock() - JUDGED)
        await self._findings.keep(findings)
        await self._findings.end(over)

    async def _compare_intents(self, books: Books, intents: Sequence[Stored]) -> None:
        created_ns = books.progress[StreamName.INTENTS].created_ns
        by_decision = {self._decision_of(one, created_ns): one for one in intents}
        kept = await self._kept(list(by_decision))
        await self._findings.keep(without_verdict(by_decision, kept, books))

    def _decision_of(self, intent: Stored, created_ns: int) -> str:
        place = (created_ns, intent.sequence, intent.stored_at)
        return decision_id(self._from.fund, self._from.intents_stream, *place)

    async def _judge_what_is_due(self, books: Books, began_at: datetime) -> None:
        patience = timedelta(seconds=self._patience.acknowledge_s)
        findings = silent(books, before=began_at - patience)
        doubts = due_doubts(books, before=began_at - self._settling)
        findings += judge_doubts(doubts, await self._kept(doubts), books)
        await self._findings.keep(findings)

    async def _kept(self, decision_ids: Sequence[str]) -> Mapping[str, Kept]:
        return await self._from.record.kept(decision_ids) if decision_ids else {}


def _is_due(one: Stored, last: int, until: datetime | None) -> bool:
    return one.sequence <= last and (until is None or one.stored_at <= until)
