"""What holds for every decision, whatever the policy, the world, the intent and the ledger."""

from datetime import timedelta
from decimal import Decimal
from fractions import Fraction
from itertools import permutations
from typing import Any

import pytest
from hypothesis import event, given, settings
from hypothesis import strategies as st
from msgspec.structs import replace

from petrosa_cio.audit.record import DecisionParts
from petrosa_cio.risk import decide as deciding
from petrosa_cio.risk.checks.case import reach_of
from petrosa_cio.risk.claims import Readings, to_units
from petrosa_cio.risk.compare import compare
from petrosa_cio.risk.decide import assess, conclude
from petrosa_cio.risk.in_force import PolicyBook
from petrosa_cio.risk.intent import Action, Intent, OrderType
from petrosa_cio.risk.limit_kinds import Change
from petrosa_cio.risk.limits import LIMIT_KINDS, LimitSet
from petrosa_cio.risk.policy import Charter, Overlay, Policy, PolicyDocument, charter_problems
from petrosa_cio.risk.reasons import ReasonCode
from petrosa_cio.risk.snapshot import ReferencePrice, Snapshot
from petrosa_cio.risk.trading_state import TradingState, TradingStates
from petrosa_cio.risk.verdict import Verdict, VerdictKind
from tests.deciding import NOW, Plain, readings_of
from tests.property import worlds
from tests.property.reference import expected
from tests.records import DECIDING

NOT_LOOSER = (Change.EQUAL, Change.TIGHTER)

FOR_EXITS_TOO = {
    ReasonCode.INTENT_STALE,
    ReasonCode.INTENT_FROM_FUTURE,
    ReasonCode.QUANTITY_NOT_POSITIVE,
    ReasonCode.PRICE_NOT_POSITIVE,
    ReasonCode.CONFIDENCE_INVALID,
    ReasonCode.SIZE_UNKNOWN,  # a vague exit is not a whole one
    ReasonCode.QUANTITY_OUTSIDE_VENUE,  # the venue would refuse the exit, too
    ReasonCode.QUANTITY_OFF_STEP,
    ReasonCode.PRICE_OFF_TICK,
    ReasonCode.FUND_HALTED,
    ReasonCode.STRATEGY_HALTED,
    ReasonCode.SYMBOL_HALTED,
    ReasonCode.POLICY_MISSING,
    ReasonCode.RATE_ABOVE_MAX,
    ReasonCode.INTENT_REPEATED,
    ReasonCode.INTENT_ID_REUSED,
    ReasonCode.STRATEGY_NAME_COLLIDES,
}


def verdict_on(intent: Intent, snapshot: Snapshot, ledger: Plain) -> Verdict:
    assessment = assess(intent, taken_at=worlds.taken_at(intent), snapshot=snapshot)
    return conclude(assessment, readings_of(assessment, ledger))


def codes(verdict: Verdict) -> set[str]:
    return {str(reason.code) for reason in verdict.reasons}


# --- the decision ---------------------------------------------------------------------------------


@settings(max_examples=1000)
@given(
    worlds.INTENTS,
    st.none() | worlds.DOCUMENTS,
    worlds.DEMANDING_CHARTERS,
    worlds.WORLDS,
    worlds.LEDGERS,
)
def test_agrees_with_the_plain_reference(
    intent: Intent,
    document: PolicyDocument | None,
    charter: Charter,
    parts: Plain,
    ledger: Plain,
) -> None:
    snapshot = worlds.world(document, charter, parts)
    verdict = verdict_on(intent, snapshot, ledger)
    event(verdict.kind)
    quantity = None if verdict.quantity is None else Fraction(verdict.quantity)
    found = (str(verdict.kind), quantity, codes(verdict))
    assert found == expected(intent, worlds.taken_at(intent), snapshot, ledger)


@settings(max_examples=200)
@given(worlds.INTENTS, worlds.DOCUMENTS, worlds.CHARTERS, worlds.WORLDS, worlds.LEDGERS)
def test_same_inputs_same_verdict_and_same_bytes(
    intent: Intent, document: PolicyDocument, charter: Charter, parts: Plain, ledger: Plain
) -> None:
    found = set()
    for _ in range(2):
        # Read anew, so that no cache and no identity of values helps.
        again = PolicyDocument.model_validate_json(document.model_dump_json(exclude_unset=True))
        snapshot = worlds.world(again, charter, parts)
        assessment = assess(intent, taken_at=worlds.taken_at(intent), snapshot=snapshot)
        verdict = conclude(assessment, readings_of(assessment, ledger))
        part = DecisionParts(snapshot, DECIDING).of(intent, assessment)
        found.add((assessment, verdict, part))
    assert len(found) == 1


