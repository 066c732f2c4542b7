"""SecantusDB, a server that speaks MongoDB's wire protocol: for trying out and for tests.

It is beta software. Production wants MongoDB.
"""

import asyncio
import sys
from importlib.util import find_spec
from pathlib import Path

from petrosa_cio.adapters.embedded.folder import LOOPBACK, prepare
from petrosa_cio.adapters.embedded.process import ServerProcess, missing_package

# An OP_MSG with the document {hello: 1, $db: "admin"}, by hand: this file only asks whether
# someone is there, and the driver belongs to another one.
_DOCUMENT = b"\x10hello\x00\x01\x00\x00\x00\x02$db\x00\x06\x00\x00\x00admin\x00\x00"
_BODY = b"\x00\x00\x00\x00\x00" + (len(_DOCUMENT) + 4).to_bytes(4, "little") + _DOCUMENT
_HEADER = (1).to_bytes(4, "little") + (0).to_bytes(4, "little") + (2013).to_bytes(4, "little")
_HELLO = (len(_BODY) + 16).to_bytes(4, "little") + _HEADER + _BODY


async def start_mongo(folder: Path, port: int | None = None) -> ServerProcess:
    """Start the MongoDB stand-in with its data in `folder`.

    Args:
        folder: Made if it is missing.
        port: Where it listens; None for the port used there before, or a free one.

    Raises:
        Misconfigured: the package is not installed.
        Unavailable: it did not come up.
    """
    if find_spec("secantus") is None:
        raise missing_package("SecantusDB", "CIO_MONGO_URL")
    folder, port = prepare(folder, port)
    # Named, even though it is empty: else files in the home and working directories are obeyed.
    configuration = folder / "secantusd.toml"
    configuration.write_text("")
    command = [sys.executable, "-m", "secantus", "--config", str(configuration)]
    command += ["--host", LOOPBACK, "--port", str(port)]
    command += ["--storage-path", str(folder / "data"), "--sync-on-commit"]
    server = ServerProcess(
        name="mongo",
        url=f"mongodb://{LOOPBACK}:{port}/?directConnection=true",
        port=port,
        folder=folder,
        command=command,
        answers=_answers,
    )
    await server.start()
    return server


async def _answers(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> bool:
    writer.write(_HELLO)
    length = int.from_bytes(await reader.readexactly(4), "little")
    return b"isWritablePrimary" in await reader.readexactly(length - 4)
