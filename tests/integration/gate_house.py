"""A house for gates: servers of its own, any number of real gate processes, and a listening engine.

Nothing is imitated but the neighbours. Intents are published as bots do, by plain NATS, and what
arrives on the engine's subject is kept with the moment of its arrival. What the gates wrote and
sent is judged afterwards in `tests.integration.gate_evidence`.
"""

import asyncio
import os
import signal
import subprocess
import sys
import time
from collections.abc import AsyncIterator, Iterable, Mapping, Sequence
from contextlib import AsyncExitStack, asynccontextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

import orjson
from nats.aio.client import Client
from nats.aio.msg import Msg
from nats.aio.subscription import Subscription

from petrosa_cio.adapters.children import ended, kill_child, start_child
from petrosa_cio.adapters.embedded import start_nats, start_redis
from petrosa_cio.adapters.embedded.process import ServerProcess
from petrosa_cio.adapters.nats_connection import NatsAccess, RobustClient, connect_nats
from petrosa_cio.adapters.nats_journal import SEPARATOR
from petrosa_cio.adapters.nats_streams import INTENTS, JOURNAL_SUBJECT
from petrosa_cio.adapters.redis_connection import connect_redis
from petrosa_cio.adapters.redis_ledger import RedisLedger
from petrosa_cio.adapters.redis_state import RedisStateStore
from petrosa_cio.app import GATE_CONSUMER, GATE_STATUS
from tests.loading import ROOT
from tests.waiting import eventually

FUND = "house"
SIGNALS = "signals.trading.*"
CHUNK = 250
SETTLED_TIMEOUT_S = 60.0

# Room for everything, so that only what a test states can deny.
WIDE_POLICY = """\
schema_version: 1
name: wide
fund:
  max_order_notional_usd: 1000000
  max_gross_exposure_usd: 90000000000
  max_intent_age_s: 300
"""
DECISIONS = """
local found = {}
for _, key in ipairs(redis.call('KEYS', ARGV[1])) do
  local decisions = redis.call('HGETALL', key)
  for i = 1, #decisions, 2 do
    local state, detail = cmsgpack.unpack(decisions[i + 1])
    found[#found + 1] = decisions[i]
    found[#found + 1] = state == 'done' and detail or state
  end
end
return found
"""
"""Reads all decisions of the ledger in one step: id, state, id, state; ``done`` as the verdict."""

EMPTY_CHARTER = "schema_version: 1\nname: open\n"


@dataclass(frozen=True, slots=True)
class Heard:
    """A signal as the engine got it, with its own reading of the time, in seconds."""

    decision_id: str
    subject: str
    headers: Mapping[str, str]
    body: Mapping[str, object]
    at: float


class Replica:
    """One process, a gate unless it says otherwise."""

    def __init__(self, name: str, process: subprocess.Popen[bytes], log: Path) -> None:
        self.name = name
        self.process = process
        self.log = log

    def send(self, signum: signal.Signals) -> None:
        """Send it a signal, if it still runs."""
        if self.process.poll() is None:
            self.process.send_signal(signum)

    def kill(self) -> None:
        """End it in the middle of whatever it does."""
        kill_child(self.process)

    async def ended(self, *, timeout_s: float = 20.0) -> int:
        """Wait until it has ended and return its exit code."""
        async with asyncio.timeout(timeout_s):
            return await ended(self.process)

    @property
    def runs(self) -> bool:
        """Whether it is alive."""
        return self.process.poll() is None


