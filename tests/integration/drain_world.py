"""A journal, a database, and drains between them."""

import asyncio
import sys
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from petrosa_cio.adapters.mongo_checkpoints import MongoCheckpoints
from petrosa_cio.adapters.mongo_connection import MongoClient, connect_mongo
from petrosa_cio.adapters.mongo_proof import MongoProofSource
from petrosa_cio.adapters.mongo_traces import MongoTraceStore
from petrosa_cio.adapters.nats_connection import NatsAccess, RobustClient, connect_nats
from petrosa_cio.adapters.nats_deliveries import NatsDeliveries
from petrosa_cio.adapters.nats_journal import NatsJournal, NatsJournalReader
from petrosa_cio.adapters.nats_position import NatsPosition
from petrosa_cio.adapters.nats_streams import JOURNAL, StreamSettings, ensure_streams
from petrosa_cio.audit.checkpointer import Checkpointer, Rhythm
from petrosa_cio.audit.drain import Drain
from petrosa_cio.audit.proof import Proof
from petrosa_cio.audit.verify import Asked, prove
from tests.chains import CHAIN, KEYS, SIGNER
from tests.fakes import FakeAnnouncer
from tests.unit.test_checkpointer import Shown
from tests.unit.test_drain import Counted

CONSUMER = "cio-drain"
ACK_WAIT_S = 1.0
DATABASE = "records"


@dataclass
class DrainWorld:
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

    def caught_up_to(self, sequence: int) -> Callable[[], Awaitable[bool]]:
        async def caught_up() -> bool:
            return await self.position() >= sequence

        return caught_up

    async def chain(self) -> list[dict[str, Any]]:
        """Return the records, by position."""
        return await self.mongo[DATABASE].traces.find().sort("seq").to_list()

    async def length(self) -> int:
        head = await self.store.head()
        return head.seq if head else 0

    async def has(self, *ids: str) -> list[dict[str, Any]]:
        """Return the records by identity, if they are these."""
        found = await self.mongo[DATABASE].traces.find().sort("_id").to_list()
        return found if {one["_id"] for one in found} == set(ids) else []

    async def proof(self) -> Proof:
        """Sign the end of the chain, and return the proof of all of it."""
        signing = Checkpointer(
            CHAIN,
            SIGNER,
            self.store.head,
            MongoCheckpoints(self.mongo, DATABASE),
            FakeAnnouncer(),
            Rhythm(1, 60),
            Shown(),
            lambda: self.now,
        )
        await signing.look()
        return await prove(MongoProofSource(self.mongo, DATABASE), Asked(CHAIN, KEYS))


@asynccontextmanager
async def drain_world(
    nats_url: str, mongo_url: str, *, timeout_s: float = 10.0
) -> AsyncIterator[DrainWorld]:
    """Open the ways to a journal and a database."""
    async with AsyncExitStack() as closing:
        nats = await connect_nats(NatsAccess(nats_url), name="test")
        closing.push_async_callback(nats.close)
        await ensure_streams(
            nats.jetstream(), StreamSettings(["intent.>"], "execution.events.>", 100_000_000)
        )
        mongo = connect_mongo(mongo_url)
        closing.push_async_callback(mongo.close)
        store = MongoTraceStore(mongo, DATABASE, timeout_s=timeout_s)
        await store.prepare()
        yield DrainWorld(nats, mongo, store)


async def drain_until_killed(nats_url: str, mongo_url: str) -> None:
    """Drain, as a process of its own."""
    async with drain_world(nats_url, mongo_url) as world, world.draining():
        await asyncio.Event().wait()


if __name__ == "__main__":
    asyncio.run(drain_until_killed(*sys.argv[1:3]))
