"""What the demo's order engine makes of a signal, and how it says so.

Its words are those of the fleet's engine: ``placed``, ``filled``, ``partial_fill``, ``rejected``,
sides as ``buy`` and ``sell`` for orders and as ``LONG`` and ``SHORT`` for what is closed. Like that
engine it takes signals from petrosa-cio alone, wants a confidence of 0.6, cannot execute ``close``,
and closes positions by stop and target. Unlike it, it also closes after a time, so that a minute
sees exposure come and go; and it fills everything at the demo's market, without an exchange.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from decimal import ROUND_DOWN, Decimal
from enum import StrEnum
from random import Random
from typing import Any

from petrosa_cio.demo.chance import identifier
from petrosa_cio.fleet.tradeengine import SOURCE

MIN_CONFIDENCE = 0.6
REFUSED = 0.05
"""How often the venue refuses an order for want of margin."""

PARTLY = 0.2
"""How often an order is filled in two parts."""

SLIPPAGE = 0.0005
QUANTITY_STEP = Decimal("0.00000001")

Report = dict[str, object]


class Ending(StrEnum):
    """Why a position is closed, in the engine's words."""

    STOP = "stop_loss"
    TARGET = "take_profit"
    TIME = "time"


@dataclass(frozen=True, slots=True)
class Position:
    """What one signal opened.

    Attributes:
        signal: The signal.
        quantity: Base units held.
        closes_at: When it is closed if neither stop nor target was reached, as a share of the demo.
    """

    signal: Mapping[str, Any]
    quantity: Decimal
    closes_at: float

    @property
    def is_long(self) -> bool:
        """Whether it gains when the price rises."""
        return bool(self.signal["action"] == "buy")

    def ending(self, price: Decimal, share: float) -> Ending | None:
        """Return why it is to be closed at this price and moment, if it is."""
        stop, target = self.signal["stop_loss"], self.signal["take_profit"]
        sign = 1 if self.is_long else -1
        if stop is not None and sign * (float(price) - stop) <= 0:
            return Ending.STOP
        if target is not None and sign * (float(price) - target) >= 0:
            return Ending.TARGET
        return Ending.TIME if share >= self.closes_at else None


def refusal(signal: Mapping[str, Any], chance: Random) -> tuple[str, str] | None:
    """Return why a signal is refused, as source and reason, or None if it is not."""
    if signal["source"] != SOURCE:
        return "validation", "cio_enforcement_unauthorized_source"
    if signal["confidence"] < MIN_CONFIDENCE:
        return "risk_check", "Confidence below threshold"
    if signal["action"] not in {"buy", "sell"}:
        return "exchange", f"Invalid order side: {signal['action']}"
    return ("balance", "insufficient_margin") if chance.random() < REFUSED else None


def opening_reports(
    signal: Mapping[str, Any], price: Decimal, chance: Random, now: datetime
) -> Iterator[Report]:
    """Iterate over what the engine says of a signal until it is filled or refused."""
    order = {"order_id": identifier(chance), "side": signal["action"], "qty": signal["quantity"]}
    refused = refusal(signal, chance)
    if refused is not None:
        source, reason = refused
        told = {"rejection_source": source, "rejection_reason": reason}
        yield _report(signal, "rejected", reason, now) | order | told
        return
    yield _report(signal, "placed", "binance_accepted", now) | order
    at = price * Decimal(str(1 + chance.uniform(-SLIPPAGE, SLIPPAGE)))
    whole = Decimal(str(signal["quantity"]))
    part = (whole / 2).quantize(QUANTITY_STEP, ROUND_DOWN)
    if chance.random() < PARTLY and part:
        whole -= part
        filled = _fill(part, at)
        yield _report(signal, "partial_fill", "user_data_stream_fill", now) | order | filled
    yield _report(signal, "filled", "binance_filled", now) | order | _fill(whole, at)


def closing_report(
    position: Position, ending: Ending, price: Decimal, order_id: str, now: datetime
) -> Report:
    """Return what the engine says when it closes a position: the side is the one that was held."""
    side = "LONG" if position.is_long else "SHORT"
    closed = {"order_id": order_id, "side": side, "close_reason": ending.value}
    reason = f"oco_exit_{ending}"
    return (
        _report(position.signal, "filled", reason, now) | closed | _fill(position.quantity, price)
    )


def _report(signal: Mapping[str, Any], event: str, reason: str, now: datetime) -> Report:
    return {
        "decision_id": signal["decision_id"],
        "strategy_id": signal["strategy_id"],
        "event_type": event,
        "timestamp": now.isoformat(),
        "reason": reason,
        "symbol": signal["symbol"],
    }


def _fill(quantity: Decimal, price: Decimal) -> Report:
    told_quantity, told_price = float(quantity), round(float(price), 6)
    return {
        "fill_qty": told_quantity,
        "fill_quantity": told_quantity,
        "fill_price": told_price,
        "price": told_price,
    }
