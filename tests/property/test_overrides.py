"""An override lifts what it names, as far as the charter goes, and nothing else ever."""

from dataclasses import replace
from typing import Any

from hypothesis import event, given, settings
from hypothesis import strategies as st

from petrosa_cio.audit.record import DecisionParts, assessment_from
from petrosa_cio.risk.checks import CHECKS
from petrosa_cio.risk.decide import assess, conclude
from petrosa_cio.risk.intent import Intent
from petrosa_cio.risk.overrides import LIFTS, Override, order_fingerprint
from petrosa_cio.risk.policy import Charter, PolicyDocument
from petrosa_cio.risk.reasons import Effect, ReasonCode
from petrosa_cio.risk.sizing import multiply
from petrosa_cio.risk.snapshot import Snapshot
from petrosa_cio.risk.verdict import Verdict
from tests.deciding import NOW, Plain, ago, readings_of
from tests.property import worlds
from tests.records import DECIDING

LOOKING_AGAIN = {check.code for check in CHECKS if check.looks_again}
"""What is also said of a size that other limits reduced: it depends on all of them."""

LIFTED = st.lists(st.sampled_from(list(LIFTS)), min_size=1, unique=True).map(tuple)
ANY_CODES = st.lists(st.sampled_from(list(ReasonCode)), min_size=1, unique=True).map(tuple)
EVERYTHING = (worlds.INTENTS, worlds.DOCUMENTS, worlds.CHARTERS, worlds.WORLDS, worlds.LEDGERS)


def override_for(intent: Intent, lifts: tuple[ReasonCode, ...]) -> Override:
    return Override("f" * 64, order_fingerprint(intent), lifts, ago(60), ago(-60), "ann", ("bob",))


def with_override(snapshot: Snapshot, override: Override) -> Snapshot:
    return replace(snapshot, overrides={override.order: override})


def verdict_on(intent: Intent, snapshot: Snapshot, ledger: Plain) -> Verdict:
    assessment = assess(intent, taken_at=worlds.taken_at(intent), snapshot=snapshot)
    return conclude(assessment, readings_of(assessment, ledger))


def codes(verdict: Verdict) -> set[ReasonCode]:
    return {reason.code for reason in verdict.reasons}


@settings(max_examples=1500)
@given(*EVERYTHING, LIFTED)
def test_denies_only_for_what_is_not_lifted_or_crosses_the_charter(
    intent: Intent,
    document: PolicyDocument,
    charter: Charter,
    parts: Plain,
    ledger: Plain,
    lifts: tuple[ReasonCode, ...],
) -> None:
    world = worlds.world(document, charter, parts)
    plain = verdict_on(intent, world, ledger)
    verdict = verdict_on(intent, with_override(world, override_for(intent, lifts)), ledger)
    event(f"{plain.kind} then {verdict.kind}, {len(verdict.lifted)} lifted")
    others = codes(plain) - {*lifts}
    assert others - LOOKING_AGAIN <= codes(verdict)
    assert codes(verdict) - {*lifts} <= others | LOOKING_AGAIN
    for reason in verdict.reasons:
        if reason.code in lifts and intent.direction is not None:
            assert reason.entry in ("charter", "venue", None) or "charter" in reason.entry
            assert reason.code in codes(plain)
    denying = [reason for reason in verdict.reasons if reason.effect is Effect.DENY]
    assert verdict.is_promoted == (not denying)
    if plain.is_promoted:
        assert verdict.is_promoted
        assert (
            verdict.quantity == plain.quantity
            or not plain.quantity
            or (verdict.quantity is not None and verdict.quantity >= plain.quantity)
        )


@settings(max_examples=800)
@given(*EVERYTHING, ANY_CODES)
def test_lifts_nothing_that_nobody_may_lift(
    intent: Intent,
    document: PolicyDocument,
    charter: Charter,
    parts: Plain,
    ledger: Plain,
    lifts: tuple[ReasonCode, ...],
) -> None:
    world = worlds.world(document, charter, parts)
    lawful = tuple(code for code in lifts if code in LIFTS)
    verdict = verdict_on(intent, with_override(world, override_for(intent, lifts)), ledger)
    wanted = verdict_on(intent, with_override(world, override_for(intent, lawful)), ledger)
    assert verdict == wanted
    assert {reason.code for reason in verdict.lifted} <= {*lawful}


@settings(max_examples=800)
@given(*EVERYTHING)
def test_nothing_crosses_the_charter(
    intent: Intent, document: PolicyDocument, charter: Charter, parts: Plain, ledger: Plain
) -> None:
    world = worlds.world(document, charter, parts)
    override = override_for(intent, tuple(LIFTS))
    assessment = assess(
        intent, taken_at=worlds.taken_at(intent), snapshot=with_override(world, override)
    )
    readings = readings_of(assessment, ledger)
    verdict = conclude(assessment, readings)
    bounds: Any = charter.bounds
    if not verdict.is_promoted or intent.direction is None or verdict.quantity is None:
        return
    event("an opening passes")
    assert verdict.price is not None
    notional = multiply(verdict.quantity, verdict.price)
    assert bounds.max_order_notional_usd is None or notional <= bounds.max_order_notional_usd
    assert bounds.max_order_quantity is None or verdict.quantity <= bounds.max_order_quantity
    for claim, used in zip(assessment.claims, readings.used, strict=True):
        assert claim.ceiling is None or used + claim.amount <= claim.ceiling


@settings(max_examples=300)
@given(*EVERYTHING, st.tuples(LIFTED, st.sampled_from([None, "d1"])))
def test_what_is_recorded_is_concluded_alike(
    intent: Intent,
    document: PolicyDocument,
    charter: Charter,
    parts: Plain,
    ledger: Plain,
    said: tuple[tuple[ReasonCode, ...], str | None],
) -> None:
    lifts, used_by = said
    world = with_override(worlds.world(document, charter, parts), override_for(intent, lifts))
    assessment = assess(intent, taken_at=worlds.taken_at(intent), snapshot=world)
    again = assessment_from(DecisionParts(world, DECIDING).of(intent, assessment))
    readings = readings_of(assessment, ledger | {"override_used_by": used_by})
    assert again == assessment
    verdict = conclude(again, readings)
    assert verdict == conclude(assessment, readings)
    if assessment.lifted and used_by:
        assert ReasonCode.OVERRIDE_USED in codes(verdict)
        assert not verdict.is_promoted
        assert (verdict.override_id, verdict.lifted) == (None, ())


@settings(max_examples=300)
@given(worlds.INTENTS, worlds.INTENTS, worlds.DOCUMENTS, worlds.CHARTERS, worlds.WORLDS, LIFTED)
def test_another_order_is_judged_as_if_there_were_none(
    intent: Intent,
    other: Intent,
    document: PolicyDocument,
    charter: Charter,
    parts: Plain,
    lifts: tuple[ReasonCode, ...],
) -> None:
    world = worlds.world(document, charter, parts)
    override = override_for(other, lifts)
    if override.order == order_fingerprint(intent):
        return
    assert verdict_on(intent, with_override(world, override), {}) == verdict_on(intent, world, {})


@given(*EVERYTHING[:4], LIFTED)
def test_over_is_over(
    intent: Intent,
    document: PolicyDocument,
    charter: Charter,
    parts: Plain,
    lifts: tuple[ReasonCode, ...],
) -> None:
    world = worlds.world(document, charter, parts)
    override = override_for(intent, lifts)
    over = Override(
        override.override_id, override.order, lifts, ago(60), NOW, "ann", override.approved_by
    )
    assert verdict_on(intent, with_override(world, over), {}) == verdict_on(intent, world, {})
