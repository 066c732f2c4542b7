"""What is wrong with a policy, and what in it can never matter: pure, and all of it at once.

An *error* is a contradiction, or looser than the charter: such a policy is refused. A *warning* is
an entry that can never bind, or a combination of strategy, symbol and regime for which everything
is denied because a required limit is missing: such a policy works, and rarely as its author thinks.
"""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from itertools import groupby

from petrosa_cio.risk.in_force import InForce, PolicyBook, entry_chain, stated_limits
from petrosa_cio.risk.intent import Action, Direction
from petrosa_cio.risk.limits import LIMIT_KINDS
from petrosa_cio.risk.places import CHARTER, Entry, Place, entries_of, places_of
from petrosa_cio.risk.policy import (
    ANY,
    Charter,
    Families,
    PolicyDocument,
    beyond_charter,
    in_words,
)
from petrosa_cio.risk.policy_rules import CONTRADICTIONS, POINTLESS, Contradiction, Pointless
from petrosa_cio.risk.trading_hours import TradingHours

MOST_PLACES = 6
"""So many combinations are named; of more, how many there are."""

_TAKES = {Action.BUY: Direction.LONG, Action.SELL: Direction.SHORT}


_STILL_PASSED_AT_0 = ("seconds", "basis points")
"""Units of ceilings that something passes even where they are 0."""


class Severity(StrEnum):
    """What a finding does to a policy: refuse it, or only say something about it."""

    ERROR = "error"
    WARNING = "warning"


@dataclass(frozen=True, slots=True)
class PolicyFinding:
    """One thing that is to be said about a policy.

    Attributes:
        severity: Whether it refuses the policy.
        path: The field it is about, such as ``symbols.BTCUSDT.max_position_usd``.
        sentence: What is the matter.
        fix: What to do.
    """

    severity: Severity
    path: str
    sentence: str
    fix: str

    def __str__(self) -> str:
        """Return all of it in one line."""
        return f"{self.path}: {self.sentence}. {self.fix}"


def policy_findings(
    document: PolicyDocument,
    charter: Charter,
    *,
    now: datetime,
    known_regimes: frozenset[str] = frozenset(),
) -> list[PolicyFinding]:
    """Return everything that is to be said about a policy, errors first.

    Args:
        document: The policy with its overlays; those that have expired do not matter.
        charter: Its charter.
        now: The moment at which overlays count.
        known_regimes: Names that feeds of the market regime say; empty where that is not known.
    """
    overlays = tuple(one for one in document.overlays if one.is_active(now))
    lasting = _View.of(PolicyDocument(policy=document.policy), charter, now)
    errors = [*_beyond_charter(document.policy, charter), *_errors(lasting)]
    warnings = [
        *_warnings(lasting, lambda one: one.path != CHARTER),
        *_unset(lasting, charter),
        *_unknown_regimes(lasting, known_regimes),
    ]
    if overlays:
        narrowed = PolicyDocument(policy=document.policy, overlays=overlays)
        found = _View.of(narrowed, charter, now)
        warnings += [_softened(one) for one in _errors(found) if one not in errors]
        warnings += _warnings(found, lambda one: one.overlay is not None)
    refused = {one.path for one in errors}
    return list(dict.fromkeys((*errors, *(one for one in warnings if one.path not in refused))))


@dataclass(frozen=True, slots=True)
class _View:
    """Entries, and what is in force where; what was worked out is kept, as it is asked often."""

    document: PolicyDocument
    entries: list[Entry]
    in_force: Callable[[Place], InForce]
    _kept: dict[tuple[str, ...], list[tuple[Place, InForce]]] = field(default_factory=dict)

    @classmethod
    def of(cls, document: PolicyDocument, charter: Charter, now: datetime) -> "_View":
        book = PolicyBook(document, charter)
        return cls(
            document,
            entries_of(document, charter),
            lambda at: book.in_force(at.strategy, at.symbol, at.regime, now),
        )

    def everywhere(self, *fields: str) -> list[tuple[Place, InForce]]:
        """Return every place that these limits tell apart, with what is in force there."""
        if fields not in self._kept:
            places = places_of(self.entries, fields)
            self._kept[fields] = [(place, self.in_force(place)) for place in places]
        return self._kept[fields]


def _error(path: str, sentence: str, fix: str) -> PolicyFinding:
    return PolicyFinding(Severity.ERROR, path, sentence, fix)


def _warning(path: str, sentence: str, fix: str) -> PolicyFinding:
    return PolicyFinding(Severity.WARNING, path, sentence, fix)


def _softened(error: PolicyFinding) -> PolicyFinding:
    """Return as a warning what an overlay brings about: it may tighten in an emergency."""
    return _warning(error.path, f"while the overlays last, {error.sentence}", error.fix)


# --- errors ---------------------------------------------------------------------------------------


def _beyond_charter(families: Families, charter: Charter) -> Iterator[PolicyFinding]:
    for path, is_looser in beyond_charter(families, charter):
        yield _error(path, is_looser, "Tighten it; only people loosen the charter.")


