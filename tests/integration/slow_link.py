"""A network in between that is slow: every byte arrives, in order, but late."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress


class SlowLink:
    """Passes connections on to a port of this machine.

    Attributes:
        url: Where clients of a NATS server behind it connect.
        delay_s: How long each byte takes, either way; may be changed while it runs.
    """

    def __init__(self, port: int, *, delay_s: float) -> None:
        self.url = ""
        self.delay_s = delay_s
        self._port = port
        self._ends: set[asyncio.StreamWriter] = set()
        self._work: set[asyncio.Task[None]] = set()

    async def connected(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Serve one connection until either side ends it."""
        far_reader, far_writer = await asyncio.open_connection("127.0.0.1", self._port)
        self._ends |= {writer, far_writer}
        for source, target in ((reader, far_writer), (far_reader, writer)):
            task = asyncio.create_task(self._pass_on(source, target))
            self._work.add(task)
            task.add_done_callback(self._work.discard)

    async def _pass_on(self, source: asyncio.StreamReader, target: asyncio.StreamWriter) -> None:
        loop = asyncio.get_running_loop()
        with suppress(OSError):
            while data := await source.read(65_536):
                loop.call_later(self.delay_s, _write, target, data)
        target.close()

    async def end(self) -> None:
        """Drop every connection."""
        for task in list(self._work):
            task.cancel()
        await asyncio.gather(*self._work, return_exceptions=True)
        for end in self._ends:
            end.close()
            with suppress(OSError):
                await end.wait_closed()


def _write(target: asyncio.StreamWriter, data: bytes) -> None:
    if not target.is_closing():
        target.write(data)


@asynccontextmanager
async def slow_link(port: int, *, delay_s: float) -> AsyncIterator[SlowLink]:
    """Run a slow link to a port while the block runs."""
    link = SlowLink(port, delay_s=delay_s)
    server = await asyncio.start_server(link.connected, "127.0.0.1", 0)
    link.url = f"nats://127.0.0.1:{server.sockets[0].getsockname()[1]}"
    try:
        yield link
    finally:
        server.close()
        await link.end()
