"""The one way to change the policy, for CLI, HTTP and MCP alike: propose, approve, activate.

What tightens is in force at once. What loosens becomes a proposal, which `authority` says how
people decide. Whatever is refused leaves a record of who tried what.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final, Protocol

from petrosa_cio.audit.record import Change
from petrosa_cio.errors import NotAllowed, NotFound, RevisionConflict
from petrosa_cio.governance.actors import Actor, Role
from petrosa_cio.governance.authority import (
    MAY,
    Act,
    Stage,
    Standing,
    Terms,
    approval_of,
    check_may,
    check_may_reject,
    needs_approval,
    standing,
    terms_of,
)
from petrosa_cio.governance.documents import read_policy_document
from petrosa_cio.governance.proposals import (
    Taken,
    Wanted,
    check_changes,
    find_proposal,
    judged,
    proposal_id_of,
    proposed,
    take_step,
)
from petrosa_cio.governance.refusals import Refusals, Tell
from petrosa_cio.governance.thought import check_thought
from petrosa_cio.governance.tighter import tighter_of
from petrosa_cio.governance.what_if.stage import LAST_DAY, WhatIfStage, WhatIfSummary
from petrosa_cio.ports import (
    PolicyRevision,
    Proposal,
    ProposalStep,
    ProposalStore,
    RevisionStore,
    StepKind,
)
from petrosa_cio.risk.compare import Comparison, compare_documents
from petrosa_cio.risk.policy import Charter, PolicyDocument
from petrosa_cio.risk.policy_findings import PolicyFinding

KNOWN_GOOD_AFTER: Final = timedelta(hours=1)
"""A revision that was in force for so long counts as known to be good."""

_PAGE: Final = 50


class Rehearsal(Protocol):
    """Says what a document would have made otherwise of the recent past."""

    async def summary(self, document: PolicyDocument, span: timedelta | None) -> WhatIfSummary:
        """Return the summary, or why it was not made; raises nothing of its own."""


class Activation(Protocol):
    """Makes a document the newest revision and puts it in force, whoever may have to agree."""

    async def activate(
        self,
        document: PolicyDocument,
        *,
        parent: int,
        author: Actor,
        thought: str,
        content_of: int | None = None,
    ) -> PolicyRevision:
        """Return the new revision. Raises RevisionConflict, PolicyRejected or Unavailable."""


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of a change that somebody asked for.

    Attributes:
        revision: The revision that is in force now; None where the change waits.
        proposal: The proposal that waits for approval; None where it is in force.
        comparison: What it changes, limit by limit.
        findings: What else is to be said about it.
        unrecorded: Why the proposal could not be recorded, if so; it stands all the same.
    """

    revision: PolicyRevision | None
    proposal: Proposal | None
    comparison: Comparison
    findings: tuple[PolicyFinding, ...] = ()
    unrecorded: str | None = None


@dataclass(frozen=True, slots=True)
class Considered:
    """A proposal, and where it stands.

    Attributes:
        proposal: The proposal.
        stage: Where it stands.
        standing: What people made of it.
        steps: What they did, the oldest first.
    """

    proposal: Proposal
    stage: Stage
    standing: Standing
    steps: tuple[ProposalStep, ...]


