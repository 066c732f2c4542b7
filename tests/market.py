"""Market data as the fleet's socket client publishes it."""

from datetime import UTC, datetime, timedelta

import orjson

SUBJECT = "binance.websocket.data"
AT = datetime(2026, 3, 2, 12, tzinfo=UTC)
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


def ticker(symbol: str, price: str, at: datetime) -> bytes:
    """Return a message with the last price of a symbol."""
    at_ms = (at - _EPOCH) // timedelta(milliseconds=1)
    data = {"e": "24hrTicker", "E": at_ms, "s": symbol, "p": "1", "c": price, "b": price}
    return _enveloped(f"{symbol.lower()}@ticker", data)


def book(symbol: str) -> bytes:
    """Return a message with a book of twenty levels, as comes ten times a second."""
    levels = [[f"{64_000 + level}.10", "1.50000000"] for level in range(20)]
    data = {"lastUpdateId": 1, "bids": levels, "asks": levels}
    return _enveloped(f"{symbol.lower()}@depth20@100ms", data)


def _enveloped(stream: str, data: dict[str, object]) -> bytes:
    return orjson.dumps(
        {
            "stream": stream,
            "data": data,
            "timestamp": "2026-03-02T12:00:00.000000Z",
            "message_id": "0a4c",
            "source": "binance-websocket",
            "version": "1.0",
            "_otel_trace_context": {},
        }
    )
