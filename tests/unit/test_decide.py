"""The two halves of a decision where something goes wrong, and what the parts say of themselves."""

import dataclasses
from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest
from msgspec.structs import replace

from petrosa_cio.risk.catalogue import MEANINGS
from petrosa_cio.risk.checks import CHECKS
from petrosa_cio.risk.claims import MAX_UNITS, Readings, from_units, to_units
from petrosa_cio.risk.decide import assess, conclude
from petrosa_cio.risk.exact import EXACT
from petrosa_cio.risk.identity import decision_id, intent_digest, intent_identity
from petrosa_cio.risk.in_force import charter_in_force
from petrosa_cio.risk.intent import Action, Direction, Intent
from petrosa_cio.risk.policy import Charter
from petrosa_cio.risk.reasons import Effect, Reason, ReasonCode
from petrosa_cio.risk.repetition import content_counter
from petrosa_cio.risk.shared_limits import SHARED_CODES, rates_of
from petrosa_cio.risk.sizing import QUANTITY_STEP, round_down
from petrosa_cio.risk.snapshot import ReferencePrice, Regime, Snapshot
from petrosa_cio.risk.trading_state import FUND, Scope, ScopeKind
from petrosa_cio.risk.venue import Increments, SymbolRules
from petrosa_cio.risk.verdict import Assessment, VerdictKind
from tests.deciding import NOW, snapshot_of

BUY = Intent(
    "momentum_v1",
    "momentum_v1",
    "BTCUSDT",
    Action.BUY,
    stated_id="abc",
    confidence=Decimal("0.8"),
    quantity=Decimal("0.001"),
    current_price=Decimal(50_000),
)


def snapshot_with(**fields: Any) -> Snapshot:
    policy = {"fund": {"min_regime_confidence": "0.5"}}
    return dataclasses.replace(
        snapshot_of({"policy": policy, "snapshot": {"trading": {"fund": "active"}}}), **fields
    )


def test_a_check_that_raises_denies_and_the_others_are_heard() -> None:
    broken = Regime("calm", Decimal("NaN"), NOW, "test")
    snapshot = snapshot_with(regimes={"*": broken}, policy_confirmed_at=None)
    reasons = assess(BUY, taken_at=NOW, snapshot=snapshot).reasons
    assert [(reason.code, reason.scope, reason.observed) for reason in reasons] == [
        (ReasonCode.CHECK_FAILED, "REGIME_CONFIDENCE_LOW", "InvalidOperation"),
        (ReasonCode.POLICY_STALE, "", "never confirmed"),
    ]


def test_an_assessment_that_raises_denies() -> None:
    snapshot = snapshot_with(
        reference_prices={"BTCUSDT": ReferencePrice(Decimal("NaN"), NOW, "test")}
    )
    assessment = assess(BUY, taken_at=NOW, snapshot=snapshot)
    assert assessment.denies
    readings = Readings(held=False, used=(), rates=(), time_ms=0)
    reason = conclude(assessment, readings).reasons
    assert reason == (Reason(ReasonCode.CHECK_FAILED, observed="InvalidOperation", scope="assess"),)


def test_readings_that_do_not_answer_what_was_asked_deny() -> None:
    assessment = assess(BUY, taken_at=NOW, snapshot=snapshot_with())
    assert not assessment.denies
    verdict = conclude(assessment, Readings(held=True, used=(), rates=(), time_ms=0))
    assert verdict.kind is VerdictKind.DENY
    assert [(one.code, one.scope, one.observed) for one in verdict.reasons] == [
        (ReasonCode.CHECK_FAILED, "ledger", "ValueError")
    ]


def test_readings_of_fewer_rates_than_were_asked_deny() -> None:
    policy = {"policy": {"fund": {"max_intents_per_second": 5, "max_intents_per_minute": 9}}}
    assessment = assess(BUY, taken_at=NOW, snapshot=snapshot_of(policy))
    verdict = conclude(assessment, Readings(held=True, used=(), rates=(1,), time_ms=0))
    assert [one.code for one in verdict.reasons if one.scope == "ledger"] == [
        ReasonCode.CHECK_FAILED
    ]


