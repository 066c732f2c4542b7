"""Routes of overrides: limits that two people lift for one order, once, for minutes."""

from datetime import timedelta
from typing import Any

from petrosa_cio.governance.authority import Act
from petrosa_cio.office.overrides_shown import override_fields
from petrosa_cio.surfaces.api.asked import Limit, ReasonBody
from petrosa_cio.surfaces.api.asked_changes import OverrideName, ProposingOverride
from petrosa_cio.surfaces.api.envelope import Told
from petrosa_cio.surfaces.api.route import Called, Routes
from petrosa_cio.surfaces.api.told import Page
from petrosa_cio.surfaces.api.told_overrides import OneOverride, OverrideRow, ProposedOverride

routes = Routes("overrides")


@routes.post("/overrides", Act.PROPOSE, Told[ProposedOverride], status_code=202)
async def propose_override(call: Called, body: ProposingOverride) -> Any:
    """Ask that limits be lifted for one order that was denied; somebody else must approve it."""
    found = await call.office.overrides.propose(
        call.actor,
        body.denied,
        lifts=body.lifts,
        thought=body.thought,
        lasts=timedelta(seconds=body.lasts_s),
    )
    return call.told(override_fields(found) | {"is_recorded": found.unrecorded is None})


@routes.get("/overrides", Act.LOOK, Told[Page[OverrideRow]])
async def overrides(call: Called, limit: Limit = 50) -> Any:
    """List the newest overrides and where each stands; there is no further page."""
    found = await call.office.overrides.listed(limit=limit)
    return call.told({"items": [override_fields(one) for one in found], "cursor": None})


@routes.get("/overrides/{override}", Act.LOOK, Told[OneOverride], more=[404])
async def one_override(call: Called, override: OverrideName) -> Any:
    """Return an override with the order that it is for, to be sent again once it counts."""
    found = await call.office.overrides.look_up(override)
    return call.told(override_fields(found) | {"message": found.wanted.body})


@routes.post("/overrides/{override}/approvals", Act.APPROVE, Told[OverrideRow], more=[404])
async def approve_override(call: Called, override: OverrideName, body: ReasonBody) -> Any:
    """Approve an override that somebody else proposed; with the last approval it counts at once.

    Gates know of it within a second. Then the order must be sent again, whole, with a new id.
    Where that failed half-way, approve again.
    """
    found = await call.office.overrides.approve(call.actor, override, reason=body.reason)
    return call.told(override_fields(found))


@routes.post("/overrides/{override}/rejections", Act.PROPOSE, Told[OverrideRow], more=[404])
async def reject_override(call: Called, override: OverrideName, body: ReasonBody) -> Any:
    """Reject an override for good, or withdraw your own, before it is approved."""
    found = await call.office.overrides.reject(call.actor, override, reason=body.reason)
    return call.told(override_fields(found))
