"""``python -m tests.bench``: measure the whole gate, rung by rung, on real servers."""

import asyncio
import shutil
import sys
from collections.abc import Sequence
from pathlib import Path
from tempfile import mkdtemp
from typing import Annotated

import typer
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

from petrosa_cio.app import MAX_REPLICAS
from petrosa_cio.errors import Unavailable
from tests.bench.cases import Choice, cases
from tests.bench.house import Rung
from tests.bench.intents import FLEET, STEADY, maker
from tests.bench.loading import ROOT
from tests.bench.machine import Machine, this_machine
from tests.bench.measuring import Case, Measured, measure
from tests.bench.policies import Limits
from tests.bench.report import BEGIN, END, has_place, show, write_json, write_markdown

EXAMPLES = """
Examples:

  python -m tests.bench --quick

  python -m tests.bench --rungs 0,4 --rates 500 --json out.json

  python -m tests.bench --rungs 4 --rates "" --burst 50000 --replicas 1,2,3

  python -m tests.bench --rungs 4 --rates 500 --replicas 1 --mixes steady --limits first --minutes 0
"""
DATA = ROOT / ".benchmarks"
WIDTH = 140
RATES = "--rates"
MAX_RATE = 100_000
QUICK_SECONDS, QUICK_BURST = 5, 3_000

app = typer.Typer(add_completion=False, rich_markup_mode=None)


@app.command(epilog=EXAMPLES)
def bench(  # noqa: PLR0917 (a command's options are its arguments)
    rungs: Annotated[str, typer.Option(help=" ".join(f"{int(r)}: {r.title}." for r in Rung))] = (
        "0,1,2,3,4"
    ),
    rates: Annotated[
        str, typer.Option(help="Paced loads, intents a second; empty for none.")
    ] = "500,2000,5000",
    seconds: Annotated[int, typer.Option(min=1, help="How long each paced load lasts.")] = 20,
    burst: Annotated[
        int,
        typer.Option(
            min=0,
            help="Intents sent at once, and lying in the stream when the gate starts; "
            "no paced load is larger. 0 for none.",
        ),
    ] = 50_000,
    replicas: Annotated[str, typer.Option(help="Numbers of gates, on rung 4.")] = "1,2,3",
    mixes: Annotated[
        str,
        typer.Option(
            help=f"What is sent, on rung 4: {STEADY} (openings from 40 strategies), {FLEET} (a "
            "recorded message of every shape in turn), or a file of recorded intents."
        ),
    ] = f"{STEADY},{FLEET}",
    limits: Annotated[
        str,
        typer.Option(
            help=f"What the policy states, on rung 4: {Limits.EVERY} (every limit but those that "
            f"need the venue's rules or prices), {Limits.FIRST} (only the limits that there were "
            "before the catalogue of controls grew: to compare with older figures), or "
            f"{Limits.NONE}. More than one is for the first number of gates and the first mix."
        ),
    ] = f"{Limits.EVERY},{Limits.FIRST}",
    minutes: Annotated[
        int, typer.Option(min=0, help="How long memory is watched at 200/s on rung 4; 0 for none.")
    ] = 10,
    quick: Annotated[
        bool, typer.Option("--quick", help="Every rung, one gate, small loads: two minutes.")
    ] = False,
    json: Annotated[
        Path | None, typer.Option(help="Write everything to this file, after each case.")
    ] = None,
    write: Annotated[
        Path | None, typer.Option(help="Put the tables into this document, between its marks.")
    ] = None,
) -> None:
    """Measure the gate: throughput, latency, what is lost, processor time and memory.

    Each case has servers and gates of its own. A paced load is open-loop: latency counts from the
    moment at which an intent was due, so that a gate that falls behind cannot hide it.
    """
    asked = Choice(
        rungs=[Rung(number) for number in _numbers("--rungs", rungs, min(Rung), max(Rung))],
        rates=_numbers(RATES, rates, 1, MAX_RATE),
        seconds=seconds,
        burst=burst,
        replicas=_numbers("--replicas", replicas, 1, MAX_REPLICAS),
        mixes=_mixes(mixes),
        limits=_limits(limits),
        minutes=minutes,
    )
    if quick:
        asked = Choice(
            asked.rungs, [500], QUICK_SECONDS, QUICK_BURST, [1], [STEADY], asked.limits[:1], 0
        )
    if write and not has_place(write):
        raise typer.BadParameter(f"{write} lacks {BEGIN} and {END}", param_hint="--write")
    DATA.mkdir(exist_ok=True)
    folder = Path(mkdtemp(dir=DATA))
    try:
        machine, measured = asyncio.run(_run(list(cases(asked)), folder, json))
    except (AssertionError, RuntimeError, Unavailable) as error:
        typer.echo(f"The measurement was broken off: {error}", err=True)
        raise typer.Exit(1) from error
    finally:
        shutil.rmtree(folder)
    if write:
        write_markdown(write, machine, measured)
    raise typer.Exit(any(one.problems for one in measured))


async def _run(
    chosen: Sequence[Case], folder: Path, json: Path | None
) -> tuple[Machine, list[Measured]]:
    console = Console() if sys.stdout.isatty() else Console(width=WIDTH)
    machine = await this_machine(folder / "machine")
    console.print(machine.sentence)
    measured = []
    for number, case in enumerate(chosen, start=1):
        place = f"{number}/{len(chosen)}  {case.title}"
        measured.append(await _show_progress(console, place, case, folder / str(number)))
        if json:
            write_json(json, machine, measured)
    show(console, measured)
    return machine, measured


async def _show_progress(console: Console, place: str, case: Case, folder: Path) -> Measured:
    columns = TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn()
    showing = Progress(
        *columns, TimeElapsedColumn(), console=console, transient=True, refresh_per_second=2
    )
    with showing as progress:
        task = progress.add_task(place, total=case.intents)
        found = await measure(
            case, folder, lambda _sent, answers: progress.update(task, completed=answers)
        )
    shutil.rmtree(folder)
    latency = ", ".join(f"{name} {value}" for name, value in found.answers.latency_ms.items())
    console.print(f"{place}: {found.answers.per_second:,.0f} a second; {latency} ms")
    return found


def _words(option: str, text: str) -> list[str]:
    words = [word.strip() for word in text.split(",") if word.strip()]
    if not words and option != RATES:
        raise typer.BadParameter("name at least one", param_hint=option)
    return words


def _numbers(option: str, text: str, least: int, most: int) -> list[int]:
    words = _words(option, text)
    wrong = [one for one in words if not (one.isdecimal() and least <= int(one) <= most)]
    if wrong:
        wanted = f"whole numbers of {least} to {most}, with commas between"
        raise typer.BadParameter(f"{', '.join(wrong)}: write {wanted}", param_hint=option)
    return [int(word) for word in words]


def _limits(text: str) -> list[Limits]:
    words = _words("--limits", text)
    wrong = [word for word in words if word not in set(Limits)]
    if wrong:
        wanted = f"{', '.join(Limits)}, with commas between"
        raise typer.BadParameter(f"{', '.join(wrong)}: write {wanted}", param_hint="--limits")
    return [Limits(word) for word in words]


def _mixes(text: str) -> list[str]:
    words = _words("--mixes", text)
    for word in words:
        try:
            maker(word)
        except (OSError, ValueError) as error:
            raise typer.BadParameter(f"{word}: {error}", param_hint="--mixes") from error
    return words


if __name__ == "__main__":
    app()