def test_what_an_order_counts_against_is_its_own_whatever_strategies_are_called() -> None:
    bounds = {"max_intents_per_second": 5, "max_exits_per_minute": 50}
    in_force = charter_in_force(Charter.model_validate({"bounds": bounds}))
    found = [
        [rate.counter for rate in rates_of(one, in_force)]
        for one in (
            replace(BUY, action=Action.CLOSE),
            replace(BUY, token="BTCUSDT", action=Action.CLOSE),
            BUY,
            replace(BUY, token="exits"),
        )
    ]
    assert found == [["exits:momentum_v1"], ["exits:BTCUSDT"], ["intents:momentum_v1"],
                     ["intents:exits"]]  # fmt: skip


def test_a_ledger_that_does_not_answer_denies() -> None:
    verdict = conclude(assess(BUY, taken_at=NOW, snapshot=snapshot_with()), None)
    assert verdict.reasons == (Reason(ReasonCode.LEDGER_UNAVAILABLE, observed="no answer"),)


@pytest.mark.parametrize("stated", [True, False])
def test_an_assessment_says_whether_a_halt_stops_exits_too(stated: bool) -> None:
    snapshot = snapshot_of({"policy": {"fund": {"halted_denies_exits": stated}}})
    assert assess(BUY, taken_at=NOW, snapshot=snapshot).halted_denies_exits is stated


def test_an_assessment_without_a_policy_is_of_no_revision() -> None:
    assessment = assess(BUY, taken_at=NOW, snapshot=snapshot_with(policy=None))
    assert assessment.denies
    assert assessment.policy_revision == 0


def test_reasons_of_the_ledger_without_a_price_name_no_quantity() -> None:
    assessment = assess(BUY, taken_at=NOW, snapshot=snapshot_with())
    full = tuple(replace(claim, ceiling=0) for claim in assessment.claims)
    unpriced = Assessment((), claims=full)
    reasons = conclude(unpriced, Readings(False, used=(0, 0), rates=(), time_ms=0)).reasons
    assert [reason.would_pass for reason in reasons] == [None, None]


def test_an_approval_books_what_it_approves_and_expires() -> None:
    policy = {"fund": {"max_order_notional_usd": 40, "on_order_above_max": "reduce"}}
    snapshot = snapshot_of({"policy": policy, "snapshot": {"trading": {"fund": "active"}}})
    assessment = assess(BUY, taken_at=NOW, snapshot=snapshot)
    assert assessment.quantity == Decimal("0.0008")
    assert [(claim.counter, claim.amount, claim.cut) for claim in assessment.claims] == [
        ("position:BTCUSDT:long", 400_000, 100_000),
        ("gross", 400_000, 100_000),
    ]
    assert assessment.expires_at is not None
    assert (assessment.expires_at - NOW).total_seconds() == 300
    assert assessment.policy_revision == 7


def test_amounts_are_never_understated() -> None:
    assert to_units(Decimal("0.0001")) == 1
    assert to_units(Decimal("0.00010000000000000000000000000000000001")) == 2
    assert to_units(Decimal("-0.00015")) == -1
    assert to_units(Decimal(900_000_000_000)) < MAX_UNITS
    assert from_units(to_units(Decimal("12.3456"))) == Decimal("12.3456")


@pytest.mark.parametrize("step", [None, Decimal("1E-8"), Decimal("3E-8")])
def test_a_quantity_of_many_digits_is_never_rounded_up(step: Decimal | None) -> None:
    quantity = Decimal("1" + "0" * 30 + ".999999999")
    left = round_down(quantity, step)
    assert 0 <= EXACT.subtract(quantity, left) < (step or QUANTITY_STEP)
    assert EXACT.remainder(left, step or QUANTITY_STEP) == 0


