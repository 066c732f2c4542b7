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

from petrosa_cio.risk.checks import CHECKS
from petrosa_cio.risk.checks.case import Applies, Case, Check, Finding, reach_of
from petrosa_cio.risk.checks.well_formed import max_age_s
from petrosa_cio.risk.claims import Readings
from petrosa_cio.risk.drift import drift_claim
from petrosa_cio.risk.intent import Intent
from petrosa_cio.risk.limits import LimitSet
from petrosa_cio.risk.parse import Malformed
from petrosa_cio.risk.reasons import Effect, Reason, ReasonCode
from petrosa_cio.risk.repetition import opposite_claim, repetitions_of
from petrosa_cio.risk.shared_limits import claims_of, rates_of, reasons_of
from petrosa_cio.risk.sizing import Size, multiply, resolve_size, round_down
from petrosa_cio.risk.snapshot import Snapshot
from petrosa_cio.risk.verdict import Assessment, Verdict, VerdictKind


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


def conclude(assessment: Assessment, readings: Readings | None, *, holds: bool = True) -> Verdict:
    """Turn an assessment and the ledger's readings into the verdict.

    Args:
        assessment: What `assess` said.
        readings: What the ledger read; None when it has no need to be asked, or gives no answer.
        holds: True where an approval must hold what it claims; False in observe mode.
    """
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
    )


# --- the first half -------------------------------------------------------------------------------


def _assess(intent: Intent, taken_at: datetime, snapshot: Snapshot) -> Assessment:
    in_force = snapshot.limits_for(intent.strategy, intent.symbol)
    limits = in_force.limits
    size = _size_of(intent, snapshot, limits)
    regime = snapshot.regime_of(intent.symbol)
    case = Case(intent, taken_at, snapshot, in_force, limits, regime, size)
    reasons, allowed = _run_checks(case)
    approved = size
    if intent.direction is not None:
        approved, reasons = _approved_size(size, allowed, limits.size_scale, reasons)
    return Assessment(
        reasons=reasons,
        size=size,
        quantity=approved.quantity if approved else _exit_quantity(intent),
        claims=claims_of(intent, size, in_force, approved=approved),
        expires_at=taken_at + timedelta(seconds=max_age_s(case)),
        rates=rates_of(intent, in_force) + repetitions_of(intent, in_force),
        halted_denies_exits=bool(limits.halted_denies_exits),
        policy_revision=snapshot.policy.revision if snapshot.policy else 0,
        opposite=opposite_claim(intent, in_force),
        drift=drift_claim(intent, in_force),
    )


def _size_of(intent: Intent, snapshot: Snapshot, limits: LimitSet) -> Size | None:
    return resolve_size(
        intent,
        limits,
        reference_price=snapshot.reference_prices.get(intent.symbol),
        equity_usd=snapshot.equity_usd,
    )


def _exit_quantity(intent: Intent) -> Decimal | None:
    """Return the size of an exit that cannot be valued, as nobody names a price."""
    return intent.quantity if intent.is_exit and intent.quantity else None


CHECKS_WITHIN = {
    reach: tuple(check for check in CHECKS if check.applies >= reach) for reach in Applies
}


def _run_checks(case: Case) -> tuple[tuple[Reason, ...], Decimal | None]:
    """Run every check that applies; return its reasons and the smallest quantity that passes."""
    reasons: list[Reason] = []
    smallest: Decimal | None = None
    for check in CHECKS_WITHIN[reach_of(case.intent)]:
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
    entries = case.in_force.entries
    return Reason(
        check.code,
        finding.effect,
        limit=_text(finding.limit),
        observed=_text(finding.observed),
        scope=finding.scope,
        entry=entries.get(check.limit_field) if check.limit_field else None,
        would_pass=_text(finding.would_pass),
    )


def _text(value: object) -> str | None:
    if value is None:
        return None
    return f"{value:f}" if isinstance(value, Decimal) else str(value)


def _failed(where: str, observed: str) -> Reason:
    return Reason(ReasonCode.CHECK_FAILED, observed=observed, scope=where)


def _approved_size(
    size: Size | None, allowed: Decimal | None, scale: Decimal | None, reasons: tuple[Reason, ...]
) -> tuple[Size | None, tuple[Reason, ...]]:
    """Return the size of an opening that would be approved: cut to the limits first, then scaled.

    A size that shrinks to nothing is no size: what reduced it then denies.
    """
    if size is None:
        return None, reasons
    quantity = size.quantity if allowed is None else min(size.quantity, allowed)
    if scale is not None and scale < 1:
        quantity = round_down(multiply(quantity, scale))
    if quantity > 0:
        return (size if quantity == size.quantity else size.with_quantity(quantity)), reasons
    return None, tuple(_denying(reason) for reason in reasons)


def _denying(reason: Reason) -> Reason:
    return Reason(
        reason.code, Effect.DENY, reason.limit, reason.observed, reason.scope, reason.entry,
        reason.would_pass,
    )  # fmt: skip
