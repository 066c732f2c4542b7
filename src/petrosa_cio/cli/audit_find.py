"""``cio audit find``: records of what was decided and changed, a page at a time."""

from collections.abc import Sequence
from dataclasses import replace
from typing import Annotated, NoReturn

import orjson
import typer
from rich.box import SIMPLE_HEAD
from rich.table import Table
from rich.text import Text

from petrosa_cio.audit.found_record import content_of, event_of, part
from petrosa_cio.audit.search import LARGEST_PAGE, USUAL_PAGE, Asked, Finder, Page, read_query
from petrosa_cio.cli import completion
from petrosa_cio.cli.audit import audit
from petrosa_cio.cli.durations import duration_of
from petrosa_cio.cli.exit_codes import ExitCode
from petrosa_cio.cli.options import AsJson, OneStrategy, OneSymbol, examples
from petrosa_cio.cli.root import run_async, running_settings
from petrosa_cio.cli.showing import COLOURS, PipedConsole, err, out, show_problem
from petrosa_cio.errors import QueryRejected
from petrosa_cio.launch import open_search
from petrosa_cio.ports import RecordQuery, StoredRecord
from petrosa_cio.servers import clock
from petrosa_cio.settings import Settings

Verdicts = Annotated[
    list[str] | None,
    typer.Option("--verdict", help="Only these: approve, reduce, deny; may be repeated."),
]
Codes = Annotated[
    list[str] | None,
    typer.Option(
        "--code",
        help="Only verdicts with this reason code; may be repeated.",
        autocompletion=completion.codes,
    ),
]
Kinds = Annotated[
    list[str] | None,
    typer.Option(
        "--kind",
        help="Only records of this kind, such as verdict, withdrawal or change; may be repeated.",
    ),
]
Since = Annotated[str | None, typer.Option("--from", help="From this time on, ISO-8601, UTC.")]
Until = Annotated[str | None, typer.Option("--to", help="Before this time; unset, until now.")]
Last = Annotated[str | None, typer.Option(help="The time until now instead: 90m, 24h, 7d.")]
Trace = Annotated[
    str | None, typer.Option("--trace", help="Only of this trace, 32 hexadecimal digits.")
]
IntentId = Annotated[str | None, typer.Option("--intent", help="What the bot called its intent.")]
Decision = Annotated[
    str | None, typer.Option(help="Only of this decision: its verdict and what became of it.")
]
Fund = Annotated[str | None, typer.Option(help="Only of this fund.")]

OPTIONS = {
    "since": "--from", "until": "--to", "trace_id": "--trace", "intent_id": "--intent",
    "decision_id": "--decision",
}  # fmt: skip
"""Where an option is not called as the field that it states."""

WIDE = 150
"""Columns from which on a terminal shows each record on a line of its own."""

DECISION_WIDTH = 32
"""Characters of a decision id."""

WIDEST = 1_000
"""Columns that a table may have where no terminal cuts it off."""


