"""The streams: intents that arrive, the journal, signals that leave, and what watchers hear."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

from msgspec import Struct


class Delivery(Struct, frozen=True, gc=False):
    """One captured message of a durable stream.

    Attributes:
        subject: Where it was published.
        headers: Its headers.
        body: Its payload, untouched.
        stream: Name of the stream.
        stream_created_ns: Creation time of the stream, to tell two streams of one name apart.
        sequence: Its number in the stream.
        stored_at: When the stream stored it.
        reply: The acknowledgement address, the adapter's own business.
    """

    subject: str
    headers: dict[str, str]
    body: bytes
    stream: str
    stream_created_ns: int
    sequence: int
    stored_at: datetime
    reply: str


class Intake(Protocol):
    """The durable stream of intents, shared by all replicas."""

    async def next_batch(self, limit: int) -> list[Delivery]:
        """Wait for at least one delivery and return up to ``limit`` that are there."""

    async def acknowledge(self, deliveries: Sequence[Delivery]) -> None:
        """Say that these are finished for good."""

    async def give_back(self, deliveries: Sequence[Delivery], *, delay_s: float) -> None:
        """Ask for redelivery of these, to any replica, after a delay."""

    def take_waiting(self) -> list[Delivery]:
        """Return, without waiting, what was delivered here and not yet taken."""


class Backlog(Protocol):
    """How much of a stream its consumer still has before it."""

    async def waiting(self) -> int:
        """Return how many messages were delivered to nobody yet."""

    async def outstanding(self) -> int:
        """Return how many deliveries are not acknowledged, by anybody."""


class Journal(Protocol):
    """The durable, ordered log of verdicts, written before the effect."""

    async def append(self, records: Sequence[bytes]) -> int:
        """Write records durably, in order, and return the last journal sequence."""


class SignalMessage(Struct, frozen=True, gc=False):
    """A promoted intent on its way to the order engine."""

    decision_id: str
    subject: str
    headers: dict[str, str]
    body: bytes


@dataclass(frozen=True, slots=True)
class Published:
    """What is known of a batch of signals after it was sent.

    Attributes:
        undelivered: Decisions whose signal provably reached nobody.
        unconfirmed: Decisions of which nothing is known, as the connection broke meanwhile.
    """

    undelivered: frozenset[str] = frozenset()
    unconfirmed: frozenset[str] = frozenset()

    @property
    def unsure(self) -> frozenset[str]:
        """Decisions whose signal is not simply on its way."""
        return self.undelivered | self.unconfirmed


class SignalBus(Protocol):
    """The way out to the order engine. Never buffers while disconnected, never sends twice."""

    async def send(self, signals: Sequence[SignalMessage], *, until: float) -> None:
        """Write each signal once, but none after ``until``, in seconds of the monotonic clock.

        Never raises Unavailable: `confirm` tells what became of them.
        """

    async def confirm(self, decision_ids: Sequence[str]) -> Published:
        """Return what is known of signals that were sent; to be asked once, by one at a time."""


class Announcer(Protocol):
    """Tells live watchers what happened. It promises nothing and never raises."""

    async def announce(self, messages: Sequence[tuple[str, bytes]]) -> None:
        """Publish (subject, body) pairs."""


@dataclass(frozen=True, slots=True)
class JournalEntry:
    """One journal message, which holds a batch of records."""

    sequence: int
    stored_at: datetime
    records: tuple[bytes, ...]
    reply: str


class JournalReader(Protocol):
    """Reads the journal in order, for the drain."""

    async def next_entries(self, limit: int) -> list[JournalEntry]:
        """Wait for at least one entry and return up to ``limit``."""

    async def acknowledge(self, entries: Sequence[JournalEntry]) -> None:
        """Say that these are stored for good."""

    async def purge(self, before_sequence: int) -> None:
        """Drop entries below a sequence: those that are stored and no longer needed here."""


class Stored(Struct, frozen=True, gc=False):
    """One message of a stream, read and not taken.

    Attributes:
        sequence: Its number in the stream.
        stored_at: When the stream stored it.
        subject: Where it was published.
        body: Its payload; empty where only headers are read.
    """

    sequence: int
    stored_at: datetime
    subject: str
    body: bytes = b""


class StreamEnds(Struct, frozen=True, gc=False):
    """Where a stream begins and ends.

    Attributes:
        created_ns: When it was made, to tell two streams of one name apart.
        first: Number of its oldest message.
        last: Number that its newest message has, or had.
    """

    created_ns: int
    first: int
    last: int


JournalPlace = tuple[int, int]
"""Journal sequence, and index within the entry."""
