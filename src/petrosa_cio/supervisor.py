"""Keep one child process per role alive, and end them together.

`cio run` is this: a role that dies is started again, a signal to us is passed on, and nobody is
left behind. It decides nothing about trades, so a fault here can stop the gate but not open it.

A signal is heard from the first moment on. While servers start it cancels the starting; a driver
may swallow that, so the word to stop is kept, and no child is started after it.
"""

import asyncio
import os
import signal
import subprocess
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from time import monotonic

import structlog

from petrosa_cio.adapters.children import ended, kill_child, start_child, stop_child

_FIRST_DELAY_S = 0.2
_LONGEST_DELAY_S = 10.0
_STEADY_AFTER_S = 60.0

_log = structlog.get_logger()


class StopWord:
    """The word to stop, SIGINT or SIGTERM.

    Attributes:
        heard: Set by the first signal, for good.
        act: Called at every signal, with whether it is not the first.
    """

    def __init__(self, act: Callable[[bool], None]) -> None:
        self.heard = asyncio.Event()
        self.act = act

    def hear(self, signum: int) -> None:
        """Take a signal as the word to stop."""
        is_again = self.heard.is_set()
        _log.info("stopping", signal=signal.Signals(signum).name, again=is_again)
        self.heard.set()
        self.act(is_again)


@contextmanager
def hearing_signals() -> Iterator[StopWord]:
    """Hear the word to stop from here on; until somebody else acts on it, it cancels this task."""
    task, loop = asyncio.current_task(), asyncio.get_running_loop()
    word = StopWord(lambda _: _cancel(task))
    signals = (signal.SIGINT, signal.SIGTERM)
    for signum in signals:
        loop.add_signal_handler(signum, word.hear, signum)
    try:
        yield word
    finally:
        for signum in signals:
            loop.remove_signal_handler(signum)


def _cancel(task: asyncio.Task[object] | None) -> None:
    if task is not None:
        task.cancel()


async def supervise(
    commands: Mapping[str, Sequence[str]],
    environ: Mapping[str, str],
    word: StopWord,
    *,
    drain_timeout_s: float,
) -> int:
    """Run `commands`, one child process per role, until the word to stop.

    A child that ends is started again, after a delay that doubles from 0.2 s to 10 s as long as it
    keeps dying young. One that exits with `os.EX_CONFIG` says that it is set up wrongly; starting
    it again would not mend that, so everything stops. Children write to our standard error.

    Args:
        commands: The argument list of each role; the first argument is an absolute path.
        environ: The environment of every child.
        word: Tells when to stop; if it was heard before, nothing is started.
        drain_timeout_s: Seconds a child may take to end after SIGTERM, before it is killed. A
            second signal to us ends the waiting at once.

    Returns:
        0 if all ended by themselves when asked, `os.EX_CONFIG` as said above, else 1.
    """
    house = _House(environ, drain_timeout_s, word.heard)
    word.act = house.hear
    async with asyncio.TaskGroup() as group:
        for role, command in commands.items():
            group.create_task(house.keep(role, command), name=role)
    _log.info("stopped", exit_code=house.exit_code)
    return house.exit_code


@dataclass
class _House:
    environ: Mapping[str, str]
    drain_timeout_s: float
    stopping: asyncio.Event
    exit_code: int = os.EX_OK
    living: dict[str, subprocess.Popen[bytes]] = field(default_factory=dict)

    async def keep(self, role: str, command: Sequence[str]) -> None:
        """Have a process for `role` until the house is stopping."""
        delay_s = _FIRST_DELAY_S
        while not self.stopping.is_set():
            born = monotonic()
            code = await self._live(role, command)
            if self.stopping.is_set():
                break
            if code == os.EX_CONFIG:
                _log.error("role_misconfigured", role=role)
                self._stop(code)
                break
            delay_s = _FIRST_DELAY_S if monotonic() - born > _STEADY_AFTER_S else delay_s
            _log.error("role_died", role=role, exit_code=code, restart_in_s=delay_s)
            await self._stopping_within(delay_s)
            delay_s = min(delay_s * 2, _LONGEST_DELAY_S)

    async def _live(self, role: str, command: Sequence[str]) -> int | None:
        """Run one process to its end, or to ours; return its exit code if it ended first."""
        process = self.living[role] = start_child(command, environ=self.environ)
        _log.info("role_started", role=role, pid=process.pid)
        exited = asyncio.create_task(ended(process))
        stopped = asyncio.create_task(self.stopping.wait())
        try:
            await asyncio.wait({exited, stopped}, return_when=asyncio.FIRST_COMPLETED)
            return process.poll()
        finally:
            exited.cancel()
            stopped.cancel()
            await self._end(role, process)

    async def _end(self, role: str, process: subprocess.Popen[bytes]) -> None:
        if process.poll() is None and not await stop_child(process, self.drain_timeout_s):
            _log.error("role_killed", role=role, drain_timeout_s=self.drain_timeout_s)
            self.exit_code = self.exit_code or 1

    async def _stopping_within(self, seconds: float) -> None:
        try:
            async with asyncio.timeout(seconds):
                await self.stopping.wait()
        except TimeoutError:
            pass

    def _stop(self, exit_code: int) -> None:
        self.exit_code = exit_code
        self.stopping.set()

    def hear(self, is_again: bool) -> None:
        """Take a further signal as impatience."""
        if is_again:
            self.exit_code = self.exit_code or 1
            for process in self.living.values():
                kill_child(process)
