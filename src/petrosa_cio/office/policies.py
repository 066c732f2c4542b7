"""The policy for whoever asks by name and role: what governs, and what a draft would change."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta

from petrosa_cio.errors import NotFound
from petrosa_cio.fleet.regime_names import NAMES
from petrosa_cio.governance.actors import Actor
from petrosa_cio.governance.documents import read_policy_document
from petrosa_cio.governance.lifecycle import Considered, Lifecycle, Outcome
from petrosa_cio.office.drafts import Draft
from petrosa_cio.ports import PolicyRevision, RevisionStore
from petrosa_cio.risk.compare import Comparison, compare_documents
from petrosa_cio.risk.policy import Charter, PolicyDocument
from petrosa_cio.risk.policy_findings import PolicyFinding, Severity, policy_findings


@dataclass(frozen=True, slots=True)
class Checked:
    """A draft beside the newest revision.

    Attributes:
        newest: That revision.
        comparison: What the draft changes of it.
        errors: Why it may not govern.
        warnings: What else is to be said of it.
    """

    newest: PolicyRevision
    comparison: Comparison
    errors: tuple[PolicyFinding, ...]
    warnings: tuple[PolicyFinding, ...]


class Policies:
    """Shows policies, checks drafts, and changes what governs as far as whoever asks may.

    Every method raises `Unavailable` when MongoDB is away, and `NotFound` where there is no policy
    or no such revision.
    """

    def __init__(
        self,
        revisions: RevisionStore,
        lifecycle: Lifecycle,
        charter: Charter,
        clock: Callable[[], datetime],
    ) -> None:
        """Take every revision, what changes them, the charter and the clock."""
        self._revisions = revisions
        self._lifecycle = lifecycle
        self._clock = clock
        self.charter = charter

    @property
    def lifecycle(self) -> Lifecycle:
        """What proposes, approves, rejects and activates."""
        return self._lifecycle

    async def newest(self) -> PolicyRevision:
        """Return the newest revision."""
        found = await self._revisions.newest()
        if found is None:
            raise NotFound("no policy is in force yet: the first one comes with `cio run`")
        return found

    async def revision(self, number: int) -> PolicyRevision:
        """Return one revision."""
        found = await self._revisions.revision(number)
        if found is None:
            raise NotFound(f"there is no revision {number}")
        return found

    async def history(self, before: int | None, limit: int) -> list[PolicyRevision]:
        """Return revisions below one, the newest first."""
        return await self._revisions.history(before=before, limit=limit)

    async def compared(self, old: int, new: int) -> Comparison:
        """Return what one revision changes of another."""
        first, second = await self.revision(old), await self.revision(new)
        before, after = (read_policy_document(one.document.encode()) for one in (first, second))
        return compare_documents(before, after, self._clock())

    async def drafted(self, actor: Actor, draft: Draft) -> tuple[PolicyRevision, PolicyDocument]:
        """Return the newest revision and the document that a draft makes of it.

        Raises:
            PolicyRejected: The draft does not read.
        """
        newest = await self.newest()
        return newest, draft.made_of(newest, actor, "a draft", self._clock())

    async def checked(self, actor: Actor, draft: Draft) -> Checked:
        """Say everything that is wrong with a draft, and what it would change.

        Raises:
            PolicyRejected: The draft does not read.
        """
        newest, document = await self.drafted(actor, draft)
        now = self._clock()
        found = policy_findings(document, self.charter, now=now, known_regimes=NAMES)
        old = read_policy_document(newest.document.encode())
        return Checked(
            newest,
            compare_documents(old, document, now),
            tuple(one for one in found if one.severity is Severity.ERROR),
            tuple(one for one in found if one.severity is not Severity.ERROR),
        )

    async def propose(
        self,
        actor: Actor,
        draft: Draft,
        *,
        thought: str,
        parent: int | None,
        what_if: timedelta | None,
    ) -> Outcome:
        """Put a draft in force if it only tightens, else let it wait for approval.

        Args:
            actor: Who asks.
            draft: What is wanted.
            thought: Why.
            parent: The revision that it was made from; None for the newest one.
            what_if: How far back the what-if of a loosening looks; None for none.

        Raises:
            NotAllowed: They may not.
            ThoughtRejected: The thought is none.
            RevisionConflict: ``parent`` is not the newest revision.
            PolicyRejected: The draft does not read, may not govern, or changes nothing.
        """
        newest = await self.newest()
        document = draft.made_of(newest, actor, thought, self._clock())
        made_from = newest.revision if parent is None else parent
        return await self._lifecycle.propose(
            actor, document, parent=made_from, thought=thought, what_if=what_if
        )

    async def proposal(self, called: str) -> tuple[Considered, Comparison]:
        """Return one proposal, and what it changes of the revision that it was made from."""
        found = await self._lifecycle.look_up(called)
        document = read_policy_document(found.proposal.document.encode())
        return found, await self._lifecycle.beside(found.proposal.parent, document)
