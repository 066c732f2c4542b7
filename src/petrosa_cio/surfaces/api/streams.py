"""Streams that are held open: how many, for how long, and what ends one."""

import asyncio
import time
from collections import Counter
from collections.abc import AsyncGenerator, Awaitable, Callable, Iterator
from contextlib import AbstractContextManager, aclosing, contextmanager
from typing import Final

import orjson
import structlog
from starlette.responses import Response
from starlette.types import Receive, Scope, Send

from petrosa_cio.errors import TooMany, Unavailable
from petrosa_cio.office.live import Page
from petrosa_cio.office.live_events import Live, Place

log = structlog.get_logger()

MOST_OF_A_TOKEN: Final = 4
MOST_OF_ALL: Final = 32
"""Streams that are open at the same time."""

RETRY_S: Final = 5

BEAT_S: Final = 10.0
"""Seconds of silence after which a sign of life is sent."""

TICK_S: Final = 1.0
"""How often to see whether the token still counts, in seconds."""

TAKEN_WITHIN_S: Final = 10.0
"""Whoever takes nothing for that long is cut off."""

RECONNECT_MS: Final = 2_000
"""What a client is told to wait before it comes back."""

REVOKED: Final = "the token counts no more"
UNKNOWN: Final = "whether the token still counts cannot be told: come back"
STOPPING: Final = "the program is told to stop: come back"
LASTED: Final = "it lasted as long as was asked for"

Check = Callable[[], Awaitable[bool]]


class OpenStreams:
    """Counts the streams that are open, and knows when all must end.

    Args:
        stop: Set when the program is told to stop.
    """

    def __init__(self, stop: asyncio.Event) -> None:
        self.stop = stop
        self._by_token: Counter[str] = Counter()

    @contextmanager
    def one_of(self, token_id: str) -> Iterator[None]:
        """Hold a place while a stream is open. Raises TooMany."""
        if self._by_token[token_id] >= MOST_OF_A_TOKEN:
            text = f"a token may hold {MOST_OF_A_TOKEN} streams open: close one"
            raise TooMany(text, retry_after_s=RETRY_S)
        if self._by_token.total() >= MOST_OF_ALL:
            raise TooMany(f"{MOST_OF_ALL} streams are open: try later", retry_after_s=RETRY_S)
        self._by_token[token_id] += 1
        try:
            yield
        finally:
            self._by_token[token_id] -= 1
            self._by_token += Counter()  # forget whoever has none


class EventStream(Response):
    """Server-Sent Events, until somebody or something ends them.

    Args:
        pages: The events.
        place: Where they begin.
        ends: Says in words why the stream must end now; empty while it need not.
        holding: Holds a place among the streams while it is open. Entering it may raise TooMany.
    """

    media_type = "text/event-stream"

    def __init__(
        self,
        pages: AsyncGenerator[Page],
        place: Place,
        ends: Callable[[], Awaitable[str]],
        holding: AbstractContextManager[None],
    ) -> None:
        super().__init__(headers={"X-Accel-Buffering": "no"})
        del self.headers["content-length"]
        self._pages = pages
        self._place = place
        self._ends = ends
        self._holding = holding

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Send events until the stream ends, or nobody takes them. Raises TooMany."""
        with self._holding:
            sending = asyncio.create_task(self._send(send))
            gone = asyncio.create_task(_until_gone(receive))
            try:
                await asyncio.wait({sending, gone}, return_when=asyncio.FIRST_COMPLETED)
            finally:
                for task in (sending, gone):
                    task.cancel()
                await asyncio.wait({sending, gone})
            if not sending.cancelled():
                _judge(sending.exception())

    async def _send(self, send: Send) -> None:
        await send({"type": "http.response.start", "status": 200, "headers": self.raw_headers})
        await _write(send, _beat(self._place, f"retry: {RECONNECT_MS}\n"))
        written_at = time.monotonic()
        async with aclosing(self._pages) as pages:
            async for events, place in pages:
                if events:
                    await _write(send, b"".join(map(_told, events)))
                    written_at = time.monotonic()
                elif time.monotonic() - written_at >= BEAT_S:
                    await _write(send, _beat(place))
                    written_at = time.monotonic()
                if why := await self._ends():
                    ended = orjson.dumps({"why": why}).decode()
                    await _write(send, f"event: ended\ndata: {ended}\n\n".encode())
                    break
        await send({"type": "http.response.body", "body": b"", "more_body": False})


async def why_it_ends(counts: Check, streams: OpenStreams, ends_at: float | None) -> str:
    """Return why a stream must end now, in words; empty while it need not.

    Args:
        counts: Says whether the token still counts.
        streams: All streams.
        ends_at: When it is to end, in seconds of the monotonic clock; None for never.
    """
    if streams.stop.is_set():
        return STOPPING
    if ends_at is not None and time.monotonic() >= ends_at:
        return LASTED
    try:
        return "" if await counts() else REVOKED
    except Unavailable:
        return UNKNOWN


def _judge(error: BaseException | None) -> None:
    """Log that somebody was cut off; raise what else went wrong."""
    if isinstance(error, TimeoutError):
        log.warning("stream_cut_off", why=f"nothing was taken for {TAKEN_WITHIN_S:g} s")
    elif error is not None:
        raise error


async def _until_gone(receive: Receive) -> None:
    while (await receive())["type"] != "http.disconnect":
        pass


async def _write(send: Send, body: bytes) -> None:
    """Hand over some bytes. Raises TimeoutError where they are not taken in time."""
    async with asyncio.timeout(TAKEN_WITHIN_S):
        await send({"type": "http.response.body", "body": body, "more_body": True})


def _beat(place: Place, besides: str = "") -> bytes:
    """Return a sign of life. A client keeps its id and tells nobody: it holds no data."""
    return f": alive\nid: {place}\n{besides}\n".encode()


def _told(event: Live) -> bytes:
    identity = f"id: {event.following}\n" if event.following else ""
    return b"%bevent: %b\ndata: %b\n\n" % (identity.encode(), event.kind.encode(), event.data)
