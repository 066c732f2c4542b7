"""Routes of what people switch: the kill switch and the market regime; and limits as they stand."""

from datetime import timedelta
from typing import Annotated, Any

from fastapi import Query

from petrosa_cio.governance.authority import Act
from petrosa_cio.office.limits import read_governs, scope_fields
from petrosa_cio.office.regimes import until_of
from petrosa_cio.office.shown import limit_fields
from petrosa_cio.office.trading import Switch, scope_of
from petrosa_cio.risk.limits_in_use import Asked, limit_lines
from petrosa_cio.risk.parse import subject_token
from petrosa_cio.risk.policy import ANY
from petrosa_cio.risk.snapshot import Regime
from petrosa_cio.risk.trading_state import TradingState
from petrosa_cio.surfaces.api.asked import (
    ClearBody,
    OverrideBody,
    StrategyName,
    SwitchBody,
    SymbolName,
    SymbolOrAny,
)
from petrosa_cio.surfaces.api.envelope import Told
from petrosa_cio.surfaces.api.route import Call, Called, Routes
from petrosa_cio.surfaces.api.told import (
    ClearAnswer,
    LimitsAnswer,
    OverrideAnswer,
    Page,
    RegimeRow,
    StatesAnswer,
    SwitchAnswer,
)

routes = Routes("switches")


@routes.get("/trading-states", Act.LOOK, Told[StatesAnswer])
async def trading_states(call: Called) -> Any:
    """Return the kill switch: the trading state of the fund, of strategies and of symbols."""
    return call.told(await call.office.trading.states())


@routes.post("/trading-states/halts", Act.HALT, Told[SwitchAnswer], status_code=201)
async def halt(call: Called, body: SwitchBody) -> Any:
    """Stop openings, for the whole fund unless a strategy or symbol is named. Exits still pass.

    A token that was believed within the last hour halts even while MongoDB is away.
    """
    return await _switched(call, body, TradingState.HALTED)


@routes.post("/trading-states/reductions", Act.HALT, Told[SwitchAnswer], status_code=201)
async def reduce(call: Called, body: SwitchBody) -> Any:
    """Let only exits pass, for the whole fund unless a strategy or symbol is named."""
    return await _switched(call, body, TradingState.REDUCING)


@routes.post("/trading-states/resumptions", Act.RESUME, Told[SwitchAnswer], status_code=201)
async def resume(call: Called, body: SwitchBody) -> Any:
    """Trade again, for the whole fund unless a strategy or symbol is named.

    A strategy or symbol that was halted by itself stays halted when the fund is resumed. To resume
    a strategy lifts its pause too.
    """
    return await _switched(call, body, TradingState.ACTIVE)


async def _switched(call: Call, body: SwitchBody, state: TradingState) -> Any:
    scope = scope_of(body.strategy, body.symbol)
    done: Switch = await call.office.trading.switch(call.actor, scope, state, body.reason)
    return call.told(
        {
            "scope": str(done.scope),
            "state": done.state,
            "epoch": done.switched.epoch,
            "is_recorded": done.switched.unrecorded is None,
        }
    )


@routes.get("/regimes", Act.LOOK, Told[Page[RegimeRow]])
async def regimes(call: Called) -> Any:
    """Return which market regime counts for each symbol, who says so, and until when."""
    return call.told({"items": await call.office.regimes.shown(), "cursor": None})


@routes.post("/regimes/{symbol}/overrides", Act.REGIME, Told[OverrideAnswer], status_code=201)
async def override_regime(call: Called, symbol: SymbolOrAny, body: OverrideBody) -> Any:
    """Override the market regime of a symbol: your word counts instead of the feed's, for a time.

    It ends by itself, after seven days at most.
    """
    now = call.office.clock()
    ends = now + timedelta(seconds=body.lasts_s)
    said = Regime(body.regime, body.confidence, now, "", ends, body.reason)
    done = await call.office.regimes.override(
        call.actor, symbol.upper(), said, thought=body.thought
    )
    return call.told(
        {
            "symbol": done.symbol,
            "regime": done.regime.name,
            "confidence": str(done.regime.confidence),
            "until": until_of(done.regime),
            "remarks": done.remarks,
            "is_recorded": done.unrecorded is None,
        }
    )


@routes.post("/regimes/{symbol}/clearings", Act.REGIME, Told[ClearAnswer], status_code=201)
async def clear_regime(call: Called, symbol: SymbolOrAny, body: ClearBody) -> Any:
    """End an override now: what the feed says counts again from the next decision on."""
    scope = symbol.upper()
    done = await call.office.regimes.clear(
        call.actor, scope, reason=body.reason, observed=body.observed
    )
    told = {"symbol": scope, "ended": done.ended, "is_recorded": done.unrecorded is None}
    return call.told(told)


@routes.get("/limits", Act.LOOK, Told[LimitsAnswer])
async def limits(
    call: Called,
    strategy: Annotated[
        StrategyName | None, Query(description="For this strategy; unset, for any.")
    ] = None,
    symbol: Annotated[
        SymbolName | None, Query(description="For this symbol; unset, for any.")
    ] = None,
) -> Any:
    """Return every limit in force, the policy entry that binds, and how much of it is used."""
    office = call.office
    token = subject_token(strategy) if strategy else ANY
    asked = Asked(strategy or ANY, token, symbol.upper() if symbol else ANY)
    governs = await read_governs(office.looked, office.policies.charter, asked, office.clock())
    lines = limit_lines(asked, governs.limits_for(asked.strategy), governs.counted)
    shown = {"limits": [limit_fields(line) for line in lines]}
    return call.told(scope_fields(asked, governs) | shown)
