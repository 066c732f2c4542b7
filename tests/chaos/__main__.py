"""``python -m tests.chaos``: everything goes wrong while four bots publish, seed after seed."""

import asyncio
import logging
import shutil
import sys
import time
from pathlib import Path
from typing import Annotated

import structlog
import typer
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

from tests.chaos.ordeal import Plan
from tests.chaos.report import COLUMNS, markdown, row, show, write_json
from tests.chaos.result import Result, run
from tests.chaos.schedule import PUBLISHERS, schedule
from tests.loading import ROOT

EXAMPLES = """
Examples:

  python -m tests.chaos --seeds 1 --intents 5000

  python -m tests.chaos --first 7 --seeds 1
"""
DATA = ROOT / ".chaos"
WIDTH = 200

app = typer.Typer(add_completion=False, rich_markup_mode=None)


@app.command(epilog=EXAMPLES)
def chaos(
    seeds: Annotated[int, typer.Option(min=1, help="How many runs, each with its own seed.")] = 20,
    first: Annotated[int, typer.Option(help="The first seed.")] = 1,
    intents: Annotated[
        int, typer.Option(min=PUBLISHERS, help="How many intents four publishers send.")
    ] = 50_000,
    once: Annotated[
        bool, typer.Option("--once", help="Each failure once: enough for a few thousand intents.")
    ] = False,
    folder: Annotated[
        Path, typer.Option(help="Where data and logs are; what went well is removed.")
    ] = DATA,
    json: Annotated[Path | None, typer.Option(help="Write everything to this file.")] = None,
) -> None:
    """Kill gates and the drain, restart and empty servers, and see whether every promise holds.

    Prints a table. Exit code 1 at the first broken promise; its evidence is kept.
    """
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(logging.ERROR))
    console = Console() if sys.stdout.isatty() else Console(width=WIDTH)
    console.print("  ".join(COLUMNS))
    results: list[Result] = []
    for seed in range(first, first + seeds):
        plan = Plan(seed, intents, schedule(seed, intents, once=once))
        place = folder.absolute() / str(seed)
        shutil.rmtree(place, ignore_errors=True)
        moments = ", ".join(f"{one.at:,} {one.failure}" for one in plan.moments)
        console.print(f"seed {seed}: {moments}", soft_wrap=True)
        results.append(_show_progress(console, place, plan))
        console.print("  ".join(row(results[-1])))
        if json:
            write_json(json, results)
        if results[-1].problems:
            break
        shutil.rmtree(place)
    show(console, results)
    console.print(markdown(results), soft_wrap=True)
    if problems := results[-1].problems:
        _say_how_to_repeat(console, place, results[-1], problems, once=once)
    raise typer.Exit(bool(problems))


def _show_progress(console: Console, folder: Path, plan: Plan) -> Result:
    columns = TextColumn("seed {task.description}"), BarColumn(), MofNCompleteColumn()
    showing = Progress(
        *columns,
        TimeElapsedColumn(),
        console=console,
        transient=True,
        refresh_per_second=2,
        disable=not console.is_terminal,
    )
    began_at = time.monotonic()
    with showing as progress:
        task = progress.add_task(str(plan.seed), total=plan.intents)
        try:
            return asyncio.run(run(folder, plan, lambda at: progress.update(task, completed=at)))
        except Exception as error:
            why = [f"{type(one).__name__}: {one}" for one in _parts(error)]
            return Result(plan, time.monotonic() - began_at, problems=why)


def _parts(error: BaseException) -> list[BaseException]:
    if isinstance(error, BaseExceptionGroup):
        return [part for one in error.exceptions for part in _parts(one)]
    return [error]


def _say_how_to_repeat(
    console: Console, folder: Path, result: Result, problems: list[str], *, once: bool
) -> None:
    plan = result.plan
    write_json(folder / "result.json", [result])
    (folder / "problems.txt").write_text("\n".join(problems) + "\n")
    options = f"--first {plan.seed} --seeds 1 --intents {plan.intents}{' --once' if once else ''}"
    console.print(f"[bold red]{len(problems):,} broken promises; the evidence is in {folder}[/]")
    console.print(f'Again: make chaos CHAOS="{options}"', soft_wrap=True)


if __name__ == "__main__":
    app()
