"""What every keeper of the pace promises: in memory and in Redis."""

import asyncio
from uuid import uuid4

import pytest
from redis.asyncio import Redis

from petrosa_cio.adapters.change_pace import RULES
from petrosa_cio.adapters.memory_pace import MemoryPace
from petrosa_cio.adapters.redis_connection import connect_redis
from petrosa_cio.adapters.redis_pace import RedisPace
from petrosa_cio.errors import Unavailable
from petrosa_cio.ports import ChangePace

pytestmark = pytest.mark.integration


class Hands:
    """A clock that stands until it is moved."""

    ms = 1_000_000_000_000

    def read(self) -> int:
        return self.ms

    def move(self, seconds: float) -> None:
        self.ms += int(seconds * 1000)


@pytest.fixture
def hands() -> Hands:
    return Hands()


@pytest.fixture(params=["memory", "redis"])
def pace(request: pytest.FixtureRequest, client: Redis, hands: Hands) -> ChangePace:
    if request.param == "memory":
        return MemoryPace(hands.read)
    return RedisPace(client, uuid4().hex, clock_ms=hands.read, timeout_s=5)


async def test_one_author_waits_five_minutes(pace: ChangePace, hands: Hands) -> None:
    assert await pace.take("ta-bot", "ann") == 0
    hands.move(100)
    assert await pace.take("ta-bot", "ann") == 200
    hands.move(199.5)
    assert await pace.take("ta-bot", "ann") == 1
    hands.move(0.5)
    assert await pace.take("ta-bot", "ann") == 0


async def test_what_had_to_wait_is_not_counted(pace: ChangePace, hands: Hands) -> None:
    assert await pace.take("ta-bot", "ann") == 0
    for _ in range(20):
        hands.move(10)
        assert await pace.take("ta-bot", "ann") > 0
    hands.move(100)
    assert await pace.take("ta-bot", "ann") == 0


async def test_another_author_waits_until_the_change_is_over(
    pace: ChangePace, hands: Hands
) -> None:
    assert await pace.take("ta-bot", "ann") == 0
    assert await pace.take("ta-bot", "bob") == 60
    assert await pace.take("tradeengine", "bob") == 0
    hands.move(60)
    assert await pace.take("ta-bot", "bob") == 0


async def test_ten_of_one_author_are_an_hours_worth(pace: ChangePace, hands: Hands) -> None:
    for _ in range(10):
        assert await pace.take("ta-bot", "ann") == 0
        hands.move(300)
    assert await pace.take("ta-bot", "ann") == 600
    assert await pace.take("ta-bot", "bob") == 0


async def test_of_many_who_ask_at_once_one_may(pace: ChangePace) -> None:
    waits = await asyncio.gather(*(pace.take("ta-bot", f"bot{one}") for one in range(4)))
    assert sorted(waits)[:2][0] == 0
    assert sum(one == 0 for one in waits) == 1


async def test_redis_keeps_its_own_time(client: Redis) -> None:
    pace = RedisPace(client, uuid4().hex, timeout_s=5)
    assert await pace.take("ta-bot", "ann") == 0
    assert 290 <= await pace.take("ta-bot", "ann") <= 300


async def test_where_redis_is_away_nothing_is_admitted() -> None:
    nowhere = connect_redis("redis://127.0.0.1:1/0")
    with pytest.raises(Unavailable):
        await RedisPace(nowhere, "main").take("ta-bot", "ann")
    await nowhere.aclose()


def test_the_rules_hold_what_the_neighbours_hold() -> None:
    assert {(rule.is_of_author, rule.most, rule.window_s) for rule in RULES} > {
        (True, 1, 300),
        (True, 10, 3600),
        (False, 100, 3600),
    }
