"""``cio policy check`` and ``test``: look at a policy file before it governs."""

from dataclasses import asdict
from pathlib import Path
from typing import Annotated

import typer

from petrosa_cio.cli import completion
from petrosa_cio.cli.exit_codes import ExitCode
from petrosa_cio.cli.options import TRY, AsJson, CharterFile, examples, symbol_of
from petrosa_cio.cli.policy_tables import show_findings, show_limits
from petrosa_cio.cli.root import app, run_async, settings_of_environment
from petrosa_cio.cli.showing import print_json
from petrosa_cio.errors import Misconfigured
from petrosa_cio.governance.files import Examined, examine_files
from petrosa_cio.governance.self_test import Asked, Shown, Status, self_test
from petrosa_cio.risk.in_force import PolicyBook
from petrosa_cio.servers import clock

policy_app = typer.Typer(
    help="Look at a policy file before it governs, and at what governed.", no_args_is_help=True
)
app.add_typer(policy_app, name="policy", rich_help_panel=TRY)

PolicyArgument = Annotated[
    Path | None,
    typer.Argument(
        help="A policy, or a document of `policy` and `overlays`; unset, CIO_POLICY_FILE or the "
        "starter."
    ),
]


def _examined(file: Path | None, charter: Path | None) -> Examined:
    settings = settings_of_environment()
    return examine_files(file or settings.policy_file, charter or settings.charter_file, clock())


@policy_app.command(
    "check",
    epilog=examples(
        "cio policy check",
        "cio policy check policy.yaml --charter charter.yaml --strict",
    ),
)
def policy_check(
    file: PolicyArgument = None,
    charter: CharterFile = None,
    strict: Annotated[
        bool, typer.Option("--strict", help="Let warnings refuse the policy too.")
    ] = False,
    as_json: AsJson = False,
) -> None:
    """Say everything that is wrong with a policy, and what in it can never matter.

    Errors refuse it: mistakes, contradictions, and what is looser than the charter. Warnings do
    not: limits that can never bind, entries that never count, and strategies, symbols and regimes
    for which the charter requires a limit that nobody sets. No server is asked. Exit code 0 when
    the policy may govern, 1 when it is refused.
    """
    found = _examined(file, charter)
    if as_json:
        shown = {
            "policy": found.document.policy.name,
            "charter": found.charter.name,
            "errors": [asdict(one) for one in found.problems],
            "warnings": [asdict(one) for one in found.remarks],
        }
        print_json(shown)
    else:
        show_findings(found)
    refused = found.problems or (strict and found.remarks)
    raise typer.Exit(ExitCode.FAILED if refused else ExitCode.WELL)


@policy_app.command(
    "test",
    epilog=examples(
        "cio policy test",
        "cio policy test policy.yaml --strategy momentum_v1 --symbol BTCUSDT",
        "cio policy test policy.yaml --regime transitional --json",
    ),
)
def policy_test(
    file: PolicyArgument = None,
    charter: CharterFile = None,
    strategy: Annotated[
        str | None,
        typer.Option(help="Only as it is for this strategy.", autocompletion=completion.strategies),
    ] = None,
    symbol: Annotated[
        str | None,
        typer.Option(help="Only as it is for this symbol.", autocompletion=completion.symbols),
    ] = None,
    regime: Annotated[
        str | None,
        typer.Option(
            help="Only as it is in this market regime.", autocompletion=completion.regimes
        ),
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Show of each limit the intent that just passes and the one that is stopped.

    Both are decided as the gate would, with a ledger in memory. A limit that never acts is shown
    with what comes first. No server is asked. Exit code 0 when every limit does what it says, 1
    when one does not.
    """
    found = _examined(file, charter)
    if found.problems:
        raise Misconfigured(found.problems)
    asked = Asked(strategy, symbol_of(symbol) if symbol else None, regime)
    shown = run_async(_all_shown(PolicyBook(found.document, found.charter), asked))
    if as_json:
        print_json([asdict(one) for one in shown])
    else:
        show_limits(shown)
    failed = any(one.status is Status.FAILS for one in shown)
    raise typer.Exit(ExitCode.FAILED if failed else ExitCode.WELL)


async def _all_shown(book: PolicyBook, asked: Asked) -> list[Shown]:
    return [one async for one in self_test(book, clock(), asked)]
