"""What limits did in a year, as tables that fit a terminal of 80 columns."""

from rich.box import SIMPLE_HEAD
from rich.table import Table
from rich.text import Text

from petrosa_cio.cli.showing import COLOURS, out
from petrosa_cio.governance.effectiveness import Bites, Effectiveness, LimitRow
from petrosa_cio.governance.effectiveness_report import ORDERS, never_bit, value_of
from petrosa_cio.risk.limits import LIMIT_KINDS
from petrosa_cio.risk.verdict import VerdictKind

MOST_NAMED = 2
"""Strategies that a row names; JSON and CSV have more."""

MOST_CHANGES = 10
"""Changes that are shown; JSON has them all."""


def show_effectiveness(found: Effectiveness, last_position: int) -> None:
    """Show verdicts, the limits that bit, those that never did, other reasons, and changes."""
    title = f"What the limits of fund {found.history.fund} did in {found.since.year}"
    out.print(Text(f"{title}, as of record {last_position}", style="bold"), soft_wrap=True)
    if not found.decisions:
        out.print("No verdict was given.")
        return
    rows = found.rows()
    out.print(_verdicts(found))
    if found.observed:
        out.print(f"{found.observed:,} of them were observed only, and stopped nothing.")
    if found.befell:
        fates = ", ".join(f"{number:,} {kind}" for kind, number in sorted(found.befell.items()))
        out.print(f"What befell approvals afterwards: {fates}.")
    bitten = [one for one in rows if one.bites.total]
    if bitten:
        out.print(_limits(sorted(bitten, key=lambda one: -one.bites.total)))
    _say("Never bit", never_bit(rows))
    out.print(_reasons(found))
    _show_changes(found)


def _verdicts(found: Effectiveness) -> Table:
    table = _new_table("verdicts", *VerdictKind, "all")
    for order in ORDERS:
        numbers = [found.decisions[order, str(kind)] for kind in VerdictKind]
        table.add_row(order, *(f"{one:,}" for one in numbers), f"{sum(numbers):,}")
    return table


def _limits(rows: list[LimitRow]) -> Table:
    table = _new_table("limit that bit", "asked", "denied", "alone", "cut", "last")
    for row in rows:
        bites, stint = row.bites, row.stint
        asked = f"{row.judged.total():,}" if stint else "-"
        table.add_row(
            Text(row.limit), asked, f"{bites.denied.total():,}",
            f"{bites.alone:,}", f"{bites.reduced:,}", f"{bites.last:%m-%d}",
        )  # fmt: skip
        value = f"{value_of(row)} {LIMIT_KINDS[row.limit].unit}"
        table.add_row(Text(f"  {row.entry}: {value}", style="dim"))
        if stint:
            versions = f"revision {_range(stint.versions)}"
            is_policy = stint.set_by.subject == "policy"
            since = f"since {stint.set_by.at:%Y-%m-%d}, by {stint.set_by.author}"
            table.add_row(Text(f"  {versions if is_policy else 'charter'} {since}", style="dim"))
        table.add_row(Text(f"  most: {_most(bites)}", style="dim"))
    return table


def _reasons(found: Effectiveness) -> Table:
    table = _new_table("reason", "denied", "alone", "cut", "last")
    for code, bites in sorted(found.by_code.items(), key=lambda one: (-one[1].total, one[0])):
        table.add_row(
            Text(code), f"{bites.denied.total():,}", f"{bites.alone:,}", f"{bites.reduced:,}",
            f"{bites.last:%m-%d}",
        )  # fmt: skip
    return table


def _show_changes(found: Effectiveness) -> None:
    changes = [one for one in found.history.changes if one.at >= found.since]
    if not changes:
        out.print("Nothing that governs was changed.")
        return
    out.print("Changes:", style="cyan")
    for one in changes[-MOST_CHANGES:]:
        became = f" is {one.value[:40]}" if one.subject == "trading_state" else ""
        what = f"{one.subject} {one.scope[:24]}{became}, by {one.author}: {one.reason}"
        out.print(Text(f"  {one.at:%Y-%m-%d %H:%M} {what}"), soft_wrap=not out.is_terminal)
    if len(changes) > MOST_CHANGES:
        out.print(f"  and {len(changes) - MOST_CHANGES} before, with --format json")


def _new_table(what: str, *numbers: str) -> Table:
    table = Table(box=SIMPLE_HEAD, header_style="cyan", pad_edge=False)
    table.add_column(what, overflow="fold")
    for number in numbers:
        style = COLOURS.get(number)
        table.add_column(number, justify="right", no_wrap=True, header_style=style or "cyan")
    return table


def _say(what: str, names: list[str]) -> None:
    said = ", ".join(names) if names else "none"
    out.print(Text.assemble((f"{what}: ", "cyan"), f"{said}."), soft_wrap=not out.is_terminal)


def _range(versions: list[str]) -> str:
    return versions[0] if len(versions) == 1 else f"{versions[0]} to {versions[-1]}"


def _most(bites: Bites) -> str:
    most = bites.strategies.most_common(MOST_NAMED)
    return ", ".join(f"{name} {number:,}" for name, number in most)
