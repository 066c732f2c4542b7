"""From the bytes of a message to an `Intent`, or to the reason why it is none.

Garbage ends here. Whatever bytes come in, the answer is an intent or a `Malformed`; nothing else is
raised. JSON is read strictly: no NaN or Infinity, no key twice, no boolean for a number, no number
that is not exactly a decimal of sensible size, no control character in a name.
"""

import re
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from decimal import (
    Clamped,
    Context,
    Decimal,
    DecimalException,
    Inexact,
    InvalidOperation,
    Overflow,
    Rounded,
)
from enum import StrEnum
from typing import TypeVar

from msgspec import Struct

from petrosa_cio.risk.intent import Action, Intent, OrderType, StrategyMode, TimeInForce
from petrosa_cio.risk.strict_json import NotStrictJson, load_object

MAX_NAME_LENGTH = 64
MAX_ID_LENGTH = 128
MAX_DEPTH = 32
MAX_STATE_LENGTH = 512

# Raises where a number has more than 34 digits, is 1e19 or more, or is finer than 1e-36.
_SENSIBLE = Context(
    prec=34, Emin=-3, Emax=18, traps=[Clamped, Inexact, InvalidOperation, Overflow, Rounded]
)

_SYMBOL = re.compile(r"[A-Za-z0-9]{3,32}")
_UNSAFE_IN_TOKEN = re.compile(r"[^A-Za-z0-9_-]")
_TRACEPARENT = re.compile(r"[0-9a-f]{2}-[0-9a-f]{32}-[0-9a-f]{16}-[0-9a-f]{2}")
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_LATEST_EPOCH_S = 32_503_680_000  # the year 3000; beyond it a number must be milliseconds
_LATEST_EPOCH_MS = _LATEST_EPOCH_S * 1000

Choice = TypeVar("Choice", bound=StrEnum)
Default = TypeVar("Default", bound=StrEnum | None)


class Malformed(Struct, frozen=True, gc=False):
    """Why a message is no intent, with what could still be told of it."""

    problem: str
    strategy: str | None = None
    symbol: str | None = None


class _Problem(Exception):
    """Internal to this module: parsing stops here with this sentence."""


def subject_token(name: str) -> str:
    """Return a name as one NATS-safe subject token, as the fleet's own publishers escape it."""
    return _UNSAFE_IN_TOKEN.sub("_", name)


def parse_intent(
    body: bytes, headers: Mapping[str, str] | None = None, *, max_bytes: int = 65_536
) -> Intent | Malformed:
    """Read one message.

    Args:
        body: The payload as it came.
        headers: Message headers; a ``traceparent`` there wins over one in the body.
        max_bytes: Longest payload that is read at all.
    """
    message: Mapping[str, object] = {}
    try:
        message = _load(body, max_bytes)
        return _intent_of(message, headers or {})
    except _Problem as problem:
        return Malformed(str(problem), _shown(message, "strategy_id"), _shown(message, "symbol"))


def _shown(message: Mapping[str, object], key: str) -> str | None:
    value = message.get(key)
    return value[:MAX_NAME_LENGTH] if isinstance(value, str) and value.isprintable() else None


# --- JSON, strictly -------------------------------------------------------------------------------


def _load(body: bytes, max_bytes: int) -> Mapping[str, object]:
    try:
        message = load_object(body, max_bytes)
    except NotStrictJson as problem:
        raise _Problem(str(problem)) from problem
    if body.count(b"{") + body.count(b"[") > MAX_DEPTH and _too_deep(message, MAX_DEPTH):
        raise _Problem(f"nested deeper than {MAX_DEPTH}")
    return message


def _too_deep(value: object, left: int) -> bool:
    if not isinstance(value, dict | list):
        return False
    inside = value.values() if isinstance(value, dict) else value
    return left == 0 or any(_too_deep(inner, left - 1) for inner in inside)


# --- One field ------------------------------------------------------------------------------------


def _number(message: Mapping[str, object], key: str) -> Decimal | None:
    value = message.get(key)
    if value is None:
        return None
    if type(value) is int:
        value = Decimal(value)
    elif type(value) is not Decimal:
        raise _Problem(f"{key} is not a number")
    try:
        _SENSIBLE.plus(value)
    except DecimalException as error:
        raise _Problem(f"{key} is out of range") from error
    return value


