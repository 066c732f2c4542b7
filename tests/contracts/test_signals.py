"""The way out: each signal once or never, and an honest word on what became of it."""

import asyncio
import signal
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, Sequence
from dataclasses import dataclass
from time import monotonic
from uuid import uuid4

import pytest
from msgspec.structs import replace
from nats.aio.msg import Msg
from nats.aio.subscription import Subscription

from petrosa_cio.adapters.embedded.process import ServerProcess
from petrosa_cio.adapters.nats_connection import NatsAccess, connect_nats
from petrosa_cio.adapters.nats_signals import NatsSignalBus
from petrosa_cio.ports import Published, SignalBus, SignalMessage
from tests.fakes import FakeSignalBus
from tests.neighbours import connected


def signals(count: int, subject: str = "signals.trading.momentum") -> list[SignalMessage]:
    return [
        SignalMessage(uuid4().hex, subject, {"Nats-Msg-Id": str(n)}, b'{"n":%d}' % n)
        for n in range(count)
    ]


async def publish(bus: SignalBus, signals: Sequence[SignalMessage]) -> Published:
    await bus.send(signals, until=monotonic() + 60)
    return await bus.confirm([one.decision_id for one in signals])


@dataclass
class BusUnderTest:
    """A bus, what the engine heard, and the ways to let it listen and to cut the line."""

    bus: SignalBus
    heard: Callable[[], Awaitable[list[bytes]]]
    listen: Callable[[], Awaitable[None]]
    cut: Callable[[], Awaitable[None]]


def fake_bus() -> BusUnderTest:
    bus = FakeSignalBus(listening=False)

    async def heard() -> list[bytes]:
        return [one.body for one in bus.sent]

    async def listen() -> None:
        bus.listening = True

    async def cut() -> None:
        bus.broken = True

    return BusUnderTest(bus, heard, listen, cut)


class Engine:
    """Listens on the signals' subject, as the order engine does."""

    def __init__(self, url: str) -> None:
        self.url = url
        self.subscription: Subscription | None = None

    async def listen(self) -> None:
        self.client = await connect_nats(NatsAccess(self.url), name="engine")
        self.subscription = await self.client.subscribe("signals.trading.*", "tradeengine-workers")
        await self.client.flush()

    async def heard(self) -> list[bytes]:
        if self.subscription is None:
            return []
        await self.client.flush()
        waiting = range(self.subscription.pending_msgs)
        return [(await self.subscription.next_msg(timeout=1)).data for _ in waiting]

    async def close(self) -> None:
        if self.subscription is not None:
            await self.client.close()


@pytest.fixture
async def bus(own_nats: ServerProcess) -> AsyncIterator[NatsSignalBus]:
    access = NatsAccess(own_nats.url)
    bus = NatsSignalBus(lambda: connect_nats(access, name="signals", reconnects=False))
    yield bus
    await bus.close()


@pytest.fixture
async def engine(own_nats: ServerProcess) -> AsyncIterator[Engine]:
    engine = Engine(own_nats.url)
    yield engine
    await engine.close()


@pytest.fixture
async def real_bus(own_nats: ServerProcess, bus: NatsSignalBus, engine: Engine) -> BusUnderTest:
    return BusUnderTest(bus, engine.heard, engine.listen, own_nats.stop)


@pytest.fixture(params=["fake", "nats"])
def subject(request: pytest.FixtureRequest) -> BusUnderTest:
    if request.param == "fake":
        return fake_bus()
    found: BusUnderTest = request.getfixturevalue("real_bus")
    return found


async def test_what_is_heard_is_neither_undelivered_nor_unconfirmed(subject: BusUnderTest) -> None:
    await subject.listen()
    sent = signals(3)
    assert await publish(subject.bus, sent) == Published()
    assert await subject.heard() == [one.body for one in sent]


async def test_what_nobody_listens_for_is_undelivered(subject: BusUnderTest) -> None:
    sent = signals(3)
    found = await publish(subject.bus, sent)
    assert found == Published(undelivered=frozenset(one.decision_id for one in sent))
    await subject.listen()
    assert await subject.heard() == []
    assert await publish(subject.bus, signals(1)) == Published()


async def test_when_the_line_is_cut_nothing_is_known(subject: BusUnderTest) -> None:
    await subject.listen()
    await publish(subject.bus, signals(1))
    await subject.cut()
    sent = signals(2)
    found = await publish(subject.bus, sent)
    assert found == Published(unconfirmed=frozenset(one.decision_id for one in sent))


async def test_what_comes_too_late_is_not_sent(subject: BusUnderTest) -> None:
    await subject.listen()
    (late,) = signals(1)
    await subject.bus.send([late], until=monotonic() - 1)
    assert await subject.bus.confirm([late.decision_id]) == Published(
        unconfirmed=frozenset({late.decision_id})
    )
    assert await subject.heard() == []


