"""What a store of shadows, and a reader of the chain, promises: in memory and in MongoDB."""

from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import timedelta
from uuid import uuid4

import msgspec
import pytest

from petrosa_cio.adapters.memory_shadows import MemoryShadows, MemoryTail
from petrosa_cio.adapters.mongo_connection import MongoClient, connect_mongo
from petrosa_cio.adapters.mongo_shadows import MongoShadows
from petrosa_cio.adapters.mongo_tail import MongoTail
from petrosa_cio.adapters.mongo_traces import MongoTraceStore
from petrosa_cio.errors import RecordUnreadable, Unavailable
from petrosa_cio.ports import (
    EndingKind,
    RecordTail,
    ShadowCount,
    ShadowEnding,
    ShadowFlip,
    ShadowPage,
    ShadowStore,
)
from tests.governing import NOON, THOUGHT
from tests.records import keep, later_line, verdict_line
from tests.shadows import candidate, chain_lines, shadow_of

pytestmark = pytest.mark.integration

FIRST = shadow_of(candidate(min_confidence="0.9"), NOON)
SECOND = shadow_of(candidate(min_confidence="0.8"), NOON + timedelta(hours=1), number=2)
ENDING = ShadowEnding(
    FIRST.shadow_id, EndingKind.PROMOTE, "ann", "risk_officer", THOUGHT, NOON, "revision 2"
)


def flip(name: str, **said: object) -> ShadowFlip:
    known = ShadowFlip(
        "denied", name, NOON, "momentum", "BTCUSDT", 1, "0.01", None,
        ("CONFIDENCE_BELOW_MIN",), ("CONFIDENCE_BELOW_MIN: limit=0.9",),
    )  # fmt: skip
    return msgspec.structs.replace(known, **said)


PAGE = ShadowPage(
    FIRST.shadow_id, 1, 0, 500, NOON,
    counts=(ShadowCount("was", "approve", "", 3), ShadowCount("strategy", "a.$b", "denied", 2)),
    flips=(flip("d1"), flip("d2", strategy=None, symbol=None, policy_revision=None)),
    first=NOON, last=NOON + timedelta(seconds=1), other_reasons=1, other_versions=2,
)  # fmt: skip
EMPTY = ShadowPage(FIRST.shadow_id, 2, 500, 501, NOON + timedelta(minutes=1))
LAST = ShadowPage(
    FIRST.shadow_id, 3, 501, 900, NOON + timedelta(minutes=2), flips=(flip("d3"),), is_last=True
)


@pytest.fixture
async def mongo(mongo_url: str) -> AsyncIterator[MongoClient]:
    client = connect_mongo(mongo_url)
    yield client
    await client.close()


@pytest.fixture
async def traces(mongo: MongoClient) -> MongoTraceStore:
    store = MongoTraceStore(mongo, uuid4().hex)
    await store.prepare()
    return store


@pytest.fixture
def database(traces: MongoTraceStore) -> str:
    return str(traces._traces.database.name)


@pytest.fixture(params=["memory", "mongo"])
def store(request: pytest.FixtureRequest, mongo: MongoClient, database: str) -> ShadowStore:
    return MemoryShadows() if request.param == "memory" else MongoShadows(mongo, database, "main")


async def test_shadows_are_found_as_they_were_and_no_number_is_taken_twice(
    store: ShadowStore,
) -> None:
    assert await store.recent(limit=2) == []
    for one in (FIRST, SECOND):
        assert await store.start(one)
    assert await store.start(FIRST), "what is stored already is no other"
    assert not await store.start(replace(FIRST, author="eve"))
    assert await store.recent(limit=2) == [SECOND, FIRST]
    assert await store.recent(limit=1) == [SECOND]
    assert (await store.shadow(1), await store.shadow(3)) == (FIRST, None)


async def test_a_shadow_ends_once(store: ShadowStore) -> None:
    assert await store.ending(FIRST.shadow_id) is None
    assert await store.end(ENDING)
    assert await store.end(ENDING), "what is stored already is no other"
    assert not await store.end(replace(ENDING, kind=EndingKind.DROP, became=""))
    assert await store.ending(FIRST.shadow_id) == ENDING
    assert await store.ending(SECOND.shadow_id) is None


async def test_a_page_is_written_once_and_read_in_order(store: ShadowStore) -> None:
    for page in (LAST, PAGE, EMPTY):
        assert await store.write(page)
    assert not await store.write(EMPTY)
    assert not await store.write(msgspec.structs.replace(PAGE, flips=()))
    assert await store.write(msgspec.structs.replace(PAGE, shadow_id=SECOND.shadow_id))
    without = [msgspec.structs.replace(one, flips=()) for one in (PAGE, EMPTY, LAST)]
    assert await store.pages(FIRST.shadow_id) == without
    assert await store.pages("0" * 64) == []


