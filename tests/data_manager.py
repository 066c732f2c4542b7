"""A data-manager for tests: a real HTTP server that answers, or misbehaves, as it is told."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any, TypeVar
from urllib.parse import parse_qs, urlsplit

import orjson

Reply = Callable[[asyncio.StreamWriter], Awaitable[None]]


def regime_answer(
    symbol: str, name: str = "breakout_phase", *, at: datetime, confidence: str = "0.9"
) -> dict[str, Any]:
    """Return an answer as the data-manager makes it."""
    return {
        "pair": symbol,
        "metric": "regime",
        "data": {
            "regime": name,
            "volatility_level": "high",
            "volume_level": "high",
            "trend_direction": "bullish",
            "confidence": confidence,
        },
        "metadata": {"timestamp": at.isoformat(), "collection": f"analytics_{symbol}_regime"},
    }


def nothing_known(symbol: str) -> dict[str, Any]:
    """Return an answer of one that knows nothing: with the present time."""
    return regime_answer(symbol, at=datetime.now(UTC)) | {"data": None}


def sends(
    body: bytes | dict[str, Any],
    status: str = "200 OK",
    *,
    length: int | None = None,
    head: str = "",
) -> Reply:
    """Answer with a body, of which the head may lie."""
    content = body if isinstance(body, bytes) else orjson.dumps(body)
    stated = len(content) if length is None else length

    async def reply(writer: asyncio.StreamWriter) -> None:
        writer.write(f"HTTP/1.1 {status}\r\ncontent-length: {stated}\r\n{head}\r\n".encode())
        writer.write(content)
        await writer.drain()

    return reply


async def hangs(_: asyncio.StreamWriter) -> None:
    """Never answer."""
    await asyncio.Event().wait()


async def drips(writer: asyncio.StreamWriter) -> None:
    """Answer a byte now and then, for ever."""
    writer.write(b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n")
    while True:
        writer.write(b"1\r\n \r\n")
        await writer.drain()
        await asyncio.sleep(0.01)


async def floods(writer: asyncio.StreamWriter) -> None:
    """Answer without end, as fast as it is read."""
    writer.write(b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n")
    while True:
        writer.write(b"4000\r\n" + b" " * 0x4000 + b"\r\n")
        await writer.drain()


async def hangs_up(_: asyncio.StreamWriter) -> None:
    """Close the connection without a word."""
    raise ConnectionResetError


@dataclass
class FakeDataManager:
    """Answers about each symbol as it is told to; about others, that nothing is known.

    Attributes:
        replies: What is answered, by symbol.
        asked: The target of every request, in order.
        connections: How many there have been.
        most_at_once: The most requests that it had in hand together.
    """

    replies: dict[str, Reply] = field(default_factory=dict)
    asked: list[str] = field(default_factory=list)
    connections: int = 0
    most_at_once: int = 0
    url: str = ""
    _in_hand: int = 0

    def says(self, symbol: str, name: str, *, at: datetime | None = None) -> None:
        """Answer with a regime, observed just now unless stated."""
        self.replies[symbol] = sends(regime_answer(symbol, name, at=at or datetime.now(UTC)))

    def asked_about(self, symbol: str) -> int:
        """Return how often it was asked about a symbol."""
        return sum(f"pair={symbol}&" in target for target in self.asked)

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Serve one connection."""
        self.connections += 1
        with suppress(ConnectionError, asyncio.IncompleteReadError):
            while True:
                head = await reader.readuntil(b"\r\n\r\n")
                target = head.split(b" ", 2)[1].decode()
                self.asked.append(target)
                symbol = parse_qs(urlsplit(target).query).get("pair", [""])[0]
                self._in_hand += 1
                self.most_at_once = max(self.most_at_once, self._in_hand)
                try:
                    await self._reply(target, symbol)(writer)
                finally:
                    self._in_hand -= 1
        writer.close()

    def _reply(self, target: str, symbol: str) -> Reply:
        if urlsplit(target).path != "/analysis/regime":
            return sends({"detail": "Not Found"}, "404 Not Found")
        return self.replies.get(symbol) or sends(nothing_known(symbol))


class FakeEngine(FakeDataManager):
    """An order engine alike: ``replies`` are by path, and nothing else is found."""

    def _reply(self, target: str, symbol: str) -> Reply:
        found = self.replies.get(urlsplit(target).path)
        return found or sends({"detail": "Not Found"}, "404 Not Found")


@asynccontextmanager
async def data_manager(port: int = 0) -> AsyncIterator[FakeDataManager]:
    """Run one on 127.0.0.1 while the block runs."""
    async with running(FakeDataManager(), port) as fake:
        yield fake


@asynccontextmanager
async def engine_of_tests() -> AsyncIterator[FakeEngine]:
    """Run an order engine on 127.0.0.1 while the block runs."""
    async with running(FakeEngine(), 0) as fake:
        yield fake


Fake = TypeVar("Fake", bound=FakeDataManager)


@asynccontextmanager
async def running(fake: Fake, port: int) -> AsyncIterator[Fake]:
    """Let it be asked on 127.0.0.1 while the block runs."""
    serving = set[asyncio.Task[None]]()

    def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.create_task(fake.serve(reader, writer))
        serving.add(task)
        task.add_done_callback(serving.discard)
        task.add_done_callback(lambda _: writer.transport.abort())

    server = await asyncio.start_server(serve, "127.0.0.1", port)
    fake.url = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"
    try:
        yield fake
    finally:
        server.close()
        for task in tuple(serving):
            task.cancel()
        await asyncio.gather(*serving, return_exceptions=True)
