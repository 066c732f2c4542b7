"""How a revision of the policy comes into being: checked, compared, signed, stored, in force.

The one way for everybody: command line, HTTP and agents. Who may do what is decided before, by
`petrosa_cio.governance.authority`; here it is only made sure that what comes into force is whole.
The insertion into MongoDB is the commit point: of two changes of one revision one is stored, and
what is stored goes into force, if need be by whoever looks next (`projection`).
"""

from collections.abc import Callable
from dataclasses import replace
from datetime import datetime

from petrosa_cio.audit.chain import whole_ms
from petrosa_cio.errors import Misconfigured, PolicyRejected, Problem, RevisionConflict, Unavailable
from petrosa_cio.governance.actors import Actor
from petrosa_cio.governance.documents import read_policy_document
from petrosa_cio.governance.projection import PolicyProjection
from petrosa_cio.governance.signing import PolicySigner, statement_of
from petrosa_cio.governance.thought import thought_problem
from petrosa_cio.ports import ChangedField, PolicyRevision, RevisionStore
from petrosa_cio.risk.compare import Comparison, FieldChange, compare_documents
from petrosa_cio.risk.policy import (
    Charter,
    Policy,
    PolicyDocument,
    canonical_json,
    document_hash,
    in_words,
)
from petrosa_cio.risk.policy_findings import Severity, policy_findings

FIRST = "first"
"""What the first revision is beside its parent, which it has not."""


class PolicyActivation:
    """Makes revisions of one fund's policy, each of the newest.

    Args:
        revisions: Where they are stored.
        projection: Brings them to the gates.
        signer: The key.
        charter: What no policy may be looser than.
        fund: The fund.
        clock: The time, aware UTC.
    """

    def __init__(
        self,
        revisions: RevisionStore,
        projection: PolicyProjection,
        signer: PolicySigner,
        charter: Charter,
        fund: str,
        clock: Callable[[], datetime],
    ) -> None:
        self._revisions = revisions
        self._projection = projection
        self._signer = signer
        self._charter = charter
        self._fund = fund
        self._clock = clock

    async def activate(
        self,
        document: PolicyDocument,
        *,
        parent: int,
        author: Actor,
        thought: str,
        content_of: int | None = None,
    ) -> PolicyRevision:
        """Make a document the next revision, and put it in force.

        Args:
            document: Policy and overlays.
            parent: The newest revision, as the author saw it; 0 for none.
            author: Who changes it.
            thought: Why: at least a hundred characters of text.
            content_of: The earlier revision whose content this is, where it goes back to one.

        Returns:
            The revision, which is in force.

        Raises:
            RevisionConflict: Another revision is the newest by now.
            PolicyRejected: The document, its thought or the newest revision is not as it must be.
            NotInForceYet: It is stored, and Redis went away: it goes into force by itself.
            Unavailable: MongoDB or Redis is away; where MongoDB did not answer the insertion, the
                revision may be stored all the same.
        """
        self._need_sound(document, thought)
        newest = await self._newest()
        if (newest.revision if newest else 0) != parent:
            raise RevisionConflict(parent, newest.revision if newest else 0)
        if content_of is not None:
            await self._need_same_content(document, content_of)
        await self._projection.in_step(newest)
        made = self._made(document, newest, author, thought, content_of)
        if not await self._added(made):
            raise RevisionConflict(parent, made.revision)
        await self._projection.bring(made)
        return made

    async def activate_first(self, policy: Policy, *, author: Actor, file: str) -> PolicyRevision:
        """Make the policy of a file the first revision, unless there is one; return the newest.

        Raises:
            Misconfigured: Redis holds another policy already, so MongoDB is not the right one.
            PolicyRejected, Unavailable: as `activate`.
        """
        newest = await self._newest()
        if newest is not None:
            return newest
        document = PolicyDocument(policy=policy)
        await self._need_no_other(document)
        thought = (
            f"The fund {self._fund} had no policy when the program was started, and nothing may be "
            f"traded without one. So the policy of a file became its first revision: {file}."
        )
        try:
            return await self.activate(document, parent=0, author=author, thought=thought)
        except RevisionConflict:
            return await self.activate_first(policy, author=author, file=file)

    async def _newest(self) -> PolicyRevision | None:
        """Return the newest revision, which is signed: changes are judged beside it."""
        newest = await self._revisions.newest()
        if newest is not None:
            self._projection.trusted(newest)
        return newest

    def _need_sound(self, document: PolicyDocument, thought: str) -> None:
        problem = thought_problem(thought)
        if problem is not None:
            raise PolicyRejected([problem])
        read_policy_document(canonical_json(document))
        found = policy_findings(document, self._charter, now=self._clock())
        wrong = [f"{one.path} {one.sentence}" for one in found if one.severity is Severity.ERROR]
        if wrong:
            raise PolicyRejected(wrong)

    async def _need_same_content(self, document: PolicyDocument, number: int) -> None:
        found = await self._revisions.revision(number)
        if found is None:
            raise PolicyRejected([f"there is no revision {number} to go back to"])
        if found.document_hash != document_hash(document):
            raise PolicyRejected([f"the document is not that of revision {number}"])

    async def _need_no_other(self, document: PolicyDocument) -> None:
        """Make sure that no policy governs already that MongoDB does not know of."""
        active = await self._projection.in_step(None)
        if active is None or (active.revision, active.document) == (1, canonical_json(document)):
            return
        message = f"it holds no policy of the fund {self._fund}, while Redis holds another one"
        mend = (
            "Name the database that has it. If it is from before policies were signed, let "
            "CIO_POLICY_FILE state the same."
        )
        raise Misconfigured([Problem("CIO_MONGO_DATABASE", message, mend)])

    def _made(
        self,
        document: PolicyDocument,
        parent: PolicyRevision | None,
        author: Actor,
        thought: str,
        content_of: int | None,
    ) -> PolicyRevision:
        at = self._clock()
        seen = _beside(parent, document, at)
        number = parent.revision + 1 if parent else 1
        tightened = number if parent is None or seen.tightens else parent.tightened_revision
        unsigned = PolicyRevision(
            fund=self._fund,
            revision=number,
            parent=number - 1,
            content_of=content_of,
            document=canonical_json(document).decode(),
            document_hash=document_hash(document),
            tightened_revision=tightened,
            author=author.name,
            role=author.role,
            thought=thought,
            change=seen.change if parent else FIRST,
            diff=tuple(map(_in_words, seen.changes)),
            at=whole_ms(at),
            key_id=self._signer.key_id,
        )
        return replace(unsigned, signature=self._signer.sign(statement_of(unsigned)))

    async def _added(self, made: PolicyRevision) -> bool:
        try:
            return await self._revisions.add(made)
        except Unavailable as away:
            detail = f"{away.detail}; whether revision {made.revision} is stored is not known"
            raise Unavailable(away.dependency, f"{detail}: see `cio policy history`") from away


def _beside(parent: PolicyRevision | None, document: PolicyDocument, at: datetime) -> Comparison:
    if parent is None:
        return Comparison(())
    return compare_documents(read_policy_document(parent.document.encode()), document, at)


def _in_words(one: FieldChange) -> ChangedField:
    old, new = ("" if value is None else in_words(value) for value in (one.old, one.new))
    return ChangedField(one.path, one.change, old, new)
