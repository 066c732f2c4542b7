"""The market data that the fleet shares: one message of its stream becomes one tick, or is none.

All streams come on one subject, in one envelope: ``{"stream": "btcusdt@ticker", "data": {...}}``.
Prices are taken from three of them:

- ``ticker``: the last price ``c``, at the event's time ``E``;
- ``trade``: its price ``p``, at its time ``T``;
- ``markPrice``: the mark price ``p``, at the event's time ``E`` (its ``T`` is the next funding).

Never from ``depth``: books of the spot market carry no symbol, and arrive under the name of another
coin. Nor from ``kline``, whose interval is lost. Both are most of what is sent, so what a message
is about is read off its first bytes, and only what may hold a price is taken apart.
"""

import re
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from enum import StrEnum

import msgspec
from msgspec import Struct

MAX_MESSAGE_BYTES = 8_192
"""Of more than this nothing is read; a tick has less than a thousand."""

_LOOKED_AT = 2_048
_LATEST_MS = 4_102_444_800_000  # the year 2100
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)

_NAME = re.compile(
    rb'"stream"[ \t\r\n]*:[ \t\r\n]*"([a-z0-9]{3,32})@([A-Za-z]{1,20})([^"\\]{0,16})"'
)
_PRICE = re.compile(r"[0-9]{1,18}(?:\.[0-9]{1,18})?")


class Unusable(StrEnum):
    """Why a message is no tick."""

    OTHER_STREAM = "other_stream"
    TOO_LARGE = "too_large"
    UNREADABLE = "unreadable"
    OTHER_SYMBOL = "other_symbol"
    NO_PRICE = "no_price"


class Tick(Struct, frozen=True, gc=False):
    """What one source says the price of a symbol was.

    Attributes:
        symbol: The symbol in capitals.
        price: USD per base unit, above zero, exact.
        at: When the market stood there, aware UTC.
        source: ``ticker``, ``trade`` or ``markPrice``.
    """

    symbol: str
    price: Decimal
    at: datetime
    source: str


class _Data(Struct, gc=False):
    e: str
    s: str
    E: int | None = None
    T: int | None = None
    c: str | None = None
    p: str | None = None


class _Message(Struct, gc=False):
    stream: str
    data: _Data


_DECODER = msgspec.json.Decoder(_Message)

_READ = {"ticker": ("24hrTicker", "c", "E"), "trade": ("trade", "p", "T"),
         "markPrice": ("markPriceUpdate", "p", "E")}  # fmt: skip
"""For each stream the event that it carries, and the fields of its price and of its time."""

_SOURCES = {name.encode(): name for name in _READ}


def priced_stream(body: bytes) -> bytes | Unusable:
    """Return the name of the stream that a message is of, from its first bytes.

    Only a stream that prices are taken from is returned; this is all that is ever looked at of
    the others.
    """
    if len(body) > MAX_MESSAGE_BYTES:
        return Unusable.TOO_LARGE
    found = _NAME.search(body, 0, _LOOKED_AT)
    if found is None:
        return Unusable.UNREADABLE
    if found.group(2) not in _SOURCES:
        return Unusable.OTHER_STREAM
    return found.group(1) + b"@" + found.group(2)


def read_tick(body: bytes) -> Tick | Unusable:
    """Return the tick in a message, or why there is none. Nothing is raised, whatever the bytes."""
    name = priced_stream(body)
    if isinstance(name, Unusable):
        return name
    try:
        message = _DECODER.decode(body)
    except (ValueError, RecursionError):  # not JSON, not this shape, or nested without end
        return Unusable.UNREADABLE
    symbol, _, rest = message.stream.partition("@")
    source = rest.partition("@")[0]
    if source not in _READ or message.data.e != _READ[source][0]:
        return Unusable.OTHER_STREAM
    if message.data.s != symbol.upper() or name != f"{symbol}@{source}".encode():
        return Unusable.OTHER_SYMBOL
    return _tick(message.data, source)


def _tick(data: _Data, source: str) -> Tick | Unusable:
    _, price_field, time_field = _READ[source]
    price, at_ms = getattr(data, price_field), getattr(data, time_field)
    if price is None or at_ms is None or not _PRICE.fullmatch(price):
        return Unusable.NO_PRICE
    exact = Decimal(price)
    if not (exact > 0 and 0 < at_ms < _LATEST_MS):
        return Unusable.NO_PRICE
    return Tick(data.s, exact, _EPOCH + timedelta(milliseconds=at_ms), source)
