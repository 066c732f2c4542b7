"""Plain NATS messages: announcements out, requests in."""

import asyncio
from collections.abc import Awaitable, Callable, Sequence

import structlog
from nats.aio.client import Client
from nats.aio.msg import Msg

from petrosa_cio.adapters.nats_client import Outgoing, RobustClient
from petrosa_cio.adapters.nats_connection import translated
from petrosa_cio.errors import Unavailable
from petrosa_cio.settings.subjects import subjects_overlap

log = structlog.get_logger()

FLUSH_TIMEOUT_S = 10

Responder = Callable[[str, dict[str, str], bytes], Awaitable[bytes]]


class NatsAnnouncer:
    """Publishes what live watchers may want to know."""

    def __init__(self, client: RobustClient) -> None:
        """Take a connection."""
        self._client = client

    async def announce(self, messages: Sequence[tuple[str, bytes]]) -> None:
        """Publish (subject, body) pairs; what cannot be sent is dropped."""
        try:
            with translated():
                await self._client.publish_all([Outgoing(*message) for message in messages])
        except Unavailable:
            log.debug("not_announced", messages=len(messages))


class NatsMessenger:
    """Publishes and asks, as a bot does."""

    def __init__(self, client: Client) -> None:
        """Take a connection."""
        self._client = client

    async def publish(self, subject: str, body: bytes) -> None:
        """Publish one message. Raises Unavailable."""
        with translated():
            await self._client.publish(subject, body)

    async def flush(self) -> None:
        """Wait until the server has everything that was published. Raises Unavailable."""
        with translated():
            await self._client.flush(timeout=FLUSH_TIMEOUT_S)

    async def ask(self, subject: str, body: bytes, *, timeout_s: float) -> bytes:
        """Send a request and return the reply's body. Raises Unavailable."""
        with translated():
            return bytes((await self._client.request(subject, body, timeout=timeout_s)).data)


async def overhear(
    client: RobustClient, subject: str, heard: Callable[[str, str, bytes], None]
) -> None:
    """Call ``heard`` with subject, reply address and body of each message, as it is read.

    It must not raise or wait. Raises Unavailable.
    """

    def on_message(message: Msg) -> None:
        heard(message.subject, message.reply, message.data)

    with translated():
        await client.take(subject, on_message)
        await client.flush()


async def listen(client: Client, subject: str, heard: Callable[[bytes], None]) -> None:
    """Call ``heard`` with the body of each message on a subject."""

    async def on_message(message: Msg) -> None:
        heard(message.data)

    with translated():
        await client.subscribe(subject, cb=on_message)


class NatsResponders:
    """Answers requests, each in a task of its own, so that a slow one holds up no other."""

    def __init__(self, client: Client, *, never_to: Sequence[str] = ()) -> None:
        """Take a connection, and patterns of subjects on which no stranger may have us speak."""
        self._client = client
        self._never_to = tuple(never_to)
        self._answering: set[asyncio.Task[None]] = set()

    async def respond(self, subject: str, responder: Responder, *, group: str) -> None:
        """Answer requests on a subject, shared by all processes of a group.

        The responder bounds how many it works on at once. Messages that want no reply, or want it
        where only our own words may stand, are ignored.
        """

        async def on_message(message: Msg) -> None:
            if self._is_reserved(message.reply):
                log.warning("reply_refused", subject=message.subject, reply=message.reply)
            elif message.reply:
                task = asyncio.create_task(self._answer(message, responder))
                self._answering.add(task)
                task.add_done_callback(self._answering.discard)

        with translated():
            await self._client.subscribe(subject, queue=group, cb=on_message)

    def _is_reserved(self, reply: str) -> bool:
        return any(subjects_overlap(reply, pattern) for pattern in self._never_to)

    async def _answer(self, message: Msg, responder: Responder) -> None:
        headers = {str(key): str(value) for key, value in (message.headers or {}).items()}
        body = await responder(message.subject, headers, message.data)
        try:
            with translated():
                await self._client.publish(message.reply, body)
        except Unavailable:
            log.warning("not_answered", subject=message.subject)

    async def finish(self, *, timeout_s: float) -> None:
        """Wait for the answers under way."""
        if self._answering:
            await asyncio.wait(self._answering, timeout=timeout_s)
