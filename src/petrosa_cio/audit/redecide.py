"""Both halves of a decision made again from its record, with what governed then. Pure."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import orjson

from petrosa_cio.audit.record import Decided, DecisionParts, verdict_record
from petrosa_cio.audit.reread import (
    Fields,
    body_of,
    deciding_of,
    flood_of,
    provenance_of,
    readings_of,
    snapshot_of,
    source_of,
)
from petrosa_cio.risk.decide import assess, conclude, taken_at_of
from petrosa_cio.risk.identity import intent_digest, intent_identity
from petrosa_cio.risk.in_force import InForce, PolicyBook
from petrosa_cio.risk.intent import Intent
from petrosa_cio.risk.parse import Malformed, parse_intent
from petrosa_cio.risk.snapshot import Snapshot
from petrosa_cio.risk.unchecked import failed_on, shed
from petrosa_cio.risk.venue import VenueRules
from petrosa_cio.risk.verdict import Assessment


@dataclass(frozen=True, slots=True)
class Governing:
    """What governed one decision.

    Attributes:
        policy: The policy with its charter; None where there was none.
        charter_in_force: What is in force without a policy.
        venue_rules: What the venue asked of orders; None where nobody stated it.
    """

    policy: PolicyBook | None
    charter_in_force: InForce
    venue_rules: VenueRules | None


def is_cut(source: Fields) -> bool:
    """Return whether only the beginning of a message was kept."""
    return len(body_of(source)) < int(source["body_bytes"])


def is_too_long(record: Fields) -> bool:
    """Return whether the message was longer than any that is read: then its length decided."""
    longest = deciding_of(record["decision"]).max_intent_bytes
    return int(record["source"]["body_bytes"]) > longest


def decide_again(record: Fields, governing: Governing) -> bytes:
    """Return the record as it would be written if it were decided now.

    Raises:
        ValueError, KeyError, TypeError, ArithmeticError: It is no complete record.
    """
    kept, decision = record["source"], record["decision"]
    # Of a message that was too long to be read its length decided, and is all that is needed.
    body = body_of(kept).ljust(int(kept["body_bytes"])) if is_cut(kept) else body_of(kept)
    source, deciding = source_of(kept, body), deciding_of(decision)
    intent, assessment, snapshot = _assessed(record, governing, body)
    part = DecisionParts(snapshot, deciding).of(
        intent, assessment, flood=flood_of(decision), failure=decision.get("failure")
    )
    provenance, readings = provenance_of(record), readings_of(record["readings"])
    identity, digest = None, ""
    if isinstance(intent, Intent):
        identity, digest = intent_identity(intent), intent_digest(intent)
    decided = Decided(record["decision_id"], source, intent, part, identity, digest)
    verdict = conclude(assessment, readings, holds=provenance.mode == "enforce")
    again = verdict_record(decided, readings=readings, verdict=verdict, provenance=provenance)
    return _with_source(again, kept) if is_cut(kept) else again


def _assessed(
    record: Fields, governing: Governing, body: bytes
) -> tuple[Intent | Malformed, Assessment, Snapshot]:
    kept, decision = record["source"], record["decision"]
    failure, flood = decision.get("failure"), flood_of(decision)
    longest = deciding_of(decision).max_intent_bytes
    intent = parse_intent(body, kept["headers"], max_bytes=longest)
    if failure is not None:
        intent, assessment = failed_on(failure)
    snapshot = snapshot_of(
        decision, intent, policy=governing.policy, charter=governing.charter_in_force,
        venue_rules=governing.venue_rules,
    )  # fmt: skip
    if failure is not None:
        return intent, assessment, snapshot
    if flood is not None and isinstance(intent, Intent):
        try:
            return intent, shed(intent, snapshot, flood), snapshot
        except IndexError:  # no such rate is in force: it is decided in full, and differs
            pass
    taken_at = taken_at_of(intent, source_of(kept, body).stored_at)
    return intent, assess(intent, taken_at=taken_at, snapshot=snapshot), snapshot


def _with_source(again: bytes, kept: Mapping[str, Any]) -> bytes:
    """Return a record with what was kept of a message that was too long to be kept."""
    return orjson.dumps(orjson.loads(again) | {"source": kept})
