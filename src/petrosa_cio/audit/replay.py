"""Decides again from the record, and proves that the same bytes come out.

From the record of a verdict its message is read anew, the world is put together as it was known
then, and both halves of the decision are made with the readings that the ledger gave then. Then the
record is written again: it must be the same, byte for byte. Where something is not at hand that
decided, nothing is said of the verdict but what is missing.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from enum import StrEnum
from typing import Protocol

import orjson

from petrosa_cio.audit.differences import Difference, differences
from petrosa_cio.audit.record import SCHEMA_VERSION, RecordKind
from petrosa_cio.audit.redecide import Governing, decide_again, is_cut, is_too_long
from petrosa_cio.audit.reread import Fields
from petrosa_cio.risk.in_force import InForce, PolicyBook, charter_in_force
from petrosa_cio.risk.policy import Charter, PolicyDocument, document_hash
from petrosa_cio.risk.venue import VenueRules

OTHERWISE_WRITTEN = Difference("record", "the same fields", "written in other bytes")


class Outcome(StrEnum):
    """What became of deciding again."""

    EQUAL = "equal"
    DIFFERENT = "different"
    IMPOSSIBLE = "cannot be decided again"


@dataclass(frozen=True, slots=True)
class Replayed:
    """One verdict, decided again.

    Attributes:
        decision_id: The decision; empty where the record names none.
        outcome: Equal, different, or impossible to say.
        differences: Every field that differs.
        missing: Why it cannot be decided again, a sentence each.
    """

    decision_id: str
    outcome: Outcome
    differences: tuple[Difference, ...] = ()
    missing: tuple[str, ...] = ()


class Documents(Protocol):
    """What governed then. Every method raises `Unavailable` where that cannot be asked."""

    async def policy(self, fund: str, revision: int) -> PolicyDocument | None:
        """Return the policy of a revision, with its overlays; None where it is not known."""

    async def charter(self, fund: str, charter_hash: str) -> Charter | None:
        """Return the charter of a hash; None where it is not known."""

    async def venue_rules(self, fund: str, content_hash: str) -> VenueRules | None:
        """Return the venue's rules of a hash; None where they are not known."""


class Replay:
    """Decides again, one record after the other."""

    def __init__(self, documents: Documents, *, code_version: str) -> None:
        """Take what governed then, and which version of the program decides now."""
        self._documents = documents
        self._code_version = code_version
        self._books: dict[tuple[str, int, str], PolicyBook] = {}
        self._charters: dict[str, tuple[Charter, InForce]] = {}

    async def replay(self, line: bytes) -> Replayed:
        """Decide the verdict of a record again. Raises Unavailable.

        Args:
            line: The record of a verdict, in the bytes in which it is kept.
        """
        try:
            record = orjson.loads(line)
        except orjson.JSONDecodeError as error:
            return _impossible("", [f"the record is not JSON: {error}"])
        decision_id = str(record.get("decision_id", "")) if isinstance(record, dict) else ""
        try:
            return await self._replay(decision_id, record, line)
        except (ValueError, KeyError, TypeError, AttributeError, ArithmeticError) as error:
            problem = f"the record is not complete: {type(error).__name__} {error}"
            return _impossible(decision_id, [problem])

    async def _replay(self, decision_id: str, record: Fields, line: bytes) -> Replayed:
        missing = list(_foreign(record, self._code_version))
        if missing:
            return _impossible(decision_id, missing)
        governing = await self._governing(record, missing)
        if governing is None:
            return _impossible(decision_id, missing)
        again = decide_again(record, governing)
        if again == line:
            return Replayed(decision_id, Outcome.EQUAL)
        found = tuple(differences(record, orjson.loads(again))) or (OTHERWISE_WRITTEN,)
        return Replayed(decision_id, Outcome.DIFFERENT, found)

    async def _governing(self, record: Fields, missing: list[str]) -> Governing | None:
        """Return what governed; None where something is not known, which is then named."""
        fund, decision = str(record["fund"]), record["decision"]
        charter = await self._charter(fund, decision["charter_hash"], missing)
        rules = await self._rules(fund, decision["venue_rules_hash"], missing)
        book = await self._book(fund, decision, charter, missing)
        if missing or charter is None:
            return None
        return Governing(book, self._charters[decision["charter_hash"]][1], rules)

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
            document = await self._documents.policy(fund, revision)
            if document is None or document_hash(document) != policy_hash:
                found = "in no record" if document is None else "recorded with another hash"
                missing.append(f"policy revision {revision} ({policy_hash}) is {found}")
            elif charter is not None and not missing:
                self._books[key] = PolicyBook(document, charter, revision)
        return self._books.get(key)


def _impossible(decision_id: str, missing: list[str]) -> Replayed:
    return Replayed(decision_id, Outcome.IMPOSSIBLE, missing=tuple(missing))


def _foreign(record: Fields, code_version: str) -> Iterator[str]:
    """Iterate over why this program cannot decide a record again, whatever governed."""
    if record["kind"] != RecordKind.VERDICT:
        yield f"it is the record of a {record['kind']}, not of a verdict"
        return
    if record["schema_version"] != SCHEMA_VERSION:
        yield f"its schema is {record['schema_version']}; this program knows {SCHEMA_VERSION}"
        return
    settings = record["decision"].get("settings")
    if settings is None:
        yield "it does not say by which settings it was decided: it is of an older program"
    versions = {record["code_version"], (settings or record)["code_version"]}
    for version in sorted(versions - {code_version}):
        yield f"it was decided by version {version}; this program is {code_version}"
    if settings and is_cut(record["source"]) and not is_too_long(record):
        yield f"only the beginning of its {record['source']['body_bytes']} bytes was kept"
