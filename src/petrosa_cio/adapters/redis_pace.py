"""The pace of changes in Redis, so that every process of a fund keeps it together.

Which changes there were is one sorted set for each neighbour. It is read and written under a watch:
if another process counts a change in between, it is looked at anew.
"""

from collections.abc import Callable
from typing import Any, Final

from redis.asyncio import Redis
from redis.exceptions import WatchError

from petrosa_cio.adapters.change_pace import LONGEST_S, wait_s
from petrosa_cio.adapters.redis_connection import reaching_redis

TRIES: Final = 5
ASK_AGAIN_S: Final = 1
"""What is waited where others count changes all the time."""


class RedisPace:
    """Counts changes for a fund.

    Args:
        client: From `petrosa_cio.adapters.redis_connection.connect_redis`.
        fund: The fund.
        timeout_s: Longest time a call may take.
        clock_ms: Replaces the server's own clock, in tests only.
    """

    def __init__(
        self,
        client: Redis,
        fund: str,
        *,
        timeout_s: float = 1.0,
        clock_ms: Callable[[], int] | None = None,
    ) -> None:
        self._client = client
        self._prefix = f"cio:{{{fund}}}:fleet_changes:"
        self._timeout_s = timeout_s
        self._clock_ms = clock_ms

    async def take(self, neighbour: str, author: str) -> int:
        """Count a change that is about to be sent; return 0, or seconds to wait, uncounted.

        Raises:
            Unavailable: Redis is away, slow or broken: then nothing may be sent.
        """
        key = f"{self._prefix}{neighbour}"
        async with reaching_redis(self._timeout_s):
            for _ in range(TRIES):
                try:
                    return await self._try(key, author)
                except WatchError:
                    continue
        return ASK_AGAIN_S

    async def _try(self, key: str, author: str) -> int:
        pipe: Any
        async with self._client.pipeline(transaction=True) as pipe:
            await pipe.watch(key)
            now_ms = await self._now_ms(pipe)
            found = await pipe.zrange(key, 0, -1, withscores=True)
            changes = [(int(at), member.partition(b" ")[2].decode()) for member, at in found]
            waits = wait_s(changes, author, now_ms)
            if waits:
                return waits
            pipe.multi()
            pipe.zadd(key, {f"{now_ms} {author}": now_ms})
            pipe.zremrangebyscore(key, 0, now_ms - LONGEST_S * 1000)
            pipe.expire(key, LONGEST_S + 60)
            await pipe.execute()
        return 0

    async def _now_ms(self, pipe: Any) -> int:
        if self._clock_ms is not None:
            return self._clock_ms()
        seconds, microseconds = await pipe.time()
        return int(seconds) * 1000 + int(microseconds) // 1000
