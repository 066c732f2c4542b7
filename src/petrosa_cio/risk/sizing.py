"""How large an intent is, resolved once.

The size is the intent's own ``quantity``, else ``position_size_pct`` of equity, else
``quote_quantity`` at the price, else the size that the policy gives to unsized intents. It is
valued at the highest price anyone names, so that no limit is passed by naming a low one.
"""

from decimal import ROUND_DOWN, Decimal

from msgspec import Struct

from petrosa_cio.risk.exact import EXACT
from petrosa_cio.risk.intent import Intent, OrderType
from petrosa_cio.risk.limits import LimitSet
from petrosa_cio.risk.venue import SymbolRules

QUANTITY_STEP = Decimal("0.00000001")
"""Finest quantity that any venue of the fleet accepts."""


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
    return EXACT.multiply(left, right)


def quantity_for(notional_usd: Decimal, price: Decimal, step: Decimal | None = None) -> Decimal:
    """Return the largest quantity whose notional at ``price`` does not exceed ``notional_usd``."""
    return round_down(EXACT.divide(notional_usd, price), step)


def round_down(quantity: Decimal, step: Decimal | None = None) -> Decimal:
    """Return a quantity rounded down to the venue's step, or to the finest where none is known."""
    if step is None:
        return quantity.quantize(QUANTITY_STEP, ROUND_DOWN, EXACT).normalize(EXACT)
    return EXACT.multiply(EXACT.divide_int(quantity, step), step).normalize(EXACT)


def step_of(rules: SymbolRules | None, intent: Intent) -> Decimal | None:
    """Return the venue's step for an order's quantity; None where none is known."""
    if rules is None:
        return None
    return rules.quantity_step(at_market=intent.order_type is _MARKET)


# Named once: looking a member up on its class is slow in Python 3.11.
_MARKET = OrderType.MARKET


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
    step: Decimal | None = None,
) -> Size | None:
    """Return the size that an intent asks for, or None when none can be resolved.

    A stated quantity is taken as it is. What is worked out is rounded down to the venue's
    ``step``; where that leaves nothing, the size is zero, which the venue's checks refuse. An exit
    without a size of its own has none: it closes all there is.
    """
    price = valuation_price(intent, reference_price)
    if price is None:
        return None
    if intent.quantity:
        quantity, basis = intent.quantity, "quantity"
    else:
        money, basis = _money(intent, limits, equity_usd)
        if money is None or money <= 0:
            return None
        quantity = quantity_for(money, price, step)
        if not quantity and step is not None:
            return Size(quantity, price, quantity, basis)
    return Size(quantity, price, multiply(quantity, price), basis) if quantity > 0 else None


def _money(
    intent: Intent, limits: LimitSet, equity_usd: Decimal | None
) -> tuple[Decimal | None, str]:
    """Return the USD that an intent without a quantity is worth, and which field says so."""
    if intent.position_size_pct:
        share = None if equity_usd is None else multiply(intent.position_size_pct, equity_usd)
        return share, "position_size_pct"
    if intent.quote_quantity:
        return intent.quote_quantity, "quote_quantity"
    if limits.unsized_order_usd is not None and not intent.is_exit:
        return limits.unsized_order_usd, "unsized_order_usd"
    return None, "none"
