"""What the venue asks of an order: increments, bounds, price bands, leverage by size.

The venue's own file is read elsewhere (`petrosa_cio.fleet`); here each of its filters has a plain
name. None means that the venue states no such rule. Prices are in quote currency (USD), quantities
in base units, all exact.

The venue documents two ways to count steps: from zero (spot), and from the lowest number allowed
(futures). Only what both accept lies on the grid here. They agree wherever the lowest number is
itself a multiple of the step; where it is not, nothing lies on the grid.
"""

from collections.abc import Mapping
from decimal import Decimal
from math import lcm

from msgspec import Struct, field

from petrosa_cio.risk.exact import EXACT


class Increments(Struct, frozen=True, gc=False):
    """The grid and the bounds of one kind of number, a price or a quantity."""

    step: Decimal | None = None
    lowest: Decimal | None = None
    highest: Decimal | None = None

    def has(self, number: Decimal) -> bool:
        """Return whether a number lies on the grid, counted from zero and from the lowest."""
        step, lowest = self.step, self.lowest
        if step is None:
            return True
        if EXACT.remainder(number, step):
            return False
        return lowest is None or not EXACT.remainder(lowest, step)


class PriceBand(Struct, frozen=True, gc=False):
    """How far from the market a price may lie, as factors on the reference price."""

    lowest: Decimal | None = None
    highest: Decimal | None = None


class LeverageBracket(Struct, frozen=True, gc=False):
    """Up to which position, in USD, the venue grants which leverage."""

    notional_cap_usd: Decimal
    max_leverage: int


class SymbolRules(Struct, frozen=True, gc=False):
    """The rules for one symbol.

    Attributes:
        symbol: The symbol in capitals.
        is_trading: Whether the venue takes orders in it now.
        price: Grid and bounds of limit prices.
        quantity: Grid and bounds of every order's quantity.
        market_quantity: What holds for market orders besides.
        min_notional_usd: Smallest value of an order.
        max_notional_usd: Largest value of an order.
        min_notional_binds_market: Whether the smallest value holds for market orders too.
        max_notional_binds_market: Whether the largest value holds for market orders too.
        buy_band: Where prices of buying orders may lie.
        sell_band: Where prices of selling orders may lie.
        brackets: Leverage by position size, the smallest size first; empty where none is known.
    """

    symbol: str
    is_trading: bool = True
    price: Increments = Increments()
    quantity: Increments = Increments()
    market_quantity: Increments = Increments()
    min_notional_usd: Decimal | None = None
    max_notional_usd: Decimal | None = None
    min_notional_binds_market: bool = True
    max_notional_binds_market: bool = True
    buy_band: PriceBand = PriceBand()
    sell_band: PriceBand = PriceBand()
    brackets: tuple[LeverageBracket, ...] = ()

    def quantities(self, *, at_market: bool) -> tuple[Increments, ...]:
        """Return every grid that an order's quantity must lie on."""
        return (self.quantity, self.market_quantity) if at_market else (self.quantity,)

    def quantity_step(self, *, at_market: bool) -> Decimal | None:
        """Return the step to which quantities are rounded; None where there is none."""
        step, other = self.quantity.step, self.market_quantity.step
        if not at_market or other is None or other == step:
            return step
        return other if step is None else _common_multiple(step, other)

    def least_notional(self, *, at_market: bool) -> Decimal | None:
        """Return the smallest value of an order; None where there is none."""
        binds = self.min_notional_binds_market or not at_market
        return self.min_notional_usd if binds else None

    def most_notional(self, *, at_market: bool) -> Decimal | None:
        """Return the largest value of an order; None where there is none."""
        binds = self.max_notional_binds_market or not at_market
        return self.max_notional_usd if binds else None

    def leverage_for(self, notional_usd: Decimal) -> int | None:
        """Return the most leverage for an order of this value: 0 above every bracket.

        None where no bracket is known.
        """
        if not self.brackets:
            return None
        for bracket in self.brackets:
            if notional_usd <= bracket.notional_cap_usd:
                return bracket.max_leverage
        return 0


class VenueRules(Struct, frozen=True, gc=False):
    """The rules of all symbols, with a hash of their content for the record."""

    symbols: Mapping[str, SymbolRules] = field(default_factory=dict)
    content_hash: str = ""


def _common_multiple(left: Decimal, right: Decimal) -> Decimal:
    """Return the smallest number that both steps divide."""
    (over, under), (other_over, other_under) = left.as_integer_ratio(), right.as_integer_ratio()
    parts = lcm(under, other_under)
    multiple = lcm(over * (parts // under), other_over * (parts // other_under))
    return EXACT.divide(Decimal(multiple), Decimal(parts))
