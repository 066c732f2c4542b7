"""The settler between a real stream of reports and a real ledger."""

import asyncio
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path

import orjson
import pytest
from redis.asyncio import Redis

from petrosa_cio.adapters.embedded import ServerProcess, start_nats, start_redis
from petrosa_cio.adapters.nats_connection import NatsAccess, RobustClient, connect_nats
from petrosa_cio.adapters.nats_deliveries import NatsDeliveries
from petrosa_cio.adapters.nats_position import NatsPosition
from petrosa_cio.adapters.nats_streams import EXECUTIONS, StreamSettings, ensure_streams
from petrosa_cio.adapters.redis_connection import connect_redis
from petrosa_cio.adapters.redis_held import RedisHeld
from petrosa_cio.adapters.redis_ledger import RedisLedger
from petrosa_cio.audit.settlement import SettlementOutcome
from petrosa_cio.audit.settler import CONSUMER, Settler
from petrosa_cio.errors import LedgerLost
from petrosa_cio.fleet.execution_events import parse_execution
from tests.ledgers import claim, request
from tests.waiting import eventually

pytestmark = pytest.mark.integration

LONG, SHORT = "position:BTCUSDT:long", "position:BTCUSDT:short"
FUND = "main"
TIMEOUT_S = 5.0


@dataclass
class World:
    """A stream, a ledger, and settlers between them."""

    nats: RobustClient
    redis: Redis
    ledger: RedisLedger
    outcomes: Counter[SettlementOutcome] = field(default_factory=Counter)
    away: list[str] = field(default_factory=list)

    def settled(self, outcome: SettlementOutcome) -> None:
        self.outcomes[outcome] += 1

    def unavailable(self, dependency: str) -> None:
        self.away.append(dependency)

    async def reserve(self, decision_id: str, units: int, position: str = LONG) -> None:
        takes = claim(units, counter=position), claim(units, counter="gross")
        await self.ledger.reserve([request(decision_id, *takes)])

    async def report(self, **fields: object) -> None:
        event = {"event_type": "filled", "order_id": "4711", "symbol": "BTCUSDT", "side": "buy"}
        body = orjson.dumps(event | {"timestamp": "2026-11-23T12:00:00+00:00"} | fields)
        await self.nats.jetstream().publish("execution.events.momentum", body)

    async def deliveries(self) -> NatsDeliveries:
        deliveries = NatsDeliveries(
            self.nats, stream=EXECUTIONS, consumer=CONSUMER, ack_wait_s=1.0, max_waiting=64
        )
        await deliveries.start()
        return deliveries

    @asynccontextmanager
    async def settling(self) -> AsyncIterator[None]:
        settler = Settler(
            await self.deliveries(),
            NatsPosition(self.nats, stream=EXECUTIONS, consumer=CONSUMER),
            ledger=self.ledger,
            held=RedisHeld(self.redis, FUND, timeout_s=TIMEOUT_S),
            read=parse_execution,
            tally=self,
        )
        running = asyncio.create_task(settler.run())
        try:
            yield
        finally:
            running.cancel()
            await asyncio.wait([running])
        assert running.cancelled()

    async def exposes(self, **units: int) -> bool:
        names = {"gross": "gross", "long": LONG, "short": SHORT}
        return await self.ledger.exposure() == {names[key]: one for key, one in units.items()}


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
async def redis_server(tmp_path: Path) -> AsyncIterator[ServerProcess]:
    server = await start_redis(tmp_path / "redis")
    yield server
    await server.stop()


@pytest.fixture
async def world(nats: RobustClient, redis_server: ServerProcess) -> AsyncIterator[World]:
    client = connect_redis(redis_server.url, timeout_s=TIMEOUT_S)
    ledger = RedisLedger(client, FUND, timeout_s=TIMEOUT_S)
    await ledger.initialise(fresh=True)
    yield World(nats, client, ledger)
    await client.aclose()


