"""What governed a verdict of the past: charter, policy and the venue's rules, as its record says.

Each document is looked for once, by what the record names it: a revision, or a hash. One that is
not found, or is not what the record names, is never replaced by another: it is said to be missing.
"""

from dataclasses import dataclass
from typing import Protocol

from petrosa_cio.audit.redecide import Governing
from petrosa_cio.audit.reread import Fields
from petrosa_cio.risk.in_force import InForce, PolicyBook, charter_in_force
from petrosa_cio.risk.policy import Charter, PolicyDocument, document_hash
from petrosa_cio.risk.venue import VenueRules


class Documents(Protocol):
    """What governed then. Every method raises `Unavailable` where that cannot be asked."""

    async def policy(self, fund: str, revision: int) -> PolicyDocument | None:
        """Return the policy of a revision, with its overlays; None where it is not known."""

    async def charter(self, fund: str, charter_hash: str) -> Charter | None:
        """Return the charter of a hash; None where it is not known."""

    async def venue_rules(self, fund: str, content_hash: str) -> VenueRules | None:
        """Return the venue's rules of a hash; None where they are not known."""


@dataclass(frozen=True, slots=True)
class GoverningThen:
    """What governed one verdict, or what of it is not at hand.

    Attributes:
        governing: What governed; None where something is missing.
        missing: What is not at hand, a sentence each.
    """

    governing: Governing | None
    missing: tuple[str, ...] = ()


class PastGoverning:
    """Finds what governed, verdict by verdict.

    Args:
        documents: Where policies, charters and venue's rules are found.
        instead: A policy that stands in the place of every policy then; None for those of then. A
            verdict that was given without any policy has none here either.
    """

    def __init__(self, documents: Documents, *, instead: PolicyDocument | None = None) -> None:
        self._documents = documents
        self._instead = instead
        self._books: dict[tuple[str, int, str], PolicyBook] = {}
        self._charters: dict[str, tuple[Charter, InForce]] = {}

    async def of(self, record: Fields) -> GoverningThen:
        """Return what governed a verdict.

        Args:
            record: The record of the verdict.

        Raises:
            Unavailable: The documents cannot be asked for.
            KeyError, TypeError: It is no complete record.
        """
        missing: list[str] = []
        fund, decision = str(record["fund"]), record["decision"]
        charter = await self._charter(fund, decision["charter_hash"], missing)
        rules = await self._rules(fund, decision["venue_rules_hash"], missing)
        book = await self._book(fund, decision, charter, missing)
        if missing or charter is None:
            return GoverningThen(None, tuple(missing))
        return GoverningThen(Governing(book, self._charters[decision["charter_hash"]][1], rules))

    async def _charter(
        self, fund: str, charter_hash: str | None, missing: list[str]
    ) -> Charter | None:
        if charter_hash is None:
            missing.append("the record names no charter")
            return None
        if charter_hash not in self._charters:
            charter = await self._documents.charter(fund, charter_hash)
            if charter is None or document_hash(charter) != charter_hash:
                missing.append(f"the charter with the hash {charter_hash} is in no record")
                return None
            self._charters[charter_hash] = charter, charter_in_force(charter)
        return self._charters[charter_hash][0]

    async def _rules(
        self, fund: str, rules_hash: str | None, missing: list[str]
    ) -> VenueRules | None:
        if rules_hash is None:
            return None
        rules = await self._documents.venue_rules(fund, rules_hash)
        if rules is None or rules.content_hash != rules_hash:
            missing.append(f"the venue's rules with the hash {rules_hash} are in no record")
        return rules

    async def _book(
        self, fund: str, decision: Fields, charter: Charter | None, missing: list[str]
    ) -> PolicyBook | None:
        revision, policy_hash = decision["policy_revision"], decision["policy_hash"]
        if revision is None:
            return None
        key = (policy_hash, revision, decision["charter_hash"])
        if key not in self._books:
            document = self._instead or await self._then(fund, revision, policy_hash, missing)
            if document is not None and charter is not None and not missing:
                self._books[key] = PolicyBook(document, charter, revision)
        return self._books.get(key)

    async def _then(
        self, fund: str, revision: int, policy_hash: str, missing: list[str]
    ) -> PolicyDocument | None:
        document = await self._documents.policy(fund, revision)
        if document is not None and document_hash(document) == policy_hash:
            return document
        found = "in no record" if document is None else "recorded with another hash"
        missing.append(f"policy revision {revision} ({policy_hash}) is {found}")
        return None
