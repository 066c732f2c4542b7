"""``cio audit executions``: what the order engine reported of an order or a decision."""

from typing import Annotated

import orjson
import typer
from rich.box import SIMPLE_HEAD
from rich.table import Table
from rich.text import Text

from petrosa_cio.audit.looking_back import Report, find_reports
from petrosa_cio.cli.audit import audit
from petrosa_cio.cli.durations import duration_of
from petrosa_cio.cli.exit_codes import ExitCode
from petrosa_cio.cli.options import AsJson, examples
from petrosa_cio.cli.root import run_async, running_settings
from petrosa_cio.cli.showing import err, out
from petrosa_cio.completeness import open_reports
from petrosa_cio.fleet.execution_events import parse_execution
from petrosa_cio.risk.execution import ExecutionEvent
from petrosa_cio.servers import clock
from petrosa_cio.settings import Settings

KEPT = "30d"
"""How long the stream keeps what the engine reports."""


@audit.command(
    epilog=examples(
        "cio audit executions --order 8389765590001",
        "cio audit executions --decision 71002820526c57451d9b80d6a7a6812c --json",
    ),
)
def executions(
    order: Annotated[
        str | None, typer.Option(help="The order, as the venue or the engine calls it.")
    ] = None,
    decision: Annotated[str | None, typer.Option(help="The decision that caused it.")] = None,
    last: Annotated[str, typer.Option(help="How far to look back: 90m, 24h, 7d.")] = KEPT,
    as_json: AsJson = False,
) -> None:
    """Find what the order engine reported of an order: the way from a trade to its decision.

    State an order, a decision or both. The reports are those that were captured on the subject of
    executions, which are kept for 30 days. Exit code 0 when one is found, 1 when there is none.
    """
    if order is None and decision is None:
        raise typer.BadParameter("state --order, --decision or both")

    def is_wanted(event: ExecutionEvent) -> bool:
        return order in (None, event.order_id) and decision in (None, event.decision_id)

    span = duration_of(last)

    async def find(settings: Settings) -> list[Report]:
        async with open_reports(settings) as reports:
            return await find_reports(reports, parse_execution, is_wanted, since=clock() - span)

    found = run_async(find(running_settings("nats_url")))
    if as_json:
        for one in found:
            typer.echo(orjson.dumps(_plain(one)))
    elif found:
        _show(found)
    if not found:
        err.print("The engine reported nothing of it.")
        raise typer.Exit(ExitCode.FAILED)


def _plain(one: Report) -> dict[str, object]:
    event, stored = one.event, one.stored
    return {
        "sequence": stored.sequence,
        "captured_at": stored.stored_at,
        "subject": stored.subject,
        "event": event.kind,
        "decision_id": event.decision_id,
        "order_id": event.order_id,
        "symbol": event.symbol,
        "direction": event.direction,
        "is_exit": event.is_exit,
        "quantity_base_units": None if event.quantity is None else str(event.quantity),
        "price_usd": None if event.price is None else str(event.price),
        "at": event.at,
        "reason": event.reason,
        "body": stored.body.decode("utf-8", "replace"),
    }


def _show(found: list[Report]) -> None:
    table = Table(box=SIMPLE_HEAD, pad_edge=False, header_style="cyan")
    for name in ("captured, UTC", "event", "what", "order and decision"):
        table.add_column(name, overflow="fold")
    for one in found:
        event = one.event
        price = "" if event.price is None else f" at {event.price}"
        quantity = "" if event.quantity is None else f"{event.quantity} "
        what = f"{quantity}{event.symbol or '?'} {event.direction or ''}{price} {event.reason}"
        table.add_row(
            f"{one.stored.stored_at:%Y-%m-%d %H:%M:%S}",
            event.kind,
            Text(what.strip()),
            Text(f"{event.order_id}\n{event.decision_id}".strip()),
        )
    out.print(table)
