"""The drain between a real journal and a real database."""

from collections.abc import AsyncIterator
from datetime import timedelta
from pathlib import Path

import pytest

from petrosa_cio.adapters.embedded import start_mongo
from petrosa_cio.adapters.embedded.process import ServerProcess
from petrosa_cio.adapters.mongo_connection import connect_mongo
from petrosa_cio.adapters.nats_streams import JOURNAL
from petrosa_cio.audit.drain import KEEP
from petrosa_cio.audit.record import RecordKind
from petrosa_cio.risk.reasons import ReasonCode
from petrosa_cio.risk.verdict import VerdictKind
from tests.integration.drain_world import DATABASE, DrainWorld, drain_world
from tests.records import later_line, verdict_line
from tests.waiting import eventually

pytestmark = pytest.mark.integration

DENIED = (VerdictKind.DENY, ReasonCode.LEDGER_UNAVAILABLE)


@pytest.fixture
async def world(own_nats: ServerProcess, mongo_url: str) -> AsyncIterator[DrainWorld]:
    mongo = connect_mongo(mongo_url)
    await mongo.drop_database(DATABASE)
    await mongo.close()
    async with drain_world(own_nats.url, mongo_url) as world:
        yield world


async def test_what_a_gate_journaled_is_stored_byte_for_byte(world: DrainWorld) -> None:
    lines = [verdict_line("d1"), verdict_line("d2", *DENIED)]
    await world.journal(*lines)
    await world.journal(later_line("d1", RecordKind.UNDELIVERED))
    async with world.draining():
        found = await eventually(lambda: world.has("d1", "d2", "d1:undelivered"))
        assert [found[0]["record"].encode(), found[2]["record"].encode()] == lines
        assert [one["journal_sequence"] for one in found] == [1, 2, 1]
        await eventually(world.position)
        await world.journal(verdict_line("d3"))
        await eventually(lambda: world.has("d1", "d2", "d1:undelivered", "d3"))
        await eventually(lambda: (world.tally.records, world.tally.new) == (4, 4))


async def test_redelivery_and_repetition_store_once(world: DrainWorld) -> None:
    await world.journal(verdict_line("d1"))
    await world.journal(verdict_line("d1", *DENIED), later_line("d1"))
    lost = await world.deliveries()
    assert await lost.next_batch(9)  # taken by a drain that ends before it acknowledges
    await lost.stop()
    async with world.draining():
        found = await eventually(lambda: world.has("d1", "d1:withdrawal"))
        assert found[0]["verdict"] == "approve"
        await eventually(world.caught_up_to(2))
    async with world.draining():
        await world.journal(verdict_line("d1", *DENIED), verdict_line("d2"))
        await eventually(lambda: world.has("d1", "d1:withdrawal", "d2"))
        await eventually(lambda: world.tally.new == 3)


async def test_a_new_drain_waits_for_what_the_old_one_left(world: DrainWorld) -> None:
    await world.journal(verdict_line("d1"))
    lost = await world.deliveries()
    assert await lost.next_batch(1)
    await lost.stop()
    await world.journal(verdict_line("d1", *DENIED), later_line("d1"))
    async with world.draining():
        found = await eventually(lambda: world.has("d1", "d1:withdrawal"))
    assert found[0]["verdict"] == "approve"


async def test_a_line_that_is_no_record_is_set_aside(world: DrainWorld) -> None:
    await world.journal(verdict_line("d1"), b'{"kind": ', verdict_line("d2"))
    async with world.draining():
        await eventually(world.caught_up_to(1))
    assert [one["kind"] for one in await world.chain()] == ["verdict", "poisoned", "verdict"]
    [kept] = await world.mongo[DATABASE].poisoned.find().to_list()
    assert kept["raw"] == "eyJraW5kIjog"
    assert world.tally.aside == 1
    assert (await world.proof()).proven_until == 3


async def test_a_database_that_is_away_loses_nothing(
    own_nats: ServerProcess, tmp_path: Path
) -> None:
    server = await start_mongo(tmp_path / "mongo")
    async with drain_world(own_nats.url, server.url, timeout_s=0.5) as world:
        await world.journal(verdict_line("d1"))
        async with world.draining():
            await eventually(lambda: world.has("d1"))
            await server.stop()
            await world.journal(verdict_line("d2"))
            await eventually(lambda: "mongo" in world.tally.away)
            await world.journal(verdict_line("d3"))
            await server.start()
            await eventually(lambda: world.has("d1", "d2", "d3"))
            await eventually(world.caught_up_to(3))
        assert (await world.proof()).proven_until == 3
    await server.stop()


async def test_the_journal_keeps_what_is_young_or_not_acknowledged(world: DrainWorld) -> None:
    await world.journal(verdict_line("d1"))
    await world.journal(verdict_line("d2"))
    async with world.draining():
        await eventually(world.caught_up_to(2))
    drain = await world.drain()
    await drain.purge()
    assert (await world.nats.jetstream().stream_info(JOURNAL)).state.messages == 2
    world.now += KEEP + timedelta(minutes=1)
    await world.journal(verdict_line("d3"))
    await drain.purge()
    state = (await world.nats.jetstream().stream_info(JOURNAL)).state
    assert (state.first_seq, state.messages) == (3, 1)
