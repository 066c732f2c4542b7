"""What live watchers hear of a verdict: enough to read along, nothing to decide by.

The subject says verdict and strategy, so that a watcher can ask the server for some of them only.
"""

from datetime import datetime
from decimal import Decimal

import orjson

from petrosa_cio.nurse.arrival import Answer
from petrosa_cio.nurse.decision import Decision
from petrosa_cio.risk.parse import Malformed
from petrosa_cio.risk.reasons import ReasonCode

VERDICTS = "cio.verdict.>"
"""Every verdict of every strategy."""

_CODES = frozenset(ReasonCode)


def verdict_event(one: Decision, answer: Answer, *, mode: str, at: datetime) -> bytes:
    """Return the event about one verdict, as JSON.

    Args:
        one: The decision.
        answer: What it came to; a denial where an approval lost the fence.
        mode: ``enforce`` or ``observe``.
        at: When the gate was done with it, aware UTC.
    """
    intent, verdict = one.draft.intent, one.verdict
    return orjson.dumps(
        {
            "decision_id": answer.decision_id,
            "at": at,
            "mode": mode,
            "strategy": intent.strategy,
            "symbol": intent.symbol,
            "action": None if isinstance(intent, Malformed) else intent.action,
            "verdict": answer.verdict,
            "codes": _codes(one, answer),
            "reasons": answer.reasons,
            "requested_quantity": _exact(verdict.requested_quantity),
            "quantity": answer.quantity,
            "price": _exact(verdict.price),
            "first_decision": answer.first_decision,
            "first_verdict": answer.first_verdict,
        }
    )


def _codes(one: Decision, answer: Answer) -> list[str]:
    if answer.verdict == one.verdict.kind:
        return [reason.code for reason in one.verdict.reasons]
    return [reason for reason in answer.reasons if reason in _CODES]  # withdrawn at the fence


def _exact(number: Decimal | None) -> str | None:
    return None if number is None else f"{number:f}"
