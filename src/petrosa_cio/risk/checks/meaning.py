"""The semantic veto: an intent that contradicts itself is refused, whatever was meant.

Bots describe their intents in fields of their own, in ``metadata`` and beside the known ones. Where
such a field says plainly which way the order goes, where it is protected or what the market stands
at, it must agree with the order itself. Only words that leave no doubt count: a reversal strategy
buys in a downtrend, so ``trend_direction`` says nothing of the order, and neither does a signal
type such as ``bearish_ichimoku``.

Exits are not judged: what closes a position takes risk away, and a muddled description must not
keep it open. Advice is no order and is not judged either.
"""

from collections.abc import Mapping
from decimal import Decimal

from petrosa_cio.risk.checks.case import Case, Finding
from petrosa_cio.risk.exact import is_beyond
from petrosa_cio.risk.intent import Direction, Intent

MOST_APART_BPS = 5_000
"""How far a price in the metadata may lie from the same price of the order.

In what bots have sent, the two are equal. The prices of two coins lie further apart than this, and
a price cannot change by half between the two lines that state it.
"""

_LONG, _SHORT = Direction.LONG, Direction.SHORT

DIRECTION_FIELDS = frozenset(
    [
        "action",
        "bias",
        "direction",
        "order_side",
        "orderSide",
        "position_side",
        "positionSide",
        "position_type",
        "side",
        "signal",
        "signal_type",
        "trade_direction",
    ]
)
"""Fields of the bot's own that say which way the order goes, where they say a plain word."""

_SIDES = {
    "long": _LONG,
    "buy": _LONG,
    "bullish": _LONG,
    "short": _SHORT,
    "sell": _SHORT,
    "bearish": _SHORT,
}

_EVENT_SOURCE = "realtime_strategies"
_EVENT_SIDES = {
    "event_type": {"widening": _SHORT, "narrowing": _LONG},
    "iceberg_side": {"bid": _LONG, "ask": _SHORT},
}
"""What the order-book strategies saw, and which way they trade on it."""


def semantic_contradiction(case: Case) -> Finding | None:
    """The intent contradicts itself: its own description says something else than its order."""
    intent = case.intent
    contradiction = _other_side(intent, intent.extra, "")
    if contradiction is None and intent.metadata:
        contradiction = (
            _other_side(intent, intent.metadata, "metadata.")
            or _other_event(intent)
            or _other_protection(intent)
            or _other_price(intent)
        )
    return None if contradiction is None else Finding("one meaning", contradiction)


def _other_side(intent: Intent, fields: Mapping[str, object], where: str) -> str | None:
    if DIRECTION_FIELDS.isdisjoint(fields):
        return None
    for name in sorted(DIRECTION_FIELDS & fields.keys()):
        said = fields[name]
        side = _SIDES.get(said.strip().casefold()) if isinstance(said, str) else None
        if side is not None and side is not intent.direction:
            return f"{where}{name} says {str(said).strip()}, and action is {intent.action}"
    return None


def _other_event(intent: Intent) -> str | None:
    if intent.source != _EVENT_SOURCE:
        return None
    for name, sides in _EVENT_SIDES.items():
        said = intent.metadata.get(name)
        side = sides.get(said) if isinstance(said, str) else None
        if side is not None and side is not intent.direction:
            wanted = "buys" if side is _LONG else "sells"
            return f"metadata.{name} says {said}, which {wanted}, and action is {intent.action}"
    return None


def _other_protection(intent: Intent) -> str | None:
    own, stated = _number(intent.metadata.get("stop_loss")), intent.stop_loss
    if own is None or stated is None or own == stated:
        return None
    entry = intent.execution_price
    if entry is None or not min(own, stated) < entry < max(own, stated):
        return None
    mine, other = [f"{stop:f} is {'below' if stop < entry else 'above'}" for stop in (own, stated)]
    return f"metadata.stop_loss {mine} the price of {entry:f}, and stop_loss {other} it"


def _other_price(intent: Intent) -> str | None:
    for name, stated in (("price", intent.price), ("current_price", intent.current_price)):
        own = _number(intent.metadata.get(name))
        if own is None or stated is None or stated <= 0 or own == stated:
            continue
        if is_beyond(own, stated, MOST_APART_BPS):
            return f"metadata.{name} says {own:f}, and {name} is {stated:f}"
    return None


def _number(said: object) -> Decimal | None:
    if isinstance(said, Decimal):
        return said if said.is_finite() else None
    return Decimal(said) if type(said) is int else None
