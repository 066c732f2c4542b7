"""Properties of the book of losses, on random readings, some of them bad."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from zoneinfo import ZoneInfo

from hypothesis import given
from hypothesis import strategies as st

from petrosa_cio.risk.limits import LimitSet
from petrosa_cio.risk.loss_limits import judged, lifted
from petrosa_cio.risk.losses import LatchKind, LossBook, LossRules, taken
from petrosa_cio.risk.portfolio import PortfolioReading, StrategyResult

BEGAN = datetime(2026, 3, 2, 12, tzinfo=UTC)
RULES = LossRules(ZoneInfo("Europe/Lisbon"), 3, 2_000, timedelta(seconds=60))
LIMITS = LimitSet(
    max_daily_loss_bps=500, drawdown_reducing_bps=1_500, drawdown_halted_bps=2_000,
    max_strategy_drawdown_usd=Decimal(50),
)  # fmt: skip

AMOUNTS = st.decimals(1, 200, places=2)
EQUITIES = st.none() | st.sampled_from([Decimal(0), Decimal(-1), Decimal(10**9)]) | AMOUNTS
RESULTS = st.builds(
    StrategyResult,
    st.none() | st.decimals(-100, 100, places=1),
    st.none() | st.decimals(-100, 100, places=1),
)
STEPS_S = st.integers(1, 50_000)


@st.composite
def histories(draw: st.DrawFn) -> list[PortfolioReading]:
    at, found = BEGAN, []
    for step in draw(st.lists(STEPS_S, max_size=25)):
        at += timedelta(seconds=step)
        results = draw(st.dictionaries(st.sampled_from("ab"), RESULTS, max_size=2))
        doubts = draw(st.sampled_from([(), (), (), ("they differ",)]))
        found.append(PortfolioReading(at, "test", draw(EQUITIES), None, results, doubts=doubts))
    return found


def looked(
    book: LossBook, readings: Sequence[PortfolioReading], limits: LimitSet = LIMITS
) -> LossBook:
    for one in readings:
        book = judged(taken(book, one, one.observed_at, RULES), limits, lambda _: limits)
    return book


def steady(number: int, equity: str = "100", since: datetime = BEGAN) -> list[PortfolioReading]:
    result = StrategyResult(Decimal(equity), Decimal(0))
    return [
        PortfolioReading(
            since + timedelta(seconds=5 * count), "test", Decimal(equity), results={"a": result}
        )
        for count in range(number)
    ]


@given(histories(), st.data())
def test_order_and_repetition_are_harmless(
    readings: list[PortfolioReading], data: st.DataObject
) -> None:
    """Each reading comes again after its time, any number of times, and changes nothing."""
    again = [
        old
        for number, one in enumerate(readings)
        for old in (one, *data.draw(st.lists(st.sampled_from(readings[: number + 1]), max_size=2)))
    ]
    book = LossBook()
    for one in again:
        book = judged(taken(book, one, one.observed_at, RULES), LIMITS, lambda _: LIMITS)
    assert book == looked(LossBook(), readings)


@given(histories())
def test_a_peak_never_falls_and_a_latch_never_lifts_by_itself(
    readings: list[PortfolioReading],
) -> None:
    book = LossBook()
    for one in readings:
        after = looked(book, [one])
        assert book.equity.peak is None or (after.equity.peak or 0) >= book.equity.peak
        for token, trail in book.strategies.items():
            peak = after.strategies[token].result.peak
            assert trail.result.peak is None or (peak or -999) >= trail.result.peak
        same_day = after.day == book.day
        kept = [one for one in book.latches if same_day or one.kind is not LatchKind.DAILY_LOSS]
        assert list(after.latches[: len(kept)]) == kept
        book = after


@given(EQUITIES | st.decimals(1, 10**9, places=2), RESULTS, st.integers(0, 6), st.integers(3, 9))
def test_one_bad_reading_never_latches(
    equity: Decimal | None, result: StrategyResult, before: int, after: int
) -> None:
    readings = steady(before + 1 + after)
    readings[before] = replace(readings[before], equity_usd=equity, results={"a": result})
    book = looked(LossBook(), readings)
    assert not book.latches
    assert book.equity.peak in (None, Decimal(100))
    assert not book.strategies["a"].lost_at


@given(histories(), st.integers(0, 25))
def test_what_is_no_reading_changes_nothing(readings: list[PortfolioReading], number: int) -> None:
    book = looked(LossBook(), readings[:number])
    later = (book.measured_at or BEGAN) + timedelta(seconds=5)
    good = steady(1, since=later)[0]
    for none, now in (
        (replace(good, equity_usd=None), later),
        (replace(good, equity_usd=Decimal(0)), later),
        (replace(good, equity_usd=Decimal("NaN")), later),
        (replace(good, doubts=("sources differ",)), later),
        (good, later + timedelta(seconds=61)),
        (good, later - timedelta(seconds=61)),
    ):
        assert taken(book, none, now, RULES) == book


@given(histories())
def test_only_a_person_begins_anew(readings: list[PortfolioReading]) -> None:
    """After a lift nothing of what was lifted is latched, and the day's loss still is."""
    book = looked(LossBook(), readings)
    fund = lifted(book)
    assert set(fund.latches) == {
        one for one in book.latches
        if one.strategy or one.kind is LatchKind.DAILY_LOSS
    }  # fmt: skip
    own = lifted(book, "a")
    assert own.latched(LatchKind.STRATEGY_DRAWDOWN, "a") is None
    assert [one for one in own.latches if one.strategy != "a"] == [
        one for one in book.latches if one.strategy != "a"
    ]