async def test_the_newest_flips_come_first(store: ShadowStore) -> None:
    for page in (PAGE, EMPTY, LAST):
        await store.write(page)
    name = FIRST.shadow_id
    found = await store.flips(name, limit=9)
    assert found == [*LAST.flips, *PAGE.flips[::-1]]
    assert await store.flips(name, limit=2) == found[:2]
    assert await store.flips(SECOND.shadow_id, limit=2) == []


async def test_funds_know_nothing_of_each_other(mongo: MongoClient, database: str) -> None:
    here, there = (MongoShadows(mongo, database, fund) for fund in ("main", "other"))
    await here.start(FIRST)
    await here.end(ENDING)
    await here.write(PAGE)
    assert await there.recent(limit=1) == []
    assert await there.ending(FIRST.shadow_id) is None
    assert await there.pages(FIRST.shadow_id) == []
    assert await there.flips(FIRST.shadow_id, limit=1) == []


async def test_what_was_changed_to_something_else_does_not_read(
    mongo: MongoClient, database: str
) -> None:
    store = MongoShadows(mongo, database, "main")
    await store.start(FIRST)
    await mongo[database].shadows.update_one(
        {"number": 1}, {"$unset": {"author": ""}}, bypass_document_validation=True
    )
    with pytest.raises(Unavailable, match="does not read"):
        await store.shadow(1)


# --- the chain ------------------------------------------------------------------------------------

A, B = verdict_line("a"), verdict_line("b")
WITHDRAWN = later_line("a")
AT = (NOON, NOON + timedelta(seconds=1))


@pytest.fixture(params=["memory", "mongo"])
async def tail(
    request: pytest.FixtureRequest, mongo: MongoClient, traces: MongoTraceStore, database: str
) -> RecordTail:
    if request.param == "memory":
        memory = MemoryTail()
        memory.add(*chain_lines([A], 0, AT[0]), *chain_lines([WITHDRAWN, B], 1, AT[1]))
        return memory
    await keep(traces, A, at=AT[0])
    await keep(traces, WITHDRAWN, B, at=AT[1])
    return MongoTail(mongo, database)


async def test_the_chain_is_read_in_order(tail: RecordTail) -> None:
    lines = await tail.lines(0, most=9)
    assert [(one.seq, one.kind, one.decision_id, one.fund) for one in lines] == [
        (1, "verdict", "a", "main"), (2, "withdrawal", "a", "main"), (3, "verdict", "b", "main"),
    ]  # fmt: skip
    assert [str(one.record).encode() for one in lines] == [A, WITHDRAWN, B]
    assert [one.journaled_at for one in lines] == [AT[0], AT[1], AT[1]]
    assert [one.seq for one in await tail.lines(1, most=1)] == [2]
    assert await tail.lines(3, most=5) == []
    assert await tail.last() == 3


async def test_a_moment_has_a_place_in_the_chain(tail: RecordTail) -> None:
    assert await tail.before(AT[0]) == 0
    assert await tail.before(AT[1]) == 1
    assert await tail.before(AT[1] + timedelta(milliseconds=1)) == 3


async def test_what_became_of_approvals_is_found(tail: RecordTail) -> None:
    assert await tail.befell(["a", "b"]) == [WITHDRAWN]
    assert await tail.befell(["b", "c"]) == await tail.befell([]) == []


async def test_an_empty_chain_has_no_end(mongo: MongoClient, database: str) -> None:
    for empty in (MemoryTail(), MongoTail(mongo, database)):
        assert (await empty.last(), await empty.before(NOON)) == (0, 0)
        assert await empty.lines(0, most=5) == []


async def test_a_record_that_was_changed_is_named(
    mongo: MongoClient, traces: MongoTraceStore, database: str
) -> None:
    await keep(traces, A, at=NOON)
    await mongo[database].traces.update_one(
        {"seq": 1}, {"$unset": {"kind": ""}}, bypass_document_validation=True
    )
    with pytest.raises(RecordUnreadable, match="record 1"):
        await MongoTail(mongo, database).lines(0, most=5)


async def test_without_mongo_there_is_nothing_to_say() -> None:
    client = connect_mongo("mongodb://127.0.0.1:1/?serverSelectionTimeoutMS=50")
    with pytest.raises(Unavailable):
        await MongoShadows(client, "none", "main", timeout_s=0.2).recent(limit=1)
    with pytest.raises(Unavailable):
        await MongoTail(client, "none", timeout_s=0.2).last()
    await client.close()
