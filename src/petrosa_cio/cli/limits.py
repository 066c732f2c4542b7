"""``cio limits``: every limit in force for a scope, who states it, and how much of it is used."""

from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Annotated

import orjson
import typer

from petrosa_cio.cli import completion
from petrosa_cio.cli.limits_table import as_json_object, show_limits
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
from petrosa_cio.cli.showing import out
from petrosa_cio.errors import LedgerLost
from petrosa_cio.governance.documents import read_policy_document
from petrosa_cio.governance.files import load_governing
from petrosa_cio.governance.regimes import read_all, read_override, read_regime
from petrosa_cio.launch import Books, open_books
from petrosa_cio.risk.in_force import InForce, PolicyBook, charter_in_force
from petrosa_cio.risk.limits_in_use import Asked, Counted, limit_lines
from petrosa_cio.risk.parse import subject_token
from petrosa_cio.risk.policy import ANY, Charter, PolicyDocument
from petrosa_cio.risk.shared_limits import rate_counters
from petrosa_cio.risk.snapshot import ANY_SYMBOL, regime_in_force
from petrosa_cio.servers import clock
from petrosa_cio.settings import Settings


@dataclass(frozen=True, slots=True)
class Governs:
    """What governs, where it comes from, and what of it is used.

    Attributes:
        policy: The policy with its charter; None where none is in force.
        charter: The charter.
        regimes: Name of the market regime by symbol; ``*`` is that of all others.
        counted: What the ledger counts; None where it was not asked, or lost its data.
        source: Where all this comes from, in words.
    """

    policy: PolicyBook | None
    charter: Charter
    regimes: dict[str, str]
    counted: Counted | None
    source: str

    def limits_for(self, strategy: str) -> Callable[[str], InForce]:
        """Return what tells the limits of a strategy and a symbol."""
        policy = self.policy
        if policy is None:
            nothing_else = charter_in_force(self.charter)
            return lambda _symbol: nothing_else
        now = clock()
        return lambda symbol: policy.in_force(strategy, symbol, self.regime_of(symbol), now)

    def regime_of(self, symbol: str) -> str | None:
        """Return the symbol's regime, else that of all symbols, else None."""
        return self.regimes.get(symbol) or self.regimes.get(ANY_SYMBOL)


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
    about = {
        "strategy": asked.strategy,
        "symbol": asked.symbol,
        "regime": governs.regime_of(asked.symbol),
        "source": governs.source,
        "charter": governs.charter.name,
        "use_is_known": governs.counted is not None,
    }
    if as_json:
        shown = about | {"limits": [as_json_object(line) for line in lines]}
        out.print_json(orjson.dumps(shown).decode())
    else:
        show_limits(lines, about)


def _from_files(policy: Path, charter: Path | None) -> Governs:
    settings = settings_of_environment()
    governing = load_governing(policy, charter or settings.charter_file)
    book = PolicyBook(PolicyDocument(policy=governing.first_policy), governing.charter)
    return Governs(book, governing.charter, {}, None, f"the file {policy}; no server was asked")


def _from_store(asked: Asked, charter: Path | None) -> Governs:
    settings = running_settings("redis_url")
    read = load_governing(settings.policy_file, charter or settings.charter_file).charter
    return run_async(_read_store(settings, asked, read))


async def _read_store(settings: Settings, asked: Asked, charter: Charter) -> Governs:
    async with open_books(settings) as books:
        active = await books.store.active_policy()
        observed = read_all(await books.store.regimes(), read_regime)
        overrides = read_all(await books.store.regime_overrides(), read_override)
        counted = await _counted(books, asked)
    regime_of = partial(regime_in_force, overrides=overrides, observed=observed, now=clock())
    found = {symbol: regime_of(symbol) for symbol in {*observed, *overrides, ANY_SYMBOL}}
    named = {symbol: one[1].name for symbol, one in found.items() if one}
    if active is None:
        return Governs(None, charter, named, counted, "the charter alone: no policy is in force")
    document = read_policy_document(active.document)
    book = PolicyBook(document, charter, active.revision)
    source = f"policy {document.policy.name}, revision {active.revision}"
    return Governs(book, charter, named, counted, source)


async def _counted(books: Books, asked: Asked) -> Counted | None:
    with suppress(LedgerLost):
        exposure = await books.ledger.exposure()
        counters = rate_counters(asked.token, asked.symbol)
        return Counted(exposure, await books.rates.events(counters))
    return None
