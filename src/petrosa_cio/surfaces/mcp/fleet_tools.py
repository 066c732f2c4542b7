"""Tools of the fleet's own configuration: what the neighbours can be set to, and what that did."""

from collections.abc import Iterator, Mapping
from decimal import Decimal
from typing import Any

from petrosa_cio.fleet.neighbour import parse_target
from petrosa_cio.fleet.setting_facts import Reach
from petrosa_cio.fleet.setting_tables import engine_table, realtime_table, ta_table
from petrosa_cio.governance.authority import MAY, PEOPLE_TO_LOOSEN, Act
from petrosa_cio.governance.fleet_configuration import Asked
from petrosa_cio.governance.fleet_outcome import Effect
from petrosa_cio.governance.fleet_proposals import Waiting
from petrosa_cio.office.fleet_shown import (
    analysis_fields,
    asked_fields,
    discovered_fields,
    history_fields,
    reading_fields,
    report_fields,
    waiting_fields,
)
from petrosa_cio.surfaces.api.route import Call
from petrosa_cio.surfaces.mcp.asked import (
    Analysing,
    Newest,
    Nothing,
    OneProposal,
    OneTarget,
    RollingBackTarget,
    SettingTarget,
    Step,
    TargetHistory,
)
from petrosa_cio.surfaces.mcp.tool import Tools

tools = Tools()

ACHIEVED = frozenset({Effect.APPLIED})


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


@tools.question(Nothing, words=True, is_abroad=True)
async def fleet_discover(call: Call, _asked: Nothing) -> Any:
    """Ask every neighbour what can be set there. One that does not answer is said to."""
    found = await call.office.fleet.discover()
    return call.told({"items": [discovered_fields(one) for one in found]})


@tools.question(OneTarget, words=True, is_abroad=True)
async def fleet_get(call: Call, asked: OneTarget) -> Any:
    """Return the settings of a target: unit, bounds, which way each risks more, what it reaches."""
    target = parse_target(asked.target)
    reading = await call.office.fleet.read(target)
    return call.told(reading_fields(reading, call.office.fleet.facts(target)))


@tools.question(TargetHistory, words=True, is_abroad=True)
async def fleet_history(call: Call, asked: TargetHistory) -> Any:
    """Return the newest changes that the neighbour itself remembers, whoever made them."""
    found = await call.office.fleet.history(parse_target(asked.target), limit=asked.limit)
    return call.told({"items": [history_fields(one) for one in found]})


@tools.question(Analysing, words=True, is_abroad=True)
async def fleet_analysis(call: Call, asked: Analysing) -> Any:
    """Return what the data-manager says of a symbol or a strategy, with what is to be known of it.

    Values of null mean that it knows nothing.
    """
    return call.told(analysis_fields(await call.office.fleet.analysis(asked.subject, asked.about)))


@tools.change(
    Act.PROPOSE,
    SettingTarget,
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
    wanted = {name: _exact(value) for name, value in asked.settings.items()}
    target = parse_target(asked.target)
    return _told(call, await call.office.fleet.change(call.actor, target, wanted, asked.thought))


@tools.change(Act.PROPOSE, RollingBackTarget, replaces=True, words=True, is_abroad=True)
async def fleet_rollback(call: Call, asked: RollingBackTarget) -> Any:
    """Set what the neighbour's history says was stored once; judged and sent as fleet_set."""
    target = parse_target(asked.target)
    return _told(
        call, await call.office.fleet.roll_back(call.actor, target, asked.to, asked.thought)
    )


@tools.question(Newest, words=True)
async def fleet_proposals(call: Call, asked: Newest) -> Any:
    """List the newest changes of neighbours that wait, or waited, for people."""
    found = await call.office.fleet.proposals.listed(limit=asked.limit)
    return call.told({"items": [waiting_fields(one) for one in found]})


@tools.change(Act.APPROVE, Step, replaces=False, words=True)
async def fleet_approve(call: Call, asked: Step) -> Any:
    """Approve a neighbour's change that somebody else proposed, as a person. Nothing is sent."""
    done = await call.office.fleet.proposals.approve(
        call.actor, asked.proposal, reason=asked.reason
    )
    return _told_step(call, done)


@tools.change(Act.PROPOSE, Step, replaces=True, words=True)
async def fleet_reject(call: Call, asked: Step) -> Any:
    """Reject a neighbour's change for good, or withdraw your own."""
    done = await call.office.fleet.proposals.reject(call.actor, asked.proposal, reason=asked.reason)
    return _told_step(call, done)


@tools.change(Act.ACTIVATE, OneProposal, replaces=True, words=True, is_abroad=True)
async def fleet_apply(call: Call, asked: OneProposal) -> Any:
    """Send an approved change, once, as a person, while the neighbour shows what it showed then."""
    report = await call.office.fleet.apply(call.actor, asked.proposal)
    return call.told(report_fields(report) | {"achieved": report.effect in ACHIEVED})


def _told(call: Call, asked: Asked) -> Any:
    waits, alone = asked.proposal is not None, call.office.policies.lifecycle.terms.is_one_person
    people = 1 if alone else PEOPLE_TO_LOOSEN - call.actor.is_person
    needs = {"people": people, "roles": sorted(MAY[Act.APPROVE])} if waits else None
    achieved = asked.report is not None and asked.report.effect in ACHIEVED
    return call.told(asked_fields(asked) | {"needs": needs, "achieved": achieved})


def _told_step(call: Call, found: Waiting) -> Any:
    return call.told(waiting_fields(found))


def _exact(value: Any) -> Any:
    """Return a value with its numbers exact."""
    if isinstance(value, float):
        return Decimal(repr(value))
    if isinstance(value, list):
        return [_exact(one) for one in value]
    if isinstance(value, dict):
        return {name: _exact(one) for name, one in value.items()}
    return value
