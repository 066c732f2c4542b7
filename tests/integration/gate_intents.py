"""Intents as bots publish them."""

from collections.abc import Iterator
from datetime import UTC, datetime

import orjson

STRATEGIES = 40


def intent(number: int = 0, **fields: object) -> dict[str, object]:
    """Return one good opening; fields replace or add, and None takes one out."""
    stated: dict[str, object] = {
        "intent_id": f"i-{number}",
        "strategy_id": f"bot_{number % STRATEGIES}",
        "symbol": "BTCUSDT",
        "action": "buy",
        "confidence": 0.9,
        "quantity": 0.001,
        "price": 50_000,
        "current_price": 50_000,
        "stop_loss": 49_000,
        "order_type": "market",
        "timestamp": datetime.now(UTC).isoformat(),
    }
    return {key: value for key, value in (stated | fields).items() if value is not None}


def body(number: int = 0, **fields: object) -> bytes:
    """Return one intent as its bytes."""
    return orjson.dumps(intent(number, **fields))


def message(number: int = 0, **fields: object) -> tuple[str, bytes]:
    """Return one intent as (subject, body)."""
    content = intent(number, **fields)
    return f"cio.intent.trading.{number % STRATEGIES}", orjson.dumps(content)


def messages(count: int, *, first: int = 0, **fields: object) -> Iterator[tuple[str, bytes]]:
    """Make distinct intents of many strategies, each with the time at which it is taken."""
    for number in range(first, first + count):
        yield message(number, **fields)
