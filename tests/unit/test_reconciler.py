"""The reconciler's rounds: stopped anywhere, repeated by anybody, and it comes to the same."""

from collections.abc import AsyncGenerator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta

import orjson
import pytest

from petrosa_cio.adapters.memory_held import MemoryHeld
from petrosa_cio.audit.alerting import Findings
from petrosa_cio.audit.books import Books, Stage
from petrosa_cio.audit.findings import FindingKind
from petrosa_cio.audit.reconciler import Patience, Reconciler, Sources
from petrosa_cio.audit.record import RecordKind
from petrosa_cio.audit.told import read_told
from petrosa_cio.errors import Unavailable
from petrosa_cio.fleet.execution_events import parse_execution
from petrosa_cio.ports import OVER, Kept, Stored, StreamEnds
from petrosa_cio.risk.identity import decision_id
from petrosa_cio.risk.verdict import VerdictKind
from tests.records import NOON, later_line, verdict_line

FUND, STREAM, CREATED_NS = "main", "CIO_INTENTS", 9
CAPTURED = 7


def decision(sequence: int) -> str:
    return decision_id(FUND, STREAM, CREATED_NS, sequence, NOON)


@dataclass
class Faults:
    """Lets the world fail at its n-th call."""

    at: int = 0
    calls: int = 0

    def call(self) -> None:
        self.calls += 1
        if self.calls == self.at:
            raise Unavailable("world")


@dataclass
class Stream:
    faults: Faults
    stored: list[Stored] = field(default_factory=list)
    created_ns: int = CREATED_NS
    purged_until: int = 0

    def put(self, *bodies: bytes, at: datetime = NOON) -> None:
        for body in bodies:
            self.stored.append(Stored(self.last + 1, at, "some.subject", body))

    @property
    def last(self) -> int:
        return self.stored[-1].sequence if self.stored else self.purged_until

    async def ends(self) -> StreamEnds:
        self.faults.call()
        first = self.stored[0].sequence if self.stored else self.purged_until + 1
        return StreamEnds(self.created_ns, first, self.last)

    async def batches(self, after: int, *, limit: int) -> AsyncGenerator[list[Stored]]:
        rest = [one for one in self.stored if one.sequence > after]
        for first in range(0, len(rest), 2):
            self.faults.call()
            yield rest[first : first + 2]


