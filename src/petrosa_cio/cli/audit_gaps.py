"""``cio audit gaps``: is the record complete?"""

from typing import Annotated

import typer
from rich.box import SIMPLE_HEAD
from rich.table import Table
from rich.text import Text

from petrosa_cio.audit.books import Stage
from petrosa_cio.audit.findings import GAPS, MEANINGS, Document, FindingKind
from petrosa_cio.audit.gaps import SHOWN_H, Completeness, Gaps, read_gaps
from petrosa_cio.cli.audit import audit
from petrosa_cio.cli.exit_codes import ExitCode
from petrosa_cio.cli.options import AsJson, examples
from petrosa_cio.cli.root import run_async, running_settings
from petrosa_cio.cli.showing import out, print_json, show_misconfigured, show_problem
from petrosa_cio.completeness import open_completed
from petrosa_cio.errors import Misconfigured, Unavailable
from petrosa_cio.office.completeness import gaps_fields
from petrosa_cio.servers import clock
from petrosa_cio.settings import Settings

EXAMPLES = 5
UNWATCHED = "Signals are not watched, so a rogue one is noticed only by what the engine reports."
Examples = dict[str, list[Document]]

EXIT_CODES = {
    Completeness.CLEAN: ExitCode.WELL,
    Completeness.GAPS: ExitCode.FAILED,
    Completeness.NOT_CHECKED: ExitCode.REFUSED,
}
STYLES = {
    Completeness.CLEAN: "green",
    Completeness.GAPS: "bold red",
    Completeness.NOT_CHECKED: "bold yellow",
}


@audit.command(
    epilog=examples("cio audit gaps", "cio audit gaps --hours 168 --json | jq .open"),
)
def gaps(
    hours: Annotated[
        float, typer.Option(help="Findings of so many hours back.", min=0.01)
    ] = SHOWN_H,
    as_json: AsJson = False,
) -> None:
    """Show what was captured, decided, sent and executed, and what is missing.

    It reads what the role `record` found and asks no stream itself. Counts are since the
    reconciler began, findings of the last hours. Exit code 0 when nothing is missing, 1 when there
    are gaps, 2 when it could not be checked: a server is away, or no reconciler is at work.
    """
    try:
        settings = running_settings("redis_url", "mongo_url")
        found, shown = run_async(_read(settings, hours))
    except Misconfigured as wrong:
        show_misconfigured(wrong)
        raise typer.Exit(ExitCode.REFUSED) from wrong
    except Unavailable as away:
        show_problem(f"{away}.", "Whether the record is complete could not be checked.")
        raise typer.Exit(ExitCode.REFUSED) from away
    if as_json:
        watched = {"watched_signals": settings.watch_signals}
        print_json(gaps_fields(found, shown) | watched)
    else:
        _show(found, shown)
        if not settings.watch_signals:
            out.print(Text(UNWATCHED, style="yellow"))
    raise typer.Exit(EXIT_CODES[found.status])


async def _read(settings: Settings, hours: float) -> tuple[Gaps, Examples]:
    fund = settings.fund
    async with open_completed(settings) as completed:
        found = await read_gaps(fund, completed.books, completed.findings, at=clock(), hours=hours)
        shown = {
            kind: await completed.findings.examples(fund, kind, found.since, most=EXAMPLES)
            for kind, number in found.open.items()
            if number
        }
    return found, shown


def _show(found: Gaps, shown: Examples) -> None:
    _show_counts(found)
    table = Table(box=SIMPLE_HEAD, pad_edge=False, header_style="cyan")
    table.add_column("finding", no_wrap=True)
    table.add_column("", justify="right")
    table.add_column("what it is, and examples", overflow="fold")
    for kind in FindingKind:
        number = found.open[kind]
        what = Text(MEANINGS[kind])
        for one in shown.get(kind, ()):
            what.append(f"\n{_line(one)}", style="dim")
        style = "bold red" if number and kind in GAPS else "yellow" if number else "dim"
        table.add_row(kind, Text(str(number), style=style), what)
    out.print(table)
    text = {
        Completeness.CLEAN: "nothing is missing",
        Completeness.GAPS: f"{found.number} gaps",
        Completeness.NOT_CHECKED: "not checked",
    }[found.status]
    out.print(Text(text, style=STYLES[found.status]))
    if found.why_not_checked:
        out.print(Text(found.why_not_checked, style=STYLES[Completeness.NOT_CHECKED]))


def _show_counts(found: Gaps) -> None:
    books = found.books
    if books is None:
        return
    counts = {str(stage).replace("_", " "): books.counts[stage] for stage in Stage}
    counts |= {"sent": books.sent, "awaited": books.awaited}
    until = books.checked_until
    table = Table(box=SIMPLE_HEAD, pad_edge=False, header_style="cyan")
    table.add_column(f"since {books.since:%Y-%m-%d %H:%M:%S} UTC", no_wrap=True)
    table.add_column("", justify="right")
    for name, number in counts.items():
        table.add_row(name, f"{number:,}")
    out.print(table)
    if until is not None:
        out.print(f"Every intent captured before {until:%Y-%m-%d %H:%M:%S} UTC is compared.")


def _line(one: Document) -> str:
    detail = one["detail"]
    told = detail.items() if isinstance(detail, dict) else ()
    named = " ".join(f"{key}={value}" for key, value in told if value != "")
    return f"{one['at']:%Y-%m-%d %H:%M:%S} {one['decision_id'] or '-'} {named}"
