"""What decisions hold, in memory: `petrosa_cio.adapters.redis_held` without a server."""

from collections.abc import Mapping


class MemoryHeld:
    """Keeps what decisions hold, for one process and as long as it lives."""

    def __init__(self) -> None:
        self._version = 0
        self._lots: dict[str, bytes] = {}

    async def load(self) -> tuple[int, Mapping[str, bytes]]:
        """Return a version and every entry by name, a lot by its decision."""
        return self._version, dict(self._lots)

    async def entry(self, name: str) -> bytes | None:
        """Return one entry; None where there is none of that name."""
        return self._lots.get(name)

    async def save(self, version: int, changes: Mapping[str, bytes | None]) -> bool:
        """Store entries in one step, None for those to remove, if the version is the same."""
        if version != self._version:
            return False
        lots = {**self._lots, **changes}
        self._lots = {key: lot for key, lot in lots.items() if lot is not None}
        self._version += 1
        return True
