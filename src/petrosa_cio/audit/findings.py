"""What can be wrong with the completeness of the record, and how it is kept.

A finding is kept once, whoever finds it and however often: its identity says what it is about.
Findings are inserted and never changed; where one ceases to be true, a second document says so.
"""

from collections.abc import Mapping
from datetime import datetime
from enum import StrEnum

from msgspec import Struct

from petrosa_cio.ports import OVER

Document = dict[str, object]


class FindingKind(StrEnum):
    """What is wrong."""

    NO_VERDICT = "no_verdict"
    VERDICT_NOT_STORED = "verdict_not_stored"
    VERDICTS_CONTRADICT = "verdicts_contradict"
    UNCONFIRMED = "unconfirmed"
    UNACKNOWLEDGED = "unacknowledged"
    EXECUTED_WITHOUT_APPROVAL = "executed_without_approval"
    ROGUE_SIGNAL = "rogue_signal"
    NOT_CHECKED = "not_checked"
    UNDELIVERED = "undelivered"


MEANINGS: Mapping[FindingKind, str] = {
    FindingKind.NO_VERDICT: "a captured intent has no verdict in the record",
    FindingKind.VERDICT_NOT_STORED: "a verdict was journaled and is not in the record",
    FindingKind.VERDICTS_CONTRADICT: "a decision has two different verdicts, and nothing says why",
    FindingKind.UNCONFIRMED: "nobody knows whether the signal was sent",
    FindingKind.UNACKNOWLEDGED: "the order engine says nothing of a signal that was sent",
    FindingKind.EXECUTED_WITHOUT_APPROVAL: "the order engine acted on what was not approved",
    FindingKind.ROGUE_SIGNAL: "a signal carries no verdict of ours, or is not as it was signed off",
    FindingKind.NOT_CHECKED: "messages were gone before they could be checked",
    FindingKind.UNDELIVERED: "a signal reached nobody; its reservation was released",
}
"""A sentence for each."""

GAPS = frozenset(FindingKind) - {FindingKind.UNDELIVERED}
"""The kinds that leave a question open. An undelivered signal is a known end."""


class Finding(Struct, frozen=True):
    """One thing that is wrong.

    Attributes:
        kind: What is wrong.
        about: What it is about: a decision, or a fingerprint.
        at: When it happened.
        detail: What else is known, as text and numbers.
        decision_id: The decision, where there is one.
    """

    kind: FindingKind
    about: str
    at: datetime
    detail: Mapping[str, str | int] = {}
    decision_id: str | None = None


def finding_id(fund: str, kind: FindingKind, about: str) -> str:
    """Return the identity of a finding in its store."""
    return f"{fund}:{kind}:{about}"


def finding_document(finding: Finding, *, fund: str, found_at: datetime) -> Document:
    """Return the document in which a finding is kept."""
    return {
        "_id": finding_id(fund, finding.kind, finding.about),
        "fund": fund,
        "kind": finding.kind,
        "decision_id": finding.decision_id,
        "at": finding.at,
        "found_at": found_at,
        "detail": dict(finding.detail),
    }


def over_document(kept: Mapping[str, object], *, why: str, found_at: datetime) -> Document:
    """Return the document that says that a kept finding is over.

    It has the time of the finding too, so that those still open in a span are a difference of two
    counts.
    """
    return {
        "_id": f"{kept['_id']}:{OVER}",
        "fund": kept["fund"],
        "kind": OVER,
        "of": kept["kind"],
        "ends": kept["_id"],
        "decision_id": kept["decision_id"],
        "began_at": kept["found_at"],
        "found_at": found_at,
        "detail": {"why": why},
    }
