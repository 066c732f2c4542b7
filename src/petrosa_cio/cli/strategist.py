"""``cio strategist think``: let the Strategist look, and propose a change of policy or none."""

from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Annotated, Any

import orjson
import typer

from petrosa_cio.cli.change_tables import show_comparison, show_outcome
from petrosa_cio.cli.durations import duration_of
from petrosa_cio.cli.options import SWITCH, AsJson, TokenFile, examples
from petrosa_cio.cli.policy_change import NEED
from petrosa_cio.cli.root import app, run_async, running_settings
from petrosa_cio.cli.showing import out
from petrosa_cio.cli.switches import show_unrecorded
from petrosa_cio.cli.what_if_summary import show_what_if
from petrosa_cio.governance.what_if.stage import LAST_DAY, WhatIfSummary
from petrosa_cio.office.shown import outcome_fields
from petrosa_cio.strategist.acting import (
    Acted,
    act,
    check_is_agent,
    reason_of,
    record,
    thought_fields,
)
from petrosa_cio.strategist.proposal import PolicyProposal
from petrosa_cio.strategist.thinking import Thought
from petrosa_cio.strategy import StrategistRoom, open_strategist

strategist_app = typer.Typer(
    help="A slow mind that proposes policy. It never sees an order, and changes nothing that an "
    "agent may not change.",
    no_args_is_help=True,
)
app.add_typer(strategist_app, name="strategist", rich_help_panel=SWITCH)

DRY_RUN = "dry run"


@dataclass(frozen=True, slots=True)
class _Found:
    """What was thought, and what became of it.

    Attributes:
        thought: The thought.
        acted: What became of it.
        what_if: What it would have made otherwise of the recent record; None but in a dry run.
    """

    thought: Thought
    acted: Acted
    what_if: WhatIfSummary | None = None


@strategist_app.command(
    "think",
    epilog=examples(
        "cio strategist think --dry-run",
        "cio strategist think --dry-run --last 6h --json",
        "cio strategist think --token-file strategist.token",
    ),
)
def strategist_think(
    dry_run: Annotated[
        bool,
        typer.Option("--dry-run", help="Show what would be proposed, and propose nothing."),
    ] = False,
    last: Annotated[
        str, typer.Option(help="How far back the record is counted, such as 6h, at most 7d.")
    ] = "24h",
    token_file: TokenFile = None,
    as_json: AsJson = False,
) -> None:
    """Think once: a briefing, an answer by a model or the playbook, and what it would change.

    Models are asked where CIO_STRATEGIST_MODELS names some; that costs money, in a dry run too.
    Without --dry-run what tightens is in force at once, what loosens waits for people, and the
    token must be an agent's. Each thought is recorded, but for a dry run of the playbook alone.
    Exit code 0, also where nothing is to change; 1 when it is refused or a server is away.
    """
    span = duration_of(last)
    if span > timedelta(days=7):
        raise typer.BadParameter("at most 7d", param_hint="--last")
    found = run_async(_thought(span, token_file, dry_run=dry_run))
    if as_json:
        out.print_json(orjson.dumps(_fields(found), default=str).decode())
    else:
        _show(found)


async def _thought(span: timedelta, token_file: Path | None, *, dry_run: bool) -> _Found:
    async with open_strategist(running_settings(*NEED)) as room:
        if dry_run:
            thought = await room.strategist.think(await room.sources.situation(span))
            return await _dry(room, thought)
        actor = await room.government.who_asks(token_file)
        check_is_agent(actor)
        thought = await room.strategist.think(await room.sources.situation(span))
        government = room.government
        acted = await act(government.lifecycle, government.desk.record, actor, thought)
        return _Found(thought, acted)


async def _dry(room: StrategistRoom, thought: Thought) -> _Found:
    unrecorded = None
    if thought.attempts:
        unrecorded = await record(room.government.desk.record, "strategist", thought, DRY_RUN)
    what_if = None
    if thought.judged is not None:
        what_if = await room.rehearsal.summary(thought.judged.document, LAST_DAY)
    return _Found(thought, Acted(DRY_RUN, unrecorded=unrecorded), what_if)


def _fields(found: _Found) -> dict[str, Any]:
    thought, acted = found.thought, found.acted
    return {
        **thought_fields(thought),
        "decision": acted.decision,
        "briefing": thought.briefing.text,
        "facts": thought.briefing.facts,
        "names": {
            "strategies": thought.briefing.names.strategies,
            "overlays": thought.briefing.names.overlays,
        },
        "what_if": found.what_if and orjson.loads(found.what_if.text),
        "outcome": outcome_fields(acted.outcome) if acted.outcome else None,
        "waiting": acted.waiting and acted.waiting.proposal_id,
        "unrecorded": acted.unrecorded,
    }


def _show(found: _Found) -> None:
    thought, acted = found.thought, found.acted
    out.print(thought.briefing.text, markup=False, soft_wrap=True)
    for one in thought.attempts:
        told = f"{one.model}: {one.outcome}, {one.input_tokens} + {one.output_tokens} tokens"
        out.print(f"{told}, {one.cost_microdollars / 1_000_000:.4f} USD", markup=False)
        for problem in one.problems:
            out.print(f"  {problem}", markup=False, soft_wrap=True)
    by = f"{thought.by}, rule {thought.rule}" if thought.rule else thought.by
    out.print(f"[bold]{'Proposed' if thought.judged else 'No change'}[/] by {by}:", soft_wrap=True)
    out.print(reason_of(thought), markup=False, soft_wrap=True)
    if isinstance(thought.answer, PolicyProposal):
        expected = thought.answer.expected
        at_most = expected.comparator.replace("_", " ")
        out.print(
            f"Expected: {expected.metric} {at_most} {expected.value} after "
            f"{expected.horizon_hours} h; confidence {thought.answer.confidence}.",
            markup=False,
        )
    if acted.outcome is not None:
        show_outcome(acted.outcome, as_json=False)
    elif thought.judged is not None:
        beside = f"beside revision {thought.situation.revision}"
        show_comparison(thought.judged.comparison, beside)
    if found.what_if is not None:
        show_what_if(found.what_if)
    if acted.waiting is not None:
        out.print(f"The same waits already as {acted.waiting.proposal_id[:12]}.", markup=False)
    if acted.decision == DRY_RUN and thought.judged is not None:
        out.print("Nothing was proposed: this was a dry run.")
    if acted.unrecorded:
        show_unrecorded(acted.unrecorded)
