"""The one way to lift limits for one order, for CLI, HTTP and MCP alike: propose, approve, reject.

Two people stand behind each override, told apart as where a policy loosens; one person alone never
does, whatever the charter says, as no order waits for a day. What is approved is recorded, then
signed into the store of the gates, where one intent uses it up. It counts for minutes.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Final, Protocol

from petrosa_cio.audit.record import Change
from petrosa_cio.errors import NotAllowed, OverrideRejected, Unavailable
from petrosa_cio.governance.actors import Actor
from petrosa_cio.governance.authority import (
    PEOPLE_TO_LOOSEN,
    Act,
    Stage,
    Standing,
    Terms,
    approval_of,
    check_may,
    check_may_reject,
    standing,
)
from petrosa_cio.governance.proposals import (
    Taken,
    find_proposal,
    named,
    proposal_id_of,
    take_step,
    to_the_millisecond,
)
from petrosa_cio.governance.refusals import Refusals, Tell
from petrosa_cio.governance.thought import check_thought
from petrosa_cio.governance.wanted_overrides import (
    WantedOverride,
    override_of,
    wanted_in,
    wanted_of,
)
from petrosa_cio.ports import OverrideStore, Proposal, ProposalStep, ProposalStore, StepKind
from petrosa_cio.risk.overrides import LONGEST, Override
from petrosa_cio.risk.reasons import ReasonCode

USUAL: Final = timedelta(minutes=10)
"""For so long an override can be approved and used, unless its author says otherwise."""

SHORTEST: Final = timedelta(minutes=1)

TWO_PEOPLE: Final = Terms(is_one_person=False, cooling_off=timedelta(0))
"""How an override is decided, in every fund."""

_PAGE: Final = 50


class VerdictsByName(Protocol):
    """Finds verdicts in the record."""

    async def verdicts_called(self, name: str) -> list[bytes]:
        """Return the records of the verdicts that go by a name, the oldest first."""


@dataclass(frozen=True, slots=True)
class ConsideredOverride:
    """An override that somebody wants, and where it stands.

    Attributes:
        proposal: The proposal.
        wanted: What it wants lifted, for which order.
        stage: Where it stands.
        standing: What people made of it.
        steps: What they did, the oldest first.
        used_by: The decision that used it, if one did lately.
        unrecorded: Why the proposal could not be recorded, if so; it stands all the same.
    """

    proposal: Proposal
    wanted: WantedOverride
    stage: Stage
    standing: Standing
    steps: tuple[ProposalStep, ...]
    used_by: str | None = None
    unrecorded: str | None = None


class Overrides:
    """Lets people lift limits for one order. Every method raises `Unavailable`."""

    def __init__(  # noqa: PLR0913 - what it works with
        self,
        proposals: ProposalStore,
        store: OverrideStore,
        verdicts: VerdictsByName,
        tell: Tell,
        *,
        sign: Callable[[Override], bytes],
        fund: str,
        clock: Callable[[], datetime],
    ) -> None:
        """Take the stores, what finds verdicts, records and signs, the fund and the clock.

        ``sign`` raises Misconfigured where there is no key.
        """
        self._proposals = proposals
        self._store = store
        self._verdicts = verdicts
        self._tell = tell
        self._sign = sign
        self._fund = fund
        self._clock = clock
        self._refusals = Refusals(tell)

    async def propose(
        self,
        actor: Actor,
        denied: str,
        *,
        lifts: Sequence[ReasonCode],
        thought: str,
        lasts: timedelta = USUAL,
    ) -> ConsideredOverride:
        """Ask that limits be lifted for an order that was denied, once.

        Args:
            actor: Who asks.
            denied: The decision that denied it, or what the bot called its intent.
            lifts: The reasons to lift.
            thought: Why.
            lasts: For how long from now it can be approved and used.

        Raises:
            NotAllowed: The actor may not.
            ThoughtRejected: The thought is none.
            OverrideRejected: It is no denied order, or a reason cannot be lifted.
        """
        async with self._refusals.recorded(actor.name, f"propose an override for {denied}"):
            check_may(actor, Act.PROPOSE)
            check_thought(thought)
            if not SHORTEST <= lasts <= LONGEST:
                raise OverrideRejected(["an override lasts from a minute to an hour"])
            found = await self._verdicts.verdicts_called(denied)
            wanted = wanted_of(found, lifts, self._fund)
        at = to_the_millisecond(self._clock())
        unnamed = Proposal(
            proposal_id="",
            fund=self._fund,
            parent=wanted.policy_revision,
            content_of=None,
            document=wanted.document,
            author=actor.name,
            role=actor.role.value,
            thought=thought,
            at=at,
            expires_at=at + lasts,
        )
        proposal = named(unnamed)
        await self._proposals.propose(proposal)
        name, document = proposal.proposal_id, proposal.document
        told = Change("override_proposal", name, document, actor.name, thought)
        unrecorded = await self._tell(told)
        return replace((await self._considered([proposal]))[0], unrecorded=unrecorded)

    async def approve(self, actor: Actor, called: str, *, reason: str) -> ConsideredOverride:
        """Approve an override; with the last approval that it takes, gates know of it.

        Where that failed half-way, whoever may approve says so again.

        Args:
            actor: Who approves.
            called: Its name, or the beginning of it.
            reason: Why.

        Raises:
            NotAllowed: The actor may not, it is open no more, was changed, or was used.
            Unavailable: A server is away: then it does not count yet.
            Misconfigured: There is no key here to sign it with.
        """
        async with self._refusals.recorded(actor.name, f"approve override {called}"):
            found = await self.look_up(called)
            if found.stage is not Stage.APPROVED:
                kind = approval_of(actor, found.proposal, found.steps, TWO_PEOPLE, self._clock())
                behind = (*found.standing.behind, actor.name)
                if len(behind) >= PEOPLE_TO_LOOSEN:  # else nothing would come of the step
                    self._sign(override_of(found.proposal, behind))
                found = await self._take_step(actor, found.proposal, kind, reason)
            check_may(actor, Act.APPROVE)
            _need_unused(found.used_by)
            if found.stage is Stage.APPROVED:
                await self._bring_to_gates(actor, found, reason)
            return found

    async def reject(self, actor: Actor, called: str, *, reason: str) -> ConsideredOverride:
        """Reject an override that is not approved; its author withdraws it. Raises NotAllowed."""
        async with self._refusals.recorded(actor.name, f"reject override {called}"):
            found = await self.look_up(called)
            if found.stage is not Stage.OPEN:
                raise NotAllowed(f"the override is {found.stage}, and cannot be rejected any more")
            check_may_reject(actor, found.proposal)
            return await self._take_step(actor, found.proposal, StepKind.REJECT, reason)

    async def look_up(self, called: str) -> ConsideredOverride:
        """Return one override and where it stands. Raises NotFound if there is not just one."""
        found = await find_proposal(self._proposals, called, "an override")
        return (await self._considered([found]))[0]

    async def listed(self, *, limit: int = _PAGE) -> list[ConsideredOverride]:
        """Return the newest overrides and where each stands."""
        return await self._considered(await self._proposals.proposals(limit=limit))

    async def _considered(self, proposals: Sequence[Proposal]) -> list[ConsideredOverride]:
        taken = await self._proposals.steps([one.proposal_id for one in proposals])
        found = []
        for one in proposals:
            steps = tuple(step for step in taken if step.proposal_id == one.proposal_id)
            stands = standing(one, steps, TWO_PEOPLE, self._clock())
            is_whole = proposal_id_of(one) == one.proposal_id
            stage = stands.stage if is_whole else Stage.CHANGED
            used_by = await self._store.override_user(one.proposal_id)
            found.append(ConsideredOverride(one, wanted_in(one), stage, stands, steps, used_by))
        return found

    async def _take_step(
        self, actor: Actor, proposal: Proposal, kind: StepKind, reason: str
    ) -> ConsideredOverride:
        taken = Taken(proposal.proposal_id, kind, actor, reason, self._clock())
        await take_step(self._proposals, self._tell, "override_step", taken)
        return (await self._considered([proposal]))[0]

    async def _bring_to_gates(self, actor: Actor, found: ConsideredOverride, reason: str) -> None:
        """Record an override, and only then let gates know of it."""
        name = found.proposal.proposal_id
        signed = self._sign(override_of(found.proposal, found.standing.behind))
        document = found.proposal.document
        change = Change("override", name, document, actor.name, reason, signed.decode())
        unrecorded = await self._tell(change)
        if unrecorded is not None:
            detail = f"the override is not recorded, so it does not count yet: {unrecorded}"
            raise Unavailable("nats", detail)
        if not await self._store.put_override(name, signed):
            _need_unused(await self._store.override_user(name))


def _need_unused(used_by: str | None) -> None:
    if used_by is not None:
        raise NotAllowed(f"the override was used by decision {used_by}; it is for one intent")
