"""What each limit did in a span of time: how often it was asked, how often it bit, and whom.

Verdicts go in one by one; what is held does not grow with their number. A decision counts as judged
by a limit where it stood under the limit's policy and the limit's entry is about it, whether or not
another entry was stricter. It is bitten where a verdict names the limit as a reason that denied it,
or that cut it down to what was approved.
"""

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import datetime

from petrosa_cio.audit.found_record import Fields, content_of, part
from petrosa_cio.audit.record import RecordKind
from petrosa_cio.audit.statistics import NAMELESS
from petrosa_cio.governance.policy_history import CHARTER, PolicyHistory, Stint, prefix_of
from petrosa_cio.ports import StoredRecord
from petrosa_cio.risk.explain import limit_field
from petrosa_cio.risk.in_force import standing_entries
from petrosa_cio.risk.intent import Action
from petrosa_cio.risk.limit_facts import FACTS
from petrosa_cio.risk.policy import ANY, PolicyDocument
from petrosa_cio.risk.reasons import Effect, Reason, ReasonCode
from petrosa_cio.risk.shared_limits import RATE_LIMITS
from petrosa_cio.risk.verdict import VerdictKind

BUILT_IN = "built in"
"""The entry of what counts where nobody states a limit."""

MOST_NAMES = 1_000
"""Strategies that are told apart for one limit; what comes after counts as `OTHERS`."""

OTHERS = "(others)"

_EXITS_ONLY = frozenset(name for name, _ in RATE_LIMITS["exits"])
_GIVES_A_SIZE = frozenset({"unsized_order_usd"})
_ORDERS = {Action.BUY: "openings", Action.SELL: "openings", Action.CLOSE: "exits"}


@dataclass(slots=True)
class Bites:
    """How often something was the reason.

    Attributes:
        denied: Denials that name it, by what was denied: ``openings``, ``exits``, ``others``.
        alone: Denials that name nothing else: without it these would have passed.
        reduced: Openings that it cut down.
        first: The moment of the first; None where there was none.
        last: The moment of the last.
        strategies: How often by strategy.
    """

    denied: Counter[str] = field(default_factory=Counter)
    alone: int = 0
    reduced: int = 0
    first: datetime | None = None
    last: datetime | None = None
    strategies: Counter[str] = field(default_factory=Counter)

    @property
    def total(self) -> int:
        """All of them."""
        return self.denied.total() + self.reduced

    def add(self, found: StoredRecord, order: str, *, denies: bool, alone: bool) -> None:
        """Count one."""
        if denies:
            self.denied[order] += 1
            self.alone += alone
        else:
            self.reduced += 1
        self.first = found.at if self.first is None else min(self.first, found.at)
        self.last = found.at if self.last is None else max(self.last, found.at)
        name = found.strategy or NAMELESS
        is_kept = name in self.strategies or len(self.strategies) < MOST_NAMES
        self.strategies[name if is_kept else OTHERS] += 1


@dataclass(slots=True)
class LimitRow:
    """One limit with one value, and what it did.

    Attributes:
        stint: The limit, its value, and when it stood; None where the record does not hold it.
        entry: The entry that states it.
        limit: Its field.
        judged: Decisions that it was asked about: ``openings``, ``exits``.
        bites: What it objected to.
    """

    stint: Stint | None
    entry: str
    limit: str
    judged: Counter[str] = field(default_factory=Counter)
    bites: Bites = field(default_factory=Bites)


@dataclass(frozen=True, slots=True)
class _Kind:
    """Decisions that the same entries are about."""

    revision: str
    charter: str
    strategy: str
    symbol: str
    regime: str
    overlays: int
    order: str


