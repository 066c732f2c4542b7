"""The NATS client, made to outlive whatever bytes a stranger publishes.

The server passes on any bytes as a subject, a reply address or headers. On some of them the
library's reader stops for good, while the connection still counts as open, or it reconnects for
ever; captured in a stream, one such message would come again and stop every gate there is.
"""

import asyncio
import re
from collections.abc import Callable, Sequence
from typing import NamedTuple

from nats.aio.client import Client
from nats.aio.msg import Msg
from nats.aio.subscription import Subscription
from nats.protocol import parser

__all__ = ["NO_RESPONDERS", "Client", "Outgoing", "RobustClient", "status_of"]

NO_RESPONDERS = "503"
"""Status of the server's own answer where nobody listens."""

FLUSH_TIMEOUT_S = 10

Taker = Callable[[Msg], None]


class Outgoing(NamedTuple):
    """One message to publish. Its subject and headers hold no space and no line break."""

    subject: str
    body: bytes
    reply: str = ""
    headers: dict[str, str] | None = None


_STATUS_LINE = b"NATS/1.0 "

# The server takes space and tab as separators, and nothing else. The library's own patterns also
# split at a vertical tab or a form feed, which may stand in a subject.
_WORD, _GAP, _REPLY = rb"([^ \t\r\n]+)", rb"[ \t]+", rb"(([^ \t\r\n]+)[ \t]+)?"
_HEAD = _GAP + _WORD + _GAP + rb"(\d+)" + _GAP + _REPLY
parser.MSG_RE = re.compile(rb"\AMSG" + _HEAD + rb"(\d+)\r\n")
parser.HMSG_RE = re.compile(rb"\AHMSG" + _HEAD + rb"(\d+)" + _GAP + rb"(\d+)\r\n")


class RobustClient(Client):
    """A client that reads every message, readable or not, and knows what is written.

    It also moves many messages at the price of few: `publish_all` writes a batch as one command,
    `take` hands each message over as it is read, with no queue and no task in between, and `ask` is
    a request made of both.
    """

    def __init__(self) -> None:
        """Make a client that is not connected."""
        super().__init__()
        self._takers: dict[int, Taker] = {}
        self._answers = ""
        self._asked = 0
        self._awaited: dict[str, asyncio.Future[Msg]] = {}

    async def publish_all(self, messages: Sequence[Outgoing]) -> None:
        """Publish messages in order; raises what the library's own ``publish`` raises."""
        if not messages:
            return
        last = messages[-1]
        written = [_command(one) for one in messages[:-1]]
        size = sum(map(len, written))
        if self.is_connected and all(len(command) <= self._max_payload for command in written):
            self.stats["out_msgs"] += len(written)
            self.stats["out_bytes"] += size
            self._pending += written
            self._pending_data_size += size
            messages = [last]  # the library's own way, once: it checks, and wakes up the writer
        for one in messages:
            await self.publish(one.subject, one.body, one.reply, one.headers)

    async def ask(self, message: Outgoing, *, timeout_s: float) -> Msg:
        """Publish a message, and return the first answer to it.

        An answer may be the server's own, with status 503, when nobody hears the question.

        Raises:
            TimeoutError: None came in time. Besides, what ``publish`` raises.
        """
        if not self._answers:
            self._answers = self.new_inbox()
            await self.take(f"{self._answers}.*", self._on_answer)
        self._asked += 1
        token, answer = str(self._asked), asyncio.get_running_loop().create_future()
        self._awaited[token] = answer
        try:
            await self.publish_all([message._replace(reply=f"{self._answers}.{token}")])
            async with asyncio.timeout(timeout_s):
                found: Msg = await answer
        finally:
            del self._awaited[token]
        return found

    def _on_answer(self, message: Msg) -> None:
        answer = self._awaited.get(message.subject.rpartition(".")[2])
        if answer is not None and not answer.done():
            answer.set_result(message)

    async def take(self, subject: str, taker: Taker) -> Subscription:
        """Subscribe, and call ``taker`` with each message at once; it must not raise or wait."""
        subscription = await self.subscribe(subject)
        self._takers[subscription._id] = taker
        return subscription

    async def _process_msg(
        self, sid: int, subject: bytes, reply: bytes, data: bytes, headers: bytes
    ) -> None:
        taker = self._takers.get(sid)
        if taker is None:
            await super()._process_msg(sid, subject, reply, data, headers)
            return
        self.stats["in_msgs"] += 1
        self.stats["in_bytes"] += len(data)
        found = await self._process_headers(headers) if headers else None
        taker(self._build_message(sid, subject, reply, data, found))

    async def flush(self, timeout: int = FLUSH_TIMEOUT_S) -> None:  # noqa: ASYNC109 (inherited)
        """Wait until the server has all that was published.

        The library's own only sends a ping, which overtakes what still waits to be written.
        """
        await self._flush_pending(force_flush=True)
        await super().flush(timeout)

    async def close(self) -> None:
        """Close the connection; that it broke at the same moment is no error.

        The library then leaves everything open, so it is closed again with nothing left to write.
        """
        try:
            await super().close()
        except OSError:
            self._forget_pending()
            self._status = Client.DISCONNECTED
            await super().close()

    async def abort(self) -> None:
        """Close at once, and throw away what is not yet written; a plain close waits for that."""
        self._forget_pending()
        writer = getattr(self._transport, "_io_writer", None)
        if writer is not None:
            writer.transport.abort()
        await self.close()

    def _forget_pending(self) -> None:
        self._pending, self._pending_data_size = [], 0

    async def _process_headers(self, headers: bytes | None) -> dict[str, str] | None:
        """Return the headers; none where they do not read."""
        try:
            found: dict[str, str] | None = await super()._process_headers(headers)
        except (ValueError, IndexError):
            return None
        has_status = found and headers and headers.startswith(_STATUS_LINE) and "Status" in found
        return _ServerHeaders(found) if found and has_status else found

    def _build_message(
        self, sid: int, subject: bytes, reply: bytes, data: bytes, headers: dict[str, str] | None
    ) -> Msg:
        """Return the message; of a name that is no UTF-8, the wrong bytes are written out."""
        return self.msg_class(
            subject=_text(subject),
            reply=_text(reply),
            data=data,
            headers=headers,
            _client=self,
            _sid=sid,
        )


class _ServerHeaders(dict[str, str]):
    """Headers that begin with a status, as the server's own messages do; a ``Status:`` is none."""


def status_of(message: Msg) -> str | None:
    """Return the status that the server itself put on a message, such as 503; None without one."""
    is_servers = isinstance(message.headers, _ServerHeaders) and not message.data
    return message.headers["Status"] if message.headers and is_servers else None


def _command(one: Outgoing) -> bytes:
    """Return a message as the protocol writes it."""
    if one.headers is None:
        head = f"PUB {one.subject} {one.reply} {len(one.body)}\r\n"
        return b"%b%b\r\n" % (head.encode(), one.body)
    lines = "".join([f"{key}: {value}\r\n" for key, value in one.headers.items()])
    headers = f"NATS/1.0\r\n{lines}\r\n".encode()
    size = len(headers)
    head = f"HPUB {one.subject} {one.reply} {size} {size + len(one.body)}\r\n"
    return b"%b%b%b\r\n" % (head.encode(), headers, one.body)


def _text(name: bytes) -> str:
    return name.decode("utf-8", "backslashreplace")
