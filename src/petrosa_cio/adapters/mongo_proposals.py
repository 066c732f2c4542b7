"""Proposals in MongoDB, and what was done about them. They are inserted and found, never changed.

A proposal's place is its hash, and a step's place is proposal, kind and person: so nobody takes the
same step twice, and nothing that was approved can be exchanged under its name.
"""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, fields
from typing import Any

from pymongo import ASCENDING, DESCENDING
from pymongo.errors import DuplicateKeyError
from pymongo.read_concern import ReadConcern

from petrosa_cio.adapters.mongo_connection import MongoClient, reaching_mongo
from petrosa_cio.adapters.mongo_schema import APPROVALS, PROPOSALS
from petrosa_cio.ports import Proposal, ProposalStep, StepKind


class MongoProposals:
    """Holds the proposals of a fund.

    Args:
        client: From `petrosa_cio.adapters.mongo_connection.connect_mongo`.
        database: Name of the database.
        fund: The fund.
        collection: Where proposals are: of policies, or of overrides. Steps are in one place, as
            each names its proposal by its hash.
        timeout_s: Longest time a call may take.

    Every method raises `Unavailable` when MongoDB is away, slow or broken.
    """

    def __init__(
        self,
        client: MongoClient,
        database: str,
        fund: str,
        *,
        collection: str = PROPOSALS,
        timeout_s: float = 10.0,
    ) -> None:
        settled = client[database].with_options(read_concern=ReadConcern("majority"))
        self._proposals = settled[collection]
        self._approvals = settled[APPROVALS]
        self._fund = fund
        self._timeout_s = timeout_s

    async def propose(self, proposal: Proposal) -> bool:
        """Keep a proposal; return False if this very one is there."""
        stored = asdict(proposal)
        name = stored.pop("proposal_id")
        async with reaching_mongo(self._timeout_s):
            try:
                await self._proposals.insert_one({"_id": name, **stored})
            except DuplicateKeyError:
                return False
        return True

    async def proposals(self, *, called: str = "", limit: int = 50) -> list[Proposal]:
        """Return the proposals whose id begins so, the newest first."""
        wanted: dict[str, Any] = {"fund": self._fund}
        if called:
            # Every name is hexadecimal, so that none stands behind the one that ends in "g".
            wanted["_id"] = {"$gte": called, "$lt": f"{called}g"}
        async with reaching_mongo(self._timeout_s):
            found = self._proposals.find(wanted).sort([("at", DESCENDING), ("_id", DESCENDING)])
            return [_proposal(one) for one in await found.limit(limit).to_list(limit)]

    async def step(self, step: ProposalStep) -> bool:
        """Keep a step; return False if its author took this very step before."""
        name = f"{step.proposal_id}-{step.kind}-{step.author.casefold()}"
        stored = {**asdict(step), "fund": self._fund, "kind": step.kind.value}
        async with reaching_mongo(self._timeout_s):
            try:
                await self._approvals.insert_one({"_id": name, **stored})
            except DuplicateKeyError:
                return False
        return True

    async def steps(self, proposal_ids: Sequence[str]) -> list[ProposalStep]:
        """Return the steps of some proposals, the oldest first."""
        wanted = {"fund": self._fund, "proposal_id": {"$in": list(proposal_ids)}}
        async with reaching_mongo(self._timeout_s):
            found = await self._approvals.find(wanted).sort("at", ASCENDING).to_list(None)
        return [_step(one) for one in found]


def _proposal(stored: Mapping[str, Any]) -> Proposal:
    names = {one.name for one in fields(Proposal)} - {"proposal_id", "what_if"}
    kept = {name: stored[name] for name in names}
    # One of an older program has none.
    return Proposal(proposal_id=stored["_id"], what_if=stored.get("what_if", ""), **kept)


def _step(stored: Mapping[str, Any]) -> ProposalStep:
    kept = {one.name: stored[one.name] for one in fields(ProposalStep) if one.name != "kind"}
    return ProposalStep(kind=StepKind(stored["kind"]), **kept)
