"""A venue's HTTP server on this machine, which answers as a test tells it to."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field


@dataclass
class VenueServer:
    """One address, and what it answers.

    Attributes:
        url: Where it is.
        answer: What it sends back, head and body.
        asked: The first line of each request.
        silent: Whether it says nothing at all.
    """

    url: str
    answer: bytes = b""
    silent: bool = False
    asked: list[str] = field(default_factory=list)

    def say(self, body: bytes, status: str = "200 OK", *headers: str) -> None:
        lines = [
            f"HTTP/1.1 {status}",
            f"content-length: {len(body)}",
            "connection: close",
            *headers,
        ]
        self.answer = "\r\n".join([*lines, "", ""]).encode() + body

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with suppress(asyncio.IncompleteReadError):  # who left before it asked
            head = await reader.readuntil(b"\r\n\r\n")
            self.asked.append(head.split(b"\r\n")[0].decode())
            if self.silent:
                await reader.read()
            writer.write(self.answer)
        writer.close()


@asynccontextmanager
async def venue_server() -> AsyncIterator[VenueServer]:
    """Run a server that answers with nothing, until it is told something."""
    venue = VenueServer("")
    server = await asyncio.start_server(venue.serve, "127.0.0.1", 0)
    venue.url = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}/exchangeInfo?x=1"
    async with server:
        yield venue
