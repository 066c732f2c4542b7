"""Small stand-ins for what the gate works with, each with knobs for how it fails.

They note what happens to them in one shared list of effects, so that a test can ask for the order.
"""

import asyncio
from collections import Counter, deque
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from time import monotonic
from typing import Any

from msgspec import convert

from petrosa_cio.adapters.memory_ledger import MemoryLedger
from petrosa_cio.audit.chain import head_at
from petrosa_cio.errors import Unavailable
from petrosa_cio.nurse.arrival import Answer
from petrosa_cio.nurse.decision import Decision
from petrosa_cio.ports import (
    Appended,
    Delivery,
    Head,
    Move,
    Moved,
    PastVerdict,
    Place,
    Published,
    RecordQuery,
    SignalMessage,
    StoredRecord,
)
from petrosa_cio.risk.claims import Reserved, ReserveRequest
from petrosa_cio.risk.warning_bands import Crossing
from petrosa_cio.telemetry.steps import StepTimes

Effects = list[tuple[str, str]]
"""What happened and to whom, in order."""


async def nothing() -> None:
    """Do nothing."""


class WaitingDeliveries:
    """What every stand-in for the stream does alike: it hands out what was put in, in order."""

    def __init__(self) -> None:
        self._waiting: deque[Delivery] = deque()
        self._arrived = asyncio.Event()

    def put(self, *deliveries: Delivery) -> None:
        self._waiting.extend(deliveries)
        self._arrived.set()

    async def next_batch(self, limit: int) -> list[Delivery]:
        while not self._waiting:
            self._arrived.clear()
            await self._arrived.wait()
        return [self._waiting.popleft() for _ in range(min(limit, len(self._waiting)))]

    def take_waiting(self) -> list[Delivery]:
        waiting, self._waiting = list(self._waiting), deque()
        return waiting


@dataclass
class FakeIntake(WaitingDeliveries):
    """A stream of intents: put deliveries in, and see what becomes of each."""

    effects: Effects = field(default_factory=list)
    away: bool = False
    acknowledged: list[Delivery] = field(default_factory=list)
    given_back: list[tuple[Delivery, float]] = field(default_factory=list)

    def __post_init__(self) -> None:
        super().__init__()

    async def acknowledge(self, deliveries: Sequence[Delivery]) -> None:
        _here(self.away, "nats")
        self.acknowledged += deliveries
        self.effects += [("acknowledge", str(one.sequence)) for one in deliveries]

    async def give_back(self, deliveries: Sequence[Delivery], *, delay_s: float) -> None:
        _here(self.away, "nats")
        self.given_back += [(one, delay_s) for one in deliveries]
        self.effects += [("give_back", str(one.sequence)) for one in deliveries]


@dataclass
class FakeJournal:
    """A journal that keeps every record; ``before`` runs before each append."""

    effects: Effects = field(default_factory=list)
    away: bool = False
    room: int | None = None
    records: list[bytes] = field(default_factory=list)
    before: Callable[[], Awaitable[None]] = nothing

    async def append(self, records: Sequence[bytes]) -> int:
        await self.before()
        _here(self.away, "journal")
        size = sum(map(len, self.records)) + sum(map(len, records))
        _here(self.room is not None and size > self.room, "journal")
        self.records += records
        self.effects += [("journal", record.decode()) for record in records]
        return len(self.records)


@dataclass
class FakeSignalBus:
    """The way to an engine that listens, does not, or cannot be reached for certain."""

    effects: Effects = field(default_factory=list)
    listening: bool = True
    broken: bool = False
    sent: list[SignalMessage] = field(default_factory=list)

    undelivered: set[str] = field(default_factory=set)
    unconfirmed: set[str] = field(default_factory=set)

    async def send(self, signals: Sequence[SignalMessage], *, until: float) -> None:
        decisions = {one.decision_id for one in signals}
        if self.broken or monotonic() > until:
            self.unconfirmed |= decisions
        elif not self.listening:
            self.undelivered |= decisions
        else:
            self.sent += signals
            self.effects += [("publish", one.decision_id) for one in signals]

    async def confirm(self, decision_ids: Sequence[str]) -> Published:
        asked = frozenset(decision_ids)
        return Published(asked & self.undelivered, asked & self.unconfirmed)


@dataclass
class FakeAnnouncer:
    """Keeps what live watchers would hear."""

    effects: Effects = field(default_factory=list)
    heard: list[tuple[str, bytes]] = field(default_factory=list)

    async def announce(self, messages: Sequence[tuple[str, bytes]]) -> None:
        self.heard += messages
        self.effects += [("announce", subject) for subject, _ in messages]


