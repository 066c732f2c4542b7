"""Runs a load in a process of its own and hears from it."""

import asyncio
import sys
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path

import orjson

from tests.bench.load import Heard, Plan

ROOT = Path(__file__).parents[2]
"""Where ``-m tests.bench`` finds its modules."""

Tell = Callable[[int, int], None]
"""Is told how many intents were sent and how many answered."""


class RunningLoad:
    """A load that runs."""

    def __init__(self, plan: Plan, process: asyncio.subprocess.Process) -> None:
        self._plan = plan
        self._process = process

    async def is_listening(self) -> None:
        """Wait for its first word, which it says once it is subscribed."""
        await self._line()

    async def heard(self, tell: Tell) -> Heard:
        """Wait for its end and return what it heard.

        Raises:
            RuntimeError: It failed; what it said went to standard error.
        """
        while line := await self._line():
            told = orjson.loads(line)
            tell(told["sent"], told["answers"])
        if await self._process.wait():
            raise RuntimeError(f"the load ended with code {self._process.returncode}")
        return Heard(**orjson.loads(Path(self._plan.heard_file).read_bytes()))

    async def _line(self) -> bytes:
        output = self._process.stdout
        return await output.readline() if output else b""


@asynccontextmanager
async def loading(plan: Plan) -> AsyncIterator[RunningLoad]:
    """Run a load while the block runs."""
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "tests.bench.load",
        cwd=ROOT, stdin=asyncio.subprocess.PIPE, stdout=asyncio.subprocess.PIPE,
    )  # fmt: skip
    try:
        if process.stdin is not None:
            process.stdin.write(orjson.dumps(plan))
            process.stdin.close()
        yield RunningLoad(plan, process)
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()
