"""Whether one policy is tighter or looser than another, and in which fields.

The comparison is made family by family on what each entry says once its default is filled in. As
the meet of tighter entries is never looser, a change that is tighter in every family is tighter as
a whole. The converse is cautious: a field loosened in one family counts as looser even where
another family still binds.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from petrosa_cio.risk.in_force import entry_chain, pair_entries, stated_limits
from petrosa_cio.risk.limit_kinds import Change
from petrosa_cio.risk.limits import LIMIT_KINDS, LimitSet
from petrosa_cio.risk.policy import ANY, Families


@dataclass(frozen=True, slots=True)
class FieldChange:
    """One limit that a change of policy moves."""

    path: str
    change: Change
    old: object
    new: object


@dataclass(frozen=True, slots=True)
class Comparison:
    """What replacing one policy by another does."""

    changes: tuple[FieldChange, ...]

    @property
    def change(self) -> Change:
        """The change as a whole; looser and tighter fields together are mixed."""
        kinds = {change.change for change in self.changes}
        if not kinds:
            return Change.EQUAL
        return kinds.pop() if len(kinds) == 1 else Change.MIXED

    @property
    def loosened(self) -> tuple[FieldChange, ...]:
        """The fields that allow more than before, or may."""
        return tuple(one for one in self.changes if one.change in (Change.LOOSER, Change.MIXED))


def compare(old: Families, new: Families) -> Comparison:
    """Compare two policies entry by entry."""
    changes: list[FieldChange] = list(_compare_entry("fund", old.fund, new.fund))
    for family in ("symbols", "strategies", "regimes"):
        changes += _compare_family(family, getattr(old, family), getattr(new, family))
    for path, strategy, symbol in _pairs(old, new):
        before = stated_limits(pair_entries(old, strategy, symbol))
        after = stated_limits(pair_entries(new, strategy, symbol))
        changes += _compare_entry(path, before, after)
    return Comparison(tuple(changes))


def _names(*entries: Mapping[str, object]) -> list[str]:
    return sorted({ANY}.union(*entries))


def _pairs(old: Families, new: Families) -> Iterator[tuple[str, str, str]]:
    by_strategy = (old.strategy_symbols, new.strategy_symbols)
    symbols = _names(*(by_symbol for pairs in by_strategy for by_symbol in pairs.values()))
    for strategy in _names(*by_strategy):
        for symbol in symbols:
            yield f"strategy_symbols.{strategy}.{symbol}", strategy, symbol


def _compare_family(
    family: str, old: Mapping[str, LimitSet], new: Mapping[str, LimitSet]
) -> Iterator[FieldChange]:
    for name in _names(old, new):
        before = stated_limits(entry_chain(family, old, name))
        after = stated_limits(entry_chain(family, new, name))
        yield from _compare_entry(f"{family}.{name}", before, after)


def _compare_entry(path: str, old: LimitSet, new: LimitSet) -> Iterator[FieldChange]:
    for name, kind in LIMIT_KINDS.items():
        before, after = getattr(old, name), getattr(new, name)
        change = kind.compare_optional(before, after)
        if change is not Change.EQUAL:
            yield FieldChange(f"{path}.{name}", change, before, after)
