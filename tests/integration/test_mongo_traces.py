from collections.abc import AsyncIterator
from datetime import timedelta
from pathlib import Path
from uuid import uuid4

import pytest

from petrosa_cio.adapters.embedded import start_mongo
from petrosa_cio.adapters.mongo_connection import MongoClient, connect_mongo
from petrosa_cio.adapters.mongo_traces import MongoTraceStore
from petrosa_cio.audit.trace import Document, read_entries
from petrosa_cio.errors import Unavailable
from petrosa_cio.risk.verdict import VerdictKind
from tests.records import NOON, entries, later_line, verdict_line

pytestmark = pytest.mark.integration


@pytest.fixture
async def client(mongo_url: str) -> AsyncIterator[MongoClient]:
    client = connect_mongo(mongo_url)
    yield client
    await client.close()


@pytest.fixture
async def database() -> str:
    return uuid4().hex


@pytest.fixture
async def store(client: MongoClient, database: str) -> MongoTraceStore:
    store = MongoTraceStore(client, database)
    await store.prepare()
    return store


def traces_of(*lines: bytes) -> list[Document]:
    return read_entries(entries(*([line] for line in lines)))[0]


async def test_a_trace_is_kept_as_it_is(
    store: MongoTraceStore, client: MongoClient, database: str
) -> None:
    [trace] = traces_of(verdict_line("d1"))
    assert await store.store([trace]) == 1
    assert await client[database].traces.find_one() == trace


async def test_what_is_stored_already_is_not_new(
    store: MongoTraceStore, client: MongoClient, database: str
) -> None:
    traces = traces_of(verdict_line("d1"), verdict_line("d2"), later_line("d1"))
    assert await store.store([]) == 0
    assert await store.store(traces[:1]) == 1
    assert await store.store(traces) == 2
    assert await store.store([traces[0] | {"verdict": "deny"}]) == 0
    assert await client[database].traces.count_documents({}) == 3
    assert await store.verdicts_of(["d1"]) == {"d1": "approve"}


async def test_preparing_again_finds_the_indexes(
    store: MongoTraceStore, client: MongoClient, database: str
) -> None:
    before = await client[database].traces.index_information()
    await store.prepare()
    assert await client[database].traces.index_information() == before
    assert {"strategy_1_at_-1", "symbol_1_at_-1", "verdict_1_at_-1"} < set(before)


@pytest.mark.parametrize("odd", [{"record": "x" * 17_000_000}, {"revision": 2**70}])
async def test_what_can_never_be_stored_is_told_apart(
    store: MongoTraceStore, odd: Document
) -> None:
    good, bad = traces_of(verdict_line("d1"), verdict_line("d2"))
    with pytest.raises(ValueError, match=r"large|8-byte"):
        await store.store([good, bad | odd])
    await store.store([good])
    assert await store.verdicts_of(["d1", "d2"]) == {"d1": "approve"}


async def test_a_line_is_set_aside_once(
    store: MongoTraceStore, client: MongoClient, database: str
) -> None:
    _, lines = read_entries(entries([b"odd", b"odder"]))
    await store.set_aside(lines[:1])
    await store.set_aside(lines)
    assert await client[database].unreadable.find().to_list() == lines


async def test_verdicts_are_found_by_decision(store: MongoTraceStore) -> None:
    await store.store(traces_of(verdict_line("d1"), verdict_line("d2", VerdictKind.DENY)))
    found = await store.verdicts_of(["d1", "d2", "d3"])
    assert found == {"d1": "approve", "d2": "deny"}


async def test_the_newest_sequence_at_a_moment_is_found(store: MongoTraceStore) -> None:
    assert await store.sequence_at(NOON) == 0
    early, late = traces_of(verdict_line("d1"), verdict_line("d2"))
    await store.store([early, late | {"journaled_at": NOON + timedelta(hours=1)}])
    assert await store.sequence_at(NOON) == 1
    assert await store.sequence_at(NOON + timedelta(hours=2)) == 2
    assert await store.sequence_at(NOON - timedelta(hours=2)) == 0


async def test_a_server_that_is_away_is_unavailable(tmp_path: Path) -> None:
    server = await start_mongo(tmp_path)
    client = connect_mongo(server.url)
    store = MongoTraceStore(client, "petrosa_cio", timeout_s=0.5)
    await server.stop()
    with pytest.raises(Unavailable, match="mongo"):
        await store.prepare()
    with pytest.raises(Unavailable, match="mongo"):
        await store.store(traces_of(verdict_line("d1")))
    with pytest.raises(Unavailable, match="mongo"):
        await store.verdicts_of(["d1"])
    await client.close()
