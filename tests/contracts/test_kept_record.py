"""A record that is archived, pruned and put back: in memory and in MongoDB."""

from collections.abc import AsyncIterator
from dataclasses import asdict, dataclass
from datetime import timedelta
from uuid import uuid4

import pytest

from petrosa_cio.adapters.mongo_archive import MongoArchiveSource, MongoRestoreStore
from petrosa_cio.adapters.mongo_connection import MongoClient, connect_mongo
from petrosa_cio.adapters.mongo_prune import MongoPruneStore
from petrosa_cio.audit.archiving import ArchiveSource
from petrosa_cio.audit.beginning import read_beginning, sign_beginning
from petrosa_cio.audit.holds import Held, hold_change
from petrosa_cio.audit.pruning import PruneStore
from petrosa_cio.audit.record import change_record
from petrosa_cio.audit.restoring import RestoreStore
from petrosa_cio.ports import Head
from tests.archives import MemoryRecord
from tests.chains import CHAIN, SIGNER
from tests.records import NOON, verdict_line

HOUR = timedelta(hours=1)


@dataclass
class Sides:
    """The three sides of a record, each as whoever needs it sees it."""

    source: ArchiveSource
    prune: PruneStore
    restore: RestoreStore


@pytest.fixture
async def client(mongo_url: str) -> AsyncIterator[MongoClient]:
    client = connect_mongo(mongo_url)
    yield client
    await client.close()


@pytest.fixture(params=["memory", "mongo"])
async def sides(request: pytest.FixtureRequest, client: MongoClient) -> AsyncIterator[Sides]:
    if request.param == "memory":
        memory = MemoryRecord()
        yield Sides(memory, memory, memory)
        return
    name = uuid4().hex
    yield Sides(
        MongoArchiveSource(client, name),
        MongoPruneStore(client, name),
        MongoRestoreStore(client, name),
    )
    await client.drop_database(name)


@pytest.fixture
async def model(sides: Sides) -> MemoryRecord:
    """What was put into the record: five traces, the second poisoned, a hold, a checkpoint."""
    model = MemoryRecord()
    for line in (verdict_line("d1"), b"odd", verdict_line("d3"), verdict_line("d4")):
        model.store(line)
    change = hold_change("hold-1", Held(name="d1"), author="counsel", reason="inquiry")
    model.store(change_record("hold-1", change, at=NOON, fund=CHAIN))
    model.sign()
    await sides.restore.prepare()
    await sides.restore.put("checkpoints", model.checkpoints_kept)
    await sides.restore.put("poisoned", list(model.aside.values()))
    await sides.restore.put("records", model.traces)
    return model


async def test_an_empty_record(sides: Sides) -> None:
    await sides.restore.prepare()
    assert await sides.restore.content() == []
    assert await sides.source.beginning() is None
    assert await sides.prune.first() == 0
    assert await sides.prune.changes("hold-", "hold.") == []
    assert [one async for one in sides.source.others()] == []


async def test_what_was_put_in_is_found(sides: Sides, model: MemoryRecord) -> None:
    assert set(await sides.restore.content()) == {"traces", "checkpoints", "poisoned"}
    found = [one async for page in sides.source.records(1, 5) for one in page]
    assert found == model.traces
    found = [one async for page in sides.source.checkpoints(1, 5) for one in page]
    assert found == model.checkpoints_kept
    [name] = model.aside
    assert await sides.source.poisoned(name) == model.aside[name]


async def test_changes_are_found_by_their_identities(sides: Sides, model: MemoryRecord) -> None:
    [found] = await sides.prune.changes("hold-", "hold.")
    assert found.decode() == model.traces[4]["record"]
    assert await sides.prune.changes("hold.", "i") == []


async def test_records_go_from_the_lowest_on_with_what_was_set_aside(
    sides: Sides, model: MemoryRecord
) -> None:
    [aside] = model.aside
    assert await sides.prune.hash_at(2) == model.traces[1]["hash"]
    assert await sides.prune.remove([aside], 3) == 3
    assert await sides.prune.remove([aside], 3) == 0
    assert (await sides.prune.first(), await sides.prune.last(1)) == (4, 5)
    assert await sides.prune.poisoned(aside) is None
    assert await sides.prune.hash_at(2) is None


async def test_checkpoints_go_up_to_a_position(sides: Sides, model: MemoryRecord) -> None:
    await sides.prune.remove_checkpoints(4)
    assert await sides.prune.signed_until() == 5
    await sides.prune.remove_checkpoints(5)
    assert await sides.prune.signed_until() == 0


async def test_the_newest_beginning_counts_and_is_stated_once(sides: Sides) -> None:
    await sides.restore.prepare()
    for seq in (3, 9, 6):
        stated = sign_beginning(SIGNER, CHAIN, Head(seq, "a" * 64), "b" * 64, NOON)
        await sides.prune.state_beginning(str(seq), asdict(stated))
    again = sign_beginning(SIGNER, CHAIN, Head(9, "c" * 64), "b" * 64, NOON + HOUR)
    await sides.prune.state_beginning("9", asdict(again))
    found = await sides.prune.beginning()
    assert found
    assert read_beginning(found).head == Head(9, "a" * 64)


async def test_all_else_comes_back_exactly(client: MongoClient) -> None:
    name, other = uuid4().hex, uuid4().hex
    prune, source = MongoPruneStore(client, name), MongoArchiveSource(client, name)
    again = MongoRestoreStore(client, other)
    await MongoRestoreStore(client, name).prepare()
    await again.prepare()
    stated = asdict(sign_beginning(SIGNER, CHAIN, Head(3, "a" * 64), "b" * 64, NOON))
    await prune.state_beginning("3", stated)
    async for kind, lines in source.others():
        await again.put_others(kind, lines)
    for database in (name, other):
        assert await client[database].beginnings.find().to_list() == [{"_id": "3", **stated}]
        await client.drop_database(database)


async def test_the_last_record_and_checkpoint_before_a_moment(client: MongoClient) -> None:
    name = uuid4().hex
    source, store = MongoArchiveSource(client, name), MongoRestoreStore(client, name)
    assert await source.journaled_before(NOON) == 0
    assert await source.signed_before(9) == 0
    model = MemoryRecord()
    for hours in range(3):
        model.store(verdict_line(f"a{hours}"), verdict_line(f"b{hours}"), at=NOON + hours * HOUR)
        model.sign()
    await store.prepare()
    await store.put("records", model.traces)
    await store.put("checkpoints", model.checkpoints_kept)
    assert await source.journaled_before(NOON) == 0
    assert await source.journaled_before(NOON + HOUR) == 2
    assert await source.journaled_before(NOON + 9 * HOUR) == 6
    assert [await source.signed_before(seq) for seq in (1, 2, 3, 6)] == [0, 2, 2, 6]
    await client.drop_database(name)