@settings(max_examples=800)
@given(st.data(), worlds.INTENTS, worlds.POLICIES, worlds.CHARTERS, worlds.WORLDS, worlds.LEDGERS)
def test_a_tighter_policy_never_allows_more(
    data: st.DataObject,
    intent: Intent,
    loose: Policy,
    charter: Charter,
    parts: Plain,
    ledger: Plain,
) -> None:
    tight = data.draw(worlds.tightened(loose))
    before, after = (
        verdict_on(intent, worlds.world(PolicyDocument(policy=one), charter, parts), ledger)
        for one in (loose, tight)
    )
    event(f"{before.kind} then {after.kind}")
    if after.is_promoted:
        assert before.is_promoted
    if after.quantity is not None:
        assert before.quantity is not None
        assert after.quantity <= before.quantity


@settings(max_examples=200)
@given(
    worlds.INTENTS,
    worlds.DOCUMENTS,
    worlds.CHARTERS,
    worlds.WORLDS,
    st.randoms(use_true_random=False),
)
def test_order_of_checks_only_orders_reasons(
    intent: Intent, document: PolicyDocument, charter: Charter, parts: Plain, random: Any
) -> None:
    snapshot = worlds.world(document, charter, parts)
    in_order = assess(intent, taken_at=worlds.taken_at(intent), snapshot=snapshot)
    shuffled = {
        reach: tuple(random.sample(checks, len(checks)))
        for reach, checks in deciding.CHECKS_WITHIN.items()
    }
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(deciding, "CHECKS_WITHIN", shuffled)
        mixed = assess(intent, taken_at=worlds.taken_at(intent), snapshot=snapshot)
    assert set(mixed.reasons) == set(in_order.reasons)
    assert replace(mixed, reasons=()) == replace(in_order, reasons=())


@given(worlds.INTENTS, worlds.DOCUMENTS, worlds.CHARTERS, worlds.WORLDS, worlds.LEDGERS)
def test_halted_denies_every_opening(
    intent: Intent, document: PolicyDocument, charter: Charter, parts: Plain, ledger: Plain
) -> None:
    opening = replace(intent, action=Action.BUY if intent.direction is None else intent.action)
    halted = TradingState.HALTED
    for states in (
        None,
        TradingStates(None),
        TradingStates(halted),
        TradingStates(TradingState.ACTIVE, strategies={opening.token: halted}),
        TradingStates(TradingState.ACTIVE, symbols={opening.symbol: halted}),
    ):
        snapshot = worlds.world(document, charter, parts | {"trading_states": states})
        assert not verdict_on(opening, snapshot, ledger).is_promoted


@settings(max_examples=300)
@given(worlds.INTENTS, worlds.DOCUMENTS, worlds.CHARTERS, worlds.WORLDS, worlds.LEDGERS)
def test_nothing_beyond_the_charter_is_approved(
    intent: Intent, document: PolicyDocument, charter: Charter, parts: Plain, ledger: Plain
) -> None:
    verdict = verdict_on(intent, worlds.world(document, charter, parts), ledger)
    if not verdict.is_promoted or intent.is_exit:
        return
    assert verdict.quantity is not None
    assert verdict.price is not None
    bounds, infinite = charter.bounds, Decimal("Infinity")

    def bound(field: str) -> Decimal:
        stated = getattr(bounds, field)
        return infinite if stated is None else Decimal(stated)

    notional = verdict.quantity * verdict.price
    assert notional <= bound("max_order_notional_usd")
    assert verdict.quantity <= bound("max_order_quantity")
    used, position = ledger["used_usd"], f"position:{intent.symbol}:{intent.direction}"
    for field, counter in (("max_position_usd", position), ("max_gross_exposure_usd", "gross")):
        if bound(field) is not infinite:
            total = to_units(used.get(counter, Decimal(0))) + to_units(notional)
            assert total <= bound(field) * 10_000
    assert ledger["events"].get(1, 0) < bound("max_intents_per_second")
    assert ledger["events"].get(60, 0) < bound("max_intents_per_minute")
    assert ledger["events"].get(3_600, 0) < bound("max_intents_per_hour")
    assert ledger["events"].get(1, 0) < bound("max_symbol_intents_per_second")
    assert ledger["events"].get(60, 0) < bound("max_fund_intents_per_minute")
    assert ledger["executed"] < bound("max_same_executions_per_day")
    if ledger["same_s_ago"] is not None:
        assert Decimal(ledger["same_s_ago"]) >= (bounds.min_seconds_between_repeats or 0)
    if ledger["opposites"] and bounds.on_conflict in ("first_wins", "both_denied"):
        ago = min(one["s_ago"] for one in ledger["opposites"])
        assert ago >= (bounds.min_seconds_between_opposites or 0)
    assert (NOW - worlds.taken_at(intent)).total_seconds() <= bound("max_intent_age_s")
    assert intent.confidence is not None
    assert intent.confidence >= (bounds.min_confidence or 0)
    for allowed, value in (
        (bounds.allowed_strategies, intent.strategy),
        (bounds.allowed_symbols, intent.symbol),
        (bounds.allowed_actions, intent.action),
        (bounds.allowed_order_types, intent.order_type),
    ):
        assert allowed is None or value in allowed
    assert intent.stop_loss is not None or not bounds.stop_loss_required
    assert bounds.trading_hours is None or bounds.trading_hours.includes(NOW)
    assert (intent.leverage or 0) <= bound("max_leverage")
    entry = intent.execution_price
    assert entry is not None
    if bounds.collar_bps is not None:
        market = Fraction(parts["reference_prices"][intent.symbol].price)
        assert abs(Fraction(entry) - market) * 10_000 <= market * bounds.collar_bps
    if bounds.max_stop_distance_bps is not None and intent.stop_loss is not None:
        risk = abs(Fraction(intent.stop_loss) - Fraction(entry))
        assert risk * 10_000 <= Fraction(entry) * bounds.max_stop_distance_bps


