"""Records as gates write them, short to ask for."""

from collections.abc import Sequence
from datetime import UTC, datetime
from decimal import Decimal
from typing import Protocol
from uuid import uuid4

from petrosa_cio.audit.chain import GENESIS, Document, chained
from petrosa_cio.audit.record import (
    Decided,
    Deciding,
    DecisionParts,
    Provenance,
    RecordKind,
    Source,
    later_record,
    verdict_record,
)
from petrosa_cio.audit.trace import read_entries
from petrosa_cio.ports import Appended, Head, JournalEntry
from petrosa_cio.risk.in_force import InForce
from petrosa_cio.risk.intent import Action, Intent
from petrosa_cio.risk.limits import LimitSet
from petrosa_cio.risk.parse import Malformed
from petrosa_cio.risk.reasons import Reason, ReasonCode
from petrosa_cio.risk.snapshot import Snapshot
from petrosa_cio.risk.verdict import Assessment, Verdict, VerdictKind

NOON = datetime(2026, 11, 23, 12, tzinfo=UTC)
DECIDING = Deciding("0.1.0", 65_536)
PROVENANCE = Provenance("main", "gate-1", "enforce", "0.1.0", "2026a")
INTENT = Intent("momentum", "momentum", "BTCUSDT", Action.BUY, stated_id="i-1")
UNCAUGHT = Source("intent.trading.momentum", {}, b"{}", "", 0, 0, NOON)


class Appendable(Protocol):
    """A record that can be continued."""

    async def head(self) -> Head | None: ...

    async def append(self, traces: Sequence[Document]) -> Appended: ...


async def keep(record: Appendable, *lines: bytes, at: datetime) -> None:
    """Continue a record by these lines, as if all of them had been journaled at a moment."""
    found = read_entries(entries(*([line] for line in lines))).traces
    head = await record.head() or GENESIS
    dated = [trace | {"at": at, "journaled_at": at} for trace in found]
    assert await record.append(chained(head, dated)) == Appended(len(found))


def verdict_line(
    decision_id: str | None = None,
    kind: VerdictKind = VerdictKind.APPROVE,
    *codes: ReasonCode,
    intent: Intent | Malformed = INTENT,
) -> bytes:
    """Return the record of a verdict."""
    reasons = tuple(Reason(code) for code in codes)
    assessment = Assessment(reasons)
    snapshot = Snapshot(NOON, None, InForce(LimitSet(), {}))
    part = DecisionParts(snapshot, DECIDING).of(intent, assessment)
    decided = Decided(decision_id or uuid4().hex, UNCAUGHT, intent, part, None, "")
    verdict = Verdict(kind, reasons, Decimal("0.5"))
    return verdict_record(decided, readings=None, verdict=verdict, provenance=PROVENANCE)


def later_line(
    decision_id: str, kind: RecordKind = RecordKind.WITHDRAWAL, reason: str = "FUND_HALTED"
) -> bytes:
    """Return the record of what became of a verdict."""
    return later_record(kind, decision_id, at=NOON, reason=reason, provenance=PROVENANCE)


def entry(*lines: bytes, sequence: int = 1) -> JournalEntry:
    """Return some lines as one entry of the journal."""
    return JournalEntry(sequence, NOON, tuple(lines), "")


def entries(*batches: Sequence[bytes]) -> list[JournalEntry]:
    """Return batches of lines as the first entries of a journal."""
    return [entry(*lines, sequence=number) for number, lines in enumerate(batches, 1)]
