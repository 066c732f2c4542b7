import asyncio
from collections.abc import AsyncIterator
from uuid import uuid4

import pytest
from redis.asyncio import Redis

from petrosa_cio.adapters.redis_connection import connect_redis
from petrosa_cio.adapters.redis_lease import RedisLease
from petrosa_cio.errors import Unavailable
from tests.waiting import eventually

pytestmark = pytest.mark.integration

KEY = "cio:{%s}:lease:drain"


@pytest.fixture
async def client(redis_url: str) -> AsyncIterator[Redis]:
    client = connect_redis(redis_url, timeout_s=5.0)
    yield client
    await client.aclose()


@pytest.fixture
def fund() -> str:
    return uuid4().hex


def lease(client: Redis, fund: str, length_s: float = 10.0) -> RedisLease:
    return RedisLease(client, fund, "drain", length_s=length_s, timeout_s=5.0)


class Work:
    """Work without end, which tells whether it is being done."""

    def __init__(self) -> None:
        self.started = 0
        self.stopped = 0

    async def __call__(self) -> None:
        self.started += 1
        try:
            await asyncio.Event().wait()
        finally:
            self.stopped += 1


async def cancelled(*tasks: asyncio.Task[None]) -> None:
    for task in tasks:
        task.cancel()
    await asyncio.wait(tasks)


async def test_a_second_one_waits_until_the_first_gives_up(client: Redis, fund: str) -> None:
    first, second = Work(), Work()
    holder = asyncio.create_task(lease(client, fund, 1.0).while_held(first))
    await eventually(lambda: first.started)
    waiter = asyncio.create_task(lease(client, fund, 1.0).while_held(second))
    before = await client.get(KEY % fund)
    await eventually(lambda: grown(client, fund))  # it is renewed
    assert (await client.get(KEY % fund), second.started) == (before, 0)
    await cancelled(holder)
    await eventually(lambda: second.started)
    assert await client.get(KEY % fund) != before
    await cancelled(waiter)
    assert await client.get(KEY % fund) is None


async def grown(client: Redis, fund: str, seen: list[int] = []) -> bool:  # noqa: B006
    """Tell whether the time that is left grew since the last look."""
    seen.append(await client.pttl(KEY % fund))
    return len(seen) > 1 and seen[-1] > seen[-2]


async def test_one_that_lost_the_lease_is_stopped_and_waits_again(client: Redis, fund: str) -> None:
    work = Work()
    holder = asyncio.create_task(lease(client, fund, 0.6).while_held(work))
    await eventually(lambda: work.started)
    await client.set(KEY % fund, "another")
    await eventually(lambda: work.stopped)
    assert await client.get(KEY % fund) == b"another"
    await client.delete(KEY % fund)
    await eventually(lambda: work.started == 2)
    await cancelled(holder)


async def test_one_that_cannot_renew_is_stopped(client: Redis, fund: str, redis_url: str) -> None:
    own = connect_redis(redis_url, timeout_s=5.0)
    work = Work()

    async def held() -> None:
        async with lease(own, fund, 0.6).hold():
            await work()

    holder = asyncio.create_task(held())
    await eventually(lambda: work.started)
    await client.delete(KEY % fund)
    with pytest.raises(Unavailable, match="lease: drain"):
        await holder
    assert work.stopped == 1
    await own.aclose()


async def test_a_timeout_of_the_work_stays_its_own(client: Redis, fund: str) -> None:
    with pytest.raises(TimeoutError, match="mine"):
        async with lease(client, fund).hold():
            raise TimeoutError("mine")
    assert await client.get(KEY % fund) is None


async def test_work_that_ends_gives_the_lease_up(client: Redis, fund: str) -> None:
    async def nothing() -> None:
        assert await client.get(KEY % fund)

    await lease(client, fund).while_held(nothing)
    assert await client.get(KEY % fund) is None
