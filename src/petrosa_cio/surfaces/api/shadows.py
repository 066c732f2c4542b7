"""Routes of shadows: policies that are tried on what arrives, beside the one in force."""

from datetime import timedelta
from typing import Annotated, Any

from fastapi import Query, Response

from petrosa_cio.governance.authority import Act
from petrosa_cio.office.drafts import Draft
from petrosa_cio.office.shadow_shown import ended_fields, seen_fields, started_fields
from petrosa_cio.surfaces.api.asked_changes import ShadowNumber, StartingShadow, Thinking
from petrosa_cio.surfaces.api.envelope import Told
from petrosa_cio.surfaces.api.policies import WAITING, outcome_told
from petrosa_cio.surfaces.api.route import Call, Called, Routes
from petrosa_cio.surfaces.api.told_shadows import (
    EndedShadow,
    PromotedShadow,
    SeenShadow,
    StartedShadow,
)

routes = Routes("shadows")

NEWEST = "/policies/shadows/newest"

Flips = Annotated[
    int, Query(ge=0, le=200, description="Flips to show one by one at most, the newest.")
]


@routes.post(
    "/policies/shadows", Act.TIGHTEN, Told[StartedShadow], more=[404, 409], status_code=201
)
async def start_shadow(call: Called, body: StartingShadow) -> Any:
    """Try a policy on what arrives, beside the one in force. It enforces nothing.

    There is one at a time.
    """
    newest, document = await call.office.policies.drafted(
        call.actor, Draft(body.document, body.fields)
    )
    started = await call.office.shadows.start(
        call.actor,
        document,
        parent=newest.revision,
        thought=body.thought,
        lasts=timedelta(seconds=body.runs_s),
    )
    return call.told(started_fields(started))


@routes.get(NEWEST, Act.LOOK, Told[SeenShadow], more=[404])
async def newest_shadow(call: Called, flips: Flips = 20) -> Any:
    """Show the newest shadow: where it stands, and which verdicts would have been others so far."""
    return await _seen(call, None, flips)


@routes.get("/policies/shadows/{number}", Act.LOOK, Told[SeenShadow], more=[404])
async def one_shadow(call: Called, number: ShadowNumber, flips: Flips = 20) -> Any:
    """Show one shadow."""
    return await _seen(call, number, flips)


async def _seen(call: Call, number: int | None, flips: int) -> Any:
    return call.told(seen_fields(await call.office.shadows.show(number, flips=flips)))


@routes.post(
    f"{NEWEST}/promotions", Act.PROPOSE, Told[PromotedShadow],
    more=[404, 409], status_code=201, answers=WAITING,
)  # fmt: skip
async def promote_shadow(call: Called, body: Thinking, response: Response) -> Any:
    """Propose the policy of the newest shadow, exactly as it was tried, and end the shadow.

    201 where it only tightens and is in force, 202 where it waits for approval. Where another
    revision came into force meanwhile it is a conflict, and the shadow runs on.
    """
    promoted = await call.office.shadows.promote(call.actor, thought=body.thought)
    told, ended = outcome_told(call, promoted.outcome, response), promoted.ended
    is_recorded = told["is_recorded"] and ended.unrecorded is None
    return call.told(told | {"shadow": ended.shadow.number, "is_recorded": is_recorded})


@routes.post(f"{NEWEST}/endings", Act.TIGHTEN, Told[EndedShadow], more=[404], status_code=201)
async def drop_shadow(call: Called, body: Thinking) -> Any:
    """End the newest shadow; what it found stays."""
    return call.told(ended_fields(await call.office.shadows.drop(call.actor, thought=body.thought)))
