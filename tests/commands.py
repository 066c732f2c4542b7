"""Runs a command inside the test's own process."""

from collections.abc import Mapping

import structlog
from typer.testing import CliRunner

import petrosa_cio.cli.main  # noqa: F401 - brings the commands
from petrosa_cio.cli.root import app


def cio(
    *arguments: str, stdin: bytes = b"", environ: Mapping[str, str] | None = None
) -> tuple[int, str]:
    """Return exit code and output of one command, with further variables in its environment."""
    try:
        result = CliRunner().invoke(app, list(arguments), input=stdin, env=environ)
    finally:
        structlog.reset_defaults()  # a command sets it up for its own standard error
    if result.exception is not None and not isinstance(result.exception, SystemExit):
        raise result.exception
    return result.exit_code, result.output
