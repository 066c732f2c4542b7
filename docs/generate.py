"""Writes the documents made from the code: API, controls, policy, settings, metrics, commands.

Run ``make docs``. A test compares the files with what this makes, so they are never out of date.
"""

from collections.abc import Iterator
from pathlib import Path
from types import ModuleType
from typing import Any, cast

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
from petrosa_cio.fleet.setting_facts import SettingFacts
from petrosa_cio.fleet.setting_tables import engine_table, realtime_table, ta_table
from petrosa_cio.governance import portfolio_metrics, regime_metrics
from petrosa_cio.governance.actors import Role
from petrosa_cio.governance.fleet_outcome import MEANINGS as EFFECTS
from petrosa_cio.governance.guard import metrics as guard_metrics
from petrosa_cio.governance.shadow import metrics as shadow_metrics
from petrosa_cio.nurse import gauges as gate_gauges
from petrosa_cio.nurse import market, venue_feed
from petrosa_cio.nurse import metrics as gate_metrics
from petrosa_cio.office.controls import applies_to, limits_of
from petrosa_cio.risk.catalogue import MEANINGS
from petrosa_cio.risk.limit_facts import FACTS
from petrosa_cio.risk.limits import LIMIT_KINDS, LimitSet
from petrosa_cio.risk.policy import Families, in_words
from petrosa_cio.risk.policy_rules import CONTRADICTIONS, POINTLESS
from petrosa_cio.risk.trading_hours import FORMS
from petrosa_cio.settings import Settings, variable
from petrosa_cio.surfaces import gauges as control_gauges
from petrosa_cio.surfaces import webhook
from petrosa_cio.surfaces.api.app import rights
from petrosa_cio.surfaces.api.envelope import MEANINGS as STATUSES_OF_API
from petrosa_cio.surfaces.api.fleet_app import fleet_rights
from petrosa_cio.surfaces.mcp.table import PROMPTS, RESOURCES, TOOLS
from petrosa_cio.surfaces.mcp.tool import Tool
from petrosa_cio.telemetry import metrics as process_metrics

HERE = Path(__file__).parent

NOTE = "<!-- Made by `make docs` from the code. Do not edit. -->"


def controls() -> Iterator[str]:
    """Yield the lines of the list of controls."""
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
        limits = ", ".join(f"`{field}`" for field in limits_of(code))
        yield f"| `{code}` | {meaning} | {applies_to(code)} | {limits} |"


_POLICY_HEAD = """
A policy states limits by whom they are about. It is a YAML file; numbers are kept exactly as
they are written, a key may not stand twice, and what is misspelt is refused. Begin with the
starter policy in `src/petrosa_cio/governance/starter`. `cio policy check FILE` says everything
that is wrong with one and what in it can never matter; `cio policy test FILE` shows of each
limit what it stops and what just passes; `cio policy what-if FILE --last 24h` says which verdicts
of the past it would have changed ([WHAT_IF](WHAT_IF.md)); `cio limits` shows what is in force,
`cio policy show` the revision with who made it and why, `cio policy history` those before it.

## The document

```yaml
schema_version: 1            # the form of the file
name: mine                   # what people call it
fund:                        # every intent
  max_order_notional_usd: 1000
symbols:                     # by symbol, in capitals
  "*": {max_position_usd: 5000}
  BTCUSDT: {max_position_usd: 8000}
strategies:                  # by strategy, as it names itself
  momentum_v1: {min_confidence: 0.7}
strategy_symbols:            # by strategy, then by symbol
  momentum_v1:
    SOLUSDT: {max_order_notional_usd: 200}
regimes:                     # by market regime
  transitional: {size_scale: 0.5}
```

The five families:
"""

_POLICY_MEETS = """
`"*"` is the default of its family; a specific entry replaces it **field by field**: above,
BTCUSDT has 8000, and every other symbol 5000. In `strategy_symbols` the order is: any strategy
and symbol, any strategy and this symbol, this strategy and any symbol, this strategy and symbol;
later ones replace earlier ones. `regimes."*"` also serves an unknown regime.

What is in force for an intent is the **strictest** of one entry per family, of every overlay
that has not expired, and of the charter's bounds. So no family loosens another: where `fund`
says 1000, a strategy's 2000 never binds. Each limit below says what "strictest" means for it. A
field that nobody states limits nothing, but for the few that have a default. A value exactly at
its limit passes.

An **overlay** narrows the policy until it expires; it has the same families, and besides
`overlay_id`, `reason` and `expires_at` (with a time zone). A stored document is a `policy` and
its `overlays`; both commands above read such a file too.

The **charter** is a file of its own, `CIO_CHARTER_FILE`, which people alone change. Its `bounds`
state limits for every intent; a policy that states anything looser is refused. Its
`required_limits` name limits that somebody must set: where nobody does, every opening is denied
with `LIMIT_NOT_SET`. Bounds cannot state what only regimes may state. `people` and
`cooling_off_hours` say how a loosening is decided: [GOVERNANCE](GOVERNANCE.md) tells how a policy
is changed, and by whom.

## What is refused

Mistakes of spelling, type, range and place; what is looser than the charter; a list under a
symbol or a strategy that leaves that very one out; a regime that allows the actions of one
direction and only the other direction; and these contradictions between limits that are in force
together:

| limit | against | what follows | what to do |
| --- | --- | --- | --- |
"""

