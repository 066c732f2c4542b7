import asyncio
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import datetime, timedelta

import pytest

from petrosa_cio.audit.drain import Drain, purge_before
from petrosa_cio.audit.patience import left_behind, until_done
from petrosa_cio.audit.trace import Document
from petrosa_cio.errors import Unavailable
from petrosa_cio.ports import JournalEntry
from petrosa_cio.risk.reasons import ReasonCode
from petrosa_cio.risk.verdict import VerdictKind
from tests.records import NOON, entries, entry, later_line, verdict_line

DENIED = (VerdictKind.DENY, ReasonCode.LEDGER_UNAVAILABLE)


@dataclass
class Counted:
    """A tally that is looked at."""

    records: int = 0
    new: int = 0
    aside: int = 0
    purged_before: int = 0
    away: list[str] = field(default_factory=list)

    def drained(self, records: int, new: int, journaled_at: datetime) -> None:
        self.records += records
        self.new += new

    def unreadable(self, records: int) -> None:
        self.aside += records

    def purged(self, before_sequence: int) -> None:
        self.purged_before = before_sequence

    def unavailable(self, dependency: str) -> None:
        self.away.append(dependency)


@dataclass
class Desk:
    """Journal and archive in one, which fail when told."""

    away: list[str] = field(default_factory=list)
    refused: set[str] = field(default_factory=set)
    traces: dict[object, Document] = field(default_factory=dict)
    kept_aside: list[Document] = field(default_factory=list)
    acknowledged: list[int] = field(default_factory=list)
    floor: int = 0
    purged: list[int] = field(default_factory=list)

    def _fail(self, step: str) -> None:
        if step in self.away:
            self.away.remove(step)
            raise Unavailable(step)

    async def next_entries(self, limit: int) -> list[JournalEntry]:
        return []

    async def acknowledge(self, entries: Sequence[JournalEntry]) -> None:
        self._fail("acknowledge")
        self.acknowledged += [one.sequence for one in entries]

    async def purge(self, before_sequence: int) -> None:
        self.purged.append(before_sequence)

    async def acknowledged_until(self) -> int:
        return self.floor

    async def outstanding(self) -> int:
        return 0

    async def store(self, traces: Sequence[Document]) -> int:
        self._fail("store")
        if any(str(trace["_id"]) in self.refused for trace in traces):
            raise ValueError("too large")
        new = [trace for trace in traces if trace["_id"] not in self.traces]
        self.traces |= {trace["_id"]: trace for trace in new}
        return len(new)

    async def set_aside(self, lines: Sequence[Document]) -> None:
        self._fail("set_aside")
        self.kept_aside += lines

    async def verdicts_of(self, decision_ids: Sequence[str]) -> Mapping[str, str]:
        self._fail("verdicts_of")
        return {one: str(self.traces[one]["verdict"]) for one in decision_ids if one in self.traces}

    async def sequence_at(self, moment: datetime) -> int:
        return 40 if moment <= NOON - timedelta(hours=24) else 0


@pytest.fixture
def desk() -> Desk:
    return Desk()


@pytest.fixture
def tally() -> Counted:
    return Counted()


@pytest.fixture
def drain(desk: Desk, tally: Counted) -> Drain:
    return Drain(desk, desk, desk, tally=tally, clock=lambda: NOON)


async def test_entries_are_stored_and_acknowledged(
    drain: Drain, desk: Desk, tally: Counted
) -> None:
    batch = entries([verdict_line("d1"), verdict_line("d2")], [later_line("d1")])
    await drain.keep(batch)
    await drain.keep(batch)
    assert list(desk.traces) == ["d1", "d2", "d1:withdrawal"]
    assert desk.acknowledged == [1, 2, 1, 2]
    assert (tally.records, tally.new) == (6, 3)


async def test_a_withdrawal_of_a_denial_is_dropped(drain: Drain, desk: Desk) -> None:
    await drain.keep(entries([verdict_line("d1", *DENIED), later_line("d1")]))
    assert list(desk.traces) == ["d1"]