@settings(max_examples=300)
@given(worlds.INTENTS, worlds.DOCUMENTS, worlds.CHARTERS, worlds.WORLDS, worlds.LEDGERS)
def test_what_is_approved_the_venue_takes(
    intent: Intent, document: PolicyDocument, charter: Charter, parts: Plain, ledger: Plain
) -> None:
    snapshot = worlds.world(document, charter, parts)
    verdict, rules = verdict_on(intent, snapshot, ledger), snapshot.rules_of(intent.symbol)
    if rules is None or not verdict.is_promoted or verdict.quantity is None:
        return
    event(verdict.kind)
    at_market = intent.order_type is OrderType.MARKET
    for grid in rules.quantities(at_market=at_market):
        assert grid.step is None or Fraction(verdict.quantity) % Fraction(grid.step) == 0
        assert verdict.quantity >= (grid.lowest or 0)
        assert verdict.quantity <= (grid.highest or verdict.quantity)
    prices = [intent.price, intent.current_price, snapshot.price_of(intent.symbol)]
    for price in (price for price in prices if price and not intent.is_exit):
        assert verdict.quantity * price >= (rules.least_notional(at_market=at_market) or 0)


@given(worlds.INTENTS, st.none() | worlds.DOCUMENTS, worlds.CHARTERS, worlds.WORLDS, worlds.LEDGERS)
def test_an_exit_is_denied_only_by_what_is_for_exits(
    intent: Intent,
    document: PolicyDocument | None,
    charter: Charter,
    parts: Plain,
    ledger: Plain,
) -> None:
    close = replace(intent, action=Action.CLOSE)
    verdict = verdict_on(close, worlds.world(document, charter, parts), ledger)
    assert codes(verdict) <= FOR_EXITS_TOO
    assert verdict.kind is not VerdictKind.REDUCE
    if verdict.is_promoted and close.quantity:
        assert verdict.quantity == close.quantity


@settings(max_examples=300)
@given(worlds.INTENTS, worlds.DOCUMENTS, worlds.CHARTERS, worlds.WORLDS, worlds.LEDGERS)
def test_what_the_ledger_granted_is_never_denied_nor_the_other_way_round(
    intent: Intent, document: PolicyDocument, charter: Charter, parts: Plain, ledger: Plain
) -> None:
    snapshot = worlds.world(document, charter, parts)
    assessment = assess(intent, taken_at=worlds.taken_at(intent), snapshot=snapshot)
    readings = readings_of(assessment, ledger)
    assert conclude(assessment, readings).is_promoted == readings.held
    assert not conclude(assessment, replace(readings, held=False)).is_promoted
    assert not conclude(assessment, None).is_promoted
    # In observe mode nothing is held, and the verdict is the same.
    watched = conclude(assessment, replace(readings, held=False), holds=False)
    assert watched == conclude(assessment, readings)


# --- totality -------------------------------------------------------------------------------------

