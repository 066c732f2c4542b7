"""How the record is searched in MongoDB: by which index, for how long, and what is not a record."""

from collections.abc import AsyncIterator
from typing import Any
from uuid import uuid4

import pytest

from petrosa_cio.adapters.mongo_connection import MongoClient, connect_mongo
from petrosa_cio.adapters.mongo_search import SPANS, MongoSearch, page_stages
from petrosa_cio.adapters.mongo_traces import MongoTraceStore
from petrosa_cio.audit.search import Finder
from petrosa_cio.errors import RecordUnreadable, Unavailable
from petrosa_cio.ports import Place, RecordQuery
from tests.records import NOON, keep, verdict_line

pytestmark = pytest.mark.integration


@pytest.fixture
async def client(mongo_url: str) -> AsyncIterator[MongoClient]:
    client = connect_mongo(mongo_url)
    yield client
    await client.close()


@pytest.fixture
async def database(client: MongoClient) -> AsyncIterator[str]:
    database = uuid4().hex
    store = MongoTraceStore(client, database)
    await store.prepare()
    await keep(store, *(verdict_line(f"d{number}") for number in range(20)), at=NOON)
    yield database
    await client.drop_database(database)


def scans_in(plan: Any) -> list[tuple[str, str | None]]:
    """Return how a plan reads: the stage, and the index it uses."""
    if isinstance(plan, list):
        return [scan for one in plan for scan in scans_in(one)]
    if not isinstance(plan, dict):
        return []
    own = [(plan["stage"], plan.get("indexName"))] if "SCAN" in str(plan.get("stage")) else []
    return own + [scan for one in plan.values() for scan in scans_in(one)]


INDEXES: tuple[tuple[dict[str, Any], str], ...] = (
    ({"since": NOON}, "at_-1"),
    ({"strategy": "momentum"}, "strategy_1_at_-1"),
    ({"symbol": "BTCUSDT"}, "symbol_1_at_-1"),
    ({"verdicts": frozenset({"deny"})}, "verdict_1_at_-1"),
    ({"codes": frozenset({"FUND_HALTED"}), "strategy": "momentum"}, "codes_1_at_-1"),
    ({"kinds": frozenset({"change"})}, "kind_1_at_-1"),
    ({"trace_id": "0" * 32, "strategy": "momentum"}, "trace_id_1"),
    ({"intent_id": "i-1"}, "stated_id_1"),
    ({"decision_id": "d1"}, "decision_id_1"),
)


@pytest.mark.parametrize("after", [None, Place(NOON, 12)])
@pytest.mark.parametrize("oldest_first", [False, True])
async def test_each_question_has_its_index(
    client: MongoClient, database: str, oldest_first: bool, after: Place | None
) -> None:
    for asked, index in INDEXES:
        query = RecordQuery(**asked, oldest_first=oldest_first)
        for near in ((NOON, SPANS[0]), None):
            stages = page_stages(query, after, 20, 5, near)
            asking = {"aggregate": "traces", "pipeline": stages, "cursor": {}}
            found = await client[database].command("explain", asking)
            plan = found["stages"][0]["$cursor"]["queryPlanner"]["winningPlan"]
            assert scans_in(plan) == [("IXSCAN", index)], query


async def test_a_search_that_takes_too_long_is_broken_off(
    client: MongoClient, database: str
) -> None:
    hasty = MongoSearch(client, database, timeout_s=1e-6)
    with pytest.raises(Unavailable, match=r"took longer than 1e-06 s; ask for less"):
        await hasty.page(RecordQuery(), after=None, last=20_000, most=5)


async def test_a_record_that_somebody_changed_is_named(client: MongoClient, database: str) -> None:
    traces = client[database].traces
    await client[database].command("collMod", "traces", validator={})
    await traces.update_one({"seq": 7}, {"$set": {"codes": "many"}})
    search = MongoSearch(client, database)
    with pytest.raises(RecordUnreadable, match="record 7 cannot be read"):
        await Finder(search).find(RecordQuery())
    with pytest.raises(RecordUnreadable, match="cio audit verify"):
        [one async for one in search.walk(RecordQuery(), last=20)]


async def test_mongo_that_is_away_is_told() -> None:
    client = connect_mongo("mongodb://127.0.0.1:9/")
    with pytest.raises(Unavailable, match="mongo"):
        await Finder(MongoSearch(client, "any")).find(RecordQuery())
    await client.close()
