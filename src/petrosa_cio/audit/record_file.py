"""Records in a file: one, or one a line, as the journal has them or as MongoDB keeps them."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

import orjson

from petrosa_cio.audit.record import RecordKind
from petrosa_cio.audit.trace import AFTER_APPROVAL


@dataclass(frozen=True, slots=True)
class RecordFile:
    """What a file holds.

    Attributes:
        verdicts: Records of verdicts, in their order.
        changes: Records of changes by their identity.
        later: Records of what became of verdicts afterwards, in their order.
    """

    verdicts: list[bytes] = field(default_factory=list)
    changes: dict[str, bytes] = field(default_factory=dict)
    later: list[bytes] = field(default_factory=list)

    async def change(self, change_id: str) -> bytes | None:
        """Return the record of a change by its identity, or None."""
        return self.changes.get(change_id)


def read_record_file(content: bytes) -> RecordFile:
    """Return the records in a file; of what is no record nothing is kept.

    Where a file is written over several lines for people, its record is read as if it stood on one.

    Raises:
        ValueError: It is not JSON, or holds something else than objects.
    """
    found = RecordFile()
    for written, message in _messages(content):
        if not isinstance(message, dict):
            raise ValueError("it holds something else than records")
        line, record = _record_in(message) if message.get("record") else (written, message)
        if record.get("kind") == RecordKind.VERDICT:
            found.verdicts.append(line)
        elif record.get("kind") == RecordKind.CHANGE:
            found.changes[str(record.get("decision_id"))] = line
        elif record.get("kind") in AFTER_APPROVAL:
            found.later.append(line)
    return found


def _record_in(trace: Mapping[str, Any]) -> tuple[bytes, dict[str, Any]]:
    """Return the record that a trace of MongoDB keeps as text."""
    record = orjson.loads(trace["record"])
    if not isinstance(record, dict):
        raise ValueError("a trace holds no record")
    return str(trace["record"]).encode(), record


def _messages(content: bytes) -> Iterator[tuple[bytes, Any]]:
    try:
        whole = orjson.loads(content)
    except orjson.JSONDecodeError:
        for line in content.splitlines():
            if line.strip():
                yield line.strip(), orjson.loads(line)
    else:
        yield orjson.dumps(whole), whole
