"""What the fund and its strategies have lost, folded reading by reading into one book.

A reading of the portfolio may be wrong: one that is stale, doubted, zero or a leap is none. What
one reading says counts only once as many in a row agree as are asked for. So a loss is measured
from the *best* of the last few readings, and a peak is the *worst* of them: neither a single low
reading nor a single high one moves anything. What is not known is None, never zero.

The same readings make the same book. One that comes twice or too late changes nothing.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import date, datetime, timedelta, tzinfo
from decimal import Decimal
from enum import StrEnum

from petrosa_cio.risk.exact import EXACT, is_beyond
from petrosa_cio.risk.portfolio import PortfolioReading, StrategyResult

WHOLE_BPS = 10_000

LOSSES_KEPT = 50
"""Losses in a row of one strategy that are remembered; a limit cannot ask for more."""

_DAY = timedelta(days=1)


@dataclass(frozen=True, slots=True)
class LossRules:
    """How readings are believed, and when a day begins.

    Attributes:
        zone: The time zone whose midnight begins a day.
        confirmations: Readings in a row that must agree, 2 or more.
        leap_bps: Equity further from the last one than this is a leap, in basis points.
        max_age: Readings older than this, or as far in the future, are stale.
    """

    zone: tzinfo
    confirmations: int
    leap_bps: int
    max_age: timedelta


@dataclass(frozen=True, slots=True)
class Trail:
    """One amount over time.

    Attributes:
        recent: The last readings that were believed, the newest last, USD.
        leaping: Readings in a row that leapt away from those, and are not believed yet.
        level: The best of the recent ones; None until there are enough of them.
        peak: The highest that ever held for so many readings.
    """

    recent: tuple[Decimal, ...] = ()
    leaping: tuple[Decimal, ...] = ()
    level: Decimal | None = None
    peak: Decimal | None = None

    @property
    def middle(self) -> Decimal | None:
        """The middle of the recent readings, the lower of two; None until there are enough."""
        return None if self.level is None else sorted(self.recent)[(len(self.recent) - 1) // 2]


@dataclass(frozen=True, slots=True)
class StrategyTrail:
    """What one strategy has earned over time.

    Attributes:
        result: Realised and unrealised together.
        realised: Of closed trades alone, the last readings.
        settled: What of closed trades held for enough readings; None until there are enough.
        lost_at: When it closed at a loss, one after the other and nothing won since, the newest
            last.
    """

    result: Trail = field(default_factory=Trail)
    realised: tuple[Decimal, ...] = ()
    settled: Decimal | None = None
    lost_at: tuple[datetime, ...] = ()


class LatchKind(StrEnum):
    """What was reached."""

    DAILY_LOSS = "daily_loss"
    DRAWDOWN_REDUCING = "drawdown_reducing"
    DRAWDOWN_HALTED = "drawdown_halted"
    STRATEGY_DRAWDOWN = "strategy_drawdown"


@dataclass(frozen=True, slots=True)
class Latch:
    """A loss limit that was reached. It stays until a person lifts it; a day's until its day ends.

    Attributes:
        kind: What was reached.
        at: The reading that showed it, aware UTC.
        limit: The limit then, with its unit.
        observed: The loss then, with its unit.
        strategy: Whose loss it is, by token; empty for the fund.
        is_applied: Whether the trading state that belongs to it was set.
    """

    kind: LatchKind
    at: datetime
    limit: str
    observed: str
    strategy: str = ""
    is_applied: bool = False


@dataclass(frozen=True, slots=True)
class LossBook:
    """All that is known of losses.

    Attributes:
        measured_at: Time of the newest reading that was taken; None before the first.
        equity: The fund's equity.
        day: The day that is being counted, in the time zone of the rules.
        day_start: Equity at its beginning; None where nobody knows it yet.
        strategies: What each strategy has earned, by token.
        latches: What was reached.
        is_accepted: Whether a person lets the fund go on below the first step of the ladder.
    """

    measured_at: datetime | None = None
    equity: Trail = field(default_factory=Trail)
    day: date | None = None
    day_start: Decimal | None = None
    strategies: Mapping[str, StrategyTrail] = field(default_factory=dict)
    latches: tuple[Latch, ...] = ()
    is_accepted: bool = False

    def latched(self, kind: LatchKind, strategy: str = "") -> Latch | None:
        """Return what is latched of a kind, or None."""
        for latch in self.latches:
            if latch.kind is kind and latch.strategy == strategy:
                return latch
        return None


def taken(book: LossBook, reading: PortfolioReading, now: datetime, rules: LossRules) -> LossBook:
    """Return the book after a reading; the same book where the reading is none.

    Args:
        book: What was known.
        reading: What the portfolio is said to be.
        now: When it is looked at, aware UTC.
        rules: How readings are believed.
    """
    equity, at = reading.equity_usd, reading.observed_at
    is_old = book.measured_at is not None and at <= book.measured_at
    if is_old or abs(now - at) > rules.max_age or reading.doubts:
        return book
    if equity is None or not equity.is_finite() or equity <= 0:
        return book
    book = _day_of(book, at, rules)
    trail = _followed(book.equity, equity, rules, leap_bps=rules.leap_bps)
    strategies = {
        token: _earned(book.strategies.get(token, StrategyTrail()), result, at, rules)
        for token, result in reading.results.items()
    }
    return replace(
        book,
        measured_at=at,
        equity=trail,
        day_start=trail.middle if book.day_start is None else book.day_start,
        strategies={**book.strategies, **strategies},
    )


def _day_of(book: LossBook, at: datetime, rules: LossRules) -> LossBook:
    """Return the book on the day of a reading: it begins where the day before it ended.

    After a day without a reading nobody knows where it began: that is worked out anew.
    """
    day = at.astimezone(rules.zone).date()
    if book.day is not None and day <= book.day:
        return book
    latches = tuple(one for one in book.latches if one.kind is not LatchKind.DAILY_LOSS)
    if book.day is not None and day - book.day == _DAY:
        return replace(book, day=day, day_start=book.equity.middle, latches=latches)
    equity = Trail(peak=book.equity.peak)
    return replace(book, day=day, day_start=None, equity=equity, latches=latches)


def _followed(
    trail: Trail, value: Decimal, rules: LossRules, *, leap_bps: int | None = None
) -> Trail:
    recent = (*trail.recent, value)
    if trail.recent and _leaps(trail.recent[-1], value, leap_bps):
        follows = trail.leaping and not _leaps(trail.leaping[-1], value, leap_bps)
        recent = (*trail.leaping, value) if follows else (value,)
        if len(recent) < rules.confirmations:
            return replace(trail, leaping=recent)
    recent = recent[-rules.confirmations :]
    if len(recent) < rules.confirmations:
        return Trail(recent, peak=trail.peak)
    held = min(recent)
    peak = held if trail.peak is None else max(held, trail.peak)
    return Trail(recent, level=max(recent), peak=peak)


def _leaps(before: Decimal, value: Decimal, leap_bps: int | None) -> bool:
    return leap_bps is not None and is_beyond(value, before, leap_bps)


def _earned(
    trail: StrategyTrail, result: StrategyResult, at: datetime, rules: LossRules
) -> StrategyTrail:
    realised, unrealised = result.realised_usd, result.unrealised_usd
    if realised is None:
        return trail
    if unrealised is not None:
        earned = EXACT.add(realised, unrealised)
        trail = replace(trail, result=_followed(trail.result, earned, rules))
    last = (*trail.realised, realised)[-rules.confirmations :]
    trail = replace(trail, realised=last)
    if len(last) < rules.confirmations:
        return trail
    if trail.settled is None:
        return replace(trail, settled=realised)
    if max(last) < trail.settled:
        lost_at = (*trail.lost_at, at)[-LOSSES_KEPT:]
        return replace(trail, settled=realised, lost_at=lost_at)
    if min(last) > trail.settled:
        return replace(trail, settled=realised, lost_at=())
    return trail
