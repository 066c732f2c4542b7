"""What somebody should look at: open findings about the record, and what the guard did."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Final

from petrosa_cio.audit.findings import MEANINGS, Document, FindingKind
from petrosa_cio.errors import QueryRejected
from petrosa_cio.governance.guard.alert import KIND

ALERT_KINDS: Final = (*map(str, FindingKind), KIND)
"""Every kind of alert: the findings about the record, and ``policy_guard``."""

_GUARD = "a new revision of the policy was out of bounds"


def alert_fields(one: Mapping[str, Any]) -> dict[str, Any]:
    """Return an alert for JSON."""
    kind = str(one["kind"])
    return {
        "kind": kind,
        "meaning": _GUARD if kind == KIND else MEANINGS[FindingKind(kind)],
        **{name: one[name] for name in ("decision_id", "at", "found_at", "detail")},
    }


def kinds_of(stated: Sequence[str]) -> Sequence[str]:
    """Return the kinds that are meant; all where none is stated. Raises QueryRejected."""
    known = ", ".join(ALERT_KINDS)
    problems = [
        f"kind: expected one of {known}, was {one!r}" for one in stated if one not in ALERT_KINDS
    ]
    if problems:
        raise QueryRejected(problems)
    return stated or ALERT_KINDS


def newest_first(found: Iterable[Document]) -> list[dict[str, Any]]:
    """Return alerts for JSON, the newest first."""
    shown = [alert_fields(one) for one in found]
    return sorted(shown, key=lambda one: one["found_at"], reverse=True)
