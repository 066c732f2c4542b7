"""Hears the market for one gate: takes messages in at next to no cost, and believes now and then.

Taking a message in is a look at its first bytes. Of each stream only the newest message is kept,
and a few times a second what is kept is taken apart and heard. So however fast the market speaks,
the work is bounded by the number of streams, and done in small portions between which intents go
first.
"""

import asyncio
from collections import Counter as Tallied
from collections.abc import Callable, Mapping
from datetime import datetime
from itertools import islice

from prometheus_client import Counter

from petrosa_cio.fleet.market_data import Unusable, priced_stream, read_tick
from petrosa_cio.nurse.every import every
from petrosa_cio.nurse.price_belief import MAX_SYMBOLS, Belief, PriceBelief
from petrosa_cio.risk.snapshot import ReferencePrice

DIGEST_S = 0.1
"""Seconds between two looks at what is kept: a price is at most so much older than it could be."""

PORTION = 64
MAX_KEPT = 3 * MAX_SYMBOLS
SUPERSEDED = "superseded"
TICKS = Counter(
    "cio_market_ticks_total", "Messages of the market data, by what became of them.", ["outcome"]
)
_OUTCOMES = {each: TICKS.labels(each) for each in (*Unusable, *Belief, SUPERSEDED)}


class Market:
    """The market as this gate believes it.

    Args:
        belief: What judges ticks.
        clock: The time, aware UTC.
    """

    def __init__(self, belief: PriceBelief, *, clock: Callable[[], datetime]) -> None:
        self._belief = belief
        self._clock = clock
        self._kept: dict[bytes, bytes] = {}
        self._counted: Tallied[str] = Tallied()

    @property
    def prices(self) -> Mapping[str, ReferencePrice]:
        """The prices that are believed, by symbol; the mapping is never changed."""
        return self._belief.prices

    def heard(self, body: bytes) -> None:
        """Take a message in. Never raises, never waits."""
        stream = priced_stream(body)
        if isinstance(stream, Unusable):
            self._counted[stream] += 1
        elif stream in self._kept:
            self._counted[SUPERSEDED] += 1
            self._kept[stream] = body
        elif len(self._kept) < MAX_KEPT:
            self._kept[stream] = body
        else:
            self._counted[Belief.TOO_MANY_SYMBOLS] += 1

    async def run(self, stop: asyncio.Event) -> None:
        """Believe what was heard, a few times a second, until told to stop."""
        await every(DIGEST_S, self.digest, stop)

    async def digest(self) -> None:
        """Take apart what is kept, and show the prices that are believed now."""
        waiting, self._kept = iter(self._kept.values()), {}
        while portion := list(islice(waiting, PORTION)):
            self._hear(portion)
            await asyncio.sleep(0)
        counted, self._counted = self._counted, Tallied()
        if counted[Belief.BELIEVED]:
            self._belief.publish()
        for outcome, number in counted.items():
            _OUTCOMES[outcome].inc(number)

    def _hear(self, portion: list[bytes]) -> None:
        now = self._clock()
        for body in portion:
            tick = read_tick(body)
            outcome = tick if isinstance(tick, Unusable) else self._belief.hear(tick, now)
            self._counted[outcome] += 1
