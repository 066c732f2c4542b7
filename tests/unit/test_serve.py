"""The loop that brings the stream to the gate, and ends well."""

import asyncio
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager

import pytest

from petrosa_cio.nurse.arrival import Arrival
from petrosa_cio.nurse.serve import serve_stream
from tests.gates import House, intent
from tests.waiting import eventually


@pytest.fixture
async def house() -> House:
    return await House().open()


@asynccontextmanager
async def serving(
    house: House, *, batch_max: int = 10, in_flight: int = 2
) -> AsyncIterator[asyncio.Event]:
    """Serve the house's stream until the block ends."""
    stop = asyncio.Event()
    served = serve_stream(
        house.gate(), house.intake, stop, fund="main", batch_max=batch_max, in_flight=in_flight
    )
    async with asyncio.TaskGroup() as tasks:
        tasks.create_task(served)
        yield stop
        stop.set()


async def test_everything_that_arrives_is_decided(house: House) -> None:
    house.intake.put(*(house.deliver(intent(quantity=0.001)) for _ in range(25)))
    async with serving(house):
        await eventually(lambda: len(house.intake.acknowledged) == 25)
        house.intake.put(house.deliver(intent(quantity=0.001)))
        await eventually(lambda: len(house.intake.acknowledged) == 26)
    assert len(house.signals.sent) == 26
    assert [one.sequence for one in house.intake.acknowledged] == list(range(1, 27))


async def test_it_stops_at_once_where_nothing_arrives(house: House) -> None:
    async with serving(house):
        await asyncio.sleep(0)
    assert house.effects == []


async def test_told_to_stop_it_finishes_what_is_begun_and_gives_back_what_waits(
    house: House,
) -> None:
    begun, go_on = asyncio.Event(), asyncio.Event()

    async def slowly() -> None:
        begun.set()
        await go_on.wait()

    house.journal.before = slowly
    house.intake.put(*(house.deliver(intent(quantity=0.001)) for _ in range(5)))
    async with serving(house, batch_max=1, in_flight=1) as stop:
        await begun.wait()
        stop.set()
        await eventually(lambda: house.intake.given_back)
        assert not house.intake.acknowledged
        go_on.set()
    finished = [one.sequence for one in house.intake.acknowledged]
    given_back = [one.sequence for one, _ in house.intake.given_back]
    assert finished[0] == 1
    assert finished + given_back == [1, 2, 3, 4, 5]
    assert {delay_s for _, delay_s in house.intake.given_back} == {0}
    assert len(house.signals.sent) == len(finished)


@pytest.mark.parametrize(("sends", "expected"), [(False, 3), (True, 9)])
async def test_no_more_batches_are_under_way_to_their_signals_than_allowed(
    house: House, *, sends: bool, expected: int
) -> None:
    under_way, most, go_on = 0, 0, asyncio.Event()

    class SlowGate:
        async def process(self, _arrivals: Sequence[Arrival], sent: Callable[[], None]) -> None:
            nonlocal under_way, most
            under_way += 1
            most = max(most, under_way)
            if sends:
                sent()
            await go_on.wait()
            under_way -= 1

    house.intake.put(*(house.deliver(intent()) for _ in range(9)))
    stop = asyncio.Event()
    async with asyncio.TaskGroup() as tasks:
        tasks.create_task(
            serve_stream(
                SlowGate(),  # type: ignore[arg-type]
                house.intake,
                stop,
                fund="main",
                batch_max=1,
                in_flight=3,
            )
        )
        await eventually(lambda: under_way == expected)
        go_on.set()
        await eventually(lambda: under_way == 0)
        stop.set()
    assert most == expected


async def test_a_stream_that_is_away_at_the_end_is_no_reason_to_fail(house: House) -> None:
    stop = asyncio.Event()
    stop.set()
    house.intake.put(house.deliver(intent()))
    house.intake.away = True
    await serve_stream(house.gate(), house.intake, stop, fund="main", batch_max=1, in_flight=1)
    assert not house.signals.sent
