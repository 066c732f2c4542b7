"""``cio policy shadow``: try a policy on what arrives, beside the one in force."""

from datetime import timedelta
from pathlib import Path
from typing import Annotated

import typer

from petrosa_cio.cli.change_tables import show_comparison, show_outcome
from petrosa_cio.cli.durations import duration_of
from petrosa_cio.cli.options import (
    AsJson,
    Thought,
    ThoughtFile,
    TokenFile,
    examples,
    stated_thought,
)
from petrosa_cio.cli.policy import policy_app
from petrosa_cio.cli.policy_change import NEED, Fields, File, Parent, newest_of, wanted_of
from petrosa_cio.cli.root import run_async, running_settings
from petrosa_cio.cli.shadow_tables import show_ended, show_seen
from petrosa_cio.cli.showing import err, out, print_json
from petrosa_cio.cli.switches import show_unrecorded
from petrosa_cio.governance.shadow import Ended, Promoted, Seen, Started
from petrosa_cio.government import open_government
from petrosa_cio.office.shadow_shown import ended_fields, seen_fields, started_fields

shadow_app = typer.Typer(
    help="Try a policy on what arrives, beside the one in force: it is decided a moment later, "
    "recorded, and never enforced.",
    no_args_is_help=True,
)
policy_app.add_typer(shadow_app, name="shadow")

Lasts = Annotated[
    str,
    typer.Option("--for", help="After how long it ends by itself, such as 90m, 24h or 7d."),
]


@shadow_app.command(
    "start",
    epilog=examples(
        "cio policy shadow start candidate.yaml --thought-file why.txt",
        "cio policy shadow start --set fund.min_confidence=0.7 --for 8h --thought-file why.txt",
    ),
)
def shadow_start(
    file: File = None,
    fields: Fields = None,
    lasts: Lasts = "24h",
    parent: Parent = None,
    thought: Thought = None,
    thought_file: ThoughtFile = None,
    token_file: TokenFile = None,
    as_json: AsJson = False,
) -> None:
    """Start a shadow: from now on each verdict is decided again under this policy.

    It enforces nothing, so whoever may tighten may start one, agents too. It is checked as a
    proposal is, takes a token and a thought, and there is one at a time. The role `control` decides
    under it, some seconds after the gate. Exit code 0 when it runs, 1 when it is refused or a
    server is away; a refusal is recorded.
    """
    why, span = stated_thought(thought, thought_file), duration_of(lasts)
    started = run_async(_started(file, fields or [], span, parent, why, token_file))
    if as_json:
        print_json(started_fields(started))
        return
    show_comparison(started.comparison, f"beside revision {started.shadow.parent}")
    for finding in started.findings:
        err.print(str(finding), style="yellow", markup=False, soft_wrap=True)
    until = started.shadow.ends_at.isoformat(timespec="minutes")
    out.print(f"Shadow [bold]{started.shadow.number}[/] runs until {until}. Nothing is enforced.")
    out.print("Next: cio policy shadow show", markup=False)
    if started.unrecorded:
        show_unrecorded(started.unrecorded)


async def _started(
    file: Path | None,
    fields: list[str],
    lasts: timedelta,
    parent: int | None,
    thought: str,
    token_file: Path | None,
) -> Started:
    async with open_government(running_settings(*NEED)) as government:
        actor = await government.who_asks(token_file)
        newest = await newest_of(government)
        wanted = wanted_of(file, fields, newest)
        made_from = newest.revision if parent is None else parent
        return await government.shadows.start(
            actor, wanted, parent=made_from, thought=thought, lasts=lasts
        )


@shadow_app.command(
    "show", epilog=examples("cio policy shadow show", "cio policy shadow show 3 --json")
)
def shadow_show(
    number: Annotated[
        int | None, typer.Argument(help="Which shadow; unset, the newest.", min=1)
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Show a shadow: where it stands, and which verdicts would have been others so far.

    Flips are counted by code, strategy and symbol; the newest are shown one by one, with --json up
    to 1,000. Its errors are shown, and how far it is behind. Exit code 0, 1 when there is no such
    shadow or MongoDB is away.
    """
    seen = run_async(_seen(number))
    if as_json:
        print_json(seen_fields(seen))
    else:
        show_seen(seen)


async def _seen(number: int | None) -> Seen:
    async with open_government(running_settings(*NEED)) as government:
        return await government.shadows.show(number)


@shadow_app.command("promote", epilog=examples("cio policy shadow promote --thought-file why.txt"))
def shadow_promote(
    thought: Thought = None,
    thought_file: ThoughtFile = None,
    token_file: TokenFile = None,
    as_json: AsJson = False,
) -> None:
    """Propose the policy of the newest shadow, exactly as it was tried, and end the shadow.

    It goes the way of every change: what only tightens is in force at once, what loosens waits for
    approval. Where another revision came into force meanwhile it is refused as a conflict, and the
    shadow runs on. Exit code 0 when it is in force or waits, 1 when it is refused or a server is
    away; a refusal is recorded.
    """
    promoted = run_async(_promoted(stated_thought(thought, thought_file), token_file))
    show_outcome(promoted.outcome, as_json)
    if not as_json:
        show_ended(promoted.ended)


async def _promoted(thought: str, token_file: Path | None) -> Promoted:
    async with open_government(running_settings(*NEED)) as government:
        actor = await government.who_asks(token_file)
        return await government.shadows.promote(actor, thought=thought)


@shadow_app.command("drop", epilog=examples("cio policy shadow drop --thought-file why.txt"))
def shadow_drop(
    thought: Thought = None,
    thought_file: ThoughtFile = None,
    token_file: TokenFile = None,
    as_json: AsJson = False,
) -> None:
    """End the newest shadow; what it found stays. It takes a thought, as every change does.

    Exit code 0 when it is ended, 1 when there is none or it is refused; a refusal is recorded.
    """
    ended = run_async(_dropped(stated_thought(thought, thought_file), token_file))
    if as_json:
        print_json(ended_fields(ended))
    else:
        show_ended(ended)


async def _dropped(thought: str, token_file: Path | None) -> Ended:
    async with open_government(running_settings(*NEED)) as government:
        actor = await government.who_asks(token_file)
        return await government.shadows.drop(actor, thought=thought)
