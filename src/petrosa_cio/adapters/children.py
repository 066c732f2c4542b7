"""Start and stop child processes that never outlive us.

A child leads its own session, so that Ctrl-C at the terminal reaches us alone and we stop the
children in our order; and it is told to end by the kernel if we are killed without a last word.
"""

import asyncio
import subprocess
import sys
from collections.abc import Iterable, Mapping, Sequence
from os import getpid
from pathlib import Path
from typing import IO

from petrosa_cio.adapters import die_with_parent

_POLL_S = 0.02


def start_child(
    command: Sequence[str],
    *,
    environ: Mapping[str, str] | None = None,
    folder: Path | None = None,
    output: IO[bytes] | None = None,
    keep_open: Iterable[int] = (),
) -> subprocess.Popen[bytes]:
    """Start `command`, an absolute path and its arguments.

    Call it from a thread that lives as long as the child should: the kernel takes the end of the
    starting thread for the end of the parent.

    Args:
        command: What to run.
        environ: The child's environment; ours when None.
        folder: The child's working directory; ours when None.
        output: Where its standard output and error go; ours when None.
        keep_open: File descriptors that the child inherits.
    """
    guard = [sys.executable, "-I", "-S", die_with_parent.__file__, str(getpid())]
    return subprocess.Popen(
        [*guard, *command],
        env=environ,
        cwd=folder,
        stdin=subprocess.DEVNULL,
        stdout=output,
        stderr=output,
        pass_fds=tuple(keep_open),
        start_new_session=True,
    )


async def ended(process: subprocess.Popen[bytes]) -> int:
    """Wait until `process` has ended and return its exit code, negative for a signal."""
    while (code := process.poll()) is None:  # noqa: ASYNC110 (a process sets no event)
        await asyncio.sleep(_POLL_S)
    return code


async def stop_child(process: subprocess.Popen[bytes], grace_s: float) -> bool:
    """Ask `process` to end, and kill it after `grace_s` seconds.

    Returns:
        True if it ended by itself, False if it had to be killed.
    """
    process.terminate()
    try:
        async with asyncio.timeout(grace_s):
            await ended(process)
    except TimeoutError:
        return False
    finally:
        kill_child(process)
    return True


def kill_child(process: subprocess.Popen[bytes]) -> None:
    """Kill `process` at once and wait for it to be gone; nothing happens if it is already."""
    process.kill()
    process.wait()