class GateHouse:
    """Servers, gates, and everything that can be seen from the outside."""

    def __init__(
        self, folder: Path, nats: ServerProcess, redis: ServerProcess, environ: dict[str, str]
    ) -> None:
        self.folder = folder
        self.nats = nats
        self.redis = redis
        self.replicas: list[Replica] = []
        self.signals: list[Heard] = []
        self.beats: dict[str, Mapping[str, object]] = {}
        self.decided: set[str] = set()
        self.published = 0
        self.environ = environ
        self._listening: Subscription | None = None

    async def open(self, closing: AsyncExitStack) -> None:
        """Connect; the connection comes back by itself when the server does."""
        self.client: RobustClient = await connect_nats(NatsAccess(self.nats.url), name="house")
        closing.push_async_callback(self.client.close)
        self.engine: Client = await connect_nats(NatsAccess(self.nats.url), name="engine")
        closing.push_async_callback(self.engine.close)
        self.redis_client = redis = connect_redis(self.redis.url)
        closing.push_async_callback(redis.aclose)
        self.store = RedisStateStore(redis, FUND, timeout_s=5)
        self.ledger = RedisLedger(redis, FUND, timeout_s=5)
        await self.client.subscribe(GATE_STATUS, cb=self._on_beat)
        await self.client.subscribe(JOURNAL_SUBJECT, cb=self._on_records)
        await self.listen_for_signals()

    # --- the engine -------------------------------------------------------------------------

    async def listen_for_signals(self) -> None:
        """Stand in for the order engine."""
        self._listening = await self.engine.subscribe(
            SIGNALS, cb=self._on_signal, pending_msgs_limit=-1, pending_bytes_limit=-1
        )
        await self.engine.flush()

    async def stop_listening(self) -> None:
        """Let nobody be there for signals."""
        if self._listening:
            await self._listening.unsubscribe()
            await self.engine.flush()

    async def _on_signal(self, message: Msg) -> None:
        body = orjson.loads(message.data)
        headers = {str(key): str(value) for key, value in (message.headers or {}).items()}
        self.signals.append(Heard(body["decision_id"], message.subject, headers, body, time.time()))

    async def _on_beat(self, message: Msg) -> None:
        beat = orjson.loads(message.data)
        self.beats[beat["replica"]] = beat

    async def _on_records(self, message: Msg) -> None:
        records = (orjson.loads(line) for line in message.data.split(SEPARATOR))
        self.decided |= {one["decision_id"] for one in records if one["kind"] == "verdict"}

    # --- the gates --------------------------------------------------------------------------

    async def start(self, *names: str, **environ: object) -> list[Replica]:
        """Start gates with settings of their own, as ``mode="observe"``, and wait until ready."""
        started = [self.launch(name, **environ) for name in names]
        await eventually(lambda: all(self.is_ready(one) for one in started), timeout_s=40)
        return started

    def launch(self, name: str, **environ: object) -> Replica:
        """Start one gate and do not wait."""
        return self.launch_module(name, "petrosa_cio", "run", "--role", "gate", **environ)

    def launch_module(self, name: str, *module: str, **environ: object) -> Replica:
        """Start a module with its arguments, with settings of its own, and do not wait."""
        stated = {f"CIO_{key.upper()}": str(value) for key, value in environ.items()}
        log = self.folder / f"{name}.log"
        with log.open("ab") as output:
            process = start_child(
                [sys.executable, "-m", *module],
                environ=self.environ | {"CIO_REPLICA": name} | stated,
                folder=ROOT,
                output=output,
            )
        replica = Replica(name, process, log)
        self.replicas.append(replica)
        return replica

    def is_ready(self, replica: Replica) -> bool:
        """Return whether it serves; fail at once if it has ended."""
        code = replica.process.poll()
        assert code is None, f"{replica.name} ended with {code}\n{replica.log.read_text()[-3000:]}"
        return replica.name in self.beats

    async def close(self) -> None:
        """End every gate that still runs."""
        for replica in self.replicas:
            replica.send(signal.SIGCONT)
            replica.kill()

    # --- the bots ---------------------------------------------------------------------------

    async def publish(self, intents: Iterable[tuple[str, bytes]]) -> None:
        """Publish (subject, body) pairs as bots do; what meets no server is lost, as theirs is."""
        waiting = list(intents)
        for first in range(0, len(waiting), CHUNK):
            await self._publish_chunk(waiting[first : first + CHUNK])

    async def _publish_chunk(self, chunk: Sequence[tuple[str, bytes]]) -> None:
        try:
            for subject, body in chunk:
                await self.client.publish(subject, body)
            await self.client.flush()
            self.published += len(chunk)
        except Exception:
            await eventually(lambda: self.client.is_connected, timeout_s=40)

    async def publish_last(self) -> None:
        """Publish one more message, no intent, and wait until the stream has it.

        The stream takes messages in order, so that it then has everything else that it will have.
        """

        async def stored() -> bool:
            with suppress(Exception):  # a server that is just starting
                await self.client.jetstream().publish("intent.last", b"")
                return True
            return False

        await eventually(stored, timeout_s=40)

    async def ask(self, body: bytes, *, timeout_s: float = 20.0) -> dict[str, object]:
        """Ask at the synchronous door and return the reply."""
        reply = await self.client.request("cio.nurse.audit", body, timeout=timeout_s)
        answer: dict[str, object] = orjson.loads(reply.data)
        return answer

    # --- what the ledger knows --------------------------------------------------------------

    async def in_ledger(self, *states: str) -> set[str]:
        """Return the decisions that are in one of these states; done ones by their verdict."""
        keys = f"cio:{{{FUND}}}:decisions:*"
        found = [one.decode() for one in await self.redis_client.eval(DECISIONS, 0, keys)]
        return {one for one, state in zip(found[::2], found[1::2], strict=True) if state in states}

    async def until_begun(self) -> None:
        """Wait until some decision has passed the fence and is not finished."""

        async def some_begun() -> bool:
            return bool(await self.in_ledger("begun"))

        await eventually(some_begun)

    # --- what becomes of it -----------------------------------------------------------------

    async def settled(
        self, *, at_least: int | None = None, timeout_s: float = SETTLED_TIMEOUT_S
    ) -> None:
        """Wait until everything that was published is captured, and nothing is pending any more.

        Where the server was away while intents were published, nobody can say how many it has:
        state a number then, after `publish_last`.
        """
        expected = self.published if at_least is None else at_least

        async def nothing_pending() -> bool:
            assert any(one.runs for one in self.replicas), "no gate is left"
            with suppress(Exception):  # a server that is just starting
                stream = await self.client.jetstream().stream_info(INTENTS)
                info = await self.client.jetstream().consumer_info(INTENTS, GATE_CONSUMER)
                pending = info.num_pending or info.num_ack_pending
                return not pending and stream.state.messages >= expected
            return False

        await eventually(nothing_pending, timeout_s=timeout_s)
        await self.quiet()

    async def taken_over(self, *, timeout_s: float = 40.0) -> None:
        """Wait until every captured intent is decided, be it by another gate than had it first."""

        async def all_journaled() -> bool:
            stream = await self.client.jetstream().stream_info(INTENTS)
            return len(self.decided) >= stream.state.messages

        await eventually(all_journaled, timeout_s=timeout_s)

    async def delivered_again(self, times: int, *, timeout_s: float = 40.0) -> None:
        """Wait until the stream handed intents out so many times more than there are."""

        async def handed_out() -> bool:
            info = await self.client.jetstream().consumer_info(INTENTS, GATE_CONSUMER)
            stream = await self.client.jetstream().stream_info(INTENTS)
            delivered = info.delivered.consumer_seq if info.delivered else 0
            return delivered >= stream.state.messages + times

        await eventually(handed_out, timeout_s=timeout_s)

    async def quiet(self) -> None:
        """Wait until everything that was sent to us before this moment has arrived."""
        for client in (self.client, self.engine):
            await client.flush()

    async def until_decided(self, number: int, *, timeout_s: float = 40.0) -> None:
        """Wait until so many intents have a verdict in the journal."""
        await eventually(lambda: len(self.decided) >= number, timeout_s=timeout_s)


