"""``cio report``: what was decided, counted."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import Annotated

import orjson
import typer
from rich.progress import Progress

from petrosa_cio.audit.statistics import Counting, Statistics, as_json_object
from petrosa_cio.cli.durations import duration_of
from petrosa_cio.cli.exit_codes import ExitCode
from petrosa_cio.cli.offline import Equity, RegimeName, number_above_zero
from petrosa_cio.cli.options import LOOK, AsJson, CharterFile, PolicyFile, examples
from petrosa_cio.cli.report_picture import is_drawable, save_picture
from petrosa_cio.cli.report_tables import show_report
from petrosa_cio.cli.root import app, run_async, running_settings, settings_of_environment
from petrosa_cio.cli.send import read_intents
from petrosa_cio.cli.showing import err, show_problem
from petrosa_cio.fleet.candles import Closes, is_candle_file, read_candles
from petrosa_cio.fleet.recordings import RecordedIntent
from petrosa_cio.governance.files import load_governing
from petrosa_cio.launch import open_past, rehearsal_ledger
from petrosa_cio.nurse.rehearsal import Rehearsal, Scene, SimulatedClock, at_once
from petrosa_cio.risk.policy import PolicyDocument
from petrosa_cio.servers import clock
from petrosa_cio.settings import Settings

Facts = Mapping[str, str]
"""What a report is about, in words, by name."""


@app.command(
    rich_help_panel=LOOK,
    epilog=examples(
        "cio report --last 24h",
        "cio report recorded.jsonl --policy policy.yaml --prices candles --picture report.svg",
        "cio report recorded.jsonl --closes-after 4h --json | jq .statistics.by_code",
    ),
)
def report(
    file: Annotated[
        Path | None,
        typer.Argument(help="Recorded intents, decided here and now; - for standard input."),
    ] = None,
    last: Annotated[
        str | None,
        typer.Option(help="What the gates decided in this time instead: 90m, 24h, 7d."),
    ] = None,
    policy: PolicyFile = None,
    charter: CharterFile = None,
    prices: Annotated[
        Path | None,
        typer.Option(
            help="Folder with the market's prices, as candles-<SYMBOL>-<TIMEFRAME>.csv; unset, "
            "none is known."
        ),
    ] = None,
    regime: RegimeName = None,
    equity: Equity = None,
    closes_after: Annotated[
        str | None,
        typer.Option(help="Positions close after this time, as 4h; unset, never."),
    ] = None,
    picture: Annotated[
        Path | None, typer.Option(help="Draw it too, into this .svg or .png file.")
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Count what was decided: verdicts by reason, strategy, symbol and time.

    A FILE of recorded intents is decided as the gate would, each at its `market_time` or else its
    own, with the fund active and nothing open at the start; nothing is sent. Nobody closes there
    what was opened, so exposure only grows unless --closes-after says otherwise. With --last it
    reads the record in MongoDB. "Alone" counts the denials that give no other reason: without this
    one they would have passed. Exit code 0, 1 when the file or the record cannot be read.
    """
    if (file is None) == (last is None):
        raise typer.BadParameter("name a FILE of recorded intents, or say --last 24h")
    if picture is not None and not is_drawable(picture):
        raise typer.BadParameter("expected a .svg or .png file", param_hint="--picture")
    for_a_file = (policy, charter, prices, regime, equity, closes_after)
    if file is None and any(one is not None for one in for_a_file):
        raise typer.BadParameter(
            "--policy, --charter, --prices, --regime, --equity and --closes-after are for a FILE"
        )
    if last is not None:
        statistics, about = _of_the_record(duration_of(last), last)
    else:
        told = Told(policy, charter, prices, regime, equity, closes_after)
        statistics, about = _of_a_file(Path(str(file)), told)
    if picture is not None:
        save_picture(statistics, about, picture)
    if as_json:
        shown = {"about": about, "statistics": as_json_object(statistics)}
        typer.echo(orjson.dumps(shown, option=orjson.OPT_INDENT_2))
    else:
        show_report(statistics, about)


