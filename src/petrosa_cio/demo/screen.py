"""The demo on a terminal: story, market with exposure, counters, and verdicts as they pass."""

from collections import deque
from collections.abc import Iterable
from decimal import Decimal

from rich.console import Console, Group, RenderableType
from rich.layout import Layout
from rich.live import Live
from rich.panel import Panel
from rich.progress_bar import ProgressBar
from rich.table import Table
from rich.text import Text

from petrosa_cio.demo.book import Verdict
from petrosa_cio.demo.story import Chapter
from petrosa_cio.demo.view import View
from petrosa_cio.demo.words import verdict_words
from petrosa_cio.risk.counters import GROSS, position_counter
from petrosa_cio.risk.intent import Direction
from petrosa_cio.risk.trading_state import TradingState

COLOURS = {"approve": "green", "reduce": "yellow", "deny": "red"}
MARKS = {"approve": "approve", "reduce": "reduce ", "deny": "deny   "}
STORY_LINES = 5
MIDDLE_LINES = 10
KEPT = 200
BAR_WIDTH = 8
FULL, EMPTY = "█", "░"
NEARLY_FULL = Decimal("0.85")


class ScreenStage:
    """Draws the demo on the whole terminal, and gives the terminal back when closed."""

    def __init__(self, console: Console) -> None:
        """Take the terminal; nothing is drawn yet."""
        self._console = console
        self._verdicts: deque[Verdict] = deque(maxlen=KEPT)
        self._live: Live | None = None

    def say(self, sentence: str) -> None:
        """Write a sentence, before or after the screen is taken."""
        self._console.print(sentence, highlight=False)

    def begin(self, chapter: Chapter) -> None:
        """Do nothing: the chapter is part of every view."""

    def verdict(self, verdict: Verdict) -> None:
        """Keep a verdict for the next drawing."""
        self._verdicts.append(verdict)

    def refresh(self, view: View) -> None:
        """Draw how things are now."""
        if self._live is None:
            self._live = Live(console=self._console, screen=True, auto_refresh=False)
            self._live.start()
        rows = self._console.height - STORY_LINES - MIDDLE_LINES - 2
        latest = list(self._verdicts)[-max(rows, 1) :]
        self._live.update(draw(view, latest), refresh=True)

    def close(self) -> None:
        """Give the terminal back."""
        if self._live is not None:
            self._live.stop()


def draw(view: View, latest: Iterable[Verdict]) -> Layout:
    """Return the whole screen."""
    layout, middle = Layout(), Layout(size=MIDDLE_LINES)
    middle.split_row(
        Layout(Panel(_market(view), title="market and exposure, USD")),
        Layout(Panel(_counters(view), title="bots and verdicts")),
    )
    layout.split_column(
        Layout(_story(view), size=STORY_LINES),
        middle,
        Layout(Panel(_feed(latest), title="verdicts", subtitle=f"[dim]join in: {view.join}[/]")),
    )
    return layout


def _story(view: View) -> RenderableType:
    state = view.state.upper()
    style = "bold green" if view.state == TradingState.ACTIVE else "bold white on red"
    fund = Text.assemble("fund: ", (state, style), f"   regime: {view.chapter.regime}")
    fund.append(f"   {view.seconds_left:.0f} s to go, Ctrl-C ends", style="dim")
    title = f"[bold]{view.chapter.title}[/]"
    sentence = Text(view.chapter.sentence, no_wrap=True, overflow="ellipsis")
    bar = ProgressBar(total=1.0, completed=view.share)
    return Panel(Group(sentence, fund, bar), title=title, title_align="left")


def _market(view: View) -> Table:
    table = Table.grid(padding=(0, 1))
    for justify in ("left", "right", "right", "left", "left"):
        table.add_column(justify=justify, no_wrap=True)
    table.add_row("", "", "", "[dim]long[/]", "[dim]short[/]")
    for symbol, price in view.prices.items():
        move = view.moves[symbol]
        bars = [
            _bar(view.exposure.get(position_counter(symbol, side), Decimal(0)), view.position_limit)
            for side in (Direction.LONG, Direction.SHORT)
        ]
        colour = "green" if move >= 0 else "red"
        name = symbol.removesuffix("USDT")
        table.add_row(name, f"{price:,f}"[:9], f"[{colour}]{move:+.0%}[/]", *bars)
    gross = view.exposure.get(GROSS, Decimal(0))
    table.add_row("all", f"{gross:,.0f}", "of", f"{view.gross_limit:,.0f}")
    table.add_row("", "", "", _bar(gross, view.gross_limit), f"{view.positions} open")
    return table


def _bar(used: Decimal, limit: Decimal) -> Text:
    part = min(used / limit, Decimal(1))
    full = round(part * BAR_WIDTH)
    style = "red" if part >= NEARLY_FULL else "cyan"
    return Text.assemble((FULL * full, style), (EMPTY * (BAR_WIDTH - full), "dim"))


def _counters(view: View) -> Table:
    table = Table.grid(padding=(0, 1))
    table.add_column(no_wrap=True)
    for _ in range(4):
        table.add_column(justify="right", no_wrap=True)
    table.add_row("", *(f"[dim]{word}[/]" for word in ("sent", "ok", "less", "denied")))
    for row in view.rows:
        table.add_row(row.bot, str(row.sent), *_coloured(row.approved, row.reduced, row.denied))
    return table


def _coloured(*counts: int) -> list[str]:
    return [f"[{colour}]{count}[/]" for colour, count in zip(COLOURS.values(), counts, strict=True)]


def _feed(latest: Iterable[Verdict]) -> Table:
    table = Table.grid(padding=(0, 1), expand=True)
    for _ in range(4):
        table.add_column(no_wrap=True)
    table.add_column(ratio=1, no_wrap=True, overflow="ellipsis")
    for one in latest:
        mark = Text(MARKS[one.outcome], style=f"bold {COLOURS[one.outcome]}")
        symbol = one.cue.symbol.removesuffix("USDT")
        table.add_row(mark, one.cue.bot, one.cue.action, symbol, Text(verdict_words(one)))
    return table
