"""A ledger that lost its data is rebuilt from the journal, and nothing is promoted before."""

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from petrosa_cio.adapters.embedded import ServerProcess, start_nats, start_redis
from petrosa_cio.adapters.nats_connection import NatsAccess, connect_nats
from petrosa_cio.adapters.nats_deliveries import NatsDeliveries
from petrosa_cio.adapters.nats_messages import NatsMessenger, listen
from petrosa_cio.adapters.nats_streams import EXECUTIONS, replay_from_start
from petrosa_cio.app import run_gate
from petrosa_cio.errors import Unavailable
from petrosa_cio.governance.regimes import read_all, read_override
from petrosa_cio.risk.snapshot import Regime
from petrosa_cio.risk.trading_state import FUND, Scope, ScopeKind, TradingState
from petrosa_cio.servers import Servers, open_servers
from petrosa_cio.settings import Settings, load_settings
from tests.policies import TRUSTING, govern
from tests.waiting import eventually

pytestmark = pytest.mark.integration


@dataclass(frozen=True)
class Scene:
    redis: ServerProcess
    servers: Servers
    bot: NatsMessenger
    signals: list[bytes]

    async def ask(self, intent_id: str, **fields: object) -> dict[str, Any]:
        intent = {
            "intent_id": intent_id, "strategy_id": "s", "symbol": "BTCUSDT", "action": "buy",
            "confidence": 0.9, "quantity": 0.002, "price": 50000, "current_price": 50000,
            "stop_loss": 49000, "timestamp": datetime.now(UTC).isoformat(),
        }  # fmt: skip
        body = json.dumps(intent | fields).encode()
        answer: dict[str, Any] = json.loads(
            await self.bot.ask("cio.nurse.audit", body, timeout_s=5)
        )
        return answer

    async def is_lost(self) -> bool:
        try:
            return await self.servers.ledger.is_lost()
        except Unavailable:
            return True


@pytest.fixture
async def scene(tmp_path: Path) -> AsyncIterator[Scene]:
    nats, redis = await start_nats(tmp_path / "nats"), await start_redis(tmp_path / "redis")
    environ = {"CIO_NATS_URL": nats.url, "CIO_REDIS_URL": redis.url}
    settings = load_settings(environ | TRUSTING)
    await govern(settings)
    try:
        async with open_servers(settings, name="test") as servers, _gate(settings):
            signals: list[bytes] = []
            await listen(servers.nats, "signals.trading.*", signals.append)
            bot = NatsMessenger(await connect_nats(NatsAccess(nats.url), name="bot"))
            yield Scene(redis, servers, bot, signals)
    finally:
        await redis.stop()
        await nats.stop()


@asynccontextmanager
async def _gate(settings: Settings) -> AsyncIterator[None]:
    stop = asyncio.Event()
    running = asyncio.create_task(run_gate(settings, stop))
    yield
    stop.set()
    await running


async def test_a_lost_ledger_is_rebuilt_and_the_fund_stays_halted(scene: Scene) -> None:
    await eventually(lambda: _is_answering(scene))
    for number in range(3):
        answer = await scene.ask(f"before-{number}", quantity=(20 + number) / 10_000)
        assert answer["verdict"] == "approve"
    strategy = Scope(ScopeKind.STRATEGY, "rogue")
    await scene.servers.desk.switch(strategy, TradingState.HALTED, reason="test", author="test")
    now = datetime.now(UTC)
    said = Regime("calm", Decimal(1), now, "ann", now + timedelta(hours=1), "drill")
    for symbol in ("ETHUSDT", "SOLUSDT"):
        await scene.servers.desk.override_regime(symbol, said)
    await scene.servers.desk.clear_override("SOLUSDT", reason="over", author="ann")
    looping = Scope(ScopeKind.STRATEGY, "looping")
    await scene.servers.desk.switch(looping, TradingState.PAUSED, reason="test", author="gate")
    ledger = scene.servers.ledger
    exposure, reservations = await ledger.exposure(), await ledger.reservations()
    policy = await scene.servers.store.active_policy()
    assert len(reservations) == 3

    await scene.redis.stop()
    scene.redis.wipe()
    await scene.redis.start()

    async def rebuilt() -> bool:
        return not await scene.is_lost()

    await eventually(rebuilt)
    assert await ledger.exposure() == exposure
    assert await ledger.reservations() == reservations
    restored = await scene.servers.store.active_policy()
    assert policy is not None
    assert restored is not None
    assert restored == policy
    overrides = await scene.servers.store.regime_overrides()
    assert read_all(overrides, read_override) == {"ETHUSDT": said}
    states = await scene.servers.store.trading_states()
    assert states.fund is None
    assert states.strategies == {"rogue": TradingState.HALTED, "looping": TradingState.PAUSED}

    async def halted() -> bool:
        return "FUND_HALTED" in str((await scene.ask("while-halted"))["reasons"])

    await eventually(halted)
    await scene.servers.desk.switch(FUND, TradingState.ACTIVE, reason="looked", author="test")

    async def trading() -> bool:
        answer = await scene.ask(f"after-{datetime.now(UTC)}")
        return bool(answer["verdict"] == "approve")

    await eventually(trading)
    repeated = await scene.ask("before-0")
    assert "INTENT_REPEATED" in str(repeated["reasons"])
    assert len(scene.signals) == 4


async def _is_answering(scene: Scene) -> bool:
    try:
        return bool((await scene.ask("hello", action="hold"))["verdict"] == "deny")
    except Unavailable:
        return False


async def test_a_consumer_that_starts_over_gets_everything_again(scene: Scene) -> None:
    js = scene.servers.nats.jetstream()
    deliveries = NatsDeliveries(
        scene.servers.nats, stream=EXECUTIONS, consumer="replayed", ack_wait_s=30, max_waiting=10
    )
    await deliveries.start()
    for number in range(3):
        await js.publish("execution.events.s", str(number).encode())
    seen: list[bytes] = []
    while len(seen) < 3:
        batch = await deliveries.next_batch(10)
        await deliveries.acknowledge(batch)
        seen += [one.body for one in batch]

    async def all_acknowledged() -> bool:
        return not (await js.consumer_info(EXECUTIONS, "replayed")).num_ack_pending

    await eventually(all_acknowledged)
    await replay_from_start(js, EXECUTIONS, "replayed")
    again: list[bytes] = []
    while len(again) < 3:
        again += [one.body for one in await deliveries.next_batch(10)]
    assert again == seen == [b"0", b"1", b"2"]
    await deliveries.stop()
