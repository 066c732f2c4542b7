"""The NATS configuration that we recommend: the gate can do all it needs, and others cannot."""

import asyncio
import json
import shutil
import sys
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from uuid import uuid4

import nats
import pytest
from nats.aio.client import Client
from nats.aio.msg import Msg

from petrosa_cio.adapters.embedded import start_redis
from petrosa_cio.adapters.embedded.folder import choose_port
from petrosa_cio.adapters.embedded.process import ServerProcess
from petrosa_cio.adapters.key_file import make_key
from petrosa_cio.adapters.nats_streams import EXECUTIONS, INTENTS, JOURNAL
from petrosa_cio.app import run_control, run_gate, run_record
from petrosa_cio.audit.checkpoint import read_checkpoints
from petrosa_cio.audit.checkpointer import ANNOUNCED_ON
from petrosa_cio.audit.gaps import STATUS_SUBJECT
from petrosa_cio.governance.files import load_governing
from petrosa_cio.launch import open_desk
from petrosa_cio.policies import prepare
from petrosa_cio.risk.trading_state import FUND, TradingState
from petrosa_cio.servers import open_record, open_servers
from petrosa_cio.settings import Settings, load_settings
from tests.integration.test_whole_way import role
from tests.loading import ROOT
from tests.market import ticker
from tests.policies import govern, with_key
from tests.waiting import eventually

pytestmark = pytest.mark.integration

CONFIGURATION = ROOT / "deploy" / "nats" / "nats-server.conf"
PASSWORDS = {
    f"{name}_NATS_PASSWORD": f"{name.lower()}-pass"
    for name in ("CIO", "BOTS", "MARKET", "ENGINE", "READERS", "OPERATOR")
} | {"NATS_ADMIN_PASSWORD": "admin-pass"}  # pragma: allowlist secret
NOBODY = "nobody.may.say.this"
MARKET_DATA = str(Settings.model_fields["market_data_subject"].default)
USERS = {
    "petrosa-cio": "cio-pass",
    "bots": "bots-pass",
    "market": "market-pass",
    "tradeengine": "engine-pass",
    "readers": "readers-pass",
    "operator": "operator-pass",
}


