"""Redelivered messages whose decision had left the ledger's ``reserved`` state before.

Three things can be true of such a decision: it ended, and only the acknowledgement got lost;
another replica has begun it and is busy; or the process that began it is gone. The last is the one
case in which nobody can know whether its signal was sent: it is recorded as ``unconfirmed`` and
never sent again.
"""

from collections.abc import Mapping, Sequence

from petrosa_cio.audit.record import RecordKind
from petrosa_cio.nurse.decision import Draft
from petrosa_cio.nurse.endings import Endings
from petrosa_cio.nurse.tally import Tally
from petrosa_cio.ports import Ledger, Move, MoveKind
from petrosa_cio.risk.claims import DecisionState, Reserved

UNCONFIRMED_AFTER_MS = 10_000
"""A decision begun this long ago and not done was begun by a process that is gone."""

BUSY_DELAY_S = 3.0
"""Pause before looking again at a decision that another replica is busy with."""

LEFT_BEHIND = "its process ended before the signal was known to be sent"


def is_open(found: Reserved | None) -> bool:
    """Return whether a decision is still to be carried out."""
    return found is None or found.state in (DecisionState.NEW, DecisionState.RESERVED)


def closing(decision_id: str, taken_at_ms: int) -> Move:
    """Return what tells the ledger that a decision's end is recorded."""
    return Move(decision_id, taken_at_ms, MoveKind.DENY, "", "", "")


class LooseEnds:
    """Brings decisions from before to their end."""

    def __init__(self, *, ledger: Ledger, endings: Endings, tally: Tally) -> None:
        """Take the ledger that remembers them and the ways to end them."""
        self._ledger = ledger
        self._endings = endings
        self._tally = tally

    async def tie_up(self, drafts: Sequence[Draft], found: Mapping[str, Reserved]) -> None:
        """End, or wait for, each draft whose decision is not open any more."""
        past = [
            (one, found[one.arrival.decision_id])
            for one in drafts
            if not is_open(found.get(one.arrival.decision_id))
        ]
        busy = [one.arrival for one, state in past if self._is_busy(state)]
        lost = [one for one, state in past if self._is_left_behind(state)]
        await self._record_unconfirmed(lost)
        # A crash may have come between a withdrawal and its record, so it is written again.
        await self._endings.record(
            RecordKind.WITHDRAWAL,
            [
                (one.arrival.decision_id, state.detail)
                for one, state in past
                if state.state is DecisionState.WITHDRAWN
            ],
        )
        ended = [one.arrival for one, state in past if not self._is_busy(state)]
        await self._endings.acknowledge(ended)
        await self._endings.give_back(busy, delay_s=BUSY_DELAY_S)

    async def sweep(self) -> None:
        """End what callers of the synchronous door left open when their gate went down."""
        left = await self._ledger.sweep()
        begun = [one for one in left if one.state is DecisionState.BEGUN]
        await self._endings.record(
            RecordKind.WITHDRAWAL,
            [(one.decision_id, one.detail) for one in left if one not in begun],
        )
        await self._endings.record(
            RecordKind.UNCONFIRMED, [(one.decision_id, LEFT_BEHIND) for one in begun]
        )
        if begun:
            self._tally.unconfirmed(len(begun))
        moves = [closing(one.decision_id, one.taken_at_ms) for one in left]
        await self._ledger.finish(moves, undelivered=frozenset())

    def _is_left_behind(self, found: Reserved) -> bool:
        age_ms = found.readings.time_ms - found.since_ms  # both by the ledger's own clock
        return found.state is DecisionState.BEGUN and age_ms > UNCONFIRMED_AFTER_MS

    def _is_busy(self, found: Reserved) -> bool:
        return found.state is DecisionState.BEGUN and not self._is_left_behind(found)

    async def _record_unconfirmed(self, lost: Sequence[Draft]) -> None:
        if not lost:
            return
        decisions = [(one.arrival.decision_id, LEFT_BEHIND) for one in lost]
        await self._endings.record(RecordKind.UNCONFIRMED, decisions)
        self._tally.unconfirmed(len(lost))
        moves = [closing(one.arrival.decision_id, one.arrival.stored_at_ms) for one in lost]
        await self._ledger.finish(moves, undelivered=frozenset())
