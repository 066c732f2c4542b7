"""What a book of losses comes to under the limits: how much is lost, and what is latched for it.

A loss that has reached a limit latches. The ladder of the fund's drawdown has two steps, *reducing*
and *halted*. A person who resumes after the first lets the fund go on below it: the second stays
where it is, and the first counts again once the drawdown has been smaller. A person who resumes
after the second begins anew: the peak is then what the equity is.
"""

from collections.abc import Callable
from dataclasses import replace
from datetime import datetime, timedelta
from decimal import ROUND_FLOOR, Decimal

from petrosa_cio.risk.exact import EXACT
from petrosa_cio.risk.limits import (
    DEFAULT_LOSING_STREAK_COOLDOWN_S,
    DEFAULT_LOSING_STREAK_WINDOW_S,
    LimitSet,
)
from petrosa_cio.risk.losses import (
    WHOLE_BPS,
    Latch,
    LatchKind,
    LossBook,
    StrategyTrail,
    Trail,
)

_SHOWN = Decimal("0.01")
_LADDER = (LatchKind.DRAWDOWN_REDUCING, LatchKind.DRAWDOWN_HALTED)


def lost_bps(start: Decimal | None, now: Decimal | None) -> Decimal | None:
    """Return how far an amount is below where it started, in basis points, 0 for not at all.

    It is rounded down to a hundredth, for people to read; what decides is `reaches`.
    """
    if start is None or now is None:
        return None
    lost = max(EXACT.subtract(start, now), Decimal(0))
    share = EXACT.divide(EXACT.multiply(lost, Decimal(WHOLE_BPS)), start)
    return share.quantize(_SHOWN, ROUND_FLOOR, EXACT).normalize(EXACT) + 0


def reaches(start: Decimal | None, now: Decimal | None, limit_bps: int | None) -> bool:
    """Return whether a loss has reached a limit; one that nobody knows has not."""
    if start is None or now is None or limit_bps is None:
        return False
    lost = EXACT.multiply(EXACT.subtract(start, now), Decimal(WHOLE_BPS))
    return lost >= EXACT.multiply(start, Decimal(limit_bps))


def strategy_drawdown_usd(trail: Trail) -> Decimal | None:
    """Return how far a strategy's result is below its highest, USD; None where nobody knows."""
    if trail.level is None or trail.peak is None:
        return None
    return max(EXACT.subtract(trail.peak, trail.level), Decimal(0))


def streak(trail: StrategyTrail, limits: LimitSet, now: datetime) -> tuple[int, datetime] | None:
    """Return how often a strategy lost in a row, and until when it cools down for it.

    None where its limit is not stated, is not reached, or the cool-down is over. The window is the
    time within which the losses fell, back from the last one.
    """
    limit, lost_at = limits.max_losses_in_a_row, trail.lost_at
    if limit is None or not lost_at:
        return None
    window_s, cooldown_s = limits.losing_streak_window_s, limits.losing_streak_cooldown_s
    window = timedelta(seconds=DEFAULT_LOSING_STREAK_WINDOW_S if window_s is None else window_s)
    cooldown = DEFAULT_LOSING_STREAK_COOLDOWN_S if cooldown_s is None else cooldown_s
    number = sum(1 for at in lost_at if lost_at[-1] - at <= window)
    until = lost_at[-1] + timedelta(seconds=cooldown)
    return (number, until) if number >= limit and now < until else None


def judged(book: LossBook, fund: LimitSet, of_strategy: Callable[[str], LimitSet]) -> LossBook:
    """Return the book with what has reached its limit latched. What is latched stays so.

    Args:
        book: What is known of losses.
        fund: The limits of the fund.
        of_strategy: The limits of a strategy, by token.
    """
    at = book.measured_at
    if at is None:
        return book
    level, peak = book.equity.level, book.equity.peak
    if book.is_accepted and level is not None:
        is_still = reaches(peak, level, fund.drawdown_reducing_bps)
        book = replace(book, is_accepted=is_still)
    asked = (
        (LatchKind.DAILY_LOSS, book.day_start, fund.max_daily_loss_bps),
        (
            LatchKind.DRAWDOWN_REDUCING,
            peak,
            None if book.is_accepted else fund.drawdown_reducing_bps,
        ),
        (LatchKind.DRAWDOWN_HALTED, peak, fund.drawdown_halted_bps),
    )
    for kind, start, limit in asked:
        if reaches(start, level, limit):
            observed = f"{lost_bps(start, level):f} bps"
            book = _with(book, Latch(kind, at, f"{limit} bps", observed))
    for token, trail in sorted(book.strategies.items()):
        most, lost = (
            of_strategy(token).max_strategy_drawdown_usd,
            strategy_drawdown_usd(trail.result),
        )
        if most is not None and lost is not None and lost >= most:
            kind, observed = LatchKind.STRATEGY_DRAWDOWN, f"{lost:f} USD"
            book = _with(book, Latch(kind, at, f"{most:f} USD", observed, token))
    return book


def _with(book: LossBook, latch: Latch) -> LossBook:
    if book.latched(latch.kind, latch.strategy) is not None:
        return book
    return replace(book, latches=(*book.latches, latch))


def lifted(book: LossBook, strategy: str = "") -> LossBook:
    """Return the book after a person has resumed the fund, or a strategy by its token."""
    gone = (LatchKind.STRATEGY_DRAWDOWN,) if strategy else _LADDER
    latches = tuple(one for one in book.latches if one.kind not in gone or one.strategy != strategy)
    if strategy:
        trail = book.strategies.get(strategy, StrategyTrail())
        anew = replace(trail, result=_anew(trail.result))
        return replace(book, latches=latches, strategies={**book.strategies, strategy: anew})
    if book.latched(LatchKind.DRAWDOWN_HALTED) is not None:
        return replace(book, latches=latches, equity=_anew(book.equity), is_accepted=False)
    was_reducing = book.latched(LatchKind.DRAWDOWN_REDUCING) is not None
    return replace(book, latches=latches, is_accepted=was_reducing or book.is_accepted)


def _anew(trail: Trail) -> Trail:
    return replace(trail, peak=trail.level)
