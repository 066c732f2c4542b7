"""How large an intent is, resolved once.

The size is the intent's own ``quantity``, else ``position_size_pct`` of equity, else
``quote_quantity`` at the price, else the size that the policy gives to unsized intents. It is
valued at the highest price anyone names, so that no limit is passed by naming a low one.
"""

from decimal import ROUND_DOWN, Context, Decimal

from msgspec import Struct

from petrosa_cio.risk.intent import Intent
from petrosa_cio.risk.limits import LimitSet

QUANTITY_STEP = Decimal("0.00000001")
"""Finest quantity that any venue of the fleet accepts."""

_EXACT = Context(prec=80)
"""Wide enough that products of two border-checked numbers, of 34 digits each, are exact."""


class Size(Struct, frozen=True, gc=False):
    """A resolved size.

    Attributes:
        quantity: Base units.
        price: The price it is valued at, USD per base unit.
        notional_usd: quantity times price, exact.
        basis: Which field it came from.
    """

    quantity: Decimal
    price: Decimal
    notional_usd: Decimal
    basis: str

    def with_quantity(self, quantity: Decimal) -> "Size":
        """Return the same with another quantity."""
        return Size(quantity, self.price, multiply(quantity, self.price), self.basis)


def multiply(left: Decimal, right: Decimal) -> Decimal:
    """Return the exact product."""
    return _EXACT.multiply(left, right)


def quantity_for(notional_usd: Decimal, price: Decimal) -> Decimal:
    """Return the largest quantity whose notional at ``price`` does not exceed ``notional_usd``."""
    return round_down(_EXACT.divide(notional_usd, price))


def round_down(quantity: Decimal) -> Decimal:
    """Return a quantity rounded down to the finest step."""
    return quantity.quantize(QUANTITY_STEP, ROUND_DOWN, _EXACT).normalize(_EXACT)


def valuation_price(intent: Intent, reference_price: Decimal | None) -> Decimal | None:
    """Return the highest positive price that anyone names, or None when nobody names one."""
    highest = None
    for price in (reference_price, intent.price, intent.current_price):
        if price is not None and price > 0 and (highest is None or price > highest):
            highest = price
    return highest


def resolve_size(
    intent: Intent,
    limits: LimitSet,
    *,
    reference_price: Decimal | None,
    equity_usd: Decimal | None,
) -> Size | None:
    """Return the size that an intent asks for, or None when none can be resolved.

    An exit without a size of its own has none: it closes all there is.
    """
    price = valuation_price(intent, reference_price)
    if price is None:
        return None
    quantity, basis = _stated(intent, limits, price, equity_usd)
    if quantity is None or quantity <= 0:
        return None
    return Size(quantity, price, multiply(quantity, price), basis)


def _stated(
    intent: Intent, limits: LimitSet, price: Decimal, equity_usd: Decimal | None
) -> tuple[Decimal | None, str]:
    if intent.quantity:
        return intent.quantity, "quantity"
    if intent.position_size_pct:
        if equity_usd is None:
            return None, "position_size_pct"
        share = multiply(intent.position_size_pct, equity_usd)
        return quantity_for(share, price), "position_size_pct"
    if intent.quote_quantity:
        return quantity_for(intent.quote_quantity, price), "quote_quantity"
    if limits.unsized_order_usd is not None and not intent.is_exit:
        return quantity_for(limits.unsized_order_usd, price), "unsized_order_usd"
    return None, "none"
