"""From a report of the order engine to an `ExecutionEvent`, or to the reason why it is none.

The engine spells sides in three ways: ``buy`` and ``sell`` for its own orders, ``BUY`` and ``SELL``
for fills that the venue streams, and ``LONG`` and ``SHORT`` when a protective order closes a
position: then it is the side that was closed, not the order's. A fill's quantity and price come
under two names each. The ``decision_id`` is empty when the signal had none. The same report may
come twice. Numbers are read as strictly as those of intents.
"""

from collections.abc import Mapping
from datetime import UTC, datetime
from decimal import Decimal

from petrosa_cio.risk.execution import ExecutionEvent, ExecutionKind, UnreadableExecution
from petrosa_cio.risk.intent import Direction
from petrosa_cio.risk.parse import MAX_ID_LENGTH
from petrosa_cio.risk.strict_json import NotStrictJson, load_object

MAX_EVENT_BYTES = 65_536
_MAX_REASON_LENGTH = 1_024
_MAX_DIGITS = 34
_MAX_MAGNITUDE = 18

_OPENED = {"buy": Direction.LONG, "sell": Direction.SHORT}
_CLOSED = {"long": Direction.LONG, "short": Direction.SHORT}


class _Problem(Exception):
    """Internal to this module: reading stops here with this sentence."""


def parse_execution(body: bytes) -> ExecutionEvent | UnreadableExecution:
    """Read one report. Nothing is raised, whatever the bytes."""
    try:
        return _event_of(load_object(body, MAX_EVENT_BYTES))
    except (NotStrictJson, _Problem) as problem:
        return UnreadableExecution(str(problem))


def _event_of(message: Mapping[str, object]) -> ExecutionEvent:
    side = _text(message, "side").casefold()
    closes = side in _CLOSED or bool(_text(message, "close_reason"))
    # With a reason for closing, ``sell`` may be the order's side or the position's: not told.
    direction = _CLOSED.get(side) if closes else _OPENED.get(side)
    return ExecutionEvent(
        kind=_kind(message),
        decision_id=_text(message, "decision_id"),
        order_id=_text(message, "order_id"),
        symbol=_text(message, "symbol").upper() or None,
        direction=direction,
        is_exit=closes,
        quantity=_agreed(_positive(message, "fill_qty"), _positive(message, "fill_quantity")),
        price=_positive(message, "fill_price") or _positive(message, "price"),
        at=_instant(message, "fill_time") or _instant(message, "timestamp"),
        reason=_text(message, "reason", longest=_MAX_REASON_LENGTH),
    )


# --- One field ------------------------------------------------------------------------------------


def _kind(message: Mapping[str, object]) -> ExecutionKind:
    stated = _text(message, "event_type")
    try:
        return ExecutionKind(stated)
    except ValueError:
        raise _Problem(f"event_type is not one of {', '.join(ExecutionKind)}") from None


def _text(message: Mapping[str, object], key: str, *, longest: int = MAX_ID_LENGTH) -> str:
    value = message.get(key)
    if value is None:
        return ""
    if not isinstance(value, str) or len(value) > longest or not value.isprintable():
        raise _Problem(f"{key} is not text, longer than {longest} or has a control character")
    return value


def _positive(message: Mapping[str, object], key: str) -> Decimal | None:
    value = message.get(key)
    if value is None:
        return None
    if isinstance(value, bool) or not isinstance(value, int | Decimal):
        raise _Problem(f"{key} is not a number")
    number = Decimal(value)
    if number <= 0:
        raise _Problem(f"{key} is not above zero")
    if len(number.as_tuple().digits) > _MAX_DIGITS or abs(number.adjusted()) > _MAX_MAGNITUDE:
        raise _Problem(f"{key} is out of range")
    return number


def _agreed(one: Decimal | None, other: Decimal | None) -> Decimal | None:
    if one is not None and other is not None and one != other:
        raise _Problem("fill_qty and fill_quantity disagree")
    return other if one is None else one


def _instant(message: Mapping[str, object], key: str) -> datetime | None:
    stated = _text(message, key)
    if not stated:
        return None
    try:
        instant = datetime.fromisoformat(stated)
        return (instant if instant.tzinfo else instant.replace(tzinfo=UTC)).astimezone(UTC)
    except (ValueError, OverflowError):
        raise _Problem(f"{key} is not an ISO-8601 instant") from None
