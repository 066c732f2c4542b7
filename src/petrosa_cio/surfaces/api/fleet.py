"""Routes of the neighbours' settings: what they are, and what a change of them achieves."""

from typing import Annotated, Any

from fastapi import Query, Response

from petrosa_cio.fleet.analysis import Subject
from petrosa_cio.fleet.neighbour import parse_target
from petrosa_cio.governance.authority import Act
from petrosa_cio.governance.fleet_configuration import Asked
from petrosa_cio.governance.fleet_outcome import Effect
from petrosa_cio.office.fleet_shown import (
    analysis_fields,
    asked_fields,
    discovered_fields,
    exact_values,
    history_fields,
    reading_fields,
    report_fields,
    waiting_fields,
)
from petrosa_cio.office.shown import needs_fields
from petrosa_cio.surfaces.api.asked import Limit, ProposalName, ReasonBody, Text
from petrosa_cio.surfaces.api.asked_changes import (
    LONGEST_NAME,
    RollingBackTarget,
    SettingTarget,
    TargetName,
)
from petrosa_cio.surfaces.api.envelope import Told
from petrosa_cio.surfaces.api.policies import WAITS
from petrosa_cio.surfaces.api.route import Call, Called, Routes
from petrosa_cio.surfaces.api.told import Page
from petrosa_cio.surfaces.api.told_fleet import (
    AnalysisAnswer,
    AppliedAnswer,
    NeighbourRow,
    PastSettings,
    SettingsAnswer,
    SettingsOutcome,
    WaitingRow,
)

routes = Routes("fleet")

REFUSES = 502
"""The status of what a neighbour refuses."""

_WAITING = {
    WAITS: {
        "model": Told[SettingsOutcome],
        "description": "It may loosen something, and waits for approval as `needs` says.",
    }
}


@routes.get("/fleet/neighbours", Act.LOOK, Told[Page[NeighbourRow]])
async def fleet_discover(call: Called) -> Any:
    """Ask every neighbour what can be set there. One that does not answer is said to."""
    found = await call.office.fleet.discover()
    return call.told({"items": [discovered_fields(one) for one in found], "cursor": None})


@routes.get("/fleet/settings", Act.LOOK, Told[SettingsAnswer], more=[REFUSES])
async def fleet_get(call: Called, target: TargetName) -> Any:
    """Return the settings of a target: unit, bounds, which way each risks more, what it reaches."""
    meant = parse_target(target)
    reading = await call.office.fleet.read(meant)
    return call.told(reading_fields(reading, call.office.fleet.facts(meant)))


@routes.get("/fleet/settings/history", Act.LOOK, Told[Page[PastSettings]], more=[REFUSES])
async def fleet_history(
    call: Called,
    target: TargetName,
    limit: Annotated[int, Query(ge=1, le=100, description="Most that are returned.")] = 20,
) -> Any:
    """Return the newest changes that the neighbour itself remembers, whoever made them."""
    found = await call.office.fleet.history(parse_target(target), limit=limit)
    return call.told({"items": [history_fields(one) for one in found], "cursor": None})


@routes.post(
    "/fleet/settings/changes", Act.PROPOSE, Told[SettingsOutcome],
    more=[REFUSES], answers=_WAITING,
)  # fmt: skip
async def fleet_set(call: Called, body: SettingTarget, response: Response) -> Any:
    """Change settings of a neighbour: what only tightens is sent, what may loosen waits for people.

    200 where it was sent, 202 where it waits. What was sent is read back: `achieved` says whether
    the neighbour shows the new values and acts on them, `report` what became of it else.
    """
    wanted, target = exact_values(body.settings), parse_target(body.target)
    asked = await call.office.fleet.change(call.actor, target, wanted, body.thought)
    return _told(call, asked, response)


@routes.post(
    "/fleet/settings/rollbacks", Act.PROPOSE, Told[SettingsOutcome],
    more=[REFUSES], answers=_WAITING,
)  # fmt: skip
async def fleet_rollback(call: Called, body: RollingBackTarget, response: Response) -> Any:
    """Set what the neighbour's history says was stored once; judged and sent as a change is."""
    target = parse_target(body.target)
    asked = await call.office.fleet.roll_back(call.actor, target, body.to, body.thought)
    return _told(call, asked, response)


def _told(call: Call, asked: Asked, response: Response) -> Any:
    needs, report = None, asked.report
    if asked.proposal is not None:
        response.status_code = WAITS
        needs = needs_fields(call.actor, call.office.policies.lifecycle.terms)
    achieved = report is not None and report.effect is Effect.APPLIED
    return call.told(asked_fields(asked) | {"needs": needs, "achieved": achieved})


@routes.get("/fleet/analyses", Act.LOOK, Told[AnalysisAnswer], more=[REFUSES])
async def fleet_analysis(
    call: Called,
    subject: Annotated[Subject, Query(description="Which analysis is wanted.")],
    about: Annotated[
        Text,
        Query(
            min_length=1,
            max_length=LONGEST_NAME,
            description="A symbol; several with commas for correlation and market-overview; a "
            "strategy for performance.",
            examples=["BTCUSDT"],
        ),
    ],
) -> Any:
    """Return what the data-manager says of a symbol or a strategy, with what is to be known of it.

    Values of null mean that it knows nothing.
    """
    return call.told(analysis_fields(await call.office.fleet.analysis(subject, about)))


@routes.get("/fleet/proposals", Act.LOOK, Told[Page[WaitingRow]])
async def fleet_proposals(call: Called, limit: Limit = 20) -> Any:
    """List the newest changes of neighbours that wait, or waited, for people."""
    found = await call.office.fleet.proposals.listed(limit=limit)
    return call.told({"items": [waiting_fields(one) for one in found], "cursor": None})


@routes.post("/fleet/proposals/{proposal}/approvals", Act.APPROVE, Told[WaitingRow], more=[404])
async def fleet_approve(call: Called, proposal: ProposalName, body: ReasonBody) -> Any:
    """Approve a neighbour's change that somebody else proposed. Nothing is sent by that."""
    kept = call.office.fleet.proposals
    return call.told(waiting_fields(await kept.approve(call.actor, proposal, reason=body.reason)))


@routes.post("/fleet/proposals/{proposal}/rejections", Act.PROPOSE, Told[WaitingRow], more=[404])
async def fleet_reject(call: Called, proposal: ProposalName, body: ReasonBody) -> Any:
    """Reject a neighbour's change for good, or withdraw your own."""
    kept = call.office.fleet.proposals
    return call.told(waiting_fields(await kept.reject(call.actor, proposal, reason=body.reason)))


@routes.post(
    "/fleet/proposals/{proposal}/applications", Act.ACTIVATE, Told[AppliedAnswer],
    more=[404, REFUSES],
)  # fmt: skip
async def fleet_apply(call: Called, proposal: ProposalName) -> Any:
    """Send an approved change, once, while the neighbour shows what it showed then."""
    report = await call.office.fleet.apply(call.actor, proposal)
    return call.told(report_fields(report) | {"achieved": report.effect is Effect.APPLIED})
