"""Opens what keeping the record needs: archiving it, putting it back, pruning it, holding parts."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TypeVar
from uuid import uuid4

from petrosa_cio.adapters.mongo_archive import MongoArchiveSource, MongoRestoreStore
from petrosa_cio.adapters.mongo_connection import MongoClient, open_mongo
from petrosa_cio.adapters.mongo_prune import MongoPruneStore
from petrosa_cio.adapters.nats_connection import RobustClient, connect_nats
from petrosa_cio.adapters.nats_journal import NatsJournal, journal_span
from petrosa_cio.adapters.nats_streams import JOURNAL, replay_from_start
from petrosa_cio.app import DRAIN_CONSUMER
from petrosa_cio.audit.checkpoint import Signer
from petrosa_cio.audit.holds import (
    BEYOND,
    PREFIX,
    Held,
    Hold,
    hold_change,
    read_holds,
    record_of,
    release_change,
    release_id,
)
from petrosa_cio.audit.patience import until_done
from petrosa_cio.audit.record import Change, change_record
from petrosa_cio.errors import Misconfigured, Problem, RecordRefused, Unavailable
from petrosa_cio.servers import audit_signer, clock, nats_access
from petrosa_cio.settings import Settings

ANSWER_TIMEOUT_MS = 300_000
"""Longest wait for MongoDB, which may look through very many records."""

STORED_WITHIN_S = 15.0
"""How long a hold is waited for, until the role record has stored it."""

Store = TypeVar("Store", MongoArchiveSource, MongoPruneStore, MongoRestoreStore)


def signer_of(settings: Settings) -> Signer:
    """Return the key that signs the chain. Raises Misconfigured where there is none."""
    signer = audit_signer(settings)
    if signer is None:
        mend = "Name the key that the role record signs with."
        raise Misconfigured([Problem("CIO_AUDIT_KEY_FILE", "no key is set", mend)])
    return signer


@asynccontextmanager
async def _opened(
    settings: Settings, url: str | None, kind: Callable[[MongoClient, str], Store]
) -> AsyncIterator[Store]:
    async with open_mongo(
        str(url), settings.mongo_tls_ca_file, answer_timeout_ms=ANSWER_TIMEOUT_MS
    ) as mongo:
        yield kind(mongo, settings.mongo_database)


@asynccontextmanager
async def open_archive_source(settings: Settings) -> AsyncIterator[MongoArchiveSource]:
    """Open the record to be archived: MongoDB alone. It is reached with the first question."""
    async with _opened(settings, settings.mongo_url, MongoArchiveSource) as source:
        yield source


@asynccontextmanager
async def open_prune_store(settings: Settings) -> AsyncIterator[MongoPruneStore]:
    """Open the record to be pruned, as who may delete. Raises Misconfigured if nobody is stated."""
    if settings.mongo_prune_url is None:
        mend = "Make who may delete with `cio audit init --prune-user`, and sign in as that one."
        raise Misconfigured([Problem("CIO_MONGO_PRUNE_URL", "it is not set", mend)])
    async with _opened(settings, settings.mongo_prune_url, MongoPruneStore) as store:
        yield store


@asynccontextmanager
async def open_restore_store(settings: Settings) -> AsyncIterator[MongoRestoreStore]:
    """Open the store that is to be filled, as somebody who may make collections if one is set."""
    url = settings.mongo_admin_url or settings.mongo_url
    async with _opened(settings, url, MongoRestoreStore) as store:
        yield store


async def signed_before(
    source: MongoArchiveSource, settings: Settings, moment: datetime | None
) -> int:
    """Return the position of the newest checkpoint before a moment; 0 if there is none.

    Args:
        source: The record.
        settings: The settings.
        moment: The moment; None for that from which on records have to stay.
    """
    moment = moment or clock() - timedelta(days=settings.retention_days)
    return await source.signed_before(await source.journaled_before(moment))


@dataclass(frozen=True, slots=True)
class JournalSpan:
    """The journal's entries, by their sequences.

    Attributes:
        first: The oldest that is still there.
        last: The newest that there ever was.
    """

    first: int
    last: int


async def span_of_journal(settings: Settings) -> JournalSpan:
    """Return what the journal holds. Raises Unavailable."""
    async with _nats(settings) as nats:
        return JournalSpan(*await journal_span(nats))


async def rewind_drain(settings: Settings) -> None:
    """Let the drain read the journal again from its beginning. Raises Unavailable.

    What is stored by then is found stored.
    """
    async with _nats(settings) as nats:
        await replay_from_start(nats.jetstream(), JOURNAL, DRAIN_CONSUMER)


@asynccontextmanager
async def _nats(settings: Settings) -> AsyncIterator[RobustClient]:
    nats = await connect_nats(nats_access(settings), name="cio audit", reconnects=False)
    try:
        yield nats
    finally:
        await nats.close()


@dataclass(frozen=True, slots=True)
class Spoken:
    """A hold or a release that was journaled.

    Attributes:
        hold_id: The hold.
        is_stored: Whether the record has it by now; until then it counts for nothing.
    """

    hold_id: str
    is_stored: bool


async def known_holds(settings: Settings) -> list[Hold]:
    """Return all holds that the record knows, released ones among them. Raises Unavailable."""
    async with open_archive_source(settings) as source:
        try:
            return read_holds(await source.changes(PREFIX, BEYOND))
        except ValueError as error:
            raise RecordRefused(str(error)) from error


async def place_hold(settings: Settings, held: Held, *, author: str, reason: str) -> Spoken:
    """Journal a hold and wait until it is stored. Raises Unavailable.

    Args:
        settings: The settings.
        held: Which records it names.
        author: Who places it.
        reason: Why.
    """
    hold_id = f"{PREFIX}{uuid4().hex[:12]}"
    change = hold_change(hold_id, held, author=author, reason=reason)
    return Spoken(hold_id, await _journaled(settings, hold_id, change))


async def release_hold(settings: Settings, hold_id: str, *, author: str, reason: str) -> Spoken:
    """Journal the release of a hold and wait until it is stored.

    Raises:
        RecordRefused: There is no such hold, it is released already, or who placed it is to
            release it alone.
        Unavailable: A server is away.
    """
    known = {one.hold_id: one for one in await known_holds(settings)}.get(hold_id)
    if known is None or known.released is not None:
        raise RecordRefused(f"no hold {hold_id} stands")
    if known.placed.author == author:
        raise RecordRefused(f"{author} placed {hold_id}: somebody else has to release it")
    change = release_change(hold_id, author=author, reason=reason)
    return Spoken(hold_id, await _journaled(settings, release_id(hold_id), change))


async def _journaled(settings: Settings, change_id: str, change: Change) -> bool:
    """Journal a change, and return whether it was stored while that was waited for."""
    record = change_record(change_id, change, at=clock(), fund=settings.fund)
    async with _nats(settings) as nats, open_archive_source(settings) as source:
        await NatsJournal(nats, timeout_s=settings.journal_timeout_ms / 1000).append([record])

        async def find() -> None:
            if not await source.changes(record_of(change_id), f"{record_of(change_id)}!"):
                raise Unavailable("record", f"{change_id} is not stored yet")

        try:
            async with asyncio.timeout(STORED_WITHIN_S):
                await until_done(find, on_unavailable=lambda _dependency: None)
        except TimeoutError:
            return False
    return True
