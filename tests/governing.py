"""A fund whose policy changes: everything in memory, and a clock that stands until it is moved."""

from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

from petrosa_cio.adapters.memory_proposals import MemoryProposals, MemoryTokens
from petrosa_cio.adapters.memory_revisions import MemoryRevisions
from petrosa_cio.adapters.memory_state import MemoryStateStore
from petrosa_cio.audit.record import Change as RecordedChange
from petrosa_cio.governance.activation import PolicyActivation
from petrosa_cio.governance.actors import Actor, Role
from petrosa_cio.governance.documents import read_policy_document
from petrosa_cio.governance.lifecycle import Lifecycle
from petrosa_cio.governance.projection import PolicyProjection
from petrosa_cio.governance.tokens import Tokens
from petrosa_cio.governance.what_if.stage import WhatIfStage
from petrosa_cio.risk.policy import Charter, PolicyDocument
from tests.fakes import FakeAnnouncer, FakeJournal
from tests.policies import SIGNER, trusting

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


@dataclass
class Fund:
    """A fund, who governs it, and what was recorded of that."""

    charter: Charter = field(default_factory=Charter)
    now: datetime = NOON
    recorded: list[RecordedChange] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.revisions = MemoryRevisions()
        self.store = MemoryStateStore(lambda: 0)
        self.journal = FakeJournal([])
        self.proposals = MemoryProposals()
        self.token_store = MemoryTokens()
        self.tokens = Tokens(self.token_store, self.tell, self.clock)
        self.lifecycle = self.governed_by(self.charter)

    def governed_by(self, charter: Charter, what_if: WhatIfStage | None = None) -> Lifecycle:
        """Return the lifecycle under another charter, as after a start with another file."""
        return Lifecycle(
            self.revisions,
            self.proposals,
            self.activation(charter),
            self.tell,
            charter=charter,
            clock=self.clock,
            rehearsal=what_if,
        )

    def activation(self, charter: Charter) -> PolicyActivation:
        """Return what makes revisions, under a charter."""
        trusted, announcer = trusting(), FakeAnnouncer([])
        projection = PolicyProjection(
            self.revisions, self.store, trusted, self.journal, announcer, self.clock
        )
        return PolicyActivation(self.revisions, projection, SIGNER, charter, "main", self.clock)

    def clock(self) -> datetime:
        return self.now

    def pass_time(self, **span: float) -> None:
        self.now += timedelta(**span)

    async def tell(self, change: RecordedChange) -> str | None:
        self.recorded.append(change)
        return None

    async def begin(self, **limits: Any) -> "Fund":
        """Put a first policy in force."""
        await self.put_in_force(document(**limits))
        return self

    async def put_in_force(self, wanted: PolicyDocument) -> None:
        """Put a document in force as the next revision, whoever may have to agree."""
        parent = await self.newest()
        await self.activation(self.charter).activate(
            wanted, parent=parent, author=ADA, thought=THOUGHT
        )

    async def newest(self) -> int:
        """Return the number of the newest revision; 0 where there is none."""
        newest = await self.revisions.newest()
        return newest.revision if newest else 0

    async def in_force(self) -> PolicyDocument:
        """Return what the gates obey."""
        active = await self.store.active_policy()
        assert active is not None
        return read_policy_document(active.document)

    @property
    def refused(self) -> list[str]:
        """Why attempts were refused, as it was recorded."""
        return [one.reason for one in self.recorded if one.subject == "refused"]
