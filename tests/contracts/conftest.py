"""Each contract is tested on both ledgers."""

from collections.abc import AsyncIterator

import pytest
from redis.asyncio import Redis

from petrosa_cio.adapters.redis_connection import connect_redis
from tests.ledgers import TIMEOUT_S, LedgerUnderTest, memory_ledger, redis_ledger


@pytest.fixture
async def client(redis_url: str) -> AsyncIterator[Redis]:
    client = connect_redis(redis_url, timeout_s=TIMEOUT_S)
    yield client
    await client.aclose()


@pytest.fixture(params=["memory", "redis"])
async def unopened(request: pytest.FixtureRequest, client: Redis) -> LedgerUnderTest:
    return memory_ledger() if request.param == "memory" else redis_ledger(client)


@pytest.fixture
async def subject(unopened: LedgerUnderTest) -> LedgerUnderTest:
    await unopened.open()
    return unopened
