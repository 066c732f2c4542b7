"""``cio check``: decide one intent offline, against policy and charter files."""

import sys
from datetime import datetime
from decimal import Decimal, InvalidOperation
from pathlib import Path
from typing import Annotated

import msgspec
import orjson
import typer

from petrosa_cio.cli.root import app, run_async, settings_of_environment
from petrosa_cio.cli.showing import COLOURS, out, show_problem
from petrosa_cio.governance.files import load_governing
from petrosa_cio.launch import empty_ledger
from petrosa_cio.nurse.offline import OfflineQuestion, decide_offline
from petrosa_cio.risk.catalogue import MEANINGS
from petrosa_cio.risk.parse import Malformed, parse_intent
from petrosa_cio.risk.reasons import Reason
from petrosa_cio.risk.snapshot import Regime
from petrosa_cio.risk.verdict import Verdict, VerdictKind
from petrosa_cio.servers import clock

DENIED = 2

PolicyFile = Annotated[
    Path | None,
    typer.Option("--policy", help="Policy file; unset, CIO_POLICY_FILE or the starter."),
]
CharterFile = Annotated[
    Path | None,
    typer.Option("--charter", help="Charter file; unset, CIO_CHARTER_FILE or the starter."),
]


@app.command()
def check(
    file: Annotated[Path, typer.Argument(help="One intent as JSON; - for standard input.")],
    policy: PolicyFile = None,
    charter: CharterFile = None,
    regime: Annotated[str | None, typer.Option(help="The market regime it meets.")] = None,
    reference_price: Annotated[str | None, typer.Option(help="Market price, USD.")] = None,
    equity: Annotated[str | None, typer.Option(help="The fund's equity, USD.")] = None,
    now: Annotated[
        bool, typer.Option("--now", help="Judge its age too; unset, it was made this moment.")
    ] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON for a program.")] = False,
) -> None:
    """Decide one intent, as if the fund were active and nothing else open. Nothing is sent.

    Exit code 0 when it is approved or reduced, 2 when it is denied, 1 when it cannot be decided.
    """
    settings = settings_of_environment()
    governing = load_governing(policy or settings.policy_file, charter or settings.charter_file)
    body = _body(file)
    question = OfflineQuestion(
        body=body,
        policy=governing.first_policy,
        charter=governing.charter,
        now=clock() if now else _made_at(body),
        regime=Regime(regime, Decimal(1), clock(), "command line") if regime else None,
        reference_price=_number(reference_price, "--reference-price"),
        equity_usd=_number(equity, "--equity"),
    )
    verdict = run_async(_decide(question, max_bytes=settings.max_intent_bytes))
    if as_json:
        out.print_json(msgspec.json.encode(verdict).decode())
    else:
        show_verdict(verdict)
    raise typer.Exit(DENIED if verdict.kind is VerdictKind.DENY else 0)


async def _decide(question: OfflineQuestion, *, max_bytes: int) -> Verdict:
    ledger = await empty_ledger(question.now)
    return await decide_offline(question, ledger, max_bytes=max_bytes)


def _made_at(body: bytes) -> datetime:
    """Return when the intent says it was made, else this moment."""
    intent = parse_intent(body)
    return clock() if isinstance(intent, Malformed) or not intent.stated_at else intent.stated_at


def _body(file: Path) -> bytes:
    """Return the message: the file itself, or the payload of a recorded intent, byte for byte."""
    try:
        content = sys.stdin.buffer.read() if str(file) == "-" else file.read_bytes()
    except OSError as error:
        show_problem(f"{file} cannot be read.", str(error))
        raise typer.Exit(1) from error
    try:
        record = orjson.loads(content)
    except orjson.JSONDecodeError:
        return content  # not JSON is a verdict, not a fault of this command
    has_payload = isinstance(record, dict) and isinstance(record.get("payload"), dict)
    return orjson.dumps(record["payload"]) if has_payload else content


def _number(text: str | None, option: str) -> Decimal | None:
    if text is None:
        return None
    try:
        number = Decimal(text)
    except InvalidOperation:
        number = Decimal("NaN")
    if not (number.is_finite() and number > 0):
        show_problem(f"{option}: expected a number above 0, was {text}.")
        raise typer.Exit(1)  # not 2, which says that an intent is denied
    return number


def show_verdict(verdict: Verdict) -> None:
    """Show a verdict and every reason, with what each means."""
    size = "" if verdict.quantity is None else f", quantity {verdict.quantity:f}"
    out.print(f"[bold {COLOURS[verdict.kind]}]{verdict.kind}[/]{size}")
    if not verdict.reasons:
        out.print("  within every limit")
    for reason in verdict.reasons:
        out.print(f"  [bold]{reason.code}[/] ({reason.effect})")
        out.print(f"    {MEANINGS[reason.code]}", style="dim", markup=False)
        for name, value in _numbers(reason):
            out.print(f"    {name}: {value}", markup=False)


def _numbers(reason: Reason) -> list[tuple[str, str]]:
    named = (
        ("limit", reason.limit),
        ("observed", reason.observed),
        ("about", reason.scope),
        ("stated by", reason.entry),
        ("would pass", reason.would_pass),
    )
    return [(name, value) for name, value in named if value]
