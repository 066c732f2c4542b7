"""``cio policy what-if``: the past, decided again under a candidate policy."""

import asyncio
import gc
from collections.abc import AsyncGenerator, Callable, Iterable
from contextlib import AsyncExitStack, aclosing
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Annotated

import orjson
import typer
from rich.progress import (
    BarColumn,
    Progress,
    TaskProgressColumn,
    TextColumn,
    TimeRemainingColumn,
)

from petrosa_cio import __version__
from petrosa_cio.app import GARBAGE_THRESHOLDS
from petrosa_cio.audit.governing import PastGoverning
from petrosa_cio.cli.durations import duration_of
from petrosa_cio.cli.exit_codes import ExitCode
from petrosa_cio.cli.options import AsJson, CharterFile, examples
from petrosa_cio.cli.past_records import Find, either, records_in, span_of, store_if_any
from petrosa_cio.cli.policy import policy_app
from petrosa_cio.cli.report_picture import is_drawable
from petrosa_cio.cli.root import run_async, running_settings, settings_of_environment
from petrosa_cio.cli.showing import err, show_problem
from petrosa_cio.cli.what_if_picture import save_what_if
from petrosa_cio.cli.what_if_rehearsal import Rehearsed, rehearsed
from petrosa_cio.cli.what_if_tables import show_what_if
from petrosa_cio.errors import Misconfigured, Unavailable
from petrosa_cio.governance.files import examine_files
from petrosa_cio.governance.past_documents import PastDocuments
from petrosa_cio.governance.what_if import Findings, WhatIf
from petrosa_cio.governance.what_if.again import Again
from petrosa_cio.governance.what_if.order import fates_in_span, fates_of, in_order, recorded_span
from petrosa_cio.launch import open_records
from petrosa_cio.office.what_if import what_if_fields
from petrosa_cio.risk.policy import PolicyDocument
from petrosa_cio.servers import clock

PROGRESS_EVERY = 100
DECIDED = "{task.fields[decided]:,} decided"
EACH = "each under the policy of then"

Span = tuple[datetime, datetime]
Lines = AsyncGenerator[bytes, None]


@dataclass(frozen=True, slots=True)
class _Asked:
    """What is decided again: a span of the record, records in a file, or recorded intents."""

    span: Span | None
    records: Path | None
    rehearsed: Rehearsed | None


