"""What every store of proposals and of tokens promises: in memory and in MongoDB."""

from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import timedelta
from uuid import uuid4

import pytest

from petrosa_cio.adapters.memory_proposals import MemoryProposals, MemoryTokens
from petrosa_cio.adapters.mongo_connection import MongoClient, connect_mongo
from petrosa_cio.adapters.mongo_proposals import MongoProposals
from petrosa_cio.adapters.mongo_schema import OVERRIDES, prepare_collections
from petrosa_cio.adapters.mongo_tokens import MongoTokens
from petrosa_cio.errors import Unavailable
from petrosa_cio.ports import (
    Proposal,
    ProposalStep,
    ProposalStore,
    Revocation,
    StepKind,
    TokenEntry,
    TokenStore,
)
from tests.governing import NOON, THOUGHT

pytestmark = pytest.mark.integration

FIRST = Proposal(
    "a1" * 32, "main", 1, None, '{"policy":{}}', "ann", "risk_officer", THOUGHT, NOON,
    NOON + timedelta(hours=24),
)  # fmt: skip
SECOND = replace(
    FIRST, proposal_id="a2" * 32, content_of=1, at=NOON + timedelta(seconds=1), what_if="{}"
)
STEP = ProposalStep(FIRST.proposal_id, StepKind.APPROVE, "bob", "risk_officer", "fine", NOON)
ENTRY = TokenEntry("f" * 16, "f" * 64, "ann", "operator", "ada", NOON, None)
ENDING = replace(
    ENTRY, token_id="e" * 16, made_at=NOON + timedelta(1), expires_at=NOON + timedelta(2)
)


@pytest.fixture
async def mongo(mongo_url: str) -> AsyncIterator[MongoClient]:
    client = connect_mongo(mongo_url)
    yield client
    await client.close()


@pytest.fixture
async def database(mongo: MongoClient) -> str:
    name = uuid4().hex
    await prepare_collections(mongo[name])
    return name


@pytest.fixture(params=["memory", "mongo"])
def store(request: pytest.FixtureRequest, mongo: MongoClient, database: str) -> ProposalStore:
    if request.param == "memory":
        return MemoryProposals()
    return MongoProposals(mongo, database, "main")


@pytest.fixture(params=["memory", "mongo"])
def tokens(request: pytest.FixtureRequest, mongo: MongoClient, database: str) -> TokenStore:
    return MemoryTokens() if request.param == "memory" else MongoTokens(mongo, database, "main")


async def test_proposals_are_found_as_they_were_the_newest_first(store: ProposalStore) -> None:
    assert await store.proposals() == []
    for one in (FIRST, SECOND):
        assert await store.propose(one)
    assert await store.proposals() == [SECOND, FIRST]
    assert await store.proposals(limit=1) == [SECOND]
    assert await store.proposals(called="a1a1") == [FIRST]
    assert await store.proposals(called=SECOND.proposal_id) == [SECOND]
    assert await store.proposals(called="b") == []


async def test_a_proposal_is_not_exchanged_under_its_name(store: ProposalStore) -> None:
    assert await store.propose(FIRST)
    assert not await store.propose(replace(FIRST, document="{}"))
    assert await store.proposals() == [FIRST]


async def test_nobody_takes_a_step_twice(store: ProposalStore) -> None:
    later = replace(STEP, author="ada", at=NOON + timedelta(seconds=5))
    other = replace(STEP, kind=StepKind.REJECT, at=NOON + timedelta(seconds=9))
    for one in (later, other, STEP):
        assert await store.step(one)
    assert not await store.step(replace(STEP, reason="again"))
    assert not await store.step(replace(STEP, author="BOB"))
    assert await store.steps([FIRST.proposal_id, "b" * 64]) == [STEP, later, other]
    assert await store.steps([SECOND.proposal_id]) == []


async def test_tokens_are_kept_once_and_revoked_once(tokens: TokenStore) -> None:
    assert await tokens.token(ENTRY.token_id) is None
    for one in (ENDING, ENTRY):
        assert await tokens.add_token(one)
    assert not await tokens.add_token(replace(ENTRY, name="eve", role="admin"))
    assert await tokens.tokens() == [ENTRY, ENDING]
    assert await tokens.token(ENDING.token_id) == ENDING
    gone = Revocation(ENTRY.token_id, "ada", "left", NOON)
    assert await tokens.revocations() == {}
    assert await tokens.revoke(gone)
    assert not await tokens.revoke(replace(gone, reason="again"))
    assert await tokens.revocations() == {ENTRY.token_id: gone}


async def test_funds_know_nothing_of_each_other(mongo: MongoClient, database: str) -> None:
    here, there = (MongoTokens(mongo, database, fund) for fund in ("main", "other"))
    await here.add_token(ENTRY)
    assert await there.tokens() == []
    assert await there.token(ENTRY.token_id) is None
    await MongoProposals(mongo, database, "main").propose(FIRST)
    assert await MongoProposals(mongo, database, "other").proposals() == []


async def test_overrides_and_changes_of_policy_are_kept_apart(
    mongo: MongoClient, database: str
) -> None:
    policies = MongoProposals(mongo, database, "main")
    overrides = MongoProposals(mongo, database, "main", collection=OVERRIDES)
    await policies.propose(FIRST)
    await overrides.propose(SECOND)
    assert await policies.proposals() == [FIRST]
    assert await overrides.proposals() == [SECOND]
    assert await overrides.step(replace(STEP, proposal_id=SECOND.proposal_id))
    assert await policies.steps([FIRST.proposal_id]) == []


async def test_without_mongo_nobody_is_believed_and_nothing_is_proposed() -> None:
    client = connect_mongo("mongodb://127.0.0.1:1/?serverSelectionTimeoutMS=50")
    with pytest.raises(Unavailable):
        await MongoTokens(client, "none", "main", timeout_s=0.2).token(ENTRY.token_id)
    with pytest.raises(Unavailable):
        await MongoProposals(client, "none", "main", timeout_s=0.2).propose(FIRST)
    await client.close()


async def test_a_proposal_of_before_there_was_a_what_if_reads(
    mongo: MongoClient, database: str
) -> None:
    store = MongoProposals(mongo, database, "main")
    assert await store.propose(FIRST)
    await mongo[database]["proposals"].update_one({}, {"$unset": {"what_if": ""}})
    assert await store.proposals() == [FIRST]
