import asyncio
from base64 import b64encode
from collections.abc import Collection, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from hashlib import sha256

import pytest

from petrosa_cio.audit.chain import GENESIS, Document, chained, head_at
from petrosa_cio.audit.drain import Drain, purge_before
from petrosa_cio.audit.patience import left_behind, until_done
from petrosa_cio.audit.trace import read_entries
from petrosa_cio.errors import Unavailable
from petrosa_cio.ports import Appended, Head, JournalEntry
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

    def poisoned(self, records: int) -> None:
        self.aside += records

    def purged(self, before_sequence: int) -> None:
        self.purged_before = before_sequence

    def unavailable(self, dependency: str) -> None:
        self.away.append(dependency)


@dataclass
class Desk:
    """Journal and archive in one, which fail when told.

    Attributes:
        stolen: Traces that another drain stores just before the next of ours.
        dies_after: Traces of the next insertion that are stored before the line breaks.
    """

    away: list[str] = field(default_factory=list)
    refused: set[str] = field(default_factory=set)
    chain: list[Document] = field(default_factory=list)
    kept_aside: dict[object, Document] = field(default_factory=dict)
    acknowledged: list[int] = field(default_factory=list)
    floor: int = 0
    purged: list[int] = field(default_factory=list)
    stolen: list[Document] = field(default_factory=list)
    dies_after: int | None = None

    def _fail(self, step: str) -> None:
        if step in self.away:
            self.away.remove(step)
            raise Unavailable(step)

    @property
    def ids(self) -> list[object]:
        return [one["_id"] for one in self.chain]

    def trace(self, name: str) -> Document:
        return next(one for one in self.chain if one["_id"] == name)

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

    async def head(self) -> Head | None:
        self._fail("head")
        return head_at(self.chain[-1]) if self.chain else None

    async def append(self, traces: Sequence[Document]) -> Appended:
        self._fail("append")
        self.chain += chained(head_at(self.chain[-1]) if self.chain else GENESIS, self.stolen)
        self.stolen = []
        for index, trace in enumerate(traces):
            if index == self.dies_after:
                self.dies_after = None
                raise Unavailable("mongo", "the line broke")
            if trace["_id"] in self.ids or trace["seq"] in [one["seq"] for one in self.chain]:
                return Appended(index)
            if "record" in trace and str(trace["_id"]) in self.refused:
                return Appended(index, index, "too large")
            self.chain.append(trace)
        return Appended(len(traces))

    async def stored(self, ids: Sequence[str]) -> Collection[str]:
        self._fail("stored")
        return {str(one) for one in self.ids} & set(ids)

    async def set_aside(self, lines: Sequence[Document]) -> int:
        self._fail("set_aside")
        new = [line for line in lines if line["_id"] not in self.kept_aside]
        self.kept_aside |= {line["_id"]: line for line in new}
        return len(new)

    async def verdicts_of(self, decision_ids: Sequence[str]) -> Mapping[str, str]:
        self._fail("verdicts_of")
        return {
            str(one["_id"]): str(one["verdict"])
            for one in self.chain
            if one["_id"] in decision_ids and "verdict" in one
        }

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
    assert desk.ids == ["d1", "d2", "d1:withdrawal"]
    assert desk.acknowledged == [1, 2, 1, 2]
    assert (tally.records, tally.new) == (6, 3)


async def test_a_withdrawal_of_a_denial_is_dropped(drain: Drain, desk: Desk) -> None:
    await drain.keep(entries([verdict_line("d1", *DENIED), later_line("d1")]))
    assert desk.ids == ["d1"]


async def test_a_withdrawal_of_an_earlier_approval_is_kept(drain: Drain, desk: Desk) -> None:
    await drain.keep([entry(verdict_line("d1"))])
    await drain.keep([entry(verdict_line("d1", *DENIED), later_line("d1"), sequence=2)])
    assert desk.ids == ["d1", "d1:withdrawal"]
    assert desk.trace("d1")["verdict"] == "approve"


@pytest.mark.parametrize("step", ["append", "head", "set_aside", "verdicts_of"])
async def test_what_is_away_is_waited_for(
    drain: Drain, desk: Desk, tally: Counted, step: str
) -> None:
    desk.away = [step]
    await drain.keep([entry(verdict_line("d1"), later_line("d1"), b"odd")])
    assert (len(desk.chain), len(desk.kept_aside)) == (3, 1)
    assert desk.acknowledged == [1]
    assert tally.away == [step]


async def test_a_lost_acknowledgement_is_no_reason_to_wait(
    drain: Drain, desk: Desk, tally: Counted
) -> None:
    desk.away = ["acknowledge"]
    await drain.keep([entry(verdict_line("d1"))])
    assert desk.acknowledged == []
    assert tally.away == ["acknowledge"]


def is_one_chain(desk: Desk) -> bool:
    """Return whether the positions are 1, 2, 3..., each hash is right and each follows."""
    return desk.chain == chained(GENESIS, [_unplaced(one) for one in desk.chain])


def _unplaced(trace: Document) -> Document:
    return {key: trace[key] for key in trace if key not in {"seq", "prev_hash", "hash"}}


async def test_a_record_that_cannot_be_stored_is_set_aside_and_the_rest_goes_on(
    drain: Drain, desk: Desk, tally: Counted
) -> None:
    desk.refused = {"d2"}
    lines = [verdict_line(name) for name in ("d1", "d2", "d3")]
    await drain.keep([entry(*lines)])
    assert desk.ids == ["d1", "d2", "d3"]
    instead = desk.trace("d2")
    assert (instead["kind"], instead["seq"]) == ("poisoned", 2)
    assert (instead["bytes"], instead["error"]) == (len(lines[1]), "too large")
    assert instead["sha256"] == sha256(lines[1]).hexdigest()
    assert desk.kept_aside[instead["aside"]]["raw"] == b64encode(lines[1]).decode()
    assert (tally.aside, desk.acknowledged) == (1, [1])
    assert is_one_chain(desk)


