"""The portfolio feed against real neighbours that misbehave, and gates that race for a limit."""

from contextlib import AsyncExitStack
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path

import pytest

from petrosa_cio.adapters.redis_connection import connect_redis
from petrosa_cio.adapters.redis_ledger import RedisLedger
from petrosa_cio.adapters.redis_portfolio import RedisPortfolio
from petrosa_cio.fleet.neighbour_http import open_neighbour
from petrosa_cio.fleet.portfolio_source import PortfolioSource
from petrosa_cio.governance.portfolio_feed import PortfolioFeed
from petrosa_cio.risk.portfolio import PortfolioReading
from petrosa_cio.servers import clock
from tests.data_manager import (
    FakeEngine,
    Reply,
    drips,
    engine_of_tests,
    floods,
    hangs,
    hangs_up,
    sends,
)
from tests.integration.gate_evidence import gather
from tests.integration.gate_house import FUND, WIDE_POLICY, gate_house
from tests.integration.gate_intents import messages

pytestmark = pytest.mark.integration

POSITION = {
    "symbol": "BTCUSDT", "position_side": "LONG", "quantity": 0.01, "avg_price": 50000,
    "unrealized_pnl": 5, "status": "open",
}  # fmt: skip
WELL: dict[str, Reply] = {
    "/positions": sends({"status": "success", "data": [POSITION]}),
    "/account": sends({"balances": {"binance": {"total_balance_usdt": 1000}}}),
    "/state": sends(
        {
            "portfolio": {"gross_exposure": 0.5, "open_positions_count": 1},
            "env_stats": {"available_capital_usd": 1000, "open_orders_global": 0},
        }
    ),
}


async def read(engine: FakeEngine) -> PortfolioReading:
    async with open_neighbour("tradeengine", engine.url, "CIO_TEST", timeout_s=0.5) as http:
        return await PortfolioSource(http, None, clock).read()


async def test_a_portfolio_comes_over_http() -> None:
    async with engine_of_tests() as engine:
        engine.replies |= WELL
        reading = await read(engine)
    assert reading.equity_usd == 1005
    assert reading.positions is not None
    assert [one.notional_usd for one in reading.positions] == [500]
    assert reading.doubts == ()
    assert not [one for one in engine.asked if "side=" in one or "stops-health" in one]


@pytest.mark.parametrize(
    "misbehaves",
    [
        hangs, drips, floods, hangs_up, sends(b"not json"), sends(b"[]"), sends(b'{"data": NaN}'),
        sends({"detail": "away"}, "500 Internal Server Error"), sends({"detail": "no"}, "404 No"),
        sends(b"", "302 Found", head="location: /elsewhere\r\n"),
        sends(b"{}", head="content-encoding: gzip\r\n"),
    ],
)  # fmt: skip
@pytest.mark.parametrize("path", ["/positions", "/account"])
async def test_a_part_that_misbehaves_is_unknown_and_said(misbehaves: Reply, path: str) -> None:
    async with engine_of_tests() as engine:
        engine.replies |= WELL | {path: misbehaves}
        reading = await read(engine)
    assert reading.equity_usd is None
    assert (reading.positions is None) is (path == "/positions")
    assert reading.open_orders == 0
    assert len(reading.doubts) == 1


async def test_a_silent_engine_leaves_the_last_reading(redis_url: str) -> None:
    async with AsyncExitStack() as closing:
        client = connect_redis(redis_url, timeout_s=5)
        closing.push_async_callback(client.aclose)
        store = RedisPortfolio(client, "silent_engine", timeout_s=5)
        ledger = RedisLedger(client, "silent_engine", timeout_s=5)
        await ledger.initialise(fresh=True)
        engine = await closing.enter_async_context(engine_of_tests())
        http = await closing.enter_async_context(
            open_neighbour("tradeengine", engine.url, "CIO_TEST", timeout_s=0.5)
        )
        feed = PortfolioFeed(PortfolioSource(http, None, clock), store, ledger)
        engine.replies |= WELL
        await feed.round()
        first = await store.portfolio()
        engine.replies |= dict.fromkeys(WELL, hangs_up)
        await feed.round()
        assert first is not None
        assert await store.portfolio() == first
        assert feed.ailments()
        engine.replies |= WELL
        await feed.round()
        again = await store.portfolio()
    assert again is not None
    assert again.observed_at > first.observed_at


@pytest.mark.parametrize(
    ("limit", "code"),
    [
        ("max_net_long_usd: 1850", "NET_EXPOSURE_ABOVE_MAX"),
        ("max_group_exposure_usd: {one: {symbols: [BTCUSDT, ETHUSDT], usd: 1850}}",
         "GROUP_EXPOSURE_ABOVE_MAX"),
        ("max_strategy_exposure_usd: 1850", "STRATEGY_EXPOSURE_ABOVE_MAX"),
        ("max_open_orders: 37", "OPEN_ORDERS_ABOVE_MAX"),
        ("max_portfolio_leverage: 2", "PORTFOLIO_LEVERAGE_ABOVE_MAX"),
    ],
)  # fmt: skip
async def test_the_last_of_a_limit_is_given_away_exactly_once(
    limit: str, code: str, tmp_path: Path
) -> None:
    """Each intent is worth 50 USD, and there is room for 37 of 200; two gates race for it."""
    policy = f"{WIDE_POLICY}  {limit}\n"
    async with gate_house(tmp_path, policy=policy, batch_max=4) as house:
        now = datetime.now(UTC)
        known = PortfolioReading(now, "test", equity_usd=Decimal(925), positions=())
        await RedisPortfolio(house.redis_client, FUND, timeout_s=5).set_portfolio(known)
        await house.start("r1", "r2")
        await house.publish(messages(200, strategy_id="racer"))
        await house.settled()
        evidence = await gather(house)
    evidence.check()
    assert evidence.kinds() == {"approve": 37, "deny": 163}
    refused = evidence.verdicts.keys() - evidence.promoted()
    assert {tuple(evidence.final(one).codes) for one in refused} == {(code,)}
