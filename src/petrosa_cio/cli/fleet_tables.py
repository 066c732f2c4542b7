"""How the neighbours' settings look on a terminal, and as JSON."""

from collections.abc import Mapping, Sequence
from decimal import Decimal

from rich.markup import escape
from rich.table import Table

from petrosa_cio.cli.showing import err, out
from petrosa_cio.fleet.neighbour import PastChange, Reading
from petrosa_cio.fleet.setting_facts import SettingFacts
from petrosa_cio.governance.fleet_configuration import Asked, Discovered
from petrosa_cio.governance.fleet_outcome import MEANINGS, Effect, Report
from petrosa_cio.governance.fleet_proposals import Waiting

GOOD = {Effect.APPLIED: "green", Effect.STORED_UNREAD: "yellow"}


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


def _pairs(settings: Mapping[str, object]) -> str:
    return ", ".join(f"{name}={_plain(value)}" for name, value in settings.items())


def _plain(value: object) -> str:
    return f"{value:f}" if isinstance(value, Decimal) else str(value)
