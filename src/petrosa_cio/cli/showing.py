"""How things look on a terminal."""

from collections.abc import Iterable

import orjson
from rich.console import Console
from rich.markup import escape
from rich.table import Table

from petrosa_cio.errors import Misconfigured


class PipedConsole(Console):
    """A console whose reader may leave, as `head` does when it has seen enough."""

    def on_broken_pipe(self) -> None:
        """Leave the error as it is: it ends the command quietly, from within a task too."""
        raise  # noqa: PLE0704 - called where the error is handled


out = PipedConsole(highlight=False)
err = Console(stderr=True, highlight=False)

COLOURS = {"approve": "green", "reduce": "yellow", "deny": "red"}


def show_misconfigured(wrong: Misconfigured) -> None:
    """Show every problem of a configuration, each with its mend."""
    table = Table(
        "Setting", "Problem", "Mend", title="petrosa-cio is set up wrongly", title_style="bold red"
    )
    for problem in wrong.problems:
        table.add_row(*map(escape, (problem.field, problem.message, problem.mend)))
    err.print(table)


def print_json(said: object) -> None:
    """Print something for a program; exact decimals as text."""
    out.print_json(orjson.dumps(said, default=str).decode())


def show_problem(what: str, *details: str) -> None:
    """Show what went wrong and what helps."""
    err.print(f"[bold red]{escape(what)}[/]")
    for detail in details:
        err.print(f"  {detail}", markup=False)


def facts_table(title: str, facts: Iterable[tuple[str, str]]) -> Table:
    """Return a table of names and values."""
    table = Table(title=title, show_header=False, title_justify="left", title_style="bold")
    table.add_column(style="cyan", no_wrap=True)
    table.add_column(overflow="fold")
    for name, value in facts:
        table.add_row(name, value)
    return table
