"""The whole way: an intent, its verdict, its signal, the engine's report, the stored record."""

import asyncio
import json
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest

from petrosa_cio.adapters.embedded import start_nats, start_redis
from petrosa_cio.adapters.nats_connection import Client, NatsAccess, connect_nats
from petrosa_cio.adapters.nats_messages import listen
from petrosa_cio.app import run_gate, run_record
from petrosa_cio.risk.counters import GROSS
from petrosa_cio.servers import Servers, open_record, open_servers
from petrosa_cio.settings import Settings, load_settings
from tests.policies import TRUSTING, govern
from tests.waiting import eventually

pytestmark = pytest.mark.integration


@dataclass
class Engine:
    """A small order engine: it answers each signal with one report of a kind that is set."""

    client: Client
    report: dict[str, object]
    signals: list[dict[str, Any]] = field(default_factory=list)
    busy: set[asyncio.Task[None]] = field(default_factory=set)

    def heard(self, body: bytes) -> None:
        signal = json.loads(body)
        self.signals.append(signal)
        task = asyncio.create_task(self._report(signal))
        self.busy.add(task)
        task.add_done_callback(self.busy.discard)

    async def _report(self, signal: dict[str, Any]) -> None:
        event = {
            "decision_id": signal["decision_id"], "strategy_id": signal["strategy_id"],
            "order_id": uuid4().hex, "symbol": signal["symbol"], "side": signal["action"],
            "timestamp": datetime.now(UTC).isoformat(), "reason": "as told",
        }  # fmt: skip
        body = json.dumps(event | self.report).encode()
        await self.client.publish(f"execution.events.{signal['strategy_id']}", body)


@dataclass(frozen=True)
class House:
    settings: Settings
    servers: Servers
    engine: Engine
    bot: Client

    async def send(self, **fields: object) -> None:
        intent = {
            "intent_id": uuid4().hex, "strategy_id": "Order Book", "symbol": "BTCUSDT",
            "action": "buy", "confidence": 0.9, "quantity": 0.002, "price": 50000,
            "current_price": 50000, "stop_loss": 49000, "timestamp": datetime.now(UTC).isoformat(),
        }  # fmt: skip
        await self.bot.publish("intent.any", json.dumps(intent | fields).encode())

    async def gross_usd(self) -> float:
        return (await self.servers.ledger.exposure()).get(GROSS, 0) / 10_000


@asynccontextmanager
async def role(run: Callable[..., Any], settings: Settings) -> AsyncIterator[None]:
    stop = asyncio.Event()
    running = asyncio.create_task(run(settings, stop))
    try:
        yield
    finally:
        stop.set()
        await running


@pytest.fixture
async def house(tmp_path: Path, mongo_url: str) -> AsyncIterator[House]:
    nats, redis = await start_nats(tmp_path / "nats"), await start_redis(tmp_path / "redis")
    settings = load_settings(
        {
            "CIO_NATS_URL": nats.url,
            "CIO_REDIS_URL": redis.url,
            "CIO_MONGO_URL": mongo_url,
            "CIO_MONGO_DATABASE": f"way_{uuid4().hex}",
            **TRUSTING,
        }
    )
    bot = await connect_nats(NatsAccess(nats.url), name="bot and engine")
    await govern(settings)
    try:
        async with (
            open_servers(settings, name="test") as servers,
            role(run_gate, settings),
            role(run_record, settings),
        ):
            engine = Engine(bot, {})
            await listen(bot, "signals.trading.*", engine.heard)
            yield House(settings, servers, engine, bot)
    finally:
        await bot.close()
        await redis.stop()
        await nats.stop()


async def test_a_refusal_releases_a_fill_books_and_the_record_is_stored(house: House) -> None:
    house.engine.report = {"event_type": "rejected", "rejection_source": "risk_check"}
    await house.send()
    await eventually(lambda: len(house.engine.signals) == 1)

    async def nothing_held() -> bool:
        return await house.gross_usd() == 0 and not await house.servers.ledger.reservations()

    await eventually(nothing_held)

    house.engine.report = {"event_type": "filled", "fill_qty": 0.003, "fill_price": 50100}
    await house.send()

    async def booked() -> bool:
        return abs(await house.gross_usd() - 150.3) < 0.001

    await eventually(booked)
    signal = house.engine.signals[-1]
    assert signal["strategy_id"] == "Order_Book"
    assert signal["metadata"]["strategy_id"] == "Order Book"
    assert signal["source"] == "petrosa-cio"

    async with open_record(house.settings) as record:

        async def stored() -> bool:
            found = await record.archive.verdicts_of(
                [one["decision_id"] for one in house.engine.signals]
            )
            return list(found.values()) == ["approve", "approve"]

        await eventually(stored)
