"""Deciding a file's intent without any server: what ``cio check`` and ``cio explain`` share."""

import sys
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal, InvalidOperation
from pathlib import Path
from typing import Annotated

import orjson
import typer

from petrosa_cio.cli import completion
from petrosa_cio.cli.exit_codes import ExitCode
from petrosa_cio.cli.root import run_async, settings_of_environment
from petrosa_cio.cli.showing import show_problem
from petrosa_cio.governance.files import Governing, load_governing
from petrosa_cio.governance.venue_rules import load_venue_rules
from petrosa_cio.launch import empty_ledger
from petrosa_cio.nurse.offline import OfflineQuestion, decide_offline
from petrosa_cio.risk.parse import Malformed, parse_intent
from petrosa_cio.risk.snapshot import Regime
from petrosa_cio.risk.verdict import Verdict
from petrosa_cio.servers import clock

RegimeName = Annotated[
    str | None,
    typer.Option("--regime", help="The market regime it meets.", autocompletion=completion.regimes),
]
ReferencePrice = Annotated[str | None, typer.Option(help="Market price, USD.")]
Equity = Annotated[str | None, typer.Option(help="The fund's equity, USD.")]
JudgeAge = Annotated[
    bool, typer.Option("--now", help="Judge its age too; unset, it was made this moment.")
]


@dataclass(frozen=True, slots=True)
class Circumstances:
    """What an intent meets, as the command line states it.

    Attributes:
        policy: Policy file; None for the one of the settings.
        charter: Charter file; None for the one of the settings.
        regime: Name of the market regime.
        reference_price: Market price, USD, as text.
        equity: The fund's equity, USD, as text.
        judge_age: Whether it is judged at this moment, not at the one in which it was made.
        venue_files: Files with the venue's rules; None for those of the settings.
    """

    policy: Path | None
    charter: Path | None
    regime: str | None
    reference_price: str | None
    equity: str | None
    judge_age: bool
    venue_files: list[Path] | None = None


def decide_body(body: bytes, met: Circumstances) -> Verdict:
    """Decide one message as if the fund were active and nothing else open.

    Raises:
        Misconfigured: Settings, policy, charter or venue's rules are not as they must be.
    """
    settings, governing = settings_of_environment(), governing_of(met)
    question = OfflineQuestion(
        body=body,
        policy=governing.first_policy,
        charter=governing.charter,
        now=clock() if met.judge_age else _made_at(body),
        regime=Regime(met.regime, Decimal(1), clock(), "command line") if met.regime else None,
        reference_price=number_above_zero(met.reference_price, "--reference-price"),
        equity_usd=number_above_zero(met.equity, "--equity"),
        venue_rules=load_venue_rules(met.venue_files or settings.venue_rules_files),
    )
    return run_async(_decide(question, max_bytes=settings.max_intent_bytes))


def governing_of(met: Circumstances) -> Governing:
    """Return policy and charter as the command line or the settings name them.

    Raises:
        Misconfigured: Settings, policy or charter are not as they must be.
    """
    settings = settings_of_environment()
    return load_governing(met.policy or settings.policy_file, met.charter or settings.charter_file)


async def _decide(question: OfflineQuestion, *, max_bytes: int) -> Verdict:
    ledger = await empty_ledger(question.now)
    return await decide_offline(question, ledger, max_bytes=max_bytes)


def _made_at(body: bytes) -> datetime:
    """Return when the intent says it was made, else this moment."""
    intent = parse_intent(body)
    return clock() if isinstance(intent, Malformed) or not intent.stated_at else intent.stated_at


def read_bytes(file: Path) -> bytes:
    """Return a file's content, or end the command with why it cannot be read."""
    try:
        return sys.stdin.buffer.read() if str(file) == "-" else file.read_bytes()
    except OSError as error:
        show_problem(f"{file} cannot be read.", str(error))
        raise typer.Exit(ExitCode.FAILED) from error


def message_in(content: bytes) -> bytes:
    """Return the message: the content itself, or the payload of a recorded intent."""
    try:
        record = orjson.loads(content)
    except orjson.JSONDecodeError:
        return content  # not JSON is a verdict, not a fault of this command
    has_payload = isinstance(record, dict) and isinstance(record.get("payload"), dict)
    return orjson.dumps(record["payload"]) if has_payload else content


def number_above_zero(text: str | None, option: str) -> Decimal | None:
    """Return a number that an option states, or end the command where it is none above 0."""
    if text is None:
        return None
    try:
        number = Decimal(text)
    except InvalidOperation:
        number = Decimal("NaN")
    if not (number.is_finite() and number > 0):
        show_problem(f"{option}: expected a number above 0, was {text}.")
        raise typer.Exit(ExitCode.FAILED)  # not 2, which says that an intent is denied
    return number
