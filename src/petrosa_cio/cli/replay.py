"""``cio replay``: decides again from the record, and says whether the same comes out."""

from collections import Counter
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Annotated

import orjson
import typer
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TimeRemainingColumn

from petrosa_cio import __version__
from petrosa_cio.audit.replay import Outcome, Replay, Replayed
from petrosa_cio.cli.exit_codes import ExitCode
from petrosa_cio.cli.options import LOOK, AsJson, examples
from petrosa_cio.cli.past_records import Find, either, records_in, span_of, store_if_any
from petrosa_cio.cli.root import app, run_async, running_settings
from petrosa_cio.cli.showing import err, out, show_problem
from petrosa_cio.errors import Unavailable
from petrosa_cio.governance.past_documents import PastDocuments
from petrosa_cio.launch import open_records

SHOWN = 10
"""Verdicts of each kind that are shown, and differences of each."""

COLOURS = {Outcome.EQUAL: "green", Outcome.DIFFERENT: "red", Outcome.IMPOSSIBLE: "yellow"}

Records = AsyncIterator[bytes]


@dataclass(frozen=True, slots=True)
class Tally:
    """What became of deciding again: how many, and the first that are not equal."""

    counts: Counter[Outcome] = field(default_factory=Counter)
    first: dict[Outcome, list[Replayed]] = field(
        default_factory=lambda: {Outcome.DIFFERENT: [], Outcome.IMPOSSIBLE: []}
    )

    def add(self, one: Replayed) -> None:
        """Count one verdict."""
        self.counts[one.outcome] += 1
        kept = self.first.get(one.outcome)
        if kept is not None and len(kept) < SHOWN:
            kept.append(one)

    @property
    def exit_code(self) -> ExitCode:
        """How the command ends: a difference weighs more than what could not be decided."""
        if self.counts[Outcome.DIFFERENT]:
            return ExitCode.FAILED
        well = self.counts[Outcome.EQUAL] and not self.counts[Outcome.IMPOSSIBLE]
        return ExitCode.WELL if well else ExitCode.REFUSED


@app.command(
    rich_help_panel=LOOK,
    epilog=examples(
        "cio replay i-20261123-0007",
        "cio replay --from 2026-11-23T08:00 --to 2026-11-23T20:00",
        "cio replay --file record.json --json",
    ),
)
def replay(
    intent_or_decision_id: Annotated[
        str | None, typer.Argument(help="What the bot called its intent, or a decision id.")
    ] = None,
    since: Annotated[
        str | None, typer.Option("--from", help="Every verdict from this time on, ISO-8601, UTC.")
    ] = None,
    until: Annotated[
        str | None, typer.Option("--to", help="Before this time; unset, until now.")
    ] = None,
    file: Annotated[
        Path | None,
        typer.Option(help="Records in a file, one or one a line; - for standard input."),
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Decide again from the record, and prove that the same bytes come out.

    Each message is read anew and decided by the policy, the charter, the venue's rules, the market
    and the ledger's readings of then; the record is written again and compared, byte for byte. What
    differs is shown field by field, as it was recorded and as it is decided now. Where something
    that decided is not at hand, or another version of this program decided, it is said what: such
    a verdict counts as neither. Policies, charters and venue's rules are found in the record, or in
    the FILE beside the verdicts. Nothing is sent or changed. Exit code 0 when all are equal, 1 when
    one is different, 2 when one could not be decided again or none was found.
    """
    wanted = [one for one in (intent_or_decision_id, since, file) if one is not None]
    if len(wanted) != 1 or (until is not None and since is None):
        raise typer.BadParameter("state an id, or --from with or without --to, or --file")
    try:
        tally = run_async(_replay(intent_or_decision_id, span_of(since, until), file))
    except Unavailable as away:
        show_problem(f"{away}.", "Is `cio run` running, or does CIO_MONGO_URL say where?")
        raise typer.Exit(ExitCode.REFUSED) from away
    if as_json:
        typer.echo(orjson.dumps(_as_object(tally), option=orjson.OPT_INDENT_2))
    else:
        _show(tally)
    raise typer.Exit(tally.exit_code)


async def _replay(
    name: str | None, span: tuple[datetime, datetime] | None, file: Path | None
) -> Tally:
    async with AsyncExitStack() as closing:
        if file is not None:
            kept = records_in(file)
            store = await store_if_any(closing)
            return await _decide(_each(kept.verdicts), either(kept, store), len(kept.verdicts))
        store = await closing.enter_async_context(open_records(running_settings("mongo_url")))
        if span is not None:
            return await _decide(
                store.verdict_records(*span), store.change, await store.count(*span)
            )
        lines = await store.verdicts_called(str(name))
        return await _decide(_each(lines), store.change, len(lines))


async def _each(lines: list[bytes]) -> Records:
    for line in lines:
        yield line


async def _decide(records: Records, find: Find, total: int) -> Tally:
    deciding, tally = Replay(PastDocuments(find), code_version=__version__), Tally()
    columns = (BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    with Progress(*columns, console=err, transient=True, disable=not err.is_terminal) as progress:
        task = progress.add_task("deciding", total=total)
        async for line in records:
            tally.add(await deciding.replay(line))
            progress.advance(task)
    return tally


# --- showing --------------------------------------------------------------------------------------


def _as_object(tally: Tally) -> dict[str, object]:
    return {
        "equal": tally.counts[Outcome.EQUAL],
        "different": tally.counts[Outcome.DIFFERENT],
        "impossible": tally.counts[Outcome.IMPOSSIBLE],
        "first_different": tally.first[Outcome.DIFFERENT],
        "first_impossible": tally.first[Outcome.IMPOSSIBLE],
    }


def _show(tally: Tally) -> None:
    total = tally.counts.total()
    if not total:
        out.print("No verdict was found.")
        return
    for outcome, found in tally.first.items():
        for one in found:
            out.print(f"[{COLOURS[outcome]}]{outcome}[/] {one.decision_id}", soft_wrap=True)
            for detail in (*map(str, one.differences), *one.missing)[:SHOWN]:
                out.print(f"  {detail}", markup=False, soft_wrap=True)
            if len(one.differences) > SHOWN:
                out.print(f"  and {len(one.differences) - SHOWN} more", markup=False)
        if tally.counts[outcome] > SHOWN:
            out.print(f"and {tally.counts[outcome] - SHOWN:,} more, {outcome}")
    counted = ", ".join(f"{tally.counts[one]:,} {one}" for one in Outcome if tally.counts[one])
    out.print(f"{total:,} {'verdict' if total == 1 else 'verdicts'} decided again: {counted}.")
