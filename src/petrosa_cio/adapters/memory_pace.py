"""The pace of changes in memory, for tests: as Redis would keep it."""

from collections.abc import Callable

from petrosa_cio.adapters.change_pace import wait_s


class MemoryPace:
    """Counts changes as long as the program runs.

    Args:
        clock_ms: Its clock, epoch milliseconds.
    """

    def __init__(self, clock_ms: Callable[[], int]) -> None:
        self._clock_ms = clock_ms
        self._changes: dict[str, list[tuple[int, str]]] = {}

    async def take(self, neighbour: str, author: str) -> int:
        """Count a change that is about to be sent; return 0, or seconds to wait, uncounted."""
        changes, now_ms = self._changes.setdefault(neighbour, []), self._clock_ms()
        waits = wait_s(changes, author, now_ms)
        if not waits:
            changes.append((now_ms, author))
        return waits