async def test_a_refusal_gives_the_reservation_back(world: World) -> None:
    await world.reserve("d1", 600_000)
    await world.report(decision_id="d1", event_type="rejected", order_id="")
    async with world.settling():
        await eventually(world.exposes)


async def test_from_fill_to_exit(world: World) -> None:
    await world.reserve("d1", 600_000)
    await world.reserve("d2", 100_000, SHORT)
    async with world.settling():
        await world.report(decision_id="d1", fill_qty=0.5, fill_price=100)
        await eventually(lambda: world.exposes(gross=600_000, long=500_000, short=100_000))
        out = {"decision_id": "d1", "side": "LONG", "reason": "oco_exit_stop", "fill_price": 90}
        await world.report(**out, order_id="9", fill_quantity=0.2)
        await eventually(lambda: world.exposes(gross=400_000, long=300_000, short=100_000))
        await world.report(**out, order_id="10", fill_quantity=0.3)
        await eventually(lambda: world.exposes(gross=100_000, short=100_000))
        await eventually(lambda: world.outcomes == {SettlementOutcome.SETTLED: 3})
    assert await world.ledger.reservations() == {"d2": 100_000}


async def test_a_report_that_comes_twice_is_applied_once(world: World) -> None:
    await world.reserve("d1", 600_000)
    fill = {"decision_id": "d1", "fill_qty": 0.5, "fill_price": 100}
    await world.report(**fill)
    lost = await world.deliveries()
    assert await lost.next_batch(9)  # taken by a settler that ends before it acknowledges
    await lost.stop()
    await world.report(**fill, reason="user_data_stream_fill")
    async with world.settling():
        await eventually(lambda: world.outcomes[SettlementOutcome.REPEATED])
    assert await world.exposes(gross=500_000, long=500_000)
    assert world.outcomes[SettlementOutcome.SETTLED] == 1


async def test_what_cannot_be_attributed_is_counted_and_changes_nothing(world: World) -> None:
    await world.reserve("d1", 600_000)
    await world.report(decision_id="", fill_qty=1, fill_price=1)
    await world.report(decision_id="stranger", fill_qty=1, fill_price=1)
    await world.report(decision_id="stranger", event_type="rejected")
    await world.report(decision_id="d1", fill_qty="1")
    async with world.settling():
        await eventually(lambda: world.outcomes.total() == 4)
        await world.report(decision_id="d1", fill_qty=0.5, fill_price=100)
        await eventually(lambda: world.outcomes.total() == 5)
    assert await world.exposes(gross=500_000, long=500_000)
    assert set(world.outcomes) == {
        SettlementOutcome.WITHOUT_DECISION,
        SettlementOutcome.NOT_RESERVED,
        SettlementOutcome.NOTHING_HELD,
        SettlementOutcome.UNREADABLE,
        SettlementOutcome.SETTLED,
    }


async def test_a_ledger_that_is_away_is_waited_for(
    world: World, redis_server: ServerProcess
) -> None:
    await world.reserve("d1", 600_000)
    async with world.settling():
        await redis_server.stop()
        await world.report(decision_id="d1", event_type="rejected", order_id="")
        await eventually(lambda: "redis" in world.away)
        await redis_server.start()
        await eventually(world.exposes)


async def test_a_ledger_that_lost_its_data_is_waited_for(world: World) -> None:
    await world.reserve("d1", 600_000)
    generation = await world.redis.get(f"cio:{{{FUND}}}:generation")
    await world.redis.delete(f"cio:{{{FUND}}}:generation")
    with pytest.raises(LedgerLost):
        await world.ledger.exposure()
    async with world.settling():
        await world.report(decision_id="d1", event_type="rejected", order_id="")
        await eventually(lambda: world.away)
        await world.redis.set(f"cio:{{{FUND}}}:generation", generation or b"")
        await eventually(world.exposes)
