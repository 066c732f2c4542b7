"""Writes the documents made from the code: controls, policy, settings, metrics, commands.

Run ``make docs``. A test compares the files with what this makes, so they are never out of date.
"""

from collections.abc import Iterator
from pathlib import Path
from types import ModuleType
from typing import cast

import typer
from prometheus_client.metrics import MetricWrapperBase
from typer.core import TyperArgument, TyperCommand, TyperGroup, TyperOption

from petrosa_cio.audit import completeness_metrics
from petrosa_cio.audit import gaps as completeness_gauges
from petrosa_cio.audit import gauges as record_gauges
from petrosa_cio.audit import metrics as record_metrics
from petrosa_cio.cli.exit_codes import EXIT_CODES
from petrosa_cio.cli.help_pages import PANELS
from petrosa_cio.cli.main import app
from petrosa_cio.doctor.examination import CHECKS as CHECKS_OF_DOCTOR
from petrosa_cio.nurse import gauges as gate_gauges
from petrosa_cio.nurse import metrics as gate_metrics
from petrosa_cio.risk.catalogue import MEANINGS
from petrosa_cio.risk.checks import CHECKS
from petrosa_cio.risk.checks.case import Applies
from petrosa_cio.risk.limits import LIMIT_KINDS, LimitSet
from petrosa_cio.risk.shared_limits import SHARED_CODES, SHARED_LIMIT_FIELDS
from petrosa_cio.settings import Settings, variable
from petrosa_cio.surfaces import gauges as control_gauges
from petrosa_cio.telemetry import metrics as process_metrics

HERE = Path(__file__).parent

APPLIES = {
    Applies.TO_OPENINGS: "openings",
    Applies.TO_ORDERS: "openings and exits",
    Applies.TO_EVERYTHING: "everything, advice included",
}

NOTE = "<!-- Made by `make docs` from the code. Do not edit. -->"


def controls() -> Iterator[str]:
    """Yield the lines of the list of controls."""
    rows = {check.code: check for check in CHECKS}
    yield from (
        "# Controls",
        "",
        NOTE,
        "",
        "Every reason a verdict can carry, in the order in which reasons are listed. A value that "
        "is exactly at its limit passes. `openings` means that the control never holds up an exit.",
        "",
        "| reason code | what it means | looks at | limits it reads |",
        "| --- | --- | --- | --- |",
    )
    for code, meaning in MEANINGS.items():
        check = rows.get(code)
        looks_at = APPLIES[check.applies] if check else SHARED_REACH.get(code, "everything")
        fields = [check.limit_field] if check else SHARED_LIMIT_FIELDS.get(code, ())
        limits = ", ".join(f"`{field}`" for field in fields if field)
        yield f"| `{code}` | {meaning} | {looks_at} | {limits} |"


SHARED_REACH = {
    code: "openings" if code.endswith("ABOVE_MAX") else "openings and exits"
    for code in SHARED_CODES
} | {"RATE_ABOVE_MAX": "openings; exits have a bound of their own"}


def policy_fields() -> Iterator[str]:
    """Yield the lines of the reference of policy fields."""
    yield from (
        "# Policy reference",
        "",
        NOTE,
        "",
        "A policy states limits by whom they are about: `fund`, `symbols`, `strategies`, "
        '`strategy_symbols` (by strategy, then by symbol) and `regimes`. The entry `"*"` is the '
        "default of its family; a specific entry replaces it field by field. In force for an "
        "intent is the strictest of one entry per family, of the overlays that have not expired, "
        "and of the charter's bounds. A field that is left out states no limit.",
        "",
        "| field | what it limits | unit | when to change it | where |",
        "| --- | --- | --- | --- | --- |",
    )
    for name, kind in LIMIT_KINDS.items():
        description = LimitSet.model_fields[name].description
        where = ", ".join(sorted(kind.families)) or "any"
        yield f"| `{name}` | {description} | {kind.unit} | {kind.when_to_change} | {where} |"


def settings() -> Iterator[str]:
    """Yield the lines of the list of settings."""
    yield from (
        "# Settings",
        "",
        NOTE,
        "",
        "Environment variables, read once at the start. A wrong or unknown one stops the start "
        "with every problem listed.",
        "",
        "| variable | what it is | default |",
        "| --- | --- | --- |",
    )
    for name, field in Settings.model_fields.items():
        default = field.default
        shown = ",".join(default) if isinstance(default, tuple) else default
        usual = "" if default in (None, ()) else f"`{shown}`"
        yield f"| `{variable(name)}` | {field.description} | {usual} |"


