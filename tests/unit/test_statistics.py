"""What was decided, counted."""

from datetime import UTC, datetime, timedelta

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from petrosa_cio.audit.statistics import NAMELESS, CodeCount, Counting, Shares, as_json_object
from petrosa_cio.ports import PastVerdict

NOON = datetime(2026, 3, 2, 12, tzinfo=UTC)


def past(
    verdict: str,
    *codes: str,
    strategy: str | None = "grid",
    symbol: str | None = "BTCUSDT",
    minutes: int = 0,
) -> PastVerdict:
    return PastVerdict(NOON + timedelta(minutes=minutes), strategy, symbol, verdict, codes)


def counted(*verdicts: PastVerdict) -> Counting:
    counting = Counting()
    for one in verdicts:
        counting.add(one)
    return counting


def test_a_reason_counts_once_a_verdict_and_alone_where_it_is_the_only_one() -> None:
    found = counted(
        past("deny", "FUND_HALTED"),
        past("deny", "FUND_HALTED", "INTENT_STALE"),
        past("deny", "CHECK_FAILED", "CHECK_FAILED"),
        past("reduce", "REGIME_SCALED"),
        past("approve"),
    ).statistics()
    assert found.total == Shares(approve=1, reduce=1, deny=3)
    assert list(found.by_code.items()) == [
        ("FUND_HALTED", CodeCount(given=2, denied=2, alone=1)),
        ("CHECK_FAILED", CodeCount(given=1, denied=1, alone=1)),
        ("INTENT_STALE", CodeCount(given=1, denied=1, alone=0)),
        ("REGIME_SCALED", CodeCount(given=1, denied=0, alone=0)),
    ]


def test_strategies_and_symbols_with_the_most_stand_first() -> None:
    found = counted(
        past("deny", strategy=None, symbol=None),
        past("approve", strategy="b", symbol="ETHUSDT"),
        past("deny", strategy="a"),
        past("approve", strategy="b"),
    ).statistics()
    assert list(found.by_strategy) == ["b", NAMELESS, "a"]
    assert list(found.by_symbol) == ["BTCUSDT", NAMELESS, "ETHUSDT"]
    assert found.by_strategy["b"] == Shares(approve=2)


def test_hours_are_in_order_whatever_the_order_of_verdicts() -> None:
    found = counted(
        past("deny", minutes=150), past("deny", minutes=59), past("approve")
    ).statistics()
    assert found.by_hour == {
        NOON: Shares(approve=1, deny=1),
        NOON + timedelta(hours=2): Shares(deny=1),
    }
    assert list(found.by_hour) == sorted(found.by_hour)
    assert (found.first, found.last) == (NOON, NOON + timedelta(minutes=150))


def test_of_nothing_everything_is_nothing() -> None:
    found = Counting().statistics()
    assert (found.first, found.last, found.total.total, found.befell) == (None, None, 0, {})
    assert found.total.share_of(0) == 0


def test_an_unknown_verdict_is_refused() -> None:
    with pytest.raises(ValueError, match="maybe"):
        counted(past("maybe"))


def test_as_json() -> None:
    verdicts = (past("deny", "FUND_HALTED"), past("approve"), past("approve"))
    found = orjson.loads(
        orjson.dumps(as_json_object(counted(*verdicts).statistics({"withdrawal": 1})))
    )
    assert found["total"] == {
        "verdicts": 3, "approve": 2, "share_approve": 0.6667, "reduce": 0, "share_reduce": 0.0,
        "deny": 1, "share_deny": 0.3333,
    }  # fmt: skip
    assert found["by_code"] == {
        "FUND_HALTED": {"given": 1, "denied": 1, "alone": 1, "share_denied": 0.3333}
    }
    assert found["by_hour"].keys() == {"2026-03-02T12:00:00+00:00"}
    assert found["befell"] == {"withdrawal": 1}
    assert found["first"] == found["last"] == "2026-03-02T12:00:00+00:00"


VERDICTS = st.builds(
    past,
    st.sampled_from(["approve", "reduce", "deny"]),
    strategy=st.sampled_from(["a", "b", None]),
    symbol=st.sampled_from(["BTCUSDT", None]),
    minutes=st.integers(0, 300),
)


@given(st.lists(VERDICTS))
def test_every_verdict_is_in_each_table_once(verdicts: list[PastVerdict]) -> None:
    found = counted(*verdicts).statistics()
    for table in (found.by_strategy, found.by_symbol, found.by_hour):
        shares = list(table.values())
        assert sum(one.approve for one in shares) == found.total.approve
        assert sum(one.reduce for one in shares) == found.total.reduce
        assert sum(one.deny for one in shares) == found.total.deny
    assert found.total.total == len(verdicts)
