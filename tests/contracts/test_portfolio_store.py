"""What every store of the portfolio promises: in memory and in Redis."""

from datetime import UTC, datetime
from decimal import Decimal
from uuid import uuid4

import pytest
from redis.asyncio import Redis

from petrosa_cio.adapters.memory_portfolio import MemoryPortfolio
from petrosa_cio.adapters.redis_portfolio import RedisPortfolio
from petrosa_cio.ports import PortfolioStore
from petrosa_cio.risk.intent import Direction
from petrosa_cio.risk.portfolio import PortfolioReading, Position, StrategyResult

pytestmark = pytest.mark.integration

AT = datetime(2026, 3, 2, 12, 0, 0, 123_456, tzinfo=UTC)
BARE = PortfolioReading(AT, "tradeengine")
FULL = PortfolioReading(
    observed_at=AT,
    source="tradeengine and data-manager",
    equity_usd=Decimal("-12.345678901234567890"),
    positions=(
        Position("BTCUSDT", Direction.LONG, Decimal("0.002"), Decimal("100.10"), "momentum_v1"),
        Position("ETHUSDT", Direction.SHORT, Decimal("1"), Decimal("0")),
    ),
    results={"momentum_v1": StrategyResult(Decimal("-5"), None)},
    open_orders=3,
    doubts=("data-manager: away",),
    granted={"gross": 1_001_000},
)


@pytest.fixture(params=["memory", "redis"])
def store(request: pytest.FixtureRequest, client: Redis) -> PortfolioStore:
    if request.param == "memory":
        return MemoryPortfolio()
    return RedisPortfolio(client, f"portfolio_{uuid4().hex}", timeout_s=5)


async def test_an_empty_store_knows_no_portfolio(store: PortfolioStore) -> None:
    assert await store.portfolio() is None


async def test_the_last_reading_is_held_exactly(store: PortfolioStore) -> None:
    for reading in (BARE, FULL, BARE):
        await store.set_portfolio(reading)
        assert await store.portfolio() == reading


NAIVE = b'{"observed_at":"2026-03-02T12:00:00","source":"x"}'
INFINITE = b'{"observed_at":"2026-03-02T12:00:00Z","source":"x","equity_usd":"Infinity"}'
BELOW_ZERO = b'{"observed_at":"2026-03-02T12:00:00Z","source":"x","open_orders":-1}'


@pytest.mark.parametrize("document", [b"", b"\xff", b"{}", NAIVE, INFINITE, BELOW_ZERO])
async def test_what_does_not_read_is_no_portfolio(client: Redis, document: bytes) -> None:
    fund = f"portfolio_{uuid4().hex}"
    await client.set(f"cio:{{{fund}}}:portfolio", document)
    assert await RedisPortfolio(client, fund, timeout_s=5).portfolio() is None
