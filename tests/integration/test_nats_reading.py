"""A stream that is read from any place."""

from collections.abc import AsyncIterator
from contextlib import aclosing
from uuid import uuid4

import pytest
from nats.js.api import StreamConfig

from petrosa_cio.adapters.nats_client import RobustClient
from petrosa_cio.adapters.nats_reading import NatsReading
from petrosa_cio.errors import Unavailable
from petrosa_cio.ports import Stored
from tests.neighbours import connected, stored_at

pytestmark = pytest.mark.integration


@pytest.fixture
async def client(nats_url: str) -> AsyncIterator[RobustClient]:
    async with connected(nats_url) as client:
        yield client


@pytest.fixture
async def stream(client: RobustClient) -> AsyncIterator[str]:
    name = f"READ_{uuid4().hex}"
    await client.jetstream().add_stream(StreamConfig(name=name, subjects=[f"{name}.>"]))
    yield name
    await client.jetstream().delete_stream(name)


async def publish(client: RobustClient, stream: str, *bodies: bytes) -> None:
    for body in bodies:
        await client.jetstream().publish(f"{stream}.x", body)


async def read(reading: NatsReading, after: int, *, limit: int = 2) -> list[list[Stored]]:
    return [batch async for batch in reading.batches(after, limit=limit)]


async def test_it_is_read_in_order_from_any_place_with_the_times(
    client: RobustClient, stream: str
) -> None:
    await publish(client, stream, b"1", b"2", b"3", b"4", b"5")
    reading = NatsReading(client, stream)
    batches = await read(reading, 0)
    assert max(map(len, batches)) <= 2
    found = [one for batch in batches for one in batch]
    assert [one.body for one in found] == [b"1", b"2", b"3", b"4", b"5"]
    assert {one.sequence: one.stored_at for one in found} == await stored_at(client, stream)
    assert [one.sequence for batch in await read(reading, 3) for one in batch] == [4, 5]
    assert await read(reading, 5) == []


async def test_an_empty_stream_has_nothing_to_read(client: RobustClient, stream: str) -> None:
    reading = NatsReading(client, stream)
    assert (await reading.ends()).last == 0
    assert await read(reading, 0) == []


async def test_what_is_removed_is_passed_by(client: RobustClient, stream: str) -> None:
    await publish(client, stream, b"1", b"2", b"3", b"4")
    for sequence in (1, 3, 4):
        await client.jetstream().delete_msg(stream, sequence)
    reading = NatsReading(client, stream)
    assert [one.body for batch in await read(reading, 0) for one in batch] == [b"2"]
    ends = await reading.ends()
    assert (ends.first, ends.last) == (2, 4)


async def test_headers_alone_tell_place_and_subject(client: RobustClient, stream: str) -> None:
    await publish(client, stream, b"x" * 9)
    ((one,),) = await read(NatsReading(client, stream, headers_only=True), 0)
    assert (one.subject, one.body, one.sequence) == (f"{stream}.x", b"", 1)


async def test_it_leaves_nothing_behind_even_when_left_early(
    client: RobustClient, stream: str
) -> None:
    await publish(client, stream, *[b"x"] * 9)
    async with aclosing(NatsReading(client, stream).batches(0, limit=2)) as batches:
        async for _ in batches:
            break
    assert (await client.jetstream().stream_info(stream)).state.consumer_count == 0


async def test_a_stream_that_is_not_there_is_away(client: RobustClient) -> None:
    with pytest.raises(Unavailable):
        await NatsReading(client, "NO_SUCH").ends()
    with pytest.raises(Unavailable):
        await read(NatsReading(client, "NO_SUCH"), 0)
