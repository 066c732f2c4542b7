"""Tools of how things are and what people switch: status, kill switch, regime, limits, record."""

from typing import Any

from petrosa_cio.audit.search import Asked
from petrosa_cio.governance.authority import Act
from petrosa_cio.surfaces.api import people, records, switches
from petrosa_cio.surfaces.api.asked import SwitchBody
from petrosa_cio.surfaces.api.envelope import Told
from petrosa_cio.surfaces.api.route import Call
from petrosa_cio.surfaces.api.told import (
    ClearAnswer,
    ControlRow,
    ExplanationAnswer,
    LimitsAnswer,
    OverrideAnswer,
    Page,
    RecordRow,
    RegimeRow,
    StatesAnswer,
    StatusAnswer,
    SwitchAnswer,
    Who,
)
from petrosa_cio.surfaces.mcp.asked import (
    ClearingRegime,
    Explaining,
    Hours,
    Nothing,
    Searching,
    SearchingRecords,
    SettingRegime,
    Whose,
    Year,
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


# --- the record -----------------------------------------------------------------------------------


@tools.question(Searching, Page[RecordRow], words=True)
async def find_verdicts(call: Call, asked: Searching) -> Any:
    """Find verdicts, a page at a time, the newest first."""
    found = await records.verdicts(call, _search(asked), asked.limit, asked.cursor)
    return _without_originals(found)


@tools.question(Explaining, ExplanationAnswer, words=True)
async def explain_verdict(call: Call, asked: Explaining) -> Any:
    """Say in plain words what was decided of an intent, why, and what became of it."""
    return await records.explanation(call, asked.decision)


@tools.question(SearchingRecords, Page[RecordRow], words=True)
async def find_records(call: Call, asked: SearchingRecords) -> Any:
    """Find records of every kind: verdicts, what became of them, and changes of what governs."""
    kinds = list(asked.kind)
    found = await records.records(call, _search(asked), kinds, asked.limit, asked.cursor)
    return _without_originals(found)


@tools.question(Hours, words=True)
async def get_gaps(call: Call, asked: Hours) -> Any:
    """Say whether the record is complete: what was captured, decided, sent, and what is missing.

    The field status is clean, gaps or not_checked.
    """
    return await records.gaps(call, asked.hours)


@tools.question(Year, words=True)
async def get_effectiveness(call: Call, asked: Year) -> Any:
    """Say of each limit of a year what it was, who set it and why, and what it stopped."""
    return await records.effectiveness(call, asked.year)


def _search(asked: Searching) -> Asked:
    more: dict[str, Any] = {}
    if isinstance(asked, SearchingRecords):
        more = {
            "trace_id": asked.trace,
            "intent_id": asked.intent,
            "decision_id": asked.decision,
        }
    return Asked(
        strategy=asked.strategy,
        symbol=asked.symbol,
        verdicts=tuple(asked.verdict),
        codes=tuple(asked.code),
        since=asked.since,
        until=asked.until,
        **more,
    )


def _without_originals(found: Told[Any]) -> Told[Any]:
    """Leave out each record's own JSON, which exports have."""
    rows = [one | {"record": None} for one in found.data["items"]]
    return found.model_copy(update={"data": found.data | {"items": rows}})
