"""Routes of the policy: what governs, drafts, and how it changes."""

from datetime import timedelta
from typing import Annotated, Any

import orjson
from fastapi import Query, Response

from petrosa_cio.governance.authority import Act, needs_approval
from petrosa_cio.governance.lifecycle import Considered, Outcome
from petrosa_cio.office.drafts import Draft
from petrosa_cio.office.shown import (
    comparison_fields,
    considered_fields,
    listed_revision_fields,
    needs_fields,
    outcome_fields,
    revision_fields,
)
from petrosa_cio.office.what_if import what_if, what_if_fields
from petrosa_cio.risk.policy import canonical_json, document_hash
from petrosa_cio.surfaces.api.asked import (
    DraftBody,
    Limit,
    ProposalBody,
    ProposalName,
    ReasonBody,
    Revision,
    RevisionNumber,
    RollbackBody,
    WhatIfBody,
)
from petrosa_cio.surfaces.api.envelope import Told
from petrosa_cio.surfaces.api.route import Call, Called, Routes
from petrosa_cio.surfaces.api.told import (
    CharterAnswer,
    CheckAnswer,
    ComparisonAnswer,
    InForce,
    OutcomeAnswer,
    Page,
    ProposalAnswer,
    ProposalRow,
    RevisionAnswer,
    RevisionRow,
)
from petrosa_cio.surfaces.api.told_records import WhatIfAnswer

routes = Routes("policies")

WAITS = 202
"""The status of what waits for approval."""

WAITING = {
    WAITS: {
        "model": Told[OutcomeAnswer],
        "description": "It loosens something, or may, and waits for approval as `needs` says.",
    }
}
"""The answer of what may wait for approval."""


@routes.get("/policies/active", Act.LOOK, Told[RevisionAnswer], more=[404])
async def active_policy(call: Called) -> Any:
    """Return the newest revision of the policy, which is the one in force."""
    return call.told(revision_fields(await call.office.policies.newest()))


@routes.get("/policies/revisions", Act.LOOK, Told[Page[RevisionRow]])
async def policy_history(
    call: Called,
    limit: Limit = 20,
    cursor: Annotated[
        str | None,
        Query(pattern=r"^[1-9][0-9]{0,14}$", description="Where the page before ended."),
    ] = None,
) -> Any:
    """List the revisions of the policy, the newest first: who, when, what it did and why."""
    before = None if cursor is None else int(cursor)
    found = await call.office.policies.history(before, limit + 1)
    following = str(found[limit - 1].revision) if len(found) > limit else None
    rows = [listed_revision_fields(one) for one in found[:limit]]
    return call.told({"items": rows, "cursor": following})


@routes.get("/policies/revisions/{number}", Act.LOOK, Told[RevisionAnswer], more=[404])
async def policy_revision(call: Called, number: RevisionNumber) -> Any:
    """Return one revision of the policy."""
    return call.told(revision_fields(await call.office.policies.revision(number)))


@routes.get("/policies/comparisons", Act.LOOK, Told[ComparisonAnswer], more=[404])
async def compare_policies(
    call: Called,
    old: Annotated[Revision, Query(description="A revision.", examples=[1])],
    new: Annotated[Revision, Query(description="Another one.", examples=[2])],
) -> Any:
    """Say what one revision changes of another: each limit that is tighter or looser."""
    return call.told(comparison_fields(await call.office.policies.compared(old, new)))


@routes.post("/policies/checks", Act.LOOK, Told[CheckAnswer], more=[404])
async def check_draft(call: Called, body: DraftBody) -> Any:
    """Say everything that is wrong with a draft, and what it would change. Nothing is changed."""
    found = await call.office.policies.checked(call.actor, _draft(body))
    return call.told(
        {
            "parent": found.newest.revision,
            "may_govern": not found.errors,
            "waits_for_approval": needs_approval(found.comparison.change),
            "errors": found.errors,
            "warnings": found.warnings,
            "comparison": comparison_fields(found.comparison),
        }
    )


@routes.post("/policies/what-ifs", Act.LOOK, Told[WhatIfAnswer], more=[404])
async def try_draft(call: Called, body: WhatIfBody) -> Any:
    """Say which verdicts of a span of the past would have been others under a draft.

    At most seven days, and 5,000 verdicts; `cio policy what-if` takes any number.
    """
    candidate = None
    if body.document is not None or body.fields:
        _, candidate = await call.office.policies.drafted(call.actor, _draft(body))
    async with call.place():
        past = call.office.records.past
        found = await what_if(past, candidate, body.since, body.until)
    return call.told(orjson.loads(orjson.dumps(what_if_fields(found), default=str)))


