"""From a line of the journal to a trace: the document in which a record is kept and found.

The record's own JSON text is kept untouched in ``record``, so that its bytes can be proven later;
beside it stands what is searched for, and nothing else: names and numbers of strangers never become
field names of the database. A line that cannot be kept so is *poisoned*: its bytes are set aside,
and in its place stands a trace that names their hash, their number and what is wrong with them.
"""

from base64 import b64encode
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from hashlib import sha256

import orjson

from petrosa_cio.audit.chain import Document, whole_ms
from petrosa_cio.audit.record import RecordKind, record_id
from petrosa_cio.ports import JournalEntry
from petrosa_cio.risk.verdict import VerdictKind
from petrosa_cio.telemetry.trace_context import context_of

POISONED = "poisoned"
"""Kind of the trace that stands in the place of a record that cannot be kept."""

KEPT_OF_POISONED = 8_388_608
"""Bytes that are set aside of a poisoned line; base64 of them fits into one document."""

LONGEST_ERROR = 1_024
LONGEST_ID = 256

AFTER_APPROVAL = frozenset({RecordKind.WITHDRAWAL, RecordKind.UNDELIVERED, RecordKind.UNCONFIRMED})
"""What can befall an approval, and nothing else."""


class _Unreadable(Exception):
    """Internal to this module: reading stops here with this sentence."""


@dataclass(frozen=True, slots=True)
class Read:
    """What some entries hold.

    Attributes:
        traces: What becomes a link of the chain, in journal order.
        aside: The poisoned lines, as they are set aside.
    """

    traces: list[Document]
    aside: list[Document]


def read_entries(entries: Iterable[JournalEntry]) -> Read:
    """Return what some entries hold, in journal order.

    Of several records with one identity only the first is returned: the first verdict of a
    decision in journal order is *the* verdict.
    """
    traces: dict[object, Document] = {}
    poisoned: list[Document] = []
    for entry in entries:
        for index, line in enumerate(entry.records):
            try:
                trace = read_line(line, entry, index)
            except _Unreadable as error:
                place = _place(entry, index)
                poisoned.append(aside(line, str(error), place))
                trace = instead(line, str(error), place)
            traces.setdefault(trace["_id"], trace)
    return Read(list(traces.values()), poisoned)


def read_line(line: bytes, entry: JournalEntry, index: int) -> Document:
    """Return the trace of one line of an entry."""
    try:
        record = orjson.loads(line)
    except orjson.JSONDecodeError as error:
        raise _Unreadable(f"not JSON: {error}") from error
    if not isinstance(record, dict):
        raise _Unreadable("not a JSON object")
    kind, decision_id = _text(record, "kind"), _text(record, "decision_id")
    if not kind or not decision_id:
        raise _Unreadable("no kind or no decision_id")
    match kind:
        case RecordKind.VERDICT:
            found = _of_verdict(record, decision_id)
        case RecordKind.CHANGE:
            found = _of_change(record)
        case _:
            found = _of_later(record)
    return {
        "_id": record_id(record),
        "kind": kind,
        "decision_id": decision_id,
        "fund": _text(record, "fund"),
        **found,
        **_place(entry, index),
        "record": line.decode("utf-8"),
    }


def aside(line: bytes, error: str, place: Mapping[str, object]) -> Document:
    """Return the document in which a poisoned line is set aside."""
    return {
        "_id": place_name(place),
        "error": error[:LONGEST_ERROR],
        "raw": b64encode(line[:KEPT_OF_POISONED]).decode("ascii"),
        **_measured(line),
        **place,
    }


def instead(
    line: bytes, error: str, place: Mapping[str, object], trace: Mapping[str, object] | None = None
) -> Document:
    """Return the trace that stands in the place of a poisoned line.

    Args:
        line: The line.
        error: What is wrong with it.
        place: Where in the journal it stood.
        trace: The trace that could not be stored, if the line could be read. Its identity is kept,
            so that a later verdict of the same decision does not become the first.
    """
    named = trace is not None and len(str(trace["_id"])) <= LONGEST_ID
    decision_id = trace["decision_id"] if trace is not None and named else None
    return {
        "_id": trace["_id"] if trace is not None and named else place_name(place),
        "kind": POISONED,
        "decision_id": decision_id,
        "at": place["journaled_at"],
        "aside": place_name(place),
        "error": error[:LONGEST_ERROR],
        **_measured(line),
        **place,
    }


def place_name(place: Mapping[str, object]) -> str:
    """Return a name for a place, with its time: a journal made anew counts from one again."""
    return f"{place['journaled_at']}/{place['journal_sequence']}/{place['journal_index']}"


