"""What was signed off: the signal of a decision, made again from its record.

A signal follows from its record alone, byte for byte, so nothing of it need be kept beside. Another
version of the program may write it otherwise; then its content is not compared.
"""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

import orjson

from petrosa_cio.audit.record import RecordKind
from petrosa_cio.audit.recorded import read_recorded
from petrosa_cio.audit.rogue import SignedOff
from petrosa_cio.audit.sources import KeptRecords
from petrosa_cio.audit.told import APPROVALS
from petrosa_cio.fleet.tradeengine import (
    Promotion,
    signal_body,
    signal_headers,
    signal_subject,
    trace_parent,
)
from petrosa_cio.ports import Kept, SignalMessage
from petrosa_cio.risk.intent import Intent


def signal_of(record: Mapping[str, Any], template: str) -> SignalMessage | None:
    """Return the signal that follows from the record of a verdict; None where none does.

    Args:
        record: The record.
        template: Subject of signals, with ``{strategy_id}`` for the strategy's token.

    Raises:
        ValueError: It is no complete record.
    """
    recorded = read_recorded(record)
    if not isinstance(recorded.intent, Intent) or recorded.verdict.kind not in APPROVALS:
        return None
    stored_at = datetime.fromisoformat(record["source"]["stored_at"])
    promotion = Promotion(
        decision_id=recorded.decision_id,
        intent=recorded.intent,
        verdict=recorded.verdict,
        taken_at=min(recorded.intent.stated_at or stored_at, stored_at),
        policy_revision=record["decision"]["assessment"]["policy_revision"],
    )
    parent = trace_parent(promotion)
    return SignalMessage(
        promotion.decision_id,
        signal_subject(template, recorded.intent.token),
        signal_headers(promotion, parent),
        signal_body(promotion, parent),
    )


class SignedOffSignals:
    """Tells what was signed off, from the record.

    Args:
        record: The record.
        template: Subject of signals.
        version: Version of this program; of records of another the content is not told.
    """

    def __init__(self, record: KeptRecords, template: str, *, version: str) -> None:
        self._record = record
        self._template = template
        self._version = version

    async def signed_off(self, decision_ids: Sequence[str]) -> Mapping[str, SignedOff]:
        """Return what the record says of some decisions. Raises Unavailable."""
        kept = await self._record.kept(decision_ids)
        records = await self._record.records_of(decision_ids)
        return {
            one: self._signed_off(kept[one], orjson.loads(text))
            for one, text in records.items()
            if one in kept
        }

    def _signed_off(self, kept: Kept, record: Mapping[str, Any]) -> SignedOff:
        is_ours = record["code_version"] == self._version
        return SignedOff(
            verdict=kept.verdict,
            sends=record["mode"] == "enforce",
            withdrawn=kept.has(RecordKind.WITHDRAWAL),
            journaled_at=kept.journaled_at or datetime.fromisoformat(record["decision"]["now"]),
            signal=signal_of(record, self._template) if is_ours else None,
        )
