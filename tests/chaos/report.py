"""Shows what came of some runs: a table on the terminal, and all of it as JSON."""

from collections.abc import Iterable, Sequence
from datetime import UTC, datetime
from pathlib import Path

import orjson
from rich.console import Console
from rich.table import Table

from tests.chaos.result import Result
from tests.chaos.schedule import Failure

SHOWN = 20
COLUMNS = (
    "seed", "captured", "approve", "reduce", "deny", "gate", "drain", "Redis", "emptied", "NATS",
    "MongoDB", "received", "unconfirmed", "but sent", "open", "undelivered", "withdrawn",
    "lost", "twice", "chain", "s",
)  # fmt: skip
COUNTED = (
    Failure.GATE_KILLED,
    Failure.DRAIN_KILLED,
    Failure.REDIS_RESTARTED,
    Failure.REDIS_EMPTIED,
    Failure.NATS_RESTARTED,
    Failure.MONGO_STOPPED,
)


def row(found: Result) -> tuple[str, ...]:
    """Return one run as a row of the table."""
    kinds = (found.verdicts.get(kind, 0) for kind in ("approve", "reduce", "deny"))
    failures = (found.done.get(failure, 0) for failure in COUNTED)
    ends = (
        found.received, found.unconfirmed, found.doubted, found.open, found.undelivered,
        found.withdrawn, found.lost, found.twice,
    )  # fmt: skip
    numbers = (found.captured, *kinds, *failures, *ends)
    return (
        str(found.plan.seed),
        *(f"{number:,}" for number in numbers),
        found.chain,
        f"{found.took_s:.0f}",
    )


def show(console: Console, results: Sequence[Result]) -> None:
    """Show all runs as a table, and of the last one what is wrong with it."""
    table = Table()
    for name in COLUMNS:
        table.add_column(name, justify="right")
    for one in results:
        table.add_row(*row(one))
    console.print(table)
    for one in results:
        for problem in one.problems[:SHOWN]:
            console.print(f"[bold red]seed {one.plan.seed}: {problem}[/]", soft_wrap=True)
        if len(one.problems) > SHOWN:
            console.print(f"[bold red]and {len(one.problems) - SHOWN:,} more[/]")


def markdown(results: Iterable[Result]) -> str:
    """Return all runs as a table for a document."""
    rows = [COLUMNS, tuple("--:" for _ in COLUMNS), *map(row, results)]
    return "\n".join("| " + " | ".join(cells) + " |" for cells in rows)


def write_json(file: Path, results: Sequence[Result]) -> None:
    """Write everything that is known of some runs."""
    content = {"at": datetime.now(UTC), "results": results}
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_bytes(orjson.dumps(content, option=orjson.OPT_INDENT_2))