@dataclass(slots=True)
class Effectiveness:
    """Counts what limits did from ``since`` on, before ``until``.

    Attributes:
        history: What governed.
        since: Beginning of the span, aware UTC.
        until: Its end.
        decisions: Verdicts by (``openings``, ``exits`` or ``others``, verdict).
        observed: Verdicts that were observed only, and stopped nothing.
        befell: What became of approvals afterwards, by kind of record.
        by_code: What each reason code did, limits and all else.
    """

    history: PolicyHistory
    since: datetime
    until: datetime
    decisions: Counter[tuple[str, str]] = field(default_factory=Counter)
    observed: int = 0
    befell: Counter[str] = field(default_factory=Counter)
    by_code: dict[str, Bites] = field(default_factory=dict)
    _rows: dict[tuple[str, str, str], LimitRow] = field(default_factory=dict)
    _kinds: Counter[_Kind] = field(default_factory=Counter)
    _names: dict[str, frozenset[str]] = field(default_factory=dict)

    def __post_init__(self) -> None:
        """Make a row for each limit that stood within the span."""
        self._names = {key: frozenset(_names(one)) for key, one in self.history.policies.items()}
        for stint in self.history.stints():
            if stint.set_by.at < self.until and (stint.until is None or stint.until > self.since):
                row = LimitRow(stint, stint.entry, stint.limit)
                for version in stint.versions:
                    self._rows[stint.entry, stint.limit, version] = row

    def add(self, found: StoredRecord) -> None:
        """Count a verdict, or what became of an approval."""
        if found.kind != RecordKind.VERDICT:
            self.befell[found.kind] += 1
            return
        content = content_of(found)
        order = _ORDERS.get(found.action, "others")  # type: ignore[call-overload]  # text is equal
        self.decisions[order, str(found.verdict)] += 1
        self.observed += content.get("mode") == "observe"
        decision = part(content, "decision")
        revision, charter = str(found.policy_revision), str(decision.get("charter_hash"))
        if order != "others":
            self._kinds[self._kind(found, decision, revision, charter, order)] += 1
        self._add_reasons(found, list(_reasons(content)), (revision, charter), order)

    def _kind(
        self, found: StoredRecord, decision: Fields, revision: str, charter: str, order: str
    ) -> _Kind:
        """Return what kind of decision it is: names that no entry is about are all one."""
        names = self._names.get(revision, frozenset())
        told = (found.strategy, found.symbol, part(decision, "snapshot", "regime").get("name"))
        strategy, symbol, regime = (str(one) if one in names else ANY for one in told)
        document = self.history.policies.get(revision)
        active = [found.at < one.expires_at for one in document.overlays] if document else []
        bits = sum(is_active << place for place, is_active in enumerate(active))
        return _Kind(revision, charter, strategy, symbol, regime, bits, order)

    def _add_reasons(
        self, found: StoredRecord, reasons: list[Reason], versions: tuple[str, str], order: str
    ) -> None:
        """Count what the reasons of a verdict did, each limit and each code once."""
        is_denied = found.verdict == VerdictKind.DENY
        bitten: dict[int, tuple[Bites, bool]] = {}
        for reason in reasons:
            denies = reason.effect == Effect.DENY
            if denies != is_denied:
                continue  # cut down, and then denied for something else
            for bites in self._bites_of(reason, versions):
                bitten[id(bites)] = (bites, denies)
        alone = len({reason.code for reason in reasons if reason.effect == Effect.DENY}) == 1
        for bites, denies in bitten.values():
            bites.add(found, order, denies=denies, alone=alone)

    def _bites_of(self, reason: Reason, versions: tuple[str, str]) -> Iterator[Bites]:
        yield self.by_code.setdefault(str(reason.code), Bites())
        limit = limit_field(reason)
        if limit is None or not is_named(limit):
            return
        for entry in (reason.entry or BUILT_IN).split(" & "):
            key = (entry, limit, versions[entry == CHARTER])
            yield self._rows.setdefault(key, LimitRow(None, entry, limit)).bites

    def rows(self) -> list[LimitRow]:
        """Return every limit that stood, in the order of the entries, and what it did."""
        unique = {id(row): row for row in self._rows.values()}
        for row in unique.values():
            row.judged.clear()
        for kind, number in self._kinds.items():
            judging = {id(row): row for row in self._judging(kind)}
            for row in judging.values():
                row.judged[kind.order] += number
        return list(unique.values())

    def _judging(self, kind: _Kind) -> Iterator[LimitRow]:
        document = self.history.policies.get(kind.revision)
        standing = [] if document is None else _standing(document, kind)
        charter = self.history.charters.get(kind.charter)
        bounds = () if charter is None else charter.bounds.model_fields_set
        keys = [(*one, kind.revision) for one in standing]
        keys += [(CHARTER, name, kind.charter) for name in bounds]
        for key in keys:
            row = self._rows.get(key)
            if row is not None and is_about(row.limit, kind.order):
                yield row


def is_named(limit: str) -> bool:
    """Return whether a limit can be a reason; others only say how another acts, or give a size."""
    return FACTS[limit].names_entry and limit not in _GIVES_A_SIZE


def is_about(limit: str, order: str) -> bool:
    """Return whether a limit is asked about ``openings``, or about ``exits``."""
    return FACTS[limit].holds_for_exits if order == "exits" else limit not in _EXITS_ONLY


def _standing(document: PolicyDocument, kind: _Kind) -> list[tuple[str, str]]:
    about = (kind.strategy, kind.symbol, kind.regime)
    found = standing_entries("", document.policy, *about)
    for place, overlay in enumerate(document.overlays):
        if kind.overlays >> place & 1:
            found += standing_entries(prefix_of(overlay), overlay, *about)
    return found


def _names(document: PolicyDocument) -> Iterator[str]:
    """Iterate over the strategies, symbols and regimes that entries of a policy are about."""
    for families in (document.policy, *document.overlays):
        yield from (*families.symbols, *families.strategies, *families.regimes)
        for strategy, by_symbol in families.strategy_symbols.items():
            yield from (strategy, *by_symbol)


def _reasons(content: Fields) -> Iterator[Reason]:
    """Iterate over the reasons of a verdict, but for those that this version does not know."""
    stated = part(content, "verdict").get("reasons")
    known = frozenset(ReasonCode)
    for one in stated if isinstance(stated, list) else ():
        if isinstance(one, list) and one and one[0] in known:
            yield Reason(ReasonCode(one[0]), *one[1:])
