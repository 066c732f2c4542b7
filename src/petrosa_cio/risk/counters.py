"""The names of what the ledger counts of exposure."""

from typing import Final

from petrosa_cio.risk.intent import Direction

GROSS: Final = "gross"
OPEN_ORDERS: Final = "open_orders"
"""Orders that are approved and not filled yet. What it counts is over with the first fill."""

UNITS_PER_ORDER: Final = 10_000
"""An order counts as one USD does, so that all that is counted reads alike."""

_POSITION = "position:"


def position_counter(symbol: str, direction: str) -> str:
    """Return the name of the counter of exposure to one symbol and side."""
    return f"{_POSITION}{symbol}:{direction}"


def is_position(counter: str) -> bool:
    """Return whether a counter is of exposure to one symbol and side."""
    return counter.startswith(_POSITION)


def strategy_counter(token: str) -> str:
    """Return the name of the counter of a strategy's exposure."""
    return f"strategy:{token}"


def side_of(counter: str) -> str:
    """Return the side that a position's counter is of."""
    return counter.rsplit(":", 1)[1]


def symbol_of(counter: str) -> str:
    """Return the symbol that a position's counter is of."""
    return counter.split(":")[1]


def side_name(direction: str) -> str:
    """Return what the sum of all exposure on one side is called."""
    return f"net:{direction}"


def group_name(group: str) -> str:
    """Return what the sum of a group's exposure is called."""
    return f"group:{group}"


LEVERAGE: Final = "leverage"
"""What the sum of all exposure is called where it is compared with the equity."""

ON_SIDE: Final = {direction: f"{_POSITION}*:{direction}" for direction in Direction}
"""By side, what stands for the counters of all positions on it, among the members of a sum."""
