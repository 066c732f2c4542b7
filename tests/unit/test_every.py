import asyncio

from petrosa_cio.errors import Unavailable
from petrosa_cio.nurse.every import every
from tests.waiting import eventually


async def test_work_is_done_at_once_and_again_until_told_to_stop() -> None:
    stop = asyncio.Event()
    done: list[int] = []

    async def work() -> None:
        done.append(len(done))
        if len(done) == 3:
            stop.set()
        raise Unavailable("redis")

    await every(0.001, work, stop)
    assert done == [0, 1, 2]


async def test_it_can_be_woken() -> None:
    stop, wake = asyncio.Event(), asyncio.Event()
    done: list[int] = []

    async def work() -> None:
        done.append(1)

    running = asyncio.create_task(every(600, work, stop, wake=wake))
    await eventually(lambda: len(done) == 1)
    wake.set()
    await eventually(lambda: len(done) == 2)
    stop.set()
    wake.set()
    await running


async def test_what_is_to_stop_does_not_begin() -> None:
    stop = asyncio.Event()
    stop.set()
    await every(600, lambda: asyncio.sleep(600), stop)
