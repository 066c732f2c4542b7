"""Which prices are believed. Pure: ticks and the time in, the believed prices out.

A price bounds money, so a single message is never enough to move it far. A tick is believed when it
lies within the jump bound of the price that is believed. One beyond it is doubted, until a later
tick within the bound of the doubted one confirms it. That holds for the first price of a symbol and
after a silence too: two ticks have to agree. A tick that agrees with what is believed ends a doubt.

Where several sources speak (ticker, trade, mark price) the newest event counts, whoever sent it.
What is believed stays believed, however old: who uses a price judges its age.
"""

from collections.abc import Mapping
from datetime import datetime, timedelta
from decimal import Context, Decimal
from enum import StrEnum

from petrosa_cio.fleet.market_data import Tick
from petrosa_cio.risk.snapshot import ReferencePrice

MAX_AHEAD = timedelta(seconds=5)
"""A tick this far ahead of our clock is not believed: it would count as fresh for too long."""

CONFIRMED_WITHIN = timedelta(seconds=60)
"""A doubted tick that nobody confirmed for so long confirms nothing any more."""

MAX_SYMBOLS = 2_048
"""Symbols that are remembered; the ticks of further ones are not believed."""

_BPS = Decimal(10_000)
_EXACT = Context(prec=80)


class Belief(StrEnum):
    """What became of a tick."""

    BELIEVED = "believed"
    DOUBTED = "doubted"
    NOT_NEWER = "not_newer"
    FROM_FUTURE = "from_future"
    NOT_POSITIVE = "not_positive"
    TOO_MANY_SYMBOLS = "too_many_symbols"


class PriceBelief:
    """The last price of each symbol that is believed.

    Args:
        jump_bps: How far a price may move from one believed tick to the next, in basis points.
    """

    def __init__(self, *, jump_bps: int) -> None:
        self._jump_bps = Decimal(jump_bps)
        self._believed: dict[str, ReferencePrice] = {}
        self._doubted: dict[str, Tick] = {}
        self._published: Mapping[str, ReferencePrice] = {}

    @property
    def prices(self) -> Mapping[str, ReferencePrice]:
        """What was believed at the last `publish`, by symbol; never changed afterwards."""
        return self._published

    def publish(self) -> None:
        """Let `prices` show what is believed now: a new mapping, so that the old one stays."""
        self._published = dict(self._believed)

    def hear(self, tick: Tick, now: datetime) -> Belief:
        """Take one tick.

        Args:
            tick: The tick.
            now: The time, aware UTC.
        """
        believed, doubted = self._believed.get(tick.symbol), self._doubted.get(tick.symbol)
        if not (tick.price.is_finite() and tick.price > 0):
            return Belief.NOT_POSITIVE
        if tick.at > now + MAX_AHEAD:
            return Belief.FROM_FUTURE
        if believed is not None and tick.at <= believed.observed_at:
            return Belief.NOT_NEWER
        if believed is not None and self._is_near(tick.price, believed.price):
            return self._believe(tick)
        if doubted is not None and self._confirms(tick, doubted):
            return self._believe(tick)
        return self._doubt(tick, doubted)

    def _confirms(self, tick: Tick, doubted: Tick) -> bool:
        is_later = timedelta() < tick.at - doubted.at <= CONFIRMED_WITHIN
        return is_later and self._is_near(tick.price, doubted.price)

    def _is_near(self, price: Decimal, other: Decimal) -> bool:
        """Return whether a price lies within the bound of another; exactly at it is near."""
        moved = _EXACT.abs(_EXACT.subtract(price, other))
        return _EXACT.multiply(moved, _BPS) <= _EXACT.multiply(other, self._jump_bps)

    def _believe(self, tick: Tick) -> Belief:
        self._believed[tick.symbol] = ReferencePrice(tick.price, tick.at, tick.source)
        self._doubted.pop(tick.symbol, None)
        return Belief.BELIEVED

    def _doubt(self, tick: Tick, doubted: Tick | None) -> Belief:
        """Keep a tick to be confirmed, unless a newer doubted one is kept already."""
        is_new = doubted is None and tick.symbol not in self._believed
        if is_new and len(self._believed.keys() | self._doubted.keys()) >= MAX_SYMBOLS:
            return Belief.TOO_MANY_SYMBOLS
        if doubted is not None and tick.at <= doubted.at:
            return Belief.NOT_NEWER
        self._doubted[tick.symbol] = tick
        return Belief.DOUBTED
