"""The decision: a pure function in two halves around one atomic step of the ledger.

```
assess(intent, taken_at, snapshot)  -> Assessment   every check and reason, the size, the claims
ledger.reserve(requests)            -> Readings     one atomic step for a whole batch
conclude(assessment, readings)      -> Verdict      never denies what the ledger granted
```

Both halves are total: for every input there is an answer and nothing is raised. A check that raises
becomes ``CHECK_FAILED`` and denies its own intent, never the batch. The stream of intents, the
synchronous door, the command line and replay are only callers of these two functions.
"""

from datetime import datetime, timedelta
from decimal import Decimal

from msgspec.structs import replace

from petrosa_cio.risk.checks import CHECKS
from petrosa_cio.risk.checks.case import Applies, Case, Check, Finding, reach_of
from petrosa_cio.risk.checks.well_formed import max_age_s
from petrosa_cio.risk.claims import Claim, Readings
from petrosa_cio.risk.drift import drift_claim
from petrosa_cio.risk.intent import Intent
from petrosa_cio.risk.limits import LimitSet
from petrosa_cio.risk.overrides import (
    PLACES,
    Override,
    lifted_of,
    still_given,
    without_lifted,
)
from petrosa_cio.risk.parse import Malformed
from petrosa_cio.risk.policy import Charter
from petrosa_cio.risk.reasons import Effect, Reason, ReasonCode
from petrosa_cio.risk.repetition import opposite_claim, repetitions_of
from petrosa_cio.risk.shared_limits import claims_of, lifted_rates, rates_of, reasons_of
from petrosa_cio.risk.sizing import Size, multiply, resolve_size, round_down, step_of
from petrosa_cio.risk.snapshot import Snapshot
from petrosa_cio.risk.verdict import Assessment, Lifted, Verdict, VerdictKind


def assess(intent: Intent | Malformed, *, taken_at: datetime, snapshot: Snapshot) -> Assessment:
    """Say everything about an intent that can be said without the ledger.

    Args:
        intent: The intent, or why the message is none.
        taken_at: When it was made: the older of the bot's and the stream's time, aware UTC.
        snapshot: The world at the moment of decision.
    """
    if isinstance(intent, Malformed):
        reason = Reason(ReasonCode.INTENT_MALFORMED, observed=intent.problem)
        return Assessment((reason,), asks_ledger=False)
    try:
        return _assess(intent, taken_at, snapshot)
    except Exception as error:  # total by design: whatever fails, the intent is denied
        return Assessment((_failed("assess", type(error).__name__),))


def taken_at_of(intent: Intent | Malformed, stored_at: datetime) -> datetime:
    """Return when an intent counts as made: the older of the bot's and the stream's time."""
    if isinstance(intent, Malformed) or intent.stated_at is None:
        return stored_at
    return min(intent.stated_at, stored_at)


def conclude(assessment: Assessment, readings: Readings | None, *, holds: bool = True) -> Verdict:
    """Turn an assessment and the ledger's readings into the verdict.

    Args:
        assessment: What `assess` said.
        readings: What the ledger read; None when it has no need to be asked, or gives no answer.
        holds: True where an approval must hold what it claims; False in observe mode.
    """
    if readings is not None and readings.override_used_by is not None:
        assessment = _without_override(assessment)
    reasons = assessment.reasons
    if readings is not None:
        reasons = (*reasons, *_shared_reasons(assessment, readings))
    elif assessment.asks_ledger:
        reasons = (*reasons, Reason(ReasonCode.LEDGER_UNAVAILABLE, observed="no answer"))
    denied = _deny(reasons)
    if readings is not None and not denied and holds and not readings.held:
        denied = True
        reasons = (*reasons, _failed("ledger", "not held"))
    return _verdict(assessment, reasons, readings, denied=denied)


def _shared_reasons(assessment: Assessment, readings: Readings) -> list[Reason]:
    try:
        return reasons_of(readings, assessment)
    except Exception as error:  # readings that do not answer what was asked
        return [_failed("ledger", type(error).__name__)]


def _deny(reasons: tuple[Reason, ...]) -> bool:
    return any(reason.effect is Effect.DENY for reason in reasons) if reasons else False


def _verdict(
    assessment: Assessment,
    reasons: tuple[Reason, ...],
    readings: Readings | None,
    *,
    denied: bool,
) -> Verdict:
    passed = VerdictKind.REDUCE if reasons else VerdictKind.APPROVE
    size = assessment.size
    return Verdict(
        kind=VerdictKind.DENY if denied else passed,
        reasons=reasons,
        quantity=None if denied else assessment.quantity,
        requested_quantity=size.quantity if size else assessment.quantity,
        price=size.price if size else None,
        first_decision=readings.first_decision if readings else None,
        first_verdict=readings.first_verdict if readings else "",
        override_id=assessment.lifted.override_id if assessment.lifted else None,
        lifted=_lifted_reasons(assessment, readings) if assessment.lifted else (),
    )


