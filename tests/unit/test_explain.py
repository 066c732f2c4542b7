"""Verdicts in plain words: every reason code, and what would have passed really does."""

from dataclasses import asdict
from decimal import Decimal
from typing import Any

import pytest

from petrosa_cio.risk.explain import explain, explain_reason, limit_field, passing_quantity
from petrosa_cio.risk.limits import LIMIT_KINDS
from petrosa_cio.risk.reasons import Effect, Reason, ReasonCode
from petrosa_cio.risk.verdict import VerdictKind
from petrosa_cio.risk.wording import WORDINGS
from tests.deciding import Plain, decide, load, over
from tests.unit.test_cases import CASES as DECIDED

CASES: list[Plain] = load("explain.yaml")["cases"]
OF_A_REASON = ("limit", "observed", "scope", "entry", "would_pass")

POLICY = {
    "name": "words",
    "fund": {"max_order_notional_usd": 1000, "min_confidence": 0.6, "max_order_quantity": 1},
    "regimes": {"wild": {"size_scale": 0.5}},
}
CASE: Plain = {
    "policy": POLICY,
    "snapshot": {"trading": {"fund": "active"}},
    "intent": {
        "strategy_id": "grid", "symbol": "BTCUSDT", "action": "buy", "quantity": 2, "price": 50000,
        "current_price": 50000, "confidence": 0.8, "stop_loss": 49000, "take_profit": 60000,
    },
}  # fmt: skip


def reason_of(case: Plain) -> Reason:
    stated: dict[str, Any] = {name: case[name] for name in OF_A_REASON if name in case}
    return Reason(ReasonCode(case["code"]), Effect(case.get("effect", "deny")), **stated)


def explained(**changes: object) -> tuple[str, str, str]:
    decided = decide(over(CASE, changes))
    found = explain(decided.intent, decided.verdict)
    return found.asked, found.decided, found.instead


@pytest.mark.parametrize("case", CASES, ids=lambda case: f"{case['code']}: {case['found'][:40]}")
def test_a_reason_is_said_in_words(case: Plain) -> None:
    found = asdict(explain_reason(reason_of(case)))
    wanted = {name: case[name] for name in ("found", "passes", "stated_by") if name in case}
    assert {name: found[name] for name in wanted} == wanted


def test_every_code_has_words_and_a_case() -> None:
    assert set(WORDINGS) == set(ReasonCode)
    assert {case["code"] for case in CASES} == set(ReasonCode)


def test_whoever_may_change_a_limit_is_told_when() -> None:
    for case in CASES:
        reason = reason_of(case)
        field = limit_field(reason)
        wanted = LIMIT_KINDS[field].when_to_change if field else ""
        assert explain_reason(reason).change == wanted


@pytest.mark.parametrize("name", DECIDED)
def test_whatever_the_gate_decides_can_be_said(name: str) -> None:
    decided = decide(DECIDED[name])
    said = explain(decided.intent, decided.verdict)
    text = " ".join([said.asked, said.decided, said.instead])
    text += " ".join(f"{one.found} {one.passes} {one.stated_by}" for one in said.reasons)
    assert "{" not in text
    assert "None" not in text
    assert len(said.reasons) == len(decided.verdict.reasons)


def test_an_approval() -> None:
    assert explained(intent={"quantity": 0.02}) == (
        "grid wants to buy 0.02 BTCUSDT at 50000 USD, worth 1000 USD "
        "(confidence 0.8, stop loss 49000, target 60000).",
        "Approved, 0.02: it is within every limit.",
        "",
    )


def test_a_reduction() -> None:
    decided = explained(intent={"quantity": 0.02}, snapshot={"regimes": {"*": {"name": "wild"}}})
    assert decided[1:] == ("Reduced to 0.01, which is within every limit.", "")


def test_a_denial_says_which_size_would_have_passed() -> None:
    assert explained()[1:] == (
        "Denied, for 2 reasons. Nothing is sent.",
        "With a quantity of 0.02 or less it would have passed.",
    )
    assert explained(intent={"confidence": 0.1})[2] == (
        "With a quantity of 0.02 or less, and the other 1 objection met, it would have passed."
    )
    assert explained(intent={"confidence": 0.1, "quantity": 0.01})[1:] == (
        "Denied, for 1 reason. Nothing is sent.", "",
    )  # fmt: skip


def test_a_limit_of_which_nothing_is_left() -> None:
    ledger = {"used_usd": {"gross": 1000}}
    policy = {"fund": {"max_gross_exposure_usd": 1000}}
    said = explained(ledger=ledger, policy=policy)
    assert said[2] == "No size would have passed: nothing is left of a limit."


def test_advice_exits_and_nonsense() -> None:
    assert explained(intent={"action": "hold"})[0] == "grid says hold for BTCUSDT."
    bare = {"quantity": None, "stop_loss": None, "take_profit": None, "confidence": None}
    asked, decided, _ = explained(intent={"action": "close", **bare})
    assert asked == "grid wants to close BTCUSDT."
    assert decided == "Approved: it is within every limit."
    assert explained(intent={"action": "fly"})[0] == "The message is no intent."


SIZES = [
    name
    for name, case in DECIDED.items()
    if decide(case).verdict.kind is VerdictKind.DENY and passing_quantity(decide(case).verdict)
]


@pytest.mark.parametrize("name", SIZES)
def test_the_size_that_is_named_passes_every_limit_on_size(name: str) -> None:
    case = DECIDED[name]
    quantity = passing_quantity(decide(case).verdict)
    assert quantity is not None
    smaller = over(case, {"intent": {"quantity": str_as_number(quantity)}})
    assert passing_quantity(decide(smaller).verdict) is None


def str_as_number(quantity: Decimal) -> float | int:
    return int(quantity) if quantity == int(quantity) else float(quantity)
