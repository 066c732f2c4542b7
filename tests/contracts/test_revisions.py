"""What every store of revisions promises: in memory and in MongoDB."""

from collections.abc import AsyncIterator
from dataclasses import replace
from uuid import uuid4

import pytest

from petrosa_cio.adapters.memory_revisions import MemoryRevisions
from petrosa_cio.adapters.mongo_connection import connect_mongo
from petrosa_cio.adapters.mongo_revisions import MongoRevisions
from petrosa_cio.adapters.mongo_schema import POLICIES
from petrosa_cio.errors import Unavailable
from petrosa_cio.governance.signing import projected
from petrosa_cio.ports import ChangedField, RevisionStore
from tests.policies import revision, trusting

pytestmark = pytest.mark.integration


@pytest.fixture(params=["memory", "mongo"])
async def store(request: pytest.FixtureRequest, mongo_url: str) -> AsyncIterator[RevisionStore]:
    if request.param == "memory":
        yield MemoryRevisions()
        return
    client = connect_mongo(mongo_url)
    yield MongoRevisions(client, uuid4().hex, "main")
    await client.close()


async def test_an_empty_store_has_no_revision(store: RevisionStore) -> None:
    assert await store.newest() is None
    assert await store.revision(1) is None
    assert await store.history() == []


async def test_what_was_added_is_found_as_it_was_and_still_signed(store: RevisionStore) -> None:
    moved = (ChangedField("fund.min_confidence", "tighter", "", "0.7"),)
    first = replace(revision(1, '{"policy":{"name":"Größe €"}}'), change="first")
    second = replace(revision(2, tightened=1), diff=moved, content_of=1)
    for one in (first, second):
        assert await store.add(one)
    assert await store.newest() == second == await store.revision(2)
    assert await store.revision(1) == first
    for one in await store.history():
        assert trusting().problem_with(projected(one)) is None


async def test_of_two_revisions_of_one_number_the_first_is_kept(store: RevisionStore) -> None:
    assert await store.add(revision(1, "{}"))
    assert not await store.add(revision(1, '{"other":1}'))
    assert await store.revision(1) == revision(1, "{}")


async def test_history_is_read_from_the_newest_on_in_portions(store: RevisionStore) -> None:
    for number in (1, 2, 3, 10, 11):
        assert await store.add(revision(number))
    numbers = [one.revision for one in await store.history(limit=2)]
    assert numbers == [11, 10]
    assert [one.revision for one in await store.history(before=10, limit=2)] == [3, 2]
    assert [one.revision for one in await store.history(before=2)] == [1]
    assert (await store.newest() or revision(1)).revision == 11


async def test_funds_do_not_see_each_other(mongo_url: str) -> None:
    client, database = connect_mongo(mongo_url), uuid4().hex
    one, other = (MongoRevisions(client, database, fund) for fund in ("a", "a-1"))
    assert await one.add(revision(12, fund="a"))
    assert await other.add(revision(2, fund="a-1"))
    found = [await store.newest() for store in (one, other)]
    assert [one.revision for one in found if one] == [12, 2]
    await client.close()


async def test_an_insertion_that_came_twice_is_one(mongo_url: str) -> None:
    client = connect_mongo(mongo_url)
    store = MongoRevisions(client, uuid4().hex, "main")
    assert await store.add(revision(1))
    assert await store.add(revision(1))
    await client.close()


async def test_what_is_no_revision_is_said_to_be_none(mongo_url: str) -> None:
    client, database = connect_mongo(mongo_url), uuid4().hex
    forged = {"_id": "main-1", "fund": "main", "revision": 1, "diff": []}
    await client[database][POLICIES].insert_one(forged)
    with pytest.raises(Unavailable, match="main-1 is no revision"):
        await MongoRevisions(client, database, "main").newest()
    await client.close()


async def test_a_server_that_is_away_is_unavailable() -> None:
    client = connect_mongo("mongodb://127.0.0.1:9/?serverSelectionTimeoutMS=100")
    store = MongoRevisions(client, "x", "main", timeout_s=0.2)
    for call in (store.newest(), store.revision(1), store.history(), store.add(revision(1))):
        with pytest.raises(Unavailable, match="mongo"):
            await call
    await client.close()