_POLICY_WARNS = """
Where only an overlay brings a contradiction about it is a warning: an emergency tightening is
never refused for what it contradicts. Warnings, too, are entries that can never bind: looser
than what another entry always states, about a symbol or a strategy that a list leaves out, lists
with nothing in common, what shuts the whole fund, and these:

| limit | when | what to do |
| --- | --- | --- |
"""

_POLICY_CHANGES = """
## How a change is judged

A new policy is compared with the old one family by family, on what each entry says once its
default is filled in: every limit is *equal*, *tighter*, *looser* or *mixed*, and so is the
whole. Tighter and looser fields together are mixed, and a size given to unsized intents is
always mixed when it changes. A limit that is newly stated is tighter, one that is taken away is
looser; where a default counts otherwise (see each limit) a value looser than the default is
looser. The answer is cautious: a field loosened in one family counts as looser even where
another family still binds. A tighter policy never approves what a looser one denies, nor a
larger size.

## Every limit

Each can stand in any family, but where it says otherwise. What holds up exits is said of each:
exits are never held up by anything else of a policy.
"""


def policy_fields() -> Iterator[str]:
    """Yield the lines of the reference of the policy."""
    yield from ("# Policy reference", "", NOTE, *_POLICY_HEAD.splitlines())
    for family in FAMILIES:
        yield f"- `{family}`: {Families.model_fields[family].description}"
    yield from _POLICY_MEETS.splitlines()
    for rule in CONTRADICTIONS:
        sentence = rule.sentence.format(value="more", bound="what it states")
        against = "0" if rule.against == rule.field else f"`{rule.against}`"
        yield f"| `{rule.field}` | {against} | {sentence} | {rule.fix} |"
    yield from _POLICY_WARNS.splitlines()
    for idle in POINTLESS:
        yield f"| `{idle.field}` | {idle.sentence.format(value='it')} | {idle.fix} |"
    yield from _POLICY_CHANGES.splitlines()
    yield from ("", "| limit | what it limits | unit |", "| --- | --- | --- |")
    for name, kind in LIMIT_KINDS.items():
        yield f"| [`{name}`](#{name}) | {LimitSet.model_fields[name].description} | {kind.unit} |"
    schema = LimitSet.model_json_schema()
    for name in LIMIT_KINDS:
        yield from _limit(name, schema)


FAMILIES = ("fund", "symbols", "strategies", "strategy_symbols", "regimes")


def _limit(name: str, schema: dict[str, Any]) -> Iterator[str]:
    kind, facts = LIMIT_KINDS[name], FACTS[name]
    default = facts.unstated or f"{in_words(kind.unstated)} counts"
    families = ", ".join(f"`{family}`" for family in FAMILIES if family in kind.families)
    yield from ("", f"### {name}", "", LimitSet.model_fields[name].description or "", "")
    yield f"- **Value**: {_value(name, schema)}; {kind.unit}"
    yield f"- **Where nobody states it**: {default}"
    yield f"- **Where two entries state it**: {kind.how_they_meet}"
    yield f"- **When to change it**: {kind.when_to_change}"
    yield f"- **Holds up exits**: {'yes' if facts.holds_for_exits else 'never'}"
    yield f"- **Reason codes**: {', '.join(f'`{code}`' for code in facts.codes)}"
    only_regimes = bool(kind.families) and "fund" not in kind.families
    charter = "" if only_regimes else ", and the charter"
    yield f"- **May stand in**: {families or 'any family'}{charter}"
    entry = f"{name}: {facts.example}"
    shown = (
        f"{{regimes: {{transitional: {{{entry}}}}}}}" if only_regimes else f"{{fund: {{{entry}}}}}"
    )
    yield f"- **Example**: `{shown[1:-1]}`"


