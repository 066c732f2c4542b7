"""The stream of intents: everything arrives, comes again until it is finished, and then never."""

from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from uuid import uuid4

import pytest
from msgspec.structs import replace
from nats.js.api import ConsumerConfig, StreamConfig

from petrosa_cio.adapters.embedded.process import ServerProcess
from petrosa_cio.adapters.nats_connection import RobustClient
from petrosa_cio.adapters.nats_deliveries import NatsDeliveries
from petrosa_cio.errors import Unavailable
from petrosa_cio.ports import Delivery, Intake
from tests.fakes import FakeIntake
from tests.gates import House
from tests.neighbours import connected, publish_raw
from tests.waiting import eventually

SOON_S, NEVER_S = 0.3, 600.0


@dataclass
class IntakeUnderTest:
    """An intake, the way to publish to it, and the way to take it away."""

    intake: Intake
    publish: Callable[[bytes], Awaitable[None]]
    take_away: Callable[[], Awaitable[None]]

    async def take(self, count: int, *, limit: int = 100) -> list[Delivery]:
        """Take so many deliveries, batch by batch."""
        found: list[Delivery] = []
        while len(found) < count:
            batch = await self.intake.next_batch(limit)
            assert 1 <= len(batch) <= limit
            found += batch
        return found


def fake_intake() -> IntakeUnderTest:
    intake, house = FakeIntake(), House()

    async def publish(body: bytes) -> None:
        intake.put(house.deliver(body, {"traceparent": "x"}))

    async def take_away() -> None:
        intake.away = True

    return IntakeUnderTest(intake, publish, take_away)


@pytest.fixture
async def client(own_nats: ServerProcess) -> AsyncIterator[RobustClient]:
    async with connected(own_nats.url) as client:
        await client.jetstream().add_stream(StreamConfig(name="S", subjects=["intent.>"]))
        yield client


async def deliveries(
    client: RobustClient, consumer: str = "gate", *, ack_wait_s: float = NEVER_S
) -> NatsDeliveries:
    found = NatsDeliveries(
        client, stream="S", consumer=consumer, ack_wait_s=ack_wait_s, max_waiting=1_000
    )
    await found.start()
    return found


def on_the_wire(
    client: RobustClient, intake: NatsDeliveries, own_nats: ServerProcess | None = None
) -> IntakeUnderTest:
    async def publish(body: bytes) -> None:
        await client.jetstream().publish("intent.momentum", body, headers={"traceparent": "x"})

    async def take_away() -> None:
        assert own_nats
        await own_nats.stop()
        await eventually(lambda: not client.is_connected)

    return IntakeUnderTest(intake, publish, take_away)


@pytest.fixture
async def real_intake(client: RobustClient, own_nats: ServerProcess) -> IntakeUnderTest:
    return on_the_wire(client, await deliveries(client), own_nats)


@pytest.fixture(params=["fake", "nats"])
def subject(request: pytest.FixtureRequest) -> IntakeUnderTest:
    if request.param == "fake":
        return fake_intake()
    found: IntakeUnderTest = request.getfixturevalue("real_intake")
    return found


def bodies(found: list[Delivery]) -> list[bytes]:
    return [one.body for one in found]


async def test_what_is_published_arrives_in_order(subject: IntakeUnderTest) -> None:
    for n in range(5):
        await subject.publish(b"%d" % n)
    found = await subject.take(5, limit=2)
    assert bodies(found) == [b"0", b"1", b"2", b"3", b"4"]
    assert [one.sequence for one in found] == [1, 2, 3, 4, 5]
    assert {(one.subject, one.headers["traceparent"]) for one in found} == {
        ("intent.momentum", "x")
    }
    assert all(one.stored_at.tzinfo is UTC for one in found)
    assert all(one.stream_created_ns for one in found)


async def test_what_is_finished_does_not_come_again(subject: IntakeUnderTest) -> None:
    await subject.publish(b"first")
    await subject.intake.acknowledge(await subject.take(1))
    await subject.publish(b"second")
    assert bodies(await subject.take(1)) == [b"second"]


