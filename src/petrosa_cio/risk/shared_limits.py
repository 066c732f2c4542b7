"""The controls on what is shared: rates, exposure, names, and what was approved lately.

Bots and replicas race for these, so the ledger tests and takes them in one atomic step. This module
says what an intent asks of the ledger, and what the ledger's readings mean; both sides use the same
arithmetic, so that nothing the ledger granted is denied afterwards. Of what was approved lately the
rules are in `petrosa_cio.risk.repetition` and `petrosa_cio.risk.drift`.
"""

from collections.abc import Iterator, Mapping
from decimal import Decimal

from msgspec.structs import replace

from petrosa_cio.risk.claims import MAX_UNITS, Claim, RateClaim, Readings, from_units, to_units
from petrosa_cio.risk.counters import GROSS, OPEN_ORDERS, position_counter
from petrosa_cio.risk.drift import drift_reasons
from petrosa_cio.risk.in_force import InForce
from petrosa_cio.risk.intent import Intent
from petrosa_cio.risk.limits import LimitSet
from petrosa_cio.risk.policy import ANY
from petrosa_cio.risk.reasons import Reason
from petrosa_cio.risk.reasons import ReasonCode as Code
from petrosa_cio.risk.repetition import conflict_reasons, repetition_reason
from petrosa_cio.risk.seen_exposure import NOTHING_SHOWN, Shown
from petrosa_cio.risk.sizing import Size, quantity_for
from petrosa_cio.risk.summed_limits import Asking, beside_what_is_seen, summed_claims, units_below
from petrosa_cio.risk.verdict import Assessment

UNLIMITED_EVENTS = 1_000_000_000
"""The ceiling of a rate that is lifted and that the charter does not bound."""

SHARED_CODES: dict[Code, str] = {
    Code.STRATEGY_NAME_COLLIDES: (
        "Another strategy's name reads the same as a subject token; the second one is refused."
    ),
    Code.INTENT_REPEATED: (
        "The same intent, by id and content, was decided before; its first verdict stands."
    ),
    Code.INTENT_ID_REUSED: "The intent's id was used before for something else.",
    Code.OVERRIDE_USED: (
        "The override that lifts limits for this order was used by another intent; it is for one."
    ),
    Code.RATE_ABOVE_MAX: (
        "The strategy, or all strategies together on the symbol or in the fund, send more intents "
        "than allowed in a window of time."
    ),
    Code.CONTENT_REPEATED: (
        "The strategy had the same approved a moment ago under another id: same symbol, action and "
        "stated size, whatever the prices. Only approvals count that came to something."
    ),
    Code.REPEATED_EXECUTION: (
        "The strategy has opened the same symbol in the same direction as often as it may in 24 "
        "hours. It is paused, until a person resumes it, with the first intent that nothing else "
        "objects to."
    ),
    Code.SIGNAL_CONFLICT: (
        "An opening in the other direction of the symbol was approved a moment ago, by whatever "
        "strategy, and by the policy's rule this one loses; or both directions are shut, as two "
        "opposed each other. What was sent already is not recalled."
    ),
    Code.COLLAR_DRIFT: (
        "The price is too far from those at which openings of the symbol were approved in the last "
        "hour."
    ),
    Code.POSITION_ABOVE_MAX: (
        "With this order, exposure to the symbol on this side would be over its limit; what is "
        "approved and not yet filled counts."
    ),
    Code.GROSS_EXPOSURE_ABOVE_MAX: (
        "With this order, the sum of all exposures, long and short, would be over its limit; what "
        "is approved and not yet filled counts."
    ),
    Code.STRATEGY_EXPOSURE_ABOVE_MAX: (
        "With this order, the sum of the strategy's exposures would be over its limit; what is "
        "approved and not yet filled counts."
    ),
    Code.OPEN_ORDERS_ABOVE_MAX: (
        "With this order, more orders would be open than may be: approved, and not yet filled, "
        "refused or given up."
    ),
    Code.NET_EXPOSURE_ABOVE_MAX: (
        "With this order, the sum of all exposures on its side, less what a fresh portfolio shows "
        "on the other side, would be over its limit; what is approved and not yet filled counts."
    ),
    Code.GROUP_EXPOSURE_ABOVE_MAX: (
        "With this order, the sum of the exposures to a group of symbols would be over its limit; "
        "what is approved and not yet filled counts."
    ),
    Code.PORTFOLIO_LEVERAGE_ABOVE_MAX: (
        "With this order, the sum of all exposures would be over the allowed multiple of the "
        "fund's equity; what is approved and not yet filled counts."
    ),
}
"""The controls asked of the ledger, in the order in which their reasons are listed."""

