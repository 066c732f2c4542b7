"""The venue's rules in Redis: one version, and beside it which one it is."""

from typing import Final

import msgspec
from redis.asyncio import Redis

from petrosa_cio.adapters.redis_connection import reaching_redis, send
from petrosa_cio.ports import VenueRulesMark

MARK: Final = "mark"
DOCUMENT: Final = "document"


class RedisVenueRules:
    """Holds the rules of a fund's venue.

    Args:
        client: From `petrosa_cio.adapters.redis_connection.connect_redis`.
        fund: The fund.
        timeout_s: Longest time a call may take.

    Every method raises `Unavailable` when Redis is away, slow or broken.
    """

    def __init__(self, client: Redis, fund: str, *, timeout_s: float = 1.0) -> None:
        self._client = client
        self._key = f"cio:{{{fund}}}:venue_rules"
        self._timeout_s = timeout_s

    async def venue_rules_mark(self) -> VenueRulesMark | None:
        """Return which version is held, or None; one that does not read is none."""
        found = await self._field(MARK)
        try:
            return None if found is None else msgspec.json.decode(found, type=VenueRulesMark)
        except ValueError:
            return None

    async def venue_rules_document(self) -> bytes | None:
        """Return the packed rules, or None."""
        return await self._field(DOCUMENT)

    async def set_venue_rules(self, mark: VenueRulesMark, document: bytes) -> None:
        """Hold this version from now on; both parts change at once."""
        async with reaching_redis(self._timeout_s):
            await send(
                self._client, "HSET", self._key,
                MARK, msgspec.json.encode(mark), DOCUMENT, document,
            )  # fmt: skip

    async def _field(self, name: str) -> bytes | None:
        async with reaching_redis(self._timeout_s):
            found = await send(self._client, "HGET", self._key, name)
        return None if found is None else bytes(found)
