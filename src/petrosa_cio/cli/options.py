"""Options that several commands share, each worded once, and the panels of ``cio --help``."""

import re
from pathlib import Path
from typing import Annotated

import typer

from petrosa_cio.cli import completion

RUN = "Run"
TRY = "Try"
LOOK = "Look"
SWITCH = "Switch"

AsJson = Annotated[bool, typer.Option("--json", help="Print JSON for a program.")]

PolicyFile = Annotated[
    Path | None,
    typer.Option("--policy", help="Policy file; unset, CIO_POLICY_FILE or the starter."),
]
CharterFile = Annotated[
    Path | None,
    typer.Option("--charter", help="Charter file; unset, CIO_CHARTER_FILE or the starter."),
]
VenueFiles = Annotated[
    list[Path] | None,
    typer.Option(
        "--venue-rules",
        help="File with the venue's rules, as often as needed; unset, CIO_VENUE_RULES_FILES.",
    ),
]

OneStrategy = Annotated[
    str | None,
    typer.Option(
        "--strategy",
        help="Only this strategy, by the name it states.",
        autocompletion=completion.strategies,
    ),
]
OneSymbol = Annotated[
    str | None,
    typer.Option(
        "--symbol",
        help="Only this symbol, such as BTCUSDT.",
        autocompletion=completion.symbols,
    ),
]


def symbol_of(text: str) -> str:
    """Return a symbol in capitals. Raises BadParameter for what no intent could name."""
    symbol = text.upper()
    if not re.fullmatch(r"[A-Z0-9]{3,32}", symbol):
        raise typer.BadParameter(f"expected letters and digits, such as BTCUSDT, was {text!r}")
    return symbol


def examples(*lines: str) -> str:
    """Return what stands under the help of a command: its examples, a line each.

    Args:
        *lines: Command lines as one would type them.
    """
    return "\n".join(("Examples:", *(f"  {line}" for line in lines))).replace("[", r"\[")
