"""Is the record complete? Real gates, records and servers, with one thing taken away or added."""

import asyncio
import json
import shutil
import sys
from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from time import monotonic
from typing import Any
from uuid import uuid4

import pytest
from prometheus_client import REGISTRY

from petrosa_cio.adapters.embedded import start_nats, start_redis
from petrosa_cio.adapters.embedded.folder import choose_port
from petrosa_cio.adapters.embedded.process import ServerProcess
from petrosa_cio.adapters.nats_connection import Client, NatsAccess, connect_nats
from petrosa_cio.adapters.nats_messages import listen, overhear
from petrosa_cio.adapters.nats_reading import NatsReading
from petrosa_cio.adapters.nats_signals import NatsSignalBus
from petrosa_cio.adapters.nats_streams import INTENTS, JOURNAL
from petrosa_cio.app import run_gate, run_record
from petrosa_cio.audit.findings import FindingKind
from petrosa_cio.audit.gaps import Completeness, Gaps, read_gaps
from petrosa_cio.audit.record import RecordKind
from petrosa_cio.completeness import Completed, open_completed
from petrosa_cio.ports import SignalMessage
from petrosa_cio.risk.identity import decision_id
from petrosa_cio.risk.verdict import VerdictKind
from petrosa_cio.servers import Servers, clock, open_servers
from petrosa_cio.settings import Settings, load_settings
from tests.commands import cio
from tests.integration.gate_evidence import gather
from tests.integration.gate_house import FUND, gate_house
from tests.integration.gate_intents import messages
from tests.integration.slow_link import slow_link
from tests.integration.test_whole_way import role
from tests.records import later_line, verdict_line
from tests.waiting import eventually

pytestmark = pytest.mark.integration

SIGNAL = "signals.trading.momentum"


@dataclass
class Engine:
    """An order engine that reports what it is told to, or nothing."""

    client: Client
    answers: bool = True
    signals: list[bytes] = field(default_factory=list)
    busy: set[asyncio.Task[None]] = field(default_factory=set)

    def heard(self, body: bytes) -> None:
        self.signals.append(body)
        if self.answers:
            task = asyncio.create_task(self.report(json.loads(body)["decision_id"]))
            self.busy.add(task)
            task.add_done_callback(self.busy.discard)

    async def report(self, decision_id: str) -> None:
        event = {
            "decision_id": decision_id, "strategy_id": "momentum", "order_id": uuid4().hex,
            "symbol": "BTCUSDT", "side": "buy", "event_type": "placed", "reason": "as told",
            "timestamp": datetime.now(UTC).isoformat(),
        }  # fmt: skip
        await self.client.publish("execution.events.momentum", json.dumps(event).encode())


@dataclass
class House:
    settings: Settings
    servers: Servers
    completed: Completed
    engine: Engine
    announced: list[dict[str, Any]] = field(default_factory=list)
    sent: int = 0

    async def send(self, **fields: object) -> None:
        """Publish an intent, each of another size, as of the same only one would pass."""
        size = {"quantity": (2 + self.sent) / 1000}
        self.sent += 1
        body = json.dumps(json.loads(intent()) | size | fields).encode()
        await self.engine.client.publish("intent.any", body)

    async def gaps(self) -> Gaps:
        found = self.completed
        return await read_gaps(self.settings.fund, found.books, found.findings, at=clock())

    async def until(self, condition: Callable[[Gaps], object]) -> Gaps:
        async def met() -> Gaps | None:
            found = await self.gaps()
            return found if condition(found) else None

        found = await eventually(met, timeout_s=40)
        assert found is not None
        return found

    async def found(self, kind: FindingKind) -> dict[str, Any]:
        """Wait for a finding of a kind and return it."""
        gaps = await self.until(lambda gaps: gaps.open[kind])
        (one,) = await self.completed.findings.examples(
            self.settings.fund, kind, gaps.since, most=9
        )
        return one

    async def compared(self, number: int, stage: str = "captured") -> Gaps:
        """Wait until so many intents were compared."""

        def met(gaps: Gaps) -> bool:
            return bool(gaps.books and gaps.books.counts[stage] >= number)

        return await self.until(met)

    async def captured(self, number: int) -> list[str]:
        """Publish so many messages, and return the ids that their decisions are to have."""
        js = self.servers.nats.jetstream()
        for _ in range(number):
            await js.publish("intent.any", b"{}")
        reading = NatsReading(self.servers.nats, INTENTS, headers_only=True)
        created_ns = (await reading.ends()).created_ns
        return [
            decision_id(self.settings.fund, INTENTS, created_ns, one.sequence, one.stored_at)
            async for batch in reading.batches(0, limit=9)
            for one in batch
        ]

    async def take_from_the_journal(self, decision_id: str) -> None:
        """Remove whatever tells of a decision."""
        reading = NatsReading(self.servers.nats, JOURNAL)
        telling = [
            one.sequence
            async for batch in reading.batches(0, limit=9)
            for one in batch
            if decision_id.encode() in one.body
        ]
        assert telling
        for sequence in telling:
            await self.servers.nats.jetstream().delete_msg(JOURNAL, sequence)

    async def ask(self) -> tuple[int, dict[str, Any]]:
        """Return exit code and answer of the command."""
        environ = _environ(self.settings)
        code, text = await asyncio.to_thread(cio, "audit", "gaps", "--json", environ=environ)
        return code, json.loads(text)

    def reconciling(self, **environ: object) -> Settings:
        stated = {f"CIO_{key.upper()}": str(value) for key, value in environ.items()}
        return load_settings(_environ(self.settings) | stated)


