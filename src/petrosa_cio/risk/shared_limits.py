"""The controls on what is shared: rates, exposure, repetition, names.

Bots and replicas race for these, so the ledger tests and takes them in one atomic step. This module
says what an intent asks of the ledger, and what the ledger's readings mean; both sides use the same
arithmetic, so that nothing the ledger granted is denied afterwards.
"""

from decimal import Decimal
from functools import lru_cache

from petrosa_cio.risk.claims import MAX_UNITS, Claim, RateClaim, Readings, from_units, to_units
from petrosa_cio.risk.in_force import InForce
from petrosa_cio.risk.intent import Intent
from petrosa_cio.risk.reasons import Reason
from petrosa_cio.risk.reasons import ReasonCode as Code
from petrosa_cio.risk.sizing import Size, quantity_for

GROSS = "gross"

COUNTERS_KEPT = 1_024
"""Where one entry governs all strategies, rates of so many are kept worked out."""

SHARED_CODES: dict[Code, str] = {
    Code.STRATEGY_NAME_COLLIDES: (
        "Another strategy's name reads the same as a subject token; the second one is refused."
    ),
    Code.INTENT_REPEATED: (
        "The same intent, by id and content, was decided before; its first verdict stands."
    ),
    Code.INTENT_ID_REUSED: "The intent's id was used before for something else.",
    Code.RATE_ABOVE_MAX: "The strategy sends more intents than allowed in a window of time.",
    Code.POSITION_ABOVE_MAX: (
        "With this order, exposure to the symbol on this side would be over its limit; what is "
        "approved and not yet filled counts."
    ),
    Code.GROSS_EXPOSURE_ABOVE_MAX: (
        "With this order, the sum of all exposures, long and short, would be over its limit; what "
        "is approved and not yet filled counts."
    ),
}
"""The controls asked of the ledger, in the order in which their reasons are listed."""

SHARED_LIMIT_FIELDS: dict[Code, tuple[str, ...]] = {
    Code.RATE_ABOVE_MAX: (
        "max_intents_per_second",
        "max_intents_per_minute",
        "max_exits_per_minute",
    ),
    Code.POSITION_ABOVE_MAX: ("max_position_usd",),
    Code.GROSS_EXPOSURE_ABOVE_MAX: ("max_gross_exposure_usd",),
}
"""The limits that each of them reads."""


def position_counter(symbol: str, direction: str) -> str:
    """Return the name of the counter of exposure to one symbol and side."""
    return f"position:{symbol}:{direction}"


def claims_of(
    intent: Intent, asked: Size | None, in_force: InForce, *, approved: Size | None
) -> tuple[Claim, ...]:
    """Return the exposure that an opening takes; an exit takes none.

    Args:
        intent: The intent.
        asked: The size it asks for, which the limits test.
        in_force: The limits.
        approved: The size that an approval books; None where it would be none.
    """
    if asked is None or intent.direction is None:
        return ()
    wanted = _units_of(asked)
    taken = wanted if approved is None or approved is asked else _units_of(approved)
    limits, entries, cut = in_force.limits, in_force.entries, wanted - taken
    position = position_counter(intent.symbol, intent.direction)
    return (
        Claim(
            _POSITION, position, taken, _ceiling_units(limits.max_position_usd, cut),
            entries.get("max_position_usd"), cut,
        ),
        Claim(
            _GROSS, GROSS, taken, _ceiling_units(limits.max_gross_exposure_usd, cut),
            entries.get("max_gross_exposure_usd"), cut,
        ),
    )  # fmt: skip


# Named once: looking a member up on its class is slow in Python 3.11.
_POSITION = Code.POSITION_ABOVE_MAX
_GROSS = Code.GROSS_EXPOSURE_ABOVE_MAX
_RATE = Code.RATE_ABOVE_MAX


def _units_of(size: Size) -> int:
    return min(to_units(size.notional_usd), MAX_UNITS)


def _ceiling_units(limit: Decimal | None, cut: int) -> int | None:
    return None if limit is None else _rounded_down(limit) - cut


@lru_cache(maxsize=1_024)
def _rounded_down(limit: Decimal) -> int:
    # Where amounts are rounded up, limits are rounded down: rounding may only ever tighten.
    return -to_units(-limit)


_OPENING_RATES = (("max_intents_per_second", 1_000), ("max_intents_per_minute", 60_000))
_EXIT_RATES = (("max_exits_per_minute", 60_000),)


def rate_counters(token: str) -> dict[str, tuple[str, int]]:
    """Return counter and window, in milliseconds, of each rate limit of a strategy, by limit."""
    return {
        **{name: (f"intents:{token}", window_ms) for name, window_ms in _OPENING_RATES},
        **{name: (f"exits:{token}", window_ms) for name, window_ms in _EXIT_RATES},
    }


def rates_of(intent: Intent, in_force: InForce) -> tuple[RateClaim, ...]:
    """Return the rates that an order counts against. Exits have one of their own."""
    if intent.is_exit:
        return _rates(f"exits:{intent.token}", _EXIT_RATES, in_force)
    if intent.direction is None:
        return ()
    return _rates(f"intents:{intent.token}", _OPENING_RATES, in_force)


def _rates(
    counter: str, windows: tuple[tuple[str, int], ...], in_force: InForce
) -> tuple[RateClaim, ...]:
    found = in_force.rates.get(counter)
    if found is None:
        if len(in_force.rates) >= COUNTERS_KEPT:
            in_force.rates.clear()
        found = in_force.rates[counter] = tuple(
            RateClaim(_RATE, counter, ceiling, window_ms, in_force.entries.get(field))
            for field, window_ms in windows
            if (ceiling := getattr(in_force.limits, field)) is not None
        )
    return found


def reasons_of(
    readings: Readings,
    claims: tuple[Claim, ...],
    rates: tuple[RateClaim, ...],
    *,
    price: Decimal | None,
) -> list[Reason]:
    """Return what the ledger's readings object to, every reason."""
    reasons = _identity_reasons(readings)
    for rate, used in zip(rates, readings.rates, strict=True):
        if used >= rate.ceiling:
            reasons.append(_rate_reason(rate, used))
    for claim, used in zip(claims, readings.used, strict=True):
        if claim.ceiling is not None and used + claim.amount > claim.ceiling:
            reasons.append(_exposure_reason(claim, used, claim.ceiling, price))
    return reasons


def _identity_reasons(readings: Readings) -> list[Reason]:
    reasons = []
    if readings.name_holder is not None:
        code = Code.STRATEGY_NAME_COLLIDES
        reasons.append(Reason(code, limit="one name", observed=readings.name_holder))
    if readings.first_decision is not None:
        repeated = readings.same_content
        code = Code.INTENT_REPEATED if repeated else Code.INTENT_ID_REUSED
        reasons.append(Reason(code, limit="once", observed=readings.first_decision))
    return reasons


def _rate_reason(rate: RateClaim, used: int) -> Reason:
    limit = f"{rate.ceiling} per {rate.window_ms // 1000} s"
    return Reason(
        rate.code, limit=limit, observed=str(used + 1), scope=rate.counter, entry=rate.entry
    )


def _exposure_reason(claim: Claim, used: int, ceiling: int, price: Decimal | None) -> Reason:
    limit = ceiling + claim.cut
    room = from_units(max(limit - used, 0))
    passes = None if price is None else f"{quantity_for(room, price):f}"
    return Reason(
        claim.code,
        limit=f"{from_units(limit):f}",
        observed=f"{from_units(used + claim.amount + claim.cut):f}",
        scope=claim.counter,
        entry=claim.entry,
        would_pass=passes,
    )
