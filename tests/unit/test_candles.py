"""Which price was known when, by recorded candles."""

from datetime import UTC, datetime, timedelta
from decimal import Decimal

import pytest

from petrosa_cio.fleet.candles import Closes, is_candle_file, read_candles

HEAD = "time,open,high,low,close,volume\n"
OPENED = datetime(2026, 3, 2, 12, tzinfo=UTC)
MINUTE = timedelta(minutes=1)


def closes(**files: str) -> Closes:
    """Read files by timeframe, all of BTCUSDT."""
    return Closes(
        close
        for timeframe, rows in files.items()
        for close in read_candles(f"candles-BTCUSDT-{timeframe[1:]}.csv", HEAD + rows)
    )


FIVE = "2026-03-02T12:00:00Z,1,1,1,100.10,5\n2026-03-02T12:05:00Z,1,1,1,101,5\n"


@pytest.mark.parametrize(
    ("minutes", "price"),
    [(4.99, None), (5, "100.10"), (9.99, "100.10"), (10, "101"), (20, "101"), (20.01, None)],
)
def test_a_close_is_known_when_its_candle_ends_and_not_for_ever(
    minutes: float, price: str | None
) -> None:
    found = closes(_5m=FIVE).at("BTCUSDT", OPENED + minutes * MINUTE)
    assert found == (None if price is None else Decimal(price))


def test_of_several_timeframes_the_newest_close_counts() -> None:
    both = closes(_5m=FIVE, _1h="2026-03-02T11:06:00Z,1,1,1,99,5\n")
    assert both.at("BTCUSDT", OPENED + 4 * MINUTE) is None
    assert both.at("BTCUSDT", OPENED + 5 * MINUTE) == Decimal("100.10")
    assert both.at("BTCUSDT", OPENED + 6 * MINUTE) == 99
    assert both.at("BTCUSDT", OPENED + 10 * MINUTE) == 101
    assert both.symbols == {"BTCUSDT"}


def test_prices_are_of_the_symbols_that_have_any() -> None:
    found = closes(_5m=FIVE).prices_at(["BTCUSDT", "ETHUSDT"], OPENED + 5 * MINUTE)
    assert found == {"BTCUSDT": Decimal("100.10")}


def test_a_time_without_an_offset_is_utc() -> None:
    found = closes(_5m="2026-03-02 12:00:00,1,1,1,7,5\n")
    assert found.at("BTCUSDT", OPENED + 5 * MINUTE) == 7


@pytest.mark.parametrize(
    ("name", "is_one"),
    [
        ("candles-BTCUSDT-5m.csv", True),
        ("candles-1000SHIBUSDT-1d.csv", True),
        ("candles-btcusdt-5m.csv", False),
        ("candles-BTCUSDT-0m.csv", False),
        ("candles-BTCUSDT.csv", False),
        ("README.md", False),
    ],
)
def test_files_are_known_by_their_names(name: str, is_one: bool) -> None:
    assert is_candle_file(name) is is_one


def test_another_file_is_refused() -> None:
    with pytest.raises(ValueError, match="expected candles-"):
        list(read_candles("prices.csv", HEAD))


@pytest.mark.parametrize(
    "row",
    [
        "yesterday,1,1,1,1,1",
        "2026-03-02T12:00:00Z,1,1,1,x,1",
        "2026-03-02T12:00:00Z,1,1,1,NaN,1",
        "2026-03-02T12:00:00Z,1,1,1,0,1",
        "2026-03-02T12:00:00Z,1,1",
    ],
)
def test_what_does_not_read_is_refused_by_line(row: str) -> None:
    with pytest.raises(ValueError, match=r"candles-BTCUSDT-1h\.csv, line 2: "):
        list(read_candles("candles-BTCUSDT-1h.csv", HEAD + row))
    with pytest.raises(ValueError, match="line 2: KeyError"):
        list(read_candles("candles-BTCUSDT-1h.csv", "a,b\n1,2\n"))
