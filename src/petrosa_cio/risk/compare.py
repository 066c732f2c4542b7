"""Whether one policy is tighter or looser than another, and in which fields.

The comparison is made family by family on what each entry says once its default is filled in. As
the meet of tighter entries is never looser, a change that is tighter in every family is tighter as
a whole. The converse is cautious: a field loosened in one family counts as looser even where
another family still binds.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import datetime

from petrosa_cio.risk.in_force import entry_chain, pair_entries, stated_limits
from petrosa_cio.risk.limit_kinds import Change
from petrosa_cio.risk.limits import LIMIT_KINDS, LimitSet
from petrosa_cio.risk.policy import ANY, Families, Overlay, PolicyDocument


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

    @property
    def tightens(self) -> bool:
        """Whether any field allows less than before, or may."""
        return any(one.change in (Change.TIGHTER, Change.MIXED) for one in self.changes)


def compare_documents(old: PolicyDocument, new: PolicyDocument, now: datetime) -> Comparison:
    """Compare two documents, policy with policy and overlay with overlay of the same name.

    An overlay only narrows: what a new one states is tighter, what one stated that is gone is
    looser, and so is an earlier end. One that is over at this moment counts as none.
    """
    changes = list(compare(old.policy, new.policy).changes)
    before = {one.overlay_id: one for one in old.overlays if one.is_active(now)}
    after = {one.overlay_id: one for one in new.overlays if one.is_active(now)}
    for name in sorted({**before, **after}):
        changes += _compare_overlay(f"overlays.{name}", before.get(name), after.get(name))
    return Comparison(tuple(changes))


def _compare_overlay(path: str, old: Overlay | None, new: Overlay | None) -> Iterator[FieldChange]:
    for one in compare(old or Families(), new or Families()).changes:
        yield replace(one, path=f"{path}.{one.path}")
    if old and new and old.expires_at != new.expires_at:
        change = Change.LOOSER if new.expires_at < old.expires_at else Change.TIGHTER
        if compare(Families(), new).loosened:  # its end may be what is tighter
            change = Change.MIXED
        yield FieldChange(f"{path}.expires_at", change, old.expires_at, new.expires_at)


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