@asynccontextmanager
async def gate_house(
    folder: Path, *, policy: str = WIDE_POLICY, charter: str = EMPTY_CHARTER, **environ: object
) -> AsyncIterator[GateHouse]:
    """Run servers in a folder, with settings for every gate of the house; end all afterwards."""
    async with AsyncExitStack() as closing:
        nats = await start_nats(folder / "nats")
        closing.push_async_callback(nats.stop)
        redis = await start_redis(folder / "redis")
        closing.push_async_callback(redis.stop)
        (folder / "policy.yaml").write_text(policy)
        (folder / "charter.yaml").write_text(charter)
        stated = {
            "nats_url": nats.url,
            "redis_url": redis.url,
            "mongo_url": "mongodb://127.0.0.1:9/",
            "data_dir": folder / "data",
            "fund": FUND,
            "policy_file": folder / "policy.yaml",
            "charter_file": folder / "charter.yaml",
            **environ,
        }
        inherited = {key: value for key, value in os.environ.items() if key[:4] != "CIO_"}
        house = GateHouse(
            folder,
            nats,
            redis,
            inherited | {f"CIO_{key.upper()}": str(value) for key, value in stated.items()},
        )
        await house.open(closing)
        closing.push_async_callback(house.close)
        try:
            yield house
        except BaseException:
            show_logs(house.replicas)
            raise


def show_logs(replicas: Sequence[Replica]) -> None:
    """Print what the gates said, for the report of a failed test."""
    for replica in replicas:
        tail = replica.log.read_text(errors="replace")[-4000:]
        print(f"--- {replica.name} ---\n{tail}")  # noqa: T201 (pytest shows it with the failure)
