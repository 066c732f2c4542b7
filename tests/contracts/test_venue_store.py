"""What every store of the venue's rules promises: in memory and in Redis."""

from datetime import UTC, datetime
from uuid import uuid4

import pytest
from redis.asyncio import Redis

from petrosa_cio.adapters.memory_venue_rules import MemoryVenueRules
from petrosa_cio.adapters.redis_venue_rules import RedisVenueRules
from petrosa_cio.ports import VenueRulesMark, VenueRulesStore

pytestmark = pytest.mark.integration

AT = datetime(2026, 3, 2, 12, 0, 0, 123_456, tzinfo=UTC)
FIRST = VenueRulesMark("a" * 64, "https://venue/exchangeInfo", AT, 12, 10)
SECOND = VenueRulesMark("b" * 64, "https://venue/exchangeInfo", AT, 13, 11)


@pytest.fixture(params=["memory", "redis"])
def store(request: pytest.FixtureRequest, client: Redis) -> VenueRulesStore:
    if request.param == "memory":
        return MemoryVenueRules()
    return RedisVenueRules(client, f"venue_{uuid4().hex}", timeout_s=5)


async def test_an_empty_store_holds_no_rules(store: VenueRulesStore) -> None:
    assert await store.venue_rules_mark() is None
    assert await store.venue_rules_document() is None


async def test_the_last_version_is_held(store: VenueRulesStore) -> None:
    await store.set_venue_rules(FIRST, b"one")
    assert await store.venue_rules_mark() == FIRST
    assert await store.venue_rules_document() == b"one"
    await store.set_venue_rules(SECOND, b"\x00\xff")
    assert await store.venue_rules_mark() == SECOND
    assert await store.venue_rules_document() == b"\x00\xff"


@pytest.mark.parametrize("mark", [b"", b"\xff", b"{}", b'{"content_hash": 7}'])
async def test_a_mark_that_does_not_read_is_none(client: Redis, mark: bytes) -> None:
    fund = f"venue_{uuid4().hex}"
    await client.hset(f"cio:{{{fund}}}:venue_rules", mapping={"mark": mark, "document": b"one"})
    assert await RedisVenueRules(client, fund, timeout_s=5).venue_rules_mark() is None
