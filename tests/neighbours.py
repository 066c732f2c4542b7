"""NATS as tests use it: connections, and a way to talk to the server past the library."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from uuid import uuid4

from nats.js.api import ConsumerConfig, DeliverPolicy

from petrosa_cio.adapters.nats_connection import NatsAccess, RobustClient, connect_nats
from petrosa_cio.risk.identity import decision_id

READ_TIMEOUT_S = 10.0
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


@asynccontextmanager
async def connected(url: str, *, reconnects: bool = True) -> AsyncIterator[RobustClient]:
    """Connect while the block runs."""
    client = await connect_nats(NatsAccess(url), name=uuid4().hex, reconnects=reconnects)
    try:
        yield client
    finally:
        await client.close()


async def stored_at(client: RobustClient, stream: str) -> dict[int, datetime]:
    """Return when each message of a stream was stored, by its sequence."""
    js = client.jetstream()
    state = (await js.stream_info(stream)).state
    config = ConsumerConfig(deliver_policy=DeliverPolicy.ALL)
    reader = await js.subscribe(">", stream=stream, config=config, ordered_consumer=True)
    found: dict[int, datetime] = {}
    while len(found) < state.messages:
        place = (await reader.next_msg(timeout=READ_TIMEOUT_S)).metadata
        found[place.sequence.stream] = place.timestamp
    await reader.unsubscribe()
    return found


async def decisions_of(client: RobustClient, stream: str, fund: str) -> dict[int, str]:
    """Return the ids of the decisions about the messages of a stream, by sequence."""
    created = (await client.jetstream().stream_info(stream)).created or _EPOCH
    created_ns = (created - _EPOCH) // timedelta(microseconds=1) * 1000
    stored = await stored_at(client, stream)
    return {
        sequence: decision_id(fund, stream, created_ns, sequence, at)
        for sequence, at in stored.items()
    }


async def publish_raw(
    url: str, subject: bytes, body: bytes, *, headers: bytes = b"", reply: bytes = b""
) -> None:
    """Publish bytes that a client library would refuse, and wait until the server has them."""
    host, _, port = url.removeprefix("nats://").partition(":")
    reader, writer = await asyncio.open_connection(host, int(port))
    await reader.readline()
    writer.write(b'CONNECT {"verbose":false,"headers":true}\r\n')
    head = b" ".join(filter(None, (b"HPUB" if headers else b"PUB", subject, reply)))
    sizes = b"%d %d" % (len(headers), len(headers + body)) if headers else b"%d" % len(body)
    writer.write(head + b" " + sizes + b"\r\n" + headers + body + b"\r\nPING\r\n")
    assert await reader.readline() == b"PONG\r\n"
    writer.close()
    await writer.wait_closed()
