"""How limits look on a terminal, and as JSON."""

from collections.abc import Mapping, Sequence
from decimal import Decimal

from rich.box import SIMPLE_HEAD
from rich.console import RenderableType
from rich.progress_bar import ProgressBar
from rich.table import Table
from rich.text import Text

from petrosa_cio.cli.showing import out
from petrosa_cio.risk.limits_in_use import LimitLine, Use
from petrosa_cio.risk.policy import ANY
from petrosa_cio.risk.trading_hours import TradingHours, write_trading_hours

BAR_WIDTH = 12
MOST_POSITIONS = 10
"""Positions that a terminal shows, the most used first; JSON has them all."""

NEARLY_USED = Decimal("0.8")


def as_json_object(line: LimitLine) -> dict[str, object]:
    """Return a limit for a program; exact numbers are text, sets are sorted lists."""
    return {
        "name": line.name,
        "value": _plain(line.value),
        "unit": line.unit,
        "entry": line.entry,
        "is_missing": line.is_missing,
        "description": line.description,
        "uses": [
            {
                "about": use.about,
                "used": f"{use.used:f}",
                "limit": _plain(use.limit),
                "share": _plain(use.share),
            }
            for use in line.uses
        ],
    }


def show_limits(lines: Sequence[LimitLine], about: Mapping[str, object]) -> None:
    """Show the limits that are set, then those that are not."""
    out.print(Text(_title(about), style="bold"), soft_wrap=True)
    out.print(_table(lines, with_use=bool(about["use_is_known"])))
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
    table = Table(box=SIMPLE_HEAD, header_style="cyan", pad_edge=False)
    table.add_column("limit", no_wrap=True)
    table.add_column("value", overflow="fold")
    if with_use:
        table.add_column("in use", overflow="fold")
        table.add_column("", no_wrap=True)
    table.add_column("stated by", overflow="fold")
    for line in lines:
        if line.value is None:
            continue
        first, *others = line.uses[:MOST_POSITIONS] or (None,)
        used = _used(first, line) if with_use else ()
        table.add_row(line.name, Text(_shown(line)), *used, Text(line.entry or ""))
        for use in others:
            table.add_row("", "", *_used(use, line), "")
    return table


def _used(use: Use | None, line: LimitLine) -> tuple[RenderableType, RenderableType]:
    if use is None:
        return "", ""
    several = f"{use.about.removeprefix('position:')} " if len(line.uses) > 1 else ""
    limit = "" if use.limit in (None, line.value) else f" of {use.limit:f}"
    share = use.share or Decimal(0)
    text = Text(f"{several}{use.used:f}{limit} ({share * 100:.0f} %)")
    return text, ProgressBar(
        total=1.0, completed=float(min(share, Decimal(1))), width=BAR_WIDTH,
        complete_style=_colour(share), finished_style=_colour(share),
    )  # fmt: skip


def _colour(share: Decimal) -> str:
    if share >= 1:
        return "red"
    return "yellow" if share >= NEARLY_USED else "green"


def _unset(lines: Sequence[LimitLine]) -> str:
    names = [line.name for line in lines if line.value is None]
    return f"Not set: {', '.join(names)}." if names else "Every limit is set."


def _shown(line: LimitLine) -> str:
    plain = _plain(line.value)
    if isinstance(plain, bool):
        return "yes" if plain else "no"
    if isinstance(plain, list):
        return ", ".join(plain) or "none"
    return str(plain) if line.unit in ("deny or reduce", "fraction") else f"{plain} {line.unit}"


def _plain(value: object) -> object:
    if isinstance(value, Decimal):
        return f"{value:f}"
    if isinstance(value, frozenset):
        return sorted(str(one) for one in value)
    if isinstance(value, TradingHours):
        return write_trading_hours(value)
    return value
