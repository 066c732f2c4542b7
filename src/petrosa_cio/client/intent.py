"""What a strategy proposes, as it is sent."""

from datetime import UTC, datetime
from decimal import Decimal
from typing import Any, Final
from uuid import uuid4

import msgspec
from msgspec import Struct, field

from petrosa_cio.risk.intent import Action, OrderType
from petrosa_cio.risk.parse import subject_token

_encoded: Final = msgspec.json.Encoder(decimal_format="number").encode

_NUMBERS: Final = (
    "confidence", "quantity", "quote_quantity", "position_size_pct", "price", "current_price",
    "stop_loss", "take_profit", "leverage",
)  # fmt: skip


def _new_id() -> str:
    return uuid4().hex


def _now() -> datetime:
    return datetime.now(UTC)


class Intent(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """One trade that a strategy proposes.

    It keeps its id for good: asked again, it is answered with what was decided first.

    Attributes:
        strategy_id: The strategy's name.
        symbol: Such as ``BTCUSDT``.
        action: ``buy`` and ``sell`` open, ``close`` closes.
        confidence: 0 to 1.
        quantity: Size in base units.
        quote_quantity: Size in USD, where no quantity is stated.
        position_size_pct: Size as a fraction of equity, where neither is stated.
        price: The price that the strategy assumes, USD.
        current_price: The market price that it saw, USD.
        stop_loss: Absolute protective price, USD.
        take_profit: Absolute target price, USD.
        leverage: The leverage that is asked for.
        order_type: How the engine is to trade.
        timeframe: Of the candles, such as ``15m``.
        metadata: What else the strategy wants recorded; any JSON.
        intent_id: Its id, new unless stated.
        timestamp: When it was made, aware; now unless stated.

    Raises:
        TypeError: A number is neither Decimal nor int: binary fractions are not exact.
        ValueError: A number is not finite, or the timestamp has no time zone.
    """

    strategy_id: str
    symbol: str
    action: Action
    confidence: Decimal | int | None = None
    quantity: Decimal | int | None = None
    quote_quantity: Decimal | int | None = None
    position_size_pct: Decimal | int | None = None
    price: Decimal | int | None = None
    current_price: Decimal | int | None = None
    stop_loss: Decimal | int | None = None
    take_profit: Decimal | int | None = None
    leverage: Decimal | int | None = None
    order_type: OrderType = OrderType.MARKET
    timeframe: str | None = None
    metadata: dict[str, Any] = field(default_factory=dict)
    intent_id: str = field(default_factory=_new_id)
    timestamp: datetime = field(default_factory=_now)

    def __post_init__(self) -> None:
        """Refuse what would be sent otherwise than it is meant."""
        for name in _NUMBERS:
            _check_number(name, getattr(self, name))
        if self.timestamp.tzinfo is None:
            raise ValueError("timestamp: expected a time zone; use datetime.now(UTC)")

    @property
    def token(self) -> str:
        """The strategy's name as one word of a subject."""
        return subject_token(self.strategy_id)

    def as_json(self) -> bytes:
        """Return it as it is sent; numbers keep every digit."""
        return _encoded(self)


def _check_number(name: str, value: object) -> None:
    if value is None or type(value) is int:
        return
    if not isinstance(value, Decimal):
        kind = type(value).__name__
        raise TypeError(f'{name}: expected Decimal or int, was {kind}; write Decimal("{value}")')
    if not value.is_finite():
        raise ValueError(f"{name}: expected a number, was {value}")
