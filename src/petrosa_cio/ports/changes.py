"""How what governs changes: revisions, proposals and their steps, and who may show which token."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Protocol


@dataclass(frozen=True, slots=True)
class ChangedField:
    """One field that a change of policy moves, in words.

    Attributes:
        path: The field, such as ``fund.max_order_notional_usd``.
        change: ``tighter``, ``looser`` or ``mixed``.
        old: What it was; empty where nothing was stated.
        new: What it is; empty where nothing is stated any more.
    """

    path: str
    change: str
    old: str
    new: str


@dataclass(frozen=True, slots=True)
class PolicyRevision:
    """One revision of the policy, with who made it and why. It never changes.

    Attributes:
        fund: The fund that it governs.
        revision: Counted 1, 2, 3...
        parent: The revision that it was made of; 0 for the first.
        content_of: The revision whose content it repeats; None where the content is its own.
        document: Canonical JSON of policy and overlays.
        document_hash: SHA-256 of that, hexadecimal.
        tightened_revision: The newest revision, up to this one, that was tighter than its parent
            in any field.
        author: Name of who made it.
        role: What they were trusted with.
        thought: Why, in their words.
        change: Beside its parent: ``tighter``, ``looser``, ``mixed``, ``equal`` or ``first``.
        diff: Every field that it moves.
        at: When it was made, aware UTC, to the millisecond.
        key_id: Which key signed it.
        signature: The ed25519 signature, base64.
    """

    fund: str
    revision: int
    parent: int
    content_of: int | None
    document: str
    document_hash: str
    tightened_revision: int
    author: str
    role: str
    thought: str
    change: str
    diff: tuple[ChangedField, ...]
    at: datetime
    key_id: str = ""
    signature: str = ""


class RevisionStore(Protocol):
    """Every revision of one fund's policy: the truth, of which the `PolicyStore` shows the newest.

    Revisions are added and found, never changed.
    """

    async def newest(self) -> PolicyRevision | None:
        """Return the newest revision, or None where there is none."""

    async def revision(self, number: int) -> PolicyRevision | None:
        """Return one revision, or None where there is none of that number."""

    async def history(self, *, before: int | None = None, limit: int = 50) -> list[PolicyRevision]:
        """Return revisions, the newest first: those below ``before``, at most ``limit``."""

    async def add(self, revision: PolicyRevision) -> bool:
        """Add a revision; return False if one of its number is there."""


@dataclass(frozen=True, slots=True)
class Proposal:
    """A change of policy that somebody wants, exactly as it would come into force.

    Attributes:
        proposal_id: SHA-256 of everything else, hexadecimal: another content has another name.
        fund: The fund.
        parent: The revision that it replaces, and no other.
        content_of: The revision whose content it repeats, where it is a rollback.
        document: Canonical JSON of policy and overlays.
        author: Who wants it.
        role: What the author was trusted with then.
        thought: Why.
        at: When it was made, aware UTC.
        expires_at: From when on it cannot be approved or activated any more, aware UTC.
        what_if: What it would have made otherwise of the recent past, as JSON text; empty where
            the program was too old to say.
    """

    proposal_id: str
    fund: str
    parent: int
    content_of: int | None
    document: str
    author: str
    role: str
    thought: str
    at: datetime
    expires_at: datetime
    what_if: str = ""


class StepKind(StrEnum):
    """What somebody does about a proposal."""

    APPROVE = "approve"
    CONFIRM = "confirm"
    REJECT = "reject"
    USE = "use"


@dataclass(frozen=True, slots=True)
class ProposalStep:
    """What one person did about a proposal.

    Attributes:
        proposal_id: The proposal, by its content.
        kind: ``approve``, ``confirm`` (once more, where one person decides alone), ``reject``, or
            ``use``, of what is done once and not by a revision.
        author: Who did it.
        role: What they were trusted with then.
        reason: Why.
        at: When, aware UTC.
    """

    proposal_id: str
    kind: StepKind
    author: str
    role: str
    reason: str
    at: datetime


class ProposalStore(Protocol):
    """Holds proposals and what was done about them. It inserts and finds, and nothing else."""

    async def propose(self, proposal: Proposal) -> bool:
        """Keep a proposal; return False if this very one is there."""

    async def proposals(self, *, called: str = "", limit: int = 50) -> list[Proposal]:
        """Return the proposals whose id begins so, the newest first."""

    async def step(self, step: ProposalStep) -> bool:
        """Keep a step; return False if its author took this very step before."""

    async def steps(self, proposal_ids: Sequence[str]) -> list[ProposalStep]:
        """Return the steps of some proposals, the oldest first."""


@dataclass(frozen=True, slots=True)
class TokenEntry:
    """What is kept of one API token. The token itself is known to its owner alone.

    Attributes:
        token_id: Its short name, the beginning of its hash.
        token_hash: SHA-256 of it, hexadecimal.
        name: Whose it is.
        role: What they are trusted with.
        made_by: Who made it.
        made_at: When, aware UTC.
        expires_at: From when on it does not count any more; None for never.
    """

    token_id: str
    token_hash: str
    name: str
    role: str
    made_by: str
    made_at: datetime
    expires_at: datetime | None


@dataclass(frozen=True, slots=True)
class Revocation:
    """That a token does not count any more.

    Attributes:
        token_id: Its short name.
        author: Who revoked it.
        reason: Why.
        at: When, aware UTC.
    """

    token_id: str
    author: str
    reason: str
    at: datetime


class TokenStore(Protocol):
    """Holds the API tokens of a fund, hashed. It inserts and finds, and nothing else."""

    async def add_token(self, entry: TokenEntry) -> bool:
        """Keep a token; return False if one of that short name is there."""

    async def token(self, token_id: str) -> TokenEntry | None:
        """Return what is kept of a token, or None."""

    async def tokens(self) -> list[TokenEntry]:
        """Return every token, the oldest first."""

    async def revoke(self, revocation: Revocation) -> bool:
        """Keep a revocation; return False if it was revoked before."""

    async def revocations(self) -> dict[str, Revocation]:
        """Return every revocation by the short name of its token."""


class ChangePace(Protocol):
    """Keeps changes of the neighbours' settings apart, for every process of a fund together."""

    async def take(self, neighbour: str, author: str) -> int:
        """Count a change that is about to be sent; return 0, or seconds to wait, uncounted."""
