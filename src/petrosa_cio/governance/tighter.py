"""The tighter of two revisions: what may come into force at once, as it loosens nothing."""

from datetime import datetime

from petrosa_cio.errors import PolicyRejected
from petrosa_cio.governance.documents import read_policy_document
from petrosa_cio.ports import PolicyRevision
from petrosa_cio.risk.meet import meet_documents
from petrosa_cio.risk.policy import PolicyDocument


def tighter_of(newest: PolicyRevision, earlier: PolicyRevision, now: datetime) -> PolicyDocument:
    """Return the tighter of a revision in force and an earlier one, limit by limit.

    Raises:
        PolicyRejected: One of them does not read, or what comes of it is no policy.
    """
    in_force, other = (read_policy_document(one.document.encode()) for one in (newest, earlier))
    try:
        return meet_documents(in_force, other, now, mark=f"-of-{earlier.revision}")
    except ValueError as error:
        raise PolicyRejected([f"the tighter of both is no policy: {error}"]) from error