class Lifecycle:
    """Changes the policy as far as whoever asks may.

    Every method raises `Unavailable` when MongoDB is away: then no policy can change.
    """

    def __init__(  # noqa: PLR0913 - all that a change of policy touches
        self,
        revisions: RevisionStore,
        proposals: ProposalStore,
        activation: Activation,
        tell: Tell,
        *,
        charter: Charter,
        clock: Callable[[], datetime],
        rehearsal: Rehearsal | None = None,
    ) -> None:
        """Take the stores, what activates, what records, the charter, the clock, and what-if."""
        self._revisions = revisions
        self._proposals = proposals
        self._activation = activation
        self._tell = tell
        self._charter = charter
        self._clock = clock
        self._refusals = Refusals(tell)
        self._rehearsal = rehearsal or WhatIfStage(None, clock)

    @property
    def terms(self) -> Terms:
        """How the fund decides."""
        return terms_of(self._charter)

    async def propose(
        self,
        actor: Actor,
        document: PolicyDocument,
        *,
        parent: int,
        thought: str,
        content_of: int | None = None,
        what_if: timedelta | None = LAST_DAY,
    ) -> Outcome:
        """Put a change in force if it only tightens, else let it wait for approval.

        What has to wait is decided again on the recent record first, for those who approve.

        Args:
            actor: Who asks.
            document: What is to be in force.
            parent: The revision that it was made from.
            thought: Why.
            content_of: The revision whose content it repeats, where it is a rollback.
            what_if: How far back the what-if of a loosening looks; None for none.

        Raises:
            NotAllowed: The actor may not.
            ThoughtRejected: The thought is none.
            RevisionConflict: ``parent`` is not the newest revision.
            PolicyRejected: It crosses the charter, contradicts itself, or changes nothing.
        """
        async with self._refusals.recorded(actor.name, f"propose on revision {parent}"):
            check_may(actor, Act.PROPOSE)
            check_thought(thought)
            newest, comparison, findings = await self.weighed(document, parent=parent)
            if not needs_approval(comparison.change):
                check_may(actor, Act.TIGHTEN)
                revision = await self._activation.activate(
                    document, parent=parent, author=actor, thought=thought, content_of=content_of
                )
                return Outcome(revision, None, comparison, findings)
            summary = await self._rehearsal.summary(document, what_if)
            newest = await self._newest_if(parent)
        wanted = Wanted(actor, document, thought, content_of, summary.text)
        proposal = proposed(wanted, newest, self.terms, self._clock())
        await self._proposals.propose(proposal)
        told = Change("proposal", proposal.proposal_id, proposal.document, actor.name, thought)
        return Outcome(None, proposal, comparison, findings, await self._tell(told))

    async def approve(self, actor: Actor, called: str, *, reason: str) -> Considered:
        """Approve a proposal, or confirm it where one person decides alone.

        Args:
            actor: Who approves.
            called: Its name, or the beginning of it.
            reason: Why.

        Raises:
            NotAllowed: The actor may not, or the proposal is open no more, or was changed.
        """
        async with self._refusals.recorded(actor.name, f"approve proposal {called}"):
            found = await self.look_up(called)
            _need_undecided(found)
            kind = approval_of(actor, found.proposal, found.steps, self.terms, self._clock())
            return await self._take_step(actor, found, kind, reason)

    async def reject(self, actor: Actor, called: str, *, reason: str) -> Considered:
        """Reject a proposal for good; its author withdraws it. Raises NotAllowed."""
        async with self._refusals.recorded(actor.name, f"reject proposal {called}"):
            found = await self.look_up(called)
            _need_undecided(found)
            check_may_reject(actor, found.proposal)
            return await self._take_step(actor, found, StepKind.REJECT, reason)

    async def activate(self, actor: Actor, called: str) -> PolicyRevision:
        """Put an approved proposal in force. It is judged anew, as charter and time move on.

        Raises:
            NotAllowed: The actor may not, or it is not approved, or was changed.
            RevisionConflict: It was made from a revision that is not the newest any more.
            PolicyRejected: It crosses the charter as it is now.
        """
        async with self._refusals.recorded(actor.name, f"activate proposal {called}"):
            check_may(actor, Act.ACTIVATE)
            found = await self.look_up(called)
            proposal = found.proposal
            if found.stage is not Stage.SUPERSEDED and found.stage is not Stage.APPROVED:
                raise NotAllowed(
                    f"the proposal is {found.stage}, not approved",
                    roles=sorted(MAY[Act.APPROVE]),
                    waits=found.stage in (Stage.OPEN, Stage.COOLING_OFF),
                )
            newest = await self._newest_if(proposal.parent)
            document = read_policy_document(proposal.document.encode())
            judged(document, newest, self._charter, self._clock())
            return await self._activation.activate(
                document,
                parent=proposal.parent,
                author=Actor(proposal.author, Role(proposal.role)),
                thought=proposal.thought,
                content_of=proposal.content_of,
            )

    async def rollback(
        self,
        actor: Actor,
        to: int | None,
        *,
        thought: str,
        tighter: bool = False,
        what_if: timedelta | None = LAST_DAY,
    ) -> Outcome:
        """Propose the content of an earlier revision anew; of the last known good one if None.

        Args:
            actor: Who asks.
            to: The earlier revision.
            thought: Why.
            tighter: Whether what is in force stays where it is the tighter one: then nothing is
                loosened.
            what_if: How far back the what-if of a loosening looks; None for none.

        Raises:
            NotAllowed: The actor may not, or there is no such revision.
            ThoughtRejected: The thought is none.
            RevisionConflict: Another change came between.
            PolicyRejected: It crosses the charter as it is now, or changes nothing.
        """
        wanted = "the last known good revision" if to is None else f"revision {to}"
        async with self._refusals.recorded(actor.name, f"roll back to {wanted}"):
            check_may(actor, Act.PROPOSE)
            newest = await self._newest()
            earlier = await (self.last_known_good() if to is None else self._revisions.revision(to))
            if earlier is None:
                meant = "no other one was in force for an hour" if to is None else "there is none"
                raise NotFound(f"{wanted} cannot be gone back to: {meant}")
            if tighter:
                document = tighter_of(newest, earlier, self._clock())
            else:
                document = read_policy_document(earlier.document.encode())
        return await self.propose(
            actor,
            document,
            parent=newest.revision,
            thought=thought,
            content_of=None if tighter else earlier.revision,
            what_if=what_if,
        )

    async def last_known_good(self) -> PolicyRevision | None:
        """Return the newest earlier revision of other content that was in force for an hour."""
        page = await self._revisions.history(limit=_PAGE)
        newest, later = (page[0], page[0]) if page else (None, None)
        while page:
            for one in page:
                stood = later is not None and later.at - one.at >= KNOWN_GOOD_AFTER
                if newest is not None and stood and one.document != newest.document:
                    return one
                later = one
            page = await self._revisions.history(before=page[-1].revision, limit=_PAGE)
        return None

    async def look_up(self, called: str) -> Considered:
        """Return one proposal and where it stands. Raises NotFound if there is not just one."""
        found = await find_proposal(self._proposals, called)
        return (await self._considered([found]))[0]

    async def listed(self, *, limit: int = _PAGE) -> list[Considered]:
        """Return the newest proposals and where each stands."""
        return await self._considered(await self._proposals.proposals(limit=limit))

    async def compared(self, document: PolicyDocument) -> tuple[PolicyRevision, Comparison]:
        """Return the newest revision and what a document would change of it.

        Raises:
            NotAllowed: There is no policy yet.
            PolicyRejected: The document crosses the charter, or contradicts itself.
        """
        newest = await self._newest()
        return newest, judged(document, newest, self._charter, self._clock())[0]

    async def weighed(
        self, document: PolicyDocument, *, parent: int
    ) -> tuple[PolicyRevision, Comparison, tuple[PolicyFinding, ...]]:
        """Return the newest revision, what a document would change of it, and what else to say.

        Raises:
            NotAllowed: There is no policy yet.
            RevisionConflict: ``parent`` is not the newest revision.
            PolicyRejected: It crosses the charter, contradicts itself, or changes nothing.
        """
        newest = await self._newest_if(parent)
        check_changes(document, newest)
        return newest, *judged(document, newest, self._charter, self._clock())

    async def beside(self, number: int, document: PolicyDocument) -> Comparison:
        """Return what a document changes of one revision. Raises NotFound if there is none."""
        old = await self._revisions.revision(number)
        if old is None:
            raise NotFound(f"there is no such revision: {number}")
        known = read_policy_document(old.document.encode())
        return compare_documents(known, document, self._clock())

    async def _considered(self, proposals: Sequence[Proposal]) -> list[Considered]:
        taken = await self._proposals.steps([one.proposal_id for one in proposals])
        found = []
        for one in proposals:
            steps = tuple(step for step in taken if step.proposal_id == one.proposal_id)
            stands = standing(one, steps, self.terms, self._clock())
            after = await self._revisions.revision(one.parent + 1)
            found.append(Considered(one, _stage(one, stands, after), stands, steps))
        return found

    async def _take_step(
        self, actor: Actor, found: Considered, kind: StepKind, reason: str
    ) -> Considered:
        name = found.proposal.proposal_id
        taken = Taken(name, kind, actor, reason, self._clock())
        await take_step(self._proposals, self._tell, "proposal_step", taken)
        return (await self._considered([found.proposal]))[0]

    async def _newest(self) -> PolicyRevision:
        newest = await self._revisions.newest()
        if newest is None:
            raise NotAllowed("no policy is in force yet: the first one comes with `cio run`")
        return newest

    async def _newest_if(self, parent: int) -> PolicyRevision:
        newest = await self._newest()
        if newest.revision != parent:
            raise RevisionConflict(parent, newest.revision)
        return newest


def _need_undecided(found: Considered) -> None:
    if found.stage in (Stage.ACTIVATED, Stage.SUPERSEDED):
        raise NotAllowed(f"the proposal is {found.stage}: it is open no more")


def _stage(proposal: Proposal, stands: Standing, after: PolicyRevision | None) -> Stage:
    if proposal_id_of(proposal) != proposal.proposal_id:
        return Stage.CHANGED
    if after is None:
        return stands.stage
    made_of = (after.document, after.author, after.thought)
    is_this = made_of == (proposal.document, proposal.author, proposal.thought)
    return Stage.ACTIVATED if is_this else Stage.SUPERSEDED
