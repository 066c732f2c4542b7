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
from msgspec.structs import astuple

MARK = "mark"
_AWAITED, _DOUBLED = "awaited:", "doubled:"

REMEMBERED = 100_000
"""Decisions that the engine spoke of are remembered, should one be called unconfirmed later; and
those that have their verdict, as their intents are compared later."""


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
    """How far one stream is read.

    Attributes:
        created_ns: When the stream was made.
        sequence: Up to which message; 0 where none was read.
        at_us: When that one was stored, in epoch microseconds.
    """

    created_ns: int
    sequence: int = 0
    at_us: int = 0


class Summary(Struct, frozen=True):
    """What is known in numbers, without the decisions that are waited for.

    Attributes:
        since: When it began to count.
        checked_until: Everything captured before that is compared; None before the first round.
        checked_at: Everything journaled and reported before that is compared; alike.
        counts: How many of each stage.
        awaited: How many approvals the order engine has said nothing of.
    """

    since: datetime
    checked_until: datetime | None
    checked_at: datetime | None
    counts: Mapping[str, int]
    awaited: int

    @property
    def sent(self) -> int:
        """How many signals went out, as far as is known."""
        kept_back = (Stage.WITHDRAWN, Stage.UNDELIVERED, Stage.UNCONFIRMED)
        return self.counts[Stage.APPROVED] - sum(self.counts[stage] for stage in kept_back)


class _Remembered:
    """The last so many names."""

    def __init__(self) -> None:
        self._names: dict[str, None] = {}

    def __contains__(self, name: str) -> bool:
        return name in self._names

    def add(self, name: str) -> None:
        """Remember a name, and forget the oldest where there are too many."""
        self._names[name] = None
        if len(self._names) > REMEMBERED:
            del self._names[next(iter(self._names))]


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
        checked_at: Everything journaled and reported before that is compared; alike.
        version: Under which these were stored.
        spoken_of: Decisions that the engine spoke of lately; not saved, and so looked for in the
            stream where it matters.
        decided: Decisions whose verdict is in the record, lately; not saved.
    """

    since: datetime
    progress: dict[str, Progress] = field(default_factory=dict)
    counts: dict[str, int] = field(default_factory=lambda: dict.fromkeys(map(str, Stage), 0))
    awaited: dict[str, int] = field(default_factory=dict)
    doubled: dict[str, int] = field(default_factory=dict)
    checked_until: datetime | None = None
    checked_at: datetime | None = None
    version: int = 0
    spoken_of: _Remembered = field(default_factory=_Remembered)
    decided: _Remembered = field(default_factory=_Remembered)
    _touched: set[str] = field(default_factory=set)

    def count(self, stage: Stage, number: int = 1) -> None:
        """Count so many more of a stage."""
        self.counts[str(stage)] += number

    @property
    def summary(self) -> Summary:
        """What is known in numbers."""
        return Summary(
            self.since, self.checked_until, self.checked_at, self.counts, len(self.awaited)
        )

    def wait_for(self, decision_id: str, at_ms: int) -> None:
        """Wait for the order engine's word on an approval."""
        self.awaited[decision_id] = at_ms
        self._touched.add(_AWAITED + decision_id)

    def wait_no_more(self, decision_id: str) -> int | None:
        """Stop waiting for it; return since when it was waited for, None where it was not."""
        self._touched.add(_AWAITED + decision_id)
        return self.awaited.pop(decision_id, None)

    def acknowledge(self, decision_id: str) -> int | None:
        """Take note of the engine's word; return since when it was waited for, if it was."""
        self.spoken_of.add(decision_id)
        return self.wait_no_more(decision_id)

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
                "awaited": len(self.awaited),
                "progress": {str(name): astuple(one) for name, one in self.progress.items()},
            }
        )


def read_books(version: int, entries: Mapping[str, bytes]) -> Books | None:
    """Return the books in some entries; None where there is no mark."""
    if MARK not in entries:
        return None
    mark = orjson.loads(entries[MARK])
    told = read_summary(entries[MARK])
    books = Books(
        since=told.since,
        progress={name: Progress(*one) for name, one in mark["progress"].items()},
        counts=dict(told.counts),
        checked_until=told.checked_until,
        checked_at=told.checked_at,
        version=version,
    )
    oldest_first = sorted((int(at), name) for name, at in entries.items() if name != MARK)
    for at_ms, name in oldest_first:
        kind, _, decision_id = name.partition(":")
        kept = books.awaited if f"{kind}:" == _AWAITED else books.doubled
        kept[decision_id] = at_ms
    return books


def read_summary(mark: bytes) -> Summary:
    """Return what the mark says in numbers."""
    told = orjson.loads(mark)
    return Summary(
        datetime.fromisoformat(told["since"]).astimezone(UTC),
        _instant(told["checked_until"]),
        _instant(told["checked_at"]),
        dict.fromkeys(map(str, Stage), 0) | told["counts"],
        told["awaited"],
    )


def _instant(text: str | None) -> datetime | None:
    return None if text is None else datetime.fromisoformat(text).astimezone(UTC)
