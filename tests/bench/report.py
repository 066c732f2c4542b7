"""Shows what was measured: as tables on the terminal, as JSON, and in a document."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import orjson
from rich.console import Console
from rich.table import Table

from tests.bench.house import Rung
from tests.bench.intents import STEADY
from tests.bench.machine import Machine
from tests.bench.measuring import Case, Measured
from tests.bench.outcome import PERCENTILES

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
    latency = [f"{name} ms" for name in PERCENTILES]
    return (
        Sheet(
            "Answers",
            ("rung", "load", "gates", "per second", *latency, "verdicts", "lost"),
            [_answers(one) for one in found],
        ),
        Sheet(
            "Use of the machine",
            ("rung", "load", "gates", "processor seconds", "others", "memory MiB", "late ms"),
            [_usage(one) for one in found],
        ),
    )


def _head(case: Case) -> tuple[str, str, str]:
    load = f"{case.rate}/s" if case.rate else str(case.kind)
    mix = "" if case.mix == STEADY else f", {Path(case.mix).name}"
    return str(int(case.rung)), f"{load}, {case.intents:,}{mix}", str(case.replicas)


def _answers(one: Measured) -> tuple[str, ...]:
    found = one.answers
    latency = (found.latency_ms.get(name) for name in PERCENTILES)
    verdicts = ", ".join(f"{count:,} {kind}" for kind, count in sorted(found.verdicts.items()))
    return (
        *_head(one.case),
        f"{found.per_second:,.0f}",
        *("" if value is None else f"{value:,.1f}" for value in latency),
        verdicts,
        str(found.lost),
    )


def _usage(one: Measured) -> tuple[str, ...]:
    used = one.usage
    memory = {name: values for name, values in used.rss_mib.items() if values}
    return (
        *_head(one.case),
        _named({name: f"{seconds:.1f}" for name, seconds in used.cpu_s.items()}),
        f"{used.others_cpu_s:.1f}",
        _named({name: f"{one[0]:.0f} to {max(one):.0f}" for name, one in memory.items()}),
        f"{one.answers.late_ms:.1f}",
    )


def _named(values: Mapping[str, str]) -> str:
    return ", ".join(f"{name} {value}" for name, value in values.items())


def show(console: Console, measured: Sequence[Measured]) -> None:
    """Show everything on the terminal, and what is wrong with it."""
    for sheet in sheets(measured):
        table = Table(title=sheet.title, title_justify="left")
        for column in sheet.columns:
            table.add_column(column, overflow="fold")
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


def write_markdown(file: Path, machine: Machine, measured: Sequence[Measured]) -> None:
    """Put the tables between the two marks of a document, in the place of what was there.

    Raises:
        ValueError: The document has no such marks.
    """
    text = file.read_text("utf-8")
    before, begin, rest = text.partition(BEGIN)
    _, end, after = rest.partition(END)
    if not (begin and end):
        raise ValueError(f"{file} has no place for the tables: {BEGIN} and {END}")
    file.write_text(f"{before}{BEGIN}\n{_markdown(machine, measured)}\n{END}{after}", "utf-8")


def _markdown(machine: Machine, measured: Sequence[Measured]) -> str:
    rungs = sorted({one.case.rung for one in measured})
    parts = [
        f"{datetime.now(UTC):%Y-%m-%d}. {machine.sentence}.",
        "\n".join(f"- rung {int(rung)}: {Rung(rung).title}" for rung in rungs),
    ]
    for sheet in sheets(measured):
        rule = "| " + " | ".join("---" for _ in sheet.columns) + " |"
        parts.append(f"### {sheet.title}")
        parts.append("\n".join([_line(sheet.columns), rule, *map(_line, sheet.rows)]))
    wrong = [f"- {one.case.title}: {problem}" for one in measured for problem in one.problems]
    return "\n\n".join([*parts, *(["\n".join(wrong)] if wrong else [])])


def _line(cells: Sequence[str]) -> str:
    return "| " + " | ".join(cells) + " |"
