"""The record: how it grows, and how it is read back, along the chain and by questions."""

from collections.abc import AsyncIterator, Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

from msgspec import Struct

from petrosa_cio.ports.streams import JournalPlace


class Kept(Struct, frozen=True, gc=False):
    """What the record has of one decision.

    Attributes:
        verdict: ``approve``, ``reduce`` or ``deny``; empty where it has no verdict.
        places: Where in the journal each of its records stood, by kind.
        journaled_at: When its verdict was journaled; None without one.
    """

    verdict: str
    places: dict[str, JournalPlace]
    journaled_at: datetime | None = None

    def has(self, *kinds: str) -> bool:
        """Return whether any of these kinds is recorded."""
        return any(kind in self.places for kind in kinds)


OVER = "over"
"""Kind of the document that says that a finding is over: it names the finding under ``ends``, its
kind under ``of``, and under ``began_at`` when it was found."""


@dataclass(frozen=True, slots=True)
class Head:
    """The end of the chain of records.

    Attributes:
        seq: Position of its last record; 0 where there is none.
        hash: Hash of that record.
    """

    seq: int
    hash: str


@dataclass(frozen=True, slots=True)
class Appended:
    """What became of traces that were to continue the chain.

    Attributes:
        stored: How many, from the first on, now stand in the chain.
        refused: Which one can never be stored as it is; None if none.
        why: Why it cannot.
    """

    stored: int
    refused: int | None = None
    why: str = ""


class Archive(Protocol):
    """The record, with all that the drain needs of it. It inserts and finds, and nothing else."""

    async def head(self) -> Head | None:
        """Return the end of the chain; None where there is no record."""

    async def append(self, traces: Sequence[dict[str, object]]) -> Appended:
        """Insert chained traces in order, and stop at the first whose place is taken."""

    async def stored(self, ids: Sequence[str]) -> Collection[str]:
        """Return which of some traces are stored."""

    async def set_aside(self, lines: Sequence[dict[str, object]]) -> int:
        """Keep poisoned lines, idempotently by ``_id``, and return how many were new."""

    async def verdicts_of(self, decision_ids: Sequence[str]) -> Mapping[str, str]:
        """Return the stored verdicts of some decisions, by decision id."""

    async def sequence_at(self, moment: datetime) -> int:
        """Return the journal sequence of the newest trace journaled until then; 0 if none."""


class PastVerdict(Struct, frozen=True, gc=False):
    """One verdict that was given, as far as it is counted.

    Attributes:
        at: The moment of decision, aware UTC.
        strategy: The strategy's name; None where a malformed message states none.
        symbol: The symbol, alike.
        verdict: ``approve``, ``reduce`` or ``deny``.
        codes: The codes of its reasons, in table order.
    """

    at: datetime
    strategy: str | None
    symbol: str | None
    verdict: str
    codes: tuple[str, ...]


class PastVerdicts(Protocol):
    """Reads from the record what was decided in a span of time: ``since``, up to ``until``."""

    def verdicts(self, since: datetime, until: datetime) -> AsyncIterator[PastVerdict]:
        """Iterate over the verdicts, in no order. Each is held only while it is looked at."""

    async def befell(self, since: datetime, until: datetime) -> Mapping[str, int]:
        """Return how many approvals met each later fate, by kind of record, if any did."""


class PastRecords(Protocol):
    """Reads records back, in the bytes in which they were journaled."""

    async def change(self, change_id: str) -> bytes | None:
        """Return the record of a change by its identity, or None."""

    async def verdicts_called(self, name: str) -> list[bytes]:
        """Return the records of the verdicts that go by a name, the oldest first.

        Args:
            name: A decision id, or what a bot called its intent.
        """

    async def later(self, decision_id: str) -> list[bytes]:
        """Return the records of what became of a decision afterwards, the oldest first."""

    async def count(self, since: datetime, until: datetime) -> int:
        """Return how many verdicts were given from ``since`` on, before ``until``."""

    def verdict_records(self, since: datetime, until: datetime) -> AsyncIterator[bytes]:
        """Iterate over their records, by the moment of decision, the earliest first."""

    def later_records(self, since: datetime, until: datetime) -> AsyncIterator[bytes]:
        """Iterate over what became of approvals, journaled in a span of time, in no order."""


