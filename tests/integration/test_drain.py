"""The drain between a real journal and a real database."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from petrosa_cio.adapters.embedded import start_mongo, start_nats
from petrosa_cio.adapters.mongo_connection import MongoClient, connect_mongo
from petrosa_cio.adapters.mongo_traces import MongoTraceStore
from petrosa_cio.adapters.nats_connection import NatsAccess, RobustClient, connect_nats
from petrosa_cio.adapters.nats_deliveries import NatsDeliveries
from petrosa_cio.adapters.nats_journal import NatsJournal, NatsJournalReader
from petrosa_cio.adapters.nats_position import NatsPosition
from petrosa_cio.adapters.nats_streams import JOURNAL, StreamSettings, ensure_streams
from petrosa_cio.audit.drain import KEEP, Drain
from petrosa_cio.audit.record import RecordKind
from petrosa_cio.risk.reasons import ReasonCode
from petrosa_cio.risk.verdict import VerdictKind
from tests.records import later_line, verdict_line
from tests.unit.test_drain import Counted
from tests.waiting import eventually

pytestmark = pytest.mark.integration

CONSUMER = "cio-drain"
ACK_WAIT_S = 1.0
DENIED = (VerdictKind.DENY, ReasonCode.LEDGER_UNAVAILABLE)


@dataclass
class World:
    """A journal, a database, and drains between them."""

    nats: RobustClient
    mongo: MongoClient
    store: MongoTraceStore
    now: datetime = field(default_factory=lambda: datetime.now(UTC))
    tally: Counted = field(default_factory=Counted)

    async def journal(self, *lines: bytes) -> int:
        return await NatsJournal(self.nats, timeout_s=5.0).append(lines)

    async def deliveries(self) -> NatsDeliveries:
        deliveries = NatsDeliveries(
            self.nats, stream=JOURNAL, consumer=CONSUMER, ack_wait_s=ACK_WAIT_S, max_waiting=64
        )
        await deliveries.start()
        return deliveries

    async def drain(self) -> Drain:
        reader = NatsJournalReader(self.nats, await self.deliveries())
        position = NatsPosition(self.nats, stream=JOURNAL, consumer=CONSUMER)
        return Drain(reader, position, self.store, tally=self.tally, clock=lambda: self.now)

    @asynccontextmanager
    async def draining(self) -> AsyncIterator[None]:
        running = asyncio.create_task((await self.drain()).run())
        try:
            yield
        finally:
            running.cancel()
            await asyncio.wait([running])
        assert running.cancelled()

    async def position(self) -> int:
        return await NatsPosition(self.nats, stream=JOURNAL, consumer=CONSUMER).acknowledged_until()

    async def has(self, *ids: str) -> list[dict[str, Any]]:
        found = await self.mongo.records.traces.find().sort("_id").to_list()
        return found if {one["_id"] for one in found} == set(ids) else []


@pytest.fixture
async def nats(tmp_path: Path) -> AsyncIterator[RobustClient]:
    server = await start_nats(tmp_path / "nats")
    client = await connect_nats(NatsAccess(server.url), name="test")
    await ensure_streams(
        client.jetstream(), StreamSettings(["intent.>"], "execution.events.>", 100_000_000)
    )
    yield client
    await client.close()
    await server.stop()


@pytest.fixture
async def world(nats: RobustClient, mongo_url: str) -> AsyncIterator[World]:
    mongo = connect_mongo(mongo_url)
    await mongo.drop_database("records")
    store = MongoTraceStore(mongo, "records")
    await store.prepare()
    yield World(nats, mongo, store)
    await mongo.close()


async def test_what_a_gate_journaled_is_stored_byte_for_byte(world: World) -> None:
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


async def test_redelivery_and_repetition_store_once(world: World) -> None:
    await world.journal(verdict_line("d1"))
    await world.journal(verdict_line("d1", *DENIED), later_line("d1"))
    lost = await world.deliveries()
    assert await lost.next_batch(9)  # taken by a drain that ends before it acknowledges
    await lost.stop()
    async with world.draining():
        found = await eventually(lambda: world.has("d1", "d1:withdrawal"))
        assert found[0]["verdict"] == "approve"
        await eventually(caught_up_to(world, 2))
    async with world.draining():
        await world.journal(verdict_line("d1", *DENIED), verdict_line("d2"))
        await eventually(lambda: world.has("d1", "d1:withdrawal", "d2"))
        await eventually(lambda: world.tally.new == 3)


async def test_a_new_drain_waits_for_what_the_old_one_left(world: World) -> None:
    await world.journal(verdict_line("d1"))
    lost = await world.deliveries()
    assert await lost.next_batch(1)
    await lost.stop()
    await world.journal(verdict_line("d1", *DENIED), later_line("d1"))
    async with world.draining():
        found = await eventually(lambda: world.has("d1", "d1:withdrawal"))
    assert found[0]["verdict"] == "approve"


async def test_a_line_that_is_no_record_is_kept_aside(world: World) -> None:
    await world.journal(verdict_line("d1"), b'{"kind": ', verdict_line("d2"))
    async with world.draining():
        await eventually(lambda: world.has("d1", "d2"))
        kept = await eventually(world.mongo.records.unreadable.find_one)
    assert kept
    assert kept["raw"] == "eyJraW5kIjog"
    assert world.tally.aside == 1


async def test_a_database_that_is_away_loses_nothing(nats: RobustClient, tmp_path: Path) -> None:
    server = await start_mongo(tmp_path / "mongo")
    mongo = connect_mongo(server.url)
    world = World(nats, mongo, MongoTraceStore(mongo, "records", timeout_s=0.5))
    await world.journal(verdict_line("d1"))
    async with world.draining():
        await eventually(lambda: world.has("d1"))
        await server.stop()
        await world.journal(verdict_line("d2"))
        await eventually(lambda: "mongo" in world.tally.away)
        await world.journal(verdict_line("d3"))
        await server.start()
        await eventually(lambda: world.has("d1", "d2", "d3"))
        await eventually(caught_up_to(world, 3))
    await mongo.close()
    await server.stop()


def caught_up_to(world: World, sequence: int) -> Callable[[], Awaitable[bool]]:
    async def caught_up() -> bool:
        return await world.position() >= sequence

    return caught_up


async def test_the_journal_keeps_what_is_young_or_not_acknowledged(world: World) -> None:
    await world.journal(verdict_line("d1"))
    await world.journal(verdict_line("d2"))
    async with world.draining():
        await eventually(world.position)
        await eventually(lambda: world.has("d1", "d2"))
    drain = await world.drain()
    await drain.purge()
    assert (await world.nats.jetstream().stream_info(JOURNAL)).state.messages == 2
    world.now += KEEP + timedelta(minutes=1)
    await world.journal(verdict_line("d3"))
    await drain.purge()
    state = (await world.nats.jetstream().stream_info(JOURNAL)).state
    assert (state.first_seq, state.messages) == (3, 1)
