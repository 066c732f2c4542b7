"""``cio explain``: a verdict in plain words, for somebody who trades."""

from collections.abc import Iterator
from pathlib import Path
from typing import Annotated

import orjson
import typer
from rich.text import Text

from petrosa_cio.audit.recorded import is_record, read_recorded
from petrosa_cio.cli.exit_codes import ExitCode
from petrosa_cio.cli.offline import (
    Circumstances,
    Equity,
    JudgeAge,
    ReferencePrice,
    RegimeName,
    decide_body,
    message_in,
    read_bytes,
)
from petrosa_cio.cli.options import TRY, AsJson, CharterFile, PolicyFile, VenueFiles, examples
from petrosa_cio.cli.root import app, run_async, running_settings
from petrosa_cio.cli.showing import COLOURS, out, print_json, show_problem
from petrosa_cio.fleet.engine_facts import CANNOT_CLOSE
from petrosa_cio.launch import open_records
from petrosa_cio.risk.explain import Explained, Explanation
from petrosa_cio.risk.explain import explain as in_words
from petrosa_cio.risk.intent import Intent
from petrosa_cio.risk.overrides import Override
from petrosa_cio.risk.parse import Malformed, parse_intent
from petrosa_cio.risk.verdict import Verdict, VerdictKind

FILES = (".json", ".jsonl")
"""Whatever ends so is a file, there or not."""


@app.command(
    rich_help_panel=TRY,
    epilog=examples(
        "cio explain examples/bad-intent.json",
        "cio explain intent.json --policy policy.yaml --equity 50000",
        "cio explain i-20261123-0007",
        "cio explain record.json --json",
    ),
)
def explain(
    file_or_id: Annotated[
        str,
        typer.Argument(
            help="One intent as JSON, or the record of a verdict, - for standard input; or a "
            "decision id, or what the bot called its intent, to be found in the record.",
        ),
    ],
    policy: PolicyFile = None,
    charter: CharterFile = None,
    regime: RegimeName = None,
    reference_price: ReferencePrice = None,
    equity: Equity = None,
    venue_rules: VenueFiles = None,
    now: JudgeAge = False,
    as_json: AsJson = False,
) -> None:
    """Say in plain words what becomes of an intent, and why. Nothing is sent.

    It decides the intent as `cio check` does: as if the fund were active and nothing else open. For
    each reason it says what was found, what would have passed, which entry of the policy states the
    limit, and when people change it. A recorded verdict, in a file or by an id in the record of a
    running program, is explained as it was, and what became of it afterwards is said; the options
    do not matter then. Exit code 0 when it is approved or reduced,
    2 when it is denied, 1 when it cannot be decided.
    """
    met = Circumstances(policy, charter, regime, reference_price, equity, now, venue_rules)
    content, afterwards = _content_of(file_or_id)
    title, intent, verdict, override = _recorded(content) or _decided(content, met)
    explanation = in_words(intent, verdict, override)
    note = CANNOT_CLOSE if _is_approved_exit(intent, verdict) else ""
    if as_json:
        shown = {"verdict": verdict.kind, "explanation": explanation, "note": note}
        print_json(shown | {"afterwards": afterwards})
    else:
        _show(title, verdict, explanation, [note, *afterwards])
    raise typer.Exit(ExitCode.REFUSED if verdict.kind is VerdictKind.DENY else ExitCode.WELL)


Found = tuple[str, Intent | Malformed, Verdict, Override | None]


def _content_of(what: str) -> tuple[bytes, list[str]]:
    """Return an intent or a record, and what became of it afterwards."""
    is_file = what == "-" or Path(what).is_file() or Path(what).suffix in FILES
    return (read_bytes(Path(what)), []) if is_file else run_async(_found(what))


async def _found(name: str) -> tuple[bytes, list[str]]:
    """Return the first verdict of a name, and what is to be known besides; or end the command."""
    async with open_records(running_settings("mongo_url")) as records:
        verdicts = await records.verdicts_called(name)
        if not verdicts:
            show_problem(
                f"{name} is no file, and no decision or intent in the record.",
                "A verdict is in the record some seconds after it was given.",
            )
            raise typer.Exit(ExitCode.FAILED)
        first, *others = map(orjson.loads, verdicts)
        later = map(orjson.loads, await records.later(first["decision_id"]))
        told = [f"Afterwards: {one['kind']}, {one.get('reason')}." for one in later]
        told += [
            f"The same id came again: {one['verdict']['kind']}, decision {one['decision_id']}."
            for one in others
        ]
        return verdicts[0], told


def _recorded(content: bytes) -> Found | None:
    """Return the verdict that a file records; None where it holds no record."""
    try:
        message = orjson.loads(content)
    except orjson.JSONDecodeError:
        return None
    is_event = isinstance(message, dict) and message.keys() >= {"decision_id", "codes"}
    if is_event and "record" not in message:
        show_problem(
            "This is a verdict as `cio watch` shows it, without what it was decided by.",
            "Explain the intent itself, or the record of its decision.",
        )
        raise typer.Exit(ExitCode.FAILED)
    if not is_record(message):
        return None
    try:
        found = read_recorded(message)
    except ValueError as error:
        show_problem("The record cannot be read.", str(error))
        raise typer.Exit(ExitCode.FAILED) from error
    under = f"policy revision {found.policy_revision}" if found.policy_revision else "no policy"
    title = f"Decision {found.decision_id}, {found.at}, under {under}"
    return title, found.intent, found.verdict, found.override


def _decided(content: bytes, met: Circumstances) -> Found:
    body = message_in(content)
    title = "Decided here, as if nothing else were open; nothing is sent"
    return title, parse_intent(body), decide_body(body, met), None


def _is_approved_exit(intent: Intent | Malformed, verdict: Verdict) -> bool:
    return isinstance(intent, Intent) and intent.is_exit and verdict.is_promoted


def _show(title: str, verdict: Verdict, explanation: Explanation, notes: list[str]) -> None:
    lines = [Text(title, style="dim"), Text(explanation.asked)]
    lines.append(Text(explanation.decided, style=f"bold {COLOURS[verdict.kind]}"))
    for number, one in enumerate(explanation.reasons, start=1):
        lines.append(Text.assemble(f"\n{number}. ", (one.found, "bold")))
        lines += [Text.assemble((f"   {name}: ", "cyan"), value) for name, value in _details(one)]
    lines += [
        Text(f"\n{line}") for line in (explanation.instead, *explanation.lifted, *notes) if line
    ]
    for line in lines:
        out.print(line, soft_wrap=not out.is_terminal)


def _details(one: Explained) -> Iterator[tuple[str, str]]:
    yield "reason code", f"{one.code} ({one.effect})"
    yield "would pass", one.passes
    if one.stated_by:
        yield "limit", one.stated_by
    if one.change:
        yield "when to change it", one.change
