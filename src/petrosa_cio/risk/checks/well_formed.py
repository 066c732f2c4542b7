"""Checks on the intent alone: is it an order, is it timely, do its numbers make sense?"""

from datetime import timedelta
from decimal import Decimal

from petrosa_cio.risk.checks.case import Case, Finding
from petrosa_cio.risk.intent import Action, Direction
from petrosa_cio.risk.limits import DEFAULT_MAX_SKEW_S

ENGINE_MAX_AGE_S = 300
"""The order engine refuses signals older than this, so nothing older is judged on its merits."""

# Named once: to find a member on its class, or to convert a number, takes longer than to compare.
_HOLD, _LONG = Action.HOLD, Direction.LONG
_ZERO, _ONE = Decimal(0), Decimal(1)


def not_an_order(case: Case) -> Finding | None:
    """``hold`` is advice, not an order: it is recorded and never sent to the order engine."""
    return Finding(observed=_HOLD) if case.intent.action is _HOLD else None


def max_age_s(case: Case) -> int:
    """Return the age in seconds beyond which this intent is stale."""
    stated = case.limits.max_intent_age_s
    return ENGINE_MAX_AGE_S if stated is None else min(stated, ENGINE_MAX_AGE_S)


def intent_stale(case: Case) -> Finding | None:
    """The intent is older than allowed; the market it was made for is gone."""
    age, limit = case.snapshot.now - case.taken_at, max_age_s(case)
    return Finding(f"{limit} s", _milliseconds(age)) if age.total_seconds() > limit else None


def max_skew_s(case: Case) -> int:
    """Return how many seconds ahead of the gate's clock a stated time may be."""
    stated = case.limits.max_clock_skew_s
    return DEFAULT_MAX_SKEW_S if stated is None else stated


def intent_from_future(case: Case) -> Finding | None:
    """The intent's own time lies ahead of the gate's clock by more than the tolerated skew."""
    if case.intent.stated_at is None:
        return None
    ahead, limit = case.intent.stated_at - case.snapshot.now, max_skew_s(case)
    return Finding(f"{limit} s", _milliseconds(ahead)) if ahead.total_seconds() > limit else None


def quantity_not_positive(case: Case) -> Finding | None:
    """A stated size is negative. Zero, or none at all, leaves the size to the policy."""
    intent = case.intent
    for size in (intent.quantity, intent.position_size_pct, intent.quote_quantity):
        if size is not None and size < _ZERO:
            return Finding("more than 0", size)
    return None


def price_not_positive(case: Case) -> Finding | None:
    """A stated price is zero or negative, or an opening states no price at all."""
    intent = case.intent
    is_exit = intent.is_exit
    if not is_exit and case.trades_at is None:
        return Finding("more than 0", "no price")
    for price in (intent.price, intent.current_price, intent.stop_loss, intent.take_profit):
        if price is not None and (price < _ZERO if is_exit else price <= _ZERO):
            return Finding("0 or more" if is_exit else "more than 0", price)
    return None


def confidence_invalid(case: Case) -> Finding | None:
    """The confidence lies outside 0 to 1, or an opening states none."""
    confidence = case.intent.confidence
    if confidence is None:
        return None if case.intent.is_exit else Finding("0 to 1", "no confidence")
    return None if _ZERO <= confidence <= _ONE else Finding("0 to 1", confidence)


def size_unknown(case: Case) -> Finding | None:
    """No size can be told: the intent states none that can be resolved, nor does the policy.

    An exit without any size closes all there is; one whose size cannot be resolved must not.
    """
    intent = case.intent
    is_vague = not intent.quantity and bool(intent.position_size_pct or intent.quote_quantity)
    if case.size is not None or (intent.is_exit and not is_vague):
        return None
    return Finding("a size, or unsized_order_usd in the policy", "none that can be resolved")


def stop_loss_wrong_side(case: Case) -> Finding | None:
    """The protective price does not lie on the losing side of where the order would trade.

    A long is protected below, a short above. Exactly on the price is no protection either. A market
    order trades at the market, whatever price the strategy had in mind.
    """
    return _not_beyond(case, case.intent.stop_loss, wins=False)


def take_profit_wrong_side(case: Case) -> Finding | None:
    """The target does not lie on the winning side of where the order would trade."""
    return _not_beyond(case, case.intent.take_profit, wins=True)


def _not_beyond(case: Case, price: Decimal | None, *, wins: bool) -> Finding | None:
    entry = case.trades_at
    if price is None or entry is None:
        return None
    belongs_above = wins is (case.direction is _LONG)
    if price > entry if belongs_above else price < entry:
        return None
    return Finding(f"{'above' if belongs_above else 'below'} {entry:f}", price)


def _milliseconds(span: timedelta) -> str:
    return f"{span / timedelta(milliseconds=1):.0f} ms"
