"""``cio fleet set``, ``rollback``, ``proposals``, ``approve``, ``reject`` and ``apply``."""

from collections.abc import Awaitable, Callable, Sequence
from pathlib import Path
from typing import Annotated, TypeVar

import typer

from petrosa_cio.cli.exit_codes import ExitCode
from petrosa_cio.cli.fleet import NEED, TargetName, fleet_app
from petrosa_cio.cli.fleet_tables import show_asked, show_report, show_waiting
from petrosa_cio.cli.options import (
    AsJson,
    Thought,
    ThoughtFile,
    TokenFile,
    examples,
    stated_thought,
)
from petrosa_cio.cli.root import run_async, running_settings
from petrosa_cio.cli.showing import out, print_json
from petrosa_cio.cli.switches import Reason, readable
from petrosa_cio.fleet.neighbour import parse_target
from petrosa_cio.governance.actors import Actor
from petrosa_cio.governance.fleet_configuration import Asked, FleetConfiguration
from petrosa_cio.governance.fleet_outcome import Effect, Report
from petrosa_cio.governance.fleet_proposals import Waiting
from petrosa_cio.neighbourhood import open_neighbourhood
from petrosa_cio.office.fleet_shown import (
    asked_fields,
    report_fields,
    waiting_fields,
)
from petrosa_cio.risk.strict_json import NotStrictJson, load_value

MOST_BYTES = 65_536
DONE = frozenset({Effect.APPLIED, Effect.STORED_UNREAD})

Answer = TypeVar("Answer")
ProposalName = Annotated[
    str, typer.Argument(help="The proposal: at least 8 characters of the beginning of its name.")
]


@fleet_app.command(
    "set",
    epilog=examples(
        'cio fleet set tradeengine/BTCUSDT --set leverage=5 --thought "..."',
        "cio fleet set ta-bot --set min_confidence=0.75 --thought-file why.txt",
    ),
)
def fleet_set(
    target: TargetName,
    fields: Annotated[
        list[str],
        typer.Option(
            "--set",
            help="A setting, such as leverage=5, as often as needed; the value is JSON, or a text.",
        ),
    ],
    thought: Thought = None,
    thought_file: ThoughtFile = None,
    token_file: TokenFile = None,
    as_json: AsJson = False,
) -> None:
    """Change settings of a neighbour: what only tightens is sent, what may loosen waits for people.

    It takes a token and a thought. What was sent is read back, and what it achieved is said as it
    is: most of what the neighbours store is read by nothing there. Exit code 0 when the neighbour
    shows the new values or the change waits, 1 when it is refused, not seen or not known.
    """
    why, wanted = stated_thought(thought, thought_file), _settings(fields)
    meant = parse_target(target)

    async def change(fleet: FleetConfiguration, actor: Actor) -> Asked:
        return await fleet.change(actor, meant, wanted, why)

    _end_asked(run_async(_as_actor(change, token_file)), as_json)


@fleet_app.command(
    "rollback",
    epilog=examples(
        'cio fleet rollback tradeengine/BTCUSDT --to 3 --thought "..."',
        "cio fleet rollback ta-bot --thought-file why.txt",
    ),
)
def fleet_rollback(
    target: TargetName,
    to: Annotated[
        str | None,
        typer.Option(
            help="Version or name of the change, as `cio fleet history` shows them, whose result "
            "is wanted; unset, the newest change is undone."
        ),
    ] = None,
    thought: Thought = None,
    thought_file: ThoughtFile = None,
    token_file: TokenFile = None,
    as_json: AsJson = False,
) -> None:
    """Set what the neighbour's history says was stored once; judged and sent as `cio fleet set`.

    Exit code 0 when the neighbour shows the old values or the change waits, 1 when it is refused,
    not seen or not known, or the history does not tell.
    """
    why, meant = stated_thought(thought, thought_file), parse_target(target)

    async def roll_back(fleet: FleetConfiguration, actor: Actor) -> Asked:
        return await fleet.roll_back(actor, meant, to, why)

    _end_asked(run_async(_as_actor(roll_back, token_file)), as_json)


