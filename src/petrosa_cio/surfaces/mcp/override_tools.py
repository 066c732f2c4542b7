"""Tools of overrides: limits that two people lift for one order, once, for minutes."""

from typing import Any

from petrosa_cio.governance.authority import Act
from petrosa_cio.surfaces.api import overrides
from petrosa_cio.surfaces.api.asked_changes import ProposingOverride
from petrosa_cio.surfaces.api.route import Call
from petrosa_cio.surfaces.api.told import Page
from petrosa_cio.surfaces.api.told_overrides import OneOverride, OverrideRow, ProposedOverride
from petrosa_cio.surfaces.mcp.asked import Newest, OneOverrideOf, OverrideStep
from petrosa_cio.surfaces.mcp.tool import Tools

tools = Tools()


@tools.change(Act.PROPOSE, ProposingOverride, ProposedOverride, replaces=False, words=True)
async def propose_override(call: Call, asked: ProposingOverride) -> Any:
    """Ask that limits be lifted for one order that was denied. Nothing is lifted by that.

    Two people of other names must stand behind it within its minutes, one of them its author where
    that is a person. The order must then be sent again, whole, with a new id.
    """
    return await overrides.propose_override(call, asked)


@tools.question(Newest, Page[OverrideRow], words=True)
async def list_overrides(call: Call, asked: Newest) -> Any:
    """List the newest overrides for one order, and where each stands."""
    return await overrides.overrides(call, asked.limit)


@tools.question(OneOverrideOf, OneOverride, words=True)
async def get_override(call: Call, asked: OneOverrideOf) -> Any:
    """Return an override with the order that it is for, what it lifts and what it does not."""
    return await overrides.one_override(call, asked.override)


@tools.change(Act.APPROVE, OverrideStep, OverrideRow, replaces=True, words=True)
async def approve_override(call: Call, asked: OverrideStep) -> Any:
    """Approve an override that somebody else proposed, as a person; with the last one it counts."""
    return await overrides.approve_override(call, asked.override, asked)


@tools.change(Act.PROPOSE, OverrideStep, OverrideRow, replaces=True, words=True)
async def reject_override(call: Call, asked: OverrideStep) -> Any:
    """Reject an override for good, or withdraw your own, before it is approved."""
    return await overrides.reject_override(call, asked.override, asked)
