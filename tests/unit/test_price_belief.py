"""Which prices are believed: the cases that a trader can read, and what holds for all ticks."""

from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from petrosa_cio.fleet.market_data import Tick
from petrosa_cio.nurse import price_belief
from petrosa_cio.nurse.price_belief import Belief, PriceBelief
from petrosa_cio.risk.snapshot import ReferencePrice
from tests.deciding import load

NOON = datetime(2026, 3, 2, 12, tzinfo=UTC)
CASES: list[dict[str, Any]] = load("price_belief.yaml")


def tick(price: str, at_s: float, symbol: str = "BTCUSDT", source: str = "ticker") -> Tick:
    return Tick(symbol, Decimal(price), NOON + timedelta(seconds=at_s), source)


@pytest.mark.parametrize("case", CASES, ids=lambda case: str(case["case"]))
def test_cases(case: dict[str, Any]) -> None:
    belief = PriceBelief(jump_bps=500)
    for one in case["ticks"]:
        heard = tick(one["price"], one["at_s"], source=one.get("source", "ticker"))
        now = NOON + timedelta(seconds=one.get("now_s", one["at_s"]))
        assert belief.hear(heard, now) == one["becomes"], one
    belief.publish()
    found = belief.prices.get("BTCUSDT")
    assert (None if found is None else str(found.price)) == case["price"]


def test_a_price_says_when_and_whose_it_is() -> None:
    belief = PriceBelief(jump_bps=500)
    belief.hear(tick("100", 0), NOON)
    belief.hear(tick("101", 1, source="trade"), NOON + timedelta(seconds=1))
    belief.publish()
    expected = ReferencePrice(Decimal(101), NOON + timedelta(seconds=1), "trade")
    assert belief.prices == {"BTCUSDT": expected}


def test_what_was_shown_is_never_changed() -> None:
    belief = PriceBelief(jump_bps=500)
    for second in (0, 1):
        belief.hear(tick("100", second), NOON + timedelta(seconds=second))
    belief.publish()
    shown, before = belief.prices, dict(belief.prices)
    belief.hear(tick("101", 2), NOON + timedelta(seconds=2))
    assert belief.prices is shown
    belief.publish()
    assert shown == before
    assert belief.prices["BTCUSDT"].price == 101


def test_symbols_are_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(price_belief, "MAX_SYMBOLS", 2)
    belief = PriceBelief(jump_bps=500)
    assert belief.hear(tick("1", 0, "AAA"), NOON) is Belief.DOUBTED
    assert belief.hear(tick("1", 0, "BBB"), NOON) is Belief.DOUBTED
    assert belief.hear(tick("1", 0, "CCC"), NOON) is Belief.TOO_MANY_SYMBOLS
    assert belief.hear(tick("1", 1, "BBB"), NOON) is Belief.BELIEVED
    assert belief.hear(tick("9", 2, "BBB"), NOON) is Belief.DOUBTED
    assert belief.hear(tick("1", 3, "CCC"), NOON) is Belief.TOO_MANY_SYMBOLS


TICKS = st.lists(
    st.tuples(st.integers(1, 400), st.integers(0, 90), st.integers(0, 90)), max_size=30
)


@given(TICKS, st.integers(1, 10_000))
def test_a_belief_needs_a_near_tick_before_it_and_only_gets_newer(
    ticks: list[tuple[int, int, int]], jump_bps: int
) -> None:
    belief, last = PriceBelief(jump_bps=jump_bps), None
    heard: list[Tick] = []
    for price, at_s, now_s in ticks:
        one, now = tick(str(price), at_s), NOON + timedelta(seconds=now_s)
        outcome = belief.hear(one, now)
        belief.publish()
        found = belief.prices.get("BTCUSDT")
        if outcome is Belief.BELIEVED:
            assert found == ReferencePrice(one.price, one.at, one.source)
            assert one.at <= now + price_belief.MAX_AHEAD
            assert any(
                earlier.at < one.at
                and abs(one.price - earlier.price) * 10_000 <= earlier.price * jump_bps
                for earlier in heard
            )
            assert last is None or last.observed_at < one.at
        else:
            assert found == last
        heard.append(one)
        last = found
