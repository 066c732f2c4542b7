"""What the order engine says became of an order, understood but not yet acted upon."""

from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from enum import StrEnum

from petrosa_cio.risk.intent import Direction


class ExecutionKind(StrEnum):
    """What happened, in the order engine's spelling."""

    PLACED = "placed"
    FILLED = "filled"
    PARTIAL_FILL = "partial_fill"
    REJECTED = "rejected"
    FORCE_CLOSED = "position_force_closed_no_stops"


@dataclass(frozen=True, slots=True)
class ExecutionEvent:
    """One report of the order engine.

    Attributes:
        kind: What happened.
        decision_id: The decision whose signal caused the order; empty when it had none.
        order_id: The engine's or the venue's order; empty for refusals before there was one.
        symbol: Upper-case symbol, where told.
        direction: The side opened, or for an exit the side closed; None where it cannot be told.
        is_exit: True when the fill closes a position.
        quantity: Base units of this fill, above zero; None where not told.
        price: Price of this fill in USD, above zero; None where not told.
        at: When it happened, as exactly as told.
        reason: The engine's own words.
    """

    kind: ExecutionKind
    decision_id: str
    order_id: str
    symbol: str | None = None
    direction: Direction | None = None
    is_exit: bool = False
    quantity: Decimal | None = None
    price: Decimal | None = None
    at: datetime | None = None
    reason: str = ""


@dataclass(frozen=True, slots=True)
class UnreadableExecution:
    """Why a report of the order engine was not understood."""

    problem: str
