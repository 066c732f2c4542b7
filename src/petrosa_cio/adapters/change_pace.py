"""How often a neighbour's settings may be changed: its own rules, kept before it has to say so."""

from dataclasses import dataclass
from typing import Final


@dataclass(frozen=True, slots=True)
class PaceRule:
    """Most changes in a time.

    Attributes:
        is_of_author: Whether those of one author are counted, or those of everybody.
        most: How many.
        window_s: Seconds.
    """

    is_of_author: bool
    most: int
    window_s: int


RULES: Final = (
    PaceRule(is_of_author=True, most=1, window_s=300),
    PaceRule(is_of_author=True, most=10, window_s=3600),
    PaceRule(is_of_author=False, most=100, window_s=3600),
    PaceRule(is_of_author=False, most=1, window_s=60),
)
"""The neighbours' own three, and one more: a change is over before the next one reads what is
stored, as what is written replaces it."""

LONGEST_S: Final = max(rule.window_s for rule in RULES)


def wait_s(changes: list[tuple[int, str]], author: str, now_ms: int) -> int:
    """Return how many seconds a change has to wait; 0 for none.

    Args:
        changes: When each change so far was counted, epoch milliseconds, and by whom.
        author: Who wants to make the next one.
        now_ms: The moment, epoch milliseconds.
    """
    waits = [0]
    for rule in RULES:
        counted = sorted(
            at
            for at, by in changes
            if at > now_ms - rule.window_s * 1000 and (by == author or not rule.is_of_author)
        )
        if len(counted) >= rule.most:
            free_ms = counted[-rule.most] + rule.window_s * 1000 - now_ms
            waits.append(-(-free_ms // 1000))
    return max(waits)
