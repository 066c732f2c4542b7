"""Pulls from a durable consumer, as fast as they are wanted and no faster."""

import asyncio
import json
from collections import deque
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import Protocol

import structlog
from nats.aio.msg import Msg
from nats.aio.subscription import Subscription
from nats.js.api import AckPolicy, ConsumerConfig, DeliverPolicy, StreamInfo

from petrosa_cio.adapters.nats_client import NO_RESPONDERS, Outgoing, RobustClient, status_of
from petrosa_cio.adapters.nats_connection import translated
from petrosa_cio.errors import Unavailable
from petrosa_cio.ports import Delivery

log = structlog.get_logger()

PULL_EXPIRES_S = 2.0

MAX_PULL_BYTES = 64 * 1024 * 1024
"""Most that one pull brings, so that a batch of huge messages does not fill the memory."""

_SLACK_S = 1.0
_RETRY_S = 0.2
_DELETED = "Consumer Deleted"
_SEQUENCE_TOKEN = 5
_SHORT_ADDRESS = 9
_DOMAIN_TOKENS = 2
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


class Acknowledgeable(Protocol):
    """Anything that knows where its acknowledgement goes."""

    @property
    def reply(self) -> str:
        """The acknowledgement address."""


class NatsDeliveries:
    """Deliveries of one durable consumer, shared by every process that uses its name.

    One pull request is under way at a time, and only while less than a batch is waiting here, so
    that a slow replica does not sit on what a quick one could do.
    """

    def __init__(
        self,
        client: RobustClient,
        *,
        stream: str,
        consumer: str,
        ack_wait_s: float,
        max_waiting: int,
    ) -> None:
        """Take a connection and the names; nothing is asked of the server yet.

        Args:
            client: A connection that reconnects.
            stream: The stream.
            consumer: The durable consumer; made when it does not exist.
            ack_wait_s: Seconds until an unacknowledged delivery comes again.
            max_waiting: Most deliveries unacknowledged at once, over all processes.
        """
        self._client = client
        self._stream = stream
        self._consumer = consumer
        self._ack_wait_s = ack_wait_s
        self._max_waiting = max_waiting
        self._created_ns = 0
        self._inbox = client.new_inbox()
        self._subscription: Subscription | None = None
        self._waiting: deque[Msg] = deque()
        self._arrived = asyncio.Event()
        self._pulls = 0
        self._reconnects = 0
        self._wanted = 0
        self._pulled_at = 0.0
        self._is_found = False

    async def start(self) -> None:
        """Make sure of the consumer and listen. Raises Unavailable."""
        with translated():
            await self._find()
            self._subscription = await self._client.take(f"{self._inbox}.*", self._on_message)

    async def _find(self) -> None:
        """Look at the stream, which may have been made anew, and make sure of the consumer."""
        info = await self._client.jetstream().stream_info(self._stream)
        await self._ensure_consumer()
        created_ns = created_ns_of(info)
        if created_ns != self._created_ns:
            self._waiting.clear()  # their stream is gone, and their sequences mean others now
        self._created_ns, self._is_found = created_ns, True

    async def _ensure_consumer(self) -> None:
        js = self._client.jetstream()
        config = ConsumerConfig(
            durable_name=self._consumer,
            deliver_policy=DeliverPolicy.ALL,
            ack_policy=AckPolicy.EXPLICIT,
            ack_wait=self._ack_wait_s,
            max_ack_pending=self._max_waiting,
        )
        await js.add_consumer(self._stream, config)  # makes it, or sets what has changed

    async def next_batch(self, limit: int) -> list[Delivery]:
        """Wait for at least one delivery and return up to ``limit`` that are there."""
        await self._pull_if_due(limit)
        while not self._waiting:
            self._arrived.clear()
            try:
                async with asyncio.timeout(_RETRY_S):
                    await self._arrived.wait()
            except TimeoutError:
                pass  # a pull may have got lost, with its connection for one
            await self._pull_if_due(limit)
        # No waiting from here on: whoever is cancelled must not take messages along.
        batch = [self._waiting.popleft() for _ in range(min(limit, len(self._waiting)))]
        return [self._delivery(message) for message in batch]

    def take_waiting(self) -> list[Delivery]:
        """Return, without waiting, everything that was delivered and not yet taken."""
        waiting, self._waiting = list(self._waiting), deque()
        return [self._delivery(message) for message in waiting]

    async def acknowledge(self, deliveries: Sequence[Acknowledgeable]) -> None:
        """Say that these are finished for good. A lost acknowledgement only means redelivery."""
        with translated():
            await self._client.publish_all([Outgoing(one.reply, b"+ACK") for one in deliveries])

    async def give_back(self, deliveries: Sequence[Acknowledgeable], *, delay_s: float) -> None:
        """Ask for redelivery of these after a delay."""
        word = b"-NAK " + json.dumps({"delay": int(delay_s * 1e9)}).encode()
        with translated():
            await self._client.publish_all([Outgoing(one.reply, word) for one in deliveries])

    async def stop(self) -> None:
        """Stop listening."""
        if self._subscription is not None:
            with translated():
                await self._subscription.unsubscribe()

    def _on_message(self, message: Msg) -> None:
        if message.subject.rpartition(".")[2] != str(self._pulls) and not message.reply:
            return  # the end of a pull that was given up
        if message.reply:
            self._wanted -= 1
            self._waiting.append(message)
        else:
            self._wanted = 0  # the server ended the pull: it expired, or something is wrong
            if _is_refusal(message):
                self._is_found = False
                return  # to look again takes its time, so as not to go round in circles
        self._arrived.set()

    async def _pull_if_due(self, limit: int) -> None:
        now = asyncio.get_running_loop().time()
        if self._client.stats["reconnects"] != self._reconnects:
            self._reconnects, self._wanted = self._client.stats["reconnects"], 0
            self._is_found = False
        is_under_way = self._wanted > 0 and now - self._pulled_at < PULL_EXPIRES_S + _SLACK_S
        if is_under_way or len(self._waiting) >= limit or not await self._is_there():
            return
        self._pulls += 1
        self._wanted, self._pulled_at = limit, now
        expires_ns = int(PULL_EXPIRES_S * 1e9)
        request = {"batch": limit, "expires": expires_ns, "max_bytes": MAX_PULL_BYTES}
        subject = f"$JS.API.CONSUMER.MSG.NEXT.{self._stream}.{self._consumer}"
        try:
            with translated():
                await self._client.publish(
                    subject, json.dumps(request).encode(), f"{self._inbox}.{self._pulls}"
                )
        except Unavailable:
            self._wanted = 0

    async def _is_there(self) -> bool:
        """Return whether the consumer can be asked; where that is in doubt, look for it."""
        if not self._is_found:
            try:
                with translated():
                    await self._find()
            except Unavailable as away:
                log.warning("stream_not_found", stream=self._stream, detail=away.detail)
        return self._is_found

    def _delivery(self, message: Msg) -> Delivery:
        sequence, stored_at = place_of(message.reply)
        return Delivery(
            subject=message.subject,
            headers=_plain(message.headers) if message.headers else {},
            body=message.data,
            stream=self._stream,
            stream_created_ns=self._created_ns,
            sequence=sequence,
            stored_at=stored_at,
            reply=message.reply,
        )


