"""The real command in a folder of its own, as somebody would try it out."""

import asyncio
import json
import os
import signal
import socket
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path

import httpx2
import psutil
import pytest

from tests.integration.processes import alive
from tests.policies import THOUGHT
from tests.waiting import eventually

pytestmark = [pytest.mark.integration, pytest.mark.timeout(180)]

CIO = str(Path(sys.executable).with_name("cio"))
EXAMPLE = Path(__file__).parents[2] / "examples" / "first-intent.json"
WHY = ("--reason", "drill", "--thought", THOUGHT)


@dataclass(frozen=True)
class Said:
    """How a command ended, and what it said."""

    code: int
    out: str
    err: str


@dataclass
class Folder:
    """A folder in which somebody works with the command."""

    path: Path
    port: int
    environ: dict[str, str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        kept = {key: value for key, value in os.environ.items() if not key.startswith("CIO_")}
        self.environ = kept | {"CIO_HTTP_PORT": str(self.port), "COLUMNS": "200"}

    async def start(self, *arguments: str, **environ: str) -> asyncio.subprocess.Process:
        return await asyncio.create_subprocess_exec(
            CIO, *arguments, cwd=self.path, env=self.environ | environ,
            stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.PIPE,
        )  # fmt: skip

    async def cio(self, *arguments: str, **environ: str) -> Said:
        process = await self.start(*arguments, **environ)
        out, err = await process.communicate()
        assert process.returncode is not None
        return Said(process.returncode, out.decode(), err.decode())

    async def readiness(self) -> httpx2.Response | None:
        """Return the answer of the running program, if there is one."""
        async with httpx2.AsyncClient(base_url=f"http://127.0.0.1:{self.port}") as client:
            try:
                return await client.get("/health/readiness")
            except httpx2.TransportError:
                return None

    async def is_ready(self) -> bool:
        answer = await self.readiness()
        return answer is not None and answer.status_code == 200


def new_folder(path: Path) -> Folder:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return Folder(path, probe.getsockname()[1])


@pytest.fixture
def folder(tmp_path: Path) -> Folder:
    return new_folder(tmp_path)


@dataclass
class Program:
    """A `cio run` that is ready, and every process it started."""

    process: asyncio.subprocess.Process
    children: list[int]
    ended: Said | None = None

    async def stop(self, signum: int = signal.SIGINT) -> Said:
        if self.process.returncode is None:
            self.process.send_signal(signum)
        out, err = await self.process.communicate()
        assert self.process.returncode is not None
        self.ended = self.ended or Said(self.process.returncode, out.decode(), err.decode())
        return self.ended


@asynccontextmanager
async def running(folder: Folder, **environ: str) -> AsyncIterator[Program]:
    """Run the program while the block runs."""
    process = await folder.start("run", **environ)
    try:
        await eventually(folder.is_ready, timeout_s=60)
        children = [one.pid for one in psutil.Process(process.pid).children(recursive=True)]
        program = Program(process, children)
        yield program
        await program.stop()
    finally:
        if process.returncode is None:
            process.kill()
            await process.communicate()


@dataclass(frozen=True)
class Shop:
    """A program that runs, in its folder."""

    folder: Folder
    program: Program


@pytest.fixture(scope="module")
async def shop(anyio_backend: str, tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Shop]:
    """One program for all tests that leave it as they found it: the fund active."""
    folder = new_folder(tmp_path_factory.mktemp("shop"))
    async with running(folder) as program:
        yield Shop(folder, program)


async def test_strategies_and_symbols_are_switched_apart(shop: Shop) -> None:
    cio = shop.folder.cio
    await cio("halt", "--strategy", "momentum_v1", "--reason", "drill")
    denied = await cio("send", "--ask", "--new-ids", str(EXAMPLE))
    assert "STRATEGY_HALTED" in denied.out
    await cio("resume", "--strategy", "momentum_v1", "--reason", "over")
    said = await cio("reduce", "--symbol", "btcusdt", "--reason", "drill")
    assert said.out == "symbol:BTCUSDT is now reducing.\n"
    denied = await cio("send", "--ask", "--new-ids", str(EXAMPLE))
    assert "REDUCING_ONLY" in denied.out
    await cio("resume", "--symbol", "btcusdt", "--reason", "over")


@pytest.mark.parametrize(
    ("arguments", "problem"),
    [
        (("halt", "--strategy", "a", "--symbol", "BTCUSDT", "--reason", "x"), "not both"),
        (("halt", "--symbol", "BTC-USDT", "--reason", "x"), "letters and digits"),
        (("regime", "set", "BTC-USDT", "calm", *WHY), "letters and digits"),
        (("regime", "set", "BTCUSDT", "calm", *WHY, "--confidence", "2"), "from 0 to 1"),
        (("regime", "set", "BTCUSDT", "calm", *WHY, "--for", "8d"), "up to 7d"),
        (("regime", "set", "BTCUSDT", "wilder", *WHY), "turbulent_illiquidity"),
    ],
)
async def test_what_cannot_be_meant_is_refused(
    shop: Shop, arguments: tuple[str, ...], problem: str
) -> None:
    said = await shop.folder.cio(*arguments)
    assert (said.code, said.out) == (2, "")
    assert problem in said.err


async def test_a_reason_that_is_no_text_does_not_stop_a_halt(shop: Shop) -> None:
    said = await shop.folder.cio("halt", "--reason", os.fsdecode(b"caf\xe9 [/bold]"))
    assert said.out == "fund is now halted.\n", said
    await shop.folder.cio("resume", "--reason", "over")


async def test_after_a_bare_start_the_doctor_finds_no_problem(shop: Shop) -> None:
    said = await shop.folder.cio("doctor", "--json")
    checks = {one["check"]: one["level"] for one in json.loads(said.out)["checks"]}
    assert said.code == 0, said
    assert checks["synced writes"] == checks["gate"] == checks["streams"] == "ok"
    assert checks["signal listeners"] == "warning"  # no engine is there


async def test_a_regime_is_told_to_a_program(shop: Shop) -> None:
    cio = shop.folder.cio
    said = await cio("regime", "set", "dogeusdt", "SIDEWAYS", *WHY, "--json")
    told = json.loads(said.out)
    assert datetime.fromisoformat(told.pop("until")) > datetime.now(UTC) + timedelta(hours=3.9)
    assert told == {"symbol": "DOGEUSDT", "regime": "consolidation", "confidence": "1"}
    assert "states nothing about" in said.err
    (line,) = json.loads((await cio("regime", "show", "--json")).out)
    assert (line["symbol"], line["reason"], line["observed"]) == ("DOGEUSDT", "drill", None)
    limits = await cio("limits", "--symbol", "DOGEUSDT", "--json")
    assert json.loads(limits.out)["regime"] == "consolidation"
    assert "consolidation (1)" in (await cio("regime", "show")).out
    cleared = await cio("regime", "clear", "dogeusdt", "--reason", "over", "--json")
    assert json.loads(cleared.out) == {"symbol": "DOGEUSDT", "ended": "consolidation"}
    again = await cio("regime", "clear", "dogeusdt", "--reason", "sure?")
    assert (again.code, again.out) == (0, "DOGEUSDT had none.\n")
    forgotten = await cio("regime", "clear", "dogeusdt", "--feed", "--reason", "drill")
    assert forgotten.out == "DOGEUSDT had none.\n"
    assert (await cio("regime", "show")).out.startswith("Nobody has said anything")


async def test_answers_are_told_to_a_program_and_in_the_exit_code(shop: Shop) -> None:
    bad = EXAMPLE.with_name("bad-intent.json")
    said = await shop.folder.cio("send", "--ask", "--new-ids", "--json", str(bad))
    assert (said.code, json.loads(said.out)["verdict"]) == (2, "deny")
    sent = await shop.folder.cio("send", "--new-ids", "--json", str(bad))
    assert (sent.code, json.loads(sent.out)) == (0, {"sent": 1})


async def test_a_second_one_on_the_same_folder_is_refused(shop: Shop) -> None:
    second = await shop.folder.cio("run")
    assert second.code == os.EX_CONFIG
    assert f"another cio run (pid {shop.program.process.pid})" in second.err
    assert "CIO_DATA_DIR" in second.err
    assert "Traceback" not in second.err
    assert await shop.folder.is_ready()


# --- from start to end ----------------------------------------------------------------------------


async def test_the_first_hour_with_it(folder: Folder) -> None:
    async with running(folder) as program:
        sent = await folder.cio("send", "--ask", str(EXAMPLE))
        assert sent.code == 0, sent
        assert sent.out.startswith("approve 0.002 ")

        again = await folder.cio("send", "--ask", str(EXAMPLE))
        assert again.out.startswith("deny ")
        assert "INTENT_REPEATED" in again.out

        halted = await folder.cio("halt", "--reason", "drill", "--json")
        assert json.loads(halted.out)["state"] == "halted"
        denied = await folder.cio("send", "--ask", "--new-ids", str(EXAMPLE))
        assert denied.out.startswith("deny ")
        assert "FUND_HALTED" in denied.out

        resumed = await folder.cio("resume", "--reason", "drill is over")
        assert resumed.out == "fund is now active.\n"
        approved = await folder.cio("send", "--ask", "--new-ids", str(EXAMPLE))
        assert approved.out.startswith("approve ")

        wild = ("btcusdt", "turbulent_illiquidity", "--for", "2h", *WHY)
        regime = await folder.cio("regime", "set", *wild)
        assert regime.out.startswith("BTCUSDT is now in turbulent_illiquidity, until 2")
        vetoed = await folder.cio("send", "--ask", "--new-ids", str(EXAMPLE))
        assert "REGIME_VETO" in vetoed.out
        cleared = await folder.cio("regime", "clear", "btcusdt", "--reason", "drill is over")
        assert cleared.out == "BTCUSDT is no longer in turbulent_illiquidity.\n"
        approved = await folder.cio("send", "--ask", "--new-ids", str(EXAMPLE))
        assert approved.out.startswith("approve ")

        published = await folder.cio("send", "--at-once", "--new-ids", str(EXAMPLE))
        assert (published.code, published.out) == (0, "")
        assert "1 intent sent." in published.err
        said = await program.stop()
    for word in ("petrosa-cio is starting", "nats://127.0.0.1:", "redis://", "starter, revision 1"):
        assert word in said.out
    assert f"http://127.0.0.1:{folder.port}/health/readiness" in said.out
    assert "Traceback" not in said.err


@pytest.mark.parametrize("signum", [signal.SIGINT, signal.SIGTERM])
async def test_a_signal_stops_everything_it_started_and_nothing_else(
    folder: Folder, signum: signal.Signals
) -> None:
    bystander = await asyncio.create_subprocess_exec(sys.executable, "-c", "input()", stdin=-1)
    async with running(folder) as program:
        assert len(program.children) >= 4
        said = await program.stop(signum)
    assert said.code == 0, said
    assert [pid for pid in program.children if alive(pid)] == []
    assert alive(bystander.pid)
    assert not (folder.path / ".cio" / "running.json").exists()
    bystander.kill()
    await bystander.wait()


async def test_it_ends_well_in_the_middle_of_starting(folder: Folder) -> None:
    process = await folder.start("run")
    await eventually((folder.path / ".cio" / "lock").exists)
    process.send_signal(signal.SIGINT)
    try:
        await asyncio.wait_for(process.communicate(), 60)
    finally:
        if process.returncode is None:
            process.kill()
    async with running(folder):
        assert await folder.is_ready()


async def test_a_second_start_keeps_what_was_there(folder: Folder) -> None:
    async with running(folder):
        await folder.cio("send", "--ask", str(EXAMPLE))
        await folder.cio("halt", "--reason", "night")
    async with running(folder) as program:
        denied = await folder.cio("send", "--ask", "--new-ids", str(EXAMPLE))
        assert "FUND_HALTED" in denied.out
        await folder.cio("resume", "--reason", "morning")
        repeated = await folder.cio("send", "--ask", str(EXAMPLE))
        assert "INTENT_REPEATED" in repeated.out
        said = await program.stop()
    table = {line.split("│")[1].strip(): line for line in said.out.splitlines() if "│" in line}
    assert "halted" in table["trading state"]
    assert "starter, revision 1" in table["policy"]


async def test_a_killed_one_leaves_nobody_behind(folder: Folder) -> None:
    async with running(folder) as program:
        await program.stop(signal.SIGKILL)
        await eventually(lambda: not [pid for pid in program.children if alive(pid)])
    async with running(folder):
        assert await folder.is_ready()


async def test_everything_that_is_set_wrongly_is_said_at_once(folder: Folder) -> None:
    said = await folder.cio(
        "run",
        CIO_MODE="dry",
        CIO_NATS_ULR="nats://h",
        CIO_SIGNAL_SUBJECT="signals.*",
        CIO_POLICY_FILE="missing.yaml",
    )
    assert said.code == os.EX_CONFIG
    for word in ("CIO_MODE", "CIO_NATS_ULR", "CIO_SIGNAL_SUBJECT", "CIO_POLICY_FILE"):
        assert word in said.err
    assert "Traceback" not in said.err
    assert not (folder.path / ".cio").exists()


async def test_a_policy_that_crosses_the_charter_does_not_start(folder: Folder) -> None:
    (folder.path / "policy.yaml").write_text("fund: {min_confidence: 0.1, nonsense: 1}")
    said = await folder.cio("run", CIO_POLICY_FILE="policy.yaml")
    assert said.code == os.EX_CONFIG
    assert "CIO_POLICY_FILE" in said.err
    assert "nonsense" in said.err


async def test_a_taken_port_is_said_to_be(folder: Folder) -> None:
    with socket.create_server(("127.0.0.1", folder.port)):
        said = await folder.cio("run")
    assert said.code == os.EX_CONFIG
    assert "CIO_HTTP_PORT" in said.err
    assert str(folder.port) in said.err


@pytest.mark.parametrize(
    "arguments",
    [
        ("send", str(EXAMPLE)),
        ("halt", "--reason", "x"),
        ("regime", "set", "BTCUSDT", "calm", *WHY),
        ("regime", "clear", "BTCUSDT", "--reason", "x"),
        ("regime", "show"),
    ],
)
async def test_without_a_running_program_it_says_how_to_start_one(
    folder: Folder, arguments: tuple[str, ...]
) -> None:
    said = await folder.cio(*arguments)
    assert said.code == os.EX_CONFIG
    assert "cio run" in said.err
    assert "Traceback" not in said.err


async def test_servers_that_do_not_answer_are_named(folder: Folder) -> None:
    nowhere = {"CIO_NATS_URL": "nats://127.0.0.1:1", "CIO_REDIS_URL": "redis://127.0.0.1:1/0"}
    sent = await folder.cio("send", str(EXAMPLE), **nowhere)
    assert (sent.code, "nats: " in sent.err) == (1, True)
    halted = await folder.cio("halt", "--reason", "x", **nowhere)
    assert (halted.code, "redis: " in halted.err) == (1, True)
    run = await folder.cio("run", "--role", "gate", **nowhere)
    assert (run.code, "nats: " in run.err) == (1, True)
    for said in (sent, halted, run):
        assert "Traceback" not in said.err


async def test_a_halt_needs_no_nats(folder: Folder, redis_url: str) -> None:
    servers = {"CIO_NATS_URL": "nats://127.0.0.1:1", "CIO_REDIS_URL": redis_url}
    said = await folder.cio("halt", "--reason", "x", CIO_FUND=folder.path.name, **servers)
    assert (said.code, said.out) == (0, "fund is now halted.\n")
    assert "could not be recorded" in said.err


async def test_one_role_alone_wants_its_servers_named(folder: Folder) -> None:
    said = await folder.cio("run", "--role", "gate")
    assert said.code == os.EX_CONFIG
    assert "CIO_NATS_URL" in said.err
    assert "CIO_REDIS_URL" in said.err


@pytest.mark.parametrize("content", ["nonsense", "[1]", '{"a": 1}\nx'])
async def test_a_file_that_does_not_read_is_said_to_be(folder: Folder, content: str) -> None:
    (folder.path / "intents.jsonl").write_text(content)
    said = await folder.cio("send", "intents.jsonl")
    assert said.code == 1
    assert "cannot be read" in said.err
    assert "Traceback" not in said.err


async def test_it_explains_itself(folder: Folder) -> None:
    said = await folder.cio("--help")
    for word in ("run", "send", "halt", "resume", "reduce", "regime"):
        assert word in said.out
    assert (await folder.cio("--version")).out.startswith("petrosa-cio ")