def _environ(settings: Settings) -> dict[str, str]:
    names = ("nats_url", "redis_url", "mongo_url", "mongo_database")
    return {f"CIO_{name.upper()}": str(getattr(settings, name)) for name in names} | {
        "CIO_RECONCILE_AFTER_S": "1",
        "CIO_ACKNOWLEDGE_WITHIN_S": "2",
    }


@asynccontextmanager
async def recording(house: House, **environ: object) -> AsyncIterator[None]:
    async with role(run_record, house.reconciling(**environ)):
        yield


@pytest.fixture
async def house(tmp_path: Path, mongo_url: str) -> AsyncIterator[House]:
    async with AsyncExitStack() as closing:
        nats = await start_nats(tmp_path / "nats")
        closing.push_async_callback(nats.stop)
        redis = await start_redis(tmp_path / "redis")
        closing.push_async_callback(redis.stop)
        settings = load_settings(
            {
                "CIO_NATS_URL": nats.url,
                "CIO_REDIS_URL": redis.url,
                "CIO_MONGO_URL": mongo_url,
                "CIO_MONGO_DATABASE": f"whole_{uuid4().hex}",
            }
        )
        client = await connect_nats(NatsAccess(nats.url), name="bot and engine")
        closing.push_async_callback(client.close)
        servers = await closing.enter_async_context(open_servers(settings, name="test"))
        completed = await closing.enter_async_context(open_completed(settings))
        house = House(settings, servers, completed, Engine(client))
        await listen(client, "signals.trading.*", house.engine.heard)
        await listen(client, "cio.audit.*", lambda body: house.announced.append(json.loads(body)))
        await client.flush()
        yield house


async def test_where_nothing_is_missing_it_says_so(house: House) -> None:
    code, answer = await house.ask()
    assert (code, answer["status"], answer["counts"]) == (2, "not_checked", None)
    async with role(run_gate, house.settings), recording(house):
        for _ in range(5):
            await house.send()
        await house.send(action="hold")
        gaps = await house.compared(6)
        gaps = await house.compared(5, "acknowledged")
        assert gaps.status is Completeness.CLEAN
        assert gaps.books
        counts = gaps.books.counts
        assert counts["decided"] == 6
        assert counts["approved"] == gaps.books.sent == 5
        assert not gaps.books.awaited
        await eventually(lambda: any(one.get("status") == "clean" for one in house.announced))

        async def beats() -> bool:
            beat = await house.engine.client.request("cio.heartbeat", b"", timeout=5)
            return bool(json.loads(beat.data)["completeness"]["status"] == "clean")

        await eventually(beats)
        code, answer = await house.ask()
        assert (code, answer["status"], answer["counts"]["sent"]) == (0, "clean", 5)


