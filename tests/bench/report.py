"""Shows what was measured: as tables on the terminal, as JSON, and in a document."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import TypeVar

import orjson
from rich.console import Console
from rich.table import Table

from tests.bench.house import Rung
from tests.bench.intents import STEADY
from tests.bench.machine import Machine
from tests.bench.measuring import Case, Measured
from tests.bench.outcome import PERCENTILES

Value = TypeVar("Value")

HEAD = ("rung", "limits", "load", "gates")
WORDS = ("limits", "load")
"""The columns that hold words."""

PARTS = ("gate", "nats", "redis")
BEGIN, END = "<!-- measured: begin -->", "<!-- measured: end -->"


@dataclass(frozen=True, slots=True)
class Sheet:
    """A table: a title, the names of its columns, and its rows."""

    title: str
    columns: Sequence[str]
    rows: Sequence[Sequence[str]]


def sheets(measured: Iterable[Measured]) -> tuple[Sheet, Sheet]:
    """Return the two tables of some measurements: what was answered, and what it took."""
    found = list(measured)
    return (
        Sheet(
            "Answers (latency in ms)",
            (*HEAD, "per second", *PERCENTILES, "denied", "unsent", "lost", "captured s"),
            [_answers(one) for one in found],
        ),
        Sheet(
            "Use of the machine (processor seconds; memory in MiB: first, most, last)",
            (*HEAD, *(f"{name} s" for name in (*PARTS, "load", "others")), *PARTS, "late ms"),
            [_usage(one) for one in found],
        ),
    )


def _head(case: Case) -> tuple[str, str, str, str]:
    load = f"{case.rate}/s" if case.rate else str(case.kind)
    mix = "" if case.mix == STEADY else f" {Path(case.mix).name}"
    return (
        str(int(case.rung)), str(case.limits), f"{case.intents:,}{mix}, {load}", str(case.replicas),
    )  # fmt: skip


def _answers(one: Measured) -> tuple[str, ...]:
    found = one.answers
    latency = (found.latency_ms.get(name) for name in PERCENTILES)
    return (
        *_head(one.case),
        f"{found.per_second:,.0f}",
        *("" if value is None else f"{value:,.1f}" for value in latency),
        f"{found.verdicts.get('deny', 0):,}",
        f"{found.unsent:,}",
        f"{found.lost:,}",
        "" if one.captured_s is None else f"{one.captured_s:.1f}",
    )


def _usage(one: Measured) -> tuple[str, ...]:
    used = one.usage
    seconds = [_of(used.cpu_s, part) for part in (*PARTS, "load")]
    memory = [_of(used.rss_mib, part) for part in PARTS]
    return (
        *_head(one.case),
        *(f"{sum(values):.1f}" if values else "" for values in seconds),
        f"{used.others_cpu_s:.1f}",
        *(_course(max(values, key=max)) if values else "" for values in memory),
        f"{one.answers.late_ms:.1f}",
    )


def _of(by_process: Mapping[str, Value], part: str) -> list[Value]:
    """Return the values of a part's processes: there may be several gates."""
    return [value for name, value in by_process.items() if name.partition("-")[0] == part]


def _course(samples: Sequence[float]) -> str:
    return f"{samples[0]:.0f} {max(samples):.0f} {samples[-1]:.0f}"


def show(console: Console, measured: Sequence[Measured]) -> None:
    """Show everything on the terminal, and what is wrong with it."""
    for sheet in sheets(measured):
        table = Table(title=sheet.title, title_justify="left")
        for column in sheet.columns:
            table.add_column(column, justify="left" if column in WORDS else "right")
        for row in sheet.rows:
            table.add_row(*row)
        console.print(table)
    for one in measured:
        for problem in one.problems:
            console.print(f"[bold red]{one.case.title}: {problem}[/]")


def write_json(file: Path, machine: Machine, measured: Sequence[Measured]) -> None:
    """Write everything, with every sample of memory."""
    content = {"at": datetime.now(UTC), "machine": machine, "measured": measured}
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_bytes(orjson.dumps(content, option=orjson.OPT_INDENT_2))


def has_place(file: Path) -> bool:
    """Return whether a document has the two marks between which the tables stand."""
    return file.is_file() and BEGIN in (text := file.read_text("utf-8")) and END in text


def write_markdown(file: Path, machine: Machine, measured: Sequence[Measured]) -> None:
    """Put the tables between the two marks of a document, in the place of what was there."""
    before, _, rest = file.read_text("utf-8").partition(BEGIN)
    after = rest.partition(END)[2]
    file.write_text(f"{before}{BEGIN}\n{_markdown(machine, measured)}\n{END}{after}", "utf-8")


def _markdown(machine: Machine, measured: Sequence[Measured]) -> str:
    rungs = sorted({one.case.rung for one in measured})
    parts = [
        f"{datetime.now(UTC):%Y-%m-%d}. {machine.sentence}.",
        "\n".join(f"- rung {int(rung)}: {Rung(rung).title}" for rung in rungs),
    ]
    for sheet in sheets(measured):
        rule = _line("---" if column in WORDS else "--:" for column in sheet.columns)
        parts.append(f"### {sheet.title}")
        parts.append("\n".join([_line(sheet.columns), rule, *map(_line, sheet.rows)]))
    wrong = [f"- {one.case.title}: {problem}" for one in measured for problem in one.problems]
    return "\n\n".join([*parts, *(["\n".join(wrong)] if wrong else [])])


def _line(cells: Iterable[str]) -> str:
    return "| " + " | ".join(cells) + " |"
