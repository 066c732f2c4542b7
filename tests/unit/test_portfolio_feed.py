"""The portfolio feed, the gate's watch on it, and what the fund holds as limits see it."""

from dataclasses import replace
from datetime import timedelta
from decimal import Decimal

import pytest

from petrosa_cio.adapters.memory_portfolio import MemoryPortfolio
from petrosa_cio.errors import LedgerLost
from petrosa_cio.governance.portfolio_feed import PortfolioFeed
from petrosa_cio.nurse.portfolio_watch import PortfolioWatch, portfolio_problem
from petrosa_cio.risk.intent import Direction
from petrosa_cio.risk.portfolio import PortfolioReading, Position
from petrosa_cio.risk.seen_exposure import Seen
from tests.deciding import NOW, Plain, ago, snapshot_of

HELD = Position("BTCUSDT", Direction.LONG, Decimal(1), Decimal(100))
READING = PortfolioReading(NOW, "tradeengine", Decimal(500), (HELD,), open_orders=2)


class Ledger:
    """Has granted what it is told, look by look."""

    def __init__(self, *looks: dict[str, int] | None) -> None:
        self.looks = list(looks)

    async def exposure(self) -> dict[str, int]:
        found = self.looks.pop(0) if len(self.looks) > 1 else self.looks[0]
        if found is None:
            raise LedgerLost
        return found


class Teller:
    def __init__(self, reading: PortfolioReading) -> None:
        self.reading = reading

    async def read(self) -> PortfolioReading:
        return self.reading


async def test_what_was_granted_meanwhile_is_kept_with_what_was_seen() -> None:
    store = MemoryPortfolio()
    ledger = Ledger({"gross": 3, "position:BTCUSDT:long": 7}, {"gross": 5})
    feed = PortfolioFeed(Teller(READING), store, ledger)
    await feed.round()
    assert await store.portfolio() == replace(
        READING, granted={"gross": 5, "position:BTCUSDT:long": 7}
    )
    assert feed.ailments() == []


async def test_of_a_ledger_that_lost_its_data_nothing_was_granted() -> None:
    store = MemoryPortfolio()
    await PortfolioFeed(Teller(READING), store, Ledger(None)).round()
    assert await store.portfolio() == READING


async def test_neighbours_that_say_nothing_leave_the_last_reading_to_grow_old() -> None:
    store, teller = MemoryPortfolio(), Teller(READING)
    feed = PortfolioFeed(teller, store, Ledger({}))
    await feed.round()
    doubts = ("tradeengine: away",)
    teller.reading = PortfolioReading(NOW + timedelta(seconds=5), "tradeengine", doubts=doubts)
    await feed.round()
    assert await store.portfolio() == READING
    assert feed.ailments() == ["portfolio feed: tradeengine: away"]
    feed.forget()
    assert feed.ailments() == []


async def test_a_gate_takes_over_each_reading_and_keeps_the_last() -> None:
    store = MemoryPortfolio()
    watch = PortfolioWatch(store)
    await watch.refresh()
    assert watch.held[0] is None
    await store.set_portfolio(replace(READING, granted={"position:BTCUSDT:long": 400_000}))
    await watch.refresh()
    reading, seen = watch.held
    assert reading is not None
    assert reading.equity_usd == Decimal(500)
    assert seen["gross"] == seen["position:BTCUSDT:long"] == Seen(1_000_000, 600_000)
    assert seen["open_orders"] == Seen(20_000, 20_000)


@pytest.mark.parametrize(
    ("fund", "portfolio", "problem"),
    [
        ({}, None, None),
        ({"portfolio_required": True}, None, "none is known, and the policy needs one"),
        ({"max_portfolio_leverage": 2}, None, "none is known, and the policy needs one"),
        ({"portfolio_required": True}, READING, None),
        ({"portfolio_required": True}, replace(READING, observed_at=ago(61)), "seen 61 s ago"),
        (
            {"portfolio_required": True, "max_portfolio_age_s": 5},
            replace(READING, observed_at=ago(6)),
            "seen 6 s ago",
        ),
        ({}, replace(READING, observed_at=ago(9999)), None),
    ],
)
def test_a_gate_is_ill_where_its_policy_needs_a_portfolio(
    fund: Plain, portfolio: PortfolioReading | None, problem: str | None
) -> None:
    snapshot = replace(snapshot_of({"policy": {"fund": fund}}), portfolio=portfolio)
    assert portfolio_problem(snapshot) == problem
