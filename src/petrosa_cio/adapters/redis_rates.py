"""How many events the ledger has in a window now. It only looks; nothing counts."""

from collections.abc import Mapping

from redis.asyncio import Redis

from petrosa_cio.adapters.redis_connection import reaching_redis, send


class RedisRates:
    """Reads the ledger's lists of event times.

    Args:
        client: From `petrosa_cio.adapters.redis_connection.connect_redis`.
        fund: The fund whose ledger this is.
        timeout_s: Longest time a call may take.
    """

    def __init__(self, client: Redis, fund: str, *, timeout_s: float = 0.5) -> None:
        self._client = client
        self._prefix = f"cio:{{{fund}}}:rate:"
        self._timeout_s = timeout_s

    async def events(self, windows: Mapping[str, tuple[str, int]]) -> dict[str, int]:
        """Return the events in each window by the name it is asked under.

        Args:
            windows: Counter and length in milliseconds by name.

        Raises:
            Unavailable: Redis is away, slow or broken.
        """
        counters = {counter for counter, _ in windows.values()}
        async with reaching_redis(self._timeout_s):
            seconds, microseconds = await send(self._client, "TIME")
            times = {
                counter: await send(self._client, "LRANGE", f"{self._prefix}{counter}", 0, -1)
                for counter in counters
            }
        now_ms = int(seconds) * 1000 + int(microseconds) // 1000
        return {
            name: sum(int(time) > now_ms - window_ms for time in times[counter])
            for name, (counter, window_ms) in windows.items()
        }
