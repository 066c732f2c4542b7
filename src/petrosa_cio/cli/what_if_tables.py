"""A what-if as tables that fit a terminal of 80 columns."""

from collections import Counter
from collections.abc import Mapping
from decimal import Decimal

from rich.table import Table
from rich.text import Text

from petrosa_cio.cli.report_tables import MOST_ROWS, new_table
from petrosa_cio.cli.showing import out
from petrosa_cio.governance.what_if import Findings, Flip, FlipKind
from petrosa_cio.governance.what_if.findings import most_first
from petrosa_cio.governance.what_if.profile import usd
from petrosa_cio.risk.counters import GROSS
from petrosa_cio.risk.verdict import VerdictKind

FLIPS_SHOWN = 5

SHORT = {
    FlipKind.DENIED: "denied",
    FlipKind.APPROVED: "approved",
    FlipKind.SMALLER: "smaller",
    FlipKind.LARGER: "larger",
}
"""What stands over the columns: what would be."""


def show_what_if(found: Findings, about: Mapping[str, str]) -> None:
    """Show what would be otherwise: all in all, by what and why, and what it does to exposure."""
    out.print(Text(f"What if: {about['candidate']}", style="bold"))
    out.print(Text(about["source"], style="dim"))
    if found.decided:
        show_flips(found)
        out.print(_exposure(found))
    else:
        out.print("No verdict could be decided again.")
    show_notes(found)


def show_flips(found: Findings) -> None:
    """Show how many verdicts would be others, by what, and the first of them one by one."""
    if found.first and found.last:
        span = f"{found.first:%Y-%m-%d %H:%M} to {found.last:%Y-%m-%d %H:%M} UTC"
        out.print(Text(f"{found.decided:,} verdicts decided again, {span}", style="dim"))
    out.print(_verdicts(found))
    out.print(_said(found))
    for what, counted in (
        ("code", found.by_code),
        ("strategy", found.by_strategy),
        ("symbol", found.by_symbol),
        ("policy revision then", found.by_revision),
    ):
        if counted:
            out.print(_flips(what, counted))
    for flip in found.flips[:FLIPS_SHOWN]:
        _show_flip(flip)


def _said(found: Findings) -> str:
    if not found.flipped:
        return "Nothing flips.\n"
    kinds = "; ".join(f"{found.by_kind[one]:,} {one}" for one in FlipKind if found.by_kind[one])
    return f"{found.flipped:,} flip: {kinds}.\n"


def _verdicts(found: Findings) -> Table:
    table = new_table("verdict", "as it was", "would be")
    for kind in VerdictKind:
        was, would = getattr(found.was, kind), getattr(found.would, kind)
        table.add_row(Text(kind), f"{was:,}", f"{would:,}")
    return table


def _flips(what: str, counted: dict[str, Counter[FlipKind]]) -> Table:
    table = new_table(what, "flips", *SHORT.values())
    rows = list(most_first(counted))
    for name, kinds in rows[:MOST_ROWS]:
        table.add_row(
            Text(name),
            f"{kinds.total():,}",
            *(f"{kinds[one]:,}" if kinds[one] else "" for one in SHORT),
        )
    if len(rows) > MOST_ROWS:
        table.add_row(Text(f"and {len(rows) - MOST_ROWS} more, with --json", style="dim"))
    return table


def _show_flip(flip: Flip) -> None:
    who = f"{flip.strategy or ''} {flip.symbol or ''}".strip()
    sizes = " to ".join("none" if one is None else f"{one:f}" for one in flip.quantities)
    when = f"{flip.at:%Y-%m-%d %H:%M:%S}"
    out.print(Text(f"{when} {who}: {flip.kind}, {sizes}  {flip.decision_id}"), soft_wrap=True)
    for reason in flip.reasons:
        out.print(Text(f"  {reason}", style="dim"), soft_wrap=True)


def _exposure(found: Findings) -> Table:
    table = new_table("the highest, USD", "as it was", "would be")
    peaks = sorted(found.profile.peaks.items(), key=lambda one: (one[0] != GROSS, -one[1].would))
    for counter, pair in peaks[:MOST_ROWS]:
        was, would = usd(pair)
        table.add_row(Text(counter), _money(was), _money(would))
    most = found.profile.most_per_minute
    table.add_row(Text("approvals a minute"), f"{most.was:,}", f"{most.would:,}")
    return table


def _money(amount: Decimal) -> str:
    return f"{amount:,.2f}"


def show_notes(found: Findings) -> None:
    """Show what is not in the tables: other reasons, other versions, what could not be decided."""
    if found.other_reasons:
        out.print(f"{found.other_reasons:,} stay denied or reduced, for other reasons.")
    if found.other_versions:
        out.print(f"{found.other_versions:,} were given by another version of this program.")
    for why, number in found.undecidable.most_common(MOST_ROWS):
        out.print(f"{number:,} could not be decided again: {why}.", soft_wrap=True, markup=False)