def _text(message: Mapping[str, object], key: str, *, longest: int = MAX_NAME_LENGTH) -> str | None:
    value = message.get(key)
    if value is None:
        return None
    if not isinstance(value, str):
        raise _Problem(f"{key} is not text")
    if len(value) > longest or not value.strip():
        raise _Problem(f"{key} is empty or longer than {longest}")
    if not value.isprintable():
        raise _Problem(f"{key} has a control character")
    return value


def _name(message: Mapping[str, object], key: str, *, longest: int = MAX_NAME_LENGTH) -> str | None:
    """Read text that names something: it may end in a subject or a key, so no wildcards."""
    value = _text(message, key, longest=longest)
    if value is not None and ("*" in value or ">" in value):
        raise _Problem(f"{key} has a wildcard")
    return value


def _choice(
    message: Mapping[str, object], key: str, choices: Mapping[str, Choice], default: Default
) -> Choice | Default:
    value = message.get(key)
    if value is None:
        return default
    found = choices.get(value) if isinstance(value, str) else None
    return found or _choice_in_any_case(message, key, choices)


def _choice_in_any_case(
    message: Mapping[str, object], key: str, choices: Mapping[str, Choice]
) -> Choice:
    found = choices.get((_text(message, key) or "").casefold())
    if found is None:
        raise _Problem(f"{key} is not one of {', '.join(sorted(choices))}")
    return found


def _flag(message: Mapping[str, object], key: str) -> bool:
    value = message.get(key)
    if value is not None and not isinstance(value, bool):
        raise _Problem(f"{key} is neither true nor false")
    return bool(value)


def _object(message: Mapping[str, object], key: str) -> Mapping[str, object]:
    value = message.get(key)
    if value is None:
        return {}
    if not isinstance(value, dict):
        raise _Problem(f"{key} is not an object")
    return value


def _first_name(
    message: Mapping[str, object], *keys: str, longest: int = MAX_NAME_LENGTH
) -> str | None:
    """Return the first of several spellings that is stated; all of them must be readable."""
    found = None
    for key in keys:
        if key in message:
            value = _name(message, key, longest=longest)
            found = value if found is None else found
    return found


# --- One concept, several spellings ---------------------------------------------------------------

_ACTIONS = {action.value: action for action in Action}
_POSITION_TYPES = {"long": Action.BUY, "short": Action.SELL}
_SIDES = _ACTIONS | _POSITION_TYPES
_ORDER_TYPES = {kind.value: kind for kind in OrderType} | {"stop_market": OrderType.STOP}
_TIMES_IN_FORCE = {kind.value.casefold(): kind for kind in TimeInForce}
_MODES = {kind.value: kind for kind in StrategyMode}


_REDUCE_ONLY = ("reduce_only", "close_on_trigger", "reduceOnly", "closePosition")


def _action_of(message: Mapping[str, object]) -> Action:
    """Return the one action that all spellings agree on.

    An order that says of itself that it only reduces is a ``close``: the order engine has no
    reduce-only path, so passing its side on would open a position on the other side. Beside
    ``close`` a side only says of which position.
    """
    action = _choice(message, "action", _ACTIONS, None)
    kind = _choice(message, "signal_type", _ACTIONS, action)
    side = _choice(message, "side", _SIDES, kind)
    action = action or kind or side
    if action is None:
        raise _Problem("no action, signal_type or side")
    if kind not in (None, action) or (side is not action and action is not Action.CLOSE):
        raise _Problem("action, signal_type and side disagree")
    if action not in (Action.BUY, Action.SELL):
        return action
    opens = _choice(message, "position_type", _POSITION_TYPES, action)
    reduces = [_flag(message, spelling) for spelling in _REDUCE_ONLY if spelling in message]
    return Action.CLOSE if any(reduces) or opens is not action else action


def _timestamp_of(message: Mapping[str, object]) -> datetime | None:
    value = message.get("timestamp")
    if value is None:
        return None
    if isinstance(value, str):
        return _instant_of_text(value)
    return _instant_of_number(_number(message, "timestamp") or Decimal(0))


