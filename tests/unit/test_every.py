import asyncio
from contextlib import suppress

import pytest

from petrosa_cio.errors import Unavailable
from petrosa_cio.nurse.every import every, until_stopped
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


async def test_work_that_never_ends_is_ended_when_told_to_stop() -> None:
    stop = asyncio.Event()
    ended: list[int] = []

    async def work() -> None:
        try:
            await asyncio.Event().wait()
        finally:
            ended.append(1)

    running = asyncio.create_task(until_stopped(work(), stop))
    await asyncio.sleep(0)
    stop.set()
    await running
    assert ended == [1]


async def test_work_that_ends_by_itself_is_over_and_its_fault_is_told() -> None:
    async def done() -> None:
        return None

    async def failed() -> None:
        raise Unavailable("redis")

    await until_stopped(done(), asyncio.Event())
    with pytest.raises(Unavailable):
        await until_stopped(failed(), asyncio.Event())


async def test_who_waits_for_the_work_may_leave_with_it() -> None:
    async def work() -> None:
        await asyncio.Event().wait()

    running = asyncio.create_task(until_stopped(work(), asyncio.Event()))
    await asyncio.sleep(0)
    running.cancel()
    with pytest.raises(asyncio.CancelledError):
        await running


async def test_work_that_swallows_its_cancellation_is_ended_all_the_same() -> None:
    began = asyncio.Event()

    async def work() -> None:
        began.set()
        with suppress(asyncio.CancelledError):  # as drivers do now and then
            await asyncio.Event().wait()

    running = asyncio.create_task(every(0.001, work, asyncio.Event()))
    await began.wait()
    running.cancel()
    with pytest.raises(asyncio.CancelledError):
        await running