class ChainLine(Struct, frozen=True, gc=False):
    """One record of the chain, as far as it is read along.

    Attributes:
        seq: Its position.
        kind: What it tells.
        at: The moment that it tells of, aware UTC, to the millisecond.
        journaled_at: When the journal stored it, alike.
        decision_id: The decision, or the identity of a change.
        fund: The fund.
        record: Its own JSON; None for what stands for a poisoned line.
    """

    seq: int
    kind: str
    at: datetime
    journaled_at: datetime
    decision_id: str | None = None
    fund: str | None = None
    record: str | None = None


class RecordTail(Protocol):
    """Reads along the chain of records, while it grows."""

    async def last(self) -> int:
        """Return the position of the last record; 0 where there is none."""

    async def before(self, moment: datetime) -> int:
        """Return the position of the last record that was journaled before a moment; 0 if none."""

    async def lines(self, after: int, *, most: int) -> list[ChainLine]:
        """Return the records at the next ``most`` positions, in order, as far as there are any."""

    async def befell(self, decision_ids: Sequence[str]) -> list[bytes]:
        """Return the records of what became of some approvals afterwards, in no order."""


@dataclass(frozen=True, slots=True)
class RecordQuery:
    """Which records to find. What is not stated asks for nothing in particular.

    Attributes:
        strategy: Name of a strategy, as it names itself.
        symbol: A symbol, in capitals.
        verdicts: ``approve``, ``reduce``, ``deny``: any of these.
        codes: Reason codes, of which a verdict must give at least one.
        kinds: Kinds of record: any of these.
        since: From this moment of decision on, aware UTC.
        until: Before this moment, alike.
        trace_id: Trace of the intent, 32 hexadecimal digits.
        intent_id: What the bot called its intent.
        decision_id: A decision: its verdict and what became of it.
        fund: The fund.
        oldest_first: Whether the oldest come first, and not the newest.
    """

    strategy: str | None = None
    symbol: str | None = None
    verdicts: frozenset[str] = frozenset()
    codes: frozenset[str] = frozenset()
    kinds: frozenset[str] = frozenset()
    since: datetime | None = None
    until: datetime | None = None
    trace_id: str | None = None
    intent_id: str | None = None
    decision_id: str | None = None
    fund: str | None = None
    oldest_first: bool = False


class StoredRecord(Struct, frozen=True, gc=False, rename={"intent_id": "stated_id"}):
    """One record as it stands in the chain. What a kind of record does not tell is None.

    Attributes:
        seq: Its position.
        hash: Its hash, and so that of all before it.
        prev_hash: The hash of the record before.
        kind: What it tells: ``verdict``, ``withdrawal``, ``change``, ...
        at: The moment that it tells of, aware UTC, to the millisecond.
        journaled_at: When the journal stored it, alike.
        decision_id: The decision, or the identity of a change.
        fund: The fund.
        strategy: The strategy, as it names itself.
        symbol: The symbol.
        action: What the bot wants to do.
        intent_id: What the bot calls its intent.
        trace_id: Its trace.
        verdict: ``approve``, ``reduce`` or ``deny``.
        codes: Reason codes, in table order.
        policy_revision: Revision under which it was decided.
        reason: Why an approval came to nothing.
        record: The record's own JSON, as it was journaled.
    """

    seq: int
    hash: str
    prev_hash: str
    kind: str
    at: datetime
    journaled_at: datetime
    decision_id: str | None = None
    fund: str | None = None
    strategy: str | None = None
    symbol: str | None = None
    action: str | None = None
    intent_id: str | None = None
    trace_id: str | None = None
    verdict: str | None = None
    codes: tuple[str, ...] = ()
    policy_revision: int | None = None
    reason: str | None = None
    record: str | None = None


class Place(Struct, frozen=True, gc=False):
    """Where among found records one stands: they are ordered by moment, then by position."""

    at: datetime
    seq: int


class RecordSearch(Protocol):
    """Finds records. Raises `petrosa_cio.errors.RecordUnreadable` besides."""

    async def last_position(self) -> int:
        """Return the position of the last record; 0 where there is none."""

    async def page(
        self, query: RecordQuery, *, after: Place | None, last: int, most: int
    ) -> list[StoredRecord]:
        """Return the next records that a query asks for, in its order.

        Args:
            query: What is asked for.
            after: Where the page before ended; None for the first.
            last: Position of the last record that counts.
            most: Most records to return.
        """

    def walk(self, query: RecordQuery, *, last: int, after: int = 0) -> AsyncIterator[StoredRecord]:
        """Iterate over all records that a query asks for, in the order of the chain.

        Only those at positions beyond ``after``, up to ``last``, count. Each is held only while it
        is looked at. ``oldest_first`` does not matter here.
        """
