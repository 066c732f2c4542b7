"""Overrides for one order, as tables for people and as JSON."""

from collections.abc import Sequence

from rich.box import SIMPLE_HEAD
from rich.markup import escape
from rich.table import Table

from petrosa_cio.cli.change_tables import SHORT_ID
from petrosa_cio.cli.showing import out
from petrosa_cio.cli.switches import show_unrecorded
from petrosa_cio.governance.authority import Stage
from petrosa_cio.governance.overrides import ConsideredOverride
from petrosa_cio.office.overrides_shown import override_stage

SHOWN = ("strategy", "action", "symbol", "order_type")
"""Fields of an order that are shown first; the rest follow by name."""


def show_overrides(found: Sequence[ConsideredOverride]) -> None:
    """Show overrides and where each stands, a line each."""
    table = Table(box=SIMPLE_HEAD, pad_edge=False, header_style="cyan")
    for heading in ("override", "stage", "order", "lifts", "by", "until, UTC", "behind it"):
        table.add_column(heading, overflow="fold")
    for one in found:
        proposal = one.proposal
        table.add_row(
            proposal.proposal_id[:SHORT_ID],
            override_stage(one),
            escape(_order(one)),
            ", ".join(one.wanted.lifts),
            escape(f"{proposal.author} ({proposal.role})"),
            f"{proposal.expires_at:%Y-%m-%d %H:%M:%S}",
            escape(", ".join(one.standing.behind) or "-"),
        )
    out.print(table)


def show_override(one: ConsideredOverride) -> None:
    """Show one override with all of its order, and what comes next."""
    proposal, wanted, short = one.proposal, one.wanted, one.proposal.proposal_id[:SHORT_ID]
    until = f"{proposal.expires_at:%H:%M:%S} UTC"
    lines = [
        f"Override {short} is {override_stage(one)}; it is over at {until}.",
        f"Order: {_order(one)}",
        *(f"  {name} {value}" for name, value in wanted.fields.items() if name not in SHOWN),
        f"Denied by decision {wanted.decision_id}.",
        f"It lifts {', '.join(wanted.lifts)}, as far as the charter's own bounds.",
    ]
    if wanted.left:
        lines.append(f"It does not lift {', '.join(wanted.left)}: for that it is denied again.")
    lines.append(f"{proposal.author} ({proposal.role}): {proposal.thought}")
    lines += [f"{step.kind} by {step.author}: {step.reason}" for step in one.steps]
    for line in (*lines, *_next(one, short)):
        out.print(line, markup=False, soft_wrap=True)
    if one.unrecorded:
        show_unrecorded(one.unrecorded)


def _next(one: ConsideredOverride, short: str) -> list[str]:
    if one.used_by is not None:
        return [f"Decision {one.used_by} used it."]
    if one.stage is Stage.OPEN:
        return [f"Next: cio override approve {short}"]
    if one.stage is Stage.APPROVED:
        return [
            "Next, after a second, and once: "
            f"cio override show {short} --order | cio send --ask --new-ids -"
        ]
    return []


def _order(one: ConsideredOverride) -> str:
    return " ".join(one.wanted.fields.get(name, "") for name in SHOWN)
