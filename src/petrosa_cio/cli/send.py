"""``cio send``: publish recorded intents, as the bots that made them did."""

import asyncio
import json
import sys
from collections.abc import AsyncIterator, Collection, Sequence
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Annotated

import typer
from rich.progress import Progress

from petrosa_cio.adapters.nats_messages import NatsMessenger
from petrosa_cio.cli.exit_codes import ExitCode
from petrosa_cio.cli.options import TRY, AsJson, examples
from petrosa_cio.cli.root import app, run_async, running_settings
from petrosa_cio.cli.showing import COLOURS, err, out, show_problem
from petrosa_cio.fleet.recordings import RecordedIntent, read_recording
from petrosa_cio.launch import open_messenger
from petrosa_cio.risk.verdict import VerdictKind
from petrosa_cio.servers import clock
from petrosa_cio.settings import Settings

ASK_TIMEOUT_S = 5.0
FLUSH_EVERY = 500


@app.command(
    rich_help_panel=TRY,
    epilog=examples(
        "cio send --ask examples/first-intent.json",
        "cio send recorded.jsonl --speed 60",
        "cio send recorded.jsonl --at-once --new-ids",
    ),
)
def send(
    file: Annotated[
        Path, typer.Argument(help="Recorded intents, or one intent; - for standard input.")
    ],
    speed: Annotated[
        float,
        typer.Option(help="Times the recorded pace; 60 sends an hour in a minute.", min=0.001),
    ] = 1.0,
    at_once: Annotated[bool, typer.Option("--at-once", help="Send without any pause.")] = False,
    keep_time: Annotated[
        bool, typer.Option("--keep-time", help="Keep the recorded timestamps; they may be stale.")
    ] = False,
    new_ids: Annotated[
        bool, typer.Option("--new-ids", help="Give each intent a new id, to send a file twice.")
    ] = False,
    ask: Annotated[
        bool, typer.Option("--ask", help="Ask one by one, wait for each verdict and show it.")
    ] = False,
    as_json: AsJson = False,
) -> None:
    """Send recorded intents to the gate, with their timestamps shifted to now.

    Without --ask they are published as bots do it, and the verdicts are for `cio watch` to show.
    With --ask each verdict is printed, with every reason; with --json it is one object a line.
    Exit code 0; with --ask 2 when any intent was denied, and 1 when one got no verdict.
    """
    intents = read_intents(file)
    settings = running_settings("nats_url")
    pace = None if at_once else speed
    answers = run_async(_send(settings, intents, _Manner(pace, keep_time, new_ids, ask, as_json)))
    if as_json and not ask:
        typer.echo(json.dumps({"sent": len(intents)}))
    raise typer.Exit(exit_code_of(answers))


def exit_code_of(verdicts: Collection[str]) -> ExitCode:
    """Return how the command ends when these are the verdicts it was told."""
    if set(verdicts) - set(VerdictKind):
        return ExitCode.FAILED  # RETRY_SAFE: no verdict at all
    return ExitCode.REFUSED if VerdictKind.DENY in verdicts else ExitCode.WELL


def read_intents(file: Path) -> list[RecordedIntent]:
    """Read a file of intents, or end the command with what is wrong with it."""
    try:
        content = sys.stdin.buffer.read() if str(file) == "-" else file.read_bytes()
        intents = list(read_recording(content))
    except (OSError, ValueError) as error:
        show_problem(f"{file} cannot be read.", str(error))
        raise typer.Exit(ExitCode.FAILED) from error
    if not intents:
        show_problem(f"{file} holds no intent.")
        raise typer.Exit(ExitCode.FAILED)
    return intents


@dataclass(frozen=True, slots=True)
class _Manner:
    """How to send; a pace of None is without any pause."""

    pace: float | None
    keep_time: bool
    new_ids: bool
    ask: bool
    as_json: bool

    def body(self, intent: RecordedIntent) -> bytes:
        return intent.body(at=None if self.keep_time else clock(), new_ids=self.new_ids)


async def _send(settings: Settings, intents: Sequence[RecordedIntent], manner: _Manner) -> set[str]:
    """Send intents and return the different verdicts that came back."""
    verdicts: set[str] = set()
    async with open_messenger(settings) as messenger:
        with Progress(console=err, transient=True) as progress:
            task = progress.add_task("sending", total=len(intents))
            async for number, intent in _paced(intents, manner.pace):
                body = manner.body(intent)
                if manner.ask:
                    answer = await _asked(messenger, settings.door_subject, body)
                    verdicts.add(str(answer["verdict"]))
                    _show(answer, as_json=manner.as_json)
                else:
                    await messenger.publish(intent.subject, body)
                    if number % FLUSH_EVERY == 0:
                        await messenger.flush()
                progress.advance(task)
        await messenger.flush()
    err.print(f"{len(intents)} intent{'s' if len(intents) != 1 else ''} sent.")
    return verdicts


async def _paced(
    intents: Sequence[RecordedIntent], pace: float | None
) -> AsyncIterator[tuple[int, RecordedIntent]]:
    """Iterate over intents, each when its time has come at this many times the recorded pace."""
    started, first = clock(), next((one.market_time for one in intents if one.market_time), None)
    for number, intent in enumerate(intents, start=1):
        if pace and first and intent.market_time:
            due = started + (intent.market_time - first) / pace
            wait = (due - clock()) / timedelta(seconds=1)
            if wait > 0:
                await asyncio.sleep(wait)
        yield number, intent


async def _asked(messenger: NatsMessenger, subject: str, body: bytes) -> dict[str, object]:
    answer: dict[str, object] = json.loads(
        await messenger.ask(subject, body, timeout_s=ASK_TIMEOUT_S)
    )
    return answer


def _show(answer: dict[str, object], *, as_json: bool) -> None:
    if as_json:
        typer.echo(json.dumps(answer))
        return
    verdict = str(answer["verdict"])
    colour = COLOURS.get(verdict, "magenta")
    size = f" {answer['quantity']}" if answer.get("quantity") else ""
    out.print(f"[bold {colour}]{verdict}[/]{size}  {answer.get('decision_id') or ''}")
    reasons = answer.get("reasons")
    for reason in reasons if isinstance(reasons, list) else []:
        out.print(f"  {reason}", markup=False, soft_wrap=True)
