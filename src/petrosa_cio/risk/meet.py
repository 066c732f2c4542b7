"""The tighter of two policies, limit by limit: what a fund can fall back to without loosening.

It is made of the document in force, in which each limit becomes what is the stricter of both; what
the other one states elsewhere is added. Where neither of two values is the stricter one, as with
the size that is given to unsized intents, what is in force stays.
"""

from collections.abc import Iterator, Mapping
from datetime import datetime
from typing import Any

from petrosa_cio.risk.compare import compare
from petrosa_cio.risk.in_force import entry_chain, pair_entries, stated_limits
from petrosa_cio.risk.limit_kinds import Change, LimitKind
from petrosa_cio.risk.limits import LIMIT_KINDS, LimitSet
from petrosa_cio.risk.policy import ANY, Families, Overlay, Policy, PolicyDocument

LONGEST_NAME = 64
"""Characters that the name of an overlay has at most."""

Plain = dict[str, Any]


def meet_documents(
    in_force: PolicyDocument, earlier: PolicyDocument, now: datetime, *, mark: str
) -> PolicyDocument:
    """Return what is never looser than the document in force, and as tight as an earlier one.

    Overlays of both narrow it, each until it ends by itself.

    Args:
        in_force: The document in force.
        earlier: The other one.
        now: The moment; an overlay that is over by then counts as none.
        mark: Follows the name of an overlay of the earlier one that has another content now.

    Raises:
        ValueError: What comes of it is no policy.
    """
    policy = _meet(in_force.policy, earlier.policy)
    return PolicyDocument(
        policy=Policy.model_validate(_stated(in_force.policy) | policy),
        overlays=(
            *(_narrowed(one, earlier, now) for one in in_force.overlays),
            *_lost(in_force, earlier, now, mark),
        ),
    )


def stricter(kind: LimitKind, in_force: object | None, earlier: object | None) -> object | None:
    """Return the stricter of two values of one limit; that in force where neither is.

    None states nothing, so that what counts unstated is the stricter one of some limits.
    """
    met = kind.meet_optional(in_force, earlier)
    if earlier is None and kind.unstated is not None:
        met = kind.meet_optional(in_force, kind.unstated) if in_force is not None else None
    is_tighter = kind.compare_optional(in_force, met) is Change.TIGHTER
    return met if is_tighter else in_force


def _narrowed(one: Overlay, earlier: PolicyDocument, now: datetime) -> Overlay:
    """Return an overlay in force, without what is looser than the earlier one, or than nothing."""
    if not one.is_active(now):
        return one
    known = (each for each in earlier.overlays if each.overlay_id == one.overlay_id)
    beside = next((each for each in known if each.is_active(now)), Families())
    families = _meet(one, beside)
    narrowed = Overlay(
        overlay_id=one.overlay_id, reason=one.reason, expires_at=one.expires_at, **families
    )
    return narrowed if compare(one, narrowed).changes else one


def _lost(
    in_force: PolicyDocument, earlier: PolicyDocument, now: datetime, mark: str
) -> Iterator[Overlay]:
    """Iterate over the overlays of the earlier document that narrow more than is in force."""
    known = {one.overlay_id: one for one in in_force.overlays if one.is_active(now)}
    taken = {one.overlay_id for one in in_force.overlays}
    for one in earlier.overlays:
        if not one.is_active(now) or _covers(known.get(one.overlay_id), one):
            continue
        name = one.overlay_id
        if name in taken:
            name = f"{name[: LONGEST_NAME - len(mark)]}{mark}"
        families = _meet(Families(), one)  # without what is looser than to state nothing
        if families:
            yield Overlay(overlay_id=name, reason=one.reason, expires_at=one.expires_at, **families)


def _covers(known: Overlay | None, one: Overlay) -> bool:
    """Return whether an overlay in force narrows as much as another one, and as long."""
    if known is None or known.expires_at < one.expires_at:
        return False
    return not compare(known, one).tightens


def _stated(policy: Policy) -> Plain:
    return {name: getattr(policy, name) for name in policy.model_fields_set}


def _meet(in_force: Families, earlier: Families) -> Plain:
    """Return each family as it is in force, with all that becomes stricter; empty ones left out."""
    fund = _entry(in_force.fund, in_force.fund, earlier.fund, in_force.fund)
    met: Plain = {"fund": fund} if fund.model_fields_set else {}
    for family in ("symbols", "strategies", "regimes"):
        met[family] = _family(family, getattr(in_force, family), getattr(earlier, family))
    met["strategy_symbols"] = _pairs(in_force, earlier)
    return {name: one for name, one in met.items() if one}


def _names(*entries: Mapping[str, object]) -> list[str]:
    """Return all names, the default first: what the others leave out is worked out before."""
    return [ANY, *sorted({name for one in entries for name in one} - {ANY})]


def _family(
    family: str, in_force: Mapping[str, LimitSet], earlier: Mapping[str, LimitSet]
) -> dict[str, LimitSet]:
    met = dict(in_force)
    for name in _names(in_force, earlier):
        before, now = (stated_limits(entry_chain(family, one, name)) for one in (earlier, in_force))
        inherited = stated_limits(entry_chain(family, met, name))
        _put(met, name, _entry(in_force.get(name), now, before, inherited))
    return met


def _pairs(in_force: Families, earlier: Families) -> dict[str, dict[str, LimitSet]]:
    by_strategy = (in_force.strategy_symbols, earlier.strategy_symbols)
    symbols = _names(*(by_symbol for pairs in by_strategy for by_symbol in pairs.values()))
    met = {name: dict(by_symbol) for name, by_symbol in in_force.strategy_symbols.items()}
    for strategy in _names(*by_strategy):
        for symbol in symbols:
            before, now = (
                stated_limits(pair_entries(one, strategy, symbol)) for one in (earlier, in_force)
            )
            known = Families.model_construct(strategy_symbols=met)
            inherited = stated_limits(pair_entries(known, strategy, symbol))
            own = in_force.strategy_symbols.get(strategy, {}).get(symbol)
            _put(met.setdefault(strategy, {}), symbol, _entry(own, now, before, inherited))
    return {strategy: by_symbol for strategy, by_symbol in met.items() if by_symbol}


def _put(entries: dict[str, LimitSet], name: str, limits: LimitSet) -> None:
    if limits.model_fields_set:
        entries[name] = limits


def _entry(
    own: LimitSet | None, in_force: LimitSet, earlier: LimitSet, inherited: LimitSet
) -> LimitSet:
    """Return an entry: what it states itself, and what has to become stricter than is inherited.

    Args:
        own: What the entry in force states itself; None without one.
        in_force: What counts in force, with what the entry inherits.
        earlier: The same in the earlier document.
        inherited: What counts so far in the document that is made.
    """
    stated: Plain = (
        {} if own is None else {name: getattr(own, name) for name in own.model_fields_set}
    )
    for name, kind in LIMIT_KINDS.items():
        wanted = stricter(kind, getattr(in_force, name), getattr(earlier, name))
        if wanted is None and getattr(inherited, name) is not None:
            wanted = kind.unstated
        if wanted != getattr(inherited, name):
            stated[name] = wanted
    return LimitSet.model_construct(_fields_set=set(stated), **stated)