SHARED_LIMIT_FIELDS: dict[Code, tuple[str, ...]] = {
    Code.RATE_ABOVE_MAX: (
        "max_intents_per_second",
        "max_intents_per_minute",
        "max_intents_per_hour",
        "max_symbol_intents_per_second",
        "max_symbol_intents_per_minute",
        "max_fund_intents_per_second",
        "max_fund_intents_per_minute",
        "max_exits_per_minute",
    ),
    Code.CONTENT_REPEATED: ("min_seconds_between_repeats",),
    Code.REPEATED_EXECUTION: ("max_same_executions_per_day",),
    Code.SIGNAL_CONFLICT: ("min_seconds_between_opposites", "on_conflict"),
    Code.COLLAR_DRIFT: ("max_drift_bps_per_hour",),
    Code.POSITION_ABOVE_MAX: ("max_position_usd",),
    Code.GROSS_EXPOSURE_ABOVE_MAX: ("max_gross_exposure_usd",),
    Code.STRATEGY_EXPOSURE_ABOVE_MAX: ("max_strategy_exposure_usd",),
    Code.OPEN_ORDERS_ABOVE_MAX: ("max_open_orders",),
    Code.NET_EXPOSURE_ABOVE_MAX: ("max_net_long_usd", "max_net_short_usd"),
    Code.GROUP_EXPOSURE_ABOVE_MAX: ("max_group_exposure_usd",),
    Code.PORTFOLIO_LEVERAGE_ABOVE_MAX: ("max_portfolio_leverage",),
}
"""The limits that each of them reads."""


def claims_of(
    intent: Intent,
    asked: Size | None,
    in_force: InForce,
    *,
    approved: Size | None,
    shown: Shown = NOTHING_SHOWN,
    stated: LimitSet | None = None,
) -> tuple[Claim, ...]:
    """Return the exposure that an opening takes; an exit takes none.

    Args:
        intent: The intent.
        asked: The size it asks for, which the limits test.
        in_force: The limits.
        approved: The size that an approval books; None where it would be none.
        shown: What a portfolio shows.
        stated: Limits by which it is said what is claimed, where others are tested.
    """
    if asked is None or intent.direction is None:
        return ()
    wanted = _units_of(asked)
    taken = wanted if approved is None or approved is asked else _units_of(approved)
    entries, cut = in_force.entries, wanted - taken
    seen = shown.seen
    position = position_counter(intent.symbol, intent.direction)
    claims: tuple[Claim, ...] = (
        Claim(
            _POSITION, position, taken, _ceiling_units("max_position_usd", in_force, cut),
            entries.get("max_position_usd"), cut,
        ),
        Claim(
            _GROSS, GROSS, taken, _ceiling_units("max_gross_exposure_usd", in_force, cut),
            entries.get("max_gross_exposure_usd"), cut,
        ),
    )  # fmt: skip
    if seen:
        claims = tuple(beside_what_is_seen(one, seen.get(one.counter)) for one in claims)
    if not in_force.has_sums and (stated is None or stated is in_force.limits):
        return claims
    asking = Asking(intent, in_force, stated or in_force.limits, shown, taken, cut)
    return claims + summed_claims(asking)


# Named once: looking a member up on its class is slow in Python 3.11.
_POSITION = Code.POSITION_ABOVE_MAX
_GROSS = Code.GROSS_EXPOSURE_ABOVE_MAX
_RATE = Code.RATE_ABOVE_MAX


def _units_of(size: Size) -> int:
    return min(to_units(size.notional_usd), MAX_UNITS)


def _ceiling_units(field: str, in_force: InForce, cut: int) -> int | None:
    units = in_force.ceilings.get(field)
    if units is None:
        limit: Decimal | None = getattr(in_force.limits, field)
        if limit is None:
            return None
        units = in_force.ceilings[field] = units_below(limit)
    return units - cut


FUND_INTENTS = "fund_intents"

_OF_STRATEGY = (("max_intents_per_second", 1_000), ("max_intents_per_minute", 60_000))
_OF_STRATEGY_BY_HOUR = (("max_intents_per_hour", 3_600_000),)
_OF_SYMBOL = (("max_symbol_intents_per_second", 1_000), ("max_symbol_intents_per_minute", 60_000))
_OF_FUND = (("max_fund_intents_per_second", 1_000), ("max_fund_intents_per_minute", 60_000))
_OF_EXITS = (("max_exits_per_minute", 60_000),)

RATE_LIMITS: dict[str, tuple[tuple[str, int], ...]] = {
    "intents": _OF_STRATEGY,
    "hourly_intents": _OF_STRATEGY_BY_HOUR,
    "symbol_intents": _OF_SYMBOL,
    FUND_INTENTS: _OF_FUND,
    "exits": _OF_EXITS,
}
"""The limits on rates by the kind of their counter, each with its window in milliseconds.

The narrowest scope comes first. Windows of up to a minute share a counter; an hour has one of its
own, as a counter forgets what the shortest history needs no more.
"""


def _counters_of(token: str, symbol: str) -> dict[str, str]:
    """Return by kind the counters of an opening; ``*`` stands for any, which has none."""
    return {
        **({"intents": f"intents:{token}", "hourly_intents": f"hourly_intents:{token}"}
           if token != ANY else {}),
        **({"symbol_intents": f"symbol_intents:{symbol}"} if symbol != ANY else {}),
        FUND_INTENTS: FUND_INTENTS,
    }  # fmt: skip


