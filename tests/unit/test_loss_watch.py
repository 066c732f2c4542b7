"""The watch over losses: what it switches, tells and keeps, and what a person lifts."""

from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

import orjson
import pytest

from petrosa_cio.adapters.memory_held import MemoryHeld
from petrosa_cio.adapters.memory_portfolio import MemoryPortfolio
from petrosa_cio.adapters.memory_state import MemoryStateStore
from petrosa_cio.errors import Unavailable
from petrosa_cio.governance.desk import STATE_UPDATED, Desk
from petrosa_cio.governance.losses.alert import SUBJECT, LossAlerts
from petrosa_cio.governance.losses.keeping import BOOK, LossBooks
from petrosa_cio.governance.losses.watch import LossWatch
from petrosa_cio.ports import JournalEntry
from petrosa_cio.risk.limits import LimitSet
from petrosa_cio.risk.loss_text import read_losses
from petrosa_cio.risk.losses import LatchKind, LossBook, LossRules
from petrosa_cio.risk.portfolio import PortfolioReading, StrategyResult
from petrosa_cio.risk.trading_state import FUND, Scope, ScopeKind, TradingState
from tests.fakes import FakeAnnouncer, FakeJournal

NOON = datetime(2026, 3, 2, 12, tzinfo=UTC)
RULES = LossRules(UTC, 3, 2_000, timedelta(seconds=60))
GRID = Scope(ScopeKind.STRATEGY, "grid")
ACTIVE, REDUCING, HALTED = TradingState.ACTIVE, TradingState.REDUCING, TradingState.HALTED


@dataclass
class Fund:
    """A fund in memory whose time and portfolio are set by the test."""

    now: datetime = NOON
    held: MemoryHeld = field(default_factory=MemoryHeld)
    journal: FakeJournal = field(default_factory=FakeJournal)
    announcer: FakeAnnouncer = field(default_factory=FakeAnnouncer)
    portfolio: MemoryPortfolio = field(default_factory=MemoryPortfolio)
    alerts: dict[str, dict[str, Any]] = field(default_factory=dict)
    alerts_away: bool = False
    lost: bool = False
    counted: list[LatchKind] = field(default_factory=list)
    limits: LimitSet = field(
        default_factory=lambda: LimitSet(
            max_daily_loss_bps=500, drawdown_reducing_bps=1_500, drawdown_halted_bps=2_000,
            max_strategy_drawdown_usd=Decimal(50),
        )
    )  # fmt: skip

    def __post_init__(self) -> None:
        self.states = MemoryStateStore(lambda: int(self.now.timestamp() * 1000))
        self.states.open_fund()
        self.desk = Desk(self.states, self.journal, self.announcer, fund="f", clock=self.clock)
        self.watch = self.started()

    def started(self) -> LossWatch:
        """Return a watch that knows nothing but what is stored."""
        books = LossBooks("f", self.held, self, self.history, self.desk.record, self.clock)
        alerts = LossAlerts("f", self, self.announcer, self, self.clock)
        return LossWatch(
            self.portfolio, books, self, rules=RULES, states=self.states, desk=self.desk,
            alerts=alerts, tally=self, clock=self.clock,
        )  # fmt: skip

    def clock(self) -> datetime:
        return self.now

    async def is_lost(self) -> bool:
        return self.lost

    async def history(self) -> AsyncIterator[JournalEntry]:
        yield JournalEntry(1, NOON, tuple(self.journal.records), "")

    async def keep(self, documents: Sequence[dict[str, object]]) -> frozenset[str]:
        if self.alerts_away:
            raise Unavailable("mongo", "away")
        new = {str(one["_id"]): one for one in documents if str(one["_id"]) not in self.alerts}
        self.alerts |= new
        return frozenset(new)

    def of_fund(self) -> LimitSet:
        return self.limits

    def of_strategy(self, token: str) -> LimitSet:
        return self.limits

    def measured(self, drawdown_bps: Decimal | None, daily_loss_bps: Decimal | None) -> None:
        self.shown = drawdown_bps, daily_loss_bps

    def reached(self, kind: LatchKind) -> None:
        self.counted.append(kind)

    async def read(self, *equities: float, grid: float = 0) -> None:
        """Look at one reading after the other."""
        for equity in equities:
            self.now += timedelta(seconds=5)
            result = StrategyResult(Decimal(str(grid)), Decimal(0))
            reading = PortfolioReading(
                self.now, "test", Decimal(str(equity)), results={"grid": result}
            )
            await self.portfolio.set_portfolio(reading)
            await self.watch.look()

    async def state(self, scope: Scope = FUND) -> TradingState | None:
        states = await self.states.trading_states()
        return states.fund if scope == FUND else states.strategies.get(scope.name, ACTIVE)

    async def switch(self, state: TradingState, scope: Scope = FUND) -> None:
        await self.desk.switch(scope, state, reason="looked at it", author="ann")

    async def book(self) -> LossBook:
        found = read_losses(await self.held.entry(BOOK) or b"")
        assert found is not None
        return found


