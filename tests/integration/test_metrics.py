"""What all roles together show to Prometheus while they work."""

import asyncio
import socket
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from uuid import uuid4

import httpx2
import pytest
from prometheus_client.parser import text_string_to_metric_families

from petrosa_cio.adapters.embedded import start_nats, start_redis
from petrosa_cio.adapters.nats_connection import Client, NatsAccess, connect_nats
from petrosa_cio.adapters.nats_messages import listen
from petrosa_cio.app import run_control, run_gate, run_record
from petrosa_cio.settings import Settings, load_settings
from tests.integration.gate_intents import body
from tests.policies import with_key
from tests.waiting import eventually

pytestmark = pytest.mark.integration


@dataclass(frozen=True)
class Fund:
    """A gate and control at work, and a bot and an engine beside them."""

    settings: Settings
    url: str
    client: Client

    async def shown(self) -> dict[str, float]:
        """Return every series without labels."""
        async with httpx2.AsyncClient(base_url=self.url) as http:
            text = (await http.get("/metrics")).text
        return {
            sample.name: sample.value
            for family in text_string_to_metric_families(text)
            for sample in family.samples
            if not sample.labels
        }

    async def until(self, name: str, value: float) -> None:
        """Wait until a series has a value."""

        async def has_it() -> bool:
            return (await self.shown())[name] == value

        await eventually(has_it)


@asynccontextmanager
async def at_work(
    settings: Settings, *roles: Callable[[Settings, asyncio.Event], Awaitable[None]]
) -> AsyncIterator[None]:
    stop = asyncio.Event()
    async with asyncio.TaskGroup() as tasks:
        for role in roles:
            tasks.create_task(role(settings, stop))  # type: ignore[arg-type]
        try:
            yield
        finally:
            stop.set()


@pytest.fixture
async def fund(tmp_path: Path, mongo_url: str) -> AsyncIterator[Fund]:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    async with AsyncExitStack() as closing:
        nats, redis = await start_nats(tmp_path / "nats"), await start_redis(tmp_path / "redis")
        closing.push_async_callback(redis.stop)
        closing.push_async_callback(nats.stop)
        stated = {"NATS_URL": nats.url, "REDIS_URL": redis.url, "MONGO_URL": mongo_url}
        stated |= {"HTTP_PORT": str(port), "MONGO_DATABASE": f"shown_{uuid4().hex}"}
        environ = {f"CIO_{name}": value for name, value in stated.items()}
        settings = load_settings(environ | with_key(tmp_path))
        client = await connect_nats(NatsAccess(nats.url), name="bot and engine")
        closing.push_async_callback(client.close)
        await listen(client, "signals.trading.*", lambda _: None)
        await closing.enter_async_context(at_work(settings, run_gate, run_control))
        found = Fund(settings, f"http://127.0.0.1:{port}", client)
        await eventually(lambda: _answers(found))
        yield found


async def _answers(fund: Fund) -> bool:
    try:
        return bool(await fund.shown())
    except httpx2.TransportError:
        return False


async def test_readiness_freshness_reservations_and_lag_are_shown(fund: Fund) -> None:
    await fund.until("cio_gate_ready", 1)
    await fund.until("cio_gates_heard", 1)
    signals = (await fund.shown())["cio_signals_total"]
    await fund.client.publish("intent.any", body(1, quantity=0.002))
    await fund.until("cio_signals_total", signals + 1)
    async with at_work(fund.settings, run_record):
        await fund.until("cio_reservations", 1)
        await fund.until("cio_reserved_usd", 100)
        await fund.until("cio_journal_entries_not_stored", 0)
    await fund.until("cio_intents_waiting", 0)
    await fund.until("cio_intents_in_hand", 0)
    shown = await fund.shown()
    assert shown["cio_policy_revision"] == 1
    for moment in ("policy_confirmed", "trading_state_read", "heartbeat"):
        assert shown[f"cio_{moment}_timestamp_seconds"] > 0
