"""``cio audit effectiveness``: what each limit did in a year, for those who answer for them."""

import csv
import sys
from datetime import UTC, datetime
from enum import StrEnum
from typing import Annotated

import orjson
import typer
from rich.progress import Progress

from petrosa_cio.audit.export import harmless
from petrosa_cio.cli.audit import audit
from petrosa_cio.cli.effectiveness_tables import show_effectiveness
from petrosa_cio.cli.options import examples
from petrosa_cio.cli.root import run_async, running_settings
from petrosa_cio.cli.showing import err
from petrosa_cio.governance.effectiveness import Effectiveness
from petrosa_cio.governance.effectiveness_report import (
    COLUMNS,
    read_effectiveness,
    report_object,
    row_of,
)
from petrosa_cio.launch import open_search
from petrosa_cio.servers import clock
from petrosa_cio.settings import Settings

FIRST_YEAR = 2020


class ReportFormat(StrEnum):
    """How the report is written."""

    TABLE = "table"
    CSV = "csv"
    JSON = "json"


@audit.command(
    epilog=examples(
        "cio audit effectiveness --year 2026",
        "cio audit effectiveness --year 2026 --format csv > limits-2026.csv",
        "cio audit effectiveness --format json | jq .never_bit",
    ),
)
def effectiveness(
    year: Annotated[
        int | None,
        typer.Option(help="A calendar year, UTC; unset, this one.", min=FIRST_YEAR, max=9998),
    ] = None,
    fund: Annotated[str | None, typer.Option(help="The fund; unset, CIO_FUND.")] = None,
    report_format: Annotated[
        ReportFormat, typer.Option("--format", help="A table for people, or CSV or JSON.")
    ] = ReportFormat.TABLE,
) -> None:
    """Say of each limit of a year what it was, who set it and why, and what it stopped.

    It reads every verdict of the year from the record: how many openings and exits each limit was
    asked about, how many it denied or cut down, whom most, when first and last, and which limits
    never stopped anything. CSV has a row for each limit with each value that it had; JSON has
    everything besides: verdicts, changes, and reasons that come from no limit. Exit code 0, 1 when
    the record cannot be read.
    """
    settings, chosen = running_settings("mongo_url"), year or clock().year
    span = datetime(chosen, 1, 1, tzinfo=UTC), datetime(chosen + 1, 1, 1, tzinfo=UTC)
    found, last = run_async(_count(settings, fund or settings.fund, *span))
    match report_format:
        case ReportFormat.TABLE:
            show_effectiveness(found, last)
        case ReportFormat.JSON:
            typer.echo(orjson.dumps(report_object(found, last), option=orjson.OPT_INDENT_2))
        case ReportFormat.CSV:
            writer = csv.writer(sys.stdout, lineterminator="\n")
            writer.writerow(COLUMNS)
            writer.writerows(map(harmless, row_of(one)) for one in found.rows())


async def _count(
    settings: Settings, fund: str, since: datetime, until: datetime
) -> tuple[Effectiveness, int]:
    with Progress(console=err, transient=True, disable=not err.is_terminal) as bar:
        task = bar.add_task("counting")
        async with open_search(settings) as search:
            return await read_effectiveness(
                search, fund, since, until,
                lambda seq, last: bar.update(task, completed=seq, total=last),
            )  # fmt: skip
