"""``cio demo``: the real gate with a simulated fleet around it."""

from typing import Annotated

import orjson
import typer

from petrosa_cio.cli.options import TRY, examples
from petrosa_cio.cli.root import app, run_async
from petrosa_cio.cli.showing import err, out, show_problem
from petrosa_cio.demo.lines import LineStage
from petrosa_cio.demo.report import report
from petrosa_cio.demo.run import DemoOptions, run_demo
from petrosa_cio.demo.screen import ScreenStage
from petrosa_cio.demo.script import usual_rate
from petrosa_cio.demo.summary import Summary
from petrosa_cio.demo.view import Stage
from petrosa_cio.errors import Unavailable

SHORTEST_S = 5
LONGEST_S = 600
FASTEST = 100
SEED = 7
INTERRUPTED = 130


@app.command(
    rich_help_panel=TRY,
    epilog=examples(
        "cio demo",
        "cio demo --seconds 15 --plain",
        "cio demo --seed 42 --json > summary.json",
    ),
)
def demo(
    seconds: Annotated[
        int, typer.Option(help="How long it takes.", min=SHORTEST_S, max=LONGEST_S)
    ] = 60,
    seed: Annotated[
        int, typer.Option(help="The same seed plays the same market and the same intents.")
    ] = SEED,
    rate: Annotated[
        int | None,
        typer.Option(
            help="Intents per second, without the rogue's; unset, 8, and more if it is short. "
            "At a high rate the policy's own rate limits step in.",
            min=1,
            max=FASTEST,
        ),
    ] = None,
    plain: Annotated[
        bool, typer.Option("--plain", help="Lines instead of a screen, as without a terminal.")
    ] = False,
    as_json: Annotated[
        bool, typer.Option("--json", help="Print the summary as JSON, the story to standard error.")
    ] = False,
) -> None:
    """See the gate at work: a market, six bots, a crash and a halt, in a minute.

    Gate and servers are the real ones, in a folder that vanishes afterwards; settings of the
    environment and servers of yours are left alone. Ctrl-C ends it early with a summary so far.

    Exit code 0 when every intent had exactly one verdict, 1 when not, 130 when it was ended before
    it began.
    """
    options = DemoOptions(seconds, seed, usual_rate(seconds) if rate is None else rate)
    stage = _stage(plain=plain, as_json=as_json)
    stage.say(
        f"A demo of {seconds} seconds with seed {seed} and {options.rate:g} intents per second. "
        "Starting servers and gate ..."
    )
    summary = _played(options, stage)
    if summary is None:
        stage.say("Ended before it began.")
        raise typer.Exit(INTERRUPTED)
    if as_json:
        typer.echo(orjson.dumps(summary.as_json(), option=orjson.OPT_INDENT_2))
    else:
        out.print(report(summary))
    raise typer.Exit(0 if summary.proof.holds else 1)


def _played(options: DemoOptions, stage: Stage) -> Summary | None:
    try:
        return run_async(run_demo(options, stage))
    except Unavailable as fallen:  # of its own servers and roles: no setting is to blame
        show_problem("The demo fell over.", str(fallen))
        raise typer.Exit(1) from fallen


def _stage(*, plain: bool, as_json: bool) -> Stage:
    if as_json:
        return LineStage(err)
    is_screen = out.is_terminal and not out.is_dumb_terminal and not plain
    return ScreenStage(out) if is_screen else LineStage(out)
