"""Reads a stream from a place of the reader's choosing, and leaves nothing behind at the server.

A reader that keeps its own place needs no durable consumer: each reading makes one that is gone
soon after. Headers alone are read where bodies do not matter, which spares the server and the line.
"""

from collections.abc import AsyncGenerator
from uuid import uuid4

from nats.aio.client import Client
from nats.aio.msg import Msg
from nats.js.api import AckPolicy, ConsumerConfig, DeliverPolicy

from petrosa_cio.adapters.nats_connection import translated
from petrosa_cio.adapters.nats_deliveries import created_ns_of, place_of
from petrosa_cio.ports import Stored, StreamEnds

READ_TIMEOUT_S = 5.0
GONE_AFTER_S = 30.0
"""The server forgets a consumer that was not asked for that long."""


class NatsReading:
    """One stream, to be read again and again.

    Args:
        client: A connection that reconnects.
        stream: The stream.
        headers_only: Whether bodies are left out.

    Every method raises `Unavailable` when the server is away or knows no such stream.
    """

    def __init__(self, client: Client, stream: str, *, headers_only: bool = False) -> None:
        self._client = client
        self._stream = stream
        self._headers_only = headers_only

    async def ends(self) -> StreamEnds:
        """Return where the stream begins and ends now."""
        with translated():
            info = await self._client.jetstream().stream_info(self._stream)
        return StreamEnds(created_ns_of(info), info.state.first_seq, info.state.last_seq)

    async def batches(self, after: int, *, limit: int) -> AsyncGenerator[list[Stored]]:
        """Iterate over what is stored behind a sequence, in order, up to ``limit`` at a time.

        It ends where the stream ended when it was last asked.
        """
        js, name = self._client.jetstream(), f"reading-{uuid4().hex}"
        config = ConsumerConfig(
            name=name,
            deliver_policy=DeliverPolicy.BY_START_SEQUENCE,
            opt_start_seq=after + 1,
            ack_policy=AckPolicy.NONE,
            inactive_threshold=GONE_AFTER_S,
            headers_only=self._headers_only,
            mem_storage=True,
        )
        with translated():
            pending = (await js.add_consumer(self._stream, config)).num_pending or 0
            subscription = await js.pull_subscribe_bind(consumer=name, stream=self._stream)
        try:
            while pending:
                with translated():
                    found = await subscription.fetch(min(limit, pending), timeout=READ_TIMEOUT_S)
                pending = found[-1].metadata.num_pending
                yield [_stored(one) for one in found]
        finally:
            with translated():
                await subscription.unsubscribe()
                await js.delete_consumer(self._stream, name)


def _stored(message: Msg) -> Stored:
    sequence, stored_at = place_of(message.reply)
    return Stored(sequence, stored_at, message.subject, message.data)
