"""Rebuilds a ledger that lost its data, from the journal.

Redis may come back empty. Its generation marker is then missing, every call of the ledger fails,
and nothing is promoted. This puts back which decisions were made and what they hold, and leaves the
fund halted: a person looks at it and resumes. Replicas may do this at the same time; whoever is
first marks the ledger, and the others stop.
"""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, Sequence
from datetime import UTC, datetime
from itertools import islice

import orjson
import structlog

from petrosa_cio.errors import Unavailable
from petrosa_cio.nurse.arrival import epoch_ms
from petrosa_cio.nurse.every import every
from petrosa_cio.nurse.recollection import Recollection
from petrosa_cio.ports import JournalEntry, LostLedger, Remembered

log = structlog.get_logger()

LOOK_S = 1.0
BATCH = 500
BEGINNING = datetime(1970, 1, 1, tzinfo=UTC)


class Recovery:
    """Watches over the ledger and rebuilds it when it is lost."""

    def __init__(
        self,
        ledger: LostLedger,
        history: Callable[[], AsyncIterator[JournalEntry]],
        settle_again: Callable[[], Awaitable[None]],
        *,
        fund: str,
        clock: Callable[[], datetime],
    ) -> None:
        """Take the ledger, what reads the whole journal, and what replays execution outcomes."""
        self._fund = fund
        self._ledger = ledger
        self._history = history
        self._settle_again = settle_again
        self._clock = clock

    async def run(self, stop: asyncio.Event) -> None:
        """Look every second until told to stop."""
        await every(LOOK_S, self.look, stop)

    async def look(self) -> None:
        """Rebuild the ledger if it is lost. Raises Unavailable."""
        if await self._ledger.is_lost():
            await self.recover()

    async def recover(self) -> None:
        """Rebuild the ledger from the journal. Raises Unavailable."""
        log.error("ledger_lost", consequence="rebuilt from the journal; the fund is halted")
        found = Recollection(fund=self._fund, now_ms=epoch_ms(self._clock()))
        async for entry in self._history():
            for record in entry.records:
                _take(found, record, entry.sequence)
        count = 0
        for batch in _batches(found.remembered()):
            if not await self._ledger.restore(batch):
                return
            count += len(batch)
        await self._replay_executions()
        if await self._ledger.seal(found.governed()):
            log.error("ledger_rebuilt", decisions=count, next_step="look at it, then: cio resume")

    async def _replay_executions(self) -> None:
        """Let executions be settled again. Done before the seal: until then nothing settles.

        Where it cannot be done, what was refused or closed stays held: too much, never too little.
        """
        try:
            await self._settle_again()
        except Unavailable as away:
            log.error("executions_not_replayed", detail=str(away))


def _take(found: Recollection, record: bytes, sequence: int) -> None:
    """Take a record in; one that is none is a stranger's, and passed by."""
    try:
        found.take(orjson.loads(record))
    except (ValueError, KeyError, TypeError, AttributeError):
        log.error("record_unreadable", journal_sequence=sequence)


def _batches(remembered: Iterator[Remembered]) -> Iterator[Sequence[Remembered]]:
    while batch := list(islice(remembered, BATCH)):
        yield batch
