"""Plain messages over a real own_nats: announcements out, requests in."""

import asyncio
from collections.abc import AsyncIterator
from uuid import uuid4

import pytest

from petrosa_cio.adapters.embedded.process import ServerProcess
from petrosa_cio.adapters.nats_connection import RobustClient
from petrosa_cio.adapters.nats_messages import (
    NatsAnnouncer,
    NatsMessenger,
    NatsResponders,
    listen,
)
from petrosa_cio.errors import Unavailable
from tests.neighbours import connected, publish_raw
from tests.waiting import eventually

pytestmark = pytest.mark.integration


@pytest.fixture
async def client(nats_url: str) -> AsyncIterator[RobustClient]:
    async with connected(nats_url) as client:
        yield client


@pytest.fixture
def subject() -> str:
    return f"messages.{uuid4().hex}"


async def echo(subject: str, headers: dict[str, str], body: bytes) -> bytes:
    return f"{subject} {headers} {body!r}".encode()


async def test_what_is_announced_is_heard(client: RobustClient, subject: str) -> None:
    heard: list[bytes] = []
    await listen(client, subject, heard.append)
    await NatsAnnouncer(client).announce([(subject, b"1"), (subject, b"2")])
    await eventually(lambda: heard == [b"1", b"2"])


async def test_announcing_never_fails(own_nats: ServerProcess) -> None:
    async with connected(own_nats.url) as client:
        announcer = NatsAnnouncer(client)
        await own_nats.stop()
        await eventually(lambda: not client.is_connected)
        await announcer.announce([("a", b"1")])
        await announcer.announce([("not a subject", b"1")])


async def test_what_is_flushed_is_with_the_server(
    client: RobustClient, nats_url: str, subject: str
) -> None:
    async with connected(nats_url) as other:
        heard = await other.subscribe(subject)
        await other.flush()
        messenger = NatsMessenger(client)
        for count in range(100, 1_000, 100):
            for _ in range(100):
                await messenger.publish(subject, b"x" * 1_000)
            await messenger.flush()
            await other.flush()
            assert heard.pending_msgs == count


async def test_a_request_is_answered_with_what_it_says(client: RobustClient, subject: str) -> None:
    await NatsResponders(client).respond(subject, echo, group="g")
    answer = await client.request(subject, b"x", timeout=5, headers={"A": "b"})
    assert answer.data.decode() == f"{subject} {{'A': 'b'}} b'x'"


async def test_a_slow_answer_holds_up_no_other(client: RobustClient, subject: str) -> None:
    go_on = asyncio.Event()

    async def respond(_subject: str, _headers: dict[str, str], body: bytes) -> bytes:
        if body == b"slow":
            await go_on.wait()
        return body

    responders = NatsResponders(client)
    await responders.respond(subject, respond, group="g")
    messenger = NatsMessenger(client)
    slow = asyncio.create_task(messenger.ask(subject, b"slow", timeout_s=20))
    assert await messenger.ask(subject, b"quick", timeout_s=20) == b"quick"
    finishing = asyncio.create_task(responders.finish(timeout_s=20))
    assert not slow.done()
    go_on.set()
    await finishing
    assert await slow == b"slow"


async def test_what_wants_no_reply_is_not_answered(client: RobustClient, subject: str) -> None:
    asked: list[bytes] = []

    async def respond(_subject: str, _headers: dict[str, str], body: bytes) -> bytes:
        asked.append(body)
        return body

    await NatsResponders(client).respond(subject, respond, group="g")
    messenger = NatsMessenger(client)
    await messenger.publish(subject, b"told")
    await messenger.flush()
    assert await messenger.ask(subject, b"asked", timeout_s=5) == b"asked"
    assert asked == [b"asked"]


async def test_a_group_answers_once(client: RobustClient, nats_url: str, subject: str) -> None:
    async with connected(nats_url) as other:
        await NatsResponders(client).respond(subject, echo, group="g")
        await NatsResponders(other).respond(subject, echo, group="g")
        await other.flush()
        inbox = client.new_inbox()
        replies = await client.subscribe(inbox)
        for _ in range(10):
            await client.publish(subject, b"x", inbox)
        await eventually(lambda: replies.pending_msgs == 10)
        await client.request(subject, b"last", timeout=5)
        assert replies.pending_msgs == 10


async def test_where_nobody_answers_that_is_said(client: RobustClient, subject: str) -> None:
    with pytest.raises(Unavailable):
        await NatsMessenger(client).ask(subject, b"x", timeout_s=5)


@pytest.mark.parametrize("reply", [b"\xff", b"a\x0bb", b"a..b", b">", b"x" * 1_000])
@pytest.mark.parametrize("headers", [b"", b"X", b"NATS/1.0\r\nA: \xff\r\n\r\n"])
async def test_a_strange_request_stops_nobody(
    client: RobustClient, nats_url: str, subject: str, reply: bytes, headers: bytes
) -> None:
    responders = NatsResponders(client)
    await responders.respond(subject, echo, group="g")
    await client.flush()
    await publish_raw(nats_url, subject.encode(), b"x", headers=headers, reply=reply)
    answer = await NatsMessenger(client).ask(subject, b"good", timeout_s=5)
    assert b"good" in answer
    await responders.finish(timeout_s=5)
