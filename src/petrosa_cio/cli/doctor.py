"""``cio doctor``: is everything around the gate as it must be?"""

from collections.abc import Sequence
from typing import Annotated

import typer
from rich.box import SIMPLE_HEAD
from rich.table import Table
from rich.text import Text

from petrosa_cio.cli.exit_codes import ExitCode
from petrosa_cio.cli.options import LOOK, AsJson, examples
from petrosa_cio.cli.root import app, run_async, running_settings
from petrosa_cio.cli.showing import err, out, print_json, show_misconfigured
from petrosa_cio.doctor import Level, Result, examine
from petrosa_cio.errors import Misconfigured
from petrosa_cio.governance.files import Governing, load_governing
from petrosa_cio.settings import Settings

STYLES = {
    Level.OK: "green",
    Level.NOTE: "cyan",
    Level.WARNING: "bold yellow",
    Level.PROBLEM: "bold red",
}


@app.command(
    rich_help_panel=LOOK,
    epilog=examples(
        "cio doctor",
        "cio doctor --strict --json",
        "CIO_NATS_MONITORING_URL=http://nats:8222 cio doctor",
    ),
)
def doctor(
    strict: Annotated[
        bool, typer.Option("--strict", help="Let warnings count as problems.")
    ] = False,
    as_json: AsJson = False,
) -> None:
    """Look whether servers, policy and gate are as they must be, and say what to do.

    It only looks: nothing is sent or changed. Some of what it looks at NATS tells only at its
    monitoring endpoint; `cio run` has one, elsewhere name it with CIO_NATS_MONITORING_URL. Exit
    code 0 when there is no problem, 1 when there is, 2 when it could not look, as the settings,
    the policy file or the charter are wrong, or no server is known.
    """
    try:
        settings, governing = _to_examine()
    except Misconfigured as wrong:
        show_misconfigured(wrong)
        raise typer.Exit(ExitCode.REFUSED) from wrong
    with err.status("looking"):
        results = run_async(examine(settings, governing))
    if as_json:
        print_json(_plain(results))
    else:
        _show(results)
    raise typer.Exit(exit_code_of(results, strict=strict))


def _to_examine() -> tuple[Settings, Governing]:
    settings = running_settings("nats_url", "redis_url")
    return settings, load_governing(settings.policy_file, settings.charter_file)


def exit_code_of(results: Sequence[Result], *, strict: bool) -> ExitCode:
    """Return how the command ends when this was found."""
    bad = {Level.PROBLEM, Level.WARNING} if strict else {Level.PROBLEM}
    return ExitCode.FAILED if any(one.finding.level in bad for one in results) else ExitCode.WELL


def _plain(results: Sequence[Result]) -> dict[str, object]:
    return {
        "problems": _number_of(Level.PROBLEM, results),
        "warnings": _number_of(Level.WARNING, results),
        "checks": [
            {
                "check": one.check,
                "level": one.finding.level,
                "seen": one.finding.seen,
                "mend": one.finding.mend,
            }
            for one in results
        ],
    }


def _number_of(level: Level, results: Sequence[Result]) -> int:
    return sum(one.finding.level is level for one in results)


def _show(results: Sequence[Result]) -> None:
    table = Table(box=SIMPLE_HEAD, pad_edge=False, header_style="cyan")
    table.add_column("check", no_wrap=True)
    table.add_column("", no_wrap=True)
    table.add_column("what was seen, and what to do", overflow="fold")
    for one in results:
        level, seen = one.finding.level, Text(one.finding.seen)
        if one.finding.mend:
            seen.append(f"\n{one.finding.mend}", style="dim")
        table.add_row(one.check, Text(level, style=STYLES[level]), seen)
    out.print(table)
    problems, warnings = (_number_of(each, results) for each in (Level.PROBLEM, Level.WARNING))
    out.print(Text(f"{_counted(problems, 'problem')}, {_counted(warnings, 'warning')}."))


def _counted(number: int, noun: str) -> str:
    return f"{number or 'no'} {noun}{'' if number == 1 else 's'}"
