"""Alerts that wait, in Redis: when each is due in one sorted set, and what it is in one hash.

A told one is remembered for an hour, so that several processes that hear of it tell it once.
"""

from typing import Any, Final

import msgspec
from redis.asyncio import Redis

from petrosa_cio.adapters.redis_connection import reaching_redis, send
from petrosa_cio.ports import WaitingAlert

REMEMBERED_S: Final = 3600


class RedisOutbox:
    """Holds the alerts of a fund.

    Args:
        client: From `petrosa_cio.adapters.redis_connection.connect_redis`.
        fund: The fund.
        room: Most alerts that wait.
        timeout_s: Longest time a call may take.

    Every method raises `Unavailable` when Redis is away, slow or broken.
    """

    def __init__(self, client: Redis, fund: str, *, room: int, timeout_s: float = 1.0) -> None:
        self._client = client
        self._due = f"cio:{{{fund}}}:alerts:due"
        self._alerts = f"cio:{{{fund}}}:alerts"
        self._told = f"cio:{{{fund}}}:alert_told:"
        self._room = room
        self._timeout_s = timeout_s

    async def put(self, alert_id: str, body: str, *, now_ms: int) -> bool:
        """Keep an alert, due at once; return False if there is no room. A known one is kept."""
        alert = msgspec.json.encode(WaitingAlert(alert_id, body, 0, now_ms))
        async with reaching_redis(self._timeout_s):
            is_told = await send(self._client, "EXISTS", f"{self._told}{alert_id}")
            if is_told or await send(self._client, "HEXISTS", self._alerts, alert_id):
                return True
            if await send(self._client, "ZCARD", self._due) >= self._room:
                return False
            await self._both(
                ("HSETNX", self._alerts, alert_id, alert),
                ("ZADD", self._due, "NX", now_ms, alert_id),
            )
        return True

    async def due(self, now_ms: int, limit: int) -> list[WaitingAlert]:
        """Return alerts that are due, the longest due first."""
        async with reaching_redis(self._timeout_s):
            ids = await send(
                self._client, "ZRANGEBYSCORE", self._due, "-inf", now_ms, "LIMIT", 0, limit
            )
            found = await send(self._client, "HMGET", self._alerts, *ids) if ids else []
        return [msgspec.json.decode(one, type=WaitingAlert) for one in found if one is not None]

    async def later(self, alert: WaitingAlert, *, due_ms: int) -> None:
        """Try an alert once more, at a time; it counts one try more."""
        again = WaitingAlert(alert.alert_id, alert.body, alert.tries + 1, alert.since_ms)
        async with reaching_redis(self._timeout_s):
            await self._both(
                ("HSET", self._alerts, alert.alert_id, msgspec.json.encode(again)),
                ("ZADD", self._due, due_ms, alert.alert_id),
            )

    async def done(self, alert_id: str) -> None:
        """Forget an alert: it was told, or given up."""
        async with reaching_redis(self._timeout_s):
            await self._both(
                ("SET", f"{self._told}{alert_id}", 1, "EX", REMEMBERED_S),
                ("ZREM", self._due, alert_id),
                ("HDEL", self._alerts, alert_id),
            )

    async def waiting(self) -> int:
        """Return how many wait."""
        async with reaching_redis(self._timeout_s):
            return int(await send(self._client, "ZCARD", self._due))

    async def _both(self, *commands: tuple[Any, ...]) -> None:
        pipe: Any
        async with self._client.pipeline(transaction=True) as pipe:
            for command in commands:
                pipe.execute_command(*command)
            await pipe.execute()
