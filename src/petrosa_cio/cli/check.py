"""``cio check``: decide one intent offline, against policy and charter files."""

from pathlib import Path
from typing import Annotated

import msgspec
import typer

from petrosa_cio.cli.exit_codes import ExitCode
from petrosa_cio.cli.offline import (
    Circumstances,
    Equity,
    JudgeAge,
    ReferencePrice,
    RegimeName,
    decide_body,
    governing_of,
    message_in,
    read_bytes,
)
from petrosa_cio.cli.options import TRY, AsJson, CharterFile, PolicyFile, VenueFiles, examples
from petrosa_cio.cli.root import app
from petrosa_cio.cli.showing import COLOURS, err, out
from petrosa_cio.risk.catalogue import MEANINGS
from petrosa_cio.risk.reasons import Reason
from petrosa_cio.risk.verdict import Verdict, VerdictKind


@app.command(
    rich_help_panel=TRY,
    epilog=examples(
        "cio check examples/first-intent.json",
        "cio check intent.json --policy policy.yaml --regime transitional --json",
        "cio check intent.json --reference-price 64000 --venue-rules examples/venue/futures.json",
    ),
)
def check(
    file: Annotated[Path, typer.Argument(help="One intent as JSON; - for standard input.")],
    policy: PolicyFile = None,
    charter: CharterFile = None,
    regime: RegimeName = None,
    reference_price: ReferencePrice = None,
    equity: Equity = None,
    venue_rules: VenueFiles = None,
    now: JudgeAge = False,
    as_json: AsJson = False,
) -> None:
    """Decide one intent, as if the fund were active and nothing else open. Nothing is sent.

    Prints the verdict and every reason with its numbers; `cio explain` says the same in sentences.
    Exit code 0 when it is approved or reduced, 2 when it is denied, 1 when it cannot be decided.
    """
    met = Circumstances(policy, charter, regime, reference_price, equity, now, venue_rules)
    verdict = decide_body(message_in(read_bytes(file)), met)
    if as_json:
        out.print_json(msgspec.json.encode(verdict).decode())
    else:
        show_verdict(verdict)
        _show_remarks(len(governing_of(met).remarks))
    raise typer.Exit(ExitCode.REFUSED if verdict.kind is VerdictKind.DENY else ExitCode.WELL)


def _show_remarks(count: int) -> None:
    if count:
        remarks = "one remark" if count == 1 else f"{count} remarks"
        err.print(f"There are {remarks} on the policy: see `cio policy check`.", style="yellow")


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