@dataclass
class World:
    """Streams, a record that is up to date, findings, and books."""

    faults: Faults = field(default_factory=Faults)
    books: MemoryHeld = field(default_factory=MemoryHeld)
    kept_findings: dict[str, dict[str, object]] = field(default_factory=dict)
    announced: list[str] = field(default_factory=list)
    counted: list[str] = field(default_factory=list)
    shown: Books | None = None
    now: datetime = NOON + timedelta(minutes=10)
    unstored: set[str] = field(default_factory=set)
    drained: int | None = None
    enforces: bool = True
    asked: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.intents, self.journal = Stream(self.faults), Stream(self.faults)
        self.executions = Stream(self.faults)

    def reconciler(self) -> Reconciler:
        findings = Findings(FUND, self, self, self, lambda: self.now)
        sources = Sources(
            fund=FUND,
            intents=self.intents,
            intents_stream=STREAM,
            journal=self.journal,
            executions=self.executions,
            drain=self,
            record=self,
            read=parse_execution,
            enforces=self.enforces,
        )
        patience = Patience(settle_s=360, acknowledge_s=60)
        return Reconciler(
            sources, self, findings, patience=patience, tally=self, clock=lambda: self.now
        )

    # the drain, which is through unless told otherwise
    async def acknowledged_until(self) -> int:
        return self.journal.last if self.drained is None else self.drained

    async def outstanding(self) -> int:
        return 0 if self.drained is None else 1

    async def waiting(self) -> int:
        return 0

    # the record
    async def kept(self, decision_ids: Sequence[str]) -> Mapping[str, Kept]:
        self.faults.call()
        self.asked += decision_ids
        found: dict[str, Kept] = {}
        for one in read_told(self.journal.stored):
            before = found.get(one.decision_id, Kept("", {}))
            places = {one.kind: one.place} | before.places
            at = before.journaled_at or (one.at if one.verdict else None)
            found[one.decision_id] = Kept(before.verdict or one.verdict, places, at)
        return {one: found[one] for one in decision_ids if one in found.keys() - self.unstored}

    async def records_of(self, decision_ids: Sequence[str]) -> Mapping[str, str]:
        self.faults.call()
        found: dict[str, str] = {}
        for entry in self.journal.stored:
            for line in entry.body.split(b"\n"):
                found.setdefault(orjson.loads(line)["decision_id"], line.decode())
        return {one: found[one] for one in decision_ids}

    # findings
    async def keep(self, documents: Sequence[dict[str, object]]) -> frozenset[str]:
        self.faults.call()
        new = {str(one["_id"]): one for one in documents}
        new = {key: one for key, one in new.items() if key not in self.kept_findings}
        self.kept_findings |= new
        return frozenset(new)

    async def open_among(self, ids: Sequence[str]) -> list[dict[str, object]]:
        self.faults.call()
        return [
            self.kept_findings[one]
            for one in ids
            if one in self.kept_findings and f"{one}:{OVER}" not in self.kept_findings
        ]

    async def announce(self, messages: Sequence[tuple[str, bytes]]) -> None:
        self.announced += [subject for subject, _ in messages]

    # the books
    async def load(self) -> tuple[int, Mapping[str, bytes]]:
        self.faults.call()
        return await self.books.load()

    async def save(self, version: int, changes: Mapping[str, bytes | None]) -> bool:
        self.faults.call()
        return await self.books.save(version, changes)

    # the tally
    def found(self, kind: FindingKind, number: int) -> None:
        self.counted += [kind] * number

    def reconciled(self, books: Books) -> None:
        self.shown = books

    def unavailable(self, dependency: str) -> None:
        raise NotImplementedError

    def open(self) -> dict[str, str | None]:
        """Return the findings that are not over, by decision."""
        return {
            str(one["decision_id"]): str(one["kind"])
            for key, one in self.kept_findings.items()
            if one["kind"] != OVER and f"{key}:{OVER}" not in self.kept_findings
        }


def report(decision_id: str) -> bytes:
    event = {"decision_id": decision_id, "order_id": "1", "event_type": "placed", "side": "buy"}
    return orjson.dumps(event)


def of_stream(line: bytes, sequence: int) -> bytes:
    """Return the record of a verdict as one about a captured intent."""
    record = orjson.loads(line)
    place = {"stream": STREAM, "stream_created_ns": CREATED_NS, "sequence": sequence}
    return orjson.dumps(record | {"source": record["source"] | place})


def eventful() -> World:
    """Return a world in which everything happened that can."""
    world = World()
    world.intents.put(*[b""] * CAPTURED)
    one, two, three, four, five, six = (decision(number) for number in range(1, 7))
    deny = VerdictKind.DENY
    world.journal.put(
        b"\n".join([verdict_line(one), verdict_line(two, deny)]),
        b"\n".join([verdict_line(three), verdict_line(four)]),
        later_line(four, RecordKind.UNCONFIRMED),
        b"\n".join([verdict_line(one), verdict_line(two)]),
        b"\n".join([verdict_line(five), verdict_line(six)]),
        later_line(six, RecordKind.WITHDRAWAL),
    )
    world.executions.put(report(one), report(one), report(two), b"{", report(""), report("strange"))
    return world


EXPECTED = {
    decision(2): "executed_without_approval",
    decision(3): "unacknowledged",
    decision(4): "unconfirmed",
    decision(5): "unacknowledged",
    decision(7): "no_verdict",
    "strange": "executed_without_approval",
}
KINDS = sorted([*EXPECTED.values(), "verdicts_contradict"])
COUNTS = {
    "captured": 7, "decided": 6, "asked_at_the_door": 6, "repeated": 2, "approved": 5,
    "withdrawn": 1, "undelivered": 0, "unconfirmed": 1, "acknowledged": 1,
}  # fmt: skip


