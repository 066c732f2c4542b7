"""Checks on the price of one opening order, against a price that no bot writes to.

A market order trades at the market, so its ``current_price`` is judged: what the strategy saw. Any
other order trades at its ``price``, and is sent with its ``current_price`` where it states none;
its ``current_price`` is judged in any case, since a wrong one is another coin's. The ``price`` of a
market order is the strategy's trigger, often far away, and is not judged.
"""

from decimal import Decimal

from petrosa_cio.risk.checks.case import VENUE, Case, Finding
from petrosa_cio.risk.checks.well_formed import max_skew_s
from petrosa_cio.risk.exact import is_beyond
from petrosa_cio.risk.limits import DEFAULT_MAX_REFERENCE_PRICE_AGE_S
from petrosa_cio.risk.sizing import multiply
from petrosa_cio.risk.snapshot import ReferencePrice
from petrosa_cio.risk.venue import PriceBand

_NEEDED_BY = ("reference_price_required", "collar_bps")
_BY_THE_VENUE = "the venue's price band"


def reference_price_missing(case: Case) -> Finding | None:
    """A check needs the market price, and nobody independent has said it."""
    if case.reference is not None or not (needed_by := _needed_by(case)):
        return None
    entry = case.in_force.entries.get(needed_by, VENUE)
    return Finding(needed_by, "none", scope=case.intent.symbol, entry=entry)


def reference_price_stale(case: Case) -> Finding | None:
    """A check needs the market price, and the last one known is too old, or from the future."""
    reference = case.reference
    if reference is None or not _needed_by(case):
        return None
    return _staleness(case, reference)


def price_outside_collar(case: Case) -> Finding | None:
    """The order's price lies too far from the market price, on either side.

    How far is too far says the policy; for an order that waits at a price, the venue says it too.
    """
    if case.at_market:  # the venue never sees its price
        return _outside_collar(case)
    return _outside_collar(case) or _outside_band(case) or _outside_bounds(case)


def _needed_by(case: Case) -> str | None:
    """Return the limit that needs a reference price, or which rule of the venue; else None."""
    if case.limits.reference_price_required:
        return "reference_price_required"
    if case.limits.collar_bps is not None:
        return "collar_bps"
    return _BY_THE_VENUE if _band(case) else None


def _staleness(case: Case, reference: ReferencePrice) -> Finding | None:
    stated = case.limits.max_reference_price_age_s
    limit = DEFAULT_MAX_REFERENCE_PRICE_AGE_S if stated is None else stated
    age_s = (case.snapshot.now - reference.observed_at).total_seconds()
    skew_s, scope = max_skew_s(case), case.intent.symbol
    if age_s > limit:
        return Finding(f"{limit} s", f"{age_s:.3f} s ago", scope=scope)
    if -age_s > skew_s:
        entry = case.in_force.entries.get("max_clock_skew_s", "")
        return Finding(f"{skew_s} s", f"{-age_s:.3f} s ahead", scope=scope, entry=entry)
    return None


def _market_price(case: Case) -> Decimal | None:
    """Return the reference price where it is fresh; a stale one judges nothing."""
    reference = case.reference
    return None if reference is None or _staleness(case, reference) else reference.price


def _outside_collar(case: Case) -> Finding | None:
    limit = case.limits.collar_bps
    market = None if limit is None else _market_price(case)
    if limit is None or market is None:
        return None
    for name, price in _judged_prices(case):
        if price is not None and is_beyond(price, market, limit):
            return Finding(f"{limit} bps around {market:f}", price, scope=name)
    return None


def _judged_prices(case: Case) -> tuple[tuple[str, Decimal | None], ...]:
    intent = case.intent
    if case.at_market:
        seen = "price" if intent.current_price is None else "current_price"
        return ((seen, case.trades_at),)
    return (("price", intent.price), ("current_price", intent.current_price))


def _band(case: Case) -> PriceBand | None:
    """Return the venue's band for this order; None where none applies."""
    if case.rules is None or case.at_market or case.trades_at is None:
        return None
    is_long = case.direction == "long"
    band = case.rules.buy_band if is_long else case.rules.sell_band
    return None if band.lowest is None and band.highest is None else band


def _outside_band(case: Case) -> Finding | None:
    band = _band(case)
    market = _market_price(case) if band else None
    if band is None or market is None:
        return None
    lowest = None if band.lowest is None else multiply(market, band.lowest)
    highest = None if band.highest is None else multiply(market, band.highest)
    return _outside(case.trades_at, lowest, highest)


def _outside_bounds(case: Case) -> Finding | None:
    if case.rules is None:
        return None
    bounds = case.rules.price
    return _outside(case.trades_at, bounds.lowest, bounds.highest)


def _outside(
    price: Decimal | None, lowest: Decimal | None, highest: Decimal | None
) -> Finding | None:
    if price is None:
        return None
    if lowest is not None and price < lowest:
        return Finding(f"{lowest:f} or more", price, scope="price", entry=VENUE)
    if highest is not None and price > highest:
        return Finding(f"{highest:f} or less", price, scope="price", entry=VENUE)
    return None
