"""Records to decide again, with the records of what governed beside them."""

from collections.abc import Iterable, Mapping

import orjson

from petrosa_cio.audit.record import Change, change_record
from petrosa_cio.audit.replay import Replay
from petrosa_cio.governance.desk import charter_change_id, policy_change_id
from petrosa_cio.governance.past_documents import PastDocuments
from petrosa_cio.governance.venue_rules import pack, venue_change_id
from petrosa_cio.risk.policy import Charter, PolicyDocument, canonical_json, document_hash
from petrosa_cio.risk.venue import VenueRules
from tests.records import NOON

VERSION = "0.1.0"


def policy_change(document: PolicyDocument, revision: int) -> bytes:
    """Return the record of a policy."""
    change = Change("policy", str(revision), canonical_json(document).decode(), "ann", "test")
    return change_record(policy_change_id("main", revision), change, at=NOON, fund="main")


def charter_change(charter: Charter) -> bytes:
    """Return the record of a charter."""
    charter_hash = document_hash(charter)
    change = Change("charter", charter_hash, canonical_json(charter).decode(), "ann", "test")
    return change_record(charter_change_id("main", charter_hash), change, at=NOON, fund="main")


def venue_change(rules: VenueRules) -> bytes:
    """Return the record of the venue's rules."""
    change = Change("venue_rules", rules.content_hash, pack(rules), "files", "test")
    identity = venue_change_id("main", rules.content_hash)
    return change_record(identity, change, at=NOON, fund="main")


def documents_in(records: Iterable[bytes]) -> PastDocuments:
    """Return the documents that some records of changes hold."""
    known: Mapping[str, bytes] = {orjson.loads(one)["decision_id"]: one for one in records}

    async def find(change_id: str) -> bytes | None:
        return known.get(change_id)

    return PastDocuments(find)


def replay_with(*changes: bytes, code_version: str = VERSION) -> Replay:
    """Return what decides again by these changes."""
    return Replay(documents_in(changes), code_version=code_version)
