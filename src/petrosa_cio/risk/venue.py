"""What the venue asks of an order: increments, bounds, price bands, leverage by size.

The venue's own file is read elsewhere (`petrosa_cio.fleet`); here each of its filters has a plain
name. None means that the venue states no such rule. Prices are in quote currency (USD), quantities
in base units, all exact.
"""

from collections.abc import Mapping
from decimal import Decimal

from msgspec import Struct, field


class Increments(Struct, frozen=True, gc=False):
    """The grid and the bounds of one kind of number, a price or a quantity."""

    step: Decimal | None = None
    lowest: Decimal | None = None
    highest: Decimal | None = None


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


class VenueRules(Struct, frozen=True, gc=False):
    """The rules of all symbols, with a hash of their content for the record."""

    symbols: Mapping[str, SymbolRules] = field(default_factory=dict)
    content_hash: str = ""
