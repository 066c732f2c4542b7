"""The demo from a terminal: a short one to its end, and one that is broken off."""

import asyncio
import io
import json
import os
import signal
import sys
import tempfile
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psutil
import pytest
from rich.console import Console

from petrosa_cio.demo.lines import LineStage
from petrosa_cio.demo.run import DemoOptions, run_demo
from petrosa_cio.demo.script import BOTS, usual_rate
from tests.integration.processes import alive
from tests.waiting import eventually

pytestmark = [pytest.mark.integration, pytest.mark.timeout(120)]

CIO = str(Path(sys.executable).with_name("cio"))
SHORT_S = 6


@dataclass
class Demo:
    """A demo that runs, with a folder for what it leaves behind."""

    process: asyncio.subprocess.Process
    folder: Path
    said: str = ""

    async def until(self, words: str) -> None:
        """Read what it says until these words."""
        assert self.process.stderr is not None
        while words not in self.said:
            line = await self.process.stderr.readline()
            assert line, self.said
            self.said += line.decode()

    def family(self) -> list[int]:
        """Return every process that it started and that started others."""
        return [one.pid for one in psutil.Process(self.process.pid).children(recursive=True)]

    async def ended(self) -> tuple[int, str]:
        """Wait for its end; return the exit code and what it printed."""
        out, err = await self.process.communicate()
        self.said += err.decode()
        assert self.process.returncode is not None
        return self.process.returncode, out.decode()


@asynccontextmanager
async def demo(folder: Path, *options: str) -> AsyncIterator[Demo]:
    # A stated server that does not exist: the demo must never look for it.
    environ = os.environ | {"TMPDIR": str(folder), "CIO_NATS_URL": "nats://127.0.0.1:9"}
    process = await asyncio.create_subprocess_exec(
        CIO, "demo", "--json", *options, cwd=folder, env=environ,
        stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.PIPE,
    )  # fmt: skip
    try:
        yield Demo(process, folder)
    finally:
        if process.returncode is None:
            process.kill()
            await process.communicate()


async def nothing_left(found: Demo, family: list[int]) -> None:
    await eventually(lambda: not any(map(alive, family)))
    assert list(found.folder.iterdir()) == []


async def test_a_short_demo_shows_everything_and_adds_up(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    file, options = io.StringIO(), DemoOptions(SHORT_S, seed=7, rate=usual_rate(SHORT_S))
    summary = await run_demo(options, LineStage(Console(file=file)))

    assert summary is not None
    assert summary.complete
    assert summary.halts == 1
    assert summary.proof.holds
    assert summary.proof.captured == summary.total.sent > 200
    assert summary.proof.lost == 0
    total = summary.total
    assert all((total.approved, total.reduced, total.denied)), total
    assert summary.latency is not None
    assert summary.latency.median_ms > 0
    for event in ("placed", "filled", "partial_fill", "rejected", "closed by stop loss"):
        assert summary.engine[event], event
    for words in ("The operator halts the fund", "the fund is halted", "Trading again"):
        assert words in file.getvalue(), words
    assert list(tmp_path.iterdir()) == []


async def test_ended_early_it_sums_up_what_it_saw_and_leaves_nothing(tmp_path: Path) -> None:
    async with demo(tmp_path, "--rate", "20") as running:
        await running.until("approve")
        family = running.family()
        assert len(family) >= 6  # three servers and three roles
        running.process.send_signal(signal.SIGINT)
        code, out = await running.ended()

    summary: dict[str, Any] = json.loads(out)
    assert code == 0, running.said
    assert not summary["complete"]
    assert [row["bot"] for row in summary["rows"]] == list(BOTS)
    assert summary["proof"]["every_intent_has_one_verdict"]
    assert summary["total"]["approved"]
    await nothing_left(running, family)


async def test_ended_before_it_began_it_leaves_nothing(tmp_path: Path) -> None:
    async with demo(tmp_path) as running:
        await running.until("Starting servers")
        await eventually(running.family)
        family = running.family()
        running.process.send_signal(signal.SIGTERM)
        code, out = await running.ended()

    assert (code, out) == (130, "")
    assert "Ended before it began." in running.said
    await nothing_left(running, family)


async def test_when_the_gate_falls_it_says_so(tmp_path: Path) -> None:
    async with demo(tmp_path) as running:
        await running.until("approve")
        family = running.family()
        for pid in family:
            if "gate" in psutil.Process(pid).cmdline():
                psutil.Process(pid).kill()
        code, _ = await running.ended()

    assert code == 1
    assert "The demo fell over." in running.said
    assert "gate: ended with code" in running.said
    assert "Traceback" not in running.said
    await nothing_left(running, family)
