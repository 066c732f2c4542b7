"""Who may use a data folder, and which port was used there last time."""

import asyncio
import fcntl
import os
import secrets
import socket
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO

from petrosa_cio.errors import AlreadyRunning, Misconfigured, Problem

LOOPBACK = "127.0.0.1"
# Below the range from which Linux takes the ports of outgoing connections: there a client that
# keeps calling a stopped server can be given the server's own port, and so connect to itself.
_PORTS = range(15_000, 32_000)
_POLL_S = 0.02


@contextmanager
def locked(folder: Path) -> Iterator[None]:
    """Hold `folder`, made if it is missing, for this process alone.

    Raises:
        AlreadyRunning: another process holds it.
        Misconfigured: it cannot be made or written.
    """
    with _opened(folder) as file:
        if not _try_lock(file.fileno()):
            file.seek(0)
            owner = file.read().strip()
            raise AlreadyRunning(str(folder), int(owner) if owner.isdigit() else None)
        file.truncate(0)
        file.write(str(os.getpid()).encode())
        file.flush()
        yield


def _opened(folder: Path) -> BinaryIO:
    try:
        folder.mkdir(parents=True, exist_ok=True)
        return (folder / "lock").open("a+b")
    except OSError as error:
        message = f"expected a folder that can be made and written: {error}"
        raise Misconfigured([Problem("CIO_DATA_DIR", message, "Set another folder.")]) from error


async def inheritable_lock(folder: Path, patience_s: float) -> int:
    """Return a descriptor that locks `folder` as long as anyone has it open.

    A server inherits it. So the next start waits, for at most `patience_s` seconds, until a server
    that lost its parent has really let go of its files, even if nobody knows its process id.

    Raises:
        TimeoutError: the folder is still held.
    """
    descriptor = os.open(folder / "lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        async with asyncio.timeout(patience_s):
            while not _try_lock(descriptor):  # noqa: ASYNC110 (other processes set no event)
                await asyncio.sleep(_POLL_S)
    except BaseException:
        os.close(descriptor)
        raise
    return descriptor


def prepare(folder: Path, port: int | None) -> tuple[Path, int]:
    """Make a server's folder; return its absolute path, and `port` or one chosen for it."""
    folder = folder.resolve()
    folder.mkdir(parents=True, exist_ok=True)
    return folder, port or choose_port(folder / "port")


def choose_port(memory: Path) -> int:
    """Return the port written in the file `memory` if it is free, else another, and write it."""
    try:
        port = int(memory.read_text())
    except (OSError, ValueError):
        port = 0
    while port not in _PORTS or not is_free(port):
        port = secrets.choice(_PORTS)
    memory.write_text(str(port))
    return port


def is_free(port: int) -> bool:
    """Tell whether a server could listen on `port` of the loopback address now."""
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((LOOPBACK, port))
        except OSError:
            return False
    return True


def _try_lock(descriptor: int) -> bool:
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True
