"""From a line of the journal to a trace: the document in which a record is kept and found.

The record's own JSON text is kept untouched in ``record``, so that its bytes can be proven later;
beside it stands what is searched for, and nothing else: names and numbers of strangers never become
field names of the database. A line that is no record is kept aside with its bytes and the reason.
"""

from base64 import b64encode
from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import UTC, datetime

import orjson

from petrosa_cio.audit.record import RecordKind, record_id
from petrosa_cio.ports import JournalEntry
from petrosa_cio.risk.verdict import VerdictKind

Document = dict[str, object]


class _Unreadable(Exception):
    """Internal to this module: reading stops here with this sentence."""


def read_entries(entries: Iterable[JournalEntry]) -> tuple[list[Document], list[Document]]:
    """Return the traces of some entries, in journal order, and the lines that are unreadable.

    Of several records with one identity only the first is returned: the first verdict of a
    decision in journal order is *the* verdict.
    """
    traces: dict[object, Document] = {}
    unreadable: list[Document] = []
    for entry in entries:
        for index, line in enumerate(entry.records):
            try:
                trace = read_line(line, entry, index)
            except _Unreadable as error:
                unreadable.append(aside(line, str(error), _place(entry, index)))
            else:
                traces.setdefault(trace["_id"], trace)
    return list(traces.values()), unreadable


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
    found = _of_verdict(record) if kind == RecordKind.VERDICT else _of_later(record)
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
    """Return the document in which a line is kept that cannot be kept as a trace."""
    journaled_at, sequence = place["journaled_at"], place["journal_sequence"]
    return {
        # With the time, as a journal that was made anew counts from one again.
        "_id": f"{journaled_at}/{sequence}/{place['journal_index']}",
        "error": error[:1_024],
        "raw": b64encode(line).decode("ascii"),
        **place,
    }


def place_of(trace: Mapping[str, object]) -> Document:
    """Return where in the journal a trace stood."""
    return {key: trace[key] for key in ("journal_sequence", "journal_index", "journaled_at")}


def what_befell_approvals(later: Sequence[Document], verdicts: Mapping[str, str]) -> list[Document]:
    """Return what came after some verdicts, without what befell approvals that were none.

    A gate that must deny without the ledger cannot know whether an earlier attempt had approved: it
    writes its denial and, in case there was an approval, that it is unconfirmed. If the decision's
    verdict is a denial, there was none. Where the verdict is not known the record is kept.
    """
    return [
        trace
        for trace in later
        if trace["kind"] == RecordKind.CHANGE
        or verdicts.get(str(trace["decision_id"])) != VerdictKind.DENY
    ]


def portions(
    traces: Sequence[Document], *, max_traces: int, max_bytes: int
) -> Iterator[list[Document]]:
    """Split traces, in order, into portions of a bounded number and size."""
    part: list[Document] = []
    size = 0
    for trace in traces:
        length = len(str(trace["record"]))
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
        "journaled_at": entry.stored_at,
    }


def _of_verdict(record: Mapping[str, object]) -> Document:
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
        "verdict": kind,
        "codes": _codes(verdict),
        "policy_revision": revision if isinstance(revision, int) else None,
    }


def _of_later(record: Mapping[str, object]) -> Document:
    return {"at": _instant(record, "at"), "reason": _text(record, "reason")}


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
    return instant if instant.tzinfo else instant.replace(tzinfo=UTC)