WILD_NUMBERS = (
    st.none()
    | st.decimals()
    | st.sampled_from(
        [
            Decimal(text)
            for text in ("1E+999", "-1E-999", "NaN", "-Infinity", "9" * 40, "0E+99", "1E-36")
        ]
    )
)
WILD_SAYINGS = st.dictionaries(
    st.sampled_from(["signal", "side", "event_type", "iceberg_side", "stop_loss", "price"]),
    WILD_NUMBERS
    | st.sampled_from(["", "short", "LONG", "widening", "bid", True, -3, [], {}, 10**40]),
    max_size=3,
)
WILD_INTENTS = st.builds(
    Intent,
    strategy=st.text(max_size=5),
    token=st.text(max_size=5),
    symbol=st.text(max_size=5) | st.sampled_from(worlds.SYMBOLS),
    action=st.sampled_from(Action),
    stated_at=st.none() | st.datetimes(timezones=st.just(NOW.tzinfo)),
    order_type=st.sampled_from(OrderType),
    **dict.fromkeys(
        (
            "confidence",
            "quantity",
            "position_size_pct",
            "quote_quantity",
            "price",
            "current_price",
            "stop_loss",
            "take_profit",
            "leverage",
        ),
        WILD_NUMBERS,
    ),
    source=st.sampled_from([None, "realtime_strategies"]),
    metadata=WILD_SAYINGS,
    extra=WILD_SAYINGS,
)
WILD_READINGS = st.none() | st.builds(
    Readings,
    held=st.booleans(),
    used=st.lists(st.integers(), max_size=3).map(tuple),
    rates=st.lists(st.integers(), max_size=3).map(tuple),
    time_ms=st.integers(),
    first_decision=st.none() | st.text(max_size=3),
    name_holder=st.none() | st.text(max_size=3),
)


@settings(max_examples=300)
@given(
    WILD_INTENTS,
    worlds.DOCUMENTS,
    worlds.WORLDS,
    WILD_NUMBERS,
    WILD_READINGS,
    st.booleans(),
)
def test_nothing_raises(
    intent: Intent,
    document: PolicyDocument,
    parts: Plain,
    number: Decimal | None,
    readings: Readings | None,
    holds: bool,
) -> None:
    prices = {} if number is None else {intent.symbol: ReferencePrice(number, NOW, "test")}
    parts = parts | {"equity_usd": number, "reference_prices": prices}
    snapshot = worlds.world(document, Charter(), parts)
    assessment = assess(intent, taken_at=worlds.taken_at(intent), snapshot=snapshot)
    verdict = conclude(assessment, readings, holds=holds)
    assert isinstance(verdict, Verdict)
    if holds and (readings is None or not readings.held):
        assert verdict.kind is VerdictKind.DENY


# --- limits and policies --------------------------------------------------------------------------


@pytest.mark.parametrize("field", LIMIT_KINDS)
def test_meet_of_every_kind_is_commutative_associative_and_idempotent(field: str) -> None:
    kind, values = LIMIT_KINDS[field], st.sampled_from([None, *worlds.VALUES[field]])

    @given(values, values, values)
    def holds(one: Any, two: Any, three: Any) -> None:
        meet = kind.meet_optional
        assert meet(one, two) == meet(two, one)
        assert meet(one, meet(two, three)) == meet(meet(one, two), three)
        assert meet(one, one) == one
        assert meet(one, None) == one
        if one is not None and two is not None and field != "unsized_order_usd":
            assert kind.compare_optional(one, meet(one, two)) in NOT_LOOSER

    holds()


@pytest.mark.parametrize("field", LIMIT_KINDS)
def test_compare_of_every_kind_turns_round(field: str) -> None:
    kind, values = LIMIT_KINDS[field], st.sampled_from(worlds.VALUES[field])
    turned = {Change.TIGHTER: Change.LOOSER, Change.LOOSER: Change.TIGHTER}

    @given(values, values)
    def holds(one: Any, two: Any) -> None:
        there, back = kind.compare_optional(one, two), kind.compare_optional(two, one)
        assert back == turned.get(there, there)
        assert kind.compare(one, two) == there
        assert (there is Change.EQUAL) == (one == two)

    holds()


@given(st.lists(worlds.LIMIT_SETS, min_size=1, max_size=3))
def test_meet_of_entries_does_not_depend_on_their_order(stated: list[LimitSet]) -> None:
    met = []
    for one in [*permutations(stated), (*stated, *stated)]:
        narrowing = tuple(_overlay(str(n), limits) for n, limits in enumerate(one))
        book = PolicyBook(PolicyDocument(policy=Policy(), overlays=narrowing), Charter())
        met.append(book.in_force("momentum_v1", "BTCUSDT", None, NOW).limits)
    assert all(limits == met[0] for limits in met)


