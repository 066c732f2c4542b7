"""``cio run``: start the program, or one of its roles."""

import asyncio
import os
import sys
from typing import Annotated

import typer

from petrosa_cio.app import Role, run_role
from petrosa_cio.cli.exit_codes import ExitCode
from petrosa_cio.cli.options import RUN, examples
from petrosa_cio.cli.root import app, run_async, set_up_logging, settings_of_environment
from petrosa_cio.cli.showing import facts_table, out
from petrosa_cio.errors import Misconfigured, Problem
from petrosa_cio.launch import Running, running
from petrosa_cio.settings import Settings, describe
from petrosa_cio.supervisor import StopWord, hearing_signals, supervise


@app.command(
    rich_help_panel=RUN,
    epilog=examples("cio run", "CIO_HTTP_PORT=0 cio run", "cio run --role gate"),
)
def run(
    role: Annotated[
        Role | None,
        typer.Option(help="Run only this role, in this process, with servers that are configured."),
    ] = None,
) -> None:
    """Start the gate with everything it needs, until Ctrl-C.

    Without configuration it starts servers of its own on free ports of this machine and keeps its
    data in the folder .cio; it shows where everything is and what to try next. Exit code 0 when it
    was stopped, 78 when it is set up wrongly, 1 when a server cannot be reached.
    """
    settings = settings_of_environment()
    set_up_logging(settings.log_level, settings.log_format)
    if role is not None:
        _need_servers(settings)
        run_async(run_role(role, settings))
        return
    raise typer.Exit(run_async(_run_all(settings)))


def _need_servers(settings: Settings) -> None:
    stated = {"CIO_NATS_URL": settings.nats_url, "CIO_REDIS_URL": settings.redis_url}
    missing = [
        Problem(name, "one role alone starts no servers", "Set it, or run without --role.")
        for name, value in stated.items()
        if value is None
    ]
    if missing:
        raise Misconfigured(missing)


async def _run_all(settings: Settings) -> int:
    with hearing_signals() as word:
        try:
            async with running(settings) as started:
                return await _run_roles(started, word)
        except asyncio.CancelledError:
            if word.heard.is_set():  # before the children were up
                return ExitCode.FAILED
            raise


async def _run_roles(started: Running, word: StopWord) -> int:
    show_start(started)
    commands = {
        role.value: [sys.executable, "-m", "petrosa_cio", "run", "--role", role] for role in Role
    }
    environ, drain_timeout_s = os.environ | started.child_environ, started.settings.drain_timeout_s
    return await supervise(commands, environ, word, drain_timeout_s=drain_timeout_s)


def show_start(started: Running) -> None:
    """Show what runs where, which rules hold, and what to do next."""
    settings, shown = started.settings, dict(describe(started.settings))
    http = f"http://{settings.http_host}:{settings.http_port}"
    restored = ", put back from MongoDB" if started.policy_restored else ""
    facts = [
        ("NATS", shown["CIO_NATS_URL"]),
        ("Redis", shown["CIO_REDIS_URL"]),
        ("MongoDB", shown["CIO_MONGO_URL"]),
        ("HTTP", f"{http}/health/readiness"),
        ("data folder", str(settings.data_dir)),
        ("mode", settings.mode),
        ("intents arrive on", ", ".join(settings.intent_subjects)),
        ("ask and wait on", settings.door_subject),
        ("signals leave on", settings.signal_subject),
        ("heartbeat on", settings.heartbeat_subject),
        ("policy", f"{started.policy_name}, revision {started.policy_revision}{restored}"),
        ("charter", started.charter_name),
        ("trading state", started.trading_state),
        ("first intent", "cio send --ask examples/first-intent.json"),
        ("stop everything", 'cio halt --reason "why"   (and Ctrl-C ends this program)'),
    ]
    out.print(facts_table("petrosa-cio is starting", facts))
    if started.policy_file_differs:
        out.print(
            "[bold yellow]The policy file is not what is in force.[/] The store already holds a "
            "policy, and a file is only activated when it holds none."
        )
