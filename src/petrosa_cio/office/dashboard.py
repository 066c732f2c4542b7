"""What the fleet's own dashboard asks for, in its words and fields."""

from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any, Final

from petrosa_cio.audit.found_record import content_of, reasons_of
from petrosa_cio.audit.gaps import Completeness, Gaps
from petrosa_cio.audit.recorded import read_recorded
from petrosa_cio.office.office import Status
from petrosa_cio.ports import StoredRecord
from petrosa_cio.risk.intent import Intent

MOST_DECISIONS: Final = 200


class Window(StrEnum):
    """How far back decisions are shown."""

    HOUR = "1h"
    SIX_HOURS = "6h"
    DAY = "24h"
    WEEK = "7d"
    MONTH = "30d"


SPANS: Final = {
    Window.HOUR: timedelta(hours=1),
    Window.SIX_HOURS: timedelta(hours=6),
    Window.DAY: timedelta(days=1),
    Window.WEEK: timedelta(days=7),
    Window.MONTH: timedelta(days=30),
}

ACTIONS: Final = {"approve": "execute", "reduce": "down_weight", "deny": "veto"}
"""A verdict in the words of the dashboard, which colours them."""

OBSERVED: Final = "skip"
"""What it shows of a verdict that was not enforced, as nothing followed from it."""


class Health(StrEnum):
    """How something is, in the words of the dashboard."""

    HEALTHY = "healthy"
    DEGRADED = "degraded"
    UNHEALTHY = "unhealthy"
    UNKNOWN = "unknown"


_OF_RECORD: Final = {
    Completeness.CLEAN: Health.HEALTHY,
    Completeness.GAPS: Health.UNHEALTHY,
    Completeness.NOT_CHECKED: Health.UNKNOWN,
}


def decision_fields(found: StoredRecord) -> dict[str, Any]:
    """Return a verdict as the dashboard shows it. Raises RecordUnreadable."""
    content = content_of(found)
    verdict, is_observed = str(found.verdict), content.get("mode") == "observe"
    wanted = " ".join(filter(None, (found.action, found.symbol))) or "what cannot be read"
    observed = ["observed only: nothing followed from it"] if is_observed else []
    return {
        "decision_id": found.decision_id,
        "strategy_id": found.strategy or "",
        "action": OBSERVED if is_observed else ACTIONS[verdict],
        "reasoning_trace": "\n".join((f"{wanted}: {verdict}", *observed, *reasons_of(content))),
        "confidence": _confidence(content),
        "timestamp": found.at,
        "verdict": verdict,
        "symbol": found.symbol,
    }


def _confidence(content: Mapping[str, Any]) -> float | None:
    """Return the confidence that the bot stated; None where it stated none that can be read."""
    try:
        intent = read_recorded(content).intent
    except ValueError:
        return None
    stated = intent.confidence if isinstance(intent, Intent) else None
    return None if stated is None else float(stated)


def subsystems(status: Status, gaps: Gaps) -> Iterator[dict[str, Any]]:
    """Yield how the gates and the record are, each with its own words for it."""
    gate = Health.UNHEALTHY if status.problems else Health.HEALTHY
    if gate is Health.HEALTHY and status.notes:
        gate = Health.DEGRADED
    fine = (f"{status.gates} gates decide",)
    yield _subsystem("gate", gate, gaps.at, status.problems or status.notes or fine)
    found = [f"{number} {kind}" for kind, number in gaps.open.items() if number]
    said = [one for one in (gaps.why_not_checked, *found) if one] or ["nothing is missing"]
    checked_at = gaps.books.checked_at if gaps.books else None
    yield _subsystem("record", _OF_RECORD[gaps.status], checked_at or gaps.at, said)


def _subsystem(name: str, health: Health, at: datetime, evidence: Sequence[str]) -> dict[str, Any]:
    return {
        "subsystem": name,
        "verdict": health,
        "last_tick_at": at,
        "evidence": "; ".join(evidence),
    }
