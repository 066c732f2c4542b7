"""Reads a verdict back from its record, for people who want to know what happened then."""

from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

import orjson

from petrosa_cio.audit.record import RecordKind
from petrosa_cio.audit.reread import body_of, override_from
from petrosa_cio.risk.intent import Intent
from petrosa_cio.risk.overrides import Override
from petrosa_cio.risk.parse import Malformed, parse_intent
from petrosa_cio.risk.reasons import Effect, Reason, ReasonCode
from petrosa_cio.risk.verdict import Verdict, VerdictKind


@dataclass(frozen=True, slots=True)
class RecordedVerdict:
    """A verdict as it was journaled.

    Attributes:
        decision_id: The decision.
        at: The moment of decision, ISO-8601.
        policy_revision: Revision under which it was decided; None without a policy.
        intent: What the message says, read again from its bytes.
        verdict: What was decided.
        override: The override that lifted limits for it, if one did.
    """

    decision_id: str
    at: str
    policy_revision: int | None
    intent: Intent | Malformed
    verdict: Verdict
    override: Override | None = None


def is_record(message: object) -> bool:
    """Return whether a JSON object is the record of a verdict, and no intent."""
    if not isinstance(message, Mapping):
        return False
    return message.get("kind") == RecordKind.VERDICT and "decision_id" in message


def read_recorded(message: Mapping[str, Any]) -> RecordedVerdict:
    """Return the verdict in a record, or in the trace that holds one as text.

    Raises:
        ValueError: It is no complete record.
    """
    try:
        record = orjson.loads(message["record"]) if "record" in message else message
        decision, source = record["decision"], record["source"]
        return RecordedVerdict(
            decision_id=str(record["decision_id"]),
            at=str(decision["now"]),
            policy_revision=decision["policy_revision"],
            intent=parse_intent(body_of(source), source["headers"]),
            verdict=verdict_of(record["verdict"]),
            override=(part := decision.get("override")) and override_from(part),
        )
    except (KeyError, TypeError, ArithmeticError) as error:
        raise ValueError(f"no complete record: {type(error).__name__} {error}") from error


def verdict_of(part: Mapping[str, Any]) -> Verdict:
    """Return the verdict that stands in a record."""
    return Verdict(
        kind=VerdictKind(part["kind"]),
        reasons=tuple(_reason(*fields) for fields in part["reasons"]),
        quantity=_number(part["quantity"]),
        requested_quantity=_number(part["requested_quantity"]),
        price=_number(part["price"]),
        first_decision=part["first_decision"],
        first_verdict=part["first_verdict"],
        override_id=part.get("override_id"),
        lifted=tuple(_reason(*fields) for fields in part.get("lifted", ())),
    )


def _reason(code: str, effect: str, *rest: Any) -> Reason:
    return Reason(ReasonCode(code), Effect(effect), *rest)


def _number(text: str | None) -> Decimal | None:
    return None if text is None else Decimal(text)
