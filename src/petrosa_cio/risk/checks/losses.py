"""Checks on what was lost: by the fund today and since its peak, and by the strategy.

They look at the same book that switches the trading state, so that no opening passes in between. A
loss at its limit has reached it. Where such a limit is stated and nobody counts, openings end.
"""

from collections.abc import Iterator
from datetime import timedelta
from typing import Final

from petrosa_cio.risk.checks.case import Case, Finding
from petrosa_cio.risk.loss_limits import lost_bps, reaches, strategy_drawdown_usd, streak
from petrosa_cio.risk.losses import LatchKind, LossBook, StrategyTrail

MAX_AGE: Final = timedelta(minutes=2)
"""A book whose newest reading is older than this, or as far in the future, says nothing of now."""

_UNKNOWN: Final = "no reading"
_LADDER: Final = (
    (LatchKind.DRAWDOWN_HALTED, "drawdown_halted_bps"),
    (LatchKind.DRAWDOWN_REDUCING, "drawdown_reducing_bps"),
)


def daily_loss_reached(case: Case) -> Finding | None:
    """The fund has lost too much of its equity since midnight; nothing is opened until the next.

    Midnight is that of the time zone in the settings. A day at whose limit the fund was once stays
    closed, even if its equity recovers.
    """
    limit = case.limits.max_daily_loss_bps
    if limit is None:
        return None
    book = _counted(case)
    if book is None or book.day_start is None or book.equity.level is None:
        return Finding(f"{limit} bps", _UNKNOWN, scope="fund")
    start, level = book.day_start, book.equity.level
    if book.latched(LatchKind.DAILY_LOSS) is None and not reaches(start, level, limit):
        return None
    return Finding(f"{limit} bps", f"{lost_bps(start, level):f} bps", scope=str(book.day))


def drawdown_reached(case: Case) -> Finding | None:
    """The fund's equity is too far below its peak; nothing is opened until a person resumes.

    Equity counts, open positions at the market among it, and not the sum of trades. There are two
    steps: at the first the fund goes to reducing, at the second it is halted.
    """
    stated = list(_steps(case))
    if not stated:
        return None
    book = _counted(case)
    if book is None or book.equity.level is None:
        _, field, limit = stated[-1]
        return Finding(f"{limit} bps", _UNKNOWN, "fund", entry=case.in_force.entries.get(field))
    level, peak = book.equity.level, book.equity.peak
    for kind, field, limit in stated:
        may_be = kind is LatchKind.DRAWDOWN_REDUCING and book.is_accepted
        if book.latched(kind) is not None or (not may_be and reaches(peak, level, limit)):
            lost, entry = f"{lost_bps(peak, level):f} bps", case.in_force.entries.get(field)
            return Finding(f"{limit} bps", lost, "fund", entry=entry)
    return None


def strategy_drawdown_reached(case: Case) -> Finding | None:
    """What the strategy has earned is too far below its highest, until a person resumes it.

    What is open counts at the market. A strategy of which no result was ever read has lost nothing.
    """
    limit = case.limits.max_strategy_drawdown_usd
    if limit is None:
        return None
    book, strategy = _counted(case), case.intent.strategy
    if book is None:
        return Finding(f"{limit:f} USD", _UNKNOWN, scope=strategy)
    trail = book.strategies.get(case.intent.token)
    if trail is None:
        return None
    lost = strategy_drawdown_usd(trail.result)
    if lost is None:
        return Finding(f"{limit:f} USD", _UNKNOWN, scope=strategy)
    is_latched = book.latched(LatchKind.STRATEGY_DRAWDOWN, case.intent.token) is not None
    if not is_latched and lost < limit:
        return None
    return Finding(f"{limit:f} USD", f"{lost:f} USD", scope=strategy)


def losing_streak(case: Case) -> Finding | None:
    """The strategy closed at a loss too often in a row, and waits for a while after the last one.

    Only losses within a window count together, and one win ends the row.
    """
    limit = case.limits.max_losses_in_a_row
    if limit is None:
        return None
    book, strategy = _counted(case), case.intent.strategy
    if book is None:
        return Finding(f"{limit} losses", _UNKNOWN, scope=strategy)
    trail = book.strategies.get(case.intent.token, StrategyTrail())
    found = streak(trail, case.limits, case.snapshot.now)
    if found is None:
        return None
    number, until = found
    return Finding(
        f"{limit} losses, until {until:%H:%M:%S} UTC", f"{number} losses", scope=strategy
    )


def _steps(case: Case) -> Iterator[tuple[LatchKind, str, int]]:
    for kind, field in _LADDER:
        limit = getattr(case.limits, field)
        if limit is not None:
            yield kind, field, limit


def _counted(case: Case) -> LossBook | None:
    """Return what was counted, if it is fresh."""
    book = case.snapshot.losses
    if book is None or book.measured_at is None:
        return None
    return book if abs(case.snapshot.now - book.measured_at) <= MAX_AGE else None
