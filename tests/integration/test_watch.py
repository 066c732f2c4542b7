"""``cio watch`` as a process of its own: beside a real gate, and beside nobody."""

import asyncio
import json
import os
import signal
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import orjson
import pytest

from petrosa_cio.adapters.embedded import ServerProcess
from petrosa_cio.adapters.nats_connection import Client, NatsAccess, connect_nats
from tests.gates import intent
from tests.integration.gate_house import WIDE_POLICY, gate_house
from tests.waiting import eventually

pytestmark = pytest.mark.integration


BEAT = {"replica": "g", "status": "GOVERNANCE_ACTIVE", "dependencies": {}}


@dataclass
class Watcher:
    """A `cio watch` that runs, and what it has said so far."""

    process: asyncio.subprocess.Process
    lines: list[str] = field(default_factory=list)
    remarks: list[str] = field(default_factory=list)

    async def listen(self) -> None:
        streams = ((self.process.stdout, self.lines), (self.process.stderr, self.remarks))
        async with asyncio.TaskGroup() as reading:
            for stream, said in streams:
                assert stream is not None
                reading.create_task(_read(stream, said))

    async def until_said(self, words: str) -> None:
        await eventually(lambda: any(words in remark for remark in self.remarks), timeout_s=30)

    async def interrupted(self) -> int:
        self.process.send_signal(signal.SIGINT)
        return await self.process.wait()


async def _read(stream: asyncio.StreamReader, said: list[str]) -> None:
    async for line in stream:
        said.append(line.decode().rstrip())


@asynccontextmanager
async def watching(url: str, *arguments: str) -> AsyncIterator[Watcher]:
    """Run the command while the block runs."""
    kept = {key: value for key, value in os.environ.items() if not key.startswith("CIO_")}
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "petrosa_cio", "watch", *arguments,
        env=kept | {"CIO_NATS_URL": url, "COLUMNS": "200"},
        stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.PIPE,
    )  # fmt: skip
    watcher = Watcher(process)
    listening = asyncio.create_task(watcher.listen())
    try:
        await watcher.until_said("Watching cio.verdict.>")
        yield watcher
    finally:
        if process.returncode is None:
            process.kill()
        await process.wait()
        await listening


@pytest.fixture
async def client(own_nats: ServerProcess) -> AsyncIterator[Client]:
    found = await connect_nats(NatsAccess(own_nats.url), name="test")
    yield found
    await found.close()


async def tell(client: Client, **fields: object) -> None:
    event: dict[str, Any] = {"verdict": "deny", "strategy": "grid", "symbol": "BTCUSDT"} | fields
    await client.publish(f"cio.verdict.{event['verdict']}.x", orjson.dumps(event))


async def test_the_verdicts_of_a_real_gate(tmp_path: Path) -> None:
    async with gate_house(tmp_path) as house, watching(house.nats.url, "--count", "2") as watcher:
        await house.start("gate-1")
        await house.publish([("intent.a", intent(id="a", quantity=0.02))])
        await eventually(lambda: watcher.lines)
        await house.publish([("intent.a", intent(id="a", quantity=0.02))])
        assert await asyncio.wait_for(watcher.process.wait(), 30) == 0
        await eventually(lambda: len(watcher.lines) >= 3)
    approval, denial, reason = watcher.lines
    assert "approve momentum  BTCUSDT  buy 0.02 at 50000" in approval
    assert "deny    momentum  BTCUSDT  buy 0.02" in denial
    assert reason.strip().startswith("INTENT_REPEATED: ")


async def test_limits_that_fill_are_lines_of_their_own(tmp_path: Path) -> None:
    policy = WIDE_POLICY.replace("90000000000", "1500")
    async with gate_house(tmp_path, policy=policy) as house, watching(house.nats.url) as watcher:
        await house.start("gate-1")
        await house.publish([("intent.a", intent(quantity=0.02))])
        await eventually(lambda: len(watcher.lines) == 2)
    verdict, warning = watcher.lines
    assert "approve momentum  BTCUSDT  buy 0.02 at 50000" in verdict
    assert "warning max_gross_exposure_usd is 50 % used: 1000 of 1500 USD, gross" in warning


async def test_only_what_is_asked_for_is_shown_as_json(
    own_nats: ServerProcess, client: Client
) -> None:
    filters = ("--verdict", "deny", "--strategy", "grid", "--symbol", "btcusdt", "--symbol", "X1X",
               "--code", "fund_halted", "--json", "--count", "2")  # fmt: skip
    async with watching(own_nats.url, *filters) as watcher:
        halted = ["FUND_HALTED", "INTENT_STALE"]
        await client.publish("cio.verdict.deny.x", b"nonsense")
        await tell(client, codes=halted, verdict="approve")
        await tell(client, codes=halted, strategy="other")
        await tell(client, codes=halted, symbol="ETHUSDT")
        await tell(client, codes=["INTENT_STALE"])
        await tell(client, codes=halted, decision_id="1")
        await tell(client, codes=halted, decision_id="2", symbol="X1X")
        assert await asyncio.wait_for(watcher.process.wait(), 30) == 0
        await eventually(lambda: len(watcher.lines) >= 2)
    assert [json.loads(line)["decision_id"] for line in watcher.lines] == ["1", "2"]


async def test_it_says_whether_anybody_decides_comes_back_and_ends_well(
    own_nats: ServerProcess, client: Client
) -> None:
    async with watching(own_nats.url) as watcher:
        await watcher.until_said("No gate decides: no gate has been heard for 3 s.")
        await own_nats.stop()
        await watcher.until_said("NATS is away; trying again.")
        await own_nats.start()
        await eventually(lambda: client.is_connected)

        async def beat_until_told() -> bool:
            await client.publish("cio.gate.status", orjson.dumps(BEAT))
            return any("A gate is there" in remark for remark in watcher.remarks)

        await eventually(beat_until_told)
        await tell(client, decision_id="after")
        await eventually(lambda: watcher.lines)
        assert await watcher.interrupted() == 0
    assert watcher.lines[0].endswith("deny    grid  BTCUSDT  -  after")
    assert not any("Traceback" in remark for remark in watcher.remarks)


@pytest.mark.parametrize("manner", ["", "--json"])
async def test_a_reader_who_has_seen_enough_may_leave(
    own_nats: ServerProcess, client: Client, manner: str
) -> None:
    kept = {key: value for key, value in os.environ.items() if not key.startswith("CIO_")}
    process = await asyncio.create_subprocess_shell(
        f"{sys.executable} -m petrosa_cio watch {manner} | head -n 1",
        env=kept | {"CIO_NATS_URL": own_nats.url},
        stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.PIPE,
    )  # fmt: skip
    ending = asyncio.create_task(process.communicate())

    async def told_until_it_ends() -> bool:
        await tell(client, decision_id="1")
        return ending.done()

    await eventually(told_until_it_ends, timeout_s=30)
    said, remarks = await ending
    assert len(said.decode().splitlines()) == 1
    assert "Traceback" not in remarks.decode()