def _value(name: str, schema: dict[str, Any]) -> str:
    """Return in words what a limit may be, by the JSON schema of all of them."""
    field, shared = schema["properties"][name], schema["$defs"]
    one = next(iter(field.get("anyOf", (field,))))
    if name == "trading_hours":
        return f"a list; {FORMS}; `[]` is never"
    if one["type"] == "object":
        return "groups by name, each with its `symbols` and the most `usd` of them; `{}` is none"
    if one["type"] == "array":
        inner = one["items"]
        listed = shared[inner["$ref"].split("/")[-1]] if "$ref" in inner else inner
        named = ", ".join(f"`{value}`" for value in listed.get("enum", ()))
        form = f" of the form `{listed['pattern']}`" if "pattern" in listed else ""
        return f"a list of {named or f'names{form}'}; `[]` allows nothing"
    if "enum" in one:
        return " or ".join(f"`{value}`" for value in one["enum"])
    if one["type"] == "boolean":
        return "`true` or `false`"
    kind = "a whole number" if one["type"] == "integer" else "a number, exact to 18 decimals,"
    return f"{kind} from {one['minimum']:,.0f} to {one['maximum']:,.0f}"


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
    "The gate": (gate_metrics, gate_gauges, market, venue_feed),
    "The record": (record_metrics, record_gauges, completeness_metrics, completeness_gauges),
    "Control": (
        control_gauges,
        regime_metrics,
        portfolio_metrics,
        guard_metrics,
        shadow_metrics,
        webhook,
    ),
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


_FLEET_HEAD = """
The order engine and the bots have settings of their own, which `cio fleet` looks at and changes
over their HTTP APIs: `cio fleet discover` says what there is, `cio fleet get TARGET` shows it,
`cio fleet set` and `cio fleet rollback` change it, `cio fleet history` shows what the neighbour
remembers, and `cio fleet analysis` what the data-manager says of the market. Where each is,
`CIO_TRADEENGINE_URL`, `CIO_TA_BOT_URL`, `CIO_REALTIME_STRATEGIES_URL` and `CIO_DATA_MANAGER_URL`
say. None of them asks who is there, so there is no token to set: whoever reaches them can change
them without being seen here.

**No verdict depends on any of this.** Most of what the neighbours store is read by nothing there.
What must hold is a limit of the policy ([POLICY](POLICY.md)); the tables below name it where
there is one.

## Who may change what

It takes a token and a thought, as a change of policy does ([GOVERNANCE](GOVERNANCE.md)). What
only tightens is sent at once; an agent may do that too. What loosens, or may, waits as a proposal
for two people, an agent's for two besides it: `cio fleet approve`, then `cio fleet apply`. A
setting that is not in the tables counts as one that loosens, and so does one whose present value
is not shown, a list that becomes or was empty, and whatever would be stored no more. A proposal
lasts 24 hours, is used once, and only while the neighbour shows what it showed when it was made.

To go back to earlier settings is a change like any other: what the neighbour's history says was
stored then is judged, sent and read back. Its own way to roll back is not used, as that does not
say beforehand what it would set.

## What a change achieved

A change is recorded before it is sent (`fleet_setting`) and again with what became of it
(`fleet_outcome`); what cannot be recorded is not sent. It is sent once. Then the neighbour is
asked what it shows now. A `fleet_setting` without its outcome means that the program ended in
between: look.

| effect | what it means |
| --- | --- |
"""

_FLEET_FACTS = """
- **Success is what the body says.** The neighbours answer most refusals with status 200; their
  words are shown as they are.
- **A lost answer is not a failure.** The settings are read back, and what they show decides;
  where they show the old values nobody knows, as the change may still be under way.
- **The order engine replaces all that is stored for a scope with each write**, and shows values
  resolved from every scope, up to a minute old. So what its history says is stored is sent along;
  where the history does not say, nothing is sent.
- **realtime-strategies takes writes for strategies that do not exist**, and shows them empty.
  Only names that are in the table are asked for; the names in its signals, such as `Iceberg Order
  Detector`, are understood. It builds its strategies with their defaults, and has no switch to
  stop one.
- **ta-bot refuses everything about its strategies' settings**: nothing there installs what keeps
  them. Its application settings work, within a minute. To stop a strategy there, leave it out of
  `enabled_strategies`; `cio halt --strategy` stops its signals at once.
- **The pace**: the neighbours allow one author a change every 300 seconds and 10 an hour, and
  everybody 100 an hour. These are kept here, for all processes together, with 60 seconds between
  any two changes of one neighbour besides, so that what one writes is seen by the next. They are
  told `petrosa-cio:NAME` as author. A name with `ROLLBACK`, `EMERGENCY` or `SYSTEM_RECOVERY` in
  it would switch their limits off, and is refused here.
- **Numbers are exact**: one that would be changed on its way is refused; `true` is no number, and
  `null` unsets nothing.
- **Who does not answer five times in a row** is left alone for 30 seconds; then one question
  tries again. An answer takes at most `CIO_FLEET_TIMEOUT_MS` and a mebibyte.
- **The data-manager's analysis** ignores the period that it is asked for, may answer with an old
  row (look at its time), and invents neutral values in its overview.
"""