def _without_override(assessment: Assessment) -> Assessment:
    """Return what is said of an order whose override is used up."""
    lifted = assessment.lifted
    if lifted is None:
        return assessment
    reasons = tuple(sorted((*assessment.reasons, *lifted.reasons), key=_place))
    return replace(
        assessment, reasons=reasons, claims=lifted.claims, rates=lifted.rates, lifted=None
    )


def _lifted_reasons(assessment: Assessment, readings: Readings | None) -> tuple[Reason, ...]:
    """Return what would have been objected to without the override."""
    lifted = assessment.lifted
    if lifted is None:
        return ()
    if readings is None:
        return lifted.reasons
    plain = replace(assessment, claims=lifted.claims, rates=lifted.rates)
    found = tuple(_shared_reasons(plain, readings))
    left = tuple(_shared_reasons(assessment, readings))
    return (*lifted.reasons, *lifted_of(found, left))


# --- the first half -------------------------------------------------------------------------------


def _assess(intent: Intent, taken_at: datetime, snapshot: Snapshot) -> Assessment:
    case = _case_of(intent, taken_at, snapshot)
    reasons, allowed = _run_checks(_checks_of(case), case)
    override = snapshot.override_for(intent) if snapshot.overrides else None
    if override is None or snapshot.policy is None:
        return _assessed(case, reasons, allowed)
    return _overridden(case, reasons, override, snapshot.policy.charter)


def _overridden(
    plain: Case, reasons: tuple[Reason, ...], override: Override, charter: Charter
) -> Assessment:
    """Assess an order with what an override leaves of its limits."""
    intent, in_force = plain.intent, without_lifted(plain.in_force, charter, override)
    case = replace(plain, in_force=in_force, limits=in_force.limits)
    found, _ = _run_checks(CHECKS_WITHIN[reach_of(intent)], case)
    left = still_given(reasons, found, override)
    rates, others = rates_of(intent, plain.in_force), repetitions_of(intent, plain.in_force)
    stated = plain.in_force.limits
    assessment = _assessed(case, left, _smallest_of(left), stated)
    ceilings = claims_of(
        intent, case.size, plain.in_force, approved=case.size, shown=plain.snapshot.shown
    )
    return replace(
        assessment,
        rates=lifted_rates(rates, intent, in_force) + others,
        lifted=Lifted(
            override.override_id,
            lifted_of(reasons, left),
            tuple(map(_with_limit_of, assessment.claims, ceilings)),
            rates + others,
        ),
    )


def _with_limit_of(claim: Claim, other: Claim) -> Claim:
    """Return a claim with the limit and the entry of another one on the same counter."""
    ceiling = None if other.ceiling is None else other.ceiling + other.cut - claim.cut
    return replace(claim, ceiling=ceiling, entry=other.entry)


def _smallest_of(reasons: tuple[Reason, ...]) -> Decimal | None:
    """Return the smallest quantity that reducing reasons let pass."""
    passing = [
        Decimal(reason.would_pass)
        for reason in reasons
        if reason.effect is Effect.REDUCE and reason.would_pass is not None
    ]
    return min(passing, default=None)


def _assessed(
    case: Case,
    reasons: tuple[Reason, ...],
    allowed: Decimal | None,
    stated: LimitSet | None = None,
) -> Assessment:
    """Put an assessment together from what the checks said and the quantity that they let pass.

    Of an order whose limits are lifted, ``stated`` are those that are not.
    """
    intent, taken_at, snapshot = case.intent, case.taken_at, case.snapshot
    in_force, limits, size = case.in_force, case.limits, case.size
    approved = size
    if case.direction is not None:
        approved, reasons = _approved_size(case, allowed, reasons)
    return Assessment(
        reasons=reasons,
        size=size,
        quantity=approved.quantity if approved else _exit_quantity(intent),
        claims=claims_of(
            intent, size, in_force, approved=approved, shown=snapshot.shown, stated=stated
        ),
        expires_at=taken_at + timedelta(seconds=max_age_s(case)),
        rates=rates_of(intent, in_force) + repetitions_of(intent, in_force),
        halted_denies_exits=bool(limits.halted_denies_exits),
        policy_revision=snapshot.policy.revision if snapshot.policy else 0,
        opposite=opposite_claim(intent, in_force),
        drift=drift_claim(intent, in_force),
    )


def _case_of(intent: Intent, taken_at: datetime, snapshot: Snapshot) -> Case:
    symbol = intent.symbol
    in_force = snapshot.limits_for(intent.strategy, symbol)
    limits, rules = in_force.limits, snapshot.rules_of(symbol)
    size = resolve_size(
        intent,
        limits,
        reference_price=snapshot.price_of(symbol),
        equity_usd=snapshot.equity_usd,
        step=step_of(rules, intent),
    )
    return Case(
        intent,
        taken_at,
        snapshot,
        in_force,
        limits,
        snapshot.regime_of(symbol),
        size,
        snapshot.reference_prices.get(symbol),
        rules,
        intent.direction,
        intent.execution_price,
    )