@pytest.mark.parametrize(
    ("every", "market", "step"),
    [("0.1", "0.25", "0.5"), ("0.25", "0.1", "0.5"), ("0.001", "0.01", "0.01"), ("2", "3", "6")],
)
def test_a_market_order_keeps_both_steps(every: str, market: str, step: str) -> None:
    grids = [Increments(step=Decimal(one)) for one in (every, market)]
    rules = SymbolRules("BTCUSDT", quantity=grids[0], market_quantity=grids[1])
    assert rules.quantity_step(at_market=True) == Decimal(step)
    assert rules.quantity_step(at_market=False) == Decimal(every)


def test_contents_differ_by_the_last_of_many_digits() -> None:
    sizes = [Decimal(f"1234567890123456.{digits:018}") for digits in (1, 2)]
    one, two = (content_counter(replace(BUY, quantity=size)) for size in sizes)
    assert one != two
    written_longer = replace(BUY, quantity=Decimal("0.00100"))
    assert content_counter(written_longer) == content_counter(BUY)


def test_a_reason_reads_as_traders_are_used_to() -> None:
    reason = Reason(
        ReasonCode.NOTIONAL_ABOVE_MAX, Effect.REDUCE, limit="100", observed="150", entry="fund"
    )
    assert str(reason) == "NOTIONAL_ABOVE_MAX: limit=100, observed=150, entry=fund"
    assert str(Reason(ReasonCode.NOT_AN_ORDER)) == "NOT_AN_ORDER"


def test_a_scope_reads_as_its_key() -> None:
    assert str(FUND) == "fund"
    assert str(Scope(ScopeKind.STRATEGY, "momentum_v1")) == "strategy:momentum_v1"


def test_an_intent_knows_the_side_it_opens() -> None:
    sides = {action: replace(BUY, action=action).direction for action in Action}
    assert sides == {
        Action.BUY: Direction.LONG,
        Action.SELL: Direction.SHORT,
        Action.CLOSE: None,
        Action.HOLD: None,
    }


def test_every_control_has_a_sentence_and_a_place_in_the_list() -> None:
    listed = list(ReasonCode)
    table = [check.code for check in CHECKS]
    assert table == sorted(table, key=listed.index)
    assert list(SHARED_CODES) == sorted(SHARED_CODES, key=listed.index)
    assert list(MEANINGS) == listed
    assert all(meaning.endswith(".") for meaning in MEANINGS.values())


def test_a_decision_is_named_by_its_message() -> None:
    name = decision_id("fund", "CIO_INTENTS", 1, 2, NOW)
    assert len(name) == 32
    assert name == decision_id("fund", "CIO_INTENTS", 1, 2, NOW)
    others = {
        decision_id("fund2", "CIO_INTENTS", 1, 2, NOW),
        decision_id("fund", "CIO_INTENTS2", 1, 2, NOW),
        decision_id("fund", "CIO_INTENTS", 2, 2, NOW),
        decision_id("fund", "CIO_INTENTS", 1, 3, NOW),
        decision_id("fund", "CIO_INTENTS", 12, 2, NOW),
        decision_id("fundC", "IO_INTENTS", 1, 2, NOW),
        decision_id("fund", "CIO_INTENTS", 1, 2, NOW + timedelta(microseconds=1)),
    }
    assert name not in others
    assert len(others) == 7


def test_an_identity_belongs_to_its_strategy() -> None:
    assert intent_identity(BUY) == intent_identity(replace(BUY, quantity=Decimal(9)))
    assert intent_identity(BUY) != intent_identity(replace(BUY, strategy="other"))
    assert intent_identity(replace(BUY, stated_id=None)) is None


def test_a_digest_tells_what_is_wanted_and_not_when() -> None:
    assert intent_digest(BUY) == intent_digest(replace(BUY, stated_at=NOW, metadata={"a": 1}))
    assert intent_digest(BUY) != intent_digest(replace(BUY, quantity=Decimal("0.002")))
    assert intent_digest(BUY) != intent_digest(replace(BUY, action=Action.SELL))
