"""Changes of the neighbours' settings that wait for people, by the rules for loosening a policy.

A proposal is named by its whole content: target, settings, and what the neighbour showed of them
when it was made. It is used once, and only while the neighbour still shows that.
"""

import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final, cast

from petrosa_cio.audit.record import Change
from petrosa_cio.errors import NotAllowed
from petrosa_cio.fleet.neighbour import Settings, Target, parse_target
from petrosa_cio.fleet.setting_facts import same
from petrosa_cio.fleet.setting_rows import on_the_wire
from petrosa_cio.governance.actors import Actor
from petrosa_cio.governance.authority import (
    Stage,
    Standing,
    Terms,
    approval_of,
    check_may_reject,
    standing,
)
from petrosa_cio.governance.fleet_sender import Planned
from petrosa_cio.governance.proposals import (
    LASTS,
    Taken,
    check_unchanged,
    find_proposal,
    named,
    take_step,
    to_the_millisecond,
)
from petrosa_cio.governance.refusals import Refusals, Tell
from petrosa_cio.ports import Proposal, ProposalStep, ProposalStore, StepKind
from petrosa_cio.risk.strict_json import load_object

MOST_BYTES: Final = 65_536
USED_BY: Final = "petrosa-cio"
"""In whose name it is noted that a proposal was used: one name, so that it is noted once."""


@dataclass(frozen=True, slots=True)
class Waiting:
    """A proposal, and where it stands.

    Attributes:
        proposal: The proposal.
        content: What it would change.
        standing: What people made of it.
        is_used: Whether it was sent.
    """

    proposal: Proposal
    content: "Content"
    standing: Standing
    is_used: bool


@dataclass(frozen=True, slots=True)
class Content:
    """What a proposal would change.

    Attributes:
        proposal_id: Its name.
        target: Whose settings.
        settings: What they are to be.
        before: What the neighbour showed of them.
        replaces: Whether what is stored beside them is given up.
        drops: What would then be stored no more.
        author: Who wants it.
        thought: Why.
    """

    proposal_id: str
    target: Target
    settings: Settings
    before: Settings
    replaces: bool
    drops: tuple[str, ...]
    author: str
    thought: str

    def check_still_meant(self, planned: Planned) -> None:
        """Raise NotAllowed if the neighbour shows other values than when this was proposed."""
        is_same = all(same(self.before.get(name), old) for name, old in planned.before.items())
        if not is_same or planned.drops != self.drops:
            raise NotAllowed(
                f"{self.target} shows other values than when this was proposed: propose it anew"
            )


class FleetProposals:
    """Keeps what waits for people. Every method raises `Unavailable` when MongoDB is away."""

    def __init__(
        self,
        store: ProposalStore,
        tell: Tell,
        *,
        fund: str,
        terms: Terms,
        clock: Callable[[], datetime],
    ) -> None:
        """Take the store, what records, the fund, how it decides, and the clock."""
        self._store = store
        self._tell = tell
        self._fund = fund
        self._terms = terms
        self._clock = clock
        self._refusals = Refusals(tell)

    async def propose(
        self, actor: Actor, planned: Planned, thought: str
    ) -> tuple[Proposal, str | None]:
        """Keep a change; return it, and why it could not be recorded, if so."""
        at = to_the_millisecond(self._clock())
        waits = self._terms.cooling_off if self._terms.is_one_person else timedelta(0)
        unnamed = Proposal(
            proposal_id="",
            fund=self._fund,
            parent=0,
            content_of=None,
            document=_document(planned),
            author=actor.name,
            role=actor.role.value,
            thought=thought,
            at=at,
            expires_at=at + waits + LASTS,
        )
        proposal = named(unnamed)
        await self._store.propose(proposal)
        told = Change(
            "fleet_proposal", proposal.proposal_id, proposal.document, actor.name, thought
        )
        return proposal, await self._tell(told)

    async def listed(self, *, limit: int = 20) -> list[Waiting]:
        """Return the newest ones and where each stands. Raises NotAllowed if one was changed."""
        found = await self._store.proposals(limit=limit)
        for one in found:
            check_unchanged(one)
        return await self._waiting(found)

    async def look_up(self, called: str) -> Waiting:
        """Return the proposal of a name, or of the beginning of it. Raises NotFound."""
        found = await find_proposal(self._store, called)
        return (await self._waiting([found]))[0]

    async def approve(self, actor: Actor, called: str, *, reason: str) -> Waiting:
        """Approve a proposal, or confirm it where one person decides alone. Raises NotAllowed."""
        async with self._refusals.recorded(actor.name, f"approve fleet proposal {called}"):
            found = await self._unused(called)
            steps = await self._store.steps([found.proposal.proposal_id])
            kind = approval_of(actor, found.proposal, steps, self._terms, self._clock())
            return await self._step(actor, found.proposal, kind, reason)

    async def reject(self, actor: Actor, called: str, *, reason: str) -> Waiting:
        """Reject a proposal for good; its author withdraws it. Raises NotAllowed."""
        async with self._refusals.recorded(actor.name, f"reject fleet proposal {called}"):
            found = await self._unused(called)
            check_may_reject(actor, found.proposal)
            return await self._step(actor, found.proposal, StepKind.REJECT, reason)

    async def approved(self, called: str) -> Content:
        """Return what an approved proposal would change. Raises NotAllowed if it is not."""
        found = await self._unused(called)
        if found.standing.stage is not Stage.APPROVED:
            raise NotAllowed(f"the proposal is {found.standing.stage}, not approved")
        return found.content

    async def use(self, proposal_id: str, *, by: Actor) -> None:
        """Note that a proposal is sent now. Raises NotAllowed if it was before."""
        at = to_the_millisecond(self._clock())
        step = ProposalStep(proposal_id, StepKind.USE, USED_BY, "", f"by {by.name}", at)
        if not await self._store.step(step):
            raise NotAllowed("the proposal was used before")

    async def _unused(self, called: str) -> Waiting:
        found = await self.look_up(called)
        if found.is_used:
            raise NotAllowed("the proposal was used before: it is open no more")
        return found

    async def _waiting(self, proposals: Sequence[Proposal]) -> list[Waiting]:
        taken = await self._store.steps([one.proposal_id for one in proposals])
        now, found = self._clock(), []
        for one in proposals:
            steps = [step for step in taken if step.proposal_id == one.proposal_id]
            is_used = any(step.kind is StepKind.USE for step in steps)
            stands = standing(one, steps, self._terms, now)
            found.append(Waiting(one, _content(one), stands, is_used))
        return found

    async def _step(self, actor: Actor, proposal: Proposal, kind: StepKind, reason: str) -> Waiting:
        taken = Taken(proposal.proposal_id, kind, actor, reason, self._clock())
        await take_step(self._store, self._tell, "fleet_proposal_step", taken)
        return (await self._waiting([proposal]))[0]


def _document(planned: Planned) -> str:
    content = {
        "target": str(planned.target),
        "settings": on_the_wire(planned.asked),
        "before": on_the_wire(planned.before),
        "replaces": planned.replaces,
        "drops": list(planned.drops),
    }
    return json.dumps(content, sort_keys=True, separators=(",", ":"), ensure_ascii=False)


def _content(proposal: Proposal) -> Content:
    stated = load_object(proposal.document.encode(), MOST_BYTES)
    return Content(
        proposal.proposal_id,
        parse_target(str(stated["target"])),
        cast(Settings, stated["settings"]),
        cast(Settings, stated["before"]),
        stated["replaces"] is True,
        tuple(cast(list[str], stated["drops"])),
        proposal.author,
        proposal.thought,
    )
