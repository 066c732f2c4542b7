"""What is read off the market data, and what never is."""

from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from petrosa_cio.fleet.market_data import (
    MAX_MESSAGE_BYTES,
    Tick,
    Unusable,
    priced_stream,
    read_tick,
)

AT_MS = 1_795_405_255_484
AT = datetime(2026, 11, 23, 3, 40, 55, 484_000, tzinfo=UTC)
TICKER = {
    "e": "24hrTicker", "E": AT_MS, "s": "BTCUSDT", "p": "-12.5", "P": "2", "c": "64250.10",
    "b": "64250.00", "a": "64250.20", "O": 0, "C": 1, "n": 1,
}  # fmt: skip
TRADE = {
    "e": "trade", "E": AT_MS + 9, "s": "BTCUSDT", "t": 1, "p": "64250.10", "q": "0.002",
    "T": AT_MS, "m": True,
}  # fmt: skip
MARK = {
    "e": "markPriceUpdate", "E": AT_MS, "s": "BTCUSDT", "p": "64250.10", "i": "64249.00",
    "r": "0.0001", "T": AT_MS + 3_600_000,
}  # fmt: skip


def message(stream: str, data: object, **more: object) -> bytes:
    """Return a message as the fleet's socket client publishes it."""
    return orjson.dumps(
        {
            "stream": stream,
            "data": data,
            "timestamp": "2026-11-23T03:40:55.500000Z",
            "message_id": "0a4c",
            "source": "binance-websocket",
            "version": "1.0",
            "_otel_trace_context": {},
            **more,
        }
    )


@pytest.mark.parametrize(
    ("stream", "data", "source"),
    [
        ("btcusdt@ticker", TICKER, "ticker"),
        ("btcusdt@trade", TRADE, "trade"),
        ("btcusdt@markPrice", MARK, "markPrice"),
        ("btcusdt@markPrice@1s", MARK, "markPrice"),
    ],
)
def test_three_streams_have_prices(stream: str, data: dict[str, object], source: str) -> None:
    found = read_tick(message(stream, data))
    assert found == Tick("BTCUSDT", Decimal("64250.10"), AT, source)
    assert str(found.price) == "64250.10"


def test_an_envelope_in_another_order_and_with_spaces_is_read_too() -> None:
    body = (
        b'{ "timestamp": "x", "stream" :\n"btcusdt@ticker", "source": "x", "data": '
        + orjson.dumps(TICKER)
        + b"}"
    )
    assert isinstance(read_tick(body), Tick)


@pytest.mark.parametrize(
    "stream",
    ["btcusdt@depth20@100ms", "btcusdt@depth", "btcusdt@kline", "btcusdt@kline_1h",
     "btcusdt@aggTrade", "btcusdt@bookTicker", "btcusdt@miniTicker"],
)  # fmt: skip
def test_no_other_stream_is_a_price_whatever_it_holds(stream: str) -> None:
    body = message(stream, TICKER)
    assert priced_stream(body) is read_tick(body) is Unusable.OTHER_STREAM


def test_a_book_that_is_called_a_ticker_is_no_price() -> None:
    book = {"lastUpdateId": 1, "bids": [["1", "2"]], "asks": [["1", "2"]]}
    assert read_tick(message("btcusdt@ticker", book)) is Unusable.UNREADABLE
    futures_book = {"e": "depthUpdate", "E": AT_MS, "s": "BTCUSDT", "b": [], "a": []}
    assert read_tick(message("btcusdt@ticker", futures_book)) is Unusable.OTHER_STREAM


def test_an_event_of_another_kind_than_its_stream_is_no_price() -> None:
    assert read_tick(message("btcusdt@ticker", TRADE)) is Unusable.OTHER_STREAM
    assert read_tick(message("btcusdt@trade", MARK)) is Unusable.OTHER_STREAM


@pytest.mark.parametrize("symbol", ["ETHUSDT", "btcusdt", "", "BTCUSDT "])
def test_symbol_and_stream_must_agree(symbol: str) -> None:
    assert read_tick(message("btcusdt@ticker", TICKER | {"s": symbol})) is Unusable.OTHER_SYMBOL