async def _greets(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> bool:
    greeting = await reader.readline()
    return greeting.startswith(b"INFO ") and bool(json.loads(greeting[5:]).get("jetstream"))


def _server(folder: Path) -> ServerProcess:
    """Return a server that has our configuration, but for where it listens and stores."""
    port, text = choose_port(folder / "port"), CONFIGURATION.read_text()
    data = folder / "data"
    for ours, here in {
        '"0.0.0.0:4222"': f'"127.0.0.1:{port}"',
        '"127.0.0.1:8222"': '"127.0.0.1:-1"',
        '"/data"': json.dumps(str(data)),
    }.items():
        assert text.count(ours) == 1
        text = text.replace(ours, here)
    configuration = folder / "nats-server.conf"
    passwords = "".join(f'{name}: "{value}"\n' for name, value in PASSWORDS.items())
    configuration.write_text(passwords + text)
    beside = Path(sys.executable).with_name("nats-server")
    binary = str(beside) if beside.is_file() else shutil.which("nats-server")
    assert binary is not None
    return ServerProcess(
        name="nats",
        url=f"nats://127.0.0.1:{port}",
        port=port,
        folder=folder,
        command=(binary, "--config", str(configuration)),
        answers=_greets,
    )


@pytest.fixture(scope="module")
async def server(
    anyio_backend: str, tmp_path_factory: pytest.TempPathFactory
) -> AsyncIterator[ServerProcess]:
    server = _server(tmp_path_factory.mktemp("guarded"))
    await server.start()
    yield server
    await server.stop()


@pytest.fixture
async def own_redis(tmp_path: Path) -> AsyncIterator[ServerProcess]:
    redis = await start_redis(tmp_path / "redis")
    yield redis
    await redis.stop()


@dataclass(frozen=True)
class User:
    """Somebody who signed in, and what the server told them they may not do."""

    client: Client
    refused: list[str]

    async def is_refused(self, subject: str) -> bool:
        """Publish on a subject and return whether the server refused it.

        The server answers in order: when the second refusal is here, so is the first.
        """
        self.refused.clear()
        for one in (subject, NOBODY):
            await self.client.publish(one, b"{}")
        await eventually(lambda: self._heard(NOBODY))
        return self._heard(subject)

    def _heard(self, subject: str) -> bool:
        return any(f'publish to "{subject}"'.lower() in one.lower() for one in self.refused)


@asynccontextmanager
async def signed_in(server: ServerProcess, name: str) -> AsyncIterator[User]:
    refused: list[str] = []

    async def on_error(error: Exception) -> None:
        refused.append(str(error))

    client = await nats.connect(
        server.url, user=name, password=USERS[name], error_cb=on_error, allow_reconnect=False
    )
    try:
        yield User(client, refused)
    finally:
        await client.close()


def settings_for(
    server: ServerProcess, redis_url: str, environ: Mapping[str, str], user: str = "petrosa-cio"
) -> Settings:
    return load_settings(
        {
            "CIO_NATS_URL": server.url,
            "CIO_NATS_USER": user,
            "CIO_NATS_PASSWORD": USERS[user],
            "CIO_REDIS_URL": redis_url,
            "CIO_HTTP_PORT": "0",
            **environ,
        }
    )


@pytest.mark.parametrize("user", ["bots", "market", "tradeengine", "readers", "operator"])
@pytest.mark.parametrize(
    "subject",
    [
        "signals.trading.momentum_v1",
        "cio.heartbeat",
        "cio.gate.status",
        "cio.verdict.approve.momentum_v1",
        "cio.limit.warning",
        "cio.audit.status",
        "cio.audit.rogue_signal",
        "_INBOX.somebody.else",
        "$JS.API.STREAM.DELETE.CIO_JOURNAL",
    ],
)
async def test_only_the_gate_speaks_for_the_gate(
    server: ServerProcess, user: str, subject: str
) -> None:
    async with signed_in(server, user) as somebody:
        assert await somebody.is_refused(subject)


@pytest.mark.parametrize(
    "subject", ["intent.x", "cio.intent.x", "execution.events.x", "cio.nurse.audit"]
)
async def test_nor_does_the_gate_speak_for_others(server: ServerProcess, subject: str) -> None:
    async with signed_in(server, "petrosa-cio") as gate:
        assert await gate.is_refused(subject)


async def test_a_warning_of_the_gate_is_heard_by_readers(server: ServerProcess) -> None:
    async with signed_in(server, "petrosa-cio") as gate, signed_in(server, "readers") as reader:
        heard = await reader.client.subscribe("cio.limit.warning")
        await reader.client.flush()
        await gate.client.publish("cio.limit.warning", b"{}")
        assert (await heard.next_msg(timeout=10)).data == b"{}"


async def test_bots_hear_of_their_fills_and_the_gate_of_warnings(server: ServerProcess) -> None:
    async with (
        signed_in(server, "petrosa-cio") as gate,
        signed_in(server, "bots") as bot,
        signed_in(server, "tradeengine") as engine,
    ):
        fills = await bot.client.subscribe("execution.events.a")
        warnings = await gate.client.subscribe("cio.limit.warning")
        await bot.client.flush()
        await gate.client.flush()
        await engine.client.publish("execution.events.a", b"{}")
        await gate.client.publish("cio.limit.warning", b"{}")
        assert (await fills.next_msg(timeout=10)).data == b"{}"
        assert (await warnings.next_msg(timeout=10)).data == b"{}"


@pytest.mark.parametrize("stream", [INTENTS, JOURNAL, EXECUTIONS])
async def test_the_gate_cannot_delete_a_stream(server: ServerProcess, stream: str) -> None:
    async with signed_in(server, "petrosa-cio") as gate:
        assert await gate.is_refused(f"$JS.API.STREAM.DELETE.{stream}")


async def test_bots_cannot_report_executions_and_the_engine_cannot_propose(
    server: ServerProcess,
) -> None:
    async with signed_in(server, "bots") as bots, signed_in(server, "tradeengine") as engine:
        assert await bots.is_refused("execution.events.x")
        assert await engine.is_refused("intent.x")
        assert not await bots.is_refused("intent.x")
        assert not await engine.is_refused("execution.events.x")


@pytest.mark.parametrize("user", ["petrosa-cio", "bots", "tradeengine", "readers", "operator"])
async def test_only_the_market_says_what_prices_are(server: ServerProcess, user: str) -> None:
    async with signed_in(server, user) as somebody:
        assert await somebody.is_refused(MARKET_DATA)


async def test_the_market_says_nothing_else(server: ServerProcess) -> None:
    async with signed_in(server, "market") as market:
        assert not await market.is_refused(MARKET_DATA)
        assert await market.is_refused("intent.x")


async def test_nobody_comes_in_without_a_password(server: ServerProcess) -> None:
    reader, writer = await asyncio.open_connection("127.0.0.1", server.port)
    await reader.readline()
    writer.write(b"CONNECT {}\r\nPING\r\n")
    assert await reader.readline() == b"-ERR 'Authorization Violation'\r\n"
    writer.close()
    await writer.wait_closed()


async def heard(client: Client, subject: str) -> list[bytes]:
    """Listen on a subject and return what will have been heard."""
    bodies: list[bytes] = []

    async def keep(message: Msg) -> None:
        bodies.append(message.data)

    await client.subscribe(subject, cb=keep)
    await client.flush()
    return bodies


async def test_the_gate_does_all_its_work_with_what_it_may(
    server: ServerProcess, own_redis: ServerProcess, mongo_url: str, tmp_path: Path
) -> None:
    make_key(tmp_path / "audit.key", "CIO_AUDIT_KEY_FILE")
    environ = {
        "CIO_MONGO_URL": mongo_url,
        "CIO_AUDIT_KEY_FILE": str(tmp_path / "audit.key"),
        "CIO_MONGO_DATABASE": f"guarded_{uuid4().hex}",
        "CIO_FUND": f"guarded_{uuid4().hex[:8]}",
        "CIO_WEBHOOK_URL": "http://127.0.0.1:9/",
        "CIO_WEBHOOK_SECRET": "s" * 32,
        **with_key(tmp_path),
    }
    settings = settings_for(server, own_redis.url, environ)
    signals: list[dict[str, object]] = []
    await govern(settings)
    before = len(server.log.read_text())
    async with (
        open_servers(settings, name="test"),  # the streams are there before the first intent
        role(run_gate, settings),
        role(run_record, settings),
        role(run_control, settings),
        signed_in(server, "tradeengine") as engine,
        signed_in(server, "bots") as bots,
        signed_in(server, "market") as market,
        signed_in(server, "readers") as readers,
    ):
        for _ in range(2):
            await market.client.publish(MARKET_DATA, ticker("BTCUSDT", "50000", datetime.now(UTC)))
        checkpoints = await heard(readers.client, ANNOUNCED_ON)
        statuses = await heard(readers.client, STATUS_SUBJECT)

        async def execute(message: Msg) -> None:
            signal = json.loads(message.data)
            signals.append(signal)
            report = {"event_type": "filled", "fill_qty": 0.002, "fill_price": 50000}
            event = report | {name: signal[name] for name in ("decision_id", "symbol")}
            event |= {"side": "buy", "order_id": "1", "strategy_id": signal["strategy_id"]}
            event |= {"timestamp": datetime.now(UTC).isoformat()}
            await engine.client.publish("execution.events.x", json.dumps(event).encode())
            await message.respond(b"{}")

        await engine.client.subscribe("signals.trading.>", cb=execute)
        await engine.client.flush()

        first = {
            "intent_id": "1", "strategy_id": "momentum_v1", "symbol": "BTCUSDT", "action": "buy",
            "confidence": 0.9, "quantity": 0.002, "price": 50000, "current_price": 50000,
            "stop_loss": 49000, "timestamp": datetime.now(UTC).isoformat(),
        }  # fmt: skip
        await bots.client.publish("intent.trading.x", json.dumps(first).encode())
        await eventually(lambda: len(signals) == 1)

        asked = json.dumps(first | {"intent_id": "2", "quantity": 0.003}).encode()
        answer = await bots.client.request("cio.nurse.audit", asked, timeout=20)
        assert json.loads(answer.data)["verdict"] == "approve"

        async with open_desk(settings_for(server, own_redis.url, environ, "operator")) as desk:
            switched = await desk.switch(FUND, TradingState.HALTED, reason="drill", author="people")
        assert switched.unrecorded is None

        async with open_record(settings) as record:

            async def stored() -> bool:
                found = await record.archive.verdicts_of(
                    [str(one["decision_id"]) for one in signals]
                )
                return list(found.values()) == ["approve", "approve"]

            await eventually(stored)
        await eventually(lambda: checkpoints and statuses)
        assert read_checkpoints(checkpoints[0])[0].chain == settings.fund
        assert (bots.refused, engine.refused) == ([], [])
    await _lose_and_rebuild(own_redis, settings)
    said = server.log.read_text()[before:]
    assert [line for line in said.splitlines() if "iolation" in line] == []


async def _lose_and_rebuild(redis: ServerProcess, settings: Settings) -> None:
    await redis.stop()
    redis.wipe()
    await redis.start()
    async with open_servers(settings, name="test") as servers:
        assert await servers.ledger.is_lost()
        await prepare(settings, servers, load_governing(None, None), None)
        assert not await servers.ledger.is_lost()
