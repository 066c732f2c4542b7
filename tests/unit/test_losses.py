"""The book of losses, reading by reading."""

from collections.abc import Sequence
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from zoneinfo import ZoneInfo

import pytest

from petrosa_cio.risk.limits import LimitSet
from petrosa_cio.risk.loss_limits import judged, lifted, lost_bps
from petrosa_cio.risk.losses import LatchKind, LossBook, LossRules, taken
from petrosa_cio.risk.portfolio import PortfolioReading, StrategyResult

NOON = datetime(2026, 3, 2, 12, tzinfo=UTC)
RULES = LossRules(UTC, 3, 2_000, timedelta(seconds=60))
LADDER = LimitSet(drawdown_reducing_bps=1_500, drawdown_halted_bps=2_000)
DAILY = LimitSet(max_daily_loss_bps=500)


def read(
    *equities: float,
    since: datetime = NOON,
    book: LossBook | None = None,
    rules: LossRules = RULES,
    limits: LimitSet = LADDER,
) -> LossBook:
    """Take readings 5 s apart and judge each."""
    book = book or LossBook()
    for number, equity in enumerate(equities, start=1):
        at = since + timedelta(seconds=5 * number)
        reading = PortfolioReading(at, "test", Decimal(str(equity)))
        book = judged(taken(book, reading, at, rules), limits, lambda _: limits)
    return book


def kinds(book: LossBook) -> list[LatchKind]:
    return [one.kind for one in book.latches]


def later(book: LossBook) -> datetime:
    assert book.measured_at is not None
    return book.measured_at


@pytest.mark.parametrize(
    ("equities", "level", "peak"),
    [
        ([100, 100], None, None),
        ([100, 101, 102], 102, 100),
        ([100, 100, 100, 90, 90], 100, 100),
        ([100, 100, 100, 90, 90, 90], 90, 100),
        ([100, 100, 100, 119, 119], 119, 100),
        ([100, 100, 100, 119, 119, 119], 119, 119),
        ([100, 100, 100, 70, 100], 100, 100),  # a leap is no reading
        ([100, 100, 100, 70, 70, 70], 70, 100),  # and is one when it stays
        ([100, 100, 100, 70, 140, 70, 100], 100, 100),
        ([900, 100, 100, 100], 100, 100),  # the very first one was wrong
    ],
)
def test_a_level_is_the_best_of_the_last_and_a_peak_the_worst(
    equities: Sequence[float], level: float | None, peak: float | None
) -> None:
    equity = read(*equities).equity
    assert (equity.level, equity.peak) == (level, peak)


def test_the_ladder_has_two_steps() -> None:
    book = read(100, 100, 100, 85, 85)
    assert kinds(book) == []
    book = read(85, since=later(book), book=book)
    assert kinds(book) == [LatchKind.DRAWDOWN_REDUCING]
    assert (book.latches[0].limit, book.latches[0].observed) == ("1500 bps", "1500 bps")
    book = read(79, 79, 79, since=later(book), book=book)
    assert kinds(book) == [LatchKind.DRAWDOWN_REDUCING, LatchKind.DRAWDOWN_HALTED]
    assert kinds(read(100, 100, 100, since=later(book), book=book)) == kinds(book)


def test_who_resumes_after_the_first_step_keeps_the_second() -> None:
    book = lifted(read(100, 100, 100, 84, 84, 84))
    book = read(83, 83, 83, since=later(book), book=book)
    assert (len(book.latches), book.equity.peak) == (0, Decimal(100))
    halted = read(80, 80, 80, since=later(book), book=book)
    assert kinds(halted) == [LatchKind.DRAWDOWN_HALTED]


def test_the_first_step_counts_again_once_the_drawdown_was_smaller() -> None:
    book = lifted(read(100, 100, 100, 84, 84, 84))
    book = read(90, since=later(book), book=book)
    assert not book.is_accepted
    book = read(84, 84, 84, since=later(book), book=book)
    assert kinds(book) == [LatchKind.DRAWDOWN_REDUCING]


def test_who_resumes_after_the_second_step_begins_anew() -> None:
    book = lifted(read(100, 100, 100, 80, 80, 80))
    assert (len(book.latches), book.equity.peak, book.is_accepted) == (0, Decimal(80), False)
    book = read(68, 68, 68, since=later(book), book=book)
    assert kinds(book) == [LatchKind.DRAWDOWN_REDUCING]


def test_a_looser_limit_does_not_lift_what_is_latched() -> None:
    book = read(100, 100, 100, 84, 84, 84)
    looser = LimitSet(drawdown_reducing_bps=5_000)
    assert kinds(read(84, since=later(book), book=book, limits=looser)) == kinds(book)


def test_a_day_begins_with_what_the_last_one_ended_with() -> None:
    late = datetime(2026, 3, 2, 23, 59, 40, tzinfo=UTC)
    book = read(100, 100, 100, 94, 94, 94, since=late, limits=DAILY)
    assert (book.day, book.day_start) == (date(2026, 3, 3), Decimal(100))
    assert kinds(book) == [LatchKind.DAILY_LOSS]
    book = read(100, 100, 100, since=later(book), book=book, limits=DAILY)
    assert kinds(book) == [LatchKind.DAILY_LOSS]
    next_day = read(100, since=later(book) + timedelta(days=1), book=book, limits=DAILY)
    assert kinds(next_day) == []


