"""The watch over losses: folds each reading of the portfolio in, and acts where a limit is reached.

At each look a person's resuming lifts what it lifts, the newest reading is taken, limits are
judged, and what is latched anew switches the trading state: only to what is stricter. It can be
begun again at any point, as every step bears being done twice.
"""

from collections.abc import Callable
from dataclasses import replace
from datetime import datetime
from typing import Final, Protocol

import orjson
import structlog

from petrosa_cio.governance.desk import Desk
from petrosa_cio.governance.losses.alert import LossAlerts
from petrosa_cio.governance.losses.keeping import AUTHOR, LossBooks
from petrosa_cio.governance.losses.metrics import LossTally
from petrosa_cio.ports import PortfolioStore, TradingStateStore
from petrosa_cio.risk.limits import LimitSet
from petrosa_cio.risk.loss_limits import judged, lifted, lost_bps
from petrosa_cio.risk.losses import Latch, LatchKind, LossBook, LossRules, taken
from petrosa_cio.risk.trading_state import FUND, Scope, ScopeKind, TradingState

log = structlog.get_logger()

LOOK_S: Final = 1.0

STATES: Final = {
    LatchKind.DRAWDOWN_REDUCING: TradingState.REDUCING,
    LatchKind.DRAWDOWN_HALTED: TradingState.HALTED,
    LatchKind.STRATEGY_DRAWDOWN: TradingState.REDUCING,
}
"""What each kind switches to; the loss of a day switches nothing, as it ends with the day."""


class KnownLimits(Protocol):
    """The limits in force."""

    def of_fund(self) -> LimitSet:
        """Return those of the fund."""

    def of_strategy(self, token: str) -> LimitSet:
        """Return those of a strategy, by its token."""


class LossWatch:
    """Watches the losses of one fund.

    Args:
        portfolio: Who has the newest reading.
        books: Where the book is kept.
        limits: The limits in force.
        rules: How readings are believed.
        states: Who last changed a trading state.
        desk: Switches trading states.
        alerts: Where it tells what it saw.
        tally: Is shown how much is lost.
        clock: The time, aware UTC.
    """

    def __init__(  # noqa: PLR0913 - what it looks at and what it acts on
        self,
        portfolio: PortfolioStore,
        books: LossBooks,
        limits: KnownLimits,
        *,
        rules: LossRules,
        states: TradingStateStore,
        desk: Desk,
        alerts: LossAlerts,
        tally: LossTally,
        clock: Callable[[], datetime],
    ) -> None:
        self._portfolio = portfolio
        self._books = books
        self._limits = limits
        self._states = states
        self._desk = desk
        self._alerts = alerts
        self._tally = tally
        self._rules = rules
        self._clock = clock

    async def look(self) -> None:
        """Look once.

        Raises:
            Unavailable: Something is away; the next look does what this one could not.
        """
        reading = await self._portfolio.portfolio()
        version, known = await self._books.load()
        if reading is None and known == LossBook():
            return
        book = await self._lifted(known)
        if reading is not None:
            book = taken(book, reading, self._clock(), self._rules)
        book = judged(book, self._limits.of_fund(), self._limits.of_strategy)
        book = await self._applied(book)
        if book != known:
            await self._books.save(version, book)
        self._tally.measured(
            lost_bps(book.equity.peak, book.equity.level),
            lost_bps(book.day_start, book.equity.level),
        )
        await self._books.journal(book)
        for latch in book.latches:
            await self._alerts.tell(latch)

    async def _lifted(self, book: LossBook) -> LossBook:
        """Return the book without what a person lifted: who resumed since its state was set."""
        if not any(one.is_applied for one in book.latches):
            return book
        reasons = await self._states.trading_state_reasons()
        by_strategy: dict[str, list[Latch]] = {}
        for latch in book.latches:
            if latch.kind in STATES:
                by_strategy.setdefault(latch.strategy, []).append(latch)
        for strategy, latches in by_strategy.items():
            is_active = _is_active(reasons.get(str(_scope(strategy))))
            if is_active and all(one.is_applied for one in latches):
                log.warning("loss_limit_lifted", strategy=strategy or "all")
                book = lifted(book, strategy)
        return book

    async def _applied(self, book: LossBook) -> LossBook:
        """Switch what was latched anew. Raises Unavailable of the store alone."""
        latches = []
        for latch in book.latches:
            state = STATES.get(latch.kind)
            if state is not None and not latch.is_applied:
                await self._desk.switch(
                    _scope(latch.strategy),
                    state,
                    reason=f"{latch.kind}: {latch.observed} lost, {latch.limit} is the limit",
                    author=AUTHOR,
                    only_tighter=True,
                )
                latch = replace(latch, is_applied=True)  # noqa: PLW2901 - the same one, later
            latches.append(latch)
        return replace(book, latches=tuple(latches))


def _scope(strategy: str) -> Scope:
    return Scope(ScopeKind.STRATEGY, strategy) if strategy else FUND


def _is_active(reason: bytes | None) -> bool:
    return reason is not None and orjson.loads(reason).get("state") == TradingState.ACTIVE