@routes.post(
    "/policies/proposals", Act.PROPOSE, Told[OutcomeAnswer],
    more=[404, 409], status_code=201, answers=WAITING,
)  # fmt: skip
async def propose_policy(call: Called, body: ProposalBody, response: Response) -> Any:
    """Change the policy: what only tightens is in force at once, what loosens waits for approval.

    201 where it is in force, 202 where it waits.
    """
    outcome = await call.office.policies.propose(
        call.actor,
        _draft(body),
        thought=body.thought,
        parent=body.parent,
        what_if=_span(body.what_if_s),
    )
    return call.told(outcome_told(call, outcome, response))


@routes.post(
    "/policies/rollbacks", Act.PROPOSE, Told[OutcomeAnswer],
    more=[404, 409], status_code=201, answers=WAITING,
)  # fmt: skip
async def roll_back_policy(call: Called, body: RollbackBody, response: Response) -> Any:
    """Go back to an earlier policy: a new revision with its content and a thought of its own.

    201 where that only tightens and is in force, 202 where it waits for approval.
    """
    lifecycle = call.office.policies.lifecycle
    outcome = await lifecycle.rollback(
        call.actor,
        body.to,
        thought=body.thought,
        tighter=body.tighter,
        what_if=_span(body.what_if_s),
    )
    return call.told(outcome_told(call, outcome, response))


@routes.get("/policies/proposals", Act.LOOK, Told[Page[ProposalRow]])
async def proposals(call: Called, limit: Limit = 50) -> Any:
    """List the newest proposals and where each stands; there is no further page."""
    found = await call.office.policies.lifecycle.listed(limit=limit)
    return call.told({"items": [considered_fields(one) for one in found], "cursor": None})


@routes.get("/policies/proposals/{proposal}", Act.LOOK, Told[ProposalAnswer], more=[404])
async def one_proposal(call: Called, proposal: ProposalName) -> Any:
    """Return a proposal with all that it would change."""
    found, comparison = await call.office.policies.proposal(proposal)
    shown = considered_fields(found) | {"comparison": comparison_fields(comparison)}
    return call.told(shown)


@routes.post("/policies/proposals/{proposal}/approvals", Act.APPROVE, Told[ProposalRow], more=[404])
async def approve_proposal(call: Called, proposal: ProposalName, body: ReasonBody) -> Any:
    """Approve what somebody else proposed; it does not activate it.

    Where the charter says that one person decides, its author confirms it so once the cooling-off
    time is over.
    """
    lifecycle = call.office.policies.lifecycle
    return _told_step(call, await lifecycle.approve(call.actor, proposal, reason=body.reason))


@routes.post(
    "/policies/proposals/{proposal}/rejections", Act.PROPOSE, Told[ProposalRow], more=[404]
)
async def reject_proposal(call: Called, proposal: ProposalName, body: ReasonBody) -> Any:
    """Reject a proposal for good, which takes a role that approves, or withdraw your own."""
    lifecycle = call.office.policies.lifecycle
    return _told_step(call, await lifecycle.reject(call.actor, proposal, reason=body.reason))


@routes.post(
    "/policies/proposals/{proposal}/activations", Act.ACTIVATE, Told[InForce],
    more=[404, 409], status_code=201,
)  # fmt: skip
async def activate_proposal(call: Called, proposal: ProposalName) -> Any:
    """Put an approved proposal in force, on every replica. It is judged anew."""
    revision = await call.office.policies.lifecycle.activate(call.actor, proposal)
    return call.told({"in_force": revision.revision})


@routes.get("/charters/active", Act.LOOK, Told[CharterAnswer])
async def charter(call: Called) -> Any:
    """Return the charter: the bounds that people set in a file, and no program changes."""
    found = call.office.policies.charter
    document = orjson.loads(canonical_json(found))
    return call.told({"name": found.name, "hash": document_hash(found), "document": document})


def _draft(body: DraftBody) -> Draft:
    return Draft(body.document, body.fields, _span(body.lasts_s))


def _span(seconds: int | None) -> timedelta | None:
    return None if seconds is None else timedelta(seconds=seconds)


def outcome_told(call: Call, outcome: Outcome, response: Response) -> dict[str, Any]:
    """Return what became of a change as it is told; the response says whether it waits."""
    waits = outcome.proposal is not None
    if waits:
        response.status_code = WAITS
    needs = needs_fields(call.actor, call.office.policies.lifecycle.terms) if waits else None
    more = {"needs": needs, "is_recorded": outcome.unrecorded is None}
    return outcome_fields(outcome) | more


def _told_step(call: Call, found: Considered) -> Any:
    return call.told(considered_fields(found))
