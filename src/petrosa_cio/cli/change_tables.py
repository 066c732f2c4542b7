"""What a change of policy does, and what waits for approval, as tables for people and as JSON."""

from collections.abc import Sequence

from rich.box import SIMPLE_HEAD
from rich.markup import escape
from rich.table import Table
from rich.text import Text

from petrosa_cio.cli.showing import err, out, print_json
from petrosa_cio.cli.switches import show_unrecorded
from petrosa_cio.cli.what_if_summary import show_what_if_of
from petrosa_cio.governance.lifecycle import Considered, Outcome
from petrosa_cio.office.shown import outcome_fields, value_in_words
from petrosa_cio.ports import PolicyRevision
from petrosa_cio.risk.compare import Comparison, FieldChange
from petrosa_cio.risk.limit_kinds import Change

STYLES = {
    Change.TIGHTER: "green",
    Change.LOOSER: "bold red",
    Change.MIXED: "yellow",
    Change.EQUAL: "dim",
}

SHORT_ID = 12


def show_comparison(comparison: Comparison, beside: str) -> None:
    """Show every limit that a change moves, the loosened ones first."""
    if not comparison.changes:
        out.print(f"No limit is moved {beside}.", markup=False)
        return
    table = Table(box=SIMPLE_HEAD, pad_edge=False, header_style="cyan")
    for heading in ("limit", "is", "was", "would be"):
        table.add_column(heading, overflow="fold")
    for one in sorted(comparison.changes, key=_loosened_first):
        was, would_be = (escape(value_in_words(value) or "-") for value in (one.old, one.new))
        table.add_row(escape(one.path), Text(one.change, STYLES[one.change]), was, would_be)
    out.print(table)
    loosened = len(comparison.loosened)
    what = Text(f"{comparison.change}", STYLES[comparison.change])
    out.print(
        Text("The change is ").append_text(what).append(f" {beside}; {loosened} loosened."),
        soft_wrap=True,
    )


def _loosened_first(one: FieldChange) -> tuple[bool, str]:
    return one.change is Change.TIGHTER, one.path


def show_outcome(outcome: Outcome, as_json: bool) -> None:
    """Show what became of a change that somebody asked for."""
    if as_json:
        print_json(outcome_fields(outcome))
        return
    parent = outcome.revision.parent if outcome.revision else _parent_of(outcome)
    show_comparison(outcome.comparison, f"beside revision {parent}")
    for finding in outcome.findings:
        err.print(str(finding), style="yellow", markup=False, soft_wrap=True)
    if outcome.revision:
        show_in_force(outcome.revision)
    if outcome.proposal:
        show_what_if_of(outcome.proposal)
        short = outcome.proposal.proposal_id[:SHORT_ID]
        until = outcome.proposal.expires_at.isoformat(timespec="minutes")
        out.print(f"It waits for approval as [bold]{short}[/], until {until}.")
        out.print(f"Next: cio policy approve {short}", markup=False)
    if outcome.unrecorded:
        show_unrecorded(outcome.unrecorded)


def _parent_of(outcome: Outcome) -> int:
    return outcome.proposal.parent if outcome.proposal else 0


def show_in_force(revision: PolicyRevision) -> None:
    """Say which revision is in force now."""
    out.print(f"Revision [bold]{revision.revision}[/] is in force.")


def show_considered(found: Sequence[Considered]) -> None:
    """Show proposals and where each stands."""
    table = Table(box=SIMPLE_HEAD, pad_edge=False, header_style="cyan")
    for heading in ("proposal", "stage", "of", "by", "until, UTC", "who stands behind it"):
        table.add_column(heading, overflow="fold")
    for one in found:
        proposal = one.proposal
        table.add_row(
            proposal.proposal_id[:SHORT_ID],
            one.stage,
            str(proposal.parent),
            escape(f"{proposal.author} ({proposal.role})"),
            f"{proposal.expires_at:%Y-%m-%d %H:%M}",
            escape(", ".join(one.standing.behind) or "-"),
        )
    out.print(table)


def show_one(one: Considered) -> None:
    """Say where one proposal stands after somebody took a step."""
    short = one.proposal.proposal_id[:SHORT_ID]
    out.print(f"Proposal [bold]{short}[/] is [bold]{one.stage}[/].")
    if one.stage == "approved":
        out.print(f"Next: cio policy activate {short}", markup=False)
    elif one.standing.confirm_from is not None:
        moment = one.standing.confirm_from.isoformat(timespec="minutes")
        out.print(f"It may be confirmed from {moment}: cio policy approve {short}", markup=False)
