"""What is spent on models is counted by day, and never beyond the ceiling."""

from datetime import date
from uuid import uuid4

import pytest
from redis.asyncio import Redis

from petrosa_cio.adapters.memory_spend import MemorySpend
from petrosa_cio.adapters.redis_spend import RedisSpend
from petrosa_cio.ports import SpendBook

pytestmark = pytest.mark.integration

TODAY, TOMORROW = date(2026, 11, 23), date(2026, 11, 24)


@pytest.fixture(params=["memory", "redis"])
def book(request: pytest.FixtureRequest, client: Redis) -> SpendBook:
    return MemorySpend() if request.param == "memory" else RedisSpend(client, uuid4().hex)


async def test_nothing_is_spent_at_first(book: SpendBook) -> None:
    assert await book.spent(TODAY) == 0


async def test_what_fits_is_counted_and_what_does_not_is_not(book: SpendBook) -> None:
    assert await book.reserve(TODAY, 60, 100)
    assert not await book.reserve(TODAY, 41, 100)
    assert await book.spent(TODAY) == 60
    assert await book.reserve(TODAY, 40, 100)
    assert not await book.reserve(TODAY, 1, 100)


async def test_what_was_not_spent_can_be_spent_again(book: SpendBook) -> None:
    assert await book.reserve(TODAY, 100, 100)
    await book.settle(TODAY, -70)
    assert await book.spent(TODAY) == 30
    await book.settle(TODAY, 5)
    assert await book.spent(TODAY) == 35


async def test_each_day_is_counted_apart(book: SpendBook) -> None:
    assert await book.reserve(TODAY, 100, 100)
    assert await book.reserve(TOMORROW, 100, 100)


async def test_what_costs_nothing_is_always_allowed(book: SpendBook) -> None:
    assert await book.reserve(TODAY, 0, 0)