async def test_the_decision_of_a_poisoned_verdict_stays_decided(drain: Drain, desk: Desk) -> None:
    desk.refused = {"d1"}
    await drain.keep([entry(verdict_line("d1"))])
    desk.refused = set()
    await drain.keep([entry(verdict_line("d1", *DENIED), verdict_line("d2"), sequence=2)])
    assert desk.ids == ["d1", "d2"]
    assert desk.trace("d1")["kind"] == "poisoned"


async def test_a_line_that_does_not_read_has_its_place_in_the_chain(
    drain: Drain, desk: Desk, tally: Counted
) -> None:
    batch = [entry(verdict_line("d1"), b"odd", verdict_line("d2"))]
    await drain.keep(batch)
    await drain.keep(batch)
    assert [one["kind"] for one in desk.chain] == ["verdict", "poisoned", "verdict"]
    assert (len(desk.kept_aside), tally.aside, tally.new) == (1, 1, 3)
    assert is_one_chain(desk)


async def test_a_store_that_refuses_what_stands_for_a_poisoned_record_is_waited_for(
    drain: Drain, desk: Desk, tally: Counted, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def refuses(traces: Sequence[Document]) -> Appended:
        monkeypatch.undo()
        return Appended(0, 0, "nothing goes in here")

    monkeypatch.setattr(desk, "append", refuses)
    await drain.keep([entry(b"odd", verdict_line("d1"))])
    assert tally.away == ["mongo"]
    assert [one["kind"] for one in desk.chain] == ["poisoned", "verdict"]


async def test_repetitions_leave_no_gap_in_the_chain(drain: Drain, desk: Desk) -> None:
    await drain.keep([entry(verdict_line("d1"), verdict_line("d2"))])
    await drain.keep(
        [entry(verdict_line("d2", *DENIED), verdict_line("d3"), verdict_line("d1"), sequence=2)]
    )
    assert [(one["seq"], one["_id"]) for one in desk.chain] == [(1, "d1"), (2, "d2"), (3, "d3")]
    assert is_one_chain(desk)


@pytest.mark.parametrize("survived", range(4))
async def test_a_batch_that_broke_off_is_continued_where_it_stopped(
    drain: Drain, desk: Desk, survived: int
) -> None:
    desk.dies_after = survived
    await drain.keep([entry(*(verdict_line(f"d{number}") for number in range(4)))])
    assert desk.ids == ["d0", "d1", "d2", "d3"]
    assert is_one_chain(desk)


async def test_a_slow_store_is_asked_for_less(drain: Drain, desk: Desk) -> None:
    asked: list[int] = []
    append = desk.append

    async def slow(traces: Sequence[Document]) -> Appended:
        asked.append(len(traces))
        if len(traces) > 2:
            raise Unavailable("mongo", "too slow for so many")
        return await append(traces)

    desk.append = slow  # type: ignore[method-assign]
    await drain.keep([entry(*(verdict_line(f"d{number}") for number in range(9)))])
    assert len(desk.ids) == 9
    assert asked[:3] == [9, 4, 2]
    assert is_one_chain(desk)


async def test_two_drains_make_one_chain(drain: Drain, desk: Desk, tally: Counted) -> None:
    other = Drain(desk, desk, desk, tally=tally, clock=lambda: NOON)
    first, second = entries([verdict_line("d1"), verdict_line("d2")], [verdict_line("d3")])
    await drain.keep([first])
    await other.keep([first, second])
    await drain.keep([second])  # its end of the chain is not the end any more
    await drain.keep([entry(verdict_line("d4"), sequence=3)])
    await other.keep([entry(verdict_line("d4"), verdict_line("d5"), sequence=3)])
    assert desk.ids == ["d1", "d2", "d3", "d4", "d5"]
    assert is_one_chain(desk)


async def test_a_drain_that_is_overtaken_in_the_middle_starts_from_the_new_end(
    drain: Drain, desk: Desk, tally: Counted
) -> None:
    await drain.keep([entry(verdict_line("d1"))])
    desk.stolen = read_entries([entry(verdict_line("x1"), sequence=8)]).traces
    await drain.keep([entry(verdict_line("d2"), verdict_line("d3"), sequence=2)])
    assert desk.ids == ["d1", "x1", "d2", "d3"]
    assert is_one_chain(desk)
    assert tally.away == ["mongo"]  # once, for the place that was taken


async def test_what_another_drain_has_in_hands_comes_first(desk: Desk, tally: Counted) -> None:
    arriving = [
        entries([verdict_line("d1")]),
        [entry(verdict_line("d3"), sequence=3)],
        [entry(verdict_line("d2"), sequence=2)],
    ]
    arrived = asyncio.Event()

    class Reader(Desk):
        async def next_entries(self, limit: int) -> list[JournalEntry]:
            if arriving:
                return arriving.pop(0)
            arrived.set()
            await asyncio.Event().wait()
            return []

        async def outstanding(self) -> int:
            return 2 if len(self.acknowledged) == 1 else 0

    reader = Reader()
    running = asyncio.create_task(
        Drain(reader, reader, reader, tally=tally, clock=lambda: NOON).run()
    )
    await arrived.wait()
    running.cancel()
    await asyncio.wait([running])
    assert reader.ids == ["d1", "d2", "d3"]
    assert is_one_chain(reader)


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
