"""What a what-if found: which verdicts flip, by what, and why."""

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal
from enum import StrEnum

from petrosa_cio.audit.statistics import NAMELESS, Shares
from petrosa_cio.governance.what_if.again import Again
from petrosa_cio.governance.what_if.profile import Profile
from petrosa_cio.risk.verdict import Verdict

MOST_FLIPS = 1_000
"""Flips that are kept one by one, the earliest; all are counted."""


class FlipKind(StrEnum):
    """How a verdict changes."""

    DENIED = "approved, would be denied"
    APPROVED = "denied, would be approved"
    SMALLER = "approved, would be smaller"
    LARGER = "approved, would be larger"


@dataclass(frozen=True, slots=True)
class Flip:
    """A verdict that would have been another.

    Attributes:
        kind: How it changes.
        decision_id: The decision.
        at: The moment of decision, aware UTC.
        strategy: The strategy's name; None where none is stated.
        symbol: The symbol, alike.
        policy_revision: The revision under which it was decided; None without a policy.
        quantities: The approved quantity as it was, and as it would be; None where denied.
        codes: Codes of the reasons that make the difference: those given in one world alone.
        reasons: Every reason of the verdict that denies, or reduces more, as text.
    """

    kind: FlipKind
    decision_id: str
    at: datetime
    strategy: str | None
    symbol: str | None
    policy_revision: int | None
    quantities: tuple[Decimal | None, Decimal | None]
    codes: tuple[str, ...]
    reasons: tuple[str, ...]


@dataclass(slots=True)
class Findings:
    """What was found so far.

    Attributes:
        was: Verdicts as they were, of those that could be decided again.
        would: The same verdicts under the candidate.
        by_kind: Flips by how they change.
        by_strategy: Flips by strategy.
        by_symbol: Flips by symbol.
        by_code: Flips by each code that makes the difference.
        by_revision: Flips by the revision under which the verdict was given.
        flips: The first flips, one by one.
        other_reasons: Verdicts that stay, but for other reasons.
        undecidable: Verdicts that cannot be decided again, by why.
        other_versions: Verdicts that another version of this program gave; these are decided again
            all the same, so that a flip may be the program's.
        first: The earliest moment of decision; None without any.
        last: The latest.
        profile: Exposure and rates over time.
    """

    was: Shares = field(default_factory=Shares)
    would: Shares = field(default_factory=Shares)
    by_kind: Counter[FlipKind] = field(default_factory=Counter)
    by_strategy: dict[str, Counter[FlipKind]] = field(default_factory=dict)
    by_symbol: dict[str, Counter[FlipKind]] = field(default_factory=dict)
    by_code: dict[str, Counter[FlipKind]] = field(default_factory=dict)
    by_revision: dict[str, Counter[FlipKind]] = field(default_factory=dict)
    flips: list[Flip] = field(default_factory=list)
    other_reasons: int = 0
    undecidable: Counter[str] = field(default_factory=Counter)
    other_versions: int = 0
    first: datetime | None = None
    last: datetime | None = None
    profile: Profile = field(default_factory=Profile)

    @property
    def flipped(self) -> int:
        """All flips."""
        return self.by_kind.total()

    @property
    def decided(self) -> int:
        """Verdicts that were decided again."""
        return self.was.total

    def add(self, decision_id: str, revision: int | None, again: Again) -> None:
        """Count a verdict that was decided again."""
        self.was.add(again.was.kind)
        self.would.add(again.would.kind)
        self.first = again.at if self.first is None else min(self.first, again.at)
        self.last = again.at if self.last is None else max(self.last, again.at)
        kind = flip_kind(again.was, again.would)
        if kind is None:
            self.other_reasons += _codes(again.was) != _codes(again.would)
            return
        self._add_flip(_flip(kind, decision_id, revision, again))

    def _add_flip(self, flip: Flip) -> None:
        self.by_kind[flip.kind] += 1
        revision = "none" if flip.policy_revision is None else str(flip.policy_revision)
        for counted, names in (
            (self.by_strategy, (flip.strategy or NAMELESS,)),
            (self.by_symbol, (flip.symbol or NAMELESS,)),
            (self.by_code, flip.codes),
            (self.by_revision, (revision,)),
        ):
            for name in names:
                counted.setdefault(name, Counter())[flip.kind] += 1
        if len(self.flips) < MOST_FLIPS:
            self.flips.append(flip)


def flip_kind(was: Verdict, would: Verdict) -> FlipKind | None:
    """Return how a verdict changes; None where it stays, whatever its reasons."""
    if was.is_promoted != would.is_promoted:
        return FlipKind.DENIED if was.is_promoted else FlipKind.APPROVED
    if not was.is_promoted or was.quantity == would.quantity:
        return None
    # Only an exit has no quantity, which means all of the position.
    is_less = would.quantity is not None and (was.quantity is None or would.quantity < was.quantity)
    return FlipKind.SMALLER if is_less else FlipKind.LARGER


def _flip(kind: FlipKind, decision_id: str, revision: int | None, again: Again) -> Flip:
    stricter = again.would if kind in (FlipKind.DENIED, FlipKind.SMALLER) else again.was
    other = again.was if stricter is again.would else again.would
    codes = dict.fromkeys(str(reason.code) for reason in stricter.reasons)
    alone = tuple(code for code in codes if code not in _codes(other))
    return Flip(
        kind=kind,
        decision_id=decision_id,
        at=again.at,
        strategy=again.intent.strategy,
        symbol=again.intent.symbol,
        policy_revision=revision,
        quantities=(again.was.quantity, again.would.quantity),
        codes=alone or tuple(codes) or (NO_CODE,),
        reasons=tuple(str(reason) for reason in stricter.reasons),
    )


NO_CODE = "(no code)"
"""Stands where a size changes without any reason, as the policy states another for unsized ones."""


def _codes(verdict: Verdict) -> frozenset[str]:
    return frozenset(str(reason.code) for reason in verdict.reasons)


def most_first(counted: dict[str, Counter[FlipKind]]) -> Iterable[tuple[str, Counter[FlipKind]]]:
    """Return names with their flips, the one with the most first."""
    return sorted(counted.items(), key=lambda one: (-one[1].total(), one[0]))
