"""Options that several commands share, each worded once, and the panels of ``cio --help``."""

import re
import sys
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

TokenFile = Annotated[
    Path | None,
    typer.Option(
        "--token-file",
        help="File with your API token; unset, CIO_TOKEN, CIO_TOKEN_FILE or the data folder's.",
    ),
]
Thought = Annotated[
    str | None,
    typer.Option(
        "--thought", help="Why, in at least 100 characters of text; it is recorded with the change."
    ),
]
ThoughtFile = Annotated[
    Path | None,
    typer.Option("--thought-file", help="File with the thought; - for standard input."),
]


def stated_thought(thought: str | None, thought_file: Path | None) -> str:
    """Return the thought that is stated, or in a file. Raises BadParameter."""
    if (thought is None) == (thought_file is None):
        raise typer.BadParameter("state --thought or --thought-file: why should it change?")
    if thought_file is None:
        return str(thought).encode("utf-8", "replace").decode()
    try:
        if str(thought_file) == "-":
            return sys.stdin.read()
        return thought_file.read_text("utf-8")
    except (OSError, ValueError) as error:
        raise typer.BadParameter(f"{thought_file} cannot be read: {error}") from error


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
