"""``cio halt``, ``cio reduce``, ``cio resume``, ``cio regime set``: what people switch by hand."""

import getpass
import json
import os
from decimal import Decimal, InvalidOperation
from typing import Annotated

import typer
from rich.markup import escape

from petrosa_cio.cli import completion
from petrosa_cio.cli.options import SWITCH, AsJson, OneStrategy, OneSymbol, examples, symbol_of
from petrosa_cio.cli.root import app, run_async, running_settings
from petrosa_cio.cli.showing import err, out
from petrosa_cio.governance.desk import Switched
from petrosa_cio.launch import open_desk
from petrosa_cio.risk.parse import subject_token
from petrosa_cio.risk.snapshot import ANY_SYMBOL, Regime
from petrosa_cio.risk.trading_state import FUND, Scope, ScopeKind, TradingState
from petrosa_cio.servers import clock

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
    reason: Reason, strategy: OneStrategy = None, symbol: OneSymbol = None, as_json: AsJson = False
) -> None:
    """Trade again, for the whole fund unless a strategy or symbol is named.

    A strategy or symbol that was halted by itself stays halted when the fund is resumed. To resume
    a strategy lifts its pause too, and what it repeated before is not counted any more. Prints the
    scope and its new state. Exit code 0 when it stands, 1 when it does not.
    """
    _switch(TradingState.ACTIVE, strategy, symbol, reason, as_json)


def _switch(
    state: TradingState, strategy: str | None, symbol: str | None, reason: str, as_json: bool
) -> None:
    scope = _scope(strategy, symbol)
    switched = run_async(_switched(scope, state, _readable(reason)))
    if as_json:
        out.print_json(json.dumps({"scope": str(scope), "state": state, "epoch": switched.epoch}))
    else:
        out.print(f"[bold]{scope}[/] is now [bold]{state}[/].")
    if switched.unrecorded:
        _show_unrecorded(switched.unrecorded)


def _show_unrecorded(why: str) -> None:
    err.print(f"[yellow]It stands, but could not be recorded: {escape(why)}[/]")


def author() -> str:
    """Return who switches, as the machine knows them; in a container a user may have no name."""
    try:
        return getpass.getuser()
    except (KeyError, OSError):
        return f"uid {os.getuid()}"


def _readable(text: str) -> str:
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
        return await desk.switch(scope, state, reason=reason, author=author())


regime_app = typer.Typer(help="The market regime, as the gate believes it.", no_args_is_help=True)
app.add_typer(regime_app, name="regime", rich_help_panel=SWITCH)


@regime_app.command(
    "set",
    epilog=examples(
        "cio regime set BTCUSDT turbulent_illiquidity",
        "cio regime set '*' transitional --confidence 0.8",
    ),
)
def regime_set(
    symbol: Annotated[
        str,
        typer.Argument(
            help="A symbol such as BTCUSDT, or '*' for every one without a regime of its own.",
            autocompletion=completion.symbols,
        ),
    ],
    name: Annotated[
        str,
        typer.Argument(
            help="The regime, such as turbulent_illiquidity.", autocompletion=completion.regimes
        ),
    ],
    confidence: Annotated[str, typer.Option(help="How sure, 0 to 1.")] = "1",
    as_json: AsJson = False,
) -> None:
    """Say which market regime a symbol is in.

    The limits that the policy states for the regime hold from the next decision on. Prints the
    symbol and its regime. Exit code 0 when it stands, 1 when it does not.
    """
    if not name.strip():
        raise typer.BadParameter("expected the name of a regime", param_hint="NAME")
    regime = Regime(_readable(name), _fraction(confidence), clock(), author())
    scope = symbol if symbol == ANY_SYMBOL else symbol_of(symbol)
    unrecorded, remarks = run_async(_regime_set(scope, regime))
    if as_json:
        shown = {"symbol": scope, "regime": regime.name, "confidence": str(regime.confidence)}
        out.print_json(json.dumps(shown))
    else:
        out.print(f"[bold]{scope}[/] is now in [bold]{escape(regime.name)}[/].")
    for remark in remarks:
        err.print(remark, style="yellow", markup=False, soft_wrap=True)
    if unrecorded:
        _show_unrecorded(unrecorded)


async def _regime_set(symbol: str, regime: Regime) -> tuple[str | None, list[str]]:
    async with open_desk(running_settings("redis_url")) as desk:
        unrecorded = await desk.set_regime(symbol, regime, author=regime.source)
        return unrecorded, [remark async for remark in desk.remarks_on(symbol, regime)]


def _fraction(text: str) -> Decimal:
    try:
        number = Decimal(text)
    except InvalidOperation:
        number = Decimal("NaN")
    if not (number.is_finite() and 0 <= number <= 1):
        raise typer.BadParameter("expected a number from 0 to 1", param_hint="--confidence")
    return number