async def test_what_waits_here_can_be_taken_without_waiting(subject: IntakeUnderTest) -> None:
    assert subject.intake.take_waiting() == []
    for n in range(5):
        await subject.publish(b"%d" % n)
    found = await subject.take(1, limit=1)
    while len(found) < 5:
        found += subject.intake.take_waiting() or await subject.intake.next_batch(1)
    assert sorted(bodies(found)) == [b"0", b"1", b"2", b"3", b"4"]
    assert subject.intake.take_waiting() == []


async def test_when_the_stream_is_away_that_is_said(subject: IntakeUnderTest) -> None:
    await subject.publish(b"1")
    found = await subject.take(1)
    await subject.take_away()
    with pytest.raises(Unavailable):
        await subject.intake.acknowledge(found)
    with pytest.raises(Unavailable):
        await subject.intake.give_back(found, delay_s=0)


# --- on the wire only -----------------------------------------------------------------------------


@pytest.mark.integration
async def test_what_is_given_back_comes_again(client: RobustClient) -> None:
    subject = on_the_wire(client, await deliveries(client))
    await subject.publish(b"1")
    (first,) = await subject.take(1)
    await subject.intake.give_back([first], delay_s=0)
    (again,) = await subject.take(1)
    assert replace(again, reply=first.reply) == first


@pytest.mark.integration
async def test_what_is_given_back_for_later_lets_others_pass(client: RobustClient) -> None:
    subject = on_the_wire(client, await deliveries(client))
    await subject.publish(b"1")
    await subject.intake.give_back(await subject.take(1), delay_s=SOON_S)
    await subject.publish(b"2")
    assert bodies(await subject.take(2)) == [b"2", b"1"]


@pytest.mark.integration
async def test_what_nobody_finishes_comes_again_by_itself(client: RobustClient) -> None:
    subject = on_the_wire(client, await deliveries(client, ack_wait_s=SOON_S))
    await subject.publish(b"1")
    (first,) = await subject.take(1)
    (again,) = await subject.take(1)
    assert again.sequence == first.sequence
    await subject.intake.acknowledge([again])
    await subject.publish(b"2")
    assert bodies(await subject.take(1)) == [b"2"]


@pytest.mark.integration
async def test_two_of_one_name_share_and_one_of_another_name_gets_everything(
    client: RobustClient,
) -> None:
    ours, theirs = await deliveries(client), await deliveries(client)
    alone = on_the_wire(client, await deliveries(client, "other"))
    subject = on_the_wire(client, ours)
    for n in range(40):
        await subject.publish(b"%d" % n)
    shared: list[Delivery] = []
    while len(shared) < 40:
        for one in (ours, theirs):
            shared += await one.next_batch(4) if len(shared) < 40 else []
            shared += one.take_waiting()
    assert sorted(one.sequence for one in shared) == list(range(1, 41))
    assert len(await alone.take(40)) == 40


@pytest.mark.integration
async def test_a_restart_of_the_server_loses_nothing(
    client: RobustClient, own_nats: ServerProcess
) -> None:
    subject = on_the_wire(client, await deliveries(client, ack_wait_s=SOON_S))
    await subject.publish(b"unfinished")
    await subject.publish(b"finished")
    unfinished, finished = await subject.take(2)
    await subject.intake.acknowledge([finished])
    await client.flush()
    await own_nats.restart()
    await eventually(lambda: client.is_connected)
    await subject.publish(b"new")
    found = await subject.take(2)
    assert sorted(bodies(found)) == [b"new", b"unfinished"]
    assert {one.stream_created_ns for one in found} == {unfinished.stream_created_ns}


@pytest.mark.integration
async def test_a_stream_that_is_made_anew_is_told_apart_from_the_old_one(
    client: RobustClient,
) -> None:
    subject = on_the_wire(client, await deliveries(client))
    await subject.publish(b"old")
    (before,) = await subject.take(1)
    await client.jetstream().delete_stream("S")
    await client.jetstream().add_stream(StreamConfig(name="S", subjects=["intent.>"]))
    await subject.publish(b"new")
    (after,) = await subject.take(1)
    assert (before.body, after.body) == (b"old", b"new")
    assert before.sequence == after.sequence
    assert before.stream_created_ns < after.stream_created_ns


