"""What every outbox of alerts promises: in memory and in Redis."""

from uuid import uuid4

import pytest
from redis.asyncio import Redis

from petrosa_cio.adapters.memory_outbox import MemoryOutbox
from petrosa_cio.adapters.redis_connection import connect_redis
from petrosa_cio.adapters.redis_outbox import RedisOutbox
from petrosa_cio.errors import Unavailable
from petrosa_cio.ports import AlertOutbox, WaitingAlert

pytestmark = pytest.mark.integration

ROOM = 3


@pytest.fixture(params=["memory", "redis"])
def outbox(request: pytest.FixtureRequest, client: Redis) -> AlertOutbox:
    if request.param == "memory":
        return MemoryOutbox(ROOM)
    return RedisOutbox(client, uuid4().hex, room=ROOM, timeout_s=5)


async def test_what_is_put_is_due_at_once_and_told_once(outbox: AlertOutbox) -> None:
    assert await outbox.put("a", '{"a":1}', now_ms=1_000)
    assert await outbox.due(999, 10) == []
    assert await outbox.due(1_000, 10) == [WaitingAlert("a", '{"a":1}', 0, 1_000)]
    await outbox.done("a")
    assert await outbox.waiting() == 0
    assert await outbox.put("a", '{"a":1}', now_ms=2_000), "others hear of it too"
    assert await outbox.due(3_000, 10) == []


async def test_what_waits_is_not_put_twice(outbox: AlertOutbox) -> None:
    await outbox.put("a", "first", now_ms=1)
    (alert,) = await outbox.due(1, 10)
    await outbox.later(alert, due_ms=50)
    assert await outbox.put("a", "second", now_ms=2)
    assert await outbox.due(49, 10) == []
    assert await outbox.due(50, 10) == [WaitingAlert("a", "first", 1, 1)]


async def test_the_longest_due_comes_first_and_no_more_than_asked(outbox: AlertOutbox) -> None:
    for name, at in (("c", 3), ("a", 1), ("b", 2)):
        await outbox.put(name, "{}", now_ms=at)
    assert [one.alert_id for one in await outbox.due(9, 2)] == ["a", "b"]


async def test_it_is_bounded(outbox: AlertOutbox) -> None:
    for number in range(ROOM):
        assert await outbox.put(str(number), "{}", now_ms=1)
    assert not await outbox.put("more", "{}", now_ms=1)
    assert await outbox.put("0", "{}", now_ms=1), "a known one needs no room"
    assert await outbox.waiting() == ROOM
    await outbox.done("0")
    assert await outbox.put("more", "{}", now_ms=1)


async def test_what_waits_survives_the_program(client: Redis) -> None:
    fund = uuid4().hex
    await RedisOutbox(client, fund, room=ROOM, timeout_s=5).put("a", "{}", now_ms=1)
    after = RedisOutbox(client, fund, room=ROOM, timeout_s=5)
    assert [one.alert_id for one in await after.due(1, 10)] == ["a"]
    assert await RedisOutbox(client, uuid4().hex, room=ROOM, timeout_s=5).waiting() == 0


async def test_where_redis_is_away_it_says_so() -> None:
    nowhere = connect_redis("redis://127.0.0.1:1/0")
    with pytest.raises(Unavailable):
        await RedisOutbox(nowhere, "main", room=ROOM).put("a", "{}", now_ms=1)
    await nowhere.aclose()
