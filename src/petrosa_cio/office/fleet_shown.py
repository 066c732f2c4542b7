"""What is told of the neighbours' settings to programs, as fields: the same by every way."""

from collections.abc import Mapping
from decimal import Decimal
from math import isfinite
from typing import Any

from petrosa_cio.errors import SettingRejected
from petrosa_cio.fleet.analysis import Analysis
from petrosa_cio.fleet.neighbour import PastChange, Reading
from petrosa_cio.fleet.setting_facts import SettingFacts
from petrosa_cio.governance.fleet_configuration import Asked, Discovered
from petrosa_cio.governance.fleet_judgement import Judged
from petrosa_cio.governance.fleet_outcome import MEANINGS, Report
from petrosa_cio.governance.fleet_proposals import Waiting


def facts_fields(facts: SettingFacts | None) -> dict[str, Any] | None:
    """Return what is known of a setting, for a program."""
    if facts is None:
        return None
    return {
        "kind": facts.kind,
        "unit": facts.unit,
        "meaning": facts.meaning,
        "direction": facts.direction,
        "reach": facts.reach,
        "default": facts.default,
        "least": facts.least,
        "most": facts.most,
        "among": facts.among,
        "when_to_change": facts.when_to_change,
    }


def discovered_fields(found: Discovered) -> dict[str, Any]:
    """Return what can be set at a neighbour, for a program."""
    return {
        "neighbour": found.neighbour,
        "problem": found.problem,
        "offers": [
            {
                "target": str(one.target),
                "title": one.title,
                "settings": one.settings,
                "unknown": one.unknown,
            }
            for one in found.offers
        ],
    }


def reading_fields(reading: Reading, facts: Mapping[str, SettingFacts]) -> dict[str, Any]:
    """Return the settings of a target with what is known of them, for a program."""
    return {
        "target": str(reading.target),
        "source": reading.source,
        "version": reading.version,
        "notes": reading.notes,
        "settings": {
            name: {"value": value, "facts": facts_fields(facts.get(name))}
            for name, value in reading.settings.items()
        },
    }


def history_fields(one: PastChange) -> dict[str, Any]:
    """Return one remembered change, for a program."""
    return {name: getattr(one, name) for name in PastChange.__dataclass_fields__}


def asked_fields(asked: Asked) -> dict[str, Any]:
    """Return what became of a change, for a program."""
    return {
        "change": asked.change,
        "settings": [_judged_fields(one) for one in asked.judged],
        "report": None if asked.report is None else report_fields(asked.report),
        "proposal": None if asked.proposal is None else asked.proposal.proposal_id,
        "unrecorded": asked.unrecorded,
    }


def _judged_fields(one: Judged) -> dict[str, Any]:
    return {"name": one.name, "old": one.old, "new": one.new, "change": one.change}


def report_fields(report: Report) -> dict[str, Any]:
    """Return what a change achieved, for a program."""
    return {
        "change_id": report.change_id,
        "target": str(report.target),
        "effect": report.effect,
        "meaning": MEANINGS[report.effect],
        "asked": report.asked,
        "seen": report.seen,
        "why": report.why,
        "retry_after_s": report.retry_after_s,
        "unrecorded": report.unrecorded,
    }


def waiting_fields(one: Waiting) -> dict[str, Any]:
    """Return a proposal and where it stands, for a program."""
    return {
        "proposal": one.proposal.proposal_id,
        "target": str(one.content.target),
        "settings": one.content.settings,
        "before": one.content.before,
        "author": one.proposal.author,
        "role": one.proposal.role,
        "thought": one.proposal.thought,
        "stage": "used" if one.is_used else one.standing.stage,
        "behind": one.standing.behind,
        "expires_at": one.proposal.expires_at,
    }


def analysis_fields(found: Analysis) -> dict[str, Any]:
    """Return what the data-manager says, for a program."""
    return {
        "subject": found.subject,
        "about": found.about,
        "values": found.values,
        "at": found.at,
        "notes": found.notes,
    }


def exact_values(stated: Mapping[str, Any]) -> dict[str, Any]:
    """Return settings as a program stated them, their numbers exact. Raises SettingRejected."""
    return {name: _exact(name, value) for name, value in stated.items()}


def _exact(name: str, value: Any) -> Any:
    if isinstance(value, float):
        if not isfinite(value):
            raise SettingRejected([f"{name}: expected a number that ends"])
        return Decimal(repr(value))
    if isinstance(value, list):
        return [_exact(name, one) for one in value]
    if isinstance(value, dict):
        return {inner: _exact(name, one) for inner, one in value.items()}
    return value
