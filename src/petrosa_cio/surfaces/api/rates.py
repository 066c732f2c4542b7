"""How often somebody may ask: buckets that fill again with time."""

import math
from collections import OrderedDict
from collections.abc import Callable
from typing import Final

MINUTE_S: Final = 60.0

ROUNDING_S: Final = 1e-6
"""What the binary fractions may be off."""


class Rates:
    """Gives each of many so many turns a minute; all of them may be taken at once.

    Args:
        monotonic: A monotonic clock, seconds.
        most: Of how many to remember anything; of more, those longest unseen begin anew.
    """

    def __init__(self, monotonic: Callable[[], float], *, most: int = 4096) -> None:
        self._monotonic = monotonic
        self._most = most
        self._left: OrderedDict[tuple[str, str], tuple[float, float]] = OrderedDict()

    def wait_s(self, what: str, who: str, per_minute: int) -> int:
        """Take one turn, and return 0; where there is none, the seconds until there is, rounded up.

        Args:
            what: What is counted apart.
            who: Who takes the turn.
            per_minute: Turns in a minute.
        """
        now, key = self._monotonic(), (what, who)
        left, at = self._left.pop(key, (float(per_minute), now))
        left = min(float(per_minute), left + (now - at) * per_minute / MINUTE_S)
        takes = left >= 1 - ROUNDING_S
        self._left[key] = (left - takes, now)
        if len(self._left) > self._most:
            self._left.popitem(last=False)
        return 0 if takes else max(1, math.ceil((1 - left) * MINUTE_S / per_minute - ROUNDING_S))