def _instant_of_text(value: str) -> datetime:
    try:
        instant = datetime.fromisoformat(value)
        return (instant if instant.tzinfo else instant.replace(tzinfo=UTC)).astimezone(UTC)
    except (ValueError, OverflowError) as error:
        raise _Problem("timestamp is not an ISO-8601 instant") from error


def _instant_of_number(epoch: Decimal) -> datetime:
    if not 0 <= epoch < _LATEST_EPOCH_MS:
        raise _Problem("timestamp is out of range")
    microseconds = int(epoch * (1_000_000 if epoch < _LATEST_EPOCH_S else 1_000))
    return _EPOCH + timedelta(microseconds=microseconds)


def _trace_of(
    message: Mapping[str, object], headers: Mapping[str, str]
) -> tuple[str | None, str | None]:
    """Return (traceparent, tracestate). A broken trace context never denies an intent."""
    carriers = (headers, message.get("_otel_trace_context"), message.get("_otel_trace_headers"))
    for carrier in carriers:
        if not isinstance(carrier, Mapping):
            continue
        parent, state = carrier.get("traceparent"), carrier.get("tracestate")
        if isinstance(parent, str) and _TRACEPARENT.fullmatch(parent):
            readable = (
                isinstance(state, str) and len(state) <= MAX_STATE_LENGTH and state.isprintable()
            )
            return parent, str(state) if readable else None
    return None, None


_KNOWN = frozenset(
    [
        "strategy_id",
        "strategy",
        "strategy_name",
        "symbol",
        "action",
        "signal_type",
        "side",
        "position_type",
        *_REDUCE_ONLY,
        "intent_id",
        "signal_id",
        "id",
        "order_id",
        "timestamp",
        "confidence",
        "confidence_score",
        "quantity",
        "position_size_pct",
        "quote_quantity",
        "price",
        "current_price",
        "stop_loss",
        "take_profit",
        "stop_loss_pct",
        "take_profit_pct",
        "order_type",
        "time_in_force",
        "strategy_mode",
        "timeframe",
        "source",
        "metadata",
        "_otel_trace_context",
        "_otel_trace_headers",
    ]
)


def _intent_of(message: Mapping[str, object], headers: Mapping[str, str]) -> Intent:
    strategy = _first_name(message, "strategy_id", "strategy", "strategy_name")
    symbol = _text(message, "symbol")
    if strategy is None:
        raise _Problem("no strategy_id, strategy or strategy_name")
    if symbol is None or not _SYMBOL.fullmatch(symbol):
        raise _Problem("symbol is missing or not letters and digits")
    confidence, score = _number(message, "confidence"), _number(message, "confidence_score")
    leverage = _number(message, "leverage")
    traceparent, tracestate = _trace_of(message, headers)
    return Intent(
        strategy=strategy,
        token=subject_token(strategy),
        symbol=symbol.upper(),
        action=_action_of(message),
        stated_id=_first_name(
            message, "intent_id", "signal_id", "id", "order_id", longest=MAX_ID_LENGTH
        ),
        stated_at=_timestamp_of(message),
        confidence=score if confidence is None else confidence,
        quantity=_number(message, "quantity"),
        position_size_pct=_number(message, "position_size_pct"),
        quote_quantity=_number(message, "quote_quantity"),
        price=_number(message, "price"),
        current_price=_number(message, "current_price"),
        stop_loss=_number(message, "stop_loss"),
        take_profit=_number(message, "take_profit"),
        stop_loss_pct=_number(message, "stop_loss_pct"),
        take_profit_pct=_number(message, "take_profit_pct"),
        leverage=_number(message, "recommended_leverage") if leverage is None else leverage,
        order_type=_choice(message, "order_type", _ORDER_TYPES, OrderType.MARKET),
        time_in_force=_choice(message, "time_in_force", _TIMES_IN_FORCE, TimeInForce.GTC),
        strategy_mode=_choice(message, "strategy_mode", _MODES, StrategyMode.DETERMINISTIC),
        timeframe=_text(message, "timeframe"),
        source=_text(message, "source"),
        traceparent=traceparent,
        tracestate=tracestate,
        metadata=_object(message, "metadata"),
        extra={key: value for key, value in message.items() if key not in _KNOWN},
    )  # fmt: skip
