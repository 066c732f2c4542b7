"""``cio watch``: verdicts as they are given, and limits as they fill."""

import asyncio
import difflib
from collections.abc import Callable
from typing import Annotated

import orjson
import typer

from petrosa_cio.adapters.nats_listener import NatsListener
from petrosa_cio.app import GATE_SILENT_S, GATE_STATUS, stopping_on_signals
from petrosa_cio.cli import completion
from petrosa_cio.cli.options import LOOK, AsJson, examples, symbol_of
from petrosa_cio.cli.root import app, run_async, running_settings
from petrosa_cio.cli.showing import err, out
from petrosa_cio.cli.verdict_lines import (
    Event,
    Wanted,
    read_event,
    read_warning,
    verdict_text,
    warning_text,
)
from petrosa_cio.launch import open_listener
from petrosa_cio.nurse.limit_warnings import LIMIT_WARNING
from petrosa_cio.nurse.verdict_event import VERDICTS
from petrosa_cio.risk.reasons import ReasonCode
from petrosa_cio.risk.verdict import VerdictKind
from petrosa_cio.settings import Settings
from petrosa_cio.surfaces.gate_watch import GateWatch

LOOK_AROUND_S = 1.0
"""How often to see whether a gate is still there."""

MOST_WAITING = 10_000
"""Messages that wait to be shown; more are not shown, and it is said how many."""


@app.command(
    rich_help_panel=LOOK,
    epilog=examples(
        "cio watch",
        "cio watch --verdict deny --strategy momentum_v1",
        "cio watch --code GROSS_EXPOSURE_ABOVE_MAX --json | jq .decision_id",
    ),
)
def watch(
    strategy: Annotated[
        list[str] | None,
        typer.Option(
            help="Only of this strategy; may be repeated.", autocompletion=completion.strategies
        ),
    ] = None,
    symbol: Annotated[
        list[str] | None,
        typer.Option(
            help="Only of this symbol; may be repeated.", autocompletion=completion.symbols
        ),
    ] = None,
    verdict: Annotated[
        list[VerdictKind] | None, typer.Option(help="Only these verdicts; may be repeated.")
    ] = None,
    code: Annotated[
        list[str] | None,
        typer.Option(
            help="Only with this reason code; may be repeated.", autocompletion=completion.codes
        ),
    ] = None,
    count: Annotated[int | None, typer.Option(help="End after so many verdicts.", min=1)] = None,
    as_json: AsJson = False,
) -> None:
    """Show verdicts live, with every reason, until Ctrl-C, and each limit that comes to a band.

    A shared limit is told of once when it is used to 50, 80 and 100 %; --verdict asks for verdicts
    only. It comes back by itself when NATS does, and says when no gate is there. It shows what is
    given while it watches; what was given before is in the record. Times are UTC. With --json it
    prints one JSON object a line, as docs/CONTRACTS.md has it. Exit code 0.
    """
    wanted = Wanted(
        frozenset(strategy or ()),
        frozenset(symbol_of(one) for one in symbol or ()),
        frozenset(verdict or ()),
        frozenset(_code_of(one) for one in code or ()),
    )
    settings = running_settings("nats_url")
    run_async(_watch(settings, wanted, count, _show_json if as_json else _show))


def _code_of(text: str) -> str:
    code = text.upper()
    if code in set(ReasonCode):
        return code
    near = difflib.get_close_matches(code, [str(one) for one in ReasonCode], n=1)
    mend = f"did you mean {near[0]}?" if near else "see docs/CONTROLS.md"
    raise typer.BadParameter(f"there is no reason code {text}; {mend}", param_hint="--code")


class _Heard:
    """What was heard and not yet shown."""

    def __init__(self) -> None:
        self._waiting: asyncio.Queue[bytes] = asyncio.Queue(MOST_WAITING)
        self._missed = 0

    def hear(self, body: bytes) -> None:
        try:
            self._waiting.put_nowait(body)
        except asyncio.QueueFull:
            self._missed += 1

    def missed(self) -> int:
        """Return how many could not be kept since this was last asked."""
        missed, self._missed = self._missed, 0
        return missed

    async def next(self) -> bytes:
        return await self._waiting.get()


async def _watch(
    settings: Settings, wanted: Wanted, count: int | None, show: Callable[[Event], None]
) -> None:
    heard = _Heard()
    async with stopping_on_signals() as stop, open_listener(settings) as listener:
        for subject in (VERDICTS, LIMIT_WARNING):
            await listener.listen(subject, heard.hear)
        showing = asyncio.create_task(_show_wanted(heard, wanted, count, show))
        looking = asyncio.create_task(_look_around(listener, heard))
        stopping = asyncio.create_task(stop.wait())
        ended, going = await asyncio.wait(
            {showing, looking, stopping}, return_when=asyncio.FIRST_COMPLETED
        )
        for task in going:
            task.cancel()
        await asyncio.gather(*going, return_exceptions=True)
        for task in ended:
            task.result()


async def _show_wanted(
    heard: _Heard, wanted: Wanted, count: int | None, show: Callable[[Event], None]
) -> None:
    shown = 0
    while shown != count:
        body = await heard.next()
        event, warning = read_event(body), read_warning(body)
        if event is not None and wanted.has(event):
            show(event)
            shown += 1
        elif event is None and warning is not None and wanted.has_warning(warning):
            show(warning)


async def _look_around(listener: NatsListener, heard: _Heard) -> None:
    """Say, whenever it changes, whether any verdict can come."""
    gates = GateWatch(asyncio.get_running_loop().time, silent_after_s=GATE_SILENT_S)
    await listener.listen(GATE_STATUS, gates.heard)
    err.print(f"Watching {VERDICTS} and {LIMIT_WARNING}; Ctrl-C ends.", style="dim")
    said = ""
    await asyncio.sleep(GATE_SILENT_S)
    while True:
        situation = _situation(listener, gates)
        if situation != said:
            err.print(situation, style="dim", markup=False)
            said = situation
        if missed := heard.missed():
            err.print(f"{missed} messages came faster than they could be shown.", style="yellow")
        await asyncio.sleep(LOOK_AROUND_S)


def _situation(listener: NatsListener, gates: GateWatch) -> str:
    if not listener.is_connected:
        return "NATS is away; trying again."
    problems = gates.problems()
    if problems:
        return f"No gate decides: {'; '.join(problems)}. `cio doctor` says more."
    return "A gate is there; a verdict is shown when an intent comes."


def _show(event: Event) -> None:
    text = verdict_text(event) if "verdict" in event else warning_text(event)
    out.print(text, soft_wrap=True)


def _show_json(event: Event) -> None:
    typer.echo(orjson.dumps(event))
