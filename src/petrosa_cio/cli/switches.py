"""``cio halt``, ``cio reduce``, ``cio resume``, ``cio regime set``: what people switch by hand."""

import getpass
import json
from decimal import Decimal, InvalidOperation
from typing import Annotated

import typer

from petrosa_cio.cli.root import app, run_async, running_settings
from petrosa_cio.cli.showing import err, out
from petrosa_cio.governance.desk import Switched
from petrosa_cio.launch import open_desk
from petrosa_cio.risk.parse import subject_token
from petrosa_cio.risk.snapshot import Regime
from petrosa_cio.risk.trading_state import FUND, Scope, ScopeKind, TradingState
from petrosa_cio.servers import clock

Strategy = Annotated[str | None, typer.Option(help="Only this strategy, by the name it states.")]
Symbol = Annotated[str | None, typer.Option(help="Only this symbol, such as BTCUSDT.")]
Reason = Annotated[str, typer.Option(help="Why; it is recorded.", prompt="Why")]
AsJson = Annotated[bool, typer.Option("--json", help="Print JSON for a program.")]


@app.command()
def halt(
    reason: Reason, strategy: Strategy = None, symbol: Symbol = None, as_json: AsJson = False
) -> None:
    """Stop openings, for the whole fund unless a strategy or symbol is named. Exits still pass."""
    _switch(TradingState.HALTED, strategy, symbol, reason, as_json)


@app.command()
def reduce(
    reason: Reason, strategy: Strategy = None, symbol: Symbol = None, as_json: AsJson = False
) -> None:
    """Let only exits pass, for the whole fund unless a strategy or symbol is named."""
    _switch(TradingState.REDUCING, strategy, symbol, reason, as_json)


@app.command()
def resume(
    reason: Reason, strategy: Strategy = None, symbol: Symbol = None, as_json: AsJson = False
) -> None:
    """Trade again, for the whole fund unless a strategy or symbol is named."""
    _switch(TradingState.ACTIVE, strategy, symbol, reason, as_json)


def _switch(
    state: TradingState, strategy: str | None, symbol: str | None, reason: str, as_json: bool
) -> None:
    scope = _scope(strategy, symbol)
    switched = run_async(_switched(scope, state, reason))
    if as_json:
        out.print_json(json.dumps({"scope": str(scope), "state": state, "epoch": switched.epoch}))
    else:
        out.print(f"[bold]{scope}[/] is now [bold]{state}[/].")
    if switched.unrecorded:
        err.print(f"[yellow]It stands, but could not be recorded: {switched.unrecorded}[/]")


def _scope(strategy: str | None, symbol: str | None) -> Scope:
    if strategy and symbol:
        raise typer.BadParameter("name a strategy or a symbol, not both")
    if strategy:
        return Scope(ScopeKind.STRATEGY, subject_token(strategy))
    return Scope(ScopeKind.SYMBOL, symbol.upper()) if symbol else FUND


async def _switched(scope: Scope, state: TradingState, reason: str) -> Switched:
    async with open_desk(running_settings()) as desk:
        return await desk.switch(scope, state, reason=reason, author=getpass.getuser())


regime_app = typer.Typer(help="The market regime, as the gate believes it.", no_args_is_help=True)
app.add_typer(regime_app, name="regime")


@regime_app.command("set")
def regime_set(
    symbol: Annotated[str, typer.Argument(help="A symbol such as BTCUSDT, or '*' for all.")],
    name: Annotated[str, typer.Argument(help="The regime, such as turbulent_illiquidity.")],
    confidence: Annotated[str, typer.Option(help="How sure, 0 to 1.")] = "1",
) -> None:
    """Say which market regime a symbol is in."""
    regime = Regime(name, _fraction(confidence), clock(), getpass.getuser())
    unrecorded = run_async(_regime_set(symbol.upper(), regime))
    out.print(f"[bold]{symbol.upper()}[/] is now in [bold]{name}[/].")
    if unrecorded:
        err.print(f"[yellow]It stands, but could not be recorded: {unrecorded}[/]")


async def _regime_set(symbol: str, regime: Regime) -> str | None:
    async with open_desk(running_settings()) as desk:
        return await desk.set_regime(symbol, regime, author=regime.source)


def _fraction(text: str) -> Decimal:
    try:
        number = Decimal(text)
    except InvalidOperation:
        number = Decimal("NaN")
    if not (number.is_finite() and 0 <= number <= 1):
        raise typer.BadParameter("expected a number from 0 to 1", param_hint="--confidence")
    return number
