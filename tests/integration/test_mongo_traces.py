from collections.abc import AsyncIterator
from datetime import timedelta
from pathlib import Path
from uuid import uuid4

import pytest

from petrosa_cio.adapters.embedded import start_mongo
from petrosa_cio.adapters.mongo_connection import MongoClient, connect_mongo
from petrosa_cio.adapters.mongo_findings import MongoFindings
from petrosa_cio.adapters.mongo_traces import MongoTraceStore
from petrosa_cio.audit.chain import GENESIS, Document, chained, hash_of, head_at
from petrosa_cio.audit.record import Change, change_record
from petrosa_cio.audit.trace import instead, place_of, read_entries
from petrosa_cio.errors import Misconfigured, Unavailable
from petrosa_cio.ports import Appended
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
    return chained(GENESIS, read_entries(entries(*([line] for line in lines))).traces)


async def test_a_trace_is_kept_as_it_is(
    store: MongoTraceStore, client: MongoClient, database: str
) -> None:
    traces = traces_of(verdict_line("d1"), later_line("d1"), b"odd")
    assert await store.append(traces) == Appended(3)
    stored = await client[database].traces.find().sort("seq").to_list()
    assert stored == traces
    assert [hash_of(one) for one in stored] == [one["hash"] for one in traces]
    assert await store.head() == head_at(traces[-1])


async def test_thoughts_show_the_changes_among_the_records(
    store: MongoTraceStore, client: MongoClient, database: str
) -> None:
    thought = Change("policy", "2", "{}", "ann", "as the market has calmed down")
    traces = traces_of(
        verdict_line("d1"), change_record("c1", thought, at=NOON, fund="main"), verdict_line("d2")
    )
    await store.append(traces)
    await store.prepare()  # repeatable
    [found] = await client[database].thoughts.find().to_list()
    assert found == traces[1]
    assert (found["seq"], found["thought"]) == (2, "as the market has calmed down")


async def test_a_chain_begins_where_nothing_is(store: MongoTraceStore) -> None:
    assert await store.head() is None


async def test_the_end_is_found_whatever_was_known_of_it(
    store: MongoTraceStore, client: MongoClient, database: str
) -> None:
    traces = traces_of(*(verdict_line(f"d{number}") for number in range(3)))
    await store.append(traces)
    assert await store.head() == head_at(traces[2])
    await client[database].traces.delete_one({"seq": 3})
    assert await store.head() == head_at(traces[1])
    await client[database].checkpoints.insert_one({"seq": 9}, bypass_document_validation=True)
    assert await MongoTraceStore(client, database).head() == head_at(traces[1])


async def test_what_is_stored_already_stops_the_rest(
    store: MongoTraceStore, client: MongoClient, database: str
) -> None:
    traces = traces_of(*(verdict_line(f"d{number}") for number in range(4)))
    assert await store.append(traces[:1]) == Appended(1)
    assert await store.append(traces) == Appended(0)
    assert await store.append([*traces[1:3], traces[0], traces[3]]) == Appended(2)
    assert await store.stored(["d0", "d2", "d3"]) == {"d0", "d2"}
    assert await client[database].traces.count_documents({}) == 3


@pytest.mark.parametrize("takes", ["position", "identity"])
async def test_a_place_and_an_identity_are_taken_once(store: MongoTraceStore, takes: str) -> None:
    first, second = traces_of(verdict_line("d1"), verdict_line("d2"))
    await store.append([first])
    other = second | ({"seq": 1} if takes == "position" else {"_id": "d1"})
    assert await store.append([other]) == Appended(0)
    assert await store.head() == head_at(first)


async def test_preparing_again_finds_the_indexes(
    store: MongoTraceStore, client: MongoClient, database: str
) -> None:
    before = await client[database].traces.index_information()
    await store.prepare()
    assert await client[database].traces.index_information() == before
    assert before["place_in_chain"]["unique"]
    names = ("strategy", "symbol", "verdict", "codes", "kind")
    newest_by = {"at_-1", *(f"{name}_1_at_-1" for name in names)}
    assert newest_by | {"trace_id_1", "decision_id_1", "stated_id_1"} < set(before)


