"""What was spent on language models, in Redis: one counter a day."""

from datetime import date
from typing import Any, Final

from redis.asyncio import Redis

from petrosa_cio.adapters.redis_connection import reaching_redis, send

KEPT_S: Final = 3 * 24 * 60 * 60
"""Seconds for which a day's counter is kept after its last change."""


class RedisSpend:
    """Counts what a fund spends on language models.

    Args:
        client: From `petrosa_cio.adapters.redis_connection.connect_redis`.
        fund: The fund.
        timeout_s: Longest time a call may take.

    Every method raises `Unavailable` when Redis is away, slow or broken.
    """

    def __init__(self, client: Redis, fund: str, *, timeout_s: float = 1.0) -> None:
        self._client = client
        self._prefix = f"cio:{{{fund}}}:strategist_spend:"
        self._timeout_s = timeout_s

    async def reserve(self, day: date, amount: int, ceiling: int) -> bool:
        """Count an amount, if it and all before it keep to the ceiling; return whether.

        Of two that ask at once for the last of it, it may be that none gets it.
        """
        if await self._add(day, amount) <= ceiling:
            return True
        await self._add(day, -amount)
        return False

    async def settle(self, day: date, difference: int) -> None:
        """Correct what was counted; below zero where less was spent than reserved."""
        await self._add(day, difference)

    async def spent(self, day: date) -> int:
        """Return what is counted for a day, in microdollars."""
        async with reaching_redis(self._timeout_s):
            found = await send(self._client, "GET", self._key(day))
        return int(found or 0)

    async def _add(self, day: date, amount: int) -> int:
        async with reaching_redis(self._timeout_s):
            pipe: Any
            async with self._client.pipeline(transaction=True) as pipe:
                pipe.incrby(self._key(day), amount)
                pipe.expire(self._key(day), KEPT_S)
                total, _ = await pipe.execute()
        return int(total)

    def _key(self, day: date) -> str:
        return f"{self._prefix}{day.isoformat()}"
