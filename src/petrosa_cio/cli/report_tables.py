"""A report as tables that fit a terminal of 80 columns."""

from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import TypeVar

from rich.box import SIMPLE_HEAD
from rich.progress_bar import ProgressBar
from rich.table import Table
from rich.text import Text

from petrosa_cio.audit.statistics import Shares, Statistics
from petrosa_cio.cli.showing import COLOURS, out
from petrosa_cio.risk.verdict import VerdictKind

MOST_ROWS = 15
"""Rows of one table; JSON has them all."""

MOST_HOURS = 48
"""Where verdicts are spread over more hours, a row is a day."""

Row = TypeVar("Row")

BAR_WIDTH = 12
NAME_WIDTH = 32


def show_report(found: Statistics, about: Mapping[str, str]) -> None:
    """Show what was decided: all in all, then by reason, strategy, symbol and time."""
    facts = [f"{name} {value}" for name, value in about.items() if name != "source"]
    out.print(Text(f"{found.total.total} verdicts: {about['source']}", style="bold"))
    if facts:
        out.print(Text("; ".join(facts), style="dim"))
    if found.first is None or found.last is None:
        return
    out.print(Text(f"{found.first:%Y-%m-%d %H:%M} to {found.last:%Y-%m-%d %H:%M} UTC", style="dim"))
    out.print(_totals(found.total))
    if found.befell:
        fates = ", ".join(f"{number} {kind}" for kind, number in found.befell.items())
        out.print(f"What befell approvals afterwards: {fates}.\n")
    if found.by_code:
        out.print(_codes(found))
    out.print(_shares("strategy", found.by_strategy.items()))
    out.print(_shares("symbol", found.by_symbol.items()))
    out.print(_times(found.by_hour))


def by_time(by_hour: Mapping[datetime, Shares]) -> list[tuple[str, Shares]]:
    """Return the verdicts by hour, or by day where there are too many hours to look at."""
    if len(by_hour) <= MOST_HOURS:
        return [(f"{hour:%Y-%m-%d %H}h", shares) for hour, shares in by_hour.items()]
    days: dict[str, Shares] = {}
    for hour, one in by_hour.items():
        day = days.setdefault(f"{hour:%Y-%m-%d}", Shares())
        day.approve, day.reduce = day.approve + one.approve, day.reduce + one.reduce
        day.deny += one.deny
    return list(days.items())


def _totals(total: Shares) -> Table:
    table = new_table("verdict", "number", "share")
    table.add_column("")
    for kind in VerdictKind:
        number = getattr(total, kind)
        table.add_row(
            Text(kind, style=COLOURS[kind]), str(number), _percent(total, number),
            _bar(total.share_of(number), COLOURS[kind]),
        )  # fmt: skip
    return table


def _codes(found: Statistics) -> Table:
    table = new_table("reason", "given", "denials", "share", "alone")
    table.add_column("")
    for code, count in _first(found.by_code.items()):
        share = found.total.share_of(count.denied)
        table.add_row(
            Text(code), str(count.given), str(count.denied), _percent(found.total, count.denied),
            str(count.alone), _bar(share, "red"),
        )  # fmt: skip
    _say_what_is_left_out(table, len(found.by_code))
    return table


def _shares(what: str, found: Iterable[tuple[str, Shares]]) -> Table:
    rows = list(found)
    table = _table_of_shares(what, _first(rows))
    _say_what_is_left_out(table, len(rows))
    return table


def _times(by_hour: Mapping[datetime, Shares]) -> Table:
    return _table_of_shares("time, UTC", by_time(by_hour))


def _table_of_shares(what: str, rows: Iterable[tuple[str, Shares]]) -> Table:
    table = new_table(what, "verdicts", *VerdictKind, "denied")
    for name, shares in rows:
        numbers = (str(getattr(shares, kind)) for kind in VerdictKind)
        denied = _percent(shares, shares.deny)
        table.add_row(Text(name), str(shares.total), *numbers, denied)
    return table


def new_table(what: str, *numbers: str) -> Table:
    """Return a table of names, each with some numbers."""
    table = Table(box=SIMPLE_HEAD, header_style="cyan", pad_edge=False)
    table.add_column(what, no_wrap=True, overflow="ellipsis", max_width=NAME_WIDTH)
    for number in numbers:
        table.add_column(number, justify="right", no_wrap=True)
    return table


def _first(rows: Iterable[tuple[str, Row]]) -> list[tuple[str, Row]]:
    return list(rows)[:MOST_ROWS]


def _say_what_is_left_out(table: Table, rows: int) -> None:
    if rows > MOST_ROWS:
        table.add_row(Text(f"and {rows - MOST_ROWS} more, with --json", style="dim"))


def _percent(shares: Shares, number: int) -> str:
    return f"{shares.share_of(number) * 100:.1f} %"


def _bar(share: float, colour: str) -> ProgressBar:
    return ProgressBar(
        total=1.0, completed=share, width=BAR_WIDTH, complete_style=colour, finished_style=colour
    )
