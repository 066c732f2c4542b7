"""What happens to a batch that could not be decided.

A dependency that is away is no verdict. The batch is given back and comes again until an intent is
too old; then it is denied for good, with both reasons. A message on which this program itself fails
is denied as ``CHECK_FAILED``, so that it neither blocks the others nor stays without a verdict.
"""

from collections.abc import Callable, Sequence
from datetime import datetime, timedelta

from msgspec.structs import replace

from petrosa_cio.audit.record import Deciding, DecisionParts, Provenance, RecordKind
from petrosa_cio.errors import Unavailable
from petrosa_cio.nurse.arrival import Arrival
from petrosa_cio.nurse.decision import Decision, Draft, conclude_draft, fence_move
from petrosa_cio.nurse.endings import Endings
from petrosa_cio.ports import Journal, Ledger, Move, Moved, MoveKind
from petrosa_cio.risk.checks.well_formed import ENGINE_MAX_AGE_S
from petrosa_cio.risk.claims import DecisionState
from petrosa_cio.risk.reasons import ReasonCode
from petrosa_cio.risk.snapshot import Snapshot
from petrosa_cio.risk.unchecked import failed_on
from petrosa_cio.risk.verdict import VerdictKind
from petrosa_cio.telemetry.steps import StepTimes

FINAL_AFTER = timedelta(seconds=10)
"""An intent is denied without the ledger only this long after it expired: no replica promotes an
expired intent, and no replica's clock is further off than this."""


class Fallback:
    """Gives back what can wait and denies what cannot."""

    def __init__(
        self,
        *,
        ledger: Ledger,
        journal: Journal,
        endings: Endings,
        provenance: Provenance,
        deciding: Deciding,
        clock: Callable[[], datetime],
    ) -> None:
        """Take the ports that a last verdict needs."""
        self._ledger = ledger
        self._journal = journal
        self._endings = endings
        self._provenance = provenance
        self._deciding = deciding
        self._clock = clock
        self._to_withdraw: dict[str, Move] = {}

    async def wait_or_deny(self, drafts: Sequence[Draft]) -> None:
        """Give back what may still be decided; deny for good what is too old by now."""
        await self._let_callers_retry(drafts)
        too_old = [one for one in drafts if self._is_over(one) and one.arrival.delivery]
        try:
            await self._deny_without_ledger(too_old)
        except Unavailable:
            too_old = []
        denied = {one.arrival.decision_id for one in too_old}
        rest = [one.arrival for one in drafts if one.arrival.decision_id not in denied]
        await self._endings.give_back(rest)

    async def _let_callers_retry(self, drafts: Sequence[Draft]) -> None:
        """Withdraw what waiting callers asked for, so that they may ask again at once."""
        moves = [
            Move(
                one.arrival.decision_id, one.arrival.stored_at_ms, MoveKind.WITHDRAW,
                VerdictKind.DENY, "", "", reason=ReasonCode.DEADLINE_EXCEEDED, forget_identity=True,
            )
            for one in drafts
            if one.arrival.door and not one.arrival.door.answer.done()
        ]  # fmt: skip
        if not moves:
            return
        try:
            moved = await self._ledger.begin(moves, owner=self._provenance.replica)
            won = [move for move, found in zip(moves, moved, strict=True) if found.won]
            await self._endings.record(
                RecordKind.WITHDRAWAL, [(move.decision_id, move.reason) for move in won]
            )
            await self._ledger.finish(won, undelivered=frozenset())
        except Unavailable:
            return  # what was left open is swept when the servers are back

    def _is_over(self, one: Draft) -> bool:
        if not one.assessment.asks_ledger:
            return True  # the message alone decides
        longest = one.taken_at + timedelta(seconds=ENGINE_MAX_AGE_S)
        return self._clock() > (one.assessment.expires_at or longest) + FINAL_AFTER

    async def _deny_without_ledger(self, drafts: Sequence[Draft]) -> None:
        """Deny what is too old.

        An earlier attempt may have approved it, and may even have sent its signal before its gate
        went down. Only the ledger knows, so it is not called withdrawn, but unconfirmed.
        """
        if not drafts:
            return
        decisions = [self._denial(one) for one in drafts]
        await self._journal.append([one.record for one in decisions])
        reason = ReasonCode.LEDGER_UNAVAILABLE
        await self._endings.record(
            RecordKind.UNCONFIRMED, [(one.decision_id, reason) for one in decisions]
        )
        for one in decisions:
            if one.draft.assessment.asks_ledger:
                self._to_withdraw[one.decision_id] = replace(
                    fence_move(one, now=self._clock()), kind=MoveKind.WITHDRAW, reason=reason
                )
        await self._end(decisions)

    async def withdraw_denied(self) -> None:
        """Release what intents still hold that were denied while the ledger was away.

        Raises:
            Unavailable: It still is.
        """
        if self._to_withdraw:
            moves = list(self._to_withdraw.values())
            await self._ledger.begin(moves, owner=self._provenance.replica)
            for move in moves:
                self._to_withdraw.pop(move.decision_id, None)

    async def deny_suspect(self, arrival: Arrival, error: Exception, snapshot: Snapshot) -> None:
        """Deny a message on which this program failed. Raises whatever still goes wrong."""
        failure = type(error).__name__
        intent, assessment = failed_on(failure)
        parts = DecisionParts(snapshot, self._deciding)
        part = parts.of(intent, assessment, failure=failure)
        decision = self._denial(
            Draft(arrival, intent, arrival.source.stored_at, assessment, part, None, "")
        )
        await self._journal.append([decision.record])
        move = replace(
            fence_move(decision, now=self._clock()),
            kind=MoveKind.WITHDRAW,
            reason=ReasonCode.CHECK_FAILED,
        )
        (moved,) = await self._ledger.begin([move], owner=self._provenance.replica)
        await self._tell_of_an_approval_before(decision.decision_id, moved)
        await self._end([decision])

    async def _tell_of_an_approval_before(self, decision_id: str, moved: Moved) -> None:
        """Record what befell an approval, should an earlier attempt have journaled one."""
        reason = ReasonCode.CHECK_FAILED
        if moved.state is DecisionState.WITHDRAWN:
            await self._endings.record(RecordKind.WITHDRAWAL, [(decision_id, reason)])
        elif moved.state is DecisionState.BEGUN:
            await self._endings.record(RecordKind.UNCONFIRMED, [(decision_id, reason)])

    async def _end(self, decisions: Sequence[Decision]) -> None:
        answered = [(one, one.answer) for one in decisions]
        self._endings.answer(answered, StepTimes())
        await self._endings.end(answered)

    def _denial(self, one: Draft) -> Decision:
        """Conclude without readings, which always denies."""
        return conclude_draft(
            one, None, holds=True, provenance=self._provenance, signal_template=""
        )
