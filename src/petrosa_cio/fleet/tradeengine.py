"""What the order engine accepts, and how a promoted intent becomes its signal.

A signal is built from an allow-list of the engine's fields, never by forwarding a message. The
engine ignores ``quantity`` when a ``position_size_pct`` is present, trusts ``llm_reasoning`` and
``meta``, reads timestamps as text only and takes the strategy's name into a subject of its own;
each of these is settled here. Percentages are fractions of 0 to 1; anything else it refuses.
"""

from collections.abc import Iterable, Mapping
from datetime import datetime
from decimal import Decimal
from itertools import islice
from math import nextafter

import orjson
from msgspec import Struct

from petrosa_cio.risk.intent import Intent
from petrosa_cio.risk.verdict import Verdict
from petrosa_cio.telemetry.trace_context import context_of

SOURCE = "petrosa-cio"
"""The only source from which the engine executes."""

MAX_METADATA_BYTES = 4_096
_MAX_TEXT = 256
_MAX_ITEMS = 32
_MAX_DEPTH = 3
_INTEGER_BITS = 64


class Promotion(Struct, frozen=True, gc=False):
    """One approved intent on its way out."""

    decision_id: str
    intent: Intent
    verdict: Verdict
    taken_at: datetime
    policy_revision: int


def signal_subject(template: str, token: str) -> str:
    """Return the subject of a signal; ``{strategy_id}`` stands for one safe token."""
    return template.replace("{strategy_id}", token)


def trace_parent(promotion: Promotion) -> str:
    """Return the caller's trace, or a new one, continued by the span of this decision."""
    return context_of(promotion.decision_id, promotion.intent.traceparent).traceparent


def signal_headers(promotion: Promotion, parent: str) -> dict[str, str]:
    """Return the message headers of a signal; ``parent`` is its `trace_parent`."""
    headers = {
        "traceparent": parent,
        "Nats-Msg-Id": promotion.decision_id,
        "Cio-Verdict": promotion.verdict.kind,
        "Cio-Policy-Revision": str(promotion.policy_revision),
    }
    if promotion.intent.tracestate:
        headers["tracestate"] = promotion.intent.tracestate
    return headers


def signal_body(promotion: Promotion, parent: str) -> bytes:
    """Return the signal as the engine's JSON; ``parent`` is its `trace_parent`."""
    intent, verdict = promotion.intent, promotion.verdict
    carrier = {"traceparent": parent}
    if intent.tracestate:
        carrier["tracestate"] = intent.tracestate
    market = intent.current_price if intent.current_price is not None else intent.price
    return orjson.dumps(
        {
            "decision_id": promotion.decision_id,
            "signal_id": promotion.decision_id,
            "strategy_id": intent.token,
            "strategy": intent.token,
            "strategy_mode": intent.strategy_mode,
            "symbol": intent.symbol,
            "action": intent.action,
            "confidence": _number(intent.confidence, 1.0),
            "quantity": _at_most(verdict.quantity),
            "price": _number(intent.price if intent.price is not None else market, 0.0),
            "current_price": _number(market, 0.0),
            "position_size_pct": None,
            "quote_quantity": None,
            "order_type": intent.order_type,
            "time_in_force": intent.time_in_force,
            "timeframe": intent.timeframe or "1h",
            "stop_loss": _optional(intent.stop_loss),
            "take_profit": _optional(intent.take_profit),
            "stop_loss_pct": _fraction(intent.stop_loss_pct),
            "take_profit_pct": _fraction(intent.take_profit_pct),
            "source": SOURCE,
            "timestamp": promotion.taken_at.isoformat(),
            "metadata": _metadata(promotion),
            "_otel_trace_context": carrier,
            "_otel_trace_headers": carrier,
        }
    )


def _at_most(quantity: Decimal | None) -> float:
    """Return a quantity as the engine's number, never a hair above what was approved."""
    if quantity is None:
        return 0.0
    nearest = float(quantity)
    return nearest if Decimal(repr(nearest)) <= quantity else nextafter(nearest, 0.0)


def _number(value: Decimal | None, default: float) -> float:
    return default if value is None else float(value)


def _optional(value: Decimal | None) -> float | None:
    return None if value is None else float(value)


def _fraction(value: Decimal | None) -> float | None:
    return float(value) if value is not None and 0 <= value <= 1 else None


def _metadata(promotion: Promotion) -> dict[str, object]:
    intent, verdict = promotion.intent, promotion.verdict
    reasons = [str(reason) for reason in verdict.reasons]
    return {
        "correlation_id": intent.stated_id or promotion.decision_id,
        "strategy_id": intent.strategy,
        "source": intent.source,
        "verdict": verdict.kind,
        "reasons": reasons,
        "cio_justification": "; ".join(reasons) or _justification(verdict),
        "policy_revision": promotion.policy_revision,
        "requested_quantity": _optional(verdict.requested_quantity),
        "intent": _within({**intent.metadata, **intent.extra}, MAX_METADATA_BYTES),
    }


def _justification(verdict: Verdict) -> str:
    if verdict.override_id is None:
        return "within every limit of the policy"
    lifted = "; ".join(str(reason) for reason in verdict.lifted) or "nothing"
    return f"override {verdict.override_id} lifted {lifted}"


def _within(fields: Mapping[str, object], budget: int) -> orjson.Fragment:
    """Return as many of a bot's own fields as fit, each cut to a harmless size and shape."""
    plain = _plain_object(fields.items(), _MAX_DEPTH)
    written = orjson.dumps(plain)
    if len(written) <= budget:
        return orjson.Fragment(written)
    kept: dict[str, object] = {}
    for name, value in plain.items():
        budget -= len(orjson.dumps({name: value}))
        if budget < 0:
            break
        kept[name] = value
    return orjson.Fragment(orjson.dumps(kept))


def _plain_object(items: Iterable[tuple[str, object]], depth: int) -> dict[str, object]:
    # Numbers, of which there are most, are settled here: a call for each would cost more.
    return {
        _plain_text(key): float(value) if type(value) is Decimal else _plain(value, depth)
        for key, value in items
    }


def _plain(value: object, depth: int) -> object:
    if isinstance(value, str):
        return _plain_text(value)
    if isinstance(value, Decimal):
        return float(value)
    if isinstance(value, dict):
        return _plain_object(islice(value.items(), _MAX_ITEMS if depth else 0), depth - 1)
    if isinstance(value, list):
        return [_plain(inner, depth - 1) for inner in value[: _MAX_ITEMS if depth else 0]]
    if isinstance(value, int) and not isinstance(value, bool):
        return value if value.bit_length() < _INTEGER_BITS else None
    return value


def _plain_text(text: str) -> str:
    if text.isascii() and len(text) <= _MAX_TEXT:
        return text
    return text[:_MAX_TEXT].encode("utf-8", "replace").decode("utf-8")
