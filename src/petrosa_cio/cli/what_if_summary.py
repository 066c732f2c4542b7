"""The what-if of a proposal, as whoever approves it sees it."""

from rich.text import Text

from petrosa_cio.cli.report_tables import new_table
from petrosa_cio.cli.showing import out
from petrosa_cio.governance.what_if.findings import FlipKind
from petrosa_cio.governance.what_if.stage import Kinds, WhatIfSummary, read_summary
from petrosa_cio.ports import Proposal

ROWS = 5
"""Codes, strategies and symbols that are shown; JSON has more."""

_KINDS = {one.name.lower(): one.value for one in FlipKind}


def show_what_if_of(proposal: Proposal) -> None:
    """Show what a proposal would have made otherwise, or why nobody can say."""
    found = read_summary(proposal.what_if)
    if found is None:
        out.print("What-if: none.")
    else:
        show_what_if(found)


def show_what_if(found: WhatIfSummary) -> None:
    """Show what a document would have made otherwise, or why nobody can say."""
    if found.not_made:
        text = f"What-if not made: {found.not_made}."
        out.print(Text(text, style="yellow"), soft_wrap=True)
    else:
        _show(found)


def _show(found: WhatIfSummary) -> None:
    span = f"{found.since:%Y-%m-%d %H:%M} to {found.until:%Y-%m-%d %H:%M} UTC"
    flips = "; ".join(f"{number:,} {_KINDS[kind]}" for kind, number in found.flips.items())
    out.print(Text(f"What-if: {found.intents:,} verdicts decided again, {span}.", style="bold"))
    if found.undecidable:
        out.print(f"{found.undecidable:,} could not be decided again.")
    out.print(f"{_sum(found.flips):,} flip: {flips}." if flips else "Nothing flips.")
    counted = (
        ("code", found.by_code),
        ("strategy", found.by_strategy),
        ("symbol", found.by_symbol),
    )
    for what, by_name in counted:
        if by_name:
            table = new_table(what, "flips", *_KINDS)
            for name, kinds in list(by_name.items())[:ROWS]:
                numbers = (f"{kinds[one]:,}" if one in kinds else "" for one in _KINDS)
                table.add_row(Text(name), f"{_sum(kinds):,}", *numbers)
            out.print(table)
    if found.gross_peak_usd is not None:
        was, would = (f"{amount:,.2f}" for amount in found.gross_peak_usd)
        out.print(f"The highest gross exposure was {was} USD, and would have been {would} USD.")


def _sum(kinds: Kinds) -> int:
    return sum(kinds.values())
