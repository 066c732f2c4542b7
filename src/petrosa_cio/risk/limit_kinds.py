"""How each kind of limit meets another of its kind, and how an old one compares with a new one.

A policy is the *meet* of many entries: the strictest wins. What "strict" means depends on the kind:
the lower of two ceilings, the higher of two floors, the intersection of two allow-lists. ``None``
means "not stated" and takes no part. Every meet is commutative, associative and idempotent, so the
order in which entries are read never matters.

What nobody states is not limited, with few exceptions, where a built-in value then counts
(``unstated``): to state a looser one, such as ``reduce`` instead of ``deny``, loosens the policy.
"""

from collections.abc import Callable
from dataclasses import dataclass
from decimal import Decimal
from enum import StrEnum
from typing import cast


class Change(StrEnum):
    """What replacing one value by another does to what is allowed."""

    EQUAL = "equal"
    TIGHTER = "tighter"
    LOOSER = "looser"
    MIXED = "mixed"


@dataclass(frozen=True, slots=True)
class LimitKind:
    """A kind of limit, and what is to be known of one field of that kind.

    Attributes:
        meet: The stricter of two stated values.
        compare: What replacing the first stated value by the second does.
        unit: Unit of the value, as people read it.
        when_to_change: When a person or an agent would want to change this field.
        families: Families of entries that may state it; empty means any.
        unstated: What counts where nobody states a value; None where nothing limits then.
        how_they_meet: What counts where two entries state it, in words.
    """

    meet: Callable[[object, object], object]
    compare: Callable[[object, object], Change]
    unit: str
    when_to_change: str
    families: frozenset[str] = frozenset()
    unstated: object | None = None
    how_they_meet: str = ""

    def meet_optional(self, left: object | None, right: object | None) -> object | None:
        """Return the stricter of two values, where None states nothing."""
        if left is None or right is None:
            return left if right is None else right
        return self.meet(left, right)

    def compare_optional(self, old: object | None, new: object | None) -> Change:
        """Return what replacing ``old`` by ``new`` does, where None states nothing.

        Other entries may state more than this one, so the answer is the one that holds whatever
        they say; where there is none, it is mixed.
        """
        if old == new:
            return Change.EQUAL
        if old is None:
            return Change.LOOSER if self._is_looser_than_unstated(new) else Change.TIGHTER
        if new is None:
            return Change.MIXED if self._is_looser_than_unstated(old) else Change.LOOSER
        return self.compare(old, new)

    def _is_looser_than_unstated(self, value: object) -> bool:
        if self.unstated is None:
            return False
        return self.compare(self.unstated, value) in (Change.LOOSER, Change.MIXED)


def _ordered(stricter: Callable[[object, object], object]) -> Callable[[object, object], Change]:
    def compare(old: object, new: object) -> Change:
        if old == new:
            return Change.EQUAL
        return Change.TIGHTER if stricter(old, new) == new else Change.LOOSER

    return compare


def _lower(left: object, right: object) -> object:
    return left if cast(Decimal, left) <= cast(Decimal, right) else right


def _higher(left: object, right: object) -> object:
    return left if cast(Decimal, left) >= cast(Decimal, right) else right


def _intersection(left: object, right: object) -> object:
    return cast(frozenset[str], left) & cast(frozenset[str], right)


def _compare_sets(old: object, new: object) -> Change:
    before, after = cast(frozenset[str], old), cast(frozenset[str], new)
    if before == after:
        return Change.EQUAL
    if after < before:
        return Change.TIGHTER
    return Change.LOOSER if after > before else Change.MIXED


def _either(left: object, right: object) -> object:
    return bool(left) or bool(right)


def _compare_required(old: object, new: object) -> Change:
    if bool(old) == bool(new):
        return Change.EQUAL
    return Change.TIGHTER if new else Change.LOOSER


def _deny_wins(left: object, right: object) -> object:
    return left if left == "deny" else right


def _always_mixed(old: object, new: object) -> Change:
    return Change.EQUAL if old == new else Change.MIXED


def ceiling(
    unit: str,
    when_to_change: str,
    families: frozenset[str] = frozenset(),
    *,
    unstated: int | None = None,
) -> LimitKind:
    """Return the kind of a highest allowed value: the lowest wins."""
    return LimitKind(
        _lower, _ordered(_lower), unit, when_to_change, families, unstated,
        how_they_meet="the lowest counts",
    )  # fmt: skip


def floor(
    unit: str,
    when_to_change: str,
    families: frozenset[str] = frozenset(),
    *,
    unstated: int | None = None,
) -> LimitKind:
    """Return the kind of a lowest allowed value: the highest wins."""
    return LimitKind(
        _higher, _ordered(_higher), unit, when_to_change, families, unstated,
        how_they_meet="the highest counts",
    )  # fmt: skip


def allow_list(unit: str, when_to_change: str, families: frozenset[str] = frozenset()) -> LimitKind:
    """Return the kind of a set of allowed values: the intersection wins."""
    return LimitKind(
        _intersection, _compare_sets, unit, when_to_change, families,
        how_they_meet="what all of them list counts",
    )  # fmt: skip


def required(when_to_change: str) -> LimitKind:
    """Return the kind of a demand: whoever demands it wins."""
    meets = "yes counts, whoever says it"
    compare = _compare_required
    return LimitKind(_either, compare, "yes or no", when_to_change, how_they_meet=meets)


def scale(when_to_change: str, families: frozenset[str] = frozenset()) -> LimitKind:
    """Return the kind of a factor on sizes, 0 to 1: the smallest wins, they do not multiply."""
    meets = "the smallest counts; they do not multiply"
    compare = _ordered(_lower)
    return LimitKind(_lower, compare, "fraction", when_to_change, families, how_they_meet=meets)


def on_breach(when_to_change: str) -> LimitKind:
    """Return the kind of "deny or reduce": deny wins, and counts where nobody states it."""
    compare = _ordered(_deny_wins)
    return LimitKind(
        _deny_wins, compare, "deny or reduce", when_to_change, unstated="deny",
        how_they_meet="deny counts, whoever says it",
    )  # fmt: skip


def by_rank(loosest_first: tuple[str, ...], when_to_change: str, *, unstated: str) -> LimitKind:
    """Return the kind of a choice between rules: the strictest wins, and one counts unstated."""
    rank = {rule: number for number, rule in enumerate(loosest_first)}

    def stricter(left: object, right: object) -> object:
        return left if rank[cast(str, left)] >= rank[cast(str, right)] else right

    unit = " or ".join((", ".join(loosest_first[:-1]), loosest_first[-1]))
    strictest_first = " before ".join(reversed(loosest_first))
    return LimitKind(
        stricter, _ordered(stricter), unit, when_to_change, unstated=unstated,
        how_they_meet=f"the strictest counts: {strictest_first}",
    )  # fmt: skip


def given_size(unit: str, when_to_change: str) -> LimitKind:
    """Return the kind of a size given to unsized intents: the lowest wins, a change is mixed.

    Without one, such intents are denied: as with a size of nothing.
    """
    return LimitKind(
        _lower, _always_mixed, unit, when_to_change, unstated=0, how_they_meet="the lowest counts"
    )