# --- what the gates decided -----------------------------------------------------------------------


def _of_the_record(span: timedelta, said: str) -> tuple[Statistics, Facts]:
    settings, until = running_settings("mongo_url"), clock()
    statistics = run_async(_read_record(settings, until - span, until))
    return statistics, {"source": f"the record of fund {settings.fund}, the last {said}"}


async def _read_record(settings: Settings, since: datetime, until: datetime) -> Statistics:
    counting = Counting()
    async with open_past(settings) as past:
        with Progress(console=err, transient=True, disable=not err.is_terminal) as progress:
            task = progress.add_task("reading", total=None)
            async for one in past.verdicts(since, until):
                counting.add(one)
                progress.advance(task)
            return counting.statistics(await past.befell(since, until))


# --- what would be decided ------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Told:
    """What a file of intents meets, as the command line states it.

    Attributes:
        policy: Policy file; None for the one of the settings.
        charter: Charter file; None for the one of the settings.
        prices: Folder with the market's prices.
        regime: Name of the market regime.
        equity: The fund's equity, USD, as text.
        closes_after: After which time positions close, as text.
    """

    policy: Path | None
    charter: Path | None
    prices: Path | None
    regime: str | None
    equity: str | None
    closes_after: str | None


def _of_a_file(file: Path, told: Told) -> tuple[Statistics, Facts]:
    settings, intents = settings_of_environment(), read_intents(file)
    governing = load_governing(
        told.policy or settings.policy_file, told.charter or settings.charter_file
    )
    closes = Closes([]) if told.prices is None else _read_prices(told.prices)
    scene = Scene(
        document=PolicyDocument(policy=governing.first_policy),
        charter=governing.charter,
        max_bytes=settings.max_intent_bytes,
        prices_at=closes.prices_at,
        regime=told.regime,
        equity_usd=number_above_zero(told.equity, "--equity"),
        closes_after=duration_of(told.closes_after) if told.closes_after else None,
    )
    statistics = run_async(_rehearse(intents, scene))
    return statistics, {
        "source": f"{file.name}, decided here",
        "policy": governing.first_policy.name,
        "charter": governing.charter.name,
        "prices": f"candles of {len(closes.symbols)} symbols" if told.prices else "none known",
        "regime": told.regime or "none known",
        "positions close": f"after {told.closes_after}" if told.closes_after else "never",
    }


async def _rehearse(intents: list[RecordedIntent], scene: Scene) -> Statistics:
    start = next((sent_at for one in intents if (sent_at := one.sent_at)), None)
    simulated, counting = SimulatedClock(start or clock()), Counting()
    ledger = await rehearsal_ledger(simulated.epoch_ms, scene.document)
    rehearsal = Rehearsal(scene, ledger, simulated)
    with Progress(console=err, transient=True, disable=not err.is_terminal) as progress:
        task = progress.add_task("deciding", total=len(intents))
        for batch in at_once(intents):
            for one in await rehearsal.decide(batch):
                counting.add(one)
            progress.advance(task, len(batch.intents))
    return counting.statistics()


def _read_prices(folder: Path) -> Closes:
    """Read every file of candles in a folder, or end the command with what is wrong with one."""
    try:
        files = sorted(one for one in folder.iterdir() if is_candle_file(one.name))
        found = [close for one in files for close in read_candles(one.name, one.read_text("utf-8"))]
    except (OSError, ValueError) as error:
        show_problem(f"The prices in {folder} cannot be read.", str(error))
        raise typer.Exit(ExitCode.FAILED) from error
    if not found:
        show_problem(f"{folder} holds no candles.", "Name them candles-BTCUSDT-1h.csv.")
        raise typer.Exit(ExitCode.FAILED)
    return Closes(found)
