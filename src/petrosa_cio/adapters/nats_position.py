"""How far a durable consumer has come, as its server tells."""

from nats.aio.client import Client
from nats.js.api import ConsumerInfo

from petrosa_cio.adapters.nats_connection import translated


class NatsPosition:
    """The position of one durable consumer.

    Args:
        client: A connection that reconnects.
        stream: The stream.
        consumer: The durable consumer, which must exist.

    Every method raises `Unavailable` when the server is away or knows no such consumer.
    """

    def __init__(self, client: Client, *, stream: str, consumer: str) -> None:
        self._client = client
        self._stream = stream
        self._consumer = consumer

    async def acknowledged_until(self) -> int:
        """Return the stream sequence up to which everything is acknowledged."""
        floor = (await self._info()).ack_floor
        return floor.stream_seq if floor else 0

    async def outstanding(self) -> int:
        """Return how many deliveries are not acknowledged, by anybody."""
        return (await self._info()).num_ack_pending or 0

    async def waiting(self) -> int:
        """Return how many messages were delivered to nobody yet."""
        return (await self._info()).num_pending or 0

    async def _info(self) -> ConsumerInfo:
        with translated():
            info: ConsumerInfo = await self._client.jetstream().consumer_info(
                self._stream, self._consumer
            )
        return info