@policy_app.command(
    "what-if",
    epilog=examples(
        "cio policy what-if candidate.yaml --last 24h",
        "cio policy what-if candidate.yaml --last 7d --picture what-if.svg",
        "cio policy what-if candidate.yaml --intents recorded.jsonl --against policy.yaml",
        "cio policy what-if --last 24h",
    ),
)
def policy_what_if(
    file: Annotated[
        Path | None,
        typer.Argument(
            help="The candidate: a policy, or a document of `policy` and `overlays`; unset, every "
            "verdict is decided under the policy of then, and nothing should flip."
        ),
    ] = None,
    last: Annotated[
        str | None, typer.Option(help="Decide what the gates decided in this time: 90m, 24h, 7d.")
    ] = None,
    since: Annotated[
        str | None, typer.Option("--from", help="Or from this time on, ISO-8601, UTC.")
    ] = None,
    until: Annotated[
        str | None, typer.Option("--to", help="Before this time; unset, until now.")
    ] = None,
    records: Annotated[
        Path | None, typer.Option(help="Or records in a file, one a line; - for standard input.")
    ] = None,
    intents: Annotated[
        Path | None,
        typer.Option(help="Or recorded intents in a file, decided first as --against says."),
    ] = None,
    against: Annotated[
        Path | None,
        typer.Option(help="Policy for --intents; unset, CIO_POLICY_FILE or the starter."),
    ] = None,
    closes_after: Annotated[
        str | None,
        typer.Option(help="Positions of --intents close after this time, as 4h; unset, never."),
    ] = None,
    charter: CharterFile = None,
    picture: Annotated[
        Path | None, typer.Option(help="Draw it too, into this .svg or .png file.")
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Say which verdicts of the past would have been others under a candidate policy.

    Recorded intents are decided again with the market, the charter and the states of then, and with
    what the ledger read then, but for what the candidate itself would have made different. Shown
    are the flips by kind, code, strategy and symbol, and exposure and rates under both. What cannot
    be decided again is counted apart. Nothing is sent or changed. Exit code 0; 1 where the past
    cannot be read, or where without a candidate something flips.
    """
    ways = [one for one in (last, since, records, intents) if one is not None]
    if len(ways) != 1 or (until is not None and since is None):
        raise typer.BadParameter(
            "state --last, --from with or without --to, --records or --intents"
        )
    if picture is not None and not is_drawable(picture):
        raise typer.BadParameter("expected a .svg or .png file", param_hint="--picture")
    if intents is None and (against is not None or closes_after is not None):
        raise typer.BadParameter("--against and --closes-after are for --intents")
    candidate = None if file is None else _candidate(file, charter)
    span = (clock() - duration_of(last), clock()) if last else span_of(since, until)
    asked = _Asked(span, records, rehearsed(intents, against, charter, closes_after))
    try:
        found = run_async(_what_if(candidate, asked))
    except Unavailable as away:
        show_problem(f"{away}.", "Is `cio run` running, or does CIO_MONGO_URL say where?")
        raise typer.Exit(ExitCode.FAILED) from away
    about = {
        "candidate": EACH if candidate is None else f"{candidate.policy.name} ({file})",
        "source": asked.rehearsed.about if asked.rehearsed else str(records or _words(span)),
    }
    if picture is not None:
        save_what_if(found, about, picture)
    if as_json:
        shown = {"about": about, "what_if": what_if_fields(found)}
        typer.echo(orjson.dumps(shown, option=orjson.OPT_INDENT_2, default=str))
    else:
        show_what_if(found, about)
    raise typer.Exit(ExitCode.FAILED if candidate is None and found.flipped else ExitCode.WELL)


def _candidate(file: Path, charter: Path | None) -> PolicyDocument:
    """Return the candidate. Raises Misconfigured where it could not govern."""
    settings = settings_of_environment()
    found = examine_files(file, charter or settings.charter_file, clock())
    if found.problems:
        raise Misconfigured(found.problems)
    return found.document


def _words(span: Span | None) -> str:
    if span is None:
        return ""
    since, until = span
    return f"the record, {since:%Y-%m-%d %H:%M} to {until:%Y-%m-%d %H:%M} UTC"


async def _what_if(candidate: PolicyDocument | None, asked: _Asked) -> Findings:
    gc.set_threshold(*GARBAGE_THRESHOLDS)  # as in a gate: the values of a verdict die with it
    async with AsyncExitStack() as closing:
        if asked.rehearsed is not None:
            kept = await asked.rehearsed.kept()
            return await _of_lines(kept.verdicts, kept.later, kept.change, candidate)
        if asked.records is not None:
            kept = records_in(asked.records)
            find = either(kept, await store_if_any(closing))
            return await _of_lines(kept.verdicts, kept.later, find, candidate)
        span = asked.span or (clock(), clock())
        store = await closing.enter_async_context(open_records(running_settings("mongo_url")))
        governing = PastGoverning(PastDocuments(store.change), instead=candidate)
        fates = await fates_in_span(store, *span)
        asking = WhatIf(governing, fates, code_version=__version__)
        since, until = span
        return await _decide(
            asking, recorded_span(store, *span), (until - since).total_seconds(),
            lambda _, again: (again.at - since).total_seconds(),
        )  # fmt: skip


async def _of_lines(
    verdicts: Iterable[bytes], later: Iterable[bytes], find: Find, candidate: PolicyDocument | None
) -> Findings:
    governing = PastGoverning(PastDocuments(find), instead=candidate)
    asking, lines = WhatIf(governing, fates_of(later), code_version=__version__), in_order(verdicts)
    return await _decide(asking, _each(lines), len(lines), lambda done, _: done)


async def _each(lines: list[bytes]) -> Lines:
    for line in lines:
        yield line


async def _decide(
    asking: WhatIf, lines: Lines, total: float, reached: Callable[[int, Again], float]
) -> Findings:
    """Decide records again, and show how much of a total is reached."""
    columns = (BarColumn(), TaskProgressColumn(), TextColumn(DECIDED), TimeRemainingColumn())
    with Progress(*columns, console=err, transient=True, disable=not err.is_terminal) as progress:
        task = progress.add_task("deciding", total=total, decided=0)
        done = 0
        async with aclosing(lines):
            async for line in lines:
                again = await asking.decide(line)
                done += 1
                if done % PROGRESS_EVERY == 0:
                    await asyncio.sleep(0)  # the next records are on their way
                    if again is not None:
                        progress.update(task, completed=reached(done, again), decided=done)
    return asking.findings
