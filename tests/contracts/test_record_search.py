"""Records are found: in memory and in MongoDB."""

from collections.abc import AsyncIterator
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from uuid import uuid4

import pytest
from msgspec import structs

from petrosa_cio.adapters import mongo_search
from petrosa_cio.adapters.mongo_connection import connect_mongo
from petrosa_cio.adapters.mongo_search import MongoSearch
from petrosa_cio.adapters.mongo_traces import MongoTraceStore
from petrosa_cio.audit.record import Change, change_record
from petrosa_cio.audit.search import Finder
from petrosa_cio.ports import RecordQuery, RecordSearch, StoredRecord
from petrosa_cio.risk.parse import Malformed
from petrosa_cio.risk.reasons import ReasonCode
from petrosa_cio.risk.verdict import VerdictKind
from tests.fakes import FakeSearch
from tests.records import INTENT, NOON, Appendable, keep, later_line, verdict_line

HOUR = timedelta(hours=1)
ALL = RecordQuery()
HALTED, STALE = ReasonCode.FUND_HALTED, ReasonCode.INTENT_STALE


@dataclass
class Record:
    """A record that is written and searched."""

    kept: Appendable
    search: RecordSearch

    async def keep(self, *lines: bytes, at: datetime = NOON) -> None:
        await keep(self.kept, *lines, at=at)

    async def names(self, query: RecordQuery, limit: int = 50) -> list[str | None]:
        page = await Finder(self.search).find(query, limit=limit)
        return [one.decision_id for one in page.records]

    async def walked(
        self, query: RecordQuery, last: int | None = None, after: int = 0
    ) -> list[StoredRecord]:
        last = await self.search.last_position() if last is None else last
        return [one async for one in self.search.walk(query, last=last, after=after)]


@pytest.fixture(params=["memory", "mongo"])
async def record(request: pytest.FixtureRequest, mongo_url: str) -> AsyncIterator[Record]:
    if request.param == "memory":
        fake = FakeSearch()
        yield Record(fake, fake)
        return
    client, database = connect_mongo(mongo_url), uuid4().hex
    store = MongoTraceStore(client, database)
    await store.prepare()
    yield Record(store, MongoSearch(client, database))
    await client.drop_database(database)
    await client.close()


async def test_an_empty_record_has_nothing(record: Record) -> None:
    page = await Finder(record.search).find(ALL)
    assert (page.records, page.cursor, page.last_position) == ((), None, 0)
    assert await record.walked(ALL) == []


async def test_a_record_is_found_with_all_that_is_stored(record: Record) -> None:
    line = verdict_line("d1", VerdictKind.DENY, HALTED, STALE)
    await record.keep(line)
    (found,) = (await Finder(record.search).find(ALL)).records
    assert found == (await record.walked(ALL))[0]
    assert (found.seq, found.prev_hash, found.kind) == (1, "0" * 64, "verdict")
    assert found.hash == (await record.kept.head()).hash  # type: ignore[union-attr]
    assert (found.at, found.journaled_at, found.fund) == (NOON, NOON, "main")
    assert (found.strategy, found.symbol, found.action) == ("momentum", "BTCUSDT", "buy")
    assert (found.intent_id, found.verdict) == ("i-1", "deny")
    assert found.codes == ("FUND_HALTED", "INTENT_STALE")
    assert found.record == line.decode()