@fleet_app.command("proposals", epilog=examples("cio fleet proposals"))
def fleet_proposals(as_json: AsJson = False) -> None:
    """Show the newest changes of neighbours that wait, or waited, for people.

    Exit code 0, 1 when MongoDB is away.
    """
    found = run_async(_listed())
    if as_json:
        print_json([waiting_fields(one) for one in found])
    elif found:
        show_waiting(found)
    else:
        out.print("Nobody has proposed anything.")


async def _listed() -> list[Waiting]:
    async with open_neighbourhood(running_settings(*NEED)) as neighbourhood:
        return await neighbourhood.configuration.proposals.listed()


@fleet_app.command(
    "approve", epilog=examples('cio fleet approve 1f0c9a77b2e4 --reason "agreed with the desk"')
)
def fleet_approve(
    proposal: ProposalName, reason: Reason, token_file: TokenFile = None, as_json: AsJson = False
) -> None:
    """Approve what somebody else proposed. Nothing is sent by that: `cio fleet apply` sends it.

    Exit code 0 when it is approved, 1 when that is refused.
    """

    async def approve(fleet: FleetConfiguration, actor: Actor) -> Waiting:
        return await fleet.proposals.approve(actor, proposal, reason=readable(reason))

    _end_waiting(run_async(_as_actor(approve, token_file)), as_json)


@fleet_app.command("reject", epilog=examples('cio fleet reject 1f0c9a77b2e4 --reason "too soon"'))
def fleet_reject(
    proposal: ProposalName, reason: Reason, token_file: TokenFile = None, as_json: AsJson = False
) -> None:
    """Reject a proposal for good; its author withdraws it.

    Exit code 0 when it is rejected, 1 when that is refused.
    """

    async def reject(fleet: FleetConfiguration, actor: Actor) -> Waiting:
        return await fleet.proposals.reject(actor, proposal, reason=readable(reason))

    _end_waiting(run_async(_as_actor(reject, token_file)), as_json)


@fleet_app.command("apply", epilog=examples("cio fleet apply 1f0c9a77b2e4"))
def fleet_apply(
    proposal: ProposalName, token_file: TokenFile = None, as_json: AsJson = False
) -> None:
    """Send an approved change, once, while the neighbour still shows what it showed then.

    Exit code 0 when the neighbour shows the new values, 1 when it is refused, not seen or not
    known.
    """

    async def apply(fleet: FleetConfiguration, actor: Actor) -> Report:
        return await fleet.apply(actor, proposal)

    report = run_async(_as_actor(apply, token_file))
    if as_json:
        print_json(report_fields(report))
    else:
        show_report(report)
    _end(report)


async def _as_actor(
    work: Callable[[FleetConfiguration, Actor], Awaitable[Answer]], token_file: Path | None
) -> Answer:
    async with open_neighbourhood(running_settings(*NEED)) as neighbourhood:
        actor = await neighbourhood.government.who_asks(token_file)
        return await work(neighbourhood.configuration, actor)


def _settings(fields: Sequence[str]) -> dict[str, object]:
    pairs = [field.partition("=") for field in fields]
    names = [name for name, _, _ in pairs]
    if not all(equals for _, equals, _ in pairs) or len(set(names)) != len(names):
        raise typer.BadParameter("state each setting once, as NAME=VALUE", param_hint="--set")
    return {name: _value(text) for name, _, text in pairs}


def _value(text: str) -> object:
    try:
        return load_value(text.encode("utf-8", "replace"), MOST_BYTES)
    except NotStrictJson:
        return text


def _end_asked(asked: Asked, as_json: bool) -> None:
    if as_json:
        print_json(asked_fields(asked))
    else:
        show_asked(asked)
    if asked.report is not None:
        _end(asked.report)


def _end_waiting(found: Waiting, as_json: bool) -> None:
    if as_json:
        print_json(waiting_fields(found))
    else:
        show_waiting([found])


def _end(report: Report) -> None:
    if report.effect not in DONE:
        raise typer.Exit(ExitCode.FAILED)
