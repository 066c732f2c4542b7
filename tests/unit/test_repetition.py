"""What counts as the same content, and prices as text that sorts as the numbers do."""

from decimal import Decimal
from fractions import Fraction
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from petrosa_cio.risk.claims import Opponent, Readings
from petrosa_cio.risk.drift import DIGITS, drift_claim, drift_reasons, drifts_from, price_text
from petrosa_cio.risk.in_force import COUNTERS_KEPT, InForce
from petrosa_cio.risk.intent import Action, Intent
from petrosa_cio.risk.limits import LimitSet
from petrosa_cio.risk.repetition import content_counter, loses_to, opposite_claim
from petrosa_cio.risk.shared_limits import rates_of

PRICES = st.builds(
    lambda digits, finest: Decimal(f"{digits}e-{finest}"),
    st.integers(1, 10**18),
    st.integers(0, 32),
)
STRONGEST: dict[str, Any] = {
    "min_seconds_between_opposites": 9, "on_conflict": "strongest_wins",
}  # fmt: skip


def intent(**fields: Any) -> Intent:
    stated: dict[str, Any] = {
        "strategy": "momentum", "token": "momentum", "symbol": "BTCUSDT", "action": Action.BUY,
        "quantity": Decimal("0.01"), "current_price": Decimal(50_000),
    }  # fmt: skip
    return Intent(**stated | fields)


def limits(**stated: Any) -> InForce:
    return InForce(LimitSet(**stated), dict.fromkeys(stated, "fund"))


@pytest.mark.parametrize(
    "fields",
    [
        {"quantity": Decimal("0.0100")},
        {"quantity": Decimal("1E-2")},
        {"price": Decimal(1), "current_price": Decimal(2), "stop_loss": Decimal(3)},
        {"confidence": Decimal("0.9"), "stated_id": "other", "order_type": "limit"},
        {"position_size_pct": Decimal(0), "quote_quantity": Decimal("0.00")},
    ],
)
def test_the_same_content(fields: dict[str, Any]) -> None:
    assert content_counter(intent(**fields)) == content_counter(intent())


@pytest.mark.parametrize(
    "fields",
    [
        {"strategy": "other"},
        {"symbol": "ETHUSDT"},
        {"action": Action.SELL},
        {"quantity": Decimal("0.010000000000000000001")},
        {"quantity": None},
        {"quantity": None, "quote_quantity": Decimal("0.01")},
        {"quantity": None, "position_size_pct": Decimal("0.01")},
    ],
)
def test_other_content(fields: dict[str, Any]) -> None:
    assert content_counter(intent(**fields)) != content_counter(intent())


@pytest.mark.parametrize("stated", [None, Decimal(-1), Decimal("1.1"), Decimal("NaN")])
def test_a_confidence_that_is_none_beats_nobody(stated: Decimal | None) -> None:
    claim = opposite_claim(intent(confidence=stated), limits(**STRONGEST))
    assert claim is not None
    assert loses_to(claim, Opponent("a", 0))


@given(*[st.decimals(0, 1, allow_nan=False, places=20)] * 2)
def test_who_wins_by_strength_is_stronger(one: Decimal, other: Decimal) -> None:
    mine = opposite_claim(intent(confidence=one), limits(**STRONGEST))
    theirs = opposite_claim(intent(confidence=other), limits(**STRONGEST))
    assert mine is not None
    assert theirs is not None
    wins = not loses_to(mine, Opponent("a", theirs.confidence))
    assert not wins or one > other
    if one - other >= Decimal("1e-15"):
        assert wins


@given(PRICES, PRICES)
def test_prices_sort_as_text(one: Decimal, other: Decimal) -> None:
    assert (price_text(one) < price_text(other)) == (one < other)
    assert len(price_text(one)) == DIGITS


@given(PRICES, PRICES, st.sampled_from([0, 1, 100, 9_999, 10_000, 25_000, 100_000]))
def test_the_drift_is_exact(price: Decimal, other: Decimal, max_bps: int) -> None:
    claim = drift_claim(intent(current_price=price), limits(max_drift_bps_per_hour=max_bps))
    assert claim is not None
    distance = abs(Fraction(price) - Fraction(other)) / Fraction(other)
    prices = (price_text(other), price_text(other))
    is_over = distance * 10_000 > max_bps
    assert drifts_from(claim, prices) == is_over
    reasons = drift_reasons(Readings(True, (), (), 0, prices=prices), claim)
    assert bool(reasons) == is_over
    for reason in reasons:
        observed = Fraction(str(reason.observed).removesuffix(" bps"))
        assert distance * 10_000 <= observed < distance * 10_000 + Fraction(1, 100)


@given(PRICES, st.sampled_from([1, 100, 9_999]), st.booleans())
def test_a_price_exactly_at_the_limit_passes(other: Decimal, max_bps: int, up: bool) -> None:
    share = (10_000 + max_bps) if up else (10_000 - max_bps)
    price = other * share / 10_000
    claim = drift_claim(intent(current_price=price), limits(max_drift_bps_per_hour=max_bps))
    assert claim is not None
    assert not drifts_from(claim, (price_text(other), price_text(other)))


@pytest.mark.parametrize("price", [Decimal("1e-37"), Decimal("1e20")])
def test_no_price_that_an_intent_can_state(price: Decimal) -> None:
    with pytest.raises(ValueError, match="no price"):
        price_text(price)


def test_rates_are_worked_out_anew_when_too_many_are_kept() -> None:
    in_force = limits(max_intents_per_second=5)
    for number in range(COUNTERS_KEPT + 1):
        (rate,) = rates_of(intent(token=f"s{number}"), in_force)
        assert rate.counter == f"intents:s{number}"
    assert len(in_force.rates) == 1
