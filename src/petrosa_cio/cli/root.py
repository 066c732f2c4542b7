"""The application that the commands join, and what all of them share."""

import asyncio
import logging
import os
import sys
from collections.abc import Coroutine
from typing import Annotated, Any, TypeVar

import structlog
import typer
import uvloop

from petrosa_cio import __version__
from petrosa_cio.cli.help_pages import HelpPages
from petrosa_cio.launch import discovered_settings
from petrosa_cio.settings import LogFormat, Settings, load_settings

Result = TypeVar("Result")

app = typer.Typer(
    name="cio",
    cls=HelpPages,
    help=(
        "The gate of a fleet of trading bots: it approves, reduces or denies every trade that a "
        "bot proposes.\n\nStart with `cio run`, which needs no configuration; then try `cio "
        "send`, look with `cio watch`, `cio limits` and `cio doctor`, and stop everything with "
        "`cio halt`. "
        "`--help` of each command has examples; docs/CLI.md has all of it on one page."
    ),
    no_args_is_help=True,
    rich_markup_mode="rich",
    pretty_exceptions_enable=False,
)


def _show_version(wanted: bool) -> None:
    if wanted:
        typer.echo(f"petrosa-cio {__version__}")
        raise typer.Exit


@app.callback()
def cio(
    _version: Annotated[
        bool,
        typer.Option("--version", callback=_show_version, is_eager=True, help="Show the version."),
    ] = False,
) -> None:
    """Stand between the bots and the order engine."""
    set_up_logging("error")  # standard output is for answers; `cio run` has more to say


def settings_of_environment() -> Settings:
    """Return the settings as the environment states them. Raises Misconfigured."""
    return load_settings(os.environ)


def running_settings(*need: str) -> Settings:
    """Return the settings with the servers of the running program filled in.

    Args:
        *need: Fields without which the command cannot do its work.

    Raises:
        Misconfigured: A needed server is not stated and no program runs in the data folder.
    """
    return discovered_settings(settings_of_environment(), need=need)


def set_up_logging(level: str, log_format: LogFormat = "auto") -> None:
    """Write logs to standard error, as text or with a JSON object a line.

    Left to itself the format is text on a terminal, coloured unless NO_COLOR is set, else JSON.
    """
    on_terminal = sys.stderr.isatty()
    as_text = on_terminal if log_format == "auto" else log_format == "text"
    colours = on_terminal and "NO_COLOR" not in os.environ
    renderer = (
        structlog.dev.ConsoleRenderer(colors=colours)
        if as_text
        else structlog.processors.JSONRenderer()
    )
    structlog.configure(
        processors=[
            structlog.processors.add_log_level,
            structlog.processors.TimeStamper(fmt="iso", utc=True),
            structlog.processors.format_exc_info,
            renderer,
        ],
        wrapper_class=structlog.make_filtering_bound_logger(logging.getLevelName(level.upper())),
        logger_factory=structlog.PrintLoggerFactory(sys.stderr),
    )


def run_async(work: Coroutine[Any, Any, Result]) -> Result:
    """Run asynchronous work to its end; show the first fault of a group as itself."""
    try:
        with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
            return runner.run(work)
    except* Exception as group:
        raise _first(group) from None


def _first(error: BaseException) -> BaseException:
    while isinstance(error, BaseExceptionGroup):
        error = error.exceptions[0]
    return error