async def test_a_withdrawal_of_an_earlier_approval_is_kept(drain: Drain, desk: Desk) -> None:
    await drain.keep([entry(verdict_line("d1"))])
    await drain.keep([entry(verdict_line("d1", *DENIED), later_line("d1"), sequence=2)])
    assert list(desk.traces) == ["d1", "d1:withdrawal"]
    assert desk.traces["d1"]["verdict"] == "approve"


@pytest.mark.parametrize("step", ["store", "set_aside", "verdicts_of"])
async def test_what_is_away_is_waited_for(
    drain: Drain, desk: Desk, tally: Counted, step: str
) -> None:
    desk.away = [step]
    await drain.keep([entry(verdict_line("d1"), later_line("d1"), b"odd")])
    assert (len(desk.traces), len(desk.kept_aside)) == (2, 1)
    assert desk.acknowledged == [1]
    assert tally.away == [step]


async def test_a_lost_acknowledgement_is_no_reason_to_wait(
    drain: Drain, desk: Desk, tally: Counted
) -> None:
    desk.away = ["acknowledge"]
    await drain.keep([entry(verdict_line("d1"))])
    assert desk.acknowledged == []
    assert tally.away == ["acknowledge"]


async def test_a_record_that_cannot_be_stored_is_kept_aside_and_the_rest_goes_on(
    drain: Drain, desk: Desk, tally: Counted
) -> None:
    desk.refused = {"d2"}
    await drain.keep([entry(*(verdict_line(name) for name in ("d1", "d2", "d3")))])
    assert list(desk.traces) == ["d1", "d3"]
    [kept] = desk.kept_aside
    assert (kept["error"], kept["journal_index"]) == ("ValueError: too large", 1)
    assert (tally.aside, desk.acknowledged) == (1, [1])


@pytest.mark.parametrize(
    ("kept_until", "acknowledged_until", "before"), [(40, 90, 41), (40, 3, 4), (0, 90, 1)]
)
def test_only_what_is_old_and_acknowledged_is_purged(
    kept_until: int, acknowledged_until: int, before: int
) -> None:
    assert purge_before(kept_until, acknowledged_until) == before


async def test_the_journal_is_purged_of_what_is_old(
    drain: Drain, desk: Desk, tally: Counted
) -> None:
    desk.floor = 90
    await drain.purge()
    assert (desk.purged, tally.purged_before) == ([41], 41)


async def test_nothing_is_purged_where_nothing_is_acknowledged(drain: Drain, desk: Desk) -> None:
    await drain.purge()
    assert desk.purged == []


async def test_work_is_tried_again_until_nothing_is_away() -> None:
    failures, told = [Unavailable("mongo"), Unavailable("nats")], list[str]()

    async def work() -> str:
        if failures:
            raise failures.pop(0)
        return "done"

    assert await until_done(work, on_unavailable=told.append) == "done"
    assert told == ["mongo", "nats"]


async def test_what_a_predecessor_left_comes_first_and_in_order() -> None:
    arriving = [[entry(sequence=5)], [entry(sequence=4), entry(sequence=3)], [entry(sequence=5)]]

    class Position:
        async def acknowledged_until(self) -> int:
            return 2

        async def outstanding(self) -> int:
            return 3

    async def next_batch() -> list[JournalEntry]:
        return arriving.pop(0)

    taken = await left_behind(next_batch, Position())
    assert [one.sequence for one in taken] == [3, 4, 5]
    assert len(arriving) == 1


async def test_work_that_swallows_a_cancellation_is_ended_all_the_same() -> None:
    started = asyncio.Event()

    async def work() -> None:
        started.set()
        with suppress(asyncio.CancelledError):
            await asyncio.Event().wait()

    async def for_ever() -> None:
        while True:
            await until_done(work, on_unavailable=print)

    running = asyncio.create_task(for_ever())
    await started.wait()
    running.cancel()
    with pytest.raises(asyncio.CancelledError):
        await running
