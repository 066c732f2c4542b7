"""Books with a version, as of what decisions hold, each a hash of Redis beside the ledger.

`petrosa_cio.adapters.memory_held` does the same in memory.
"""

from collections.abc import Mapping
from typing import Final

from redis.asyncio import Redis

from petrosa_cio.adapters.redis_connection import reaching_redis, send
from petrosa_cio.adapters.redis_script import Script, ScriptRunner

SAVE: Final = Script("clock", "save_lots")
_LOT: Final = "lot:"


class RedisHeld:
    """Keeps entries by name, under a version: of two writers at a time one is told to look again.

    Args:
        client: From `petrosa_cio.adapters.redis_connection.connect_redis`.
        fund: The fund whose books these are.
        name: Which books.
        timeout_s: Longest time a call may take.

    Every method raises `Unavailable` when Redis is away, slow or broken.
    """

    def __init__(
        self, client: Redis, fund: str, *, name: str = "held", timeout_s: float = 0.5
    ) -> None:
        self._client = client
        self._name = name
        self._key = f"cio:{{{fund}}}:{name}"
        self._timeout_s = timeout_s
        self._runner = ScriptRunner(client, fund, timeout_s=timeout_s)

    async def load(self) -> tuple[int, Mapping[str, bytes]]:
        """Return a version and every entry by name, a lot by its decision."""
        async with reaching_redis(self._timeout_s):
            stored = await send(self._client, "HGETALL", self._key)
        version = int(stored.pop(b"version", b"0"))
        return version, {key.decode().removeprefix(_LOT): lot for key, lot in stored.items()}

    async def entry(self, name: str) -> bytes | None:
        """Return one entry; None where there is none of that name."""
        async with reaching_redis(self._timeout_s):
            stored: bytes | None = await send(self._client, "HGET", self._key, _LOT + name)
        return stored

    async def save(self, version: int, changes: Mapping[str, bytes | None]) -> bool:
        """Store entries in one step, None for those to remove, if the version is the same."""
        pairs = [part for key, lot in changes.items() for part in (key, lot or b"")]
        return bool(await self._runner.run(SAVE, self._name, version, *pairs))
