"""What is told of a shadow to programs, as fields: the same by every way."""

from typing import Any

from petrosa_cio.governance.shadow import Ended, Seen, Started
from petrosa_cio.office.shown import comparison_fields
from petrosa_cio.office.what_if import flips_object
from petrosa_cio.ports import Shadow


def shadow_fields(shadow: Shadow) -> dict[str, Any]:
    """Return a shadow for JSON."""
    return {
        "shadow": shadow.number,
        "shadow_id": shadow.shadow_id,
        "parent": shadow.parent,
        "author": shadow.author,
        "role": shadow.role,
        "at": shadow.at,
        "ends_at": shadow.ends_at,
        "thought": shadow.thought,
    }


def started_fields(started: Started) -> dict[str, Any]:
    """Return a shadow that was started, and what it would change, for JSON."""
    more = {
        "findings": [str(one) for one in started.findings],
        "is_recorded": started.unrecorded is None,
    }
    return shadow_fields(started.shadow) | comparison_fields(started.comparison) | more


def ended_fields(ended: Ended) -> dict[str, Any]:
    """Return a shadow that was dropped, for JSON."""
    more = {"stage": "dropped", "is_recorded": ended.unrecorded is None}
    return shadow_fields(ended.shadow) | more


def seen_fields(seen: Seen) -> dict[str, Any]:
    """Return a shadow and what it found, for JSON."""
    ending, report = seen.ending, seen.report
    return shadow_fields(seen.shadow) | {
        "stage": seen.stage,
        "ended_at": ending.at if ending else None,
        "ended_by": ending.author if ending else None,
        "became": ending.became if ending else None,
        "trouble": seen.trouble,
        "behind_records": seen.behind,
        "looked_until": report.until,
        "is_complete": report.is_complete,
        "errors": dict(report.errors),
        "report": flips_object(report.findings),
    }
