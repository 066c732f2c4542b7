"""``cio regime``: what counts as the market regime, and a person's word against a feed's."""

import re
from dataclasses import replace
from datetime import timedelta
from decimal import Decimal, InvalidOperation
from pathlib import Path
from typing import Annotated

import typer
from rich.box import SIMPLE_HEAD
from rich.markup import escape
from rich.table import Table

from petrosa_cio.cli import completion
from petrosa_cio.cli.options import (
    SWITCH,
    AsJson,
    Thought,
    ThoughtFile,
    TokenFile,
    examples,
    stated_thought,
    symbol_of,
)
from petrosa_cio.cli.root import app, run_async, running_settings
from petrosa_cio.cli.showing import err, out, print_json
from petrosa_cio.cli.switches import Reason, readable, show_unrecorded
from petrosa_cio.errors import Rejected
from petrosa_cio.governance.authority import Act
from petrosa_cio.governance.desk import Cleared, Desk
from petrosa_cio.governance.regimes import MAX_OVERRIDE, read_all, read_override, read_regime
from petrosa_cio.governance.thought import check_thought
from petrosa_cio.government import open_government
from petrosa_cio.launch import open_books
from petrosa_cio.office.regimes import meant_regime, regime_lines, until_of
from petrosa_cio.risk.snapshot import ANY_SYMBOL, Regime
from petrosa_cio.servers import clock

SHORTEST = timedelta(minutes=1)
UNITS = {"m": "minutes", "h": "hours", "d": "days"}

Symbol = Annotated[
    str,
    typer.Argument(
        help="A symbol such as BTCUSDT, or '*' for every one that nobody has set one for.",
        autocompletion=completion.symbols,
    ),
]

regime_app = typer.Typer(help="The market regime, as the gate believes it.", no_args_is_help=True)
app.add_typer(regime_app, name="regime", rich_help_panel=SWITCH)


@regime_app.command(
    "set",
    epilog=examples(
        "cio regime set BTCUSDT turbulent_illiquidity --reason outflows --thought-file why.txt",
        "cio regime set '*' transitional --for 1d --reason elections --thought-file why.txt",
    ),
)
def regime_set(
    symbol: Symbol,
    name: Annotated[
        str,
        typer.Argument(
            help="The regime, such as turbulent_illiquidity.", autocompletion=completion.regimes
        ),
    ],
    reason: Reason,
    lasts: Annotated[
        str,
        typer.Option(
            "--for", help="How long it counts, in minutes, hours or days: 30m, 2h, 1d; at most 7d."
        ),
    ] = "4h",
    confidence: Annotated[str, typer.Option(help="How sure, 0 to 1.")] = "1",
    thought: Thought = None,
    thought_file: ThoughtFile = None,
    token_file: TokenFile = None,
    as_json: AsJson = False,
) -> None:
    """Override the market regime of a symbol: your word counts instead of the feed's, for a time.

    The limits that the policy states for the regime hold from the next decision on, on every
    replica, until the time is over or `cio regime clear`; then what the feed says counts again. A
    person's word does not grow stale, so it has an end: at most seven days, that nobody forgets it.
    A regime that is neither known nor in the policy is refused. As another regime may have looser
    limits, it takes a thought, of at least 100 characters of text, and a person's token; where no
    token was ever made, anybody sets it.

    Prints the symbol, its regime and until when. Exit code 0 when it stands, 1 when it does not.
    """
    scope, ends_after = _scope(symbol), length_of(lasts)
    why = stated_thought(thought, thought_file)
    check_thought(why)
    now, sure = clock(), _fraction(confidence)
    said = Regime(readable(name), sure, now, "", now + ends_after, readable(reason))
    override, unrecorded, remarks = run_async(_set(scope, said, why, token_file))
    shown = {
        "symbol": scope,
        "regime": override.name,
        "confidence": str(override.confidence),
        "until": until_of(override),
    }
    if as_json:
        print_json(shown)
    else:
        until = f"until {until_of(override)}"
        out.print(f"[bold]{scope}[/] is now in [bold]{escape(override.name)}[/], {until}.")
    for remark in remarks:
        err.print(remark, style="yellow", markup=False, soft_wrap=True)
    _show_if(unrecorded)


async def _set(
    symbol: str, said: Regime, thought: str, token_file: Path | None
) -> tuple[Regime, str | None, list[str]]:
    async with open_government(running_settings("redis_url", "mongo_url")) as government:
        desk = government.desk
        source = await government.name_of_who_may(Act.REGIME, token_file)
        override = replace(said, name=await meant_name(said.name, desk), source=source)
        unrecorded = await desk.override_regime(symbol, override, thought=thought)
        return override, unrecorded, [one async for one in desk.remarks_on(symbol, override)]


async def meant_name(text: str, desk: Desk) -> str:
    """Return the regime that is meant. Raises BadParameter where nobody knows it."""
    try:
        return await meant_regime(text, desk)
    except Rejected as unknown:
        raise typer.BadParameter(str(unknown), param_hint="NAME") from unknown


