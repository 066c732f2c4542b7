"""Watch processes from the outside."""

import asyncio
import sys
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from pathlib import Path

import psutil


def alive(pid: int) -> bool:
    """Tell whether `pid` runs; an ended process that nobody has asked about does not."""
    try:
        return psutil.Process(pid).status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False


@asynccontextmanager
async def python(
    script: str, *arguments: object, environ: Mapping[str, str] | None = None
) -> AsyncIterator[asyncio.subprocess.Process]:
    """Run `script` in a Python of its own while the block runs."""
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-c", script, *map(str, arguments), env=environ,
        stdout=asyncio.subprocess.PIPE,
    )  # fmt: skip
    try:
        yield process
    finally:
        if process.returncode is None:
            process.kill()
        await process.communicate()


def numbers(file: Path) -> list[int]:
    """Return the numbers written in `file`, one a line; none if it is missing."""
    return [int(line) for line in file.read_text().split()] if file.exists() else []