def test_what_its_first_bytes_say_must_be_what_it_says() -> None:
    body = b'{"x": {"stream": "ethusdt@ticker"},' + message("btcusdt@ticker", TICKER)[1:]
    assert priced_stream(body) == b"ethusdt@ticker"
    assert read_tick(body) is Unusable.OTHER_SYMBOL


BAD_PRICES: list[object] = [
    "0", "0.000", "-1", "NaN", "Infinity", "1e5", "", " 1", "1 ", "1.", ".5", "0x10", "٣", "1_000",
    "9" * 19, "0." + "0" * 18 + "1",
]  # fmt: skip


@pytest.mark.parametrize("price", BAD_PRICES)
def test_a_price_is_plain_digits_above_zero(price: str) -> None:
    assert read_tick(message("btcusdt@ticker", TICKER | {"c": price})) is Unusable.NO_PRICE


@pytest.mark.parametrize(
    "wrong",
    [
        {"c": 64250.1}, {"c": True}, {"c": ["1"]}, {"s": 7}, {"e": None}, {"E": True},
        {"E": "1795405255484"}, {"E": 1.5}, {"E": []},
    ],
)  # fmt: skip
def test_a_field_of_another_type_is_no_price(wrong: dict[str, Any]) -> None:
    assert read_tick(message("btcusdt@ticker", TICKER | wrong)) is Unusable.UNREADABLE


@pytest.mark.parametrize("number", [b"1e999", b"9" * 30, b"-0.0", b"1795405255484.5"])
def test_a_time_is_a_whole_number(number: bytes) -> None:
    body = message("btcusdt@ticker", TICKER).replace(b"%d" % AT_MS, number)
    assert isinstance(read_tick(body), Unusable)


@pytest.mark.parametrize("wrong", [{"c": None}, {"E": None}, {"E": 0}, {"E": -1}, {"E": 2**53}])
def test_a_price_without_a_price_or_a_time_is_none(wrong: dict[str, Any]) -> None:
    assert read_tick(message("btcusdt@ticker", TICKER | wrong)) is Unusable.NO_PRICE


@pytest.mark.parametrize(
    "body",
    [
        b"", b"null", b"[]", b"\xff" * 100, b'{"stream":7}', b'{"stream":"btcusdt@ticker"}',
        b'{"stream":"btcusdt@ticker","data":' + b"[" * 3_000,
        b'{"stream":"btcusdt@ticker","data":' + b"[" * 3_000 + b"]" * 3_000 + b"}",
        b'{"stream":"btcusdt@ticker","data":NaN}',
        b'{"stream":"btcusdt@ticker\\u0000","data":{}}',
        b'{"stream":"BTC/USDT@ticker","data":{}}',
        b'{"stream":"' + b"a" * 2_000 + b'@ticker","data":{}}',
    ],
)  # fmt: skip
def test_garbage_is_no_price_and_raises_nothing(body: bytes) -> None:
    assert read_tick(body) is Unusable.UNREADABLE


def test_what_is_too_large_is_not_read() -> None:
    body = message("btcusdt@ticker", TICKER, padding="a" * 65_536)
    assert read_tick(body) is Unusable.TOO_LARGE
    fits = message("btcusdt@ticker", TICKER, padding="")
    fits = message("btcusdt@ticker", TICKER, padding="a" * (MAX_MESSAGE_BYTES - len(fits)))
    assert isinstance(read_tick(fits), Tick)
    assert read_tick(fits + b" ") is Unusable.TOO_LARGE


VALUES = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**63), 2**63) | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=3), inner),
    max_leaves=6,
)
DATA = st.dictionaries(st.sampled_from("eEsTcp"), VALUES).map(lambda wrong: TICKER | wrong)


@given(st.binary(max_size=60) | DATA.map(lambda data: message("btcusdt@ticker", data)))
def test_whatever_arrives_is_a_good_tick_or_none(body: bytes) -> None:
    found = read_tick(body)
    if isinstance(found, Tick):
        assert (found.symbol, found.source) == ("BTCUSDT", "ticker")
        assert found.price > 0
        assert found.at.tzinfo is UTC