def fleet_settings() -> Iterator[str]:
    """Yield the lines of the reference of the neighbours' settings."""
    yield from ("# The fleet's own configuration", "", NOTE, *_FLEET_HEAD.splitlines())
    yield from (f"| `{effect}` | {meaning} |" for effect, meaning in EFFECTS.items())
    yield from _FLEET_FACTS.splitlines()
    tables = {
        "tradeengine": engine_table(),
        "ta-bot": ta_table(),
        "realtime-strategies": realtime_table(),
    }
    for neighbour, table in tables.items():
        for owner, known in table.items():
            title = neighbour if owner in ("trading", "application") else f"{neighbour}/{owner}"
            yield from ("", f"## {title}", "")
            yield "| setting | what it is for | value | which way | reaches | when to change it |"
            yield "| --- | --- | --- | --- | --- | --- |"
            yield from (_setting_row(name, facts) for name, facts in known.items())


def _setting_row(name: str, facts: SettingFacts) -> str:
    bounds = [
        f"{word} {bound}"
        for word, bound in (("at least", facts.least), ("at most", facts.most))
        if bound is not None
    ]
    among = [f"one of {', '.join(facts.among)}"] if facts.among else []
    usual = [] if facts.default is None else [f"default {facts.default}"]
    value = "; ".join(filter(None, (facts.kind, facts.unit, *bounds, *among, *usual)))
    told = (facts.meaning, value, facts.direction, facts.reach, facts.when_to_change)
    return f"| `{name}` | {' | '.join(told)} |"


API_MARK = "<!-- Below this line: made by `make docs` from the code. Do not edit. -->"


def http_api() -> Iterator[str]:
    """Yield the lines of the HTTP API: its head as people wrote it, and who may call each route."""
    head, _, _ = (HERE / "API.md").read_text("utf-8").partition(API_MARK)
    yield from (*head.rstrip().splitlines(), "", API_MARK, "", "## Who may call what", "")
    names = [str(role) for role in Role]
    yield f"| route | what it does | {' | '.join(names)} |"
    yield f"| --- | --- |{' --- |' * len(names)}"
    for right in (*rights(), *fleet_rights()):
        cells = " | ".join("yes" if name in right.roles else "-" for name in names)
        yield f"| `{right.method} {right.path}` | {right.about} | {cells} |"
    yield from ("", "## What each status means", "", "| status | what it means |", "| --- | --- |")
    yield from (f"| {status} | {meaning} |" for status, meaning in STATUSES_OF_API.items())


def mcp() -> Iterator[str]:
    """Yield the lines of MCP: its head as people wrote it, and who may call each tool."""
    head, _, _ = (HERE / "MCP.md").read_text("utf-8").partition(API_MARK)
    yield from (*head.rstrip().splitlines(), "", API_MARK, "", "## Who may call what", "")
    names = [str(role) for role in Role]
    yield f"| tool | what it does | marks | {' | '.join(names)} |"
    yield f"| --- | --- | --- |{' --- |' * len(names)}"
    for tool in TOOLS.values():
        cells = " | ".join("yes" if name in tool.roles else "-" for name in names)
        about = tool.about.split("\n\n")[0].rstrip(".")
        yield f"| `{tool.name}` | {about} | {_marks_of(tool)} | {cells} |"
    yield from ("", "## Resources", "", "| address | what it is | tool |", "| --- | --- | --- |")
    yield from (f"| `{uri}` | {about} | `{tool}` |" for uri, (tool, _, about) in RESOURCES.items())
    yield from ("", "## Prompts", "", "| prompt | what it is for | takes |", "| --- | --- | --- |")
    yield from (f"| `{name}` | {one.about} | `{one.argument}` |" for name, one in PROMPTS.items())


def _marks_of(tool: Tool) -> str:
    if tool.is_question:
        marks = ["reads"]
    else:
        marks = ["writes", "replaces" if tool.replaces else "adds"]
        marks += ["repeatable"] if tool.repeats else []
    return ", ".join(marks + (["asks neighbours"] if tool.is_abroad else []))


DOCUMENTS = {
    "API.md": http_api,
    "CLI.md": command_line,
    "CONTROLS.md": controls,
    "FLEET_CONFIGURATION.md": fleet_settings,
    "MCP.md": mcp,
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
