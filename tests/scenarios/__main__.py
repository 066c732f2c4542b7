"""``python -m tests.scenarios``: what minds make of bad days, beside nobody.

Days are simulated minute by minute: market and bots from a seed, verdicts from the real deciding
core with a ledger in memory, fills at the market of the minute.
"""

import asyncio
from itertools import product
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console
from rich.progress import Progress

from tests.scenarios.day import Day
from tests.scenarios.market import Scenario, read_scenarios
from tests.scenarios.minds import MINDS
from tests.scenarios.report import Compared, Found, draw, judgement, table

MARKS = ("<!-- Made by `make scenarios`. -->", "<!-- End of what is made. -->")
PICTURE = "scenarios.png"
EXAMPLES = """
Examples:

  python -m tests.scenarios --only crash --seeds 1

  python -m tests.scenarios --write docs/strategist
"""
app = typer.Typer(add_completion=False, rich_markup_mode=None)


@app.command(epilog=EXAMPLES)
def scenarios(
    seeds: Annotated[int, typer.Option(min=1, help="How many days of each scenario.")] = 5,
    first: Annotated[int, typer.Option(help="The first seed.")] = 1,
    only: Annotated[list[str] | None, typer.Option(help="Only this scenario; repeatable.")] = None,
    write: Annotated[
        Path | None, typer.Option(help="Put table and picture into this folder.")
    ] = None,
) -> None:
    """Run every scenario with nobody, with the playbook and with a scripted model; compare them."""
    stated = read_scenarios()
    unknown = set(only or ()) - set(stated)
    if unknown:
        known = ", ".join(stated)
        raise typer.BadParameter(f"no scenario is called {sorted(unknown)[0]!r}; there are {known}")
    chosen = {name: one for name, one in stated.items() if not only or name in only}
    found = run_all(chosen, range(first, first + seeds))
    lines = [*table(found), "", *judgement(found)]
    typer.echo("\n".join(lines))
    if write is not None:
        draw(found, write / PICTURE, seed=0)
        put(write / "SCENARIOS.md", lines)


def run_all(chosen: dict[str, Scenario], seeds: range) -> Found:
    """Run scenarios under every mind, with progress on a terminal."""
    found: dict[tuple[str, str], Compared] = {}
    console = Console(stderr=True)
    with Progress(console=console, transient=True, disable=not console.is_terminal) as progress:
        task = progress.add_task("days", total=len(chosen) * len(MINDS) * len(seeds))
        for (name, scenario), (mind, look) in product(chosen.items(), MINDS.items()):
            outcomes = []
            for seed in seeds:
                outcomes.append(asyncio.run(Day(scenario, seed, look).run()))
                progress.advance(task)
            found[name, mind] = Compared(scenario, mind, outcomes)
    return found


def put(file: Path, lines: list[str]) -> None:
    """Replace what stands between the marks of a document."""
    begin, end = MARKS
    before, _, rest = file.read_text("utf-8").partition(begin)
    after = rest.partition(end)[2]
    file.write_text("\n".join([before + begin, "", *lines, "", end + after]), "utf-8")


if __name__ == "__main__":
    app(prog_name="python -m tests.scenarios")
