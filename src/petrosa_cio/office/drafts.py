"""A change of policy as somebody states it: a whole document, or fields of the newest one."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any, Final

from petrosa_cio.errors import PolicyRejected
from petrosa_cio.governance.actors import Actor
from petrosa_cio.governance.documents import policy_document_of, read_policy_document
from petrosa_cio.governance.policy_text import with_fields, with_overlay
from petrosa_cio.ports import PolicyRevision
from petrosa_cio.risk.policy import PolicyDocument

LONGEST_OVERLAY: Final = timedelta(days=7)
SHORTEST_OVERLAY: Final = timedelta(minutes=1)
MOST_OF_A_NAME: Final = 40
MOST_OF_A_REASON: Final = 2_000


@dataclass(frozen=True, slots=True)
class Draft:
    """What somebody wants: one of document and fields.

    Attributes:
        document: A policy, or a document of ``policy`` and ``overlays``, as mappings.
        fields: Such as ``fund.max_order_notional_usd=500``; nothing behind the ``=`` takes it away.
        lasts: With fields: they become an overlay that ends after so long; None for ever.
    """

    document: Mapping[str, Any] | None = None
    fields: Sequence[str] = ()
    lasts: timedelta | None = None

    def made_of(
        self, newest: PolicyRevision, actor: Actor, thought: str, now: datetime
    ) -> PolicyDocument:
        """Return the document that is wanted, made of the newest revision.

        Raises:
            PolicyRejected: It is none, or says both or neither, with every problem.
        """
        if (self.document is None) == (not self.fields):
            raise PolicyRejected(["draft: state a document, or fields, and not both"])
        if self.document is not None:
            if self.lasts is not None:
                raise PolicyRejected(["draft: only fields can be for a time"])
            whole = self.document if "policy" in self.document else {"policy": self.document}
            return policy_document_of(_as_written(whole))
        if self.lasts is None:
            return with_fields(read_policy_document(newest.document.encode()), self.fields)
        return narrowed(newest, self.fields, self.lasts, actor, thought, now)


def narrowed(
    newest: PolicyRevision,
    fields: Sequence[str],
    span: timedelta,
    actor: Actor,
    thought: str,
    now: datetime,
) -> PolicyDocument:
    """Return the newest revision with an overlay of some fields that ends after a span of time.

    Raises:
        PolicyRejected: A field is none, or the span is too short or too long.
    """
    if not SHORTEST_OVERLAY <= span <= LONGEST_OVERLAY:
        raise PolicyRejected(["lasts: expected one minute to seven days"])
    return with_overlay(
        read_policy_document(newest.document.encode()),
        fields,
        overlay_id=f"{now:%Y%m%dT%H%M%SZ}-{actor.name[:MOST_OF_A_NAME]}",
        reason=thought[:MOST_OF_A_REASON],
        expires_at=(now + span).replace(microsecond=0),
    )


def _as_written(value: object) -> Any:
    """Return a document with its numbers as they were written, as a policy file has them."""
    if isinstance(value, Mapping):
        return {str(key): _as_written(one) for key, one in value.items()}
    if isinstance(value, list):
        return [_as_written(one) for one in value]
    return str(Decimal(repr(value))) if isinstance(value, float) else value