def _errors(view: _View) -> Iterator[PolicyFinding]:
    for rule in CONTRADICTIONS:
        yield from _contradictions(rule, view)
    for entry in view.entries:
        yield from _lists_without_itself(entry)
    yield from _shut_both_ways(view)


def _contradictions(rule: Contradiction, view: _View) -> Iterator[PolicyFinding]:
    for _, here in view.everywhere(rule.field, rule.against, "on_order_above_max"):
        if rule.clash(here.limits):
            value, bound = (getattr(here.limits, name) for name in (rule.field, rule.against))
            stated, by = (here.entries[name] for name in (rule.field, rule.against))
            sentence = rule.sentence.format(value=in_words(value), bound=in_words(bound))
            also = "" if by == stated else f" (stated by {by})"
            yield _error(f"{stated}.{rule.field}", sentence + also, rule.fix)


def _lists_without_itself(entry: Entry) -> Iterator[PolicyFinding]:
    for listing, name in (
        ("allowed_symbols", entry.symbol),
        ("allowed_strategies", entry.strategy),
    ):
        listed = entry.stated.get(listing)
        if listed and name not in (None, ANY) and name not in _names(listed):
            sentence = f"lists {in_words(listed)}, and the entry is about {name} alone"
            yield _error(f"{entry.path}.{listing}", sentence, f"Add {name}, or leave the list out.")


def _shut_both_ways(view: _View) -> Iterator[PolicyFinding]:
    """Find market regimes that allow the actions of one direction and only the other direction."""
    documents = [("", view.document.policy), *_overlays(view.document)]
    for prefix, families in documents:
        for name in families.regimes:
            limits = stated_limits(entry_chain("regimes", families.regimes, name))
            takes = {_TAKES[one] for one in limits.allowed_actions or () if one in _TAKES}
            directions = limits.regime_directions or frozenset()
            if takes and directions and takes.isdisjoint(directions):
                sentence = f"allows only {in_words(directions)}, and allowed_actions only the other"
                path = f"{prefix}regimes.{name}.regime_directions"
                yield _error(path, sentence, "State one of the two, or [] to shut the regime.")


def _overlays(document: PolicyDocument) -> Iterator[tuple[str, Families]]:
    for overlay in document.overlays:
        yield f"overlays.{overlay.overlay_id}.", overlay


# --- warnings -------------------------------------------------------------------------------------


def _warnings(view: _View, asked: Callable[[Entry], bool]) -> Iterator[PolicyFinding]:
    binding = {name: _binding(name, view) for one in view.entries for name in one.stated}
    for entry in filter(asked, view.entries):
        if found := _out_of_reach(entry, view):
            yield found
            continue
        for name in entry.stated:
            if not any(map(entry.is_named_in, binding[name])):
                yield _never_binds(entry, name, view)
        yield from _excluded(entry, view)
        yield from _never_open(entry, view)
        yield from _shut_fund(entry)
    for rule in POINTLESS:
        yield from _pointless(rule, view, asked)


def _binding(name: str, view: _View) -> frozenset[str]:
    """Return every entry, or entries together, that bind somewhere by a limit."""
    return frozenset(
        here.entries[name] for _, here in view.everywhere(name) if name in here.entries
    )


def _out_of_reach(entry: Entry, view: _View) -> PolicyFinding | None:
    """Find an entry about a strategy or a symbol that may not be opened anyway."""
    strategy, symbol = entry.strategy, entry.symbol
    for name, listing in ((strategy, "allowed_strategies"), (symbol, "allowed_symbols")):
        if name in (None, ANY) or not entry.stated or listing in entry.stated:
            continue
        own = {_own(place, entry) for place, _ in view.everywhere(listing)}
        here = [view.in_force(place) for place in sorted(own, key=str) if entry.applies(place)]
        lists = [getattr(one.limits, listing) for one in here]
        if all(one is not None and name not in one for one in lists):
            sentence = f"never counts: {here[0].entries[listing]}.{listing} does not list {name}"
            return _warning(entry.path, sentence, f"List {name} there, or remove the entry.")
    return None


def _own(place: Place, entry: Entry) -> Place:
    """Return the same place with those that an entry is about."""
    named = (
        own if own not in (None, ANY) else other
        for own, other in (
            (entry.strategy, place.strategy), (entry.symbol, place.symbol),
        )
    )  # fmt: skip
    strategy, symbol = named
    return Place(str(strategy), str(symbol), place.regime)


def _never_binds(entry: Entry, name: str, view: _View) -> PolicyFinding:
    by = next(here for place, here in view.everywhere(name) if entry.applies(place))
    own, value = in_words(entry.stated[name]), in_words(getattr(by.limits, name))
    stricter = "the same" if own == value else value
    sentence = f"{own} never binds: {by.entries[name]} always states {stricter}"
    return _warning(f"{entry.path}.{name}", sentence, "Tighten it, or leave it out.")


