"""Checks on what an opening risks: how far to its stop, for how much to win, with what leverage."""

from decimal import Decimal

from petrosa_cio.risk.checks.case import VENUE, Case, Finding
from petrosa_cio.risk.exact import EXACT, bps_apart, distance, is_beyond, ratio_shown


def stop_loss_too_far(case: Case) -> Finding | None:
    """The stop loss lies further from where the order would trade than the policy allows.

    Where no stop is stated but a fraction is, the order engine works the stop out from that.
    """
    limit = case.limits.max_stop_distance_bps
    if limit is None:
        return None
    stop, entry = case.intent.stop_loss, case.trades_at
    scope, fraction = "", case.intent.stop_loss_pct
    if stop is None and fraction is not None and 0 <= fraction <= 1:
        stop, entry, scope = EXACT.add(_ONE, fraction), _ONE, f"{fraction:f} of the price"
    if stop is None or entry is None or entry <= 0 or not is_beyond(stop, entry, limit):
        return None
    return Finding(f"{limit} bps", f"{bps_apart(stop, entry):f} bps", scope=scope or f"{stop:f}")


_ONE = Decimal(1)


def reward_risk_below_min(case: Case) -> Finding | None:
    """The target is too near for what is risked: too little can be won for one unit to the stop.

    Both are measured from where the order would trade, so both must be stated. Where that is no
    price at all, there is nothing to measure from.
    """
    limit, entry = case.limits.min_reward_risk, case.trades_at
    if limit is None or entry is None or entry <= 0:
        return None
    stop, target = case.intent.stop_loss, case.intent.take_profit
    if stop is None or target is None:
        return Finding(limit, _absent(stop, target))
    risk, reward = distance(entry, stop), distance(target, entry)
    if reward >= EXACT.multiply(limit, risk):
        return None
    return Finding(limit, ratio_shown(reward, risk))


def _absent(stop: Decimal | None, target: Decimal | None) -> str:
    if stop is None:
        return "no stop_loss" if target is not None else "no stop_loss and no take_profit"
    return "no take_profit"


def leverage_above_max(case: Case) -> Finding | None:
    """The leverage asked for is over the policy's limit, or over what the venue grants this size.

    An intent that asks for none passes; zero and less is no leverage.
    """
    asked = case.intent.leverage
    if asked is None:
        return None
    if asked <= 0:
        return Finding("more than 0", asked, entry="")
    limit, granted = case.limits.max_leverage, _granted(case)
    if granted is not None and asked > granted and (limit is None or granted < limit):
        return Finding(granted, asked, entry=VENUE)
    return Finding(limit, asked) if limit is not None and asked > limit else None


def _granted(case: Case) -> int | None:
    """Return the venue's largest leverage for an order of this size; None where it is not known."""
    if case.rules is None or case.size is None:
        return None
    return case.rules.leverage_for(case.size.notional_usd)
