"""Tools of the fleet's own configuration: what the neighbours can be set to, and what that did."""

from collections.abc import Iterator, Mapping
from typing import Any

from fastapi import Response

from petrosa_cio.fleet.setting_facts import Reach
from petrosa_cio.fleet.setting_tables import engine_table, realtime_table, ta_table
from petrosa_cio.governance.authority import Act
from petrosa_cio.surfaces.api import fleet
from petrosa_cio.surfaces.api.asked_changes import OneTarget, RollingBackTarget, SettingTarget
from petrosa_cio.surfaces.api.route import Call
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
from petrosa_cio.surfaces.mcp.asked import (
    Analysing,
    Newest,
    Nothing,
    OneProposal,
    Step,
    TargetHistory,
)
from petrosa_cio.surfaces.mcp.tool import Tools

tools = Tools()


def settings_in_lines() -> str:
    """Return the settings that a neighbour acts on, a line each."""
    tables = {"tradeengine": engine_table(), "ta-bot": ta_table(), "realtime": realtime_table()}
    return "\n".join(line for name, table in tables.items() for line in _lines(name, table))


def _lines(neighbour: str, table: Mapping[str, Mapping[str, Any]]) -> Iterator[str]:
    for owner, known in table.items():
        acted = [
            f"{name} ({facts.unit}; {facts.direction}; {facts.when_to_change})"
            for name, facts in known.items()
            if facts.reach is Reach.ACTED_ON
        ]
        others = len(known) - len(acted)
        told = ", ".join(acted) or "none"
        yield f"- {neighbour}, {owner}: acted on: {told}; {others} more that are not."


@tools.question(Nothing, Page[NeighbourRow], words=True, is_abroad=True)
async def fleet_discover(call: Call, _asked: Nothing) -> Any:
    """Ask every neighbour what can be set there. One that does not answer is said to."""
    return await fleet.fleet_discover(call)


@tools.question(OneTarget, SettingsAnswer, words=True, is_abroad=True)
async def fleet_get(call: Call, asked: OneTarget) -> Any:
    """Return the settings of a target: unit, bounds, which way each risks more, what it reaches."""
    return await fleet.fleet_get(call, asked.target)


@tools.question(TargetHistory, Page[PastSettings], words=True, is_abroad=True)
async def fleet_history(call: Call, asked: TargetHistory) -> Any:
    """Return the newest changes that the neighbour itself remembers, whoever made them."""
    return await fleet.fleet_history(call, asked.target, asked.limit)


@tools.question(Analysing, AnalysisAnswer, words=True, is_abroad=True)
async def fleet_analysis(call: Call, asked: Analysing) -> Any:
    """Return what the data-manager says of a symbol or a strategy, with what is to be known of it.

    Values of null mean that it knows nothing.
    """
    return await fleet.fleet_analysis(call, asked.subject, asked.about)


@tools.change(
    Act.PROPOSE,
    SettingTarget,
    SettingsOutcome,
    replaces=True,
    words=True,
    is_abroad=True,
    more=f"What is acted on:\n{settings_in_lines()}",
)
async def fleet_set(call: Call, asked: SettingTarget) -> Any:
    """Change settings of a neighbour: what only tightens is sent, what may loosen waits for people.

    What was sent is read back, and achieved says whether the neighbour shows the new values and
    acts on them; report.effect and report.why say what it did and did not do. Most of what the
    neighbours store is read by nothing there: what must hold is a limit of the policy.
    """
    return await fleet.fleet_set(call, asked, Response())


@tools.change(
    Act.PROPOSE, RollingBackTarget, SettingsOutcome, replaces=True, words=True, is_abroad=True
)
async def fleet_rollback(call: Call, asked: RollingBackTarget) -> Any:
    """Set what the neighbour's history says was stored once; judged and sent as fleet_set."""
    return await fleet.fleet_rollback(call, asked, Response())


@tools.question(Newest, Page[WaitingRow], words=True)
async def fleet_proposals(call: Call, asked: Newest) -> Any:
    """List the newest changes of neighbours that wait, or waited, for people."""
    return await fleet.fleet_proposals(call, asked.limit)


@tools.change(Act.APPROVE, Step, WaitingRow, replaces=False, words=True)
async def fleet_approve(call: Call, asked: Step) -> Any:
    """Approve a neighbour's change that somebody else proposed, as a person. Nothing is sent."""
    return await fleet.fleet_approve(call, asked.proposal, asked)


@tools.change(Act.PROPOSE, Step, WaitingRow, replaces=True, words=True)
async def fleet_reject(call: Call, asked: Step) -> Any:
    """Reject a neighbour's change for good, or withdraw your own."""
    return await fleet.fleet_reject(call, asked.proposal, asked)


@tools.change(Act.ACTIVATE, OneProposal, AppliedAnswer, replaces=True, words=True, is_abroad=True)
async def fleet_apply(call: Call, asked: OneProposal) -> Any:
    """Send an approved change, once, as a person, while the neighbour shows what it showed then."""
    return await fleet.fleet_apply(call, asked.proposal)
