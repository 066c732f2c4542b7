"""How limits look on a terminal.

A wide terminal shows one table. On a narrow one what is used has a table of its own, as columns
that are folded letter by letter help nobody.
"""

from collections.abc import Mapping, Sequence
from decimal import Decimal

from rich.box import SIMPLE_HEAD
from rich.progress_bar import ProgressBar
from rich.table import Table
from rich.text import Text

from petrosa_cio.cli.showing import out
from petrosa_cio.office.shown import BANDS_IN_WORDS, plain_value
from petrosa_cio.risk.limits_in_use import LimitLine, Use
from petrosa_cio.risk.policy import ANY

BAR_WIDTH = 12
WIDE = 100
"""Columns from which on a terminal counts as wide."""

MOST_POSITIONS = 10
"""Positions that a terminal shows, the most used first; JSON has them all."""

COLOURS_OF_BANDS = {0: "green", 50: "cyan", 80: "yellow", 100: "red"}


def show_limits(lines: Sequence[LimitLine], about: Mapping[str, object]) -> None:
    """Show the limits that are set, then those that are not."""
    out.print(Text(_title(about), style="bold"), soft_wrap=True)
    is_wide, with_use = out.width >= WIDE, bool(about["use_is_known"])
    out.print(_table(lines, with_use=with_use and is_wide))
    if with_use and not is_wide:
        out.print(_table_of_use(lines))
    out.print(_unset(lines), soft_wrap=not out.is_terminal)
    if not about["use_is_known"]:
        out.print("What is used is not known: the ledger was not asked, or lost its data.")
    for line in lines:
        if line.is_missing:
            text = f"The charter requires {line.name} and nobody sets it here"
            text += ": such openings are denied."
            out.print(Text(text, style="bold red"), soft_wrap=not out.is_terminal)


def _title(about: Mapping[str, object]) -> str:
    strategy = "any strategy" if about["strategy"] == ANY else f"strategy {about['strategy']}"
    symbol = "any symbol" if about["symbol"] == ANY else str(about["symbol"])
    regime = f"regime {about['regime']}" if about["regime"] else "no regime known"
    return f"{strategy}, {symbol}, {regime} (from {about['source']}; charter {about['charter']})"


def _table(lines: Sequence[LimitLine], *, with_use: bool) -> Table:
    table = _new_table()
    table.add_column("limit", no_wrap=True)
    table.add_column("value", overflow="fold")
    if with_use:
        table.add_column("in use", overflow="fold")
        table.add_column("", no_wrap=True)
        table.add_column("band", no_wrap=True)
    table.add_column("stated by", overflow="fold")
    for line in lines:
        if line.value is None:
            continue
        first, *others = line.uses[:MOST_POSITIONS] or (None,)
        used = _used(first, line) if with_use else ()
        table.add_row(line.name, Text(_shown(line)), *used, Text(line.entry or ""))
        for use in others if with_use else ():
            table.add_row("", "", *_used(use, line), "")
    return table


def _table_of_use(lines: Sequence[LimitLine]) -> Table:
    table = _new_table()
    table.add_column("limit", no_wrap=True)
    table.add_column("in use", overflow="fold")
    table.add_column("", no_wrap=True)
    table.add_column("band", no_wrap=True)
    for line in lines:
        if line.value is None:
            continue
        for number, use in enumerate(line.uses[:MOST_POSITIONS]):
            table.add_row("" if number else line.name, *_used(use, line))
    return table


def _new_table() -> Table:
    return Table(box=SIMPLE_HEAD, header_style="cyan", pad_edge=False)


def _used(use: Use | None, line: LimitLine) -> tuple[Text, ProgressBar | str, Text]:
    if use is None:
        return Text(), "", Text()
    several = f"{use.about.removeprefix('position:')} " if len(line.uses) > 1 else ""
    limit = "" if use.limit in (None, line.value) else f" of {use.limit:f}"
    share, colour = use.share or Decimal(0), COLOURS_OF_BANDS[use.band_pct]
    bar = ProgressBar(
        total=1.0, completed=float(min(share, Decimal(1))), width=BAR_WIDTH,
        complete_style=colour, finished_style=colour,
    )  # fmt: skip
    band = "" if use.limit is None else BANDS_IN_WORDS[use.band_pct]
    return Text(f"{several}{use.used:f}{limit} ({share * 100:.0f} %)"), bar, Text(band, colour)


def _unset(lines: Sequence[LimitLine]) -> str:
    names = [line.name for line in lines if line.value is None]
    return f"Not set: {', '.join(names)}." if names else "Every limit is set."


def _shown(line: LimitLine) -> str:
    plain = plain_value(line.value)
    if isinstance(plain, bool):
        return "yes" if plain else "no"
    if isinstance(plain, list):
        return ", ".join(plain) or "none"
    if line.unit == "fraction" or isinstance(line.value, str):  # a choice says it all
        return str(plain)
    return f"{plain} {line.unit}"
