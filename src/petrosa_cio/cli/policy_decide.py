"""``cio policy proposals``, ``approve``, ``reject`` and ``activate``: decide what others want."""

from pathlib import Path
from typing import Annotated

import typer

from petrosa_cio.cli.change_tables import (
    show_comparison,
    show_considered,
    show_in_force,
    show_one,
)
from petrosa_cio.cli.deciding import Yes, need_confirmed, stepped
from petrosa_cio.cli.options import AsJson, TokenFile, examples
from petrosa_cio.cli.policy import policy_app
from petrosa_cio.cli.policy_change import NEED
from petrosa_cio.cli.root import run_async, running_settings
from petrosa_cio.cli.showing import out, print_json
from petrosa_cio.cli.switches import Reason, readable
from petrosa_cio.cli.what_if_summary import show_what_if_of
from petrosa_cio.governance.documents import read_policy_document
from petrosa_cio.governance.lifecycle import Considered
from petrosa_cio.government import open_government
from petrosa_cio.office.shown import comparison_fields, considered_fields
from petrosa_cio.ports import PolicyRevision
from petrosa_cio.risk.compare import Comparison

ProposalName = Annotated[
    str, typer.Argument(help="The proposal: at least 8 characters of the beginning of its name.")
]


@policy_app.command(
    "proposals", epilog=examples("cio policy proposals", "cio policy proposals 1f0c9a77")
)
def policy_proposals(
    proposal: Annotated[
        str | None, typer.Argument(help="One proposal, to be shown with all it would change.")
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Show the newest proposals and where each stands, or one with what it would change, and why.

    Exit code 0, 1 when there is no such proposal or MongoDB is away.
    """
    if proposal is not None:
        _show_all_of(*run_async(_one(proposal)), as_json=as_json)
        return
    found = run_async(_listed())
    if as_json:
        print_json([considered_fields(one) for one in found])
    elif found:
        show_considered(found)
    else:
        out.print("Nobody has proposed anything.")


async def _listed() -> list[Considered]:
    async with open_government(running_settings(*NEED)) as government:
        return await government.lifecycle.listed()


async def _one(proposal: str) -> tuple[Considered, Comparison]:
    async with open_government(running_settings(*NEED)) as government:
        found = await government.lifecycle.look_up(proposal)
        document = read_policy_document(found.proposal.document.encode())
        return found, await government.lifecycle.beside(found.proposal.parent, document)


def _show_all_of(found: Considered, comparison: Comparison, *, as_json: bool) -> None:
    if as_json:
        shown = considered_fields(found) | comparison_fields(comparison)
        print_json(shown)
        return
    show_considered([found])
    show_comparison(comparison, f"beside revision {found.proposal.parent}")
    show_what_if_of(found.proposal)
    out.print(found.proposal.thought, markup=False)
    for step in found.steps:
        out.print(f"{step.kind} by {step.author}: {step.reason}", markup=False)


@policy_app.command(
    "approve",
    epilog=examples('cio policy approve 1f0c9a77b2e4 --reason "volume is back, I looked"'),
)
def policy_approve(
    proposal: ProposalName,
    reason: Reason,
    yes: Yes = False,
    token_file: TokenFile = None,
    as_json: AsJson = False,
) -> None:
    """Approve what somebody else proposed, after it was shown to you; it does not activate it.

    Nobody approves a proposal of their own, and agents approve nothing. Where the charter says that
    one person decides, the author confirms it so once the cooling-off time is over. Exit code 0
    when it counts, 1 when it is refused; a refusal is recorded.
    """
    if not yes and not as_json:
        found, comparison = run_async(_one(proposal))
        _show_all_of(found, comparison, as_json=False)
        need_confirmed()
        proposal = found.proposal.proposal_id
    _show_step(_stepped(proposal, reason, token_file, approves=True), as_json)


@policy_app.command(
    "reject", epilog=examples('cio policy reject 1f0c9a77b2e4 --reason "not before the elections"')
)
def policy_reject(
    proposal: ProposalName, reason: Reason, token_file: TokenFile = None, as_json: AsJson = False
) -> None:
    """Reject a proposal for good, or withdraw your own.

    Exit code 0 when it counts, 1 when it is refused; a refusal is recorded.
    """
    _show_step(_stepped(proposal, reason, token_file, approves=False), as_json)


def _stepped(proposal: str, reason: str, token_file: Path | None, *, approves: bool) -> Considered:
    why = readable(reason)
    return run_async(stepped(lambda by: by.lifecycle, proposal, why, token_file, approves=approves))


def _show_step(found: Considered, as_json: bool) -> None:
    if as_json:
        print_json(considered_fields(found))
    else:
        show_one(found)


@policy_app.command("activate", epilog=examples("cio policy activate 1f0c9a77b2e4"))
def policy_activate(
    proposal: ProposalName, token_file: TokenFile = None, as_json: AsJson = False
) -> None:
    """Put an approved proposal in force, on every replica.

    It is judged anew: against the charter as it is now, and only if the revision that it was made
    from is still in force. Exit code 0 when it is in force, 1 when it is refused or a server is
    away; a refusal is recorded.
    """
    revision = run_async(_activated(proposal, token_file))
    if as_json:
        print_json({"in_force": revision.revision})
    else:
        show_in_force(revision)


async def _activated(proposal: str, token_file: Path | None) -> PolicyRevision:
    async with open_government(running_settings(*NEED)) as government:
        actor = await government.who_asks(token_file)
        return await government.lifecycle.activate(actor, proposal)
