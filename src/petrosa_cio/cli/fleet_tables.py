"""How the neighbours' settings look on a terminal, and as JSON."""

from collections.abc import Mapping, Sequence
from decimal import Decimal
from typing import Any

import orjson
from rich.markup import escape
from rich.table import Table

from petrosa_cio.cli.showing import err, out
from petrosa_cio.fleet.analysis import Analysis
from petrosa_cio.fleet.neighbour import PastChange, Reading
from petrosa_cio.fleet.setting_facts import SettingFacts
from petrosa_cio.governance.fleet_configuration import Asked, Discovered
from petrosa_cio.governance.fleet_judgement import Judged
from petrosa_cio.governance.fleet_outcome import MEANINGS, Effect, Report
from petrosa_cio.governance.fleet_proposals import Waiting

GOOD = {Effect.APPLIED: "green", Effect.STORED_UNREAD: "yellow"}


def print_json(said: object) -> None:
    """Print something for a program; exact decimals as text."""
    out.print_json(orjson.dumps(said, default=str).decode())


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


def show_discovered(found: Sequence[Discovered]) -> None:
    """Show what can be set, by neighbour."""
    for one in found:
        if one.problem is not None:
            err.print(f"[yellow]{one.neighbour}[/]: {escape(one.problem)}")
            continue
        table = Table("target", "what it is", "settings", title=one.neighbour, title_justify="left")
        for offer in one.offers:
            names = ", ".join(
                f"{name} (not known)" if name in offer.unknown else name for name in offer.settings
            )
            table.add_row(str(offer.target), escape(offer.title), escape(names))
        out.print(table)


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


def show_reading(reading: Reading, facts: Mapping[str, SettingFacts]) -> None:
    """Show the settings of a target with what is known of them."""
    title = f"{reading.target} (source: {reading.source or 'not stated'})"
    table = Table("setting", "value", "unit", "which way", "reaches", title=escape(title))
    for name, value in reading.settings.items():
        known = facts.get(name)
        told = (known.unit, known.direction, known.reach) if known else ("", "not known", "")
        table.add_row(*map(escape, (name, str(value), *told)))
    out.print(table)
    for note in reading.notes:
        err.print(escape(note), style="dim")


def show_history(found: Sequence[PastChange]) -> None:
    """Show the changes that a neighbour remembers."""
    table = Table("change", "version", "when", "what", "by", "after", "why")
    for one in found:
        version = "" if one.version is None else str(one.version)
        after = "not stated" if one.after is None else _pairs(one.after)
        cells = (one.change_id, version, one.at, one.action, one.changed_by, after, one.reason)
        table.add_row(*map(escape, cells))
    out.print(table)


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


def show_asked(asked: Asked) -> None:
    """Show what became of a change."""
    table = Table("setting", "from", "to", "is")
    for one in asked.judged:
        table.add_row(*map(escape, (one.name, str(one.old), str(one.new), one.change)))
    out.print(table)
    if asked.report is not None:
        show_report(asked.report)
    if asked.proposal is not None:
        name = asked.proposal.proposal_id[:12]
        out.print(
            f"It may loosen, so it waits for people: `cio fleet approve {name}`, then "
            f"`cio fleet apply {name}`. Nothing was sent."
        )
    if asked.unrecorded:
        err.print(f"[yellow]The proposal could not be recorded: {escape(asked.unrecorded)}[/]")


def show_report(report: Report) -> None:
    """Show what a change achieved."""
    colour = GOOD.get(report.effect, "red")
    out.print(f"[{colour}]{report.effect}[/]: {MEANINGS[report.effect]}.")
    for sentence in report.why:
        out.print(f"  {escape(sentence)}.")
    if report.retry_after_s is not None:
        out.print(f"  It may be asked again in {report.retry_after_s} s.")
    if report.unrecorded:
        err.print(f"[yellow]The outcome could not be recorded: {escape(report.unrecorded)}[/]")


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


def show_waiting(found: Sequence[Waiting]) -> None:
    """Show proposals and where they stand."""
    table = Table("proposal", "target", "settings", "by", "stage", "behind it")
    for one in found:
        stage = "used" if one.is_used else one.standing.stage
        behind = ", ".join(one.standing.behind)
        cells = (
            one.proposal.proposal_id[:12],
            str(one.content.target),
            _pairs(one.content.settings),
            one.proposal.author,
            stage,
            behind,
        )
        table.add_row(*map(escape, cells))
    out.print(table)


def analysis_fields(found: Analysis) -> dict[str, Any]:
    """Return what the data-manager says, for a program."""
    return {
        "subject": found.subject,
        "about": found.about,
        "values": found.values,
        "at": found.at,
        "notes": found.notes,
    }


def _pairs(settings: Mapping[str, object]) -> str:
    return ", ".join(f"{name}={_plain(value)}" for name, value in settings.items())


def _plain(value: object) -> str:
    return f"{value:f}" if isinstance(value, Decimal) else str(value)
