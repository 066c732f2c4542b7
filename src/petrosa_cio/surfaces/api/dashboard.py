"""Routes that the fleet's own dashboard and tools call, with the answers that they expect.

They have no envelope. What they are asked is answered from the same office as everything else.
"""

from dataclasses import asdict
from decimal import Decimal
from typing import Annotated, Any, Final

from fastapi import Query
from pydantic import BaseModel, ConfigDict, Field

from petrosa_cio.audit.search import Asked, read_query
from petrosa_cio.governance.authority import Act
from petrosa_cio.office.admissions import Request
from petrosa_cio.office.dashboard import (
    MOST_DECISIONS,
    SPANS,
    Window,
    decision_fields,
    subsystems,
)
from petrosa_cio.surfaces.api.asked import StrategyName, Text
from petrosa_cio.surfaces.api.route import Called, Routes
from petrosa_cio.surfaces.api.told_dashboard import (
    DecisionsShown,
    Registered,
    SpendShown,
    SubsystemsShown,
)

routes = Routes("dashboard")

NOTHING_SPENT: Final = "no language model is asked by this program, and nothing may be spent on one"

HOURS: Final = 24
"""Findings of so many hours back count for how the record is."""

MEANINGS: Final = {
    True: "what is asked for fits what is in force; each order is still judged by it",
    False: "what is asked for does not fit what is in force, which stays as it is: `limits`, "
    "`missing_limits` and the states say why; a change of policy is proposed apart",
}

OfStrategy = Annotated[StrategyName | None, Query(description="Only of this strategy.")]


class Registering(BaseModel):
    """What the author of a strategy wants of the fund."""

    model_config = ConfigDict(frozen=True)  # its callers may send more than is known here

    strategy_id: StrategyName = Field(
        description="The strategy, as it names itself.", examples=["momentum_v1"]
    )
    position_size_usd: Decimal = Field(
        ge=0, le=10**12, max_digits=30, description="Largest position, USD.", examples=[500]
    )
    leverage: Decimal = Field(
        ge=1, le=1000, max_digits=19, description="Largest leverage, times.", examples=[1]
    )
    strategy_revision_id: Text | None = Field(
        None, max_length=256, description="Which version of it.", examples=[None]
    )
    submitted_by: Text | None = Field(
        None,
        max_length=256,
        description="Whose wish it is. It is recorded as stated; who asks is who the token says.",
        examples=[None],
    )


@routes.get("/dashboard/decisions/recent", Act.LOOK, DecisionsShown)
async def recent_decisions(
    call: Called,
    window: Annotated[Window, Query(description="How far back.")] = Window.DAY,
    strategy_id: OfStrategy = None,
) -> Any:
    """Show the newest verdicts, at most 200, as the fleet's dashboard does."""
    since = call.office.clock() - SPANS[window]
    asked = Asked(
        strategy=strategy_id, kinds=("verdict",), since=since.isoformat(), fund=call.office.fund
    )
    page = await call.office.records.finder.find(read_query(asked), limit=MOST_DECISIONS)
    return {
        "window": window,
        "strategy_id": strategy_id,
        "decisions": [decision_fields(one) for one in page.records],
        "is_all": page.cursor is None,
    }


@routes.get("/dashboard/llm-spend", Act.LOOK, SpendShown)
async def llm_spend(call: Called) -> Any:
    """Say what language models cost today: nothing, as none is asked; `note` says so."""
    return {
        "period_date": call.office.clock().date(),
        "ceiling_usd_per_day": 0,
        "total_cost_usd": 0,
        "projected_daily_usd": 0,
        "ceiling_breached": False,
        "distance_to_ceiling_usd": 0,
        "buckets": [],
        "note": NOTHING_SPENT,
    }


@routes.get("/dashboard/evaluator/verdicts", Act.LOOK, SubsystemsShown)
async def evaluator_verdicts(call: Called) -> Any:
    """Say how the gates and the record are. Nothing is said of the fleet's other parts."""
    found, _ = await call.office.records.gaps(HOURS)
    return {"subsystems": list(subsystems(call.office.status(), found))}


@routes.post("/admission/register", Act.PROPOSE, Registered, status_code=201)
async def register_strategy(call: Called, body: Registering) -> Any:
    """Record what the author of a strategy wants, and answer what the policy allows it.

    It allows nothing and reserves nothing. To ask again is recorded again.
    """
    request = Request(
        strategy=body.strategy_id,
        position_size_usd=body.position_size_usd,
        leverage=body.leverage,
        strategy_revision_id=body.strategy_revision_id,
        submitted_by=body.submitted_by,
    )
    answered = await call.office.admissions.register(call.actor, request)
    return {
        "strategy_id": body.strategy_id,
        "strategy_revision_id": body.strategy_revision_id,
        "registered_by": call.actor.name,
        "fits": answered.fits,
        "limits": [asdict(one) for one in answered.held],
        "missing_limits": answered.missing,
        "policy_revision": answered.policy_revision,
        "fund_state": answered.fund_state,
        "strategy_state": answered.strategy_state,
        "meaning": MEANINGS[answered.fits],
    }