def _exit_quantity(intent: Intent) -> Decimal | None:
    """Return the size of an exit that cannot be valued, as nobody names a price."""
    return intent.quantity if intent.is_exit and intent.quantity else None


CHECKS_WITHIN = {
    reach: tuple(check for check in CHECKS if check.applies >= reach) for reach in Applies
}


OF_STANDING = {
    reach: tuple(check for check in checks if check.of_standing)
    for reach, checks in CHECKS_WITHIN.items()
}

OF_ORDER = {
    reach: tuple(check for check in checks if not check.of_standing)
    for reach, checks in CHECKS_WITHIN.items()
}


def _checks_of(case: Case) -> tuple[Check, ...]:
    """Return the checks that have to be run, in table order.

    Nearly half of the checks say the same of all orders of a strategy in a symbol under one
    snapshot. Where they object to nothing, as mostly, they are asked once a batch; else all are run
    for each order, so that its reasons stand in their order.
    """
    intent, cleared = case.intent, case.snapshot.cleared
    reach, standing = reach_of(intent), (intent.strategy, intent.symbol, intent.action)
    if standing not in cleared:
        objections, _ = _run_checks(OF_STANDING[reach], case)
        if objections:
            return CHECKS_WITHIN[reach]
        cleared.add(standing)
    return OF_ORDER[reach]


LOOKING_AGAIN = tuple(check for check in CHECKS if check.looks_again)


def _run_checks(checks: tuple[Check, ...], case: Case) -> tuple[tuple[Reason, ...], Decimal | None]:
    """Run checks; return their reasons and the smallest quantity that passes."""
    reasons: list[Reason] = []
    smallest: Decimal | None = None
    for check in checks:
        try:
            finding = check.run(case)
        except Exception as error:  # a check that raises is a denial
            reasons.append(_failed(check.code, type(error).__name__))
            continue
        if finding is not None:
            reasons.append(_reason(check, finding, case))
            if finding.effect is Effect.REDUCE and finding.would_pass is not None:
                passes = finding.would_pass
                smallest = passes if smallest is None else min(smallest, passes)
    return tuple(reasons), smallest


def _reason(check: Check, finding: Finding, case: Case) -> Reason:
    entry = finding.entry
    if entry is None and check.limit_field:
        entry = case.in_force.entries.get(check.limit_field)
    return Reason(
        check.code,
        finding.effect,
        limit=_text(finding.limit),
        observed=_text(finding.observed),
        scope=finding.scope,
        entry=entry or None,
        would_pass=_text(finding.would_pass),
    )


def _text(value: object) -> str | None:
    if value is None:
        return None
    return f"{value:f}" if isinstance(value, Decimal) else str(value)


def _failed(where: str, observed: str) -> Reason:
    return Reason(ReasonCode.CHECK_FAILED, observed=observed, scope=where)


def _approved_size(
    case: Case, allowed: Decimal | None, reasons: tuple[Reason, ...]
) -> tuple[Size | None, tuple[Reason, ...]]:
    """Return the size of an opening that would be approved: cut to the limits first, then scaled.

    What the venue asks of the size that is left is judged anew. A size that shrinks to nothing is
    no size: what reduced it then denies.
    """
    size, scale = case.size, case.limits.size_scale
    if size is None:
        return None, reasons
    quantity = size.quantity if allowed is None else min(size.quantity, allowed)
    if scale is not None and scale < 1:
        quantity = round_down(multiply(quantity, scale), step_of(case.rules, case.intent))
    if quantity == size.quantity:
        return (size if quantity > 0 else None), reasons
    left = size.with_quantity(quantity)
    reasons = _looked_at_again(replace(case, size=left), reasons)
    if quantity > 0:
        return left, reasons
    return None, tuple(_denying(reason) for reason in reasons)


def _looked_at_again(case: Case, reasons: tuple[Reason, ...]) -> tuple[Reason, ...]:
    """Return the reasons, in their order, with those that only the reduced size gives."""
    known = {reason.code for reason in reasons}
    checks = tuple(check for check in LOOKING_AGAIN if check.code not in known)
    found, _ = _run_checks(checks, case)
    return tuple(sorted((*reasons, *found), key=_place)) if found else reasons


def _place(reason: Reason) -> int:
    return PLACES[reason.code]


def _denying(reason: Reason) -> Reason:
    return Reason(
        reason.code, Effect.DENY, reason.limit, reason.observed, reason.scope, reason.entry,
        reason.would_pass,
    )  # fmt: skip
