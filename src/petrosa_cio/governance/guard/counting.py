"""Counts the verdicts before and under a revision, as the journal has them.

Left out is what no policy has a part in: what people halted, what the ledger could not say, and
messages that are denied whatever the policy states. Else a halt after a change would look like it.
"""

from collections.abc import Iterable
from datetime import datetime
from typing import Any, Final

import msgspec
from msgspec import Struct

from petrosa_cio.audit.record import RecordKind
from petrosa_cio.governance.guard.judging import Bounds, Tally
from petrosa_cio.ports import JournalEntry, PolicyRevision
from petrosa_cio.risk.reasons import ReasonCode
from petrosa_cio.risk.verdict import VerdictKind

FAILED: Final = frozenset(
    {
        ReasonCode.CHECK_FAILED,
        ReasonCode.POLICY_MISSING,
        ReasonCode.POLICY_STALE,
        ReasonCode.POLICY_UNTRUSTED,
        ReasonCode.LIMIT_NOT_SET,
    }
)
"""Why a policy cannot be evaluated."""

WITHOUT_POLICY: Final = frozenset(
    {
        ReasonCode.INTENT_MALFORMED,
        ReasonCode.NOT_AN_ORDER,
        ReasonCode.QUANTITY_NOT_POSITIVE,
        ReasonCode.PRICE_NOT_POSITIVE,
        ReasonCode.CONFIDENCE_INVALID,
        ReasonCode.STOP_LOSS_WRONG_SIDE,
        ReasonCode.TAKE_PROFIT_WRONG_SIDE,
        ReasonCode.SEMANTIC_CONTRADICTION,
        ReasonCode.FUND_HALTED,
        ReasonCode.STRATEGY_HALTED,
        ReasonCode.SYMBOL_HALTED,
        ReasonCode.REDUCING_ONLY,
        ReasonCode.STRATEGY_NAME_COLLIDES,
        ReasonCode.INTENT_REPEATED,
        ReasonCode.INTENT_ID_REUSED,
        ReasonCode.LEDGER_UNAVAILABLE,
        ReasonCode.DEADLINE_EXCEEDED,
    }
)
"""Why a verdict denies whatever the policy states."""


class _Decision(Struct):
    now: datetime
    policy_revision: int | None


class _Verdict(Struct):
    kind: str
    reasons: list[list[Any]]


class _Line(Struct):
    kind: str
    fund: str
    decision: _Decision | None = None
    verdict: _Verdict | None = None


_LINES = msgspec.json.Decoder(_Line)


class Counted:
    """The verdicts around one revision, counted as they are read.

    Args:
        revision: The revision.
        bounds: How long it is watched.

    Attributes:
        before: Verdicts of as long a span before it, under whatever revision.
        after: Verdicts under it, while it is watched.
    """

    def __init__(self, revision: PolicyRevision, bounds: Bounds) -> None:
        self.before = Tally()
        self.after = Tally()
        self._revision = revision
        self._begins = revision.at - bounds.watched
        self._ends = revision.at + bounds.watched
        self._place = (self._begins, 0)

    @property
    def since(self) -> datetime:
        """From when on the journal has to be read: what was read before is not counted twice."""
        return self._place[0]

    def add(self, entry: JournalEntry) -> None:
        """Count what an entry of the journal holds, unless it was counted before."""
        place = entry.stored_at, entry.sequence
        if place > self._place:
            self._place = place
            self._add_lines(entry.records)

    def _add_lines(self, lines: Iterable[bytes]) -> None:
        for line in lines:
            try:
                read = _LINES.decode(line)
            except msgspec.DecodeError:
                continue  # the drain sets it aside
            is_verdict = read.kind == RecordKind.VERDICT and read.fund == self._revision.fund
            if is_verdict and read.decision is not None and read.verdict is not None:
                self._add(read.decision, read.verdict)

    def _add(self, decision: _Decision, verdict: _Verdict) -> None:
        codes = {str(one[0]) for one in verdict.reasons}
        failed = bool(codes & FAILED)
        tally = self._tally_of(decision, failed=failed)
        if tally is not None and (failed or not codes & WITHOUT_POLICY):
            tally.verdicts += 1
            tally.denied += verdict.kind == VerdictKind.DENY
            tally.failed += failed

    def _tally_of(self, decision: _Decision, *, failed: bool) -> Tally | None:
        """Return where a verdict counts; one without a policy that works counts by its time."""
        number, at = decision.policy_revision, decision.now
        if self._revision.at <= at < self._ends:
            is_of_it = number == self._revision.revision or failed
            return self.after if is_of_it else None
        return self.before if self._begins <= at < self._revision.at else None