def test_after_a_day_without_readings_the_day_begins_with_the_first_ones() -> None:
    book = read(100, 100, 100, limits=DAILY)
    book = read(60, 60, since=NOON + timedelta(days=2), book=book, limits=DAILY)
    assert (book.day_start, book.equity.level) == (None, None)
    book = read(60, since=later(book), book=book, limits=DAILY)
    assert (book.day_start, book.equity.peak) == (Decimal(60), Decimal(100))
    assert not book.latches


@pytest.mark.parametrize(
    ("zone", "at", "day"),
    [
        ("UTC", "2026-03-29T00:59:59+00:00", date(2026, 3, 29)),
        ("Europe/Berlin", "2026-03-28T22:59:59+00:00", date(2026, 3, 28)),
        ("Europe/Berlin", "2026-03-28T23:00:00+00:00", date(2026, 3, 29)),  # a day of 23 hours
        ("Europe/Berlin", "2026-03-29T21:59:59+00:00", date(2026, 3, 29)),
        ("Europe/Berlin", "2026-03-29T22:00:00+00:00", date(2026, 3, 30)),
        ("Europe/Berlin", "2026-10-24T22:00:00+00:00", date(2026, 10, 25)),  # one of 25
        ("Europe/Berlin", "2026-10-25T22:59:59+00:00", date(2026, 10, 25)),
        ("Europe/Berlin", "2026-10-25T23:00:00+00:00", date(2026, 10, 26)),
        ("America/New_York", "2026-11-01T04:00:00+00:00", date(2026, 11, 1)),
    ],
)
def test_a_day_is_that_of_the_time_zone(zone: str, at: str, day: date) -> None:
    rules = LossRules(ZoneInfo(zone), 3, 2_000, timedelta(seconds=60))
    since = datetime.fromisoformat(at) - timedelta(seconds=5)
    assert read(100, since=since, rules=rules).day == day


def test_a_day_of_twenty_three_hours_counts_its_own_loss() -> None:
    rules = LossRules(ZoneInfo("Europe/Berlin"), 3, 2_000, timedelta(seconds=60))
    before = datetime(2026, 3, 28, 22, 59, 30, tzinfo=UTC)
    book = read(100, 100, 100, since=before, rules=rules, limits=DAILY)
    morning = datetime(2026, 3, 29, 6, tzinfo=UTC)
    book = read(94, 94, 94, since=morning, book=book, rules=rules, limits=DAILY)
    assert book.day_start == Decimal(100)
    assert kinds(book) == [LatchKind.DAILY_LOSS]


# --- strategies -----------------------------------------------------------------------------------


def traded(
    *results: tuple[float, float], limits: LimitSet, book: LossBook | None = None
) -> LossBook:
    """Take three readings of each result, realised and unrealised, of one strategy."""
    book = book or LossBook()
    since = book.measured_at or NOON
    for number, (realised, unrealised) in enumerate([one for one in results for _ in range(3)]):
        at = since + timedelta(seconds=5 * (number + 1))
        result = StrategyResult(Decimal(str(realised)), Decimal(str(unrealised)))
        reading = PortfolioReading(at, "test", Decimal(1000), results={"grid": result})
        book = judged(taken(book, reading, at, RULES), LimitSet(), lambda _: limits)
    return book


def test_a_strategy_is_judged_by_all_it_has_earned() -> None:
    limits = LimitSet(max_strategy_drawdown_usd=Decimal(50))
    book = traded((100, 0), (100, -49.9), limits=limits)
    assert not book.latches
    book = traded((90, -40), limits=limits, book=book)
    assert [(one.kind, one.strategy, one.observed) for one in book.latches] == [
        (LatchKind.STRATEGY_DRAWDOWN, "grid", "50 USD")
    ]
    resumed = lifted(book, "grid")
    assert traded((90, -40), limits=limits, book=resumed).latches == ()
    assert traded((90, -90), limits=limits, book=resumed).latches != ()


@pytest.mark.parametrize(
    ("realised", "losses"),
    [
        ([100], 0),
        ([100, 90], 1),
        ([100, 90, 80, 70], 3),
        ([100, 90, 80, 81], 0),
        ([100, 90, 95, 94], 1),
        ([100, 100, 100], 0),
    ],
)
def test_losses_in_a_row(realised: Sequence[float], losses: int) -> None:
    book = traded(*[(one, 0) for one in realised], limits=LimitSet())
    assert len(book.strategies["grid"].lost_at) == losses


@pytest.mark.parametrize(
    ("start", "now", "lost"),
    [(100, 100, "0"), (100, 120, "0"), (100, 85, "1500"), (3, 2, "3333.33"), (None, 1, None)],
)
def test_a_loss_is_told_in_basis_points(start: int | None, now: int, lost: str | None) -> None:
    found = lost_bps(None if start is None else Decimal(start), Decimal(now))
    assert (found if found is None else f"{found:f}") == lost
