"""The reconciler: is the record complete? It compares streams and record, round after round.

It reads three streams from where it stopped: what was journaled, what the order engine reported,
and which intents were captured. The journal is read as far as the drain has stored it, so that a
record that lags is not taken for one with gaps, and only so much in one round; where that is not
all, reports and intents are read up to the moment of the last entry, so that a round never holds
more than its part, however much there is to catch up with. Where it stopped is saved together with
what it waits for, after its findings are kept; a finding is kept once, so a round may be repeated
by anybody.

It only looks: nothing waits for it, and no decision depends on it.
"""

import asyncio
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Protocol

import structlog

from petrosa_cio.audit.alerting import Findings
from petrosa_cio.audit.books import Books, StreamName, read_books
from petrosa_cio.audit.compared_stream import ComparedStream, Reach
from petrosa_cio.audit.looking_back import reported_before
from petrosa_cio.audit.patience import heed_cancellation, until_done
from petrosa_cio.audit.reckoning import (
    due_doubts,
    judge_doubts,
    reckon_executions,
    reckon_journal,
    silent,
    spoken_of_perhaps,
    told_afterwards,
    told_again,
    verdicts_that_came,
    verdicts_that_were_there,
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

MAX_DECISIONS = 20_000
"""Decisions of the journal after which a round reads no more of it, and lets the rest follow."""

MAX_SILENT = 1_000
"""Approvals that are called silent together."""

JUDGED = timedelta(hours=24)
"""A report older than that is not asked whether it was approved; streams may be older than the
record."""

NEVER = datetime.max.replace(tzinfo=UTC)


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
    ``read`` understands one report of the order engine, and never raises. Where the fund's gates
    only observe, ``enforces`` is false: then others send signals, and it is not asked whether what
    the engine executes was approved.
    """

    fund: str
    intents: StreamReading
    intents_stream: str
    journal: StreamReading
    executions: StreamReading
    drain: DrainPosition
    record: KeptRecords
    read: Callable[[bytes], ExecutionEvent | UnreadableExecution]
    enforces: bool


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
        self._journal, self._reports, self._intents = (
            ComparedStream(name, reading, limit, keep=findings.keep, save=self._save, clock=clock)
            for name, reading, limit in (
                (StreamName.JOURNAL, sources.journal, MAX_ENTRIES),
                (StreamName.EXECUTIONS, sources.executions, MAX_MESSAGES),
                (StreamName.INTENTS, sources.intents, MAX_MESSAGES),
            )
        )

    async def run(self) -> None:
        """Compare until cancelled. Whatever is away is waited for."""
        while True:
            is_all = True
            try:
                is_all = await until_done(self.round, on_unavailable=self._tally.unavailable)
            except Exception:  # it only watches, and must not end the role whose work it shares
                log.exception("not_reconciled")
            heed_cancellation()
            await asyncio.sleep(ROUND_EVERY_S if is_all else 0)

    async def round(self) -> bool:
        """Compare up to this moment, or a part of that; return whether it was all.

        Raises Unavailable; then it is to be repeated.
        """
        books, self._books = self._books or await self._loaded(), None  # after a failure: load anew
        began_at = self._clock()
        # In this order: an approval is journaled before it is executed, so whatever was reported
        # until here has its verdict in what was journaled until then.
        reported = await self._from.executions.ends()
        journaled = await self._from.journal.ends()
        captured = await self._from.intents.ends()
        rest_since = await self._read_journal(books, journaled)
        until = rest_since or began_at
        reports = Reach(reported, reported.last, rest_since)
        await self._reports.read_on(books, reports, self._compare_reports)
        settled = until - self._settling
        intents = Reach(captured, captured.last, settled)
        await self._intents.read_on(books, intents, self._compare_intents)
        await self._judge_what_is_due(books, until)
        books.checked_until, books.checked_at = settled, until
        await self._save(books)
        self._tally.reconciled(books)
        self._books = books
        return rest_since is None

    async def _read_journal(self, books: Books, ends: StreamEnds) -> datetime | None:
        """Read the journal on; return the moment up to which it is read, None where it is all."""
        stored = await stored_until(self._from.drain, ends.last)
        reach = Reach(ends, last=min(stored, ends.last), most=MAX_DECISIONS)
        found = await self._journal.read_on(books, reach, self._compare_journal)
        if found.is_all:
            return None
        if found.at is None:
            raise Unavailable("drain", "the record lags behind the journal")
        return found.at

    @property
    def _settling(self) -> timedelta:
        return timedelta(seconds=self._patience.settle_s)

    @property
    def _acknowledging(self) -> timedelta:
        return timedelta(seconds=self._patience.acknowledge_s)

    async def _loaded(self) -> Books:
        return read_books(*await self._store.load()) or await self._new_books()

    async def _new_books(self) -> Books:
        version, _ = await self._store.load()
        return Books(self._clock(), version=version)

    async def _save(self, books: Books) -> None:
        if not await self._store.save(books.version, books.take_changes()):
            raise Unavailable("reconciliation", "another reconciler was quicker")
        books.version += 1

    async def _compare_journal(self, books: Books, entries: Sequence[Stored]) -> int:
        told = list(read_told(entries))
        kept = await self._kept([one.decision_id for one in told])
        await self._look_back(books, spoken_of_perhaps(told, kept, books))
        first = await self._first_told(told_again(told, kept))
        await self._findings.keep(reckon_journal(told, kept, first, books))
        compared = books.progress.get(StreamName.INTENTS)
        over = verdicts_that_came(told, compared, MAX_MESSAGES)
        await self._findings.end(over + told_afterwards(told, books))
        return len(told)

    async def _look_back(self, books: Books, decisions: Mapping[str, datetime]) -> None:
        """Remember which of these decisions the engine reported before others read that."""
        read = books.progress.get(StreamName.EXECUTIONS)
        if read is None or not decisions:
            return
        wanted, since = frozenset(decisions), min(decisions.values())
        reports = self._from.executions
        for one in await reported_before(
            reports, self._from.read, wanted, last=read.sequence, since=since
        ):
            books.spoken_of.add(one)

    async def _first_told(self, decision_ids: Sequence[str]) -> Mapping[str, Told]:
        if not decision_ids:
            return {}
        records = await self._from.record.records_of(decision_ids)
        lines = [Stored(0, self._clock(), "", text.encode()) for text in records.values()]
        return {one.decision_id: one for one in read_told(lines)}

    async def _compare_reports(self, books: Books, reports: Sequence[Stored]) -> int:
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
        now = self._clock()
        findings, over = reckon_executions(
            events,
            kept,
            books,
            judged_since=now - JUDGED if self._from.enforces else NEVER,
            silent_before=now - self._acknowledging,
        )
        await self._findings.keep(findings)
        await self._findings.end(over)
        return len(events)

    async def _compare_intents(self, books: Books, intents: Sequence[Stored]) -> int:
        created_ns = books.progress[StreamName.INTENTS].created_ns
        by_decision = {self._decision_of(one, created_ns): one for one in intents}
        kept = await self._kept([one for one in by_decision if one not in books.decided])
        missed = without_verdict(by_decision, kept, books)
        await self._findings.keep(missed)
        await self._findings.end(verdicts_that_were_there(by_decision, missed, books))
        return len(intents)

    def _decision_of(self, intent: Stored, created_ns: int) -> str:
        place = (created_ns, intent.sequence, intent.stored_at)
        return decision_id(self._from.fund, self._from.intents_stream, *place)

    async def _judge_what_is_due(self, books: Books, until: datetime) -> None:
        doubts = due_doubts(books, before=until - self._settling)
        await self._findings.keep(judge_doubts(doubts, await self._kept(doubts), books))
        before = until - self._acknowledging
        while late := silent(books, before=before, most=MAX_SILENT):
            await self._findings.keep(late)
            await self._save(books)

    async def _kept(self, decision_ids: Sequence[str]) -> Mapping[str, Kept]:
        return await self._from.record.kept(decision_ids) if decision_ids else {}
