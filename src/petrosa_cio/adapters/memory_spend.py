"""What was spent on language models, in memory: the twin of `redis_spend`."""

from collections import Counter
from datetime import date


class MemorySpend:
    """Counts what is spent, for one process and as long as it lives."""

    def __init__(self) -> None:
        """Begin at nothing."""
        self._spent: Counter[date] = Counter()

    async def reserve(self, day: date, amount: int, ceiling: int) -> bool:
        """Count an amount, if it and all before it keep to the ceiling; return whether."""
        if self._spent[day] + amount > ceiling:
            return False
        self._spent[day] += amount
        return True

    async def settle(self, day: date, difference: int) -> None:
        """Correct what was counted."""
        self._spent[day] += difference

    async def spent(self, day: date) -> int:
        """Return what is counted for a day, in microdollars."""
        return self._spent[day]
