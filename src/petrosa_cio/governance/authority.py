"""Who may do what, and what it takes to loosen a limit: pure rules, the table among them.

Tightening is open to everybody above viewer and takes effect at once. What loosens needs two
people, of whom the author is one unless the author is an agent: so an agent's proposal needs two
approvals, and neither a person nor a person's agents loosen anything alone. Where the charter says
that one person decides for the fund, the second of the two is the same person after a cooling-off
time. People are told apart by name, never by token.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from types import MappingProxyType
from typing import Final

from petrosa_cio.errors import NotAllowed
from petrosa_cio.governance.actors import Actor, Role
from petrosa_cio.ports import Proposal, ProposalStep, StepKind
from petrosa_cio.risk.limit_kinds import Change
from petrosa_cio.risk.policy import Charter

PEOPLE_TO_LOOSEN: Final = 2


class Act(StrEnum):
    """What somebody may be trusted with."""

    LOOK = "look"
    HALT = "halt"
    TIGHTEN = "tighten"
    PROPOSE = "propose"
    RESUME = "resume"
    REGIME = "regime"
    ACTIVATE = "activate"
    APPROVE = "approve"
    TOKENS = "tokens"


MEANINGS: Final = MappingProxyType(
    {
        Act.LOOK: "look at policy, history and proposals",
        Act.HALT: "stop openings, or let only exits pass",
        Act.TIGHTEN: "put in force what only tightens, or moves no limit",
        Act.PROPOSE: "propose what loosens, a rollback among it; withdraw it again",
        Act.RESUME: "resume trading",
        Act.REGIME: "override the market regime",
        Act.ACTIVATE: "put in force what was approved",
        Act.APPROVE: "approve or reject what somebody else proposed",
        Act.TOKENS: "make and revoke tokens",
    }
)
"""What each act is, in words."""

_ABOVE_VIEWER = frozenset(Role) - {Role.VIEWER}
_PEOPLE = _ABOVE_VIEWER - {Role.AGENT}

MAY: Final = MappingProxyType(
    {
        Act.LOOK: frozenset(Role),
        Act.HALT: _ABOVE_VIEWER,
        Act.TIGHTEN: _ABOVE_VIEWER,
        Act.PROPOSE: _ABOVE_VIEWER,
        Act.RESUME: _PEOPLE,
        Act.REGIME: _PEOPLE,
        Act.ACTIVATE: _PEOPLE,
        Act.APPROVE: frozenset({Role.RISK_OFFICER, Role.ADMIN}),
        Act.TOKENS: frozenset({Role.ADMIN}),
    }
)
"""Which roles may do what."""


def check_may(actor: Actor, act: Act) -> None:
    """Raise NotAllowed unless somebody's role may do this."""
    if actor.role not in MAY[act]:
        allowed = ", ".join(sorted(MAY[act]))
        raise NotAllowed(
            f"{actor.name} ({actor.role}) may not {MEANINGS[act]}; it takes one of: {allowed}",
            roles=sorted(MAY[act]),
        )


def needs_approval(change: Change) -> bool:
    """Return whether a change allows more than before, or may."""
    return change in (Change.LOOSER, Change.MIXED)


@dataclass(frozen=True, slots=True)
class Terms:
    """How a fund decides, as its charter says.

    Attributes:
        is_one_person: Whether one person decides for the fund.
        cooling_off: How long a loosening then waits.
    """

    is_one_person: bool
    cooling_off: timedelta


def terms_of(charter: Charter) -> Terms:
    """Return how a fund decides."""
    return Terms(charter.people < PEOPLE_TO_LOOSEN, timedelta(hours=charter.cooling_off_hours))


class Stage(StrEnum):
    """Where a proposal stands."""

    OPEN = "open"
    COOLING_OFF = "cooling off"
    APPROVED = "approved"
    REJECTED = "rejected"
    EXPIRED = "expired"
    ACTIVATED = "activated"
    SUPERSEDED = "superseded"
    CHANGED = "changed after it was made"


