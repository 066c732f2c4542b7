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
        self._connecting = asyncio.Lock()
        self._on_the_way: set[str] = set()
        self._refused: set[str] = set()
        self._lost: set[str] = set()

    async def send(self, signals: Sequence[SignalMessage]) -> None:
        """Write each signal once."""
        decisions = {one.decision_id for one in signals}
        try:
            with translated():
                client = await self._connected()
                self._on_the_way |= decisions
                await client.publish_all(
                    [
                        Outgoing(
                            one.subject, one.body, f"{self._inbox}.{one.decision_id}", one.headers
                        )
                        for one in signals
                    ]
                )
        except Unavailable as away:
            log.error("signals_unconfirmed", signals=len(signals), error=str(away))
            self._lost |= decisions
            await self.close()

    async def confirm(self, decision_ids: Sequence[str]) -> Published:
        """Return what is known of signals that were sent."""
        asked = set(decision_ids)
        if asked & self._on_the_way:
            try:
                with translated():
                    await self._round_trip()
            except Unavailable as away:
                log.error("signals_unconfirmed", signals=len(asked), error=str(away))
                await self.close()
        found = Published(frozenset(asked & self._refused), frozenset(asked & self._lost))
        self._refused -= asked
        self._lost -= asked
        return found

    async def _round_trip(self) -> None:
        """Hear of everything that was written until now.

        The library's own flush overtakes what is still to be written, so a message to ourselves
        marks the end: when it is here, so is every answer to what went before it.
        """
        client, replies = self._client, self._replies
        if client is None or replies is None:
            return
        written, end = set(self._on_the_way), f"{self._inbox}.{uuid4().hex}"
        await client.publish(end)
        async with asyncio.timeout(ROUND_TRIP_S):
            self._refused |= await _nobody_listens(replies, end)
        self._on_the_way -= written

    async def _connected(self) -> RobustClient:
        async with self._connecting:
            if self._client is None or not self._client.is_connected:
                await self.close()
                client = await self._connect()
                self._inbox = client.new_inbox()
                self._replies = await client.subscribe(f"{self._inbox}.*")
                self._client = client
            return self._client

    async def close(self) -> None:
        """Close the connection, if there is one, with whatever it has not yet written."""
        self._lost |= self._on_the_way
        self._on_the_way = set()
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