@regime_app.command(
    "clear",
    epilog=examples(
        'cio regime clear BTCUSDT --reason "withdrawals are back"',
        "cio regime clear '*' --feed --reason \"there is no feed any more\"",
    ),
)
def regime_clear(
    symbol: Symbol,
    reason: Reason,
    feed: Annotated[
        bool,
        typer.Option("--feed", help="Forget what the feed said instead, as where it is no more."),
    ] = False,
    token_file: TokenFile = None,
    as_json: AsJson = False,
) -> None:
    """End an override now: what the feed says counts again from the next decision on.

    With --feed the override stays and what the feed observed is forgotten; a feed that still runs
    brings it back. Prints the symbol and which regime it was. Exit code 0 when it stands, 1 when
    it does not.
    """
    scope = _scope(symbol)
    cleared = run_async(_cleared(scope, readable(reason), feed, token_file))
    if as_json:
        print_json({"symbol": scope, "ended": cleared.ended})
    elif cleared.ended is None:
        out.print(f"[bold]{scope}[/] had none.")
    else:
        out.print(f"[bold]{scope}[/] is no longer in [bold]{escape(cleared.ended)}[/].")
    _show_if(cleared.unrecorded)


async def _cleared(symbol: str, reason: str, feed: bool, token_file: Path | None) -> Cleared:
    async with open_government(running_settings("redis_url", "mongo_url")) as government:
        author = await government.name_of_who_may(Act.REGIME, token_file)
        desk = government.desk
        end = desk.forget_regime if feed else desk.clear_override
        return await end(symbol, reason=reason, author=author)


@regime_app.command("show", epilog=examples("cio regime show", "cio regime show --json"))
def regime_show(as_json: AsJson = False) -> None:
    """Show which regime counts for each symbol, who says so, how long ago and until when.

    Beneath an override stands what the feed says; a regime of '*' counts for every symbol that has
    none of its own. It reads the Redis of the running program. Exit code 0, 1 when Redis cannot be
    reached.
    """
    overrides, observed = run_async(_stored())
    lines = list(regime_lines(overrides, observed, clock()))
    if as_json:
        print_json(lines)
    elif lines:
        _show(lines)
    else:
        out.print("Nobody has said anything about the market regime.")


async def _stored() -> tuple[dict[str, Regime], dict[str, Regime]]:
    """Return overrides and what was observed, by symbol."""
    async with open_books(running_settings("redis_url")) as books:
        overrides = read_all(await books.store.regime_overrides(), read_override)
        return overrides, read_all(await books.store.regimes(), read_regime)


def _show(lines: list[dict[str, object]]) -> None:
    table = Table(box=SIMPLE_HEAD, pad_edge=False, header_style="cyan")
    for heading in ("symbol", "regime", "from", "age", "until, UTC", "the feed says"):
        table.add_column(heading, overflow="fold")
    for line in lines:
        why = f": {line['reason']}" if line["reason"] else ""
        shared = f" (of {line['stated_for']})" if line["stated_for"] != line["symbol"] else ""
        beneath = f"{line['observed']}, {_age(line['observed_age_s'])}" if line["observed"] else "-"
        cells = (
            line["symbol"],
            f"{line['regime']} ({line['confidence']})",
            f"{line['source']}{why}{shared}",
            _age(line["age_s"]),
            _minute(line["until"]),
            beneath if line["until"] else "",
        )
        table.add_row(*(escape(str(cell)) for cell in cells))
    out.print(table)


def _minute(until: object) -> str:
    return str(until)[:16].replace("T", " ") if until else "-"


def _age(seconds: object) -> str:
    return str(timedelta(seconds=int(str(seconds))))


def _show_if(unrecorded: str | None) -> None:
    if unrecorded:
        show_unrecorded(unrecorded)


def _scope(symbol: str) -> str:
    return symbol if symbol == ANY_SYMBOL else symbol_of(symbol)


def length_of(text: str) -> timedelta:
    """Return a stated length of time, within its bounds. Raises BadParameter."""
    found = re.fullmatch(r"([1-9]\d{0,5})([mhd])", text.strip().lower())
    length = timedelta(**{UNITS[found[2]]: int(found[1])}) if found else timedelta(0)
    if not SHORTEST <= length <= MAX_OVERRIDE:
        wanted = "expected minutes, hours or days up to 7d, such as 30m, 2h or 1d"
        raise typer.BadParameter(f"{wanted}, was {text!r}", param_hint="--for")
    return length


def _fraction(text: str) -> Decimal:
    try:
        number = Decimal(text)
    except InvalidOperation:
        number = Decimal("NaN")
    if not (number.is_finite() and 0 <= number <= 1):
        raise typer.BadParameter("expected a number from 0 to 1", param_hint="--confidence")
    return number