@audit.command(
    epilog=examples(
        "cio audit find --strategy momentum_v1 --verdict deny --last 24h",
        "cio audit find --code GROSS_EXPOSURE_ABOVE_MAX --from 2026-11-01 --to 2026-12-01",
        "cio audit find --intent i-20261123-0007 --json | cio explain -",
    ),
)
def find(
    strategy: OneStrategy = None,
    symbol: OneSymbol = None,
    verdict: Verdicts = None,
    code: Codes = None,
    kind: Kinds = None,
    since: Since = None,
    until: Until = None,
    last: Last = None,
    trace: Trace = None,
    intent: IntentId = None,
    decision: Decision = None,
    fund: Fund = None,
    oldest_first: Annotated[
        bool, typer.Option("--oldest-first", help="The oldest first; unset, the newest.")
    ] = False,
    limit: Annotated[
        int, typer.Option(help="Most records to show.", min=1, max=LARGEST_PAGE)
    ] = USUAL_PAGE,
    cursor: Annotated[
        str | None,
        typer.Option(help="Where the next page begins, as the page before said; same options."),
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Find records: verdicts, what became of them, and changes of what governs.

    Every option narrows; without any the newest records are shown. Pages that follow on each other
    show what was there when the first was shown, each record once. With --json it prints one JSON
    object a line, in the words of `cio watch --json`, with its place in the chain and the record
    itself, which `cio explain` and `cio replay` take; the cursor of the next page then stands on
    standard error. Exit code 0, also where nothing is found; 1 when the record cannot be read, 2
    when the search makes no sense.
    """
    query = query_of(
        Asked(
            strategy, symbol, tuple(verdict or ()), tuple(code or ()), tuple(kind or ()),
            since, until, trace, intent, decision, fund, oldest_first,
        ),
        last,
        has_cursor=cursor is not None,
    )  # fmt: skip
    page = run_async(_find(running_settings("mongo_url"), query, limit, cursor))
    if as_json:
        for one in page.records:
            typer.echo(orjson.dumps(event_of(one)))
    else:
        _show(page.records)
    if not page.records:
        err.print("Nothing was found.")
    if page.cursor is not None:
        err.print(_hint(page, query, last), soft_wrap=True, markup=False)


def query_of(asked: Asked, last: str | None, *, has_cursor: bool = False) -> RecordQuery:
    """Return a search as the options state it, or end the command with all that is wrong."""
    if last is not None:
        if has_cursor or asked.since is not None or asked.until is not None:
            raise typer.BadParameter("state --last, or --from and --to, or --cursor with those")
        asked = _lately(asked, last)
    try:
        return read_query(asked)
    except QueryRejected as rejected:
        show_rejected(rejected)


def show_rejected(rejected: QueryRejected) -> NoReturn:
    """Show all that is wrong with a search, by option, and end the command."""
    show_problem("This cannot be searched for.", *map(_by_option, rejected.problems))
    raise typer.Exit(ExitCode.REFUSED) from rejected


def _by_option(problem: str) -> str:
    field, _, what = problem.partition(":")
    return f"{OPTIONS.get(field, f'--{field}')}:{what}"


def _lately(asked: Asked, last: str) -> Asked:
    since = (clock() - duration_of(last)).isoformat(timespec="milliseconds")
    return replace(asked, since=since)


def _hint(page: Page, query: RecordQuery, last: str | None) -> str:
    instead = f"--from {query.since.isoformat()} for --last, " if last and query.since else ""
    return f"There is more: the same with {instead}--cursor {page.cursor}"


async def _find(settings: Settings, query: RecordQuery, limit: int, cursor: str | None) -> Page:
    async with open_search(settings) as search:
        try:
            return await Finder(search).find(query, limit=limit, cursor=cursor)
        except QueryRejected as rejected:
            show_rejected(rejected)


# --- showing --------------------------------------------------------------------------------------


def _show(found: Sequence[StoredRecord]) -> None:
    """Show records as a table: a line each where there is room, else stacked."""
    if not found:
        return
    is_wide = not out.is_terminal or out.width >= WIDE
    box, padding = (SIMPLE_HEAD if out.is_terminal else None), (0, 1, 0, 0)
    table = Table(box=box, header_style="cyan", pad_edge=False, padding=padding)
    table.add_column("record", justify="right", no_wrap=True)
    for name in ("time, UTC", "what", "strategy", "symbol", "action") if is_wide else _STACKED:
        table.add_column(name, no_wrap=is_wide)
    table.add_column("why", overflow="fold", no_wrap=is_wide, min_width=DECISION_WIDTH)
    if is_wide:
        table.add_column("decision", no_wrap=True)
    for one in found:
        table.add_row(*(_line(one) if is_wide else _stack(one)))
    shown_on = out if out.is_terminal else PipedConsole(width=WIDEST, highlight=False)
    shown_on.print(table)


_STACKED = ("time, UTC", "what", "strategy")


def _line(one: StoredRecord) -> list[Text]:
    texts = (one.strategy, one.symbol, one.action)
    return [
        Text(str(one.seq)), Text(f"{one.at:%Y-%m-%d %H:%M:%S}"), _what(one),
        *(Text(text or "-") for text in texts), Text(", ".join(_why(one))),
        Text(one.decision_id or "-", style="dim"),
    ]  # fmt: skip


def _stack(one: StoredRecord) -> list[Text]:
    why = Text("\n".join(_why(one)))
    why.append(f"{why and chr(10)}{one.decision_id or '-'}", style="dim")
    return [
        Text(str(one.seq)), Text(f"{one.at:%Y-%m-%d\n%H:%M:%S}"), _what(one),
        Text(f"{one.strategy or '-'}\n{one.symbol or '-'} {one.action or ''}"), why,
    ]  # fmt: skip


def _what(one: StoredRecord) -> Text:
    said = one.verdict or one.kind
    return Text(said, style=COLOURS.get(said, "magenta"))


def _why(one: StoredRecord) -> list[str]:
    """Return the reasons of a verdict, or what else a record tells, a line each."""
    change = part(content_of(one), "change")
    if change:
        return [f"{change.get('subject')} {change.get('scope')}, by {change.get('author')}: "
                f"{change.get('reason')}"]  # fmt: skip
    return list(one.codes) or ([one.reason] if one.reason else [])
