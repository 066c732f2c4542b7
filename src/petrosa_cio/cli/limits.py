"""``cio limits``: every limit in force for a scope, who states it, and how much of it is used."""

from dataclasses import replace
from pathlib import Path
from typing import Annotated

import typer

from petrosa_cio.cli import completion
from petrosa_cio.cli.limits_table import show_limits
from petrosa_cio.cli.options import (
    LOOK,
    AsJson,
    CharterFile,
    OneStrategy,
    OneSymbol,
    examples,
    symbol_of,
)
from petrosa_cio.cli.root import app, run_async, running_settings, settings_of_environment
from petrosa_cio.cli.showing import print_json
from petrosa_cio.governance.files import load_governing
from petrosa_cio.launch import open_books
from petrosa_cio.office.limits import Governs, Looked, read_governs, scope_fields
from petrosa_cio.office.shown import limit_fields
from petrosa_cio.risk.in_force import PolicyBook
from petrosa_cio.risk.limits_in_use import Asked, limit_lines
from petrosa_cio.risk.parse import subject_token
from petrosa_cio.risk.policy import ANY, Charter, PolicyDocument
from petrosa_cio.risk.snapshot import ANY_SYMBOL
from petrosa_cio.servers import clock
from petrosa_cio.settings import Settings


@app.command(
    rich_help_panel=LOOK,
    epilog=examples(
        "cio limits",
        "cio limits --strategy momentum_v1 --symbol BTCUSDT",
        "cio limits --policy policy.yaml --regime turbulent_illiquidity --json",
    ),
)
def limits(
    strategy: OneStrategy = None,
    symbol: OneSymbol = None,
    regime: Annotated[
        str | None,
        typer.Option(
            help="In this market regime; unset, the one that is set now.",
            autocompletion=completion.regimes,
        ),
    ] = None,
    policy: Annotated[
        Path | None,
        typer.Option(help="Look into this policy file instead; no server is asked."),
    ] = None,
    charter: CharterFile = None,
    as_json: AsJson = False,
) -> None:
    """Show every limit in force, the policy entry that binds, and how much of it is used.

    Without --strategy and --symbol it shows what holds for any that has no entry of its own, the
    exposure and the rate of the whole fund, and every position. Other rates are counted by strategy
    or by symbol, so name one to see them. It reads the Redis of the running program; with --policy
    only the file. Exit code 0, 1 when Redis cannot be reached.
    """
    asked = Asked(
        strategy or ANY,
        subject_token(strategy) if strategy else ANY,
        symbol_of(symbol) if symbol else ANY,
    )
    governs = _from_files(policy, charter) if policy else _from_store(asked, charter)
    if regime:
        governs = replace(governs, regimes={ANY_SYMBOL: regime})
    lines = limit_lines(asked, governs.limits_for(asked.strategy), governs.counted)
    about = scope_fields(asked, governs)
    if as_json:
        shown = about | {"limits": [limit_fields(line) for line in lines]}
        print_json(shown)
    else:
        show_limits(lines, about)


def _from_files(policy: Path, charter: Path | None) -> Governs:
    settings = settings_of_environment()
    governing = load_governing(policy, charter or settings.charter_file)
    book = PolicyBook(PolicyDocument(policy=governing.first_policy), governing.charter)
    return Governs(
        book, governing.charter, {}, None, f"the file {policy}; no server was asked", clock()
    )


def _from_store(asked: Asked, charter: Path | None) -> Governs:
    settings = running_settings("redis_url")
    read = load_governing(settings.policy_file, charter or settings.charter_file).charter
    return run_async(_read_store(settings, asked, read))


async def _read_store(settings: Settings, asked: Asked, charter: Charter) -> Governs:
    async with open_books(settings) as books:
        looked = Looked(books.store, books.ledger, books.rates)
        return await read_governs(looked, charter, asked, clock())
