"""What the fund was last seen to hold, in Redis: one document, for all gates alike."""

from redis.asyncio import Redis

from petrosa_cio.adapters.redis_connection import reaching_redis, send
from petrosa_cio.risk.portfolio import PortfolioReading
from petrosa_cio.risk.portfolio_form import read_portfolio, write_portfolio


class RedisPortfolio:
    """Holds the last reading of a fund's portfolio.

    Args:
        client: From `petrosa_cio.adapters.redis_connection.connect_redis`.
        fund: The fund.
        timeout_s: Longest time a call may take.

    Every method raises `Unavailable` when Redis is away, slow or broken.
    """

    def __init__(self, client: Redis, fund: str, *, timeout_s: float = 1.0) -> None:
        self._client = client
        self._key = f"cio:{{{fund}}}:portfolio"
        self._timeout_s = timeout_s

    async def portfolio(self) -> PortfolioReading | None:
        """Return the last reading, or None where there is none; one that does not read is none."""
        async with reaching_redis(self._timeout_s):
            found = await send(self._client, "GET", self._key)
        return None if found is None else read_portfolio(bytes(found))

    async def set_portfolio(self, reading: PortfolioReading) -> None:
        """Hold this reading from now on."""
        async with reaching_redis(self._timeout_s):
            await send(self._client, "SET", self._key, write_portfolio(reading))
