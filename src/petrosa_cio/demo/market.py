"""The market: one path of prices for each symbol, made in advance from the seed; and its voice.

A path has the same number of ticks however long the demo is, so a market depends on the seed alone.
Coins move partly together and partly on their own, as the chapter's weather says.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from math import exp, log
from random import Random

import orjson

from petrosa_cio.demo.chance import dice
from petrosa_cio.demo.story import CHAPTERS, Weather, chapter_at

TICKS = 240
"""Prices on each path, from the first moment of the demo to the last."""

TOGETHER = 0.7
"""Share of each random move that all coins make together."""

ALONE = 0.7
"""Share of each random move that a coin makes on its own."""


@dataclass(frozen=True, slots=True)
class Coin:
    """A traded symbol.

    Attributes:
        symbol: Its name.
        first_price: Where its path begins, USD.
        places: Decimal places of its prices.
    """

    symbol: str
    first_price: float
    places: int


COINS = (
    Coin("BTCUSDT", 64_000.0, 2),
    Coin("ETHUSDT", 3_200.0, 2),
    Coin("SOLUSDT", 145.0, 3),
    Coin("ADAUSDT", 0.62, 5),
)

SYMBOLS = tuple(coin.symbol for coin in COINS)


@dataclass(frozen=True, slots=True)
class Market:
    """Every price there will be, by symbol."""

    paths: Mapping[str, tuple[Decimal, ...]]

    def price(self, symbol: str, share: float) -> Decimal:
        """Return a symbol's price at a share of the demo, USD."""
        return self.paths[symbol][_tick(share)]

    def move(self, symbol: str, share: float, ticks: int) -> float:
        """Return by what share a price has moved within the last ticks."""
        path, tick = self.paths[symbol], _tick(share)
        return float(path[tick] / path[max(tick - ticks, 0)]) - 1

    def distance(self, symbol: str, share: float, ticks: int) -> float:
        """Return how far a price is above its mean of the last ticks, as a share of it."""
        path, tick = self.paths[symbol], _tick(share)
        recent = path[max(tick - ticks, 0) : tick + 1]
        return float(path[tick] * len(recent) / sum(recent)) - 1


def _tick(share: float) -> int:
    return min(max(int(share * TICKS), 0), TICKS - 1)


def ticker_of(symbol: str, price: Decimal, now: datetime) -> bytes:
    """Return a price as the fleet's market data has it: a ticker, its numbers as text."""
    at_ms = int(now.timestamp() * 1000)
    return orjson.dumps(
        {
            "stream": f"{symbol.lower()}@ticker",
            "data": {"e": "24hrTicker", "E": at_ms, "s": symbol, "c": str(price)},
            "source": "demo",
        }
    )


def make_market(seed: int) -> Market:
    """Return the market of a seed."""
    common = dice(seed, "market", "together")
    together = [common.gauss(0, 1) for _ in range(TICKS)]
    paths = {
        coin.symbol: _path(coin, together, dice(seed, "market", coin.symbol)) for coin in COINS
    }
    return Market(paths)


def _path(coin: Coin, together: list[float], chance: Random) -> tuple[Decimal, ...]:
    height, anchor = log(coin.first_price), log(coin.first_price)
    path = []
    for tick, weather, is_first in _weather_by_tick():
        anchor = height if is_first else anchor
        rough = TOGETHER * together[tick] + ALONE * chance.gauss(0, 1)
        height += weather.drift + weather.roughness * rough + weather.pull * (anchor - height)
        path.append(round(Decimal(exp(height)), coin.places))
    return tuple(path)


def _weather_by_tick() -> Iterator[tuple[int, Weather, bool]]:
    """Iterate over ticks: number, weather, and whether a chapter begins with it."""
    before = CHAPTERS[-1]
    for tick in range(TICKS):
        chapter = chapter_at(tick / TICKS)
        yield tick, chapter.weather, chapter is not before
        before = chapter