async def test_a_verdict_that_was_taken_from_the_journal_is_missed(house: House) -> None:
    async with role(run_gate, house.settings):
        await house.send()
        await eventually(lambda: house.engine.signals)
        lost = json.loads(house.engine.signals[0])["decision_id"]
        await house.take_from_the_journal(lost)
        await house.send()
        await eventually(lambda: len(house.engine.signals) == 2)
    async with recording(house):
        one = await house.found(FindingKind.NO_VERDICT)
        assert one["decision_id"] == lost
        assert one["detail"] == {"subject": "intent.any", "sequence": 1}
        executed = await house.found(FindingKind.EXECUTED_WITHOUT_APPROVAL)
        assert executed["decision_id"] == lost
        assert executed["detail"]["why"] == "there is no verdict"
        gone = await house.found(FindingKind.NOT_CHECKED)
        assert gone["detail"] == {"stream": "journal", "messages": 1}
        await eventually(lambda: len(house.announced) >= 3)
        code, answer = await house.ask()
        assert (code, answer["gaps"], answer["watched_signals"]) == (1, 3, [])
        assert answer["examples"]["no_verdict"][0]["decision_id"] == lost
        page = (await asyncio.to_thread(cio, "audit", "gaps", environ=_environ(house.settings)))[1]
        assert lost in page
        assert "3 gaps" in page
        assert "Signals are not watched" in page


async def test_an_intent_that_is_decided_late_is_no_gap_any_more(house: House) -> None:
    await house.send()
    async with recording(house):
        await house.found(FindingKind.NO_VERDICT)
        async with role(run_gate, house.settings):
            gaps = await house.until(lambda gaps: not gaps.number)
            assert gaps.status is Completeness.CLEAN


async def test_two_verdicts_that_differ_are_told_from_a_repetition(house: House) -> None:
    ids = await house.captured(3)
    lines = [verdict_line(one, VerdictKind.DENY) for one in ids]
    explained = [verdict_line(ids[2]), verdict_line(ids[2], VerdictKind.DENY)]
    await house.servers.journal.append([*lines[:2], explained[0]])
    await house.servers.journal.append([lines[0], verdict_line(ids[1]), explained[1]])
    await house.servers.journal.append([later_line(ids[2], RecordKind.WITHDRAWAL)])
    async with recording(house):
        one = await house.found(FindingKind.VERDICTS_CONTRADICT)
        assert one["decision_id"] == ids[1]
        gaps = await house.compared(3)
        assert gaps.number == 1
        assert gaps.books
        assert gaps.books.counts["repeated"] == 3
        assert gaps.books.counts["withdrawn"] == 1


# --- signals --------------------------------------------------------------------------------------


async def test_an_engine_that_says_nothing_is_noticed_and_so_is_its_late_word(house: House) -> None:
    house.engine.answers = False
    async with role(run_gate, house.settings), recording(house):
        await house.send()
        one = await house.found(FindingKind.UNACKNOWLEDGED)
        assert one["decision_id"] == json.loads(house.engine.signals[0])["decision_id"]
        assert await house.servers.ledger.reservations(), "its reservation is kept"
        await house.engine.report(str(one["decision_id"]))
        gaps = await house.until(lambda gaps: not gaps.number)
        assert gaps.status is Completeness.CLEAN


async def test_what_the_engine_reported_to_another_process_is_not_unconfirmed(house: House) -> None:
    async with role(run_gate, house.settings), recording(house):
        await house.send()
        await house.compared(1, "acknowledged")
    sent, lost = json.loads(house.engine.signals[0])["decision_id"], uuid4().hex
    lines = [later_line(one, RecordKind.UNCONFIRMED) for one in (sent, lost)]
    await house.servers.journal.append([verdict_line(lost), *lines])
    async with recording(house):
        one = await house.found(FindingKind.UNCONFIRMED)
        assert one["decision_id"] == lost


async def test_a_signal_that_nobody_heard_is_undelivered_and_no_gap(house: House) -> None:
    await house.engine.client.drain()
    async with role(run_gate, house.settings), recording(house):
        await house.servers.nats.publish("intent.any", intent())
        await house.found(FindingKind.UNDELIVERED)
        gaps = await house.compared(1)
        assert gaps.status is Completeness.CLEAN
        assert gaps.books
        assert gaps.books.sent == 0


