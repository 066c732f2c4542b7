"""What the bots of a fleet publish: one trade idea in the several shapes that the fleet uses.

Bots that analyse candles state no size and name their trace ``_otel_trace_headers``; those that
watch the order book state a quantity, an id of their own under two names and a display name with
spaces; a bare shape says no more than it must. Field names and values are as on the fleet's bus.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from random import Random

import orjson

from petrosa_cio.demo.chance import identifier
from petrosa_cio.risk.parse import subject_token

FLEET_SUBJECT = "cio.intent.trading"
PLAIN_SUBJECT = "intent"

Payload = dict[str, object]


@dataclass(frozen=True, slots=True)
class Idea:
    """What a bot wants to do.

    Attributes:
        symbol: Which market.
        action: ``buy``, ``sell``, ``close`` or ``hold``.
        confidence: How sure it is, 0 to 1.
        size_usd: How much it wants to trade; None leaves that to the policy.
        stop: Distance of its protective price, as a share of the price.
        target: Distance of its target, as a share of the price.
    """

    symbol: str
    action: str
    confidence: float
    size_usd: float | None = None
    stop: float = 0.03
    target: float = 0.05


@dataclass(frozen=True, slots=True)
class Cue:
    """One message to publish, and when.

    Attributes:
        at: When, as a share of the demo.
        bot: Who publishes it, as people know it.
        subject: Where.
        payload: The message without its time; empty when it is ``raw``.
        age_s: How old it says it is, in seconds.
        raw: Bytes to publish as they are, in place of a message.
    """

    at: float
    bot: str
    subject: str
    payload: Mapping[str, object] = field(default_factory=dict)
    age_s: float = 0.0
    raw: bytes = b""

    def body(self, now: datetime) -> bytes:
        """Return what is published at this moment."""
        if self.raw:
            return self.raw
        stated_at = now - timedelta(seconds=self.age_s)
        return orjson.dumps({**self.payload, "timestamp": stated_at.isoformat()})

    @property
    def symbol(self) -> str:
        """The symbol it names; empty when it names none."""
        return str(self.payload.get("symbol", ""))

    @property
    def action(self) -> str:
        """The action it names; empty when it names none."""
        return str(self.payload.get("action") or self.payload.get("side") or "")


def analysis_intent(strategy: str, idea: Idea, price: float, chance: Random) -> Payload:
    """Return an idea as the fleet's candle analysis publishes it."""
    return _signal(strategy, idea, price) | {
        "quantity": _quantity(idea, price),
        "source": "ta_bot",
        "metadata": {"strategy_origin": "demo"},
        "timeframe": "15m",
        "position_size_pct": None,
        "stop_loss_pct": None,
        "take_profit_pct": None,
        "recommended_leverage": None,
        "intent_id": identifier(chance),
        "signal_id": None,
        "_otel_trace_headers": {
            "traceparent": f"00-{identifier(chance)}-{identifier(chance)[:16]}-01"
        },
    }


def order_book_intent(strategy: str, idea: Idea, price: float, chance: Random) -> Payload:
    """Return an idea as the fleet's order book watchers publish it."""
    own_id = identifier(chance)
    return _signal(strategy, idea, price) | {
        "id": own_id,
        "signal_id": own_id,
        "target_price": price,
        "quantity": _quantity(idea, price),
        "source": "realtime_strategies",
        "metadata": {"strategy_id": subject_token(strategy).lower(), "timeframe": "tick"},
        "timeframe": "1m",
        "signal_type": idea.action,
        "confidence_score": idea.confidence,
        "stop_loss_pct": idea.stop,
        "take_profit_pct": idea.target,
        "_otel_trace_context": {},
    }


def bare_intent(strategy: str, idea: Idea, price: float, chance: Random) -> Payload:
    """Return an idea with no more than is needed, its size in USD."""
    stop, target = _protection(idea, price)
    return {
        "intent_id": identifier(chance),
        "strategy_id": strategy,
        "strategy_mode": "llm_reasoning",
        "symbol": idea.symbol,
        "action": idea.action,
        "confidence": idea.confidence,
        "current_price": price,
        "quote_quantity": idea.size_usd,
        "stop_loss": stop,
        "take_profit": target,
    }


def _signal(strategy: str, idea: Idea, price: float) -> Payload:
    """Return the fields that both shapes of the fleet have in common."""
    stop, target = _protection(idea, price)
    return {
        "strategy_id": strategy,
        "strategy": strategy,
        "strategy_mode": "deterministic",
        "symbol": idea.symbol,
        "action": idea.action,
        "confidence": idea.confidence,
        "strength": "medium",
        "price": price,
        "current_price": price,
        "order_type": "market",
        "time_in_force": "GTC",
        "stop_loss": stop,
        "take_profit": target,
    }


def _quantity(idea: Idea, price: float) -> float:
    return 0.0 if idea.size_usd is None else round(idea.size_usd / price, 6)


def _protection(idea: Idea, price: float) -> tuple[float | None, float | None]:
    """Return stop and target: below and above for a buy, else above and below."""
    if idea.action not in {"buy", "sell"}:
        return None, None
    sign = 1 if idea.action == "buy" else -1
    return round(price * (1 - sign * idea.stop), 6), round(price * (1 + sign * idea.target), 6)
