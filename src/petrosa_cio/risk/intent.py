"""An intent: what a bot wants to do, after its message was understood.

The fleet spells one concept in several ways (see docs/CONTRACTS.md); here each has one name and one
type. Prices and stops are in quote currency (USD), quantities in base units, percentages fractions.
"""

from collections.abc import Mapping
from datetime import datetime
from decimal import Decimal
from enum import StrEnum

from msgspec import Struct, field


class Action(StrEnum):
    """What the bot asks for. ``hold`` is advice, never an order."""

    BUY = "buy"
    SELL = "sell"
    CLOSE = "close"
    HOLD = "hold"


class Direction(StrEnum):
    """The side of the market that an opening takes."""

    LONG = "long"
    SHORT = "short"


class OrderType(StrEnum):
    """Order types, in the order engine's spelling."""

    MARKET = "market"
    LIMIT = "limit"
    STOP = "stop"
    STOP_LIMIT = "stop_limit"
    TAKE_PROFIT = "take_profit"
    TAKE_PROFIT_LIMIT = "take_profit_limit"
    CONDITIONAL_LIMIT = "conditional_limit"
    CONDITIONAL_STOP = "conditional_stop"


class TimeInForce(StrEnum):
    """How long an order stays, in the order engine's spelling."""

    GTC = "GTC"
    IOC = "IOC"
    FOK = "FOK"
    GTX = "GTX"


class StrategyMode(StrEnum):
    """How the strategy came to its intent, in the order engine's spelling."""

    DETERMINISTIC = "deterministic"
    ML_LIGHT = "ml_light"
    LLM_REASONING = "llm_reasoning"


class Intent(Struct, frozen=True, gc=False):
    """A trade proposal, understood but not judged.

    Attributes:
        strategy: The strategy's name as stated.
        token: That name as one NATS-safe subject token.
        symbol: Upper-case symbol such as ``BTCUSDT``.
        action: What is asked for.
        stated_id: The bot's own id of this intent, if it has one.
        stated_at: When the bot says it made it, aware UTC.
        confidence: The bot's confidence as stated; valid ones lie in 0..1.
        quantity: Base units; None or zero means "no size of mine".
        position_size_pct: Fraction of equity.
        quote_quantity: Size in USD.
        price: The price the strategy assumes.
        current_price: The market price the strategy saw.
        stop_loss: Absolute protective price.
        take_profit: Absolute target price.
        leverage: The leverage that the strategy asks for; None where it has no opinion.
        traceparent: W3C trace context of the caller.
        metadata: The strategy's own fields, free in shape, never trusted.
        extra: Further top-level fields, never trusted.
    """

    strategy: str
    token: str
    symbol: str
    action: Action
    stated_id: str | None = None
    stated_at: datetime | None = None
    confidence: Decimal | None = None
    quantity: Decimal | None = None
    position_size_pct: Decimal | None = None
    quote_quantity: Decimal | None = None
    price: Decimal | None = None
    current_price: Decimal | None = None
    stop_loss: Decimal | None = None
    take_profit: Decimal | None = None
    stop_loss_pct: Decimal | None = None
    take_profit_pct: Decimal | None = None
    leverage: Decimal | None = None
    order_type: OrderType = OrderType.MARKET
    time_in_force: TimeInForce = TimeInForce.GTC
    strategy_mode: StrategyMode = StrategyMode.DETERMINISTIC
    timeframe: str | None = None
    source: str | None = None
    traceparent: str | None = None
    tracestate: str | None = None
    metadata: Mapping[str, object] = field(default_factory=dict)
    extra: Mapping[str, object] = field(default_factory=dict)

    @property
    def is_exit(self) -> bool:
        """True when the order can only close. In hedge mode a ``sell`` opens a short."""
        return self.action is _CLOSE

    @property
    def direction(self) -> Direction | None:
        """The side an opening takes; None for ``close`` and ``hold``."""
        if self.action is _BUY:
            return _LONG
        return _SHORT if self.action is _SELL else None

    @property
    def execution_price(self) -> Decimal | None:
        """Where the order would trade: a market order at the market, any other at its price."""
        if self.order_type is _MARKET:
            return self.current_price if self.current_price is not None else self.price
        return self.price if self.price is not None else self.current_price


# Named once: looking a member up on its class is slow in Python 3.11, and this is asked often.
_BUY, _SELL, _CLOSE = Action.BUY, Action.SELL, Action.CLOSE
_LONG, _SHORT = Direction.LONG, Direction.SHORT
_MARKET = OrderType.MARKET