# --- on the wire only -----------------------------------------------------------------------------


@pytest.mark.integration
async def test_what_could_not_be_sent_is_never_sent_later(
    own_nats: ServerProcess, bus: NatsSignalBus, engine: Engine
) -> None:
    await publish(bus, signals(1))
    await own_nats.stop()
    assert (await publish(bus, signals(3))).unconfirmed
    await own_nats.start()
    await engine.listen()
    (after,) = signals(1)
    assert await publish(bus, [after]) == Published()
    assert await engine.heard() == [after.body]


@pytest.fixture
def freeze(own_nats: ServerProcess) -> Iterator[Callable[[], None]]:
    """Stop the server in its tracks until the test is over, and then for good."""

    def stop_in_its_tracks() -> None:
        assert own_nats.process
        own_nats.process.send_signal(signal.SIGSTOP)

    yield stop_in_its_tracks
    own_nats.kill()


@pytest.mark.integration
@pytest.mark.parametrize("size", [10, 4_000], ids=["a little", "more than the line holds"])
async def test_a_server_that_hangs_keeps_nobody_waiting_for_ever(
    bus: NatsSignalBus, freeze: Callable[[], None], size: int
) -> None:
    await publish(bus, signals(1))
    freeze()
    sent = [replace(one, body=b"x" * size) for one in signals(4_000)]
    assert len((await publish(bus, sent)).unconfirmed) == 4_000
    assert len((await publish(bus, sent)).unconfirmed) == 4_000


@pytest.mark.integration
async def test_one_subject_may_be_heard_while_another_is_not(
    bus: NatsSignalBus, engine: Engine
) -> None:
    await engine.listen()
    (heard,), (unheard,) = signals(1), signals(1, "signals.elsewhere.momentum")
    found = await publish(bus, [heard, unheard, *signals(1)])
    assert found == Published(undelivered=frozenset({unheard.decision_id}))


@pytest.mark.integration
async def test_what_an_engine_replies_proves_nothing(
    own_nats: ServerProcess, bus: NatsSignalBus
) -> None:
    async with connected(own_nats.url) as engine:

        async def reply(message: object) -> None:
            for _ in range(3):
                await engine.publish(message.reply, b'{"status":"error"}')  # type: ignore[attr-defined]

        await engine.subscribe("signals.trading.*", cb=reply)
        await engine.flush()
        for _ in range(3):
            assert await publish(bus, signals(2)) == Published()


@pytest.mark.integration
async def test_batches_at_the_same_time_do_not_mix(bus: NatsSignalBus, engine: Engine) -> None:
    await engine.listen()
    heard, unheard = signals(50), signals(50, "signals.elsewhere.x")
    found = await asyncio.gather(publish(bus, heard), publish(bus, unheard))
    assert found[0] == Published()
    assert found[1].undelivered == {one.decision_id for one in unheard}
    assert len(await engine.heard()) == 50


@pytest.mark.integration
async def test_headers_arrive_with_the_signal(own_nats: ServerProcess, bus: NatsSignalBus) -> None:
    async with connected(own_nats.url) as engine:
        subscription = await engine.subscribe("signals.trading.*")
        await engine.flush()
        await publish(bus, signals(1))
        message = await subscription.next_msg(timeout=5)
    assert message.headers == {"Nats-Msg-Id": "0"}
    assert message.subject == "signals.trading.momentum"


@pytest.mark.integration
async def test_a_status_among_the_headers_of_an_engine_proves_nothing_either(
    own_nats: ServerProcess, bus: NatsSignalBus
) -> None:
    async with connected(own_nats.url) as engine:

        async def busy(message: Msg) -> None:
            await engine.publish(message.reply, b"", headers={"Status": "503"})

        await engine.subscribe("signals.trading.*", cb=busy)
        await engine.flush()
        sent = signals(1)
        await bus.send(sent, until=monotonic() + 60)
        await engine.flush()
        for _ in range(3):
            assert await publish(bus, signals(1)) == Published()
        assert await bus.confirm([sent[0].decision_id]) == Published()


@pytest.mark.integration
async def test_a_signal_that_was_refused_is_not_unconfirmed_as_well(
    own_nats: ServerProcess, bus: NatsSignalBus
) -> None:
    refused, other = signals(2)
    assert (await publish(bus, [refused])).undelivered
    await bus.send([other], until=monotonic() + 60)
    await own_nats.stop()
    found = await bus.confirm([other.decision_id])
    assert found.unsure == {other.decision_id}
    assert not found.undelivered & found.unconfirmed
