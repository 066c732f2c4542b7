"""What a found record tells besides what it is found by: read from its own JSON.

As an *event* it has the fields of a verdict as `cio watch` shows it, and its place in the chain.
"""

from collections.abc import Mapping
from typing import Any

import orjson

from petrosa_cio.errors import RecordUnreadable
from petrosa_cio.ports import StoredRecord
from petrosa_cio.risk.reasons import Reason

Fields = Mapping[str, Any]

_NOTHING: Fields = {}


def content_of(found: StoredRecord) -> Fields:
    """Return the record's own JSON; empty for what stands in the place of a poisoned line.

    Raises:
        RecordUnreadable: It is no JSON object.
    """
    if found.record is None:
        return _NOTHING
    try:
        content = orjson.loads(found.record)
    except orjson.JSONDecodeError as error:
        raise RecordUnreadable(found.seq, str(error)) from error
    if not isinstance(content, dict):
        raise RecordUnreadable(found.seq, "no JSON object")
    return content


def part(content: Fields, *path: str) -> Fields:
    """Return an object within a record; empty where there is none."""
    for name in path:
        below = content.get(name)
        content = below if isinstance(below, dict) else _NOTHING
    return content


def reasons_of(content: Fields) -> list[str]:
    """Return the reasons of a verdict in words, as ``CODE: name=value, ...``."""
    stated = part(content, "verdict").get("reasons")
    return [str(_reason(one)) for one in stated] if isinstance(stated, list) else []


def _reason(stated: object) -> object:
    """Return a reason; one that this version does not know is shown as it is stored."""
    try:
        return Reason(*stated)  # type: ignore[misc]  # lists, as `audit.record` writes them
    except TypeError:
        return stated


def event_of(found: StoredRecord) -> dict[str, object]:
    """Return a record for a program, in the words of `cio watch --json`.

    Besides them it has ``seq`` and ``hash``, and in ``record`` the record's own JSON as text, which
    `cio explain` and `cio replay` read. Raises RecordUnreadable.
    """
    content = content_of(found)
    verdict = part(content, "verdict")
    return {
        "seq": found.seq,
        "hash": found.hash,
        "kind": found.kind,
        "decision_id": found.decision_id,
        "at": found.at,
        "fund": found.fund,
        "mode": content.get("mode"),
        "strategy": found.strategy,
        "symbol": found.symbol,
        "action": found.action,
        "intent_id": found.intent_id,
        "trace_id": found.trace_id,
        "verdict": found.verdict,
        "codes": found.codes,
        "reasons": reasons_of(content),
        **{name: verdict.get(name) for name in _OF_VERDICT},
        "policy_revision": found.policy_revision,
        "reason": found.reason,
        "change": content.get("change"),
        "record": found.record,
    }


_OF_VERDICT = ("requested_quantity", "quantity", "price", "first_decision", "first_verdict")
