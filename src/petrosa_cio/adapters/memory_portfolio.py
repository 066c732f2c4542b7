"""What the fund was last seen to hold, in memory: the twin of `redis_portfolio`."""

from petrosa_cio.risk.portfolio import PortfolioReading


class MemoryPortfolio:
    """Holds the last reading, for one process and as long as it lives."""

    def __init__(self) -> None:
        """Hold nothing yet."""
        self._held: PortfolioReading | None = None

    async def portfolio(self) -> PortfolioReading | None:
        """Return the last reading, or None where there is none."""
        return self._held

    async def set_portfolio(self, reading: PortfolioReading) -> None:
        """Hold this reading from now on."""
        self._held = reading