def assert_all_was_found(world: World) -> None:
    assert sorted(str(one["kind"]) for one in world.kept_findings.values()) == KINDS
    assert EXPECTED.items() <= (world.open() | {decision(2): EXPECTED[decision(2)]}).items()
    assert world.shown
    assert world.shown.counts == COUNTS
    assert not world.shown.awaited
    assert world.shown.checked_until == NOON + timedelta(minutes=4)


async def test_one_round_finds_everything() -> None:
    world = eventful()
    await world.reconciler().round()
    assert_all_was_found(world)
    assert sorted(world.counted) == KINDS
    assert len(world.announced) == len(KINDS)


async def test_a_second_round_finds_nothing_new() -> None:
    world = eventful()
    reconciler = world.reconciler()
    for _ in range(2):
        await reconciler.round()
    assert_all_was_found(world)
    assert len(world.announced) == len(KINDS)


async def until_all(world: World, reconciler: Reconciler | None = None) -> None:
    """Compare everything, by one reconciler or each part by another."""
    while not await (reconciler or world.reconciler()).round():
        pass


@pytest.fixture(params=[1, 3, 1_000])
def portion(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("petrosa_cio.audit.reconciler.MAX_DECISIONS", request.param)


@pytest.mark.usefixtures("portion")
async def test_stopped_anywhere_and_taken_up_by_another_it_comes_to_the_same() -> None:
    whole = eventful()
    await until_all(whole)
    for number in range(1, whole.faults.calls + 1):
        world = eventful()
        world.faults.at = number
        with pytest.raises(Unavailable):
            await until_all(world)
        await until_all(world)
        assert_all_was_found(world)


@pytest.mark.usefixtures("portion")
async def test_stopped_anywhere_and_taken_up_by_itself_it_comes_to_the_same() -> None:
    whole = eventful()
    await until_all(whole, whole.reconciler())
    for number in range(1, whole.faults.calls + 1):
        world = eventful()
        world.faults.at = number
        reconciler = world.reconciler()
        with pytest.raises(Unavailable):
            await until_all(world, reconciler)
        await until_all(world, reconciler)
        assert_all_was_found(world)


async def test_of_two_at_a_time_one_is_told_to_look_again() -> None:
    world = eventful()
    one, other = world.reconciler(), world.reconciler()
    await one.round()
    await other.round()
    world.journal.put(verdict_line(decision(7)))
    with pytest.raises(Unavailable, match="another reconciler"):
        await one.round()
    await one.round()
    with pytest.raises(Unavailable, match="another reconciler"):
        await other.round()
    await other.round()
    assert world.shown
    assert world.shown.counts == COUNTS | {"decided": 7, "asked_at_the_door": 7, "approved": 6}


async def test_a_verdict_that_comes_late_ends_its_finding() -> None:
    world = eventful()
    reconciler = world.reconciler()
    await reconciler.round()
    world.journal.put(of_stream(verdict_line(decision(7), VerdictKind.DENY), 7))
    await reconciler.round()
    assert decision(7) not in world.open()


# --- what is over ---------------------------------------------------------------------------------


async def test_what_another_process_heard_the_engine_say_is_not_unconfirmed() -> None:
    world = World()
    world.journal.put(verdict_line("sent"), verdict_line("lost"))
    world.executions.put(*map(report, ("x", "sent", "y")))
    await world.reconciler().round()
    unconfirmed = (later_line(one, RecordKind.UNCONFIRMED) for one in ("sent", "lost"))
    world.journal.put(*unconfirmed, at=NOON + timedelta(seconds=9))
    await world.reconciler().round()
    assert world.open() == {"lost": "unconfirmed", **STRANGERS}


STRANGERS = dict.fromkeys("xy", "executed_without_approval")


async def test_silence_is_over_once_it_is_said_what_became_of_the_approval() -> None:
    world = World()
    world.journal.put(*map(verdict_line, "abc"))
    await world.reconciler().round()
    assert world.open() == dict.fromkeys("abc", "unacknowledged")
    became = (RecordKind.WITHDRAWAL, RecordKind.UNCONFIRMED, RecordKind.UNDELIVERED)
    world.journal.put(*map(later_line, "abc", became))
    await world.reconciler().round()
    assert world.open() == {"b": "unconfirmed", "c": "undelivered"}


async def test_where_books_are_lost_what_they_had_found_can_still_end() -> None:
    world = World()
    world.intents.put(b"")
    world.journal.put(verdict_line("sent"), verdict_line("doubtful"))
    await world.reconciler().round()
    missed = decision(1)
    assert world.open() == {
        "sent": "unacknowledged", "doubtful": "unacknowledged", missed: "no_verdict",
    }  # fmt: skip
    world.books = MemoryHeld()
    world.journal.put(of_stream(verdict_line(missed, VerdictKind.DENY), 1))
    world.journal.put(later_line("doubtful", RecordKind.UNCONFIRMED))
    world.executions.put(*map(report, ("sent", "doubtful")))
    await world.reconciler().round()
    assert world.open() == {}


async def test_what_was_found_by_one_that_was_stopped_before_it_said_so_can_still_end() -> None:
    whole = World()
    whole.journal.put(verdict_line("d1"))
    await whole.reconciler().round()
    for number in range(1, whole.faults.calls + 1):
        world = World()
        world.journal.put(verdict_line("d1"))
        world.faults.at = number
        with pytest.raises(Unavailable):
            await world.reconciler().round()
        world.executions.put(report("d1"))
        await world.reconciler().round()
        assert world.open() == {}


async def test_what_is_journaled_and_not_in_the_record_is_found() -> None:
    world = World()
    world.journal.put(verdict_line("d1"))
    world.unstored.add("d1")
    await world.reconciler().round()
    assert world.open() == {"d1": "verdict_not_stored"}


async def test_what_is_young_is_left_for_later() -> None:
    world = World(now=NOON + timedelta(seconds=59))
    world.intents.put(b"")
    world.journal.put(verdict_line("d1"))
    reconciler = world.reconciler()
    await reconciler.round()
    assert not world.kept_findings
    assert world.shown
    assert (world.shown.counts[Stage.CAPTURED], len(world.shown.awaited)) == (0, 1)
    world.now = NOON + timedelta(seconds=360)
    await reconciler.round()
    assert world.open() == {"d1": "unacknowledged", decision(1): "no_verdict"}


async def test_beside_a_fleet_that_is_only_observed_nobody_asks_who_approved() -> None:
    world = World(enforces=False)
    world.executions.put(report("of another gate"))
    await world.reconciler().round()
    assert not world.open()


def not_checked(world: World) -> list[object]:
    found = [one for one in world.kept_findings.values() if one["kind"] == "not_checked"]
    return [one["detail"] for one in found]


async def test_messages_that_went_unread_are_told() -> None:
    world = eventful()
    reconciler = world.reconciler()
    await reconciler.round()
    world.intents.put(*[b""] * 5)
    del world.intents.stored[: CAPTURED + 2]
    await reconciler.round()
    assert not_checked(world) == [{"stream": "intents", "messages": 2}]


async def test_messages_that_were_taken_out_of_the_middle_are_told() -> None:
    world = eventful()
    reconciler = world.reconciler()
    await reconciler.round()
    world.journal.put(*(verdict_line(f"d{number}") for number in range(5)))
    del world.journal.stored[-4:-2]
    for _ in range(2):
        await reconciler.round()
    assert not_checked(world) == [{"stream": "journal", "messages": 2}]


async def test_where_everything_is_gone_unread_it_is_told_once() -> None:
    world = eventful()
    reconciler = world.reconciler()
    await reconciler.round()
    world.intents.stored, world.intents.purged_until = [], CAPTURED + 4
    for _ in range(2):
        await reconciler.round()
    assert not_checked(world) == [{"stream": "intents", "messages": 4}]


async def test_what_was_read_and_is_gone_since_is_no_loss() -> None:
    world = eventful()
    reconciler = world.reconciler()
    await reconciler.round()
    for stream in (world.intents, world.journal, world.executions):
        stream.purged_until, stream.stored = stream.last, []
    world.intents.put(b"")
    await reconciler.round()
    assert not_checked(world) == []


async def test_a_stream_that_was_made_anew_is_read_from_its_beginning_and_told() -> None:
    world = eventful()
    reconciler = world.reconciler()
    await reconciler.round()
    world.executions.created_ns, world.executions.stored = 10, []
    world.intents.created_ns = 11
    for _ in range(2):
        await reconciler.round()
    assert world.shown
    assert world.shown.counts[Stage.CAPTURED] == 2 * CAPTURED
    why = "the stream was made anew"
    assert not_checked(world) == [{"stream": one, "why": why} for one in ("executions", "intents")]


LATER = NOON + timedelta(seconds=9)


@pytest.mark.parametrize("younger", [1, 2, 5])
async def test_a_stream_that_lost_its_end_counts_on_from_before(younger: int) -> None:
    """With the power a server may lose what it had not synced; its sequences come again then."""
    world = eventful()
    reconciler = world.reconciler()
    await reconciler.round()
    del world.intents.stored[-2:]
    world.intents.put(*[b""] * younger, at=LATER)
    for _ in range(2):
        await reconciler.round()
    world.intents.put(b"", at=LATER + timedelta(seconds=1))
    await reconciler.round()
    assert world.shown
    assert world.shown.counts[Stage.CAPTURED] == CAPTURED + younger + 1
    younger_ids = {
        decision_id(FUND, STREAM, CREATED_NS, one.sequence, one.stored_at)
        for one in world.intents.stored
        if one.stored_at > NOON
    }
    assert younger_ids <= world.open().keys()
    assert not_checked(world) == []


# --- what lags, and what is much ------------------------------------------------------------------


@pytest.fixture
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("petrosa_cio.audit.sources.DRAIN_PATIENCE_S", 0.05)


@pytest.mark.usefixtures("impatient")
async def test_of_a_record_that_lags_what_is_stored_is_compared() -> None:
    world = World()
    for minute in range(9):
        at = NOON + timedelta(minutes=minute)
        world.intents.put(b"", at=at)
        world.journal.put(verdict_line(f"d{minute}"), at=at)
        world.executions.put(report(f"d{minute}"), at=at + timedelta(seconds=1))
    world.drained = 8
    reconciler = world.reconciler()
    assert not await reconciler.round()
    assert world.shown
    assert world.shown.checked_at == NOON + timedelta(minutes=7)
    assert world.shown.checked_until == NOON + timedelta(minutes=1)
    counts = world.shown.counts
    assert (counts["decided"], counts["acknowledged"], counts["captured"]) == (8, 7, 2)
    assert set(world.open().values()) == {"no_verdict"}, "those of the intents"
    with pytest.raises(Unavailable, match="lags"):
        await reconciler.round()
    world.drained = None
    assert await reconciler.round()
    assert world.shown.counts["acknowledged"] == 9


async def test_however_much_there_is_only_a_part_is_held(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("petrosa_cio.audit.reconciler.MAX_DECISIONS", 10)
    world, most, rounds = World(now=NOON + timedelta(hours=1)), 0, 0
    for number in range(100):
        at = NOON + timedelta(seconds=number)
        world.journal.put(verdict_line(f"d{number}"), at=at)
        world.executions.put(report(f"d{number}"), at=at)
    is_all = False
    while not is_all:
        is_all = await world.reconciler().round()  # another one each time, as after a restart
        rounds += 1
        _, entries = await world.books.load()
        most = max(most, len(entries))
    assert rounds == 10
    assert most <= 11
    assert world.shown
    assert world.shown.counts["acknowledged"] == 100
    assert not world.open()


async def test_the_record_is_asked_for_a_decision_once() -> None:
    world = World()
    world.intents.put(*[b""] * 3)
    lines = (verdict_line(decision(number), VerdictKind.DENY) for number in (1, 2, 3))
    world.journal.put(*(of_stream(line, number) for number, line in enumerate(lines, 1)))
    await world.reconciler().round()
    assert sorted(world.asked) == sorted(decision(number) for number in (1, 2, 3))
    assert not world.open()
