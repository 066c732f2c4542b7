"""Tools of how things are and what people switch: status, kill switch, regime, limits, record."""

from typing import Any

from petrosa_cio.governance.authority import Act
from petrosa_cio.surfaces.api import people, switches
from petrosa_cio.surfaces.api.asked import SwitchBody
from petrosa_cio.surfaces.api.route import Call
from petrosa_cio.surfaces.api.told import (
    ClearAnswer,
    ControlRow,
    LimitsAnswer,
    OverrideAnswer,
    Page,
    RegimeRow,
    StatesAnswer,
    StatusAnswer,
    SwitchAnswer,
    Who,
)
from petrosa_cio.surfaces.mcp.asked import (
    ClearingRegime,
    Nothing,
    SettingRegime,
    Whose,
)
from petrosa_cio.surfaces.mcp.tool import Tools

tools = Tools()


@tools.question(Nothing, Who)
async def whoami(call: Call, _asked: Nothing) -> Any:
    """Say who you are by your token, and what your role may."""
    return await people.whoami(call)


@tools.question(Nothing, StatusAnswer)
async def get_status(call: Call, _asked: Nothing) -> Any:
    """Say how the program is: whether a gate decides, in which state, under which policy."""
    return await people.status(call)


@tools.question(Nothing, Page[ControlRow])
async def get_controls(call: Call, _asked: Nothing) -> Any:
    """Return every reason that a verdict can carry: what it means, and which limits it reads."""
    return await people.controls(call)


@tools.question(Whose, LimitsAnswer, words=True)
async def get_limits(call: Call, asked: Whose) -> Any:
    """Return every limit in force, the policy entry that binds, and how much of it is used."""
    return await switches.limits(call, asked.strategy, asked.symbol)


# --- the kill switch ------------------------------------------------------------------------------


@tools.question(Nothing, StatesAnswer, words=True)
async def get_trading_states(call: Call, _asked: Nothing) -> Any:
    """Return the kill switch: the trading state of the fund, of strategies and of symbols."""
    return await switches.trading_states(call)


@tools.change(Act.HALT, SwitchBody, SwitchAnswer, replaces=True, repeats=True)
async def halt(call: Call, asked: SwitchBody) -> Any:
    """Stop openings at once, for the whole fund unless a strategy or symbol is named.

    Exits still pass. Only people resume.
    """
    return await switches.halt(call, asked)


@tools.change(Act.HALT, SwitchBody, SwitchAnswer, replaces=True, repeats=True)
async def reduce(call: Call, asked: SwitchBody) -> Any:
    """Let only exits pass, for the whole fund unless a strategy or symbol is named."""
    return await switches.reduce(call, asked)


@tools.change(Act.RESUME, SwitchBody, SwitchAnswer, replaces=True, repeats=True)
async def resume(call: Call, asked: SwitchBody) -> Any:
    """Trade again, as a person, for the whole fund unless a strategy or symbol is named."""
    return await switches.resume(call, asked)


# --- the market regime ----------------------------------------------------------------------------


@tools.question(Nothing, Page[RegimeRow], words=True)
async def get_market_regimes(call: Call, _asked: Nothing) -> Any:
    """Return which market regime counts for each symbol, who says so, and until when."""
    return await switches.regimes(call)


@tools.change(Act.REGIME, SettingRegime, OverrideAnswer, replaces=True)
async def set_market_regime(call: Call, asked: SettingRegime) -> Any:
    """Override the market regime of a symbol, as a person: your word counts for a time.

    It ends by itself, after seven days at most.
    """
    return await switches.override_regime(call, asked.symbol, asked)


@tools.change(Act.REGIME, ClearingRegime, ClearAnswer, replaces=True, repeats=True)
async def clear_market_regime(call: Call, asked: ClearingRegime) -> Any:
    """End an override now, as a person: what the feed says counts again."""
    return await switches.clear_regime(call, asked.symbol, asked)