def place_of(trace: Mapping[str, object]) -> Document:
    """Return where in the journal a trace stood."""
    return {key: trace[key] for key in ("journal_sequence", "journal_index", "journaled_at")}


def after_approvals(traces: Iterable[Document]) -> list[str]:
    """Return the decisions of which traces tell what befell an approval."""
    return [str(one["decision_id"]) for one in traces if one["kind"] in AFTER_APPROVAL]


def what_befell_approvals(
    traces: Sequence[Document], verdicts: Mapping[str, str]
) -> list[Document]:
    """Return traces without what befell approvals that were none.

    A gate that must deny without the ledger cannot know whether an earlier attempt had approved: it
    writes its denial and, in case there was an approval, that it is unconfirmed. If the decision's
    verdict is a denial, there was none. Where the verdict is not known the record is kept.

    Args:
        traces: In journal order.
        verdicts: What was decided before them, by decision.
    """
    known, kept = dict(verdicts), []
    for trace in traces:
        decision_id = str(trace["decision_id"])
        if trace["kind"] == RecordKind.VERDICT:
            known.setdefault(decision_id, str(trace["verdict"]))
        elif trace["kind"] in AFTER_APPROVAL and known.get(decision_id) == VerdictKind.DENY:
            continue
        kept.append(trace)
    return kept


def portions(
    traces: Sequence[Document], *, max_traces: int, max_bytes: int
) -> Iterator[list[Document]]:
    """Split traces, in order, into portions of a bounded number and size."""
    part: list[Document] = []
    size = 0
    for trace in traces:
        length = len(str(trace.get("record", "")))
        if part and (len(part) == max_traces or size + length > max_bytes):
            yield part
            part, size = [], 0
        part.append(trace)
        size += length
    if part:
        yield part


# --- parts ----------------------------------------------------------------------------------------


def _place(entry: JournalEntry, index: int) -> Document:
    return {
        "journal_sequence": entry.sequence,
        "journal_index": index,
        "journaled_at": whole_ms(entry.stored_at),
    }


def _of_verdict(record: Mapping[str, object], decision_id: str) -> Document:
    intent, decision = _object(record, "intent"), _object(record, "decision")
    verdict = _object(record, "verdict")
    kind, revision = _text(verdict, "kind"), decision.get("policy_revision")
    if kind is None:
        raise _Unreadable("verdict has no kind")
    return {
        "at": _instant(decision, "now"),
        "strategy": _text(intent, "strategy"),
        "symbol": _text(intent, "symbol"),
        "action": _text(intent, "action"),
        "stated_id": _text(intent, "stated_id"),
        "trace_id": context_of(decision_id, _text(intent, "traceparent")).trace_id,
        "verdict": kind,
        "codes": _codes(verdict),
        "policy_revision": revision if isinstance(revision, int) else None,
    }


def _measured(line: bytes) -> Document:
    return {"sha256": sha256(line).hexdigest(), "bytes": len(line)}


def _of_later(record: Mapping[str, object]) -> Document:
    return {"at": _instant(record, "at"), "reason": _text(record, "reason")}


def _of_change(record: Mapping[str, object]) -> Document:
    change = _object(record, "change")
    told = {name: _text(change, name) for name in ("subject", "scope", "author")}
    return {"at": _instant(record, "at"), **told, "thought": _text(change, "reason")}


def _codes(verdict: Mapping[str, object]) -> list[str]:
    """Return the reason codes; each reason is a list that begins with its code."""
    reasons = verdict.get("reasons")
    if not isinstance(reasons, list) or not all(isinstance(one, list) and one for one in reasons):
        raise _Unreadable("reasons are not lists")
    return [str(one[0]) for one in reasons]


def _object(record: Mapping[str, object], key: str) -> Mapping[str, object]:
    value = record.get(key)
    if not isinstance(value, dict):
        raise _Unreadable(f"{key} is not an object")
    return value


def _text(record: Mapping[str, object], key: str) -> str | None:
    value = record.get(key)
    if value is not None and not isinstance(value, str):
        raise _Unreadable(f"{key} is not text")
    return value


def _instant(record: Mapping[str, object], key: str) -> datetime:
    try:
        instant = datetime.fromisoformat(_text(record, key) or "")
    except ValueError as error:
        raise _Unreadable(f"{key} is not an ISO-8601 instant") from error
    return whole_ms(instant if instant.tzinfo else instant.replace(tzinfo=UTC))
