"""A house whose gate denies orders, and people who may lift limits for one of them."""

from dataclasses import dataclass, field
from functools import partial
from typing import Any

import orjson

from petrosa_cio.adapters.memory_proposals import MemoryProposals
from petrosa_cio.audit.record import Change
from petrosa_cio.governance.actors import Actor
from petrosa_cio.governance.overrides import ConsideredOverride, Overrides
from petrosa_cio.governance.signed_overrides import signed_override
from petrosa_cio.risk.policy import Charter
from petrosa_cio.risk.reasons import ReasonCode
from tests.gates import House
from tests.governing import ANN, BOB, THOUGHT
from tests.policies import SIGNER

TOO_LARGE = (ReasonCode.NOTIONAL_ABOVE_MAX,)
CHARTER = Charter.model_validate({"bounds": {"max_order_notional_usd": 10_000}})
POLICY: dict[str, Any] = {
    "name": "test",
    "fund": {
        "max_order_notional_usd": "1000",
        "max_gross_exposure_usd": "50000",
        "min_confidence": "0.6",
        "max_intent_age_s": 60,
    },
}
LARGE = 0.1
"""A quantity of 5,000 USD, over the limit of one order."""


@dataclass
class Desk:
    """A house, and what people do about the orders that it denied."""

    house: House = field(default_factory=lambda: House(charter=CHARTER))
    recorded: list[Change] = field(default_factory=list)
    trouble: str | None = None

    def __post_init__(self) -> None:
        self.proposals = MemoryProposals()
        self.overrides = Overrides(
            self.proposals,
            self.house.states,
            self,
            self.tell,
            sign=partial(signed_override, fund="main", signer=SIGNER),
            fund="main",
            clock=self.house.now,
        )

    async def open(self) -> "Desk":
        await self.house.open()
        await self.house.activate(POLICY)
        return self

    async def tell(self, change: Change) -> str | None:
        if self.trouble is None:
            self.recorded.append(change)
        return self.trouble

    async def verdicts_called(self, name: str) -> list[bytes]:
        """Return what the gate journaled by this name."""
        return [
            line
            for line in self.house.journal.records
            if (record := orjson.loads(line))["kind"] == "verdict"
            and name in (record["decision_id"], record["intent"].get("stated_id"))
        ]

    async def sends(self, **fields: object) -> str:
        """Let the gate decide an intent; return its decision."""
        arrival = self.house.arrive(**fields)
        await self.house.gate().process([arrival])
        return arrival.decision_id

    async def proposed(
        self, author: Actor = ANN, lifts: tuple[ReasonCode, ...] = TOO_LARGE, **fields: object
    ) -> ConsideredOverride:
        """Let an order be denied, and somebody ask for an override."""
        denied = await self.sends(**{"quantity": LARGE} | fields)
        return await self.overrides.propose(author, denied, lifts=lifts, thought=THOUGHT)

    async def approved(self, **fields: object) -> ConsideredOverride:
        """Bring an override to the gate, by two people."""
        wanted = await self.proposed(ANN, TOO_LARGE, **fields)
        name = wanted.proposal.proposal_id
        found = await self.overrides.approve(BOB, name, reason="I looked")
        await self.house.feeds.refresh()
        return found

    @property
    def last(self) -> dict[str, Any]:
        """The verdict that the gate recorded last."""
        verdicts = [one for one in self.house.records if one["kind"] == "verdict"]
        found: dict[str, Any] = verdicts[-1]["verdict"]
        return found

    @property
    def refused(self) -> list[tuple[str, str]]:
        """Who was refused, and why, as it was recorded."""
        return [(one.author, one.reason) for one in self.recorded if one.subject == "refused"]
