"""Finds what governed then: policies, charters and the venue's rules, by what a verdict names.

Each stands in the record as a change of its own, under an identity that can be worked out.
"""

from collections.abc import Awaitable, Callable
from typing import TypeVar

import orjson

from petrosa_cio.errors import PolicyRejected
from petrosa_cio.governance.desk import charter_change_id, policy_change_id
from petrosa_cio.governance.documents import read_charter_document, read_policy_document
from petrosa_cio.governance.venue_rules import unpack, venue_change_id
from petrosa_cio.risk.policy import Charter, PolicyDocument
from petrosa_cio.risk.venue import VenueRules

Document = TypeVar("Document")


class PastDocuments:
    """Reads documents from their changes, each once.

    Every method raises `Unavailable` when the record cannot be reached.
    """

    def __init__(self, find: Callable[[str], Awaitable[bytes | None]]) -> None:
        """Take what finds the record of a change by its identity."""
        self._find = find
        self._known: dict[str, object] = {}

    async def policy(self, fund: str, revision: int) -> PolicyDocument | None:
        """Return the policy of a revision; None where none is recorded that reads."""
        return await self._read(policy_change_id(fund, revision), _policy_of)

    async def charter(self, fund: str, charter_hash: str) -> Charter | None:
        """Return the charter of a hash; None where none is recorded that reads."""
        return await self._read(charter_change_id(fund, charter_hash), _charter_of)

    async def venue_rules(self, fund: str, content_hash: str) -> VenueRules | None:
        """Return the venue's rules of a hash; None where none are recorded that read."""
        return await self._read(venue_change_id(fund, content_hash), unpack)

    async def _read(self, change_id: str, read: Callable[[str], Document]) -> Document | None:
        if change_id not in self._known:
            self._known[change_id] = _document_in(await self._find(change_id), read)
        return self._known[change_id]  # type: ignore[return-value]  # by its own reader


def _document_in(record: bytes | None, read: Callable[[str], Document]) -> Document | None:
    if record is None:
        return None
    try:
        return read(orjson.loads(record)["change"]["value"])
    except (PolicyRejected, ValueError, KeyError, TypeError):
        return None


def _policy_of(value: str) -> PolicyDocument:
    return read_policy_document(value.encode())


def _charter_of(value: str) -> Charter:
    return read_charter_document(value.encode())
