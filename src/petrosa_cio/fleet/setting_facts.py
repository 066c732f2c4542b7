"""What is known of one setting of a neighbour: its meaning, bounds, direction, and who reads it.

The direction says which way of changing it lets the fund risk more. A setting that is not known
counts as one that loosens, however it is changed; so does one whose effect goes both ways.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal
from enum import StrEnum
from typing import cast

from petrosa_cio.risk.limit_kinds import Change


class Kind(StrEnum):
    """What a value is."""

    INTEGER = "a whole number"
    NUMBER = "a number"
    SWITCH = "true or false"
    TEXT = "a text"
    LIST = "a list"
    OBJECT = "an object"


class Direction(StrEnum):
    """Which way of changing it risks more."""

    HIGHER_RISKS_MORE = "higher risks more"
    LOWER_RISKS_MORE = "lower risks more"
    MORE_RISKS_MORE = "to add to it risks more"
    ANY_RISKS_MORE = "any change may risk more"


class Reach(StrEnum):
    """What a value that is stored there reaches."""

    ACTED_ON = "acted on"
    DEFAULT_ONLY = "its check knows the default alone, whatever is stored"
    ENVIRONMENT = "an environment variable of the service decides, whatever is stored"
    UNREAD = "nothing reads it"
    REFUSED = "its API does not take it"


@dataclass(frozen=True, slots=True)
class SettingFacts:
    """What is known of one setting.

    Attributes:
        kind: What a value is.
        unit: Its unit, as people read it.
        direction: Which way of changing it risks more.
        reach: What a stored value reaches.
        meaning: What it is for, as a sentence without its full stop.
        default: What counts unless it is set.
        least: Smallest value; None without one.
        most: Largest value, alike.
        among: The only values that it may have; empty for any.
        instead: The limit of our own policy that holds what this one does not; empty for none.
    """

    kind: Kind
    unit: str
    direction: Direction
    reach: Reach
    meaning: str
    default: object = None
    least: Decimal | None = None
    most: Decimal | None = None
    among: tuple[str, ...] = ()
    instead: str = ""

    @property
    def when_to_change(self) -> str:
        """When a person or an agent would change it."""
        if self.reach is Reach.ACTED_ON:
            return _WHEN[self.direction]
        return (
            f"not to limit anything; state `{self.instead}` in the policy"
            if self.instead
            else ("not to limit anything: only to keep what is stored there true")
        )

    def problem_with(self, value: object) -> str | None:
        """Return why a value cannot be set, as the end of a sentence; None where it can."""
        if not _is_of(self.kind, value):
            return f"must be {self.kind}, was {shown(value)}"
        if isinstance(value, int | Decimal) and not isinstance(value, bool):
            if self.least is not None and value < self.least:
                return f"must be at least {self.least}, was {value}"
            if self.most is not None and value > self.most:
                return f"must be at most {self.most}, was {value}"
        if self.among and value not in self.among:
            return f"must be one of {', '.join(self.among)}, was {shown(value)}"
        return None

    def compare(self, old: object, new: object) -> Change:
        """Return what replacing one value by another does to what is risked."""
        if same(old, new):
            return Change.EQUAL
        if not (_is_of(self.kind, _as_whole(old)) and _is_of(self.kind, _as_whole(new))):
            return Change.LOOSER
        if self.direction is Direction.MORE_RISKS_MORE:
            return _compare_lists(old, new)
        if self.direction is Direction.ANY_RISKS_MORE or self.kind not in _ORDERED:
            return Change.LOOSER
        rises = cast(Decimal, new) > cast(Decimal, old)
        risks_more = rises == (self.direction is Direction.HIGHER_RISKS_MORE)
        return Change.LOOSER if risks_more else Change.TIGHTER


_TYPES: dict[Kind, tuple[type, ...]] = {
    Kind.INTEGER: (int,),
    Kind.NUMBER: (int,),
    Kind.SWITCH: (),
    Kind.TEXT: (str,),
    Kind.LIST: (list, tuple),
    Kind.OBJECT: (dict,),
}
_ORDERED = frozenset({Kind.INTEGER, Kind.NUMBER, Kind.SWITCH})

_WHEN = {
    Direction.HIGHER_RISKS_MORE: "lower it to trade less or smaller at once",
    Direction.LOWER_RISKS_MORE: "raise it to trade less or smaller at once",
    Direction.MORE_RISKS_MORE: "take something out of it to stop that alone",
    Direction.ANY_RISKS_MORE: "when the strategy is tuned anew, by two people",
}


def same(one: object, other: object) -> bool:
    """Return whether two values are the same to a neighbour: 2 is 2.0, and true is not 1."""
    if isinstance(one, bool) or isinstance(other, bool):
        return one is other
    if isinstance(one, list | tuple) and isinstance(other, list | tuple):
        return len(one) == len(other) and all(map(same, one, other))
    if isinstance(one, dict) and isinstance(other, dict):
        return one.keys() == other.keys() and all(same(one[name], other[name]) for name in one)
    return one == other


def shown(value: object) -> str:
    """Return a value as a line that is not long."""
    longest = 80
    text = repr(str(value) if isinstance(value, Decimal) else value)
    return text if len(text) <= longest else f"{text[:longest]}..."


def _is_of(kind: Kind, value: object) -> bool:
    if isinstance(value, bool):
        return kind is Kind.SWITCH
    if isinstance(value, Decimal):
        return kind is Kind.NUMBER and value.is_finite()
    return isinstance(value, _TYPES[kind])


def _as_whole(value: object) -> object:
    """Return 10.0, as a service may show a whole number, as 10."""
    is_whole = isinstance(value, Decimal) and value.is_finite() and value % 1 == 0
    return int(value) if is_whole and isinstance(value, Decimal) else value


def _compare_lists(old: object, new: object) -> Change:
    # What an empty list means, nothing or everything, is not the same everywhere.
    before, after = cast(Sequence[object], old), cast(Sequence[object], new)
    added = any(not any(same(one, known) for known in before) for one in after)
    return Change.LOOSER if added or not after or not before else Change.TIGHTER
