"""A fund whose policy changes: everything in memory, and a clock that stands until it is moved."""

from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

from petrosa_cio.adapters.memory_proposals import MemoryProposals, MemoryTokens
from petrosa_cio.audit.record import Change as RecordedChange
from petrosa_cio.errors import RevisionConflict
from petrosa_cio.governance.actors import Actor, Role
from petrosa_cio.governance.documents import read_policy_document
from petrosa_cio.governance.lifecycle import Lifecycle
from petrosa_cio.governance.tokens import Tokens
from petrosa_cio.ports import PolicyRevision
from petrosa_cio.risk.compare import compare_documents
from petrosa_cio.risk.policy import Charter, PolicyDocument, canonical_json, document_hash

NOON = datetime(2026, 11, 23, 12, tzinfo=UTC)

THOUGHT = (
    "The order book of this symbol has been thin since the morning, spreads doubled within an "
    "hour, and the losses of the last ten trades came from slippage alone."
)

ANN = Actor("ann", Role.RISK_OFFICER)
BOB = Actor("bob", Role.RISK_OFFICER)
OLE = Actor("ole", Role.OPERATOR)
EVE = Actor("eve", Role.VIEWER)
ADA = Actor("ada", Role.ADMIN)
BOT = Actor("strategist", Role.AGENT)


def document(**fund: Any) -> PolicyDocument:
    """Return a policy document with these limits of the fund."""
    return PolicyDocument.model_validate({"policy": {"name": "test", "fund": fund}})


class MemoryRevisions:
    """Every revision, and what makes one: without signatures, Redis and the record."""

    def __init__(self, now: Any) -> None:
        self._now = now
        self.all: list[PolicyRevision] = []

    async def newest(self) -> PolicyRevision | None:
        return self.all[-1] if self.all else None

    async def revision(self, number: int) -> PolicyRevision | None:
        return self.all[number - 1] if 0 < number <= len(self.all) else None

    async def history(self, *, before: int | None = None, limit: int = 50) -> list[PolicyRevision]:
        older = [one for one in self.all if before is None or one.revision < before]
        return older[::-1][:limit]

    async def add(self, revision: PolicyRevision) -> bool:
        if revision.revision != len(self.all) + 1:
            return False
        self.all.append(revision)
        return True

    async def activate(
        self,
        document: PolicyDocument,
        *,
        parent: int,
        author: Actor,
        thought: str,
        content_of: int | None = None,
    ) -> PolicyRevision:
        if parent != len(self.all):
            raise RevisionConflict(parent, len(self.all))
        change = "first"
        if parent:
            old = read_policy_document(self.all[-1].document.encode())
            change = compare_documents(old, document, self._now()).change
        self.all.append(
            PolicyRevision(
                fund="main",
                revision=parent + 1,
                parent=parent,
                content_of=content_of,
                document=canonical_json(document).decode(),
                document_hash=document_hash(document),
                tightened_revision=parent + 1,
                author=author.name,
                role=author.role,
                thought=thought,
                change=change,
                diff=(),
                at=self._now(),
            )
        )
        return self.all[-1]


@dataclass
class Fund:
    """A fund, who governs it, and what was recorded of that."""

    charter: Charter = field(default_factory=Charter)
    now: datetime = NOON
    recorded: list[RecordedChange] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.revisions = MemoryRevisions(self.clock)
        self.proposals = MemoryProposals()
        self.token_store = MemoryTokens()
        self.tokens = Tokens(self.token_store, self.tell, self.clock)
        self.lifecycle = self.governed_by(self.charter)

    def governed_by(self, charter: Charter) -> Lifecycle:
        """Return the lifecycle under another charter, as after a start with another file."""
        return Lifecycle(
            self.revisions,
            self.proposals,
            self.revisions,
            self.tell,
            charter=charter,
            clock=self.clock,
        )

    def clock(self) -> datetime:
        return self.now

    def pass_time(self, **span: float) -> None:
        self.now += timedelta(**span)

    async def tell(self, change: RecordedChange) -> str | None:
        self.recorded.append(change)
        return None

    async def begin(self, **limits: Any) -> "Fund":
        """Put a first policy in force."""
        await self.revisions.activate(document(**limits), parent=0, author=ADA, thought=THOUGHT)
        return self

    @property
    def in_force(self) -> PolicyDocument:
        return read_policy_document(self.revisions.all[-1].document.encode())

    @property
    def refused(self) -> list[str]:
        """Why attempts were refused, as it was recorded."""
        return [one.reason for one in self.recorded if one.subject == "refused"]
