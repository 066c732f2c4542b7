"""Checks on the largest size, the confidence and the stop loss of one opening order."""

from decimal import Decimal

from petrosa_cio.risk.checks.case import VENUE, Case, Finding
from petrosa_cio.risk.reasons import Effect
from petrosa_cio.risk.sizing import quantity_for, round_down, step_of

LARGEST_ORDER_USD = Decimal(100_000_000_000)
"""No order is larger than this whatever the policy says: the ledger counts exactly up to there."""


def notional_above_max(case: Case) -> Finding | None:
    """The order's notional, at the highest price anyone names, is over the limit of one order.

    That is the policy's limit or the venue's own, whichever is lower.
    """
    size = case.size
    if size is None:
        return None
    bound, entry = _notional_bound(case)
    if size.notional_usd <= bound:
        return None
    effect = _effect(case) if size.notional_usd <= LARGEST_ORDER_USD else Effect.DENY
    passes = quantity_for(bound, size.price, step_of(case.rules, case.intent))
    return Finding(bound, size.notional_usd, effect=effect, would_pass=passes, entry=entry)


def _notional_bound(case: Case) -> tuple[Decimal, str | None]:
    """Return the largest notional, and ``venue`` where the venue is stricter than the policy."""
    limit, rules = case.limits.max_order_notional_usd, case.rules
    bound = LARGEST_ORDER_USD if limit is None else limit
    most = rules.most_notional(at_market=case.at_market) if rules else None
    return (bound, None) if most is None or most >= bound else (most, VENUE)


def quantity_above_max(case: Case) -> Finding | None:
    """The order's quantity is over the limit of one order."""
    size, limit = case.size, case.limits.max_order_quantity
    if size is None or limit is None or size.quantity <= limit:
        return None
    passes = round_down(limit, step_of(case.rules, case.intent))
    return Finding(limit, size.quantity, effect=_effect(case), would_pass=passes)


def confidence_below_min(case: Case) -> Finding | None:
    """The strategy is less confident than the policy asks for."""
    confidence, limit = case.intent.confidence, case.limits.min_confidence
    if confidence is None or limit is None or confidence >= limit:
        return None
    return Finding(limit, confidence)


def stop_loss_required(case: Case) -> Finding | None:
    """The policy asks for a protective price and the intent states none."""
    if not case.limits.stop_loss_required or case.intent.stop_loss is not None:
        return None
    return Finding("a stop_loss", "none")


def _effect(case: Case) -> Effect:
    return Effect.REDUCE if case.limits.on_order_above_max == "reduce" else Effect.DENY
