"""Keeps the portfolio in a gate's memory, with the exposure that it shows worked out once."""

import asyncio
from collections.abc import Mapping

from petrosa_cio.nurse.every import every
from petrosa_cio.ports import PortfolioStore
from petrosa_cio.risk.in_force import InForce
from petrosa_cio.risk.limits import DEFAULT_MAX_PORTFOLIO_AGE_S
from petrosa_cio.risk.policy import ANY
from petrosa_cio.risk.portfolio import PortfolioReading
from petrosa_cio.risk.seen_exposure import NOTHING_SEEN, Seen, seen_exposure
from petrosa_cio.risk.snapshot import Snapshot

REFRESH_S = 1.0


class PortfolioWatch:
    """The portfolio as a gate knows it: the last reading, however old.

    Args:
        store: Where readings are held.
    """

    def __init__(self, store: PortfolioStore) -> None:
        self._store = store
        self._held: tuple[PortfolioReading | None, Mapping[str, Seen]] = (None, NOTHING_SEEN)

    @property
    def held(self) -> tuple[PortfolioReading | None, Mapping[str, Seen]]:
        """The last reading, and the exposure that it shows; None where there is none."""
        return self._held

    async def run(self, stop: asyncio.Event) -> None:
        """Look every second, until told to stop."""
        await every(REFRESH_S, self.refresh, stop)

    async def refresh(self) -> None:
        """Take over what the store holds. Raises Unavailable."""
        reading = await self._store.portfolio()
        if reading is not None and reading != self._held[0]:
            self._held = reading, seen_exposure(reading)


def portfolio_problem(snapshot: Snapshot) -> str | None:
    """Return what is wrong with the portfolio, where the policy needs one."""
    limits = _for_all(snapshot).limits
    needed = limits.portfolio_required or limits.max_portfolio_leverage is not None
    if not needed:
        return None
    if snapshot.portfolio is None:
        return "none is known, and the policy needs one"
    stated = limits.max_portfolio_age_s
    oldest = DEFAULT_MAX_PORTFOLIO_AGE_S if stated is None else stated
    age_s = (snapshot.now - snapshot.portfolio.observed_at).total_seconds()
    return f"seen {age_s:.0f} s ago" if abs(age_s) > oldest else None


def _for_all(snapshot: Snapshot) -> InForce:
    return snapshot.limits_for(ANY, ANY)