def rate_counters(token: str, symbol: str) -> dict[str, tuple[str, int]]:
    """Return counter and window, in milliseconds, of each limit on rates, by the limit's name.

    Args:
        token: The strategy's token; ``*`` for any, of which nothing is counted.
        symbol: The symbol; ``*`` likewise.
    """
    exits = {"exits": f"exits:{token}"} if token != ANY else {}
    return {
        field: (counter, window_ms)
        for kind, counter in (_counters_of(token, symbol) | exits).items()
        for field, window_ms in RATE_LIMITS[kind]
    }


def rates_of(intent: Intent, in_force: InForce) -> tuple[RateClaim, ...]:
    """Return the rates that an order counts against. Exits have one of their own."""
    token, symbol, is_exit = intent.token, intent.symbol, intent.is_exit
    if intent.direction is None and not is_exit:
        return ()
    # A strategy may be called as anything, so each kind of key begins in a way of its own.
    key = f"exits:{token}" if is_exit else f"openings:{token}:{symbol}"
    found = in_force.rates.get(key)
    if found is None:
        counters = {"exits": key} if is_exit else _counters_of(token, symbol)
        found = in_force.keep_rates(key, tuple(_rates(counters, in_force)))
    return found


def lifted_rates(
    rates: tuple[RateClaim, ...], intent: Intent, lifted: InForce
) -> tuple[RateClaim, ...]:
    """Return rates with the ceilings that are left of them where some were lifted.

    An intent counts against a lifted rate all the same, so that those after it are told the truth.

    Args:
        rates: What it counts against without an override, by `rates_of`.
        intent: The intent.
        lifted: The limits, without those that are lifted.
    """
    by_place = {place: field for field, place in rate_counters(intent.token, intent.symbol).items()}
    return tuple(
        _lifted_rate(rate, by_place[rate.counter, rate.window_ms], lifted) for rate in rates
    )


def _lifted_rate(rate: RateClaim, field: str, lifted: InForce) -> RateClaim:
    ceiling = getattr(lifted.limits, field)
    return replace(
        rate,
        ceiling=UNLIMITED_EVENTS if ceiling is None else ceiling,
        entry=lifted.entries.get(field),
    )


def _rates(counters: Mapping[str, str], in_force: InForce) -> Iterator[RateClaim]:
    for kind, counter in counters.items():
        for field, window_ms in RATE_LIMITS[kind]:
            ceiling = getattr(in_force.limits, field)
            if ceiling is not None:
                entry = in_force.entries.get(field)
                yield RateClaim(_RATE, counter, ceiling, window_ms, entry)


def reasons_of(readings: Readings, assessment: Assessment) -> list[Reason]:
    """Return what the ledger's readings object to, every reason."""
    reasons = _identity_reasons(readings)
    reasons += _rate_reasons(readings, assessment.rates)
    if assessment.opposite is not None:
        reasons += conflict_reasons(readings, assessment.opposite)
    if assessment.drift is not None:
        reasons += drift_reasons(readings, assessment.drift)
    price = assessment.size.price if assessment.size else None
    for claim, used in zip(assessment.claims, readings.used, strict=True):
        if claim.ceiling is not None and not claim.fits(used):
            reasons.append(_exposure_reason(claim, used, claim.ceiling, price))
    return reasons


def _rate_reasons(readings: Readings, rates: tuple[RateClaim, ...]) -> list[Reason]:
    found = [
        repetition_reason(rate, used, readings)
        if rate.of_held
        else rate_reason(rate, str(used + 1))
        for rate, used in zip(rates, readings.rates, strict=True)
        if used >= rate.ceiling
    ]
    return [reason for reason in found if reason is not None]


def _identity_reasons(readings: Readings) -> list[Reason]:
    reasons = []
    if readings.name_holder is not None:
        code = Code.STRATEGY_NAME_COLLIDES
        reasons.append(Reason(code, limit="one name", observed=readings.name_holder))
    if readings.first_decision is not None:
        repeated = readings.same_content
        code = Code.INTENT_REPEATED if repeated else Code.INTENT_ID_REUSED
        reasons.append(Reason(code, limit="once", observed=readings.first_decision))
    if readings.override_used_by is not None:
        used_by = readings.override_used_by
        reasons.append(Reason(Code.OVERRIDE_USED, limit="once", observed=used_by))
    return reasons


def rate_reason(rate: RateClaim, observed: str) -> Reason:
    """Return why an intent is denied that is one too many for a rate."""
    limit = f"{rate.ceiling} per {rate.window_ms // 1000} s"
    return Reason(rate.code, limit=limit, observed=observed, scope=rate.counter, entry=rate.entry)


def _exposure_reason(claim: Claim, used: int, ceiling: int, price: Decimal | None) -> Reason:
    limit = ceiling + claim.cut + claim.beside
    used = max(used, claim.floor) + claim.beside
    room = from_units(max(limit - used, 0))
    passes = None
    if price is not None and claim.counter != OPEN_ORDERS:
        passes = f"{quantity_for(room, price):f}"
    return Reason(
        claim.code,
        limit=f"{from_units(limit):f}",
        observed=f"{from_units(used + claim.amount + claim.cut):f}",
        scope=claim.counter,
        entry=claim.entry,
        would_pass=passes,
    )
