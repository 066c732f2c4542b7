"""Brings what the fund holds from its neighbours into the store, where all gates read it.

The ledger is read before and after: what it had granted by then stands beside what was seen, so
that a gate can tell what the ledger did not know. A neighbour that says nothing changes nothing:
the last reading stays and grows old. One process does this at a time; that two do for a moment does
no harm, as each writes a whole reading.
"""

from dataclasses import replace
from typing import Protocol

import structlog

from petrosa_cio.errors import LedgerLost
from petrosa_cio.governance.portfolio_metrics import DOUBTS, EQUITY, OBSERVED, POSITIONS, READINGS
from petrosa_cio.ports import PortfolioStore
from petrosa_cio.risk.portfolio import PortfolioReading

log = structlog.get_logger()


class PortfolioTeller(Protocol):
    """Who knows what the fund holds."""

    async def read(self) -> PortfolioReading:
        """Return what is held now; parts that nobody tells are None. Raises nothing."""


class Granting(Protocol):
    """What the ledger has granted. Raises Unavailable; LedgerLost where it was emptied."""

    async def exposure(self) -> dict[str, int]:
        """Return units in use by counter."""


class PortfolioFeed:
    """Reads the portfolio, round by round."""

    def __init__(
        self,
        teller: PortfolioTeller,
        store: PortfolioStore,
        ledger: Granting,
    ) -> None:
        """Take who knows, where to store, and what the ledger has granted."""
        self._teller = teller
        self._store = store
        self._ledger = ledger
        self._doubts: tuple[str, ...] = ()

    async def round(self) -> None:
        """Read once, and store what was read. Raises Unavailable: no store."""
        before = await self._granted()
        reading = await self._teller.read()
        after = await self._granted()
        # Of both the larger: what was opened or closed meanwhile was known all the same.
        granted = {name: max(before.get(name, 0), after.get(name, 0)) for name in before | after}
        self._note(reading)
        if tells_nothing(reading):
            return
        await self._store.set_portfolio(replace(reading, granted=granted))
        OBSERVED.set(reading.observed_at.timestamp())

    def forget(self) -> None:
        """Forget how it went, as another process goes on with it."""
        self._doubts = ()

    def ailments(self) -> list[str]:
        """Return what is doubtful of the last reading, a sentence each."""
        return [f"portfolio feed: {doubt}" for doubt in self._doubts]

    async def _granted(self) -> dict[str, int]:
        """Return what the ledger has granted; of one that lost its data nothing is known."""
        try:
            return await self._ledger.exposure()
        except LedgerLost:
            return {}

    def _note(self, reading: PortfolioReading) -> None:
        READINGS.labels("silent" if tells_nothing(reading) else "taken").inc()
        DOUBTS.set(len(reading.doubts))
        POSITIONS.set(len(reading.positions or ()))
        EQUITY.set(float(reading.equity_usd or 0))
        if reading.doubts != self._doubts:
            log.warning("portfolio_doubts", doubts=list(reading.doubts))
        self._doubts = reading.doubts


def tells_nothing(reading: PortfolioReading) -> bool:
    """Return whether a reading tells neither what is held nor what the fund is worth."""
    return reading.positions is None and reading.equity_usd is None and not reading.results
