"""The market as a gate hears it: the newest of each stream, at next to no cost."""

from datetime import timedelta
from decimal import Decimal

import pytest

from petrosa_cio.nurse import market as market_module
from petrosa_cio.nurse.market import TICKS, Market
from petrosa_cio.nurse.price_belief import PriceBelief
from tests.market import AT, book, ticker


def counted(outcome: str) -> float:
    return float(TICKS.labels(outcome)._value.get())


def new_market() -> Market:
    return Market(PriceBelief(jump_bps=500), clock=lambda: AT + timedelta(seconds=30))


async def test_prices_are_there_after_two_ticks_that_agree() -> None:
    market = new_market()
    for second in (0, 1):
        market.heard(ticker("BTCUSDT", "64000.5", AT + timedelta(seconds=second)))
        assert market.prices == {}
        await market.digest()
    found = market.prices["BTCUSDT"]
    assert (found.price, found.source) == (Decimal("64000.5"), "ticker")
    assert found.observed_at == AT + timedelta(seconds=1)


async def test_of_each_stream_the_newest_message_counts() -> None:
    market, before = new_market(), counted("superseded")
    for number in range(100):
        market.heard(ticker("BTCUSDT", str(100 + number), AT + timedelta(milliseconds=number)))
    market.heard(ticker("ETHUSDT", "5", AT))
    await market.digest()
    market.heard(ticker("BTCUSDT", "199", AT + timedelta(seconds=1)))
    market.heard(ticker("ETHUSDT", "5", AT + timedelta(seconds=1)))
    await market.digest()
    assert {symbol: found.price for symbol, found in market.prices.items()} == {
        "BTCUSDT": 199, "ETHUSDT": 5
    }  # fmt: skip
    assert counted("superseded") == before + 99


async def test_books_are_counted_and_thrown_away() -> None:
    market, before = new_market(), counted("other_stream")
    for _ in range(500):
        market.heard(book("BTCUSDT"))
    assert market._kept == {}
    await market.digest()
    assert market.prices == {}
    assert counted("other_stream") == before + 500


async def test_garbage_is_counted_and_harms_nobody() -> None:
    market = new_market()
    before = {each: counted(each) for each in ("unreadable", "too_large", "no_price")}
    for second in (0, 1):
        market.heard(b"\xff")
        market.heard(b"x" * 65_536)
        market.heard(ticker("SOLUSDT", "NaN", AT + timedelta(seconds=second)))
        market.heard(ticker("BTCUSDT", "100", AT + timedelta(seconds=second)))
        await market.digest()
    assert set(market.prices) == {"BTCUSDT"}
    assert {each: counted(each) - number for each, number in before.items()} == {
        "unreadable": 2, "too_large": 2, "no_price": 2
    }  # fmt: skip


async def test_what_is_kept_is_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(market_module, "MAX_KEPT", 3)
    market, before = new_market(), counted("too_many_symbols")
    for number in range(5):
        market.heard(ticker(f"COIN{number}", "1", AT))
    market.heard(ticker("COIN0", "2", AT))
    assert len(market._kept) == 3
    await market.digest()
    assert counted("too_many_symbols") == before + 2
