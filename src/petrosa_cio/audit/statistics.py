"""Counts what was decided: how much of it, why, for whom, and when.

Verdicts go in one by one, so that a day of them needs no more memory than its strategies and hours.
"""

from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime

from petrosa_cio.ports import PastVerdict
from petrosa_cio.risk.verdict import VerdictKind

NAMELESS = "(not stated)"
"""Stands for the strategy or symbol of a message that states none."""


@dataclass(slots=True)
class Shares:
    """How many verdicts of each kind."""

    approve: int = 0
    reduce: int = 0
    deny: int = 0

    @property
    def total(self) -> int:
        """All of them."""
        return self.approve + self.reduce + self.deny

    def share_of(self, number: int) -> float:
        """Return a number as a share of all, 0 to 1; 0 of none."""
        return number / self.total if self.total else 0.0

    def add(self, verdict: str) -> None:
        """Count one verdict."""
        setattr(self, VerdictKind(verdict).value, getattr(self, verdict) + 1)


@dataclass(slots=True)
class CodeCount:
    """How often a reason was given.

    Attributes:
        given: Verdicts that give it.
        denied: Denials that give it.
        alone: Denials that give no other: without it these would have passed.
    """

    given: int = 0
    denied: int = 0
    alone: int = 0


@dataclass(frozen=True, slots=True)
class Statistics:
    """What was decided, counted.

    Attributes:
        total: All verdicts.
        first: The moment of the earliest; None without any.
        last: The moment of the latest.
        by_code: By reason code, the one that denies most first.
        by_strategy: By strategy, the one with the most verdicts first.
        by_symbol: By symbol, alike.
        by_hour: By the hour in which it begins, in order; hours without any are left out.
        befell: Approvals that were withdrawn, undelivered or unconfirmed; empty if not known.
    """

    total: Shares
    first: datetime | None
    last: datetime | None
    by_code: Mapping[str, CodeCount]
    by_strategy: Mapping[str, Shares]
    by_symbol: Mapping[str, Shares]
    by_hour: Mapping[datetime, Shares]
    befell: Mapping[str, int] = field(default_factory=dict)


class Counting:
    """Counts verdicts as they come, in whatever order."""

    def __init__(self) -> None:
        """Begin at nothing."""
        self._total = Shares()
        self._first: datetime | None = None
        self._last: datetime | None = None
        self._codes: defaultdict[str, CodeCount] = defaultdict(CodeCount)
        self._strategies: defaultdict[str, Shares] = defaultdict(Shares)
        self._symbols: defaultdict[str, Shares] = defaultdict(Shares)
        self._hours: defaultdict[datetime, Shares] = defaultdict(Shares)

    def add(self, one: PastVerdict) -> None:
        """Count one verdict."""
        hour = one.at.replace(minute=0, second=0, microsecond=0)
        for shares in (
            self._total,
            self._strategies[one.strategy or NAMELESS],
            self._symbols[one.symbol or NAMELESS],
            self._hours[hour],
        ):
            shares.add(one.verdict)
        self._first = one.at if self._first is None else min(self._first, one.at)
        self._last = one.at if self._last is None else max(self._last, one.at)
        self._add_codes(one)

    def _add_codes(self, one: PastVerdict) -> None:
        codes, denies = set(one.codes), one.verdict == VerdictKind.DENY
        for code in codes:
            count = self._codes[code]
            count.given += 1
            count.denied += denies
            count.alone += denies and len(codes) == 1

    def statistics(self, befell: Mapping[str, int] | None = None) -> Statistics:
        """Return what was counted so far.

        Args:
            befell: What became of approvals afterwards, where that is known.
        """
        codes = sorted(self._codes.items(), key=lambda one: (-one[1].denied, -one[1].given, one[0]))
        return Statistics(
            total=self._total,
            first=self._first,
            last=self._last,
            by_code=dict(codes),
            by_strategy=_most_first(self._strategies),
            by_symbol=_most_first(self._symbols),
            by_hour=dict(sorted(self._hours.items())),
            befell=dict(befell or {}),
        )


def _most_first(counted: Mapping[str, Shares]) -> dict[str, Shares]:
    return dict(sorted(counted.items(), key=lambda one: (-one[1].total, one[0])))


def as_json_object(found: Statistics) -> dict[str, object]:
    """Return statistics for a program: numbers, shares from 0 to 1, times in ISO-8601."""
    return {
        "first": found.first,
        "last": found.last,
        "total": _shares_object(found.total),
        "by_code": {
            code: {
                "given": count.given,
                "denied": count.denied,
                "alone": count.alone,
                "share_denied": round(found.total.share_of(count.denied), 4),
            }
            for code, count in found.by_code.items()
        },
        "by_strategy": {name: _shares_object(one) for name, one in found.by_strategy.items()},
        "by_symbol": {name: _shares_object(one) for name, one in found.by_symbol.items()},
        "by_hour": {hour.isoformat(): _shares_object(one) for hour, one in found.by_hour.items()},
        "befell": dict(found.befell),
    }


def _shares_object(shares: Shares) -> dict[str, object]:
    found: dict[str, object] = {"verdicts": shares.total}
    for kind in VerdictKind:
        number = getattr(shares, kind)
        found |= {str(kind): number, f"share_{kind}": round(shares.share_of(number), 4)}
    return found
