"""The way out to the order engine.

A connection of its own that never reconnects: when it breaks, whatever it had not yet written is
thrown away with it, and a fresh one takes its place. So no signal is kept back and sent later, and
none is sent twice. A signal carries a reply address, on which the server itself answers at once
when nobody listens; a round trip after the batch has therefore heard of every such signal.
"""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from contextlib import suppress
from uuid import uuid4

import structlog
from nats.aio.subscription import Subscription

from petrosa_cio.adapters.nats_client import Outgoing, RobustClient
from petrosa_cio.adapters.nats_connection import translated
from petrosa_cio.errors import Unavailable
from petrosa_cio.ports import Published, SignalMessage

log = structlog.get_logger()

ROUND_TRIP_S = 2
NO_RESPONDERS = "503"


class NatsSignalBus:
    """Publishes signals, each once."""

    def __init__(self, connect: Callable[[], Awaitable[RobustClient]]) -> None:
        """Take what opens a connection that does not reconnect."""
        self._connect = connect
        self._client: RobustClient | None = None
        self._replies: Subscription | None = None
        self._inbox = ""
        self._one_batch = asyncio.Lock()

    async def publish(self, signals: Sequence[SignalMessage]) -> Published:
        """Send each signal once and return what is known of them."""
        async with self._one_batch:
            try:
                with translated():
                    return Published(undelivered=await self._send(signals))
            except Unavailable as away:
                log.error("signals_unconfirmed", signals=len(signals), error=str(away))
                await self.close()
                return Published(unconfirmed=frozenset(one.decision_id for one in signals))

    async def _send(self, signals: Sequence[SignalMessage]) -> frozenset[str]:
        client, replies = await self._connected()
        # The library's own flush overtakes what is still to be written, so a message to ourselves
        # marks the end: when it is here, so is every answer to what went before it.
        end = f"{self._inbox}.{uuid4().hex}"
        outgoing = [
            Outgoing(one.subject, one.body, f"{self._inbox}.{one.decision_id}", one.headers)
            for one in signals
        ]
        await client.publish_all([*outgoing, Outgoing(end, b"")])
        async with asyncio.timeout(ROUND_TRIP_S):
            return await _nobody_listens(replies, end)

    async def _connected(self) -> tuple[RobustClient, Subscription]:
        if self._client is None or self._replies is None or not self._client.is_connected:
            await self.close()
            self._client = await self._connect()
            self._inbox = self._client.new_inbox()
            self._replies = await self._client.subscribe(f"{self._inbox}.*")
        return self._client, self._replies

    async def close(self) -> None:
        """Close the connection, if there is one, with whatever it has not yet written."""
        client, self._client, self._replies = self._client, None, None
        if client is not None:
            with suppress(Unavailable), translated():
                await client.abort()


async def _nobody_listens(replies: Subscription, end: str) -> frozenset[str]:
    """Return the decisions whose signal met nobody, from the replies until the end.

    What the engine itself replies proves nothing about an execution and is dropped.
    """
    found = []
    while (message := await replies.next_msg(timeout=ROUND_TRIP_S)).subject != end:
        if message.headers and message.headers.get("Status") == NO_RESPONDERS:
            found.append(message.subject.rpartition(".")[2])
    return frozenset(found)