def _overlay(name: str, limits: LimitSet) -> Overlay:
    return Overlay(overlay_id=name, reason="x", expires_at=NOW + timedelta(days=1), fund=limits)


def _in_force(policy: Policy, strategy: str, symbol: str, regime: str | None) -> LimitSet:
    book = PolicyBook(PolicyDocument(policy=policy), Charter())
    return book.in_force(strategy, symbol, regime, NOW).limits


def _looser_fields(old: Policy, new: Policy) -> set[str]:
    found = set()
    for strategy in worlds.STRATEGIES:
        for symbol in worlds.SYMBOLS:
            for regime in (*worlds.REGIMES, "sideways", None):
                before = _in_force(old, strategy, symbol, regime)
                after = _in_force(new, strategy, symbol, regime)
                found |= {
                    field
                    for field, kind in LIMIT_KINDS.items()
                    if kind.compare_optional(getattr(before, field), getattr(after, field))
                    not in NOT_LOOSER
                }
    return found


@settings(max_examples=60)
@given(worlds.POLICIES, worlds.POLICIES)
def test_what_compare_does_not_name_as_loosened_is_nowhere_looser(old: Policy, new: Policy) -> None:
    comparison = compare(old, new)
    named = {change.path.rpartition(".")[2] for change in comparison.loosened}
    assert _looser_fields(old, new) <= named
    if comparison.change in NOT_LOOSER:
        assert not named


@settings(max_examples=60)
@given(st.data(), worlds.POLICIES)
def test_tightening_compares_as_tighter_and_is_nowhere_looser(
    data: st.DataObject, old: Policy
) -> None:
    new = data.draw(worlds.tightened(old))
    assert compare(old, new).change in NOT_LOOSER
    assert not _looser_fields(old, new)


@given(worlds.POLICIES)
def test_a_policy_compares_equal_with_itself(policy: Policy) -> None:
    comparison = compare(policy, policy.model_copy(deep=True))
    assert comparison.change is Change.EQUAL
    assert comparison.changes == ()


@given(worlds.POLICIES, worlds.CHARTERS)
def test_a_policy_without_charter_problems_is_not_narrowed_by_the_charter(
    policy: Policy, charter: Charter
) -> None:
    for _, path, limits in policy.entries():
        for field, bound in charter.bounds:
            value = getattr(limits, field)
            beyond = None not in (value, bound) and LIMIT_KINDS[field].meet(bound, value) != value
            named = any(
                problem.startswith(f"{path}.{field} is ")
                for problem in charter_problems(policy, charter)
            )
            assert named == beyond


# --- what is asked once of all orders alike -------------------------------------------------------


@settings(max_examples=400)
@given(
    st.lists(worlds.INTENTS, min_size=2, max_size=6),
    st.none() | worlds.DOCUMENTS,
    worlds.CHARTERS,
    worlds.WORLDS,
)
def test_what_came_before_under_one_snapshot_changes_nothing(
    intents: list[Intent], document: PolicyDocument | None, charter: Charter, parts: Plain
) -> None:
    shared = worlds.world(document, charter, parts)
    for intent in intents:
        for one in (intent, replace(intent, action=intents[0].action, symbol=intents[0].symbol)):
            fresh = worlds.world(document, charter, parts)
            together, alone = (
                assess(one, taken_at=worlds.taken_at(one), snapshot=snapshot)
                for snapshot in (shared, fresh)
            )
            assert together == alone


@settings(max_examples=400)
@given(worlds.INTENTS, worlds.INTENTS, st.none() | worlds.DOCUMENTS, worlds.CHARTERS, worlds.WORLDS)
def test_what_is_asked_of_standing_looks_at_nothing_else_of_an_order(
    intent: Intent,
    other: Intent,
    document: PolicyDocument | None,
    charter: Charter,
    parts: Plain,
) -> None:
    snapshot = worlds.world(document, charter, parts)
    standing = {name: getattr(intent, name) for name in ("strategy", "token", "symbol", "action")}
    cases = [
        deciding._case_of(one, worlds.taken_at(one), snapshot)
        for one in (intent, replace(other, **standing))
    ]
    for check in deciding.OF_STANDING[reach_of(intent)]:
        first, second = (check.run(case) for case in cases)
        assert first == second, check.code
