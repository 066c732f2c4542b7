"""What a Redis server is like, for whoever wants to look. Nothing is changed."""

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from redis.asyncio import Redis
from redis.exceptions import ResponseError

from petrosa_cio.adapters.redis_connection import reaching_redis, send

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


@dataclass(frozen=True, slots=True)
class RedisSetup:
    """How a server is set up.

    Attributes:
        version: Its version.
        eviction: What it does when its memory is full; ``noeviction`` forgets nothing.
        keeps_file: Whether it writes what it is told to an append-only file.
    """

    version: str
    eviction: str
    keeps_file: bool


class RedisFacts:
    """Asks one server about itself.

    Args:
        client: From `petrosa_cio.adapters.redis_connection.connect_redis`.
        timeout_s: Longest time a call may take.

    Every method raises `Unavailable` when Redis is away, slow or broken.
    """

    def __init__(self, client: Redis, *, timeout_s: float = 3.0) -> None:
        self._client = client
        self._timeout_s = timeout_s

    async def setup(self) -> RedisSetup:
        """Return how the server is set up."""
        async with reaching_redis(self._timeout_s):
            found = await send(self._client, "INFO")
        return RedisSetup(
            version=str(found.get("valkey_version") or found["redis_version"]),
            eviction=str(found.get("maxmemory_policy", "unknown")),
            keeps_file=bool(found.get("aof_enabled")),
        )

    async def file_is_synced(self) -> str | None:
        """Return when the append-only file is synced; None where one may not ask."""
        async with reaching_redis(self._timeout_s):
            try:
                found = await send(self._client, "CONFIG", "GET", "appendfsync")
            except ResponseError:
                return None  # a hosted server, or a user who may not
        return bytes(found[1]).decode() if found else None

    async def now(self) -> datetime:
        """Return the server's time, aware UTC."""
        async with reaching_redis(self._timeout_s):
            seconds, microseconds = await send(self._client, "TIME")
        return _EPOCH + timedelta(seconds=int(seconds), microseconds=int(microseconds))
