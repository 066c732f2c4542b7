"""Closing prices of recorded candles, as somebody at the market knew them at a moment.

A file is named ``candles-<SYMBOL>-<TIMEFRAME>.csv`` and has the columns ``time`` (when the candle
opened, ISO-8601), ``open``, ``high``, ``low``, ``close`` and ``volume``. A close is known from the
end of its candle on.
"""

import csv
import re
from bisect import bisect_right
from collections.abc import Iterable, Iterator, Mapping
from datetime import UTC, datetime, timedelta
from decimal import Decimal, InvalidOperation
from typing import NamedTuple

_NAME = re.compile(r"candles-([A-Z0-9]{3,32})-([1-9]\d{0,3})([mhd])\.csv")
_UNITS = {"m": timedelta(minutes=1), "h": timedelta(hours=1), "d": timedelta(days=1)}

CANDLES_KNOWN = 2
"""A close that is older than so many of its candles is no price of the market any more."""


class Close(NamedTuple):
    """What one candle closed at, and from when to when that counts as the market's price."""

    known_at: datetime
    until: datetime
    price: Decimal


class Closes:
    """The closes of several symbols, of whatever timeframes."""

    def __init__(self, found: Iterable[tuple[str, Close]]) -> None:
        """Take closes with their symbols, in any order."""
        self._closes: dict[str, list[Close]] = {}
        for symbol, close in found:
            self._closes.setdefault(symbol, []).append(close)
        for closes in self._closes.values():
            closes.sort()
        self._known_at = {
            symbol: [close.known_at for close in closes] for symbol, closes in self._closes.items()
        }

    @property
    def symbols(self) -> frozenset[str]:
        """The symbols that have any."""
        return frozenset(self._closes)

    def at(self, symbol: str, moment: datetime) -> Decimal | None:
        """Return the newest close that was known at a moment, or None where it was too old."""
        place = bisect_right(self._known_at.get(symbol, ()), moment)
        if not place:
            return None
        newest = self._closes[symbol][place - 1]
        return newest.price if moment <= newest.until else None

    def prices_at(self, symbols: Iterable[str], moment: datetime) -> Mapping[str, Decimal]:
        """Return the price of each of these symbols that has one at a moment."""
        found = {symbol: self.at(symbol, moment) for symbol in symbols}
        return {symbol: price for symbol, price in found.items() if price is not None}


def is_candle_file(name: str) -> bool:
    """Return whether a file is named as one of candles is."""
    return _NAME.fullmatch(name) is not None


def read_candles(name: str, text: str) -> Iterator[tuple[str, Close]]:
    """Iterate over the closes in a file of candles.

    Args:
        name: The file's name, which says symbol and timeframe.
        text: Its content.

    Raises:
        ValueError: The name is none of a candle file, or a line does not read; it says which.
    """
    named = _NAME.fullmatch(name)
    if named is None:
        raise ValueError(f"{name}: expected candles-<SYMBOL>-<TIMEFRAME>.csv")
    symbol, length = named[1], int(named[2]) * _UNITS[named[3]]
    for number, row in enumerate(csv.DictReader(text.splitlines()), start=2):
        try:
            yield symbol, _close(row, length)
        except (KeyError, TypeError, ValueError, InvalidOperation) as error:
            raise ValueError(f"{name}, line {number}: {type(error).__name__} {error}") from error


def _close(row: Mapping[str, str], length: timedelta) -> Close:
    opened = datetime.fromisoformat(row["time"])
    known_at = (opened if opened.tzinfo else opened.replace(tzinfo=UTC)).astimezone(UTC) + length
    price = Decimal(row["close"])
    if not (price.is_finite() and price > 0):
        raise ValueError(f"close is no price: {price}")
    return Close(known_at, known_at + CANDLES_KNOWN * length, price)
