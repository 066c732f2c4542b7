"""How complete the record is, for programs."""

from collections.abc import Mapping

from petrosa_cio.audit.findings import Document
from petrosa_cio.audit.gaps import Gaps


def gaps_fields(found: Gaps, shown: Mapping[str, list[Document]]) -> dict[str, object]:
    """Return what is known, for a program."""
    books = found.books
    return {
        "status": found.status,
        "not_checked": found.why_not_checked,
        "gaps": found.number,
        "open": dict(found.open),
        "since": found.since,
        "examples": {kind: [_example(one) for one in some] for kind, some in shown.items()},
        "checked_until": books and books.checked_until,
        "counted_since": books and books.since,
        "counts": None if books is None else {**books.counts, "sent": books.sent},
        "awaited": None if books is None else books.awaited,
    }


def _example(one: Document) -> dict[str, object]:
    return {key: one[key] for key in ("decision_id", "at", "found_at", "detail")}
