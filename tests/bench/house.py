"""Servers and gates for one measurement, each in a process of its own and new every time."""

import asyncio
import os
import sys
import time
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from enum import IntEnum
from pathlib import Path
from subprocess import Popen

import orjson
from nats.aio.msg import Msg

from petrosa_cio.adapters.children import start_child, stop_child
from petrosa_cio.adapters.embedded import start_nats, start_redis
from petrosa_cio.adapters.embedded.process import ServerProcess
from petrosa_cio.adapters.nats_connection import NatsAccess, RobustClient, connect_nats
from petrosa_cio.adapters.nats_streams import INTENTS
from petrosa_cio.adapters.redis_connection import connect_redis
from petrosa_cio.adapters.redis_state import RedisStateStore
from petrosa_cio.app import GATE_STATUS
from petrosa_cio.governance.regimes import write_regime
from petrosa_cio.risk.identity import decision_id
from petrosa_cio.risk.snapshot import ANY_SYMBOL
from petrosa_cio.settings import load_settings
from tests.bench.intents import market_prices
from tests.bench.loading import ROOT
from tests.bench.part_gate import BEGAN_AT
from tests.bench.policies import Limits, calm
from tests.market import SUBJECT as MARKET_DATA
from tests.market import ticker
from tests.neighbours import decisions_of
from tests.policies import TRUSTING, govern
from tests.waiting import eventually

FUND = "bench"
READY_TIMEOUT_S = 40
GRACE_S = 15
TICK_S = 1.0
CAPTURE_TIMEOUT_S = 120
EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


class Rung(IntEnum):
    """What is measured; each rung adds to the one below."""

    RELAY = 0
    OPEN = 1
    LIMITED = 2
    LEDGER = 3
    SHIPPED = 4

    @property
    def title(self) -> str:
        """What stands on it, in words."""
        return _TITLES[self]

    @property
    def limits(self) -> Limits:
        """What the policy states that governs it, where nothing else is asked for."""
        return Limits.NONE if self <= Rung.OPEN else Limits.EVERY

    @property
    def has_redis(self) -> bool:
        """Whether Redis takes part."""
        return self >= Rung.LEDGER


_TITLES = {
    Rung.RELAY: "bare relay",
    Rung.OPEN: "gate, empty policy, ledger and journal in memory",
    Rung.LIMITED: "gate, every limit, ledger and journal in memory",
    Rung.LEDGER: "gate, every limit, Redis ledger, journal in memory",
    Rung.SHIPPED: "as shipped",
}

_COMMANDS = {
    Rung.RELAY: ["tests.bench.relay"],
    Rung.OPEN: ["tests.bench.part_gate", "memory"],
    Rung.LIMITED: ["tests.bench.part_gate", "memory"],
    Rung.LEDGER: ["tests.bench.part_gate", "redis"],
    Rung.SHIPPED: ["petrosa_cio", "run", "--role", "gate"],
}