def command_line() -> Iterator[str]:
    """Yield the lines of the reference of commands."""
    root = cast(TyperGroup, typer.main.get_command(app))
    yield from ("# The command line", "", NOTE, "", root.help or "", "")
    yield from ("| exit code | what it means |", "| --- | --- |")
    yield from (f"| {code.value} | {meaning} |" for code, meaning in EXIT_CODES.items())
    yield from (
        "",
        "Answers go to standard output, remarks and progress to standard error. Colours are for "
        "terminals only; `NO_COLOR=1` switches them off. `--json` prints JSON for a program.",
        "",
        "`cio --install-completion` lets the shell complete commands, options, and the names of "
        "strategies, symbols and regimes that the policy file states; start a new shell "
        "afterwards. `cio --show-completion` prints what it would install.",
    )
    found = dict(_commands("cio", root))
    for panel in (*PANELS, None):
        for path, (its_panel, command) in found.items():
            if its_panel == panel:
                yield from _command(path, command, panel)
    yield from ("", "## What cio doctor looks at", "", "| check | question |", "| --- | --- |")
    yield from (f"| {check.name} | {check.question} |" for check in CHECKS_OF_DOCTOR)


def _commands(
    path: str, group: TyperGroup
) -> Iterator[tuple[str, tuple[str | None, TyperCommand]]]:
    for name, command in group.commands.items():
        panel = getattr(command, "rich_help_panel", None)
        if isinstance(command, TyperGroup):
            for inner_path, (_, inner) in _commands(f"{path} {name}", command):
                yield inner_path, (panel, inner)
        elif isinstance(command, TyperCommand):
            yield f"{path} {name}", (panel, command)


def _command(path: str, command: TyperCommand, panel: str | None) -> Iterator[str]:
    usual = [one for one in command.params if not getattr(one, "hidden", False)]
    arguments = [one for one in usual if isinstance(one, TyperArgument)]
    options = [one for one in usual if isinstance(one, TyperOption)]
    stated = " ".join((*(f"{one.name}".upper() for one in arguments), "[OPTIONS]"))
    yield from ("", f"## {path}", "", f"{panel}: `{path} {stated}`" if panel else f"`{path}`", "")
    yield command.help or ""
    if arguments or options:
        yield from ("", "| argument or option | what it is |", "| --- | --- |")
    yield from (f"| `{f'{one.name}'.upper()}` | {one.help} |" for one in arguments)
    yield from (_option(one, typer.Context(command)) for one in options)
    examples = [line.strip() for line in (command.epilog or "").splitlines()[1:]]
    if examples:
        yield from ("", "```", *(line.replace("\\[", "[") for line in examples), "```")


def _option(option: TyperOption, context: typer.Context) -> str:
    kind = "" if option.is_flag else f" {option.display_type(context)}".replace("|", "\\|")
    usual = "" if option.default in (None, False) else f" Default {option.default}."
    return f"| `{', '.join(option.opts)}{kind}` | {option.help}{usual} |"


METRICS_OF: dict[str, tuple[ModuleType, ...]] = {
    "The gate": (gate_metrics, gate_gauges),
    "The record": (record_metrics, record_gauges, completeness_metrics, completeness_gauges),
    "Control": (control_gauges,),
    "Every process": (process_metrics,),
}


def metrics() -> Iterator[str]:
    """Yield the lines of the list of metrics."""
    yield from (
        "# Metrics",
        "",
        NOTE,
        "",
        "`GET /metrics` shows them to Prometheus; with `CIO_OTEL_ENDPOINT` a collector gets them "
        "too. Every label takes its values from a closed list.",
    )
    for title, modules in METRICS_OF.items():
        yield from ("", f"## {title}", "", "| metric | kind | labels | what it says |")
        yield "| --- | --- | --- | --- |"
        for module in modules:
            for metric in vars(module).values():
                if isinstance(metric, MetricWrapperBase):
                    yield _metric_row(metric)


def _metric_row(metric: MetricWrapperBase) -> str:
    (family,) = metric.describe()
    name = f"{family.name}_total" if family.type == "counter" else family.name
    labels = ", ".join(f"`{label}`" for label in metric._labelnames)
    return f"| `{name}` | {family.type} | {labels} | {family.documentation} |"


DOCUMENTS = {
    "CLI.md": command_line,
    "CONTROLS.md": controls,
    "METRICS.md": metrics,
    "POLICY.md": policy_fields,
    "SETTINGS.md": settings,
}


def main() -> None:
    """Write every document."""
    for name, lines in DOCUMENTS.items():
        (HERE / name).write_text("\n".join(lines()) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