@dataclass
class FakeTally:
    """Counts by name, and keeps what it was told of each batch."""

    counts: Counter[str] = field(default_factory=Counter)
    batches: list[tuple[Sequence[tuple[Decision, Answer]], StepTimes]] = field(default_factory=list)

    def decided(self, decisions: Sequence[tuple[Decision, Answer]], times: StepTimes) -> None:
        self.batches.append((decisions, times))
        for one, answer in decisions:
            self.counts[answer.verdict] += 1
            self.counts["withdrawn"] += one.verdict.kind != answer.verdict
            self.counts.update(str(reason.code) for reason in one.verdict.reasons)

    def published(self, signals: int, outcome: Published) -> None:
        self.counts["signals"] += signals
        self.counts["undelivered"] += len(outcome.undelivered)
        self.counts["unconfirmed"] += len(outcome.unconfirmed)

    def unconfirmed(self, decisions: int) -> None:
        self.counts["unconfirmed"] += decisions

    def given_back(self, intents: int) -> None:
        self.counts["given_back"] += intents

    def unavailable(self, dependency: str) -> None:
        self.counts[f"{dependency} away"] += 1

    def warned(self, crossings: Sequence[Crossing]) -> None:
        self.counts.update(f"{one.limit} {one.band_pct} %" for one in crossings)


@dataclass
class FakePast:
    """A record in memory: traces go in, and what was decided is read from them."""

    traces: list[dict[str, Any]] = field(default_factory=list)

    async def head(self) -> Head | None:
        return head_at(self.traces[-1]) if self.traces else None

    async def append(self, traces: Sequence[dict[str, Any]]) -> Appended:
        self.traces += traces
        return Appended(len(traces))

    async def verdicts(self, since: datetime, until: datetime) -> AsyncIterator[PastVerdict]:
        for one in self.traces:
            if one["kind"] == "verdict" and since <= one["at"] < until:
                yield PastVerdict(
                    one["at"], one["strategy"], one["symbol"], one["verdict"], tuple(one["codes"])
                )

    async def befell(self, since: datetime, until: datetime) -> Mapping[str, int]:
        return Counter(
            one["kind"]
            for one in self.traces
            if one["kind"] not in ("verdict", "change") and since <= one["journaled_at"] < until
        )


class FailingLedger(MemoryLedger):
    """The ledger in memory, which notes its steps and of which any step can be ``away``."""

    away: frozenset[str] = frozenset()
    effects: Effects

    async def reserve(self, requests: Sequence[ReserveRequest]) -> list[Reserved]:
        self._note("reserve", [one.decision_id for one in requests])
        return await super().reserve(requests)

    async def begin(self, moves: Sequence[Move], *, owner: str) -> list[Moved]:
        self._note("begin", [one.decision_id for one in moves])
        return await super().begin(moves, owner=owner)

    async def finish(self, moves: Sequence[Move], *, undelivered: frozenset[str]) -> None:
        self._note("finish", [one.decision_id for one in moves])
        await super().finish(moves, undelivered=undelivered)

    def _note(self, name: str, decisions: list[str]) -> None:
        _here(name in self.away, "redis")
        self.effects += [(name, one) for one in decisions]


def _here(away: bool, dependency: str) -> None:
    if away:
        raise Unavailable(dependency, "away for a test")


@dataclass
class FakeSearch:
    """A record in memory that is searched: traces go in, and stored records come out."""

    traces: list[dict[str, Any]] = field(default_factory=list)

    async def head(self) -> Head | None:
        return head_at(self.traces[-1]) if self.traces else None

    async def append(self, traces: Sequence[dict[str, Any]]) -> Appended:
        self.traces += traces
        return Appended(len(traces))

    async def last_position(self) -> int:
        return len(self.traces)

    async def page(
        self, query: RecordQuery, *, after: Place | None, last: int, most: int
    ) -> list[StoredRecord]:
        found = [one async for one in self.walk(query, last=last)]
        found.sort(key=lambda one: (one.at, one.seq), reverse=not query.oldest_first)
        places = [(one.at, one.seq) for one in found]
        begins = 0 if after is None else places.index((after.at, after.seq)) + 1
        return found[begins : begins + most]

    async def walk(
        self, query: RecordQuery, *, last: int, after: int = 0
    ) -> AsyncIterator[StoredRecord]:
        for one in self.traces[after:last]:
            record = convert(one, StoredRecord)
            if _is_asked_for(record, query):
                yield record


def _is_asked_for(record: StoredRecord, query: RecordQuery) -> bool:
    names = ("strategy", "symbol", "trace_id", "intent_id", "decision_id", "fund")
    stated = ((getattr(query, one), getattr(record, one)) for one in names)
    return (
        all(asked in (None, found) for asked, found in stated)
        and (not query.verdicts or record.verdict in query.verdicts)
        and (not query.kinds or record.kind in query.kinds)
        and (not query.codes or bool(query.codes & set(record.codes)))
        and (query.since is None or record.at >= query.since)
        and (query.until is None or record.at < query.until)
    )