@dataclass
class House:
    """What runs for one measurement.

    Attributes:
        rung: What is measured.
        folder: Data and logs.
        nats: The NATS server.
        redis: The Redis server, where there is one.
        client: A connection for questions, idle while something is measured.
        began_at: What stands for the time of capture where nothing captures.
        gates: The processes that are measured, by name.
    """

    rung: Rung
    folder: Path
    nats: ServerProcess
    redis: ServerProcess | None
    client: RobustClient
    environ: dict[str, str]
    gates: dict[str, Popen[bytes]] = field(default_factory=dict)
    began_at: datetime = field(default_factory=lambda: datetime.now(UTC))
    _ready: set[str] = field(default_factory=set)
    _speaking: asyncio.Task[None] | None = None

    async def open(self) -> None:
        """Make the streams and say what the market is like, as they are found by a gate."""
        await self.client.subscribe(GATE_STATUS, cb=self._on_status)
        await self.client.flush()
        self._speaking = asyncio.create_task(self._let_market_speak())
        if self.rung is Rung.SHIPPED:
            await govern(load_settings(self.environ))
        if self.redis is not None:
            redis = connect_redis(self.redis.url)
            await RedisStateStore(redis, FUND).set_regime(ANY_SYMBOL, write_regime(calm()))
            await redis.aclose()

    async def _let_market_speak(self) -> None:
        """Publish a ticker a second for each symbol, as a quiet market does."""
        while True:
            now = datetime.now(UTC)
            for symbol, price in market_prices().items():
                await self.client.publish(MARKET_DATA, ticker(symbol, price, now))
            await asyncio.sleep(TICK_S)

    async def _on_status(self, message: Msg) -> None:
        self._ready.add(orjson.loads(message.data)["replica"])

    async def start(self, replicas: int) -> None:
        """Start the gates and wait until all serve.

        Raises:
            RuntimeError: One ended; with what it said.
            AssertionError: One is not ready in time.
        """
        self.launch(replicas)
        await eventually(self._all_ready, timeout_s=READY_TIMEOUT_S)

    def launch(self, replicas: int) -> None:
        """Start the gates and do not wait."""
        for number in range(1, replicas + 1):
            name = f"gate-{number}"
            with self._log(name).open("ab") as output:
                self.gates[name] = start_child(
                    [sys.executable, "-m", *_COMMANDS[self.rung]],
                    environ=self.environ | {"CIO_REPLICA": name, BEGAN_AT: str(self.began_at)},
                    folder=ROOT,
                    output=output,
                )

    def _all_ready(self) -> bool:
        return self._ready >= self._running.keys()

    @property
    def _running(self) -> dict[str, int]:
        """The process ids of the gates. Raises RuntimeError when one has ended."""
        for name, process in self.gates.items():
            if (code := process.poll()) is not None:
                said = self._log(name).read_text(errors="replace")[-3000:]
                raise RuntimeError(f"{name} ended with code {code}\n{said}")
        return {name: process.pid for name, process in self.gates.items()}

    def _log(self, name: str) -> Path:
        return self.folder / f"{name}.log"

    async def stop(self) -> None:
        """Let the gates finish and end."""
        if self._speaking is not None:
            self._speaking.cancel()
            await asyncio.wait([self._speaking])
        await asyncio.gather(*(stop_child(one, GRACE_S) for one in self.gates.values()))

    @property
    def pids(self) -> dict[str, int]:
        """The process ids of everything that is measured. Raises RuntimeError without a gate."""
        servers = {"nats": self.nats.pid, "redis": self.redis.pid if self.redis else None}
        found = {name: pid for name, pid in servers.items() if pid is not None}
        return self._running | found

    async def captured(self, intents: int) -> None:
        """Wait until the stream has so many intents; the server takes them one by one."""

        async def all_there() -> bool:
            state = (await self.client.jetstream().stream_info(INTENTS)).state
            return state.messages >= intents

        await eventually(all_there, timeout_s=CAPTURE_TIMEOUT_S)

    async def last_captured_at(self) -> float:
        """Return when the stream took the last intent, by this machine's monotonic clock."""
        js = self.client.jetstream()
        last = (await js.stream_info(INTENTS)).state.last_seq
        at = (await js.get_msg(INTENTS, last)).time or EPOCH
        return at.timestamp() - time.time() + time.monotonic()

    async def decision_ids(self, first: int, count: int) -> Sequence[str]:
        """Return the ids of the decisions about the intents from this number on.

        One connection publishes them all, so that they are captured in the order of their numbers.
        """
        numbers = range(first + 1, first + count + 1)
        if self.rung is not Rung.SHIPPED:
            return [decision_id(FUND, INTENTS, 0, number, self.began_at) for number in numbers]
        found = await decisions_of(self.client, INTENTS, FUND)
        return [found[number] for number in numbers]


@asynccontextmanager
async def house(folder: Path, rung: Rung, limits: Limits) -> AsyncIterator[House]:
    """Start the servers of a rung in a folder, under a policy; end everything afterwards."""
    folder.mkdir(parents=True)
    async with AsyncExitStack() as closing:
        nats = await start_nats(folder / "nats")
        closing.push_async_callback(nats.stop)
        redis = await start_redis(folder / "redis") if rung.has_redis else None
        if redis is not None:
            closing.push_async_callback(redis.stop)
        client = await connect_nats(NatsAccess(nats.url), name="bench")
        closing.push_async_callback(client.close)
        environ = _environ(folder, limits, nats, redis)
        found = House(rung, folder, nats, redis, client, environ)
        closing.push_async_callback(found.stop)
        await found.open()
        yield found


def _environ(
    folder: Path, limits: Limits, nats: ServerProcess, redis: ServerProcess | None
) -> dict[str, str]:
    """Return a gate's environment: of this machine's own settings of it, nothing is left."""
    policy, charter, metrics = folder / "policy.yaml", folder / "charter.yaml", folder / "metrics"
    metrics.mkdir()
    policy.write_bytes(orjson.dumps({"schema_version": 1, "name": "bench", **limits.policy}))
    charter.write_text("schema_version: 1\nname: open\n")
    stated: Mapping[str, object] = {
        "CIO_NATS_URL": nats.url,
        "CIO_REDIS_URL": redis.url if redis else "redis://127.0.0.1:9/0",
        "CIO_DATA_DIR": folder / "data",
        "CIO_FUND": FUND,
        "CIO_POLICY_FILE": policy,
        "CIO_CHARTER_FILE": charter,
        "CIO_LOG_LEVEL": "warning",
        **TRUSTING,
        "PROMETHEUS_MULTIPROC_DIR": metrics,
    }
    inherited = {key: value for key, value in os.environ.items() if key[:4] != "CIO_"}
    inherited.pop("PYTHONDONTWRITEBYTECODE", None)  # what is installed has its byte code at hand
    return inherited | {key: str(value) for key, value in stated.items()}
