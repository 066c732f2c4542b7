"""How far the reconciler is, what it counted, and what it still waits for.

It is kept as entries by name, saved together in one step, so that a place is never kept without
what was found up to it.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from enum import StrEnum

import orjson
from msgspec import Struct

MARK = "mark"
_AWAITED, _DOUBLED = "awaited:", "doubled:"

REMEMBERED = 50_000
"""Decisions that the engine spoke of are remembered, should one be called unconfirmed later."""


class Stage(StrEnum):
    """What is counted. ``sent`` is not: it is the approvals less those that were not."""

    CAPTURED = "captured"
    DECIDED = "decided"
    ASKED = "asked_at_the_door"
    REPEATED = "repeated"
    APPROVED = "approved"
    WITHDRAWN = "withdrawn"
    UNDELIVERED = "undelivered"
    UNCONFIRMED = "unconfirmed"
    ACKNOWLEDGED = "acknowledged"


class StreamName(StrEnum):
    """The streams that are compared."""

    INTENTS = "intents"
    JOURNAL = "journal"
    EXECUTIONS = "executions"


class Progress(Struct, frozen=True):
    """How far one stream is read: when the stream was made, and up to which sequence."""

    created_ns: int
    sequence: int


@dataclass(slots=True)
class Books:
    """What the reconciler knows.

    Attributes:
        since: When it began to count.
        progress: How far each stream is read.
        counts: How many of each stage.
        awaited: Approvals that the order engine has said nothing of, with when they were journaled,
            in epoch milliseconds.
        doubled: Decisions with a second, different verdict, until it is clear why; with its time.
        checked_until: Everything captured before that is compared; None before the first round.
        checked_at: When the last round that was finished began.
        version: Under which these were stored.
    """

    since: datetime
    progress: dict[str, Progress] = field(default_factory=dict)
    counts: dict[str, int] = field(default_factory=lambda: dict.fromkeys(map(str, Stage), 0))
    awaited: dict[str, int] = field(default_factory=dict)
    doubled: dict[str, int] = field(default_factory=dict)
    checked_until: datetime | None = None
    checked_at: datetime | None = None
    version: int = 0
    _spoken_of: dict[str, None] = field(default_factory=dict)
    _touched: set[str] = field(default_factory=set)

    def count(self, stage: Stage, number: int = 1) -> None:
        """Count so many more of a stage."""
        self.counts[str(stage)] += number

    @property
    def sent(self) -> int:
        """How many signals went out, as far as is known."""
        kept_back = (Stage.WITHDRAWN, Stage.UNDELIVERED, Stage.UNCONFIRMED)
        return self.counts[Stage.APPROVED] - sum(self.counts[stage] for stage in kept_back)

    def wait_for(self, decision_id: str, at_ms: int) -> None:
        """Wait for the order engine's word on an approval."""
        self.awaited[decision_id] = at_ms
        self._touched.add(_AWAITED + decision_id)

    def wait_no_more(self, decision_id: str) -> bool:
        """Stop waiting for it; return whether it was waited for."""
        self._touched.add(_AWAITED + decision_id)
        return self.awaited.pop(decision_id, None) is not None

    def acknowledge(self, decision_id: str) -> bool:
        """Take note of the engine's word; return whether it was waited for.

        That it spoke of it is remembered for a while, and not saved.
        """
        self._spoken_of[decision_id] = None
        if len(self._spoken_of) > REMEMBERED:
            del self._spoken_of[next(iter(self._spoken_of))]
        return self.wait_no_more(decision_id)

    def is_spoken_of(self, decision_id: str) -> bool:
        """Return whether the engine spoke of a decision lately."""
        return decision_id in self._spoken_of

    def doubt(self, decision_id: str, at_ms: int) -> None:
        """Note that a decision has a second verdict."""
        self.doubled.setdefault(decision_id, at_ms)
        self._touched.add(_DOUBLED + decision_id)

    def doubt_no_more(self, decision_id: str) -> None:
        """Note that the second verdict was judged."""
        self.doubled.pop(decision_id, None)
        self._touched.add(_DOUBLED + decision_id)

    def take_changes(self) -> dict[str, bytes | None]:
        """Return what is to be saved, once."""
        touched, self._touched = self._touched, set()
        changes: dict[str, bytes | None] = {MARK: self._mark()}
        for name in touched:
            kind, _, decision_id = name.partition(":")
            kept = self.awaited if f"{kind}:" == _AWAITED else self.doubled
            at_ms = kept.get(decision_id)
            changes[name] = None if at_ms is None else str(at_ms).encode()
        return changes

    def _mark(self) -> bytes:
        return orjson.dumps(
            {
                "since": self.since,
                "checked_until": self.checked_until,
                "checked_at": self.checked_at,
                "counts": self.counts,
                "progress": {
                    str(name): [one.created_ns, one.sequence] for name, one in self.progress.items()
                },
            }
        )


def read_books(version: int, entries: Mapping[str, bytes]) -> Books | None:
    """Return the books in some entries; None where there is no mark."""
    if MARK not in entries:
        return None
    mark = orjson.loads(entries[MARK])
    books = Books(
        since=datetime.fromisoformat(mark["since"]).astimezone(UTC),
        progress={name: Progress(*one) for name, one in mark["progress"].items()},
        counts=dict.fromkeys(map(str, Stage), 0) | mark["counts"],
        checked_until=_instant(mark["checked_until"]),
        checked_at=_instant(mark["checked_at"]),
        version=version,
    )
    for name, at_ms in entries.items():
        kind, _, decision_id = name.partition(":")
        if f"{kind}:" == _AWAITED:
            books.awaited[decision_id] = int(at_ms)
        elif f"{kind}:" == _DOUBLED:
            books.doubled[decision_id] = int(at_ms)
    return books


def _instant(text: str | None) -> datetime | None:
    return None if text is None else datetime.fromisoformat(text).astimezone(UTC)