@pytest.mark.integration
async def test_a_consumer_that_vanished_is_made_again(client: RobustClient) -> None:
    subject = on_the_wire(client, await deliveries(client))
    await subject.publish(b"1")
    await subject.intake.acknowledge(await subject.take(1))
    await client.jetstream().delete_consumer("S", "gate")
    await subject.publish(b"2")
    assert b"2" in bodies(await subject.take(1))


@pytest.mark.integration
async def test_an_existing_consumer_is_brought_up_to_date(client: RobustClient) -> None:
    config = ConsumerConfig(durable_name="gate", ack_policy="explicit", ack_wait=77)  # type: ignore[arg-type]
    await client.jetstream().add_consumer("S", config)
    await deliveries(client)
    info = await client.jetstream().consumer_info("S", "gate")
    assert info.config.ack_wait != 77


@pytest.mark.integration
async def test_it_can_be_stopped_and_then_hears_nothing(client: RobustClient) -> None:
    intake = await deliveries(client)
    await intake.stop()
    subject = on_the_wire(client, await deliveries(client))
    await subject.publish(b"1")
    assert bodies(await subject.take(1)) == [b"1"]
    assert intake.take_waiting() == []


@pytest.mark.integration
async def test_the_time_is_the_stream_s(client: RobustClient) -> None:
    subject = on_the_wire(client, await deliveries(client))
    before = datetime.now(UTC)
    await subject.publish(b"1")
    (found,) = await subject.take(1)
    assert before - timedelta(seconds=1) < found.stored_at < datetime.now(UTC)


# --- bytes that a client library would refuse -----------------------------------------------------

SEPARATORS = b" \t\r\n"
STRANGE_HEADERS = {
    "cut short": b"X",
    "a version and no more": b"NATS/1.0",
    "no end": b"NATS/1.0\r\n",
    "another version": b"GARBAGE\r\nA: b\r\n\r\n",
    "a status": b"NATS/1.0 503 no\r\n\r\n",
    "a status that is none": b"NATS/1.0 \xff\xff\xff\r\n\r\n",
    "no text": b"NATS/1.0\r\nA: \xff\xfe\r\n\xe9: x\r\n\r\n",
    "no colon": b"NATS/1.0\r\nnothing\r\n\r\n",
    "a null": b"NATS/1.0\r\nA: x\x00y\r\n continued\r\n\r\n",
    "many": b"NATS/1.0\r\n" + b"A: b\r\n" * 5_000 + b"\r\n",
}


@pytest.mark.integration
@pytest.mark.parametrize("headers", STRANGE_HEADERS.values(), ids=STRANGE_HEADERS)
async def test_strange_headers_stop_nobody(
    own_nats: ServerProcess, client: RobustClient, headers: bytes
) -> None:
    subject = on_the_wire(client, await deliveries(client))
    await publish_raw(own_nats.url, b"intent.strange", b"strange", headers=headers)
    await subject.publish(b"good")
    assert bodies(await subject.take(2)) == [b"strange", b"good"]


@pytest.mark.integration
async def test_strange_subjects_stop_nobody(own_nats: ServerProcess, client: RobustClient) -> None:
    subject = on_the_wire(client, await deliveries(client))
    strange = [bytes([n]) for n in range(256) if bytes([n]) not in SEPARATORS]
    for byte in strange:
        await publish_raw(own_nats.url, b"intent.a" + byte + b"b", byte)
    await subject.publish(b"good")
    found = await subject.take(len(strange) + 1)
    assert bodies(found) == [*strange, b"good"]
    assert found[-2].subject == r"intent.a\xffb"


@pytest.mark.integration
async def test_a_name_that_is_used_by_nobody_else_is_made(client: RobustClient) -> None:
    await deliveries(client, name := uuid4().hex)
    assert (await client.jetstream().consumer_info("S", name)).name == name
