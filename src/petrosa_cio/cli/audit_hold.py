"""``cio audit hold``: what may not be deleted, whatever its age."""

from datetime import UTC, datetime
from typing import Annotated

import typer

from petrosa_cio.audit.holds import Held, Hold
from petrosa_cio.cli.audit import audit
from petrosa_cio.cli.durations import instant_of
from petrosa_cio.cli.exit_codes import ExitCode
from petrosa_cio.cli.options import AsJson, OneStrategy, OneSymbol, examples, symbol_of
from petrosa_cio.cli.root import run_async, running_settings
from petrosa_cio.cli.showing import out, print_json, show_problem
from petrosa_cio.cli.switches import Reason, readable
from petrosa_cio.government import machine_user
from petrosa_cio.keeping import Spoken, known_holds, place_hold, release_hold

By = Annotated[str | None, typer.Option("--by", help="Who says so; unset, who you are here.")]

hold_app = typer.Typer(help="Legal holds: what may not be deleted.", no_args_is_help=True)
audit.add_typer(hold_app, name="hold")


@hold_app.command(
    epilog=examples(
        'cio audit hold add --strategy momentum_v1 --from 2026-03-01 --reason "inquiry 12"',
        'cio audit hold add --id 7f3a --by "A. Counsel" --reason "inquiry 12"',
    ),
)
def add(
    reason: Reason,
    strategy: OneStrategy = None,
    symbol: OneSymbol = None,
    since: Annotated[
        str | None,
        typer.Option("--from", help="Only records of this time and later, in UTC."),
    ] = None,
    until: Annotated[
        str | None, typer.Option("--until", help="Only records before this time, in UTC.")
    ] = None,
    name: Annotated[
        str | None,
        typer.Option("--id", help="Only this decision, or the intent that its bot called so."),
    ] = None,
    by: By = None,
    as_json: AsJson = False,
) -> None:
    """Hold the records of which all stated is true: `cio audit prune` never deletes them.

    A record that does not say its strategy, symbol or intent is held, as it may be the one that is
    meant. The hold stands until somebody else releases it, and is a record itself. It counts once
    it is stored, which is waited for. Exit code 0 when it counts, 1 when it is journaled only, or
    NATS or MongoDB is away.
    """
    held = Held(
        strategy,
        symbol_of(symbol) if symbol else None,
        instant_of(since) if since else None,
        instant_of(until) if until else None,
        name,
    )
    if held == Held():
        raise typer.BadParameter("say what is held: a strategy, a symbol, times or an id")
    if held.since and held.until and held.since >= held.until:
        raise typer.BadParameter("--until must be later than --from")
    settings = running_settings("nats_url", "mongo_url")
    said = place_hold(
        settings, held, author=readable(by or machine_user()), reason=readable(reason)
    )
    _tell(run_async(said), "stands", as_json)


@hold_app.command(
    epilog=examples('cio audit hold release hold-1f2e3d4c5b6a --reason "inquiry 12 is closed"')
)
def release(
    hold_id: Annotated[str, typer.Argument(help="The hold, as `cio audit hold list` names it.")],
    reason: Reason,
    by: By = None,
    as_json: AsJson = False,
) -> None:
    """Release a hold: what it named may be deleted again. Who placed it cannot release it.

    The release is a record of its own, beside the hold. Exit code 0 when it counts, 1 when it is
    journaled only, there is no such hold, or NATS or MongoDB is away.
    """
    settings = running_settings("nats_url", "mongo_url")
    said = release_hold(
        settings, hold_id, author=readable(by or machine_user()), reason=readable(reason)
    )
    _tell(run_async(said), "is released", as_json)


def _tell(spoken: Spoken, what: str, as_json: bool) -> None:
    if as_json:
        shown = {"hold": spoken.hold_id, "counts": spoken.is_stored}
        print_json(shown)
    elif spoken.is_stored:
        out.print(f"{spoken.hold_id} {what}.")
    if not spoken.is_stored:
        detail = "Is the role record running? It counts once it is stored: `cio audit hold list`."
        show_problem(f"{spoken.hold_id} is journaled, but not stored yet.", detail)
        raise typer.Exit(ExitCode.FAILED)


@hold_app.command("list", epilog=examples("cio audit hold list", "cio audit hold list --json"))
def list_holds(
    everything: Annotated[bool, typer.Option("--all", help="Released ones too.")] = False,
    as_json: AsJson = False,
) -> None:
    """List the holds that stand: what they name, who placed them, when and why. It only reads.

    Exit code 0, 1 when MongoDB is away.
    """
    holds = run_async(known_holds(running_settings("mongo_url")))
    shown = [one for one in holds if everything or one.released is None]
    if as_json:
        print_json(shown)
        return
    for one in shown:
        _show(one)
    if not shown:
        out.print("No hold stands.")


def _show(hold: Hold) -> None:
    held = hold.held
    stated = {
        "strategy": held.strategy,
        "symbol": held.symbol,
        "from": held.since and _written(held.since),
        "until": held.until and _written(held.until),
        "id": held.name,
    }
    names = ", ".join(f"{name} {value}" for name, value in stated.items() if value)
    out.print(f"{hold.hold_id}: {names}", markup=False, soft_wrap=True)
    for what, word in (("placed", hold.placed), ("released", hold.released)):
        if word is not None:
            said = f"  {what} {_written(word.at)} by {word.author}: {word.reason}"
            out.print(said, markup=False, soft_wrap=True)


def _written(moment: datetime) -> str:
    return f"{moment.astimezone(UTC):%Y-%m-%d %H:%M}"
