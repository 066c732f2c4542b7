"""The journal on JetStream: appended to by gates, read by the drain and by recovery.

A batch of records is one message, one record a line, because the server syncs each message before
it acknowledges: that is what makes a durable verdict cheap. A batch that is too large for one
message is split between records.
"""

from collections.abc import AsyncIterator, Iterator, Sequence
from datetime import datetime

import orjson
from nats.aio.client import Client
from nats.js.api import ConsumerConfig, DeliverPolicy

from petrosa_cio.adapters.nats_client import NO_RESPONDERS, Outgoing, RobustClient, status_of
from petrosa_cio.adapters.nats_connection import translated
from petrosa_cio.adapters.nats_deliveries import NatsDeliveries
from petrosa_cio.adapters.nats_streams import JOURNAL, JOURNAL_SUBJECT
from petrosa_cio.errors import Unavailable
from petrosa_cio.ports import JournalEntry

MAX_MESSAGE_BYTES = 900_000
"""Largest journal message; below the 1 MiB that a NATS server accepts unless told otherwise."""

SEPARATOR = b"\n"

READ_TIMEOUT_S = 5.0

_ONLY_THE_JOURNAL = {"Nats-Expected-Stream": JOURNAL}


class NatsJournal:
    """Appends records and waits until the server has them."""

    def __init__(self, client: RobustClient, *, timeout_s: float) -> None:
        """Take a connection and the longest wait for one message, in seconds."""
        self._client = client
        self._timeout_s = timeout_s
        self._trouble: str | None = None

    @property
    def trouble(self) -> str | None:
        """Why the last write failed; None after one that did not."""
        return self._trouble

    async def append(self, records: Sequence[bytes]) -> int:
        """Write records durably, in order, and return the last journal sequence.

        Raises:
            Unavailable: The server is away, slow, or the journal is full.
        """
        sequence = 0
        try:
            for message in split(records):
                sequence = await self._store(message)
        except Unavailable as away:
            self._trouble = away.detail
            raise
        self._trouble = None
        return sequence

    async def _store(self, message: bytes) -> int:
        with translated("journal"):
            answer = await self._client.ask(
                Outgoing(JOURNAL_SUBJECT, message, headers=_ONLY_THE_JOURNAL),
                timeout_s=self._timeout_s,
            )
        if status_of(answer) == NO_RESPONDERS:
            raise Unavailable("journal", "no stream takes records")
        return _stored_as(answer.data)


def _stored_as(answer: bytes) -> int:
    """Return the sequence under which a message was stored. Raises Unavailable if it was not."""
    try:
        said = orjson.loads(answer)
        if not said.get("error"):
            return int(said["seq"])
    except (ValueError, KeyError, TypeError, AttributeError):
        pass
    raise Unavailable("journal", f"not stored: {answer.decode(errors='replace')}")


def split(records: Sequence[bytes], limit: int = MAX_MESSAGE_BYTES) -> Iterator[bytes]:
    """Join records to as few messages as fit under ``limit`` bytes each."""
    part: list[bytes] = []
    size = 0
    for record in records:
        if part and size + len(record) + 1 > limit:
            yield SEPARATOR.join(part)
            part, size = [], 0
        part.append(record)
        size += len(record) + 1
    if part:
        yield SEPARATOR.join(part)


class NatsJournalReader:
    """Reads the journal: by the drain's own position, or all of it anew."""

    def __init__(self, client: Client, deliveries: NatsDeliveries) -> None:
        """Take a connection and the drain's durable consumer."""
        self._client = client
        self._deliveries = deliveries

    async def next_entries(self, limit: int) -> list[JournalEntry]:
        """Wait for at least one entry and return up to ``limit``."""
        found = await self._deliveries.next_batch(limit)
        return [_entry(one.sequence, one.stored_at, one.body, one.reply) for one in found]

    async def acknowledge(self, entries: Sequence[JournalEntry]) -> None:
        """Say that these are stored for good."""
        await self._deliveries.acknowledge(entries)

    async def purge(self, before_sequence: int) -> None:
        """Drop entries below a sequence: those that are stored and no longer needed here."""
        with translated("journal"):
            await self._client.jetstream().purge_stream(JOURNAL, seq=before_sequence)


async def journal_is_empty(client: Client) -> bool:
    """Return whether nothing was ever journaled: the fund is new. Raises Unavailable."""
    with translated("journal"):
        return (await client.jetstream().stream_info(JOURNAL)).state.last_seq == 0


async def journal_span(client: Client) -> tuple[int, int]:
    """Return the sequence of the oldest entry that is there, and of the newest there ever was.

    Raises:
        Unavailable: The server is away, or has no journal.
    """
    with translated("journal"):
        state = (await client.jetstream().stream_info(JOURNAL)).state
    return state.first_seq, state.last_seq


async def read_journal(client: Client, *, since: datetime) -> AsyncIterator[JournalEntry]:
    """Iterate over the entries stored since a moment, up to the newest one at the start."""
    js = client.jetstream()
    with translated("journal"):
        last = (await js.stream_info(JOURNAL)).state.last_seq
        first_after = ConsumerConfig(
            deliver_policy=DeliverPolicy.BY_START_TIME, opt_start_time=since
        )
        subscription = await js.subscribe(
            JOURNAL_SUBJECT, stream=JOURNAL, config=first_after, ordered_consumer=True
        )
        place = await subscription.consumer_info()
    # What was handed out may still be on its way: then nothing is pending, and nothing is here.
    handed_out = place.delivered.consumer_seq if place.delivered else 0
    try:
        sequence = 0 if place.num_pending or handed_out else last
        while sequence < last:
            with translated("journal"):
                message = await subscription.next_msg(timeout=READ_TIMEOUT_S)
            found = message.metadata
            sequence = found.sequence.stream
            yield _entry(sequence, found.timestamp, message.data)
    finally:
        with translated("journal"):
            await subscription.unsubscribe()


def _entry(sequence: int, stored_at: datetime, body: bytes, reply: str = "") -> JournalEntry:
    return JournalEntry(sequence, stored_at, tuple(body.split(SEPARATOR)), reply)
