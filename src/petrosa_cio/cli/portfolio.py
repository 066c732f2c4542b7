"""``cio portfolio``: what the fund holds, who says so, and what of the limits is used."""

from decimal import Decimal

import orjson
from rich.markup import escape
from rich.table import Table

from petrosa_cio.cli.options import LOOK, AsJson, CharterFile, examples
from petrosa_cio.cli.root import app, run_async, running_settings
from petrosa_cio.cli.showing import facts_table, out
from petrosa_cio.governance.files import load_governing
from petrosa_cio.launch import open_books
from petrosa_cio.office.limits import Looked, read_governs
from petrosa_cio.office.portfolio import Holdings, holdings_fields, read_holdings
from petrosa_cio.risk.limits_in_use import Asked
from petrosa_cio.risk.policy import Charter
from petrosa_cio.servers import clock
from petrosa_cio.settings import Settings

UNKNOWN = "not known"


@app.command(rich_help_panel=LOOK, epilog=examples("cio portfolio", "cio portfolio --json"))
def portfolio(charter: CharterFile = None, as_json: AsJson = False) -> None:
    """Show what the fund holds, what is reserved, what of the limits is used, and who says so.

    "Seen" is what the order engine says; "reserved" what the ledger counts, approved and filled or
    not; "beside" what was seen and the ledger does not know of, such as a position that was opened
    by hand. What nobody tells is not known, and never 0. It reads the Redis of the running program.
    Exit code 0, 1 when Redis cannot be reached.
    """
    settings = running_settings("redis_url")
    bounds = load_governing(settings.policy_file, charter or settings.charter_file).charter
    holdings = run_async(_read(settings, bounds))
    if as_json:
        out.print_json(orjson.dumps(holdings_fields(holdings)).decode())
    else:
        show_holdings(holdings)


async def _read(settings: Settings, charter: Charter) -> Holdings:
    async with open_books(settings) as books:
        looked = Looked(books.store, books.ledger, books.rates)
        governs = await read_governs(looked, charter, Asked(), clock())
        return await read_holdings(books.portfolio, governs, clock())


def show_holdings(holdings: Holdings) -> None:
    """Show what is held as tables."""
    reading = holdings.reading
    if reading is None:
        out.print("Nobody has said what the fund holds: set CIO_TRADEENGINE_URL to have a feed.")
    else:
        age = f"{holdings.age_s:.0f} s old"
        facts = [
            ("source", escape(reading.source)),
            ("age", age if holdings.counts else f"{age}, so that it tightens nothing any more"),
            ("equity", _usd(reading.equity_usd)),
            ("open orders", UNKNOWN if reading.open_orders is None else str(reading.open_orders)),
            ("positions", "known" if reading.tells_positions else UNKNOWN),
            *(("doubt", escape(doubt)) for doubt in reading.doubts),
        ]
        out.print(facts_table("Portfolio", facts))
    out.print(_positions(holdings))
    if holdings.limits:
        out.print(_limits(holdings))


def _positions(holdings: Holdings) -> Table:
    table = Table(title="Positions", title_justify="left", title_style="bold")
    for name in ("symbol", "side"):
        table.add_column(name)
    for name in ("seen USD", "reserved USD", "beside USD"):
        table.add_column(name, justify="right")
    table.add_column("strategies", overflow="fold")
    for one in holdings.sides:
        table.add_row(
            one.symbol, one.direction, _usd(one.seen_usd), _usd(one.reserved_usd),
            _usd(one.beside_usd), escape(", ".join(one.strategies)),
        )  # fmt: skip
    return table


def _limits(holdings: Holdings) -> Table:
    table = Table(title="Limits", title_justify="left", title_style="bold")
    for name in ("limit", "about"):
        table.add_column(name, overflow="fold")
    for name in ("used", "most"):
        table.add_column(name, justify="right")
    table.add_column("stated by", overflow="fold")
    for line in holdings.limits:
        for use in line.uses:
            table.add_row(
                line.name, escape(use.about), _usd(use.used), _usd(use.limit),
                escape(line.entry or ""),
            )  # fmt: skip
    return table


def _usd(number: Decimal | None) -> str:
    return UNKNOWN if number is None else f"{number:,.2f}"
