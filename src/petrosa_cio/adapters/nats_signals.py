"""The way out to the order engine.

A connection of its own that never reconnects: when it breaks, whatever it had not yet written is
thrown away with it, and a fresh one takes its place. So no signal is kept back and sent later, and
none is sent twice. A signal carries a reply address, on which the server itself answers at once
when nobody listens; a round trip after the batch has therefore heard of every such signal.
"""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from contextlib import suppress
from time import monotonic
from uuid import uuid4

import structlog
from nats.aio.msg import Msg

from petrosa_cio.adapters.nats_client import NO_RESPONDERS, Outgoing, RobustClient, status_of
from petrosa_cio.adapters.nats_connection import translated
from petrosa_cio.errors import Unavailable
from petrosa_cio.ports import Published, SignalMessage

log = structlog.get_logger()

ROUND_TRIP_S = 2


class NatsSignalBus:
    """Publishes signals, each once."""

    def __init__(self, connect: Callable[[], Awaitable[RobustClient]]) -> None:
        """Take what opens a connection that does not reconnect."""
        self._connect = connect
        self._client: RobustClient | None = None
        self._inbox = ""
        self._connecting = asyncio.Lock()
        self._on_the_way: set[str] = set()
        self._refused: set[str] = set()
        self._lost: set[str] = set()
        self._end = ""
        self._heard_all: asyncio.Future[bool] | None = None

    async def send(self, signals: Sequence[SignalMessage], *, until: float) -> None:
        """Write each signal once, but none after ``until``."""
        decisions, client = {one.decision_id for one in signals}, None
        try:
            with translated():
                client = await self._connected()
                if monotonic() > until:
                    self._lost |= decisions
                    return
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
            await self._give_up(client)

    async def confirm(self, decision_ids: Sequence[str]) -> Published:
        """Return what is known of signals that were sent."""
        asked = set(decision_ids)
        client = self._client
        if client is not None and asked & self._on_the_way:
            try:
                with translated():
                    await self._round_trip(client)
            except Unavailable as away:
                log.error("signals_unconfirmed", signals=len(asked), error=str(away))
                await self._give_up(client)
        refused = asked & self._refused
        found = Published(frozenset(refused), frozenset(asked & self._lost - refused))
        self._refused -= asked
        self._lost -= asked
        return found

    async def _round_trip(self, client: RobustClient) -> None:
        """Hear of everything that was written until now.

        The library's own flush overtakes what is still to be written, so a message to ourselves
        marks the end: when it is here, so is every answer to what went before it.
        """
        written, self._end = set(self._on_the_way), uuid4().hex
        self._heard_all = asyncio.get_running_loop().create_future()
        await client.publish_all([Outgoing(f"{self._inbox}.{self._end}", b"")])
        async with asyncio.timeout(ROUND_TRIP_S):
            if not await self._heard_all:
                raise Unavailable("nats", "the connection was closed meanwhile")
        self._on_the_way -= written

    def _on_reply(self, message: Msg) -> None:
        """Note where nobody listens; what the engine replies proves nothing and is dropped."""
        token = message.subject.rpartition(".")[2]
        if token == self._end:
            if self._heard_all and not self._heard_all.done():
                self._heard_all.set_result(True)
        elif status_of(message) == NO_RESPONDERS:
            self._refused.add(token)

    async def _connected(self) -> RobustClient:
        async with self._connecting:
            if self._client is None or not self._client.is_connected:
                await self.close()
                client = await self._connect()
                self._inbox = client.new_inbox()
                await client.take(f"{self._inbox}.*", self._on_reply)
                self._client = client
            return self._client

    async def _give_up(self, client: RobustClient | None) -> None:
        """Close a connection that failed, unless another one has taken its place already."""
        if self._client is client:
            await self.close()

    async def close(self) -> None:
        """Close the connection, if there is one, with whatever it has not yet written."""
        self._lost |= self._on_the_way
        self._on_the_way = set()
        if self._heard_all and not self._heard_all.done():
            self._heard_all.set_result(False)
        client, self._client = self._client, None
        if client is not None:
            with suppress(Unavailable), translated():
                await client.abort()
