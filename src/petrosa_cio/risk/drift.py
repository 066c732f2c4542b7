"""How far the prices of a symbol's openings may drift apart within an hour (RTS 6 Art. 15(1)(a)).

Each order may lie inside its collar, and many of them still walk the price away step by step. So an
opening's price is compared with the lowest and the highest at which openings of the symbol were
held in the last hour, relative to those.

The ledger only compares. Prices cross to it as text of a fixed number of digits, exact, which sorts
as the numbers do; how low and how high the others may be is worked out here, rounded so that it can
only tighten.
"""

from decimal import ROUND_CEILING, Context, Decimal

from petrosa_cio.risk.claims import DriftClaim, Readings
from petrosa_cio.risk.exact import EXACT
from petrosa_cio.risk.in_force import InForce
from petrosa_cio.risk.intent import Intent
from petrosa_cio.risk.reasons import Reason, ReasonCode

DECIMALS = 36
DIGITS = 56
"""Prices are below 10^19 and no finer than 10^-36: see `petrosa_cio.risk.parse`."""

_HIGHEST_TEXT = "9" * DIGITS
_HIGHEST = int(_HIGHEST_TEXT)
_STEPS = Decimal(10) ** DECIMALS
_WHOLE_BPS = 10_000
_ROUNDED_UP = Context(prec=80, rounding=ROUND_CEILING)
_SHOWN_STEP = Decimal("0.01")
_COLLAR_DRIFT = ReasonCode.COLLAR_DRIFT


def drift_claim(intent: Intent, in_force: InForce) -> DriftClaim | None:
    """Return what an opening asks of the prices before it; None where that is not limited.

    An opening without a price above 0 asks nothing: it is denied for that.

    Raises:
        ValueError: The price is not one that an intent can state.
    """
    max_bps, price = in_force.limits.max_drift_bps_per_hour, intent.execution_price
    if max_bps is None or intent.direction is None or price is None or not price > 0:
        return None
    steps = _steps(price)
    return DriftClaim(
        symbol=intent.symbol,
        price=_text(steps),
        lowest=_text(-(-steps * _WHOLE_BPS // (_WHOLE_BPS + max_bps))),
        highest=_highest(steps, max_bps),
        max_bps=max_bps,
        entry=in_force.entries.get("max_drift_bps_per_hour"),
    )


def drifts_from(claim: DriftClaim, prices: tuple[str, str] | None) -> bool:
    """Return whether a price is too far from the lowest or the highest before it."""
    return prices is not None and (prices[0] < claim.lowest or prices[1] > claim.highest)


def drift_reasons(readings: Readings, claim: DriftClaim) -> list[Reason]:
    """Return what the prices before it object to."""
    prices = readings.prices
    if prices is None or not drifts_from(claim, prices):
        return []
    limit, observed = f"{claim.max_bps} bps", f"{_drift_bps(claim, *prices):f} bps"
    return [Reason(_COLLAR_DRIFT, limit=limit, observed=observed, scope=claim.symbol,
                   entry=claim.entry)]  # fmt: skip


def price_text(price: Decimal) -> str:
    """Return a price as text that sorts as the numbers do.

    Raises:
        ValueError: The price is not one that an intent can state.
    """
    return _text(_steps(price))


def _steps(price: Decimal) -> int:
    """Return a price as a whole number of its finest steps."""
    steps = EXACT.multiply(price, _STEPS)
    whole = int(steps)
    if whole != steps or whole > _HIGHEST:
        raise ValueError("no price that an intent can state")
    return whole


def _highest(steps: int, max_bps: int) -> str:
    if max_bps >= _WHOLE_BPS:  # nothing is further below another price than all of it
        return _HIGHEST_TEXT
    return _text(min(steps * _WHOLE_BPS // (_WHOLE_BPS - max_bps), _HIGHEST))


def _text(steps: int) -> str:
    return str(steps).zfill(DIGITS)


def _drift_bps(claim: DriftClaim, *others: str) -> Decimal:
    """Return the largest distance from other prices, relative to each, in basis points."""
    price = int(claim.price)
    furthest = max(
        _ROUNDED_UP.divide(Decimal(abs(price - int(other)) * _WHOLE_BPS), Decimal(int(other)))
        for other in others
    )
    shown = furthest.quantize(_SHOWN_STEP, ROUND_CEILING, EXACT)
    return shown.normalize(EXACT)
