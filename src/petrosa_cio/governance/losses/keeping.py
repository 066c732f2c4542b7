"""Where the book of losses is kept: in Redis for speed, and in the journal to survive Redis.

Each change of what must not be forgotten is journaled at once: what is latched, the day and what it
began with, losses in a row. Peaks, which may move with every reading, are at least once a minute.
"""

from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Final, Protocol

import orjson
import structlog

from petrosa_cio.audit.record import Change, RecordKind
from petrosa_cio.audit.settler import HeldStore
from petrosa_cio.errors import Unavailable
from petrosa_cio.ports import JournalEntry
from petrosa_cio.risk.loss_text import read_losses, write_losses
from petrosa_cio.risk.losses import LossBook, Trail

log = structlog.get_logger()

BOOK: Final = "book"
"""Name of the entry that holds the book."""

SUBJECT: Final = "losses"
"""Subject of the changes that hold it."""

AUTHOR: Final = "losses"
"""Who switches trading states for what was lost: the program itself. Nobody's token is so named."""

PEAKS_EVERY: Final = timedelta(minutes=1)
ANEW_EVERY: Final = timedelta(hours=1)

RecordChange = Callable[[Change], Awaitable[str | None]]
ReadHistory = Callable[[], AsyncIterator[JournalEntry]]


class LostMark(Protocol):
    """Tells whether Redis has lost its data."""

    async def is_lost(self) -> bool:
        """Return whether it has, and was not rebuilt yet. Raises Unavailable."""


class LossBooks:
    """Keeps the book of one fund.

    Args:
        fund: The fund.
        held: Where it is kept for the gates.
        mark: Whether that was lost.
        history: Iterates over the whole journal.
        record: Journals a change; returns why it could not, if so.
        clock: The time, aware UTC.
    """

    def __init__(
        self,
        fund: str,
        held: HeldStore,
        mark: LostMark,
        history: ReadHistory,
        record: RecordChange,
        clock: Callable[[], datetime],
    ) -> None:
        self._fund = fund
        self._held = held
        self._mark = mark
        self._history = history
        self._record = record
        self._clock = clock
        self._recorded: tuple[LossBook, datetime] | None = None

    async def load(self) -> tuple[int, LossBook]:
        """Return the book with its version; where Redis has none, the last one of the journal.

        Raises:
            Unavailable: Redis or NATS is away, or Redis was lost and is not rebuilt yet.
        """
        version, stored = await self._held.load()
        found = read_losses(stored[BOOK]) if BOOK in stored else None
        if found is not None:
            return version, found
        if await self._mark.is_lost():
            raise Unavailable("redis", "it was lost: losses are counted once it is rebuilt")
        found = await self._journaled()
        if found is None:
            return version, LossBook()
        log.warning("losses_rebuilt", measured_at=found.measured_at)
        await self.save(version, found)
        version, _ = await self._held.load()
        return version, found

    async def _journaled(self) -> LossBook | None:
        last = None
        async for entry in self._history():
            for record in entry.records:
                last = _book_in(record, self._fund) or last
        return last

    async def save(self, version: int, book: LossBook) -> None:
        """Keep the book for the gates.

        Raises:
            Unavailable: Redis is away, or somebody else was quicker.
        """
        if not await self._held.save(version, {BOOK: write_losses(book)}):
            raise Unavailable(SUBJECT, "another watch was quicker")

    async def journal(self, book: LossBook) -> None:
        """Journal the book where it is time to; what fails is tried again with the next one."""
        now = self._clock()
        if self._recorded is not None and not _is_due(*self._recorded, book, now):
            return
        text = write_losses(book).decode()
        unrecorded = await self._record(Change(SUBJECT, BOOK, text, AUTHOR, "as it stands"))
        if unrecorded is None:
            self._recorded = book, now
        else:
            log.error("losses_not_recorded", detail=unrecorded)


def _is_due(known: LossBook, at: datetime, book: LossBook, now: datetime) -> bool:
    if _lasting(known) != _lasting(book) or now - at >= ANEW_EVERY:
        return True
    return now - at >= PEAKS_EVERY and known != book


def _lasting(book: LossBook) -> LossBook:
    """Return what must be journaled at once."""
    strategies = {
        token: replace(trail, result=Trail(), realised=(), settled=None)
        for token, trail in book.strategies.items()
    }
    return replace(book, measured_at=None, equity=Trail(), strategies=strategies)


def _book_in(record: bytes, fund: str) -> LossBook | None:
    if b'"losses"' not in record:
        return None
    try:
        found = orjson.loads(record)
        if found["kind"] != RecordKind.CHANGE or found["fund"] != fund:
            return None
        change = found["change"]
        return read_losses(change["value"].encode()) if change["subject"] == SUBJECT else None
    except (ValueError, KeyError, TypeError, AttributeError):
        return None