async def test_what_is_asked_for_is_found_and_nothing_else(record: Record) -> None:
    other = structs.replace(INTENT, strategy="golden", symbol="ETHUSDT", stated_id="i-2")
    await record.keep(verdict_line("d1"), verdict_line("d2", VerdictKind.DENY, HALTED, STALE))
    await record.keep(verdict_line("d3", VerdictKind.DENY, STALE, intent=other))
    await record.keep(verdict_line("d4", VerdictKind.REDUCE, intent=Malformed("no JSON")))
    await record.keep(later_line("d1"))
    change = Change("policy", "1", "{}", "olga", "calmer")
    await record.keep(change_record("c1", change, at=NOON, fund="other"))
    (of_d2,) = (await Finder(record.search).find(RecordQuery(decision_id="d2"))).records
    for query, expected in (
        (RecordQuery(strategy="momentum"), ["d2", "d1"]),
        (RecordQuery(symbol="ETHUSDT"), ["d3"]),
        (RecordQuery(verdicts=frozenset({"deny"})), ["d3", "d2"]),
        (RecordQuery(verdicts=frozenset({"approve", "reduce"})), ["d4", "d1"]),
        (RecordQuery(codes=frozenset({"FUND_HALTED"})), ["d2"]),
        (RecordQuery(codes=frozenset({"FUND_HALTED", "INTENT_STALE"})), ["d3", "d2"]),
        (RecordQuery(kinds=frozenset({"withdrawal", "change"})), ["c1", "d1"]),
        (RecordQuery(intent_id="i-2"), ["d3"]),
        (RecordQuery(decision_id="d1"), ["d1", "d1"]),
        (RecordQuery(trace_id=of_d2.trace_id), ["d2"]),
        (RecordQuery(fund="other"), ["c1"]),
        (RecordQuery(strategy="momentum", codes=frozenset({"INTENT_STALE"})), ["d2"]),
        (RecordQuery(strategy="nobody"), []),
    ):
        assert await record.names(query) == expected, query
        forward = [one.decision_id for one in await record.walked(query)]
        assert forward == expected[::-1], query
        assert await record.names(replace(query, oldest_first=True)) == forward, query


async def test_a_span_begins_with_its_start_and_ends_before_its_end(record: Record) -> None:
    for number in range(4):
        await record.keep(verdict_line(f"d{number}"), at=NOON + number * HOUR)
    query = RecordQuery(since=NOON + HOUR, until=NOON + 3 * HOUR)
    assert await record.names(query) == ["d2", "d1"]
    assert [one.decision_id for one in await record.walked(query)] == ["d1", "d2"]
    assert await record.names(RecordQuery(until=NOON)) == []
    assert await record.names(RecordQuery(since=NOON.max.replace(tzinfo=UTC))) == []
    assert await record.names(RecordQuery(until=NOON.min.replace(tzinfo=UTC))) == []
    assert await record.names(RecordQuery(since=NOON + 3 * HOUR)) == ["d3"]


@pytest.mark.parametrize("oldest_first", [False, True])
@pytest.mark.parametrize("query", [ALL, RecordQuery(strategy="momentum", since=NOON - 60 * HOUR)])
async def test_pages_have_each_record_once_whatever_comes_meanwhile(
    record: Record, query: RecordQuery, oldest_first: bool
) -> None:
    """Many at one moment, some far apart, some late: told of before what is already there."""
    moments = [NOON, NOON, NOON, NOON - 50 * HOUR, NOON, NOON - 2 * HOUR, NOON + HOUR]
    for number, at in enumerate(moments):
        await record.keep(verdict_line(f"d{number}"), at=at)
    query = replace(query, oldest_first=oldest_first)
    whole = await record.names(query)
    assert len(whole) == len(moments)
    finder, cursor, found = Finder(record.search), None, list[str | None]()
    for number in range(20):
        page = await finder.find(query, limit=2, cursor=cursor)
        assert page.last_position == len(moments)
        found += [one.decision_id for one in page.records]
        cursor = page.cursor
        if cursor is None:
            break
        late = NOON + HOUR * (number % 3 - 1)
        await record.keep(verdict_line(f"late{number}"), at=late)
    assert found == whole


async def test_a_page_that_is_just_full_is_the_last(record: Record) -> None:
    await record.keep(verdict_line("d1"), verdict_line("d2"))
    assert (await Finder(record.search).find(ALL, limit=2)).cursor is None
    assert (await Finder(record.search).find(ALL, limit=1)).cursor is not None


async def test_a_walk_ends_where_it_is_told_and_passes_every_portion(
    record: Record, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(mongo_search, "POSITIONS", 3)
    await record.keep(*(verdict_line(f"d{number}") for number in range(1, 11)))
    assert [one.seq for one in await record.walked(ALL)] == list(range(1, 11))
    assert [one.seq for one in await record.walked(ALL, last=7)] == list(range(1, 8))
    assert [one.seq for one in await record.walked(ALL, last=7, after=2)] == list(range(3, 8))
    assert await record.walked(ALL, last=7, after=7) == []


async def test_what_stands_for_a_poisoned_line_is_found(record: Record) -> None:
    await record.keep(b"odd", verdict_line("d2"))
    (found,) = (
        await Finder(record.search).find(RecordQuery(kinds=frozenset({"poisoned"})))
    ).records
    assert (found.seq, found.decision_id, found.record, found.codes) == (1, None, None, ())
