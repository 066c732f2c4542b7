"""What the journal tells of decisions, as far as completeness asks: who, what and where."""

from collections.abc import Iterable, Iterator, Mapping
from datetime import datetime
from typing import Any

import orjson
from msgspec import Struct

from petrosa_cio.audit.record import RecordKind
from petrosa_cio.ports import JournalPlace, Stored
from petrosa_cio.risk.verdict import VerdictKind

APPROVALS = frozenset({VerdictKind.APPROVE, VerdictKind.REDUCE})
AFTERWARDS = frozenset({RecordKind.WITHDRAWAL, RecordKind.UNDELIVERED, RecordKind.UNCONFIRMED})
"""What can be told of an approval after its verdict."""


Captured = tuple[int, int]
"""Where an intent stood: when its stream was made, in nanoseconds, and its sequence there."""


class Told(Struct, frozen=True, gc=False):
    """One line of the journal about a decision.

    Attributes:
        decision_id: The decision.
        kind: ``verdict``, or what became of one.
        verdict: ``approve``, ``reduce`` or ``deny``; empty for what came after one.
        quantity: The approved quantity as exact text; empty where there is none.
        sends: Whether an approval leads to a signal: not in observe mode.
        captured: Where the intent stood; None where it was asked at the door.
        place: Where it stands.
        at: When it was journaled.
    """

    decision_id: str
    kind: str
    verdict: str
    quantity: str
    sends: bool
    captured: Captured | None
    place: JournalPlace
    at: datetime


def read_told(entries: Iterable[Stored], separator: bytes = b"\n") -> Iterator[Told]:
    """Iterate over what some journal messages tell of decisions.

    Lines that are no records, which the drain keeps aside, and changes of what governs are passed
    by.
    """
    for entry in entries:
        for index, line in enumerate(entry.body.split(separator)):
            told = _told(line, (entry.sequence, index), entry.stored_at)
            if told is not None:
                yield told


def _told(line: bytes, place: JournalPlace, at: datetime) -> Told | None:
    try:
        record = orjson.loads(line)
        kind, decision_id = record["kind"], record["decision_id"]
        if kind in AFTERWARDS:
            return Told(str(decision_id), kind, "", "", False, None, place, at)
        if kind != RecordKind.VERDICT:
            return None
        verdict = record["verdict"]
        return Told(
            decision_id=str(decision_id),
            kind=kind,
            verdict=str(verdict["kind"]),
            quantity=str(verdict["quantity"] or ""),
            sends=record["mode"] == "enforce" and verdict["kind"] in APPROVALS,
            captured=_captured(record["source"]),
            place=place,
            at=at,
        )
    except (orjson.JSONDecodeError, KeyError, TypeError):
        return None


def _captured(source: Mapping[str, Any]) -> Captured | None:
    return (source["stream_created_ns"], source["sequence"]) if source["stream"] else None
