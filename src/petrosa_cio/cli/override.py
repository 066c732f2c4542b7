"""``cio override``: lift limits for one order, by two people, once, for minutes."""

from pathlib import Path
from typing import Annotated

import typer

from petrosa_cio.cli.deciding import Yes, need_confirmed, stepped
from petrosa_cio.cli.durations import duration_of
from petrosa_cio.cli.options import (
    SWITCH,
    AsJson,
    Thought,
    ThoughtFile,
    TokenFile,
    examples,
    stated_thought,
)
from petrosa_cio.cli.override_tables import show_override, show_overrides
from petrosa_cio.cli.policy_change import NEED
from petrosa_cio.cli.root import app, run_async, running_settings
from petrosa_cio.cli.showing import out, print_json
from petrosa_cio.cli.switches import Reason, readable
from petrosa_cio.governance.overrides import ConsideredOverride
from petrosa_cio.government import open_government
from petrosa_cio.office.overrides_shown import override_fields
from petrosa_cio.risk.overrides import LIFTS
from petrosa_cio.risk.reasons import ReasonCode

override_app = typer.Typer(
    help="Lift limits for one order: two people, one use, minutes.", no_args_is_help=True
)
app.add_typer(override_app, name="override", rich_help_panel=SWITCH)

OverrideName = Annotated[
    str, typer.Argument(help="The override: at least 8 characters of the beginning of its name.")
]


@override_app.command(
    "propose",
    epilog=examples(
        "cio override propose 0d4b1a41cf6e4d6b8a6f3ed3c26d2b58 --lift NOTIONAL_ABOVE_MAX "
        "--thought-file why.txt",
        'cio override propose i-20261123-0007 --lift RATE_ABOVE_MAX --for 5m --thought "..."',
    ),
)
def override_propose(
    intent_or_decision_id: Annotated[
        str, typer.Argument(help="The decision that denied the order, or what the bot called it.")
    ],
    lifts: Annotated[
        list[ReasonCode],
        typer.Option(
            "--lift",
            help=f"A reason to lift, as often as needed. Only these can be: {', '.join(LIFTS)}.",
            metavar="CODE",
        ),
    ],
    lasts: Annotated[
        str,
        typer.Option("--for", help="For so long it can be approved and used, 1m to 60m."),
    ] = "10m",
    thought: Thought = None,
    thought_file: ThoughtFile = None,
    token_file: TokenFile = None,
    as_json: AsJson = False,
) -> None:
    """Ask that limits be lifted for one order that was denied; somebody else must approve it.

    It takes a token and a thought: at least 100 characters of text on why. Each reason is lifted
    as far as the charter's own bound. Exit code 0 when it waits for approval, 1 when it is refused
    or a server is away; a refusal is recorded.
    """
    why, span = stated_thought(thought, thought_file), duration_of(lasts)

    async def proposed() -> ConsideredOverride:
        async with open_government(running_settings(*NEED)) as government:
            actor = await government.who_asks(token_file)
            return await government.overrides.propose(
                actor, intent_or_decision_id, lifts=lifts, thought=why, lasts=span
            )

    _show(run_async(proposed()), as_json)


@override_app.command("list", epilog=examples("cio override list", "cio override list --json"))
def override_list(as_json: AsJson = False) -> None:
    """Show the newest overrides, and where each stands.

    Exit code 0, 1 when a server is away.
    """

    async def listed() -> list[ConsideredOverride]:
        async with open_government(running_settings(*NEED)) as government:
            return await government.overrides.listed()

    found = run_async(listed())
    if as_json:
        print_json([override_fields(one) for one in found])
    elif found:
        show_overrides(found)
    else:
        out.print("Nobody has proposed an override.")


@override_app.command(
    "show",
    epilog=examples(
        "cio override show 1f0c9a77",
        "cio override show 1f0c9a77 --order > order.json",
    ),
)
def override_show(
    override: OverrideName,
    order: Annotated[
        bool, typer.Option("--order", help="Print the order alone, to be sent again as it was.")
    ] = False,
    as_json: AsJson = False,
) -> None:
    """Show one override: the order, what it lifts and what not, who wants it and why.

    What --order prints is for `cio send --ask --new-ids`, from a file or from standard input.
    Exit code 0, 1 when there is none or a server is away.
    """
    found = run_async(_one(override))
    if order:
        typer.echo(found.wanted.body)
    else:
        _show(found, as_json)


async def _one(override: str) -> ConsideredOverride:
    async with open_government(running_settings(*NEED)) as government:
        return await government.overrides.look_up(override)


@override_app.command(
    "approve", epilog=examples('cio override approve 1f0c9a77b2e4 --reason "I looked at the book"')
)
def override_approve(
    override: OverrideName,
    reason: Reason,
    yes: Yes = False,
    token_file: TokenFile = None,
    as_json: AsJson = False,
) -> None:
    """Approve an override that somebody else proposed, after it was shown to you.

    With the last approval that it takes it counts at once; gates know of it within a second. Then
    the order must be sent again, whole, with a new id. Where that failed half-way, approve again.
    Exit code 0 when it counts, 1 when it is refused or a server is away; a refusal is recorded.
    """
    if not yes and not as_json:
        found = run_async(_one(override))
        show_override(found)
        need_confirmed()
        override = found.proposal.proposal_id
    _show(_stepped(override, reason, token_file, approves=True), as_json)


@override_app.command(
    "reject", epilog=examples('cio override reject 1f0c9a77b2e4 --reason "the book is thin"')
)
def override_reject(
    override: OverrideName, reason: Reason, token_file: TokenFile = None, as_json: AsJson = False
) -> None:
    """Reject an override for good, or withdraw your own, before it is approved.

    Exit code 0 when it counts, 1 when it is refused; a refusal is recorded.
    """
    _show(_stepped(override, reason, token_file, approves=False), as_json)


def _stepped(
    override: str, reason: str, token_file: Path | None, *, approves: bool
) -> ConsideredOverride:
    why = readable(reason)
    return run_async(stepped(lambda by: by.overrides, override, why, token_file, approves=approves))


def _show(found: ConsideredOverride, as_json: bool) -> None:
    if as_json:
        print_json(override_fields(found))
    else:
        show_override(found)