@dataclass(frozen=True, slots=True)
class Standing:
    """What people made of a proposal so far.

    Attributes:
        stage: Where it stands, as far as people and time decide it.
        behind: The people who stand behind it, in order, the author among them if a person.
        confirm_from: Where one person decides alone, when it may be confirmed.
    """

    stage: Stage
    behind: tuple[str, ...]
    confirm_from: datetime | None = None


def same_person(one: str, other: str) -> bool:
    """Return whether two names are one person's, however they are written."""
    return one.casefold().strip() == other.casefold().strip()


def standing(
    proposal: Proposal, steps: Sequence[ProposalStep], terms: Terms, now: datetime
) -> Standing:
    """Return what people made of a proposal. Steps about others, or taken too late, do not count.

    Args:
        proposal: The proposal.
        steps: What was done about it, in any order.
        terms: How the fund decides.
        now: The moment of the question.
    """
    counted = sorted(
        (one for one in steps if _counts(one, proposal)), key=lambda one: (one.at, one.author)
    )
    behind: dict[str, datetime] = {}
    if proposal.role != Role.AGENT:
        behind[proposal.author] = proposal.at
    for one in counted:
        is_new = not any(same_person(one.author, name) for name in (proposal.author, *behind))
        if one.kind is StepKind.APPROVE and is_new:
            behind[one.author] = one.at
    confirm_from = None
    if terms.is_one_person and behind:
        confirm_from = min(behind.values()) + terms.cooling_off
    return Standing(
        _stage(proposal, counted, len(behind), confirm_from, now), tuple(behind), confirm_from
    )


def _stage(
    proposal: Proposal,
    steps: Sequence[ProposalStep],
    people: int,
    confirm_from: datetime | None,
    now: datetime,
) -> Stage:
    if any(one.kind is StepKind.REJECT for one in steps):
        return Stage.REJECTED
    if now >= proposal.expires_at:
        return Stage.EXPIRED
    confirmed = confirm_from is not None and any(
        one.kind is StepKind.CONFIRM and one.at >= confirm_from for one in steps
    )
    if people >= PEOPLE_TO_LOOSEN or confirmed:
        return Stage.APPROVED
    return Stage.COOLING_OFF if confirm_from is not None and now < confirm_from else Stage.OPEN


def _counts(step: ProposalStep, proposal: Proposal) -> bool:
    if step.proposal_id != proposal.proposal_id:
        return False
    is_own = same_person(step.author, proposal.author)
    if step.kind is StepKind.REJECT:
        return is_own or step.role in MAY[Act.APPROVE]
    if not proposal.at <= step.at < proposal.expires_at or step.role not in MAY[Act.APPROVE]:
        return False
    return step.kind is StepKind.CONFIRM or not is_own


def approval_of(
    actor: Actor,
    proposal: Proposal,
    steps: Sequence[ProposalStep],
    terms: Terms,
    now: datetime,
) -> StepKind:
    """Return which step somebody takes who approves now.

    Raises:
        NotAllowed: They may not: by their role, as the proposal is theirs or they approved it
            before, or as it is open no more.
    """
    check_may(actor, Act.APPROVE)
    now_stands = standing(proposal, steps, terms, now)
    if now_stands.stage not in (Stage.OPEN, Stage.COOLING_OFF):
        raise NotAllowed(f"the proposal is {now_stands.stage}, and cannot be approved any more")
    is_own = same_person(actor.name, proposal.author)
    if not is_own and not any(same_person(actor.name, name) for name in now_stands.behind):
        return StepKind.APPROVE
    if not terms.is_one_person:
        whose = "nobody approves a proposal of their own" if is_own else "you approved it before"
        raise NotAllowed(
            f"{whose}: it takes somebody else", roles=sorted(MAY[Act.APPROVE]), waits=True
        )
    if now_stands.confirm_from is None or now < now_stands.confirm_from:
        raise NotAllowed(f"it is cooling off, and may be confirmed from {now_stands.confirm_from}")
    return StepKind.CONFIRM


def check_may_reject(actor: Actor, proposal: Proposal) -> None:
    """Raise NotAllowed unless somebody may reject a proposal; its author may withdraw it."""
    if not same_person(actor.name, proposal.author):
        check_may(actor, Act.APPROVE)
