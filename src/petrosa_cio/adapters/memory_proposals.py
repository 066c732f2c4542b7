"""Proposals and tokens in memory, for tests and for trying out: as MongoDB would hold them."""

from collections.abc import Sequence

from petrosa_cio.ports import Proposal, ProposalStep, Revocation, TokenEntry


class MemoryProposals:
    """Holds proposals and what was done about them, as long as the program runs."""

    def __init__(self) -> None:
        self._proposals: dict[str, Proposal] = {}
        self._steps: dict[tuple[str, str, str], ProposalStep] = {}

    async def propose(self, proposal: Proposal) -> bool:
        """Keep a proposal; return False if this very one is there."""
        return self._proposals.setdefault(proposal.proposal_id, proposal) is proposal

    async def proposals(self, *, called: str = "", limit: int = 50) -> list[Proposal]:
        """Return the proposals whose id begins so, the newest first."""
        found = [one for name, one in self._proposals.items() if name.startswith(called)]
        return sorted(found, key=lambda one: (one.at, one.proposal_id), reverse=True)[:limit]

    async def step(self, step: ProposalStep) -> bool:
        """Keep a step; return False if its author took this very step before."""
        key = (step.proposal_id, step.kind, step.author.casefold())
        return self._steps.setdefault(key, step) is step

    async def steps(self, proposal_ids: Sequence[str]) -> list[ProposalStep]:
        """Return the steps of some proposals, the oldest first."""
        found = [one for one in self._steps.values() if one.proposal_id in proposal_ids]
        return sorted(found, key=lambda one: one.at)


class MemoryTokens:
    """Holds the tokens of a fund, as long as the program runs."""

    def __init__(self) -> None:
        self._tokens: dict[str, TokenEntry] = {}
        self._revocations: dict[str, Revocation] = {}

    async def add_token(self, entry: TokenEntry) -> bool:
        """Keep a token; return False if one of that short name is there."""
        return self._tokens.setdefault(entry.token_id, entry) is entry

    async def token(self, token_id: str) -> TokenEntry | None:
        """Return what is kept of a token, or None."""
        return self._tokens.get(token_id)

    async def tokens(self) -> list[TokenEntry]:
        """Return every token, the oldest first."""
        return sorted(self._tokens.values(), key=lambda one: (one.made_at, one.token_id))

    async def revoke(self, revocation: Revocation) -> bool:
        """Keep a revocation; return False if it was revoked before."""
        return self._revocations.setdefault(revocation.token_id, revocation) is revocation

    async def revocations(self) -> dict[str, Revocation]:
        """Return every revocation by the short name of its token."""
        return dict(self._revocations)
