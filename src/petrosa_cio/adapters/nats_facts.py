"""What a NATS server and its streams are like, for whoever wants to look. Nothing is changed."""

from dataclasses import dataclass
from datetime import datetime

import orjson
from nats.aio.client import Client
from nats.js.api import StreamConfig
from nats.js.errors import NotFoundError

from petrosa_cio.adapters.nats_connection import translated
from petrosa_cio.adapters.nats_streams import OURS, StreamSettings, stream_configs

ASK_TIMEOUT_S = 2.0


@dataclass(frozen=True, slots=True)
class StreamFacts:
    """One of our streams.

    Attributes:
        name: Its name.
        is_there: Whether the server has it.
        differences: What is not as this program sets it up, a sentence each.
        used_bytes: Bytes in it.
        max_bytes: Size at which it is full; -1 without bound.
    """

    name: str
    is_there: bool
    differences: tuple[str, ...] = ()
    used_bytes: int = 0
    max_bytes: int = -1


@dataclass(frozen=True, slots=True)
class ConsumerFacts:
    """How far a durable consumer is behind.

    Attributes:
        pending: Messages that were not handed out yet.
        unacknowledged: Messages that were handed out and are not finished.
    """

    pending: int
    unacknowledged: int


class NatsFacts:
    """Asks one server about itself.

    Args:
        client: An open connection.

    Every method raises `Unavailable` when the server is away or gives no answer.
    """

    def __init__(self, client: Client) -> None:
        self._client = client
        self._js = client.jetstream(timeout=ASK_TIMEOUT_S)

    @property
    def version(self) -> str:
        """The server's version."""
        found = self._client.connected_server_version
        return f"{found.major}.{found.minor}.{found.patch}"

    @property
    def max_payload(self) -> int:
        """The largest message, in bytes, that the server takes."""
        return int(self._client.max_payload)

    async def number_of_streams(self) -> int:
        """Return how many streams there are; that it answers says that JetStream is on."""
        with translated():
            return (await self._js.account_info()).streams

    async def streams(self, settings: StreamSettings) -> list[StreamFacts]:
        """Return what our streams are like beside what they are to be."""
        return [await self._stream(wanted) for wanted in stream_configs(settings)]

    async def _stream(self, wanted: StreamConfig) -> StreamFacts:
        name = str(wanted.name)
        with translated():
            try:
                found = await self._js.stream_info(name)
            except NotFoundError:
                return StreamFacts(name, is_there=False)
        return StreamFacts(
            name,
            is_there=True,
            differences=tuple(_differences(wanted, found.config)),
            used_bytes=found.state.bytes,
            max_bytes=found.config.max_bytes or -1,
        )

    async def consumer(self, stream: str, name: str) -> ConsumerFacts | None:
        """Return how far a consumer is behind; None where there is none."""
        with translated():
            try:
                found = await self._js.consumer_info(stream, name)
            except NotFoundError:
                return None
        return ConsumerFacts(found.num_pending or 0, found.num_ack_pending or 0)

    async def now(self, stream: str) -> datetime | None:
        """Return the server's time, aware UTC; None where it does not tell."""
        with translated():
            subject = f"$JS.API.STREAM.INFO.{stream}"
            reply = await self._client.request(subject, b"", timeout=ASK_TIMEOUT_S)
        stated = orjson.loads(reply.data).get("ts")
        return None if stated is None else datetime.fromisoformat(stated)


def _differences(wanted: StreamConfig, found: StreamConfig) -> list[str]:
    differences = []
    for name in OURS:
        expected, actual = getattr(wanted, name), getattr(found, name)
        if expected and expected != actual:  # what is not stated is the server's choice
            differences.append(f"{name} is {_shown(actual)}, expected {_shown(expected)}")
    return differences


def _shown(value: object) -> str:
    return ", ".join(map(str, value)) if isinstance(value, list) else str(value)