async def test_what_a_rogue_publishes_is_told_from_what_the_gate_signed_off(house: House) -> None:
    rogue = house.engine.client
    async with role(run_gate, house.settings), recording(house, watch_signals="signals.>"):
        await eventually(lambda: house.announced)  # from here on it watches
        for _ in range(3):
            await house.send(metadata={"note": "caf\u00e9"}, leverage=2)
        await eventually(lambda: len(house.engine.signals) == 3)
        await house.compared(3, "acknowledged")
        await eventually(lambda: _sample("cio_signals_watched_total") >= 3)
        assert not (await house.gaps()).open[FindingKind.ROGUE_SIGNAL]
        ours = house.engine.signals[0]
        assert b'"quantity":0.002' in ours
        tampered = ours.replace(b'"quantity":0.002', b'"quantity":2.000')
        stranger = json.dumps(json.loads(ours) | {"decision_id": uuid4().hex}).encode()
        for body in (b"\xff", b"{}", tampered, stranger, ours):
            await rogue.publish(SIGNAL, body, reply="inbox.of.a.rogue")
        await rogue.publish("signals.elsewhere", house.engine.signals[1])
        gaps = await house.until(lambda gaps: gaps.open[FindingKind.ROGUE_SIGNAL] == 6)
        found = await house.completed.findings.examples(
            house.settings.fund, FindingKind.ROGUE_SIGNAL, gaps.since, most=9
        )
    details: list[Any] = [one["detail"] for one in found]
    assert sorted(one["why"] for one in details) == [
        "it is on another subject than what was signed off",
        "it names no decision",
        "it names no decision",
        "it was seen before",
        "its content is not what was signed off",
        "the decision that it names has no verdict",
    ]
    assert {one["reply"] for one in details} == {"inbox.of.a.rogue", ""}
    await eventually(lambda: sum(one.get("kind") == "rogue_signal" for one in house.announced) == 6)


def _sample(name: str) -> float:
    return REGISTRY.get_sample_value(name) or 0.0


def intent() -> bytes:
    return json.dumps(
        {
            "intent_id": uuid4().hex, "strategy_id": "momentum", "symbol": "BTCUSDT",
            "action": "buy", "confidence": 0.9, "quantity": 0.002, "price": 50000,
            "current_price": 50000, "stop_loss": 49000, "timestamp": datetime.now(UTC).isoformat(),
        }
    ).encode()  # fmt: skip


# --- whoever reconciles ---------------------------------------------------------------------------


async def test_two_records_at_a_time_count_everything_once(house: House) -> None:
    async with role(run_gate, house.settings):
        async with recording(house), recording(house):
            for _ in range(20):
                await house.send()
            await house.compared(20)
        for _ in range(20):
            await house.send()
        async with recording(house):
            await house.compared(40)
            gaps = await house.until(lambda gaps: gaps.books and not gaps.books.awaited)
    assert gaps.books
    signals = len(house.engine.signals)
    found = {name: number for name, number in gaps.books.counts.items() if number}
    assert found == {
        "captured": 40, "decided": 40, "approved": signals, "acknowledged": signals,
    }  # fmt: skip
    assert gaps.status is Completeness.CLEAN


async def test_what_a_killed_gate_leaves_is_unconfirmed_and_nothing_else(
    tmp_path: Path, mongo_url: str
) -> None:
    async with gate_house(tmp_path) as gates:
        async with slow_link(gates.nats.port, delay_s=0.0) as link:
            (dying,) = await gates.start("dying", nats_url=link.url)
            link.delay_s = 0.2
            await gates.publish(messages(100))
            await gates.until_begun()
            dying.kill()
            await gates.start("next")
            await gates.settled()
        left = len((await gather(gates)).ended("unconfirmed"))
        settings = load_settings(
            {
                "CIO_NATS_URL": gates.nats.url,
                "CIO_REDIS_URL": gates.redis.url,
                "CIO_MONGO_URL": mongo_url,
                "CIO_MONGO_DATABASE": f"whole_{uuid4().hex}",
                "CIO_FUND": FUND,
                "CIO_RECONCILE_AFTER_S": "1",
                "CIO_ACKNOWLEDGE_WITHIN_S": "1",
            }
        )
        async with role(run_record, settings), open_completed(settings) as completed:

            async def judged() -> Gaps | None:
                gaps = await read_gaps(FUND, completed.books, completed.findings, at=clock())
                return gaps if gaps.number >= 100 else None

            gaps = await eventually(judged, timeout_s=40)
    assert gaps
    nothing = dict.fromkeys(map(str, FindingKind), 0)
    assert gaps.open == nothing | {"unconfirmed": left, "unacknowledged": 100 - left}
    assert left > 0


