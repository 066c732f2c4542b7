"""Proposals as they are made and looked at: named by their whole content, so that none can change.

An approval names a proposal by the hash of its document, parent, author, thought, expiry and
what-if: of all that whoever approves is shown. What is stored under that name and has another hash
was changed, and nobody's approval counts for it.
"""

import json
from dataclasses import asdict, dataclass, replace
from datetime import datetime, timedelta
from hashlib import sha256
from typing import Final

from petrosa_cio.audit.record import Change
from petrosa_cio.errors import NotAllowed, NotFound, PolicyRejected
from petrosa_cio.fleet.regime_names import NAMES
from petrosa_cio.governance.actors import Actor
from petrosa_cio.governance.authority import Terms
from petrosa_cio.governance.documents import read_policy_document
from petrosa_cio.governance.refusals import Tell
from petrosa_cio.ports import (
    PolicyRevision,
    Proposal,
    ProposalStep,
    ProposalStore,
    StepKind,
)
from petrosa_cio.risk.compare import Comparison, compare_documents
from petrosa_cio.risk.policy import Charter, PolicyDocument, canonical_json
from petrosa_cio.risk.policy_findings import PolicyFinding, Severity, policy_findings

LASTS: Final = timedelta(hours=24)
"""How long a proposal can be approved and activated; where it must cool off, from then on."""

SHORTEST_CALL: Final = 8
"""Characters of its name by which a proposal may be called."""


def to_the_millisecond(moment: datetime) -> datetime:
    """Return a moment as MongoDB keeps it."""
    return moment.replace(microsecond=moment.microsecond // 1000 * 1000)


def proposal_id_of(proposal: Proposal) -> str:
    """Return the name of a proposal: SHA-256 of all of it but the name, hexadecimal."""
    content = asdict(proposal)
    del content["proposal_id"]
    if not proposal.what_if:  # one of an older program keeps its name
        del content["what_if"]
    for moment in ("at", "expires_at"):
        content[moment] = content[moment].isoformat(timespec="milliseconds")
    plain = json.dumps(content, sort_keys=True, separators=(",", ":"), ensure_ascii=False)
    return sha256(plain.encode()).hexdigest()


def named(unnamed: Proposal) -> Proposal:
    """Return a proposal under the name that all of it makes."""
    return replace(unnamed, proposal_id=proposal_id_of(unnamed))


async def find_proposal(store: ProposalStore, called: str, what: str = "a proposal") -> Proposal:
    """Return the one proposal of a name, or of the beginning of it.

    Args:
        store: Where proposals of its kind are.
        called: The name.
        what: What these proposals are, with their article.

    Raises:
        NotFound: There is not just one.
        NotAllowed: It was changed after it was made.
        Unavailable: The store is away.
    """
    if len(called) < SHORTEST_CALL:
        raise NotFound(f"call {what} by at least {SHORTEST_CALL} characters of its name")
    found = await store.proposals(called=called, limit=2)
    if len(found) != 1:
        kind = what.partition(" ")[2]
        raise NotFound(f"{'more than one' if found else 'no'} {kind} is called {called!r}")
    check_unchanged(found[0])
    return found[0]


@dataclass(frozen=True, slots=True)
class Taken:
    """A step that somebody takes about a proposal.

    Attributes:
        proposal_id: The proposal.
        kind: What they do.
        by: Who they are.
        reason: Why.
        at: When.
    """

    proposal_id: str
    kind: StepKind
    by: Actor
    reason: str
    at: datetime


async def take_step(store: ProposalStore, tell: Tell, subject: str, taken: Taken) -> None:
    """Keep a step, and record it under a subject. Raises NotAllowed if it was taken before."""
    by, name = taken.by, taken.proposal_id
    at = to_the_millisecond(taken.at)
    step = ProposalStep(name, taken.kind, by.name, by.role.value, taken.reason, at)
    if not await store.step(step):
        raise NotAllowed(f"{by.name} did that before")
    await tell(Change(subject, name, taken.kind, by.name, taken.reason))


@dataclass(frozen=True, slots=True)
class Wanted:
    """A change that somebody wants.

    Attributes:
        author: Who wants it.
        document: What is to be in force.
        thought: Why.
        content_of: The revision whose content it repeats, where it is a rollback.
        what_if: What it would have made otherwise of the recent past, as JSON text.
    """

    author: Actor
    document: PolicyDocument
    thought: str
    content_of: int | None = None
    what_if: str = ""


def proposed(wanted: Wanted, parent: PolicyRevision, terms: Terms, now: datetime) -> Proposal:
    """Return the proposal of a change.

    Args:
        wanted: The change.
        parent: The newest revision, which it is to replace.
        terms: How the fund decides.
        now: The moment.
    """
    at = to_the_millisecond(now)
    waits = terms.cooling_off if terms.is_one_person else timedelta(0)
    unnamed = Proposal(
        proposal_id="",
        fund=parent.fund,
        parent=parent.revision,
        content_of=wanted.content_of,
        document=canonical_json(wanted.document).decode(),
        author=wanted.author.name,
        role=wanted.author.role.value,
        thought=wanted.thought,
        at=at,
        expires_at=at + waits + LASTS,
        what_if=wanted.what_if,
    )
    return named(unnamed)


def check_unchanged(proposal: Proposal) -> None:
    """Raise NotAllowed if a proposal is not what it was when it was made."""
    if proposal_id_of(proposal) != proposal.proposal_id:
        raise NotAllowed(
            f"the proposal {proposal.proposal_id[:12]} was changed after it was made; "
            "no approval counts for it"
        )


def judged(
    document: PolicyDocument, parent: PolicyRevision, charter: Charter, now: datetime
) -> tuple[Comparison, tuple[PolicyFinding, ...]]:
    """Return what a document changes of a revision, and what else is to be said about it.

    Raises:
        PolicyRejected: It crosses the charter, or contradicts itself.
    """
    findings = policy_findings(document, charter, now=now, known_regimes=NAMES)
    errors = [str(one) for one in findings if one.severity is Severity.ERROR]
    if errors:
        raise PolicyRejected(errors)
    old = read_policy_document(parent.document.encode())
    return compare_documents(old, document, now), tuple(findings)


def check_changes(document: PolicyDocument, parent: PolicyRevision) -> None:
    """Raise PolicyRejected if a document says what its parent says."""
    if canonical_json(document).decode() == parent.document:
        raise PolicyRejected([f"nothing changes: revision {parent.revision} says the same"])
