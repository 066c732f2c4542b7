"""``cio venue show``: what the venue asks of an order in a symbol, in words."""

from collections.abc import Iterator
from decimal import Decimal
from pathlib import Path
from typing import Annotated

import msgspec
import typer

from petrosa_cio.cli import completion
from petrosa_cio.cli.exit_codes import ExitCode
from petrosa_cio.cli.options import LOOK, AsJson, VenueFiles, examples, symbol_of
from petrosa_cio.cli.root import app, run_async, running_settings, settings_of_environment
from petrosa_cio.cli.showing import facts_table, out, show_problem
from petrosa_cio.errors import VenueRulesRejected
from petrosa_cio.governance.venue_rules import load_venue_rules, unpack
from petrosa_cio.launch import open_books
from petrosa_cio.risk.venue import Increments, PriceBand, SymbolRules, VenueRules

venue_app = typer.Typer(help="What the venue asks of orders.", no_args_is_help=True)
app.add_typer(venue_app, name="venue", rich_help_panel=LOOK)


@venue_app.command(
    "show",
    epilog=examples(
        "cio venue show BTCUSDT",
        "cio venue show BTCUSDT --venue-rules examples/venue/futures.json --json",
    ),
)
def venue_show(
    symbol: Annotated[
        str, typer.Argument(help="A symbol such as BTCUSDT.", autocompletion=completion.symbols)
    ],
    venue_rules: VenueFiles = None,
    as_json: AsJson = False,
) -> None:
    """Show what the venue asks of an order in a symbol: steps, bounds, price bands, leverage.

    The rules are those of the files named, else of CIO_VENUE_RULES_FILES; where
    CIO_VENUE_RULES_URL is set, those that the running program holds. Exit code 0 when the symbol is
    among them, 1 when it is not.
    """
    name = symbol_of(symbol)
    rules = _rules(venue_rules)
    found = rules.symbols.get(name) if rules else None
    if rules is None or found is None:
        known = f"{len(rules.symbols)} symbols are known." if rules else "No rules are stated."
        show_problem(f"The venue's rules for {name} are not known.", known)
        raise typer.Exit(ExitCode.FAILED)
    if as_json:
        out.print_json(msgspec.json.encode(found).decode())
    else:
        out.print(facts_table(f"{name}, rules {rules.content_hash[:12]}", lines_of(found)))


def _rules(files: list[Path] | None) -> VenueRules | None:
    settings = settings_of_environment()
    if files or settings.venue_rules_url is None:
        return load_venue_rules(files or settings.venue_rules_files)
    return run_async(_stored())


async def _stored() -> VenueRules | None:
    async with open_books(running_settings("redis_url")) as books:
        document = await books.venue.venue_rules_document()
    try:
        return None if document is None else unpack(document)
    except ValueError as error:
        raise VenueRulesRejected([str(error)]) from error


def lines_of(rules: SymbolRules) -> Iterator[tuple[str, str]]:
    """Iterate over what a venue asks in a symbol: what it is about, and the rule in words."""
    yield "orders", "taken" if rules.is_trading else "not taken now"
    yield "price of a limit order", _increments(rules.price, "USD")
    yield "quantity", _increments(rules.quantity, "units")
    yield "quantity at market", _increments(rules.market_quantity, "units")
    yield "smallest value", _value(rules.min_notional_usd, rules.min_notional_binds_market)
    yield "largest value", _value(rules.max_notional_usd, rules.max_notional_binds_market)
    yield "price of a buy", _band(rules.buy_band)
    yield "price of a sell", _band(rules.sell_band)
    if not rules.brackets:
        yield "leverage", "not known"
    for one in rules.brackets:
        yield "leverage", f"{one.max_leverage} up to {one.notional_cap_usd:,f} USD"


def _increments(stated: Increments, unit: str) -> str:
    parts = (
        ("in steps of", stated.step),
        ("at least", stated.lowest),
        ("at most", stated.highest),
    )
    said = [f"{words} {number:f}" for words, number in parts if number is not None]
    return f"{', '.join(said)} {unit}" if said else "no rule"


def _value(bound: Decimal | None, binds_market: bool) -> str:
    if bound is None:
        return "no rule"
    return f"{bound:f} USD" + ("" if binds_market else ", but not at market")


def _band(band: PriceBand) -> str:
    parts = (("at least", band.lowest), ("at most", band.highest))
    said = [f"{words} {factor:f} times" for words, factor in parts if factor is not None]
    return f"{', '.join(said)} the market price" if said else "no rule"