# --- who may be watched, and at what price --------------------------------------------------------


MAPPED = """
listen: "127.0.0.1:{port}"
accounts {{ FUND {{
  users: [
    {{ user: "cio", password: "c", permissions: {{ publish: ["signals.trading.*", "_INBOX.>"] }} }}
    {{ user: "bot", password: "b", permissions: {{ publish: {{ deny: "signals.trading.*" }} }} }}
  ]
  mappings: {{ "signals.trading.*": "cio.rogue.{{{{wildcard(1)}}}}",
              "cio.signals.*": "signals.trading.{{{{wildcard(1)}}}}" }}
}} }}
"""
"""As docs/decisions/0017 has it: what anybody else publishes as a signal goes elsewhere."""


async def heard_by_anybody(bus: NatsSignalBus, subject: str, body: bytes = b"{}") -> bool:
    signal = SignalMessage(uuid4().hex, subject, {"Nats-Msg-Id": "1"}, body)
    await bus.send([signal], until=monotonic() + 60)
    return not (await bus.confirm([signal.decision_id])).undelivered


@asynccontextmanager
async def signal_bus(access: NatsAccess) -> AsyncIterator[NatsSignalBus]:
    bus = NatsSignalBus(lambda: connect_nats(access, name="signals", reconnects=False))
    try:
        yield bus
    finally:
        await bus.close()


async def test_to_watch_the_subject_of_signals_hides_that_nobody_listens(house: House) -> None:
    await house.engine.client.drain()
    async with signal_bus(NatsAccess(str(house.settings.nats_url))) as bus:
        assert not await heard_by_anybody(bus, SIGNAL)
        await overhear(house.servers.nats, "signals.>", lambda *_: None)
        assert await heard_by_anybody(bus, SIGNAL)


async def test_what_is_diverted_is_watched_without_hiding_anything(tmp_path: Path) -> None:
    server = mapped_server(tmp_path)
    await server.start()
    gate, bot = (NatsAccess(server.url, user=name, password=name[0]) for name in ("cio", "bot"))
    rogues: list[tuple[str, bytes]] = []
    async with AsyncExitStack() as closing:
        closing.push_async_callback(server.stop)
        bus = await closing.enter_async_context(signal_bus(gate))
        record, engine, rogue = [
            await connect_nats(access, name="test") for access in (gate, bot, bot)
        ]
        for client in (record, engine, rogue):
            closing.push_async_callback(client.close)
        await overhear(record, "cio.rogue.*", lambda *heard: rogues.append((heard[0], heard[2])))
        assert not await heard_by_anybody(bus, "cio.signals.momentum")
        executed: list[bytes] = []
        await listen(engine, "signals.trading.*", executed.append)
        await engine.flush()
        assert await heard_by_anybody(bus, "cio.signals.momentum", b"ours")
        for subject in (SIGNAL, "cio.signals.momentum"):
            await rogue.publish(subject, b"not ours")
        await rogue.flush()
        await eventually(lambda: rogues)
        await engine.flush()
        assert (executed, rogues) == ([b"ours"], [("cio.rogue.momentum", b"not ours")])


def mapped_server(folder: Path) -> ServerProcess:
    port = choose_port(folder / "port")
    configuration = folder / "nats-server.conf"
    configuration.write_text(MAPPED.format(port=port))
    beside = Path(sys.executable).with_name("nats-server")
    binary = str(beside) if beside.is_file() else shutil.which("nats-server")
    assert binary is not None
    return ServerProcess(
        name="nats",
        url=f"nats://127.0.0.1:{port}",
        port=port,
        folder=folder,
        command=(binary, "--config", str(configuration)),
        answers=greets,
    )


async def greets(reader: asyncio.StreamReader, _writer: asyncio.StreamWriter) -> bool:
    return (await reader.readline()).startswith(b"INFO ")
