"""What follows once a batch's signals are on their way: outcomes, records, acknowledgements.

None of it holds up a signal, and each step is a round trip, so it is done for many batches at once:
while one round is under way, whatever is sent meanwhile waits for the next.
"""

import asyncio
from collections.abc import Iterable, Sequence

import structlog
from msgspec import Struct

from petrosa_cio.audit.record import RecordKind
from petrosa_cio.errors import Unavailable
from petrosa_cio.nurse.arrival import Answer, Arrival
from petrosa_cio.nurse.decision import Decision
from petrosa_cio.nurse.endings import Endings, watching
from petrosa_cio.nurse.loose_ends import BUSY_DELAY_S, closing
from petrosa_cio.nurse.tally import Tally
from petrosa_cio.ports import Ledger, Move, Published, SignalBus

log = structlog.get_logger()

NOBODY_LISTENS = "nobody listens for signals"
BROKEN_OFF = "the connection broke before the signal was known to be sent"

ROUND_PAUSE_S = 0.01
"""A round waits that long for more batches to join it: at a steady load that saves most rounds."""

Outcome = tuple[RecordKind, str, str]
"""What became of a decision: kind of record, decision id, reason."""


class Sent(Struct, frozen=True):
    """A batch that has passed the fence, and whose signals were written.

    Attributes:
        promoted: The decisions that had a signal to send.
        outcomes: What is known of others already: approvals that lost the fence.
        over: Further decisions that nothing will come back to.
        ended: All that are decided, with what was answered.
        busy: Messages that another replica is busy with.
    """

    promoted: Sequence[Decision]
    outcomes: Sequence[Outcome]
    over: Sequence[Decision]
    ended: Sequence[tuple[Decision, Answer]]
    busy: Sequence[Arrival]


class Aftermath:
    """Brings batches to their end, as many at a time as are there."""

    def __init__(
        self,
        *,
        signals: SignalBus,
        ledger: Ledger,
        endings: Endings,
        tally: Tally,
    ) -> None:
        """Take the way out, the ledger that remembers decisions, and the ways to end them."""
        self._signals = signals
        self._ledger = ledger
        self._endings = endings
        self._tally = tally
        self._waiting: list[tuple[Sent, asyncio.Future[None]]] = []
        self._round: asyncio.Task[None] | None = None
        self._unfinished: dict[str, Move] = {}
        self._undelivered: set[str] = set()

    async def end(self, sent: Sent) -> None:
        """Bring a batch to its end, and return when it is there. Raises Unavailable."""
        ended = asyncio.get_running_loop().create_future()
        self._waiting.append((sent, ended))
        if self._round is None or self._round.done():
            self._round = asyncio.create_task(self._rounds())
        await ended

    async def _rounds(self) -> None:
        while self._waiting:
            await asyncio.sleep(ROUND_PAUSE_S)
            waiting, self._waiting = self._waiting, []
            try:
                errors = await self._try_to_end([sent for sent, _ in waiting])
                for (_, ended), error in zip(waiting, errors, strict=True):
                    _settle(ended, error)
            finally:
                for _, ended in waiting:
                    ended.cancel()  # nothing, where it is settled

    async def _try_to_end(self, batches: Sequence[Sent]) -> Sequence[Exception | None]:
        """Return for each batch what kept it from its end."""
        try:
            return await self._end(batches)
        except Exception as error:  # whoever waits for its batch says what follows
            return [error] * len(batches)

    async def _end(self, batches: Sequence[Sent]) -> Sequence[Exception | None]:
        promoted = [one for batch in batches for one in batch.promoted]
        published = await self._published(promoted)
        await self._finish([one for one in promoted if one.decision_id not in published.unsure])
        away = await self._record_all(batches, published)
        # Where an outcome could not be recorded, only the batches that have one must wait.
        errors = [away if _has_outcome(batch, published) else None for batch in batches]
        well = [batch for batch, error in zip(batches, errors, strict=True) if error is None]
        over = [one for batch in well for one in batch.over]
        unsure = [one for batch in well for one in batch.promoted]
        unsure = [one for one in unsure if one.decision_id in published.unsure]
        self._undelivered |= published.undelivered
        await self._finish([*unsure, *over])
        await self._endings.end([ended for batch in well for ended in batch.ended])
        busy = [arrival for batch in well for arrival in batch.busy]
        await self._endings.give_back(busy, delay_s=BUSY_DELAY_S)
        return errors

    async def _record_all(
        self, batches: Sequence[Sent], published: Published
    ) -> Unavailable | None:
        """Record every outcome; return what kept them from it."""
        try:
            await self._record(outcome for batch in batches for outcome in batch.outcomes)
            await self._record(_outcomes(published))
        except Unavailable as away:
            return away
        return None

    async def _published(self, promoted: Sequence[Decision]) -> Published:
        """Return what is known of the signals by now."""
        if not promoted:
            return Published()
        published = await self._signals.confirm([one.decision_id for one in promoted])
        with watching("count"):
            self._tally.published(len(promoted), published)
        return published

    async def _record(self, outcomes: Iterable[Outcome]) -> None:
        by_kind: dict[RecordKind, list[tuple[str, str]]] = {}
        for kind, decision_id, reason in outcomes:
            by_kind.setdefault(kind, []).append((decision_id, reason))
        for kind, found in by_kind.items():
            await self._endings.record(kind, found)

    async def finish(self) -> None:
        """Mark as done what could not be, for want of Redis, when it was over."""
        await self._finish([])

    async def _finish(self, over: Sequence[Decision]) -> None:
        """Mark as done what is over and recorded. What cannot be now is with a later batch."""
        self._unfinished |= {
            one.decision_id: closing(one.decision_id, one.draft.arrival.stored_at_ms)
            for one in over
        }
        if not self._unfinished:
            return
        moves, undelivered = list(self._unfinished.values()), frozenset(self._undelivered)
        try:
            await self._ledger.finish(moves, undelivered=undelivered)
        except Unavailable as away:
            log.warning("not_finished", decisions=len(moves), detail=away.detail)
            return
        for move in moves:
            self._unfinished.pop(move.decision_id, None)
        self._undelivered -= undelivered


def _outcomes(published: Published) -> Iterable[Outcome]:
    for one in sorted(published.undelivered):
        yield RecordKind.UNDELIVERED, one, NOBODY_LISTENS
    for one in sorted(published.unconfirmed):
        yield RecordKind.UNCONFIRMED, one, BROKEN_OFF


def _has_outcome(batch: Sent, published: Published) -> bool:
    """Return whether more is to be recorded of a batch than its verdicts."""
    return bool(batch.outcomes) or any(
        one.decision_id in published.unsure for one in batch.promoted
    )


def _settle(ended: asyncio.Future[None], error: Exception | None) -> None:
    if ended.done():
        return
    if error is None:
        ended.set_result(None)
    else:
        ended.set_exception(error)