def _plain(headers: Mapping[str, object]) -> dict[str, str]:
    return {str(key): str(value) for key, value in headers.items()}


def created_ns_of(info: StreamInfo) -> int:
    """Return when a stream was made, in nanoseconds; it tells two streams of one name apart."""
    return ((info.created or _EPOCH) - _EPOCH) // timedelta(microseconds=1) * 1000


def place_of(reply: str) -> tuple[int, datetime]:
    """Return sequence and time of a stored message, as its acknowledgement address names them.

    The address ends in ``...<stream sequence>.<consumer sequence>.<nanoseconds>.<pending>``, and
    with an account's domain in one more token:
    https://github.com/nats-io/nats-architecture-and-design/blob/main/adr/ADR-15.md
    """
    tokens = reply.split(".")
    at = _SEQUENCE_TOKEN if len(tokens) == _SHORT_ADDRESS else _SEQUENCE_TOKEN + _DOMAIN_TOKENS
    return int(tokens[at]), datetime.fromtimestamp(int(tokens[at + 2]) / 1e9, UTC)


def _is_refusal(ending: Msg) -> bool:
    """Return whether a pull ended because there is no consumer, or no JetStream, to ask."""
    is_deleted = ending.headers and ending.headers.get("Description") == _DELETED
    return bool(is_deleted) or status_of(ending) == NO_RESPONDERS
