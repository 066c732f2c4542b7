"""What completeness is judged from: streams, the record, and how far the record has come."""

import asyncio
from collections.abc import AsyncGenerator, Mapping, Sequence
from typing import Protocol

from petrosa_cio.audit.patience import ConsumerPosition, heed_cancellation
from petrosa_cio.ports import Kept, Stored, StreamEnds

DRAIN_PATIENCE_S = 10.0
LOOK_AGAIN_S = 0.1


class StreamReading(Protocol):
    """A stream that is read from any place, by whoever keeps its own."""

    async def ends(self) -> StreamEnds:
        """Return where the stream begins and ends now."""

    def batches(self, after: int, *, limit: int) -> AsyncGenerator[list[Stored]]:
        """Iterate over what is stored behind a sequence, in order, up to ``limit`` at a time."""


class KeptRecords(Protocol):
    """The record of verdicts, to be asked about decisions."""

    async def kept(self, decision_ids: Sequence[str]) -> Mapping[str, Kept]:
        """Return what is kept of some decisions; what is not kept is left out."""

    async def records_of(self, decision_ids: Sequence[str]) -> Mapping[str, str]:
        """Return the records of the verdicts of some decisions, as JSON text."""


class DrainPosition(ConsumerPosition, Protocol):
    """How far the drain has come."""

    async def waiting(self) -> int:
        """Return how many entries were delivered to no drain yet. Raises Unavailable."""


async def stored_until(drain: DrainPosition, sequence: int) -> int:
    """Wait until the drain has stored the journal up to a sequence; return how far it is.

    That is the sequence itself, or less where the drain was not there in time. Raises Unavailable.
    """
    stored = 0
    try:
        async with asyncio.timeout(DRAIN_PATIENCE_S):
            while (stored := await drain.acknowledged_until()) < sequence:
                # What was removed from the journal is never acknowledged.
                if not await drain.waiting() and not await drain.outstanding():
                    break
                heed_cancellation()
                await asyncio.sleep(LOOK_AGAIN_S)
    except TimeoutError:
        return stored
    return sequence