async def test_the_ladder_switches_and_tells_each_step_once() -> None:
    fund = Fund()
    await fund.read(100, 100, 100, 85, 85)
    assert await fund.state() is ACTIVE
    await fund.read(85, 85, 85)
    assert await fund.state() is REDUCING
    await fund.read(80, 80, 80, 80)
    assert await fund.state() is HALTED
    kinds = [LatchKind.DAILY_LOSS, LatchKind.DRAWDOWN_REDUCING, LatchKind.DRAWDOWN_HALTED]
    assert fund.counted == kinds
    assert [one["detail"]["limit"] for one in fund.alerts.values()] == kinds
    assert [subject for subject, _ in fund.announcer.heard].count(SUBJECT) == len(kinds)
    assert [subject for subject, _ in fund.announcer.heard].count(STATE_UPDATED) == 2
    assert fund.shown == (Decimal(2000), Decimal(2000))


async def test_who_resumes_lifts_the_step() -> None:
    fund = Fund()
    await fund.read(100, 100, 100, 84, 84, 84)
    await fund.switch(ACTIVE)
    await fund.read(84, 84, 84)
    assert await fund.state() is ACTIVE
    assert (await fund.book()).is_accepted
    await fund.read(79, 79, 79)
    assert await fund.state() is HALTED
    await fund.switch(ACTIVE)
    await fund.read(79)
    assert await fund.state() is ACTIVE
    assert (await fund.book()).equity.peak == 79


async def test_what_is_stricter_stays_and_is_lifted_by_a_person_alone() -> None:
    fund = Fund()
    await fund.switch(HALTED)
    await fund.read(100, 100, 100, 84, 84, 84)
    assert await fund.state() is HALTED
    await fund.read(100, 100, 100)
    assert (await fund.book()).latched(LatchKind.DRAWDOWN_REDUCING) is not None


async def test_a_strategy_goes_to_reducing_until_it_is_resumed() -> None:
    fund = Fund()
    await fund.read(100, 100, 100, grid=20)
    await fund.read(100, 100, 100, grid=-30)
    assert (await fund.state(GRID), await fund.state()) == (REDUCING, ACTIVE)
    await fund.read(100, 100, 100, grid=20)
    assert await fund.state(GRID) is REDUCING
    await fund.switch(ACTIVE, GRID)
    await fund.read(100, grid=20)
    assert (await fund.book()).latches == ()


async def test_a_halt_needs_no_alert() -> None:
    fund = Fund(alerts_away=True)
    await fund.read(100, 100, 100, 84, 84)
    with pytest.raises(Unavailable):
        await fund.read(84)
    assert await fund.state() is REDUCING
    assert (await fund.book()).latches
    fund.alerts_away = False
    await fund.read(84)
    assert len(fund.alerts) == 2


async def test_a_restart_changes_nothing() -> None:
    fund = Fund()
    await fund.read(100, 100, 100, 84, 84)
    fund.watch = fund.started()
    await fund.read(84)
    assert await fund.state() is REDUCING
    before = await fund.book()
    fund.watch = fund.started()
    await fund.watch.look()
    assert await fund.book() == before
    assert len(fund.alerts) == 2


async def test_a_lost_store_is_waited_for_and_rebuilt_from_the_journal() -> None:
    fund = Fund()
    await fund.read(100, 100, 100, 84, 84, 84)
    before = await fund.book()
    fund.held, fund.lost = MemoryHeld(), True
    fund.watch = fund.started()
    with pytest.raises(Unavailable, match="lost"):
        await fund.watch.look()
    assert await fund.held.entry(BOOK) is None
    fund.lost = False
    await fund.watch.look()
    assert (await fund.book()).latches == before.latches
    await fund.read(84)
    after = await fund.book()
    assert after == replace(before, measured_at=fund.now)


async def test_an_emptied_trading_state_lifts_nothing() -> None:
    fund = Fund()
    await fund.read(100, 100, 100, grid=20)
    await fund.read(100, 100, 100, grid=-30)
    fund.states = MemoryStateStore(lambda: 0)
    fund.desk = Desk(fund.states, fund.journal, fund.announcer, fund="f", clock=fund.clock)
    fund.watch = fund.started()
    await fund.read(100, grid=20)
    assert (await fund.book()).latched(LatchKind.STRATEGY_DRAWDOWN, "grid") is not None


async def test_peaks_are_journaled_once_a_minute_and_latches_at_once() -> None:
    fund = Fund()
    await fund.read(100, 100, 100)
    known = len(fund.journal.records)
    await fund.read(101, 102, 103, 104)
    assert len(fund.journal.records) == known
    fund.now += timedelta(minutes=1)
    await fund.read(105)
    assert len(fund.journal.records) == known + 1
    await fund.read(95, 95, 95)
    subjects = [orjson.loads(one)["change"]["subject"] for one in fund.journal.records[known + 1 :]]
    assert subjects == ["losses"]


async def test_without_a_portfolio_nothing_is_counted() -> None:
    fund = Fund()
    await fund.watch.look()
    assert await fund.held.entry(BOOK) is None


async def test_of_two_watches_one_is_told_to_look_again() -> None:
    fund = Fund()
    await fund.read(100)
    books = LossBooks("f", fund.held, fund, fund.history, fund.desk.record, fund.clock)
    version, book = await books.load()
    await books.save(version, book)
    with pytest.raises(Unavailable, match="quicker"):
        await books.save(version, book)