async def test_records_from_before_the_chain_are_not_mixed_with_it(
    client: MongoClient, database: str
) -> None:
    await client[database].traces.insert_one({"_id": "d1", "kind": "verdict"})
    with pytest.raises(Misconfigured, match="before records were chained"):
        await MongoTraceStore(client, database).prepare()


@pytest.mark.parametrize(
    "odd",
    [
        {"record": "x" * 17_000_000}, {"policy_revision": 2**70}, {"hash": "short"}, {"codes": [1]},
        {"seq": 0}, {"journaled_at": "noon"},
    ],
)  # fmt: skip
async def test_what_can_never_be_stored_is_told_apart(
    store: MongoTraceStore, odd: Document
) -> None:
    good, bad = traces_of(verdict_line("d1"), verdict_line("d2"))
    told = await store.append([good, bad | odd])
    assert told.refused == 1
    assert told.why
    await store.append([good])
    assert await store.verdicts_of(["d1", "d2"]) == {"d1": "approve"}


async def test_what_stands_for_a_poisoned_record_is_no_verdict(store: MongoTraceStore) -> None:
    [trace] = traces_of(verdict_line("d1"))
    stand_in = instead(b"raw", "too large", place_of(trace), trace)
    assert await store.append(chained(GENESIS, [stand_in])) == Appended(1)
    assert await store.stored(["d1"]) == {"d1"}
    assert await store.verdicts_of(["d1"]) == {}


async def test_a_line_is_set_aside_once(
    store: MongoTraceStore, client: MongoClient, database: str
) -> None:
    lines = read_entries(entries([b"odd", b"odder"])).aside
    assert await store.set_aside(lines[:1]) == 1
    assert await store.set_aside(lines) == 1
    assert await client[database].poisoned.find().to_list() == lines
    assert await store.poisoned() == 2


async def test_verdicts_are_found_by_decision(store: MongoTraceStore) -> None:
    await store.append(traces_of(verdict_line("d1"), verdict_line("d2", VerdictKind.DENY)))
    found = await store.verdicts_of(["d1", "d2", "d3"])
    assert found == {"d1": "approve", "d2": "deny"}


async def test_the_newest_sequence_at_a_moment_is_found(store: MongoTraceStore) -> None:
    assert await store.sequence_at(NOON) == 0
    early, late = traces_of(verdict_line("d1"), verdict_line("d2"))
    await store.append([early, late | {"journaled_at": NOON + timedelta(hours=1)}])
    assert await store.sequence_at(NOON) == 1
    assert await store.sequence_at(NOON + timedelta(hours=2)) == 2
    assert await store.sequence_at(NOON + timedelta(hours=20)) == 2
    assert await store.sequence_at(NOON + timedelta(days=20)) == 2
    assert await store.sequence_at(NOON - timedelta(hours=2)) == 0


async def test_a_server_that_is_away_is_unavailable(tmp_path: Path) -> None:
    server = await start_mongo(tmp_path)
    client = connect_mongo(server.url)
    store = MongoTraceStore(client, "petrosa_cio", timeout_s=0.5)
    await server.stop()
    with pytest.raises(Unavailable, match="mongo"):
        await store.prepare()
    with pytest.raises(Unavailable, match="mongo"):
        await store.append(traces_of(verdict_line("d1")))
    with pytest.raises(Unavailable, match="mongo"):
        await store.verdicts_of(["d1"])
    await client.close()


async def test_decisions_are_asked_for_in_portions_and_none_is_left_out(
    store: MongoTraceStore, client: MongoClient, database: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("petrosa_cio.adapters.mongo_findings.ASKED_TOGETHER", 2)
    names = [f"d{number}" for number in range(5)]
    await store.append(traces_of(*map(verdict_line, names), later_line("d4")))
    found = await MongoFindings(client, database).kept([*names, "d0", "strange"])
    assert found.keys() == set(names)
    assert [name for name, kept in found.items() if kept.has("withdrawal")] == ["d4"]