def _excluded(entry: Entry, view: _View) -> Iterator[PolicyFinding]:
    """Find what a list allows and another one never does."""
    for name, listed in entry.stated.items():
        if not isinstance(listed, frozenset) or not listed:
            continue
        here = [found for place, found in view.everywhere(name) if entry.applies(place)]
        reached = frozenset[object]().union(*(getattr(one.limits, name) for one in here))
        path, beside = f"{entry.path}.{name}", _beside(entry, [one.entries[name] for one in here])
        if reached and (lost := listed - reached):
            sentence = f"lists {in_words(lost)}, which {beside} does not"
            yield _warning(path, sentence, "List it in both, or in neither.")
        elif not reached:
            sentence = f"has nothing in common with {beside}: nothing can be opened"
            fix = "State one thing that both list, or [] where that is meant."
            yield _warning(path, sentence, fix)


def _never_open(entry: Entry, view: _View) -> Iterator[PolicyFinding]:
    """Find hours that are over, or not begun, whenever another entry's hours are."""
    name = "trading_hours"
    stated, never = entry.stated.get(name), TradingHours(0)
    here = [found for place, found in view.everywhere(name) if entry.applies(place)]
    if stated in (None, never) or any(one.limits.trading_hours != never for one in here):
        return
    beside = _beside(entry, [one.entries[name] for one in here])
    sentence = f"has no hour in common with {beside}: nothing can be opened"
    yield _warning(
        f"{entry.path}.{name}", sentence, "State hours that both list, or [] where that is meant."
    )


def _beside(entry: Entry, binding: Iterable[str]) -> str:
    """Return the other entries among those that bind."""
    found = {path for joint in binding for path in joint.split(" & ")} - {entry.path}
    return " and ".join(sorted(found))


def _shut_fund(entry: Entry) -> Iterator[PolicyFinding]:
    """Find what shuts the whole fund: it is allowed, and there is a switch for it."""
    if entry.family != "fund":
        return
    for name, value in entry.stated.items():
        is_ceiling = name.startswith("max_") and LIMIT_KINDS[name].unit not in _STILL_PASSED_AT_0
        if value in (frozenset(), TradingHours(0)) or (is_ceiling and value == 0):
            sentence = f"{in_words(value)} denies every opening of the whole fund"
            fix = "Where that is meant, `cio halt` is the switch for it."
            yield _warning(f"{entry.path}.{name}", sentence, fix)


def _pointless(
    rule: Pointless, view: _View, asked: Callable[[Entry], bool]
) -> Iterator[PolicyFinding]:
    """Find the entries that make the rule hold wherever they bind."""
    holds: dict[str, bool] = {}
    places = view.everywhere(rule.field, *rule.by)
    elsewhere = {at.strategy for at, here in places if not rule.holds(here.limits)}
    for place, here in places:
        binding = here.entries.get(rule.field, "")
        is_so = rule.holds(here.limits) and not (rule.over_time and place.strategy in elsewhere)
        holds[binding] = holds.get(binding, True) and is_so
    for entry in filter(asked, view.entries):
        found = [does for binding, does in holds.items() if entry.is_named_in(binding)]
        if found and all(found):
            sentence = rule.sentence.format(value=in_words(entry.stated[rule.field]))
            yield _warning(f"{entry.path}.{rule.field}", sentence, rule.fix)


def _unset(view: _View, charter: Charter) -> Iterator[PolicyFinding]:
    """Find where every opening is denied, as a limit is missing that the charter requires."""
    for name in sorted(charter.required_limits):
        places = [place for place, _ in view.everywhere(name)]
        missing = [place for place, here in view.everywhere(name) if name in here.missing]
        if missing:
            where = "every intent" if len(missing) == len(places) else _summary(missing, places)
            sentence = f"the charter requires it and nobody sets it for {where}: LIMIT_NOT_SET"
            fix = "Set it for all, under fund or the default of a family."
            yield _warning(name, sentence, fix)


def _summary(missing: list[Place], places: list[Place]) -> str:
    """Return in words where a limit is missing; regimes are named where they make a difference."""
    regimes = {place.regime for place in places}
    words = []
    for _, group in groupby(missing, lambda one: (one.strategy, one.symbol)):
        found = list(group)
        pair = str(found[0]).rsplit(", ", 1)[0]
        named = ", ".join(str(one).rsplit(", ", 1)[1] for one in found)
        words.append(pair if len(found) == len(regimes) else f"{pair} ({named})")
    rest = f"; and {len(words) - MOST_PLACES} more" if len(words) > MOST_PLACES else ""
    return "; ".join(words[:MOST_PLACES]) + rest


def _unknown_regimes(view: _View, known: frozenset[str]) -> Iterator[PolicyFinding]:
    for entry in view.entries:
        if known and entry.family == "regimes" and entry.regime not in (ANY, *known):
            sentence = f"never counts: no feed calls a market regime {entry.regime}"
            fix = f"It can still be set by hand. Feeds say {in_words(known)}."
            yield _warning(entry.path, sentence, fix)


def _names(listed: object) -> Iterable[object]:
    return listed if isinstance(listed, frozenset) else ()
