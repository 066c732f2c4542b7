"""Where lots are kept, in memory and in Redis."""

from uuid import uuid4

import pytest
from redis.asyncio import Redis

from petrosa_cio.adapters.memory_held import MemoryHeld
from petrosa_cio.adapters.redis_held import RedisHeld
from tests.ledgers import TIMEOUT_S

Held = MemoryHeld | RedisHeld


@pytest.fixture(params=["memory", "redis"])
def held(request: pytest.FixtureRequest, client: Redis) -> Held:
    if request.param == "memory":
        return MemoryHeld()
    return RedisHeld(client, uuid4().hex, timeout_s=TIMEOUT_S)


async def test_nothing_is_held_at_first(held: Held) -> None:
    assert await held.load() == (0, {})


async def test_lots_are_kept_changed_and_removed(held: Held) -> None:
    assert await held.save(0, {"a": b"1", "b": b"\xff", "version": b"3"})
    assert await held.load() == (1, {"a": b"1", "b": b"\xff", "version": b"3"})
    assert await held.save(1, {"a": None, "b": b"2", "unknown": None})
    assert await held.load() == (2, {"b": b"2", "version": b"3"})


async def test_one_entry_is_asked_for_alone(held: Held) -> None:
    assert await held.entry("a") is None
    assert await held.save(0, {"a": b"1", "version": b"3"})
    assert (await held.entry("a"), await held.entry("version")) == (b"1", b"3")


async def test_of_two_writers_one_is_told_to_look_again(held: Held) -> None:
    version, _ = await held.load()
    assert await held.save(version, {"a": b"first"})
    assert not await held.save(version, {"a": b"second"})
    assert await held.load() == (1, {"a": b"first"})


async def test_books_of_two_names_are_apart(client: Redis) -> None:
    fund = uuid4().hex
    held, other = (RedisHeld(client, fund, name=name, timeout_s=TIMEOUT_S) for name in ("a", "b"))
    assert await held.save(0, {"x": b"1"})
    assert await other.load() == (0, {})
    assert await other.save(0, {"x": b"2"})
    assert await held.load() == (1, {"x": b"1"})
