"""``cio halt``, ``cio reduce``, ``cio resume``: what people switch by hand."""

from pathlib import Path
from typing import Annotated

import typer
from rich.markup import escape

from petrosa_cio.cli.options import (
    SWITCH,
    AsJson,
    OneStrategy,
    OneSymbol,
    TokenFile,
    examples,
    symbol_of,
)
from petrosa_cio.cli.root import app, run_async, running_settings
from petrosa_cio.cli.showing import err, out, print_json
from petrosa_cio.governance.authority import Act
from petrosa_cio.governance.desk import Switched
from petrosa_cio.government import machine_user, open_government
from petrosa_cio.launch import open_desk
from petrosa_cio.risk.parse import subject_token
from petrosa_cio.risk.trading_state import FUND, Scope, ScopeKind, TradingState

Reason = Annotated[str, typer.Option(help="Why; it is recorded.", prompt="Why")]


@app.command(
    rich_help_panel=SWITCH,
    epilog=examples(
        'cio halt --reason "exchange unreachable"',
        'cio halt --strategy momentum_v1 --reason "losing since noon" --json',
    ),
)
def halt(
    reason: Reason, strategy: OneStrategy = None, symbol: OneSymbol = None, as_json: AsJson = False
) -> None:
    """Stop openings, for the whole fund unless a strategy or symbol is named. Exits still pass.

    It needs Redis and nothing else, and holds from the next decision on, on every replica, until
    `cio resume`. Prints the scope and its new state. Exit code 0 when it stands, 1 when it does
    not.
    """
    _switch(TradingState.HALTED, strategy, symbol, reason, as_json)


@app.command(
    rich_help_panel=SWITCH,
    epilog=examples('cio reduce --symbol BTCUSDT --reason "wild market"'),
)
def reduce(
    reason: Reason, strategy: OneStrategy = None, symbol: OneSymbol = None, as_json: AsJson = False
) -> None:
    """Let only exits pass, for the whole fund unless a strategy or symbol is named.

    Prints the scope and its new state. Exit code 0 when it stands, 1 when it does not.
    """
    _switch(TradingState.REDUCING, strategy, symbol, reason, as_json)


@app.command(
    rich_help_panel=SWITCH,
    epilog=examples(
        'cio resume --reason "exchange is back"',
        'cio resume --strategy momentum_v1 --reason "mended"',
    ),
)
def resume(
    reason: Reason,
    strategy: OneStrategy = None,
    symbol: OneSymbol = None,
    token_file: TokenFile = None,
    as_json: AsJson = False,
) -> None:
    """Trade again, for the whole fund unless a strategy or symbol is named.

    A strategy or symbol that was halted by itself stays halted when the fund is resumed. To resume
    a strategy lifts its pause too, and what it repeated before is not counted any more. It takes a
    person's token, so it needs MongoDB beside Redis; where no token was ever made, anybody resumes.
    Prints the scope and its new state. Exit code 0 when it stands, 1 when it does not.
    """
    scope = _scope(strategy, symbol)
    _show(
        scope,
        TradingState.ACTIVE,
        run_async(_resumed(scope, readable(reason), token_file)),
        as_json,
    )


def _switch(
    state: TradingState, strategy: str | None, symbol: str | None, reason: str, as_json: bool
) -> None:
    scope = _scope(strategy, symbol)
    _show(scope, state, run_async(_switched(scope, state, readable(reason))), as_json)


def _show(scope: Scope, state: TradingState, switched: Switched, as_json: bool) -> None:
    if as_json:
        print_json({"scope": str(scope), "state": state, "epoch": switched.epoch})
    else:
        out.print(f"[bold]{scope}[/] is now [bold]{state}[/].")
    if switched.unrecorded:
        show_unrecorded(switched.unrecorded)


def show_unrecorded(why: str) -> None:
    """Say that a change stands, but is not in the record."""
    err.print(f"[yellow]It stands, but could not be recorded: {escape(why)}[/]")


def readable(text: str) -> str:
    """Return a word of the command line as text, whatever its bytes: a halt must not fail on it."""
    return text.encode("utf-8", "replace").decode()


def _scope(strategy: str | None, symbol: str | None) -> Scope:
    if strategy and symbol:
        raise typer.BadParameter("name a strategy or a symbol, not both")
    if strategy:
        return Scope(ScopeKind.STRATEGY, subject_token(strategy))
    return Scope(ScopeKind.SYMBOL, symbol_of(symbol)) if symbol else FUND


async def _switched(scope: Scope, state: TradingState, reason: str) -> Switched:
    async with open_desk(running_settings("redis_url")) as desk:
        return await desk.switch(scope, state, reason=reason, author=machine_user())


async def _resumed(scope: Scope, reason: str, token_file: Path | None) -> Switched:
    async with open_government(running_settings("redis_url", "mongo_url")) as government:
        author = await government.name_of_who_may(Act.RESUME, token_file)
        return await government.desk.switch(
            scope, TradingState.ACTIVE, reason=reason, author=author
        )
