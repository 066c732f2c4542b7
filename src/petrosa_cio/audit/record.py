"""The schema of the record: everything needed to decide again, byte for byte.

One record is one JSON object. Its ``kind`` says what it tells: a ``verdict``, or what became of one
afterwards (``withdrawal``, ``undelivered``, ``unconfirmed``), or a ``change`` of what governs: the
policy, the charter, a trading state, a regime, the venue's rules, a legal hold. The first verdict
of a decision in journal order is *the* verdict; later ones are repetitions after a crash. Numbers
that decide are text, exact; times are ISO-8601 in UTC. The part ``decision`` is made before the
ledger is asked and is kept there while the decision is open, so that a redelivery repeats it
instead of deciding anew.

The module is longer than others, as what is written and what is read back stand side by side.
"""

from base64 import b64encode
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import datetime
from decimal import Decimal
from enum import StrEnum
from hashlib import sha256
from typing import Any

import msgspec
import orjson
from msgspec import Struct
from msgspec.structs import asdict as struct_fields
from msgspec.structs import astuple

from petrosa_cio.risk.claims import Claim, DriftClaim, OppositeClaim, RateClaim, Readings
from petrosa_cio.risk.intent import Direction, Intent
from petrosa_cio.risk.loss_text import losses_about, write_losses
from petrosa_cio.risk.overrides import Override
from petrosa_cio.risk.parse import Malformed
from petrosa_cio.risk.policy import ANY
from petrosa_cio.risk.reasons import Effect, Reason, ReasonCode
from petrosa_cio.risk.seen_exposure import seen_about
from petrosa_cio.risk.sizing import Size
from petrosa_cio.risk.snapshot import Snapshot
from petrosa_cio.risk.trading_state import TradingStates
from petrosa_cio.risk.unchecked import Flood
from petrosa_cio.risk.verdict import Assessment, Lifted, Verdict

SCHEMA_VERSION = 1

MAX_BODY_BYTES = 65_536
"""Longest raw body that is kept whole; of a longer one the beginning, the length and the hash."""

KEPT_OF_LONGER = 4_096


_WHERE_MEMBERS_STAND = 8

_as_json = msgspec.json.Encoder().encode


class RecordKind(StrEnum):
    """What a record tells."""

    VERDICT = "verdict"
    WITHDRAWAL = "withdrawal"
    UNDELIVERED = "undelivered"
    UNCONFIRMED = "unconfirmed"
    CHANGE = "change"


@dataclass(frozen=True, slots=True)
class Provenance:
    """Who decided: the same on every record of one process.

    Attributes:
        fund: The fund.
        replica: The gate process.
        mode: ``enforce`` or ``observe``.
        code_version: Version of this program.
        tzdata_version: Version of the time zone data.
    """

    fund: str
    replica: str
    mode: str
    code_version: str
    tzdata_version: str


class Source(Struct, frozen=True, gc=False):
    """The captured message, untouched.

    Attributes:
        subject: Where it was published.
        headers: Its headers.
        body: Its payload.
        stream: The stream that captured it; empty for the synchronous door.
        stream_created_ns: Creation time of that stream.
        sequence: Its number in the stream; 0 for the synchronous door.
        stored_at: When it was captured.
    """

    subject: str
    headers: dict[str, str]
    body: bytes
    stream: str
    stream_created_ns: int
    sequence: int
    stored_at: datetime


class Deciding(Struct, frozen=True, gc=False):
    """What decides besides message, policy, charter and snapshot.

    It is kept with the assessment, which another process of another version may come to conclude.

    Attributes:
        code_version: Version of the program that assesses.
        max_intent_bytes: Longest message that is read.
    """

    code_version: str
    max_intent_bytes: int


class DecisionParts:
    """Writes the part of the record that exists before the ledger is asked.

    Many decisions are made under one snapshot, so what it says to all of them is written once.

    Args:
        snapshot: What is known.
        deciding: What decides besides.
    """

    def __init__(self, snapshot: Snapshot, deciding: Deciding) -> None:
        self.snapshot = snapshot
        self.deciding = deciding
        self._head = _opened(_head_of(snapshot, deciding))
        self._slices: dict[tuple[str, str], bytes] = {}

    def of(
        self,
        intent: Intent | Malformed,
        assessment: Assessment,
        *,
        flood: Flood | None = None,
        failure: str | None = None,
    ) -> str:
        """Return the part of one decision, as JSON.

        Args:
            intent: What the message says.
            assessment: What was said of the intent.
            flood: Of which flood it is a part, where no check was run for that.
            failure: Name of the exception, where the gate itself failed on the message.
        """
        part: dict[str, object] = {"assessment": _assessment_of(assessment)}
        if flood is not None:
            part["flood"] = {"rate": flood.place, "tried": flood.tried}
        if failure is not None:
            part["failure"] = failure
        override = None if flood else _override_of(self.snapshot, intent)
        said = self._slice(intent, override)
        return b"".join((self._head, said, orjson.dumps(part)[1:])).decode()

    def _slice(self, intent: Intent | Malformed, override: Override | None) -> bytes:
        symbol = intent.symbol or ""
        token = intent.token if isinstance(intent, Intent) else ""
        if override is not None:
            return self._sliced(symbol, token, override)
        found = self._slices.get((symbol, token))
        if found is None:
            found = self._slices[symbol, token] = self._sliced(symbol, token, None)
        return found

    def _sliced(self, symbol: str, token: str, override: Override | None) -> bytes:
        said = {
            "override": None if override is None else struct_fields(override),
            "snapshot": _snapshot_slice(self.snapshot, symbol, token),
        }
        return _opened(said)[1:]


def _head_of(snapshot: Snapshot, deciding: Deciding) -> dict[str, object]:
    policy = snapshot.policy
    return {
        "now": snapshot.now,
        "settings": {
            "code_version": deciding.code_version,
            "max_intent_bytes": deciding.max_intent_bytes,
        },
        "policy_revision": policy.revision if policy else None,
        "policy_hash": policy.policy_hash if policy else None,
        "charter_hash": policy.charter_hash if policy else snapshot.charter_hash,
        "venue_rules_hash": snapshot.venue_rules.content_hash if snapshot.venue_rules else None,
    }


def _opened(fields: Mapping[str, object]) -> bytes:
    """Return the beginning of a JSON object, to which more fields are to be added."""
    return orjson.dumps(fields)[:-1] + b","


class Decided(Struct, frozen=True, gc=False):
    """What was decided about: the message, what it says, and what was said of it.

    Attributes:
        decision_id: Identity of the decision.
        source: The captured message.
        intent: What it says.
        part: The decision part, as `DecisionParts` made it.
        identity: Fingerprint of strategy and stated id, if it states one.
        digest: Fingerprint of what is wanted.
    """

    decision_id: str
    source: Source
    intent: Intent | Malformed
    part: str
    identity: str | None
    digest: str


def verdict_record(
    decided: Decided, *, readings: Readings | None, verdict: Verdict, provenance: Provenance
) -> bytes:
    """Return the record of a verdict, as JSON."""
    return orjson.dumps(
        {
            "schema_version": SCHEMA_VERSION,
            "kind": RecordKind.VERDICT,
            "decision_id": decided.decision_id,
            **_provenance(provenance),
            "intent": _intent_part(decided),
            "source": _source_part(decided.source),
            "decision": orjson.Fragment(decided.part),
            "readings": None if readings is None else _readings_part(readings),
            "verdict": _verdict_part(verdict),
        }
    )


def _readings_part(readings: Readings) -> dict[str, object]:
    return {
        "held": readings.held,
        "used": readings.used,
        "rates": readings.rates,
        "time_ms": readings.time_ms,
        "first_decision": readings.first_decision,
        "first_verdict": readings.first_verdict,
        "same_content": readings.same_content,
        "name_holder": readings.name_holder,
        "opponent": readings.opponent and astuple(readings.opponent),
        "prices": readings.prices,
        "paused": readings.paused,
        **({"override_used_by": readings.override_used_by} if readings.override_used_by else {}),
    }


def _verdict_part(verdict: Verdict) -> dict[str, object]:
    lifted: dict[str, object] = {}
    if verdict.override_id is not None:
        reasons = [_reason_of(reason) for reason in verdict.lifted]
        lifted = {"override_id": verdict.override_id, "lifted": reasons}
    return {
        "kind": verdict.kind,
        "reasons": [_reason_of(reason) for reason in verdict.reasons],
        "quantity": _exact(verdict.quantity),
        "requested_quantity": _exact(verdict.requested_quantity),
        "price": _exact(verdict.price),
        "first_decision": verdict.first_decision,
        "first_verdict": verdict.first_verdict,
        **lifted,
    }


def later_record(
    kind: RecordKind, decision_id: str, *, at: datetime, reason: str, provenance: Provenance
) -> bytes:
    """Return the record of what became of a verdict afterwards, as JSON."""
    return orjson.dumps(
        {
            "schema_version": SCHEMA_VERSION,
            "kind": kind,
            "decision_id": decision_id,
            **_provenance(provenance),
            "at": at,
            "reason": reason,
        }
    )


@dataclass(frozen=True, slots=True)
class Change:
    """A change of what governs.

    Attributes:
        subject: What was changed: ``policy``, ``charter``, ``trading_state``, ``regime`` (as
            observed), ``regime_override`` (as a person says), ``venue_rules``, or what may not be
            deleted: ``hold``, ``hold_release``; ``override`` lifts limits for one order. Besides,
            ``proposal``, ``proposal_step``, ``override_proposal``, ``override_step`` and ``token``
            say how it came to be, ``shadow`` and ``shadow_ending`` what was tried beside it, and
            ``refused`` that somebody tried what they may not; ``thought`` is what the Strategist
            made of a situation. ``fleet_setting`` is a change of a neighbour's settings that is
            about to be sent, ``fleet_outcome`` what became of it; ``admission`` is what the author
            of a strategy wants, which changes nothing; ``losses`` is what was lost, as it must
            survive.
        scope: Of what, such as ``fund`` or ``symbol:BTCUSDT``; for a policy its revision, for a
            charter, the venue's rules, a proposal, a shadow, an override and a thought their hash,
            for a hold its identity, for ``refused`` what was tried, for a neighbour's settings
            whose they are.
        value: What it is now; empty for a regime, an override or a hold that is no more.
        author: Who changed it.
        reason: Why; of a policy the thought behind it.
        signed: Of a policy or an override, what is signed as JSON text; else empty.
    """

    subject: str
    scope: str
    value: str
    author: str
    reason: str
    signed: str = ""


def change_record(change_id: str, change: Change, *, at: datetime, fund: str) -> bytes:
    """Return the record of a change, as JSON; ``change_id`` is its identity."""
    said = {name: value for name, value in asdict(change).items() if name != "signed" or value}
    return orjson.dumps(
        {
            "schema_version": SCHEMA_VERSION,
            "kind": RecordKind.CHANGE,
            "decision_id": change_id,
            "fund": fund,
            "at": at,
            "change": said,
        }
    )


def record_id(record: dict[str, object]) -> str:
    """Return the identity of a record: one verdict, and one of each later kind, a decision."""
    decision = str(record["decision_id"])
    return decision if record["kind"] == RecordKind.VERDICT else f"{decision}:{record['kind']}"


# --- parts -------------------------------------------------------------------------------------


def _provenance(provenance: Provenance) -> dict[str, object]:
    return {
        "fund": provenance.fund,
        "replica": provenance.replica,
        "mode": provenance.mode,
        "code_version": provenance.code_version,
        "tzdata_version": provenance.tzdata_version,
    }


def _intent_part(decided: Decided) -> dict[str, object]:
    intent = decided.intent
    part: dict[str, object] = {"strategy": intent.strategy, "symbol": intent.symbol}
    if isinstance(intent, Intent):
        part |= {
            "token": intent.token,
            "action": intent.action,
            "stated_id": intent.stated_id,
            "stated_at": intent.stated_at,
            "traceparent": intent.traceparent,
            "identity": decided.identity,
            "digest": decided.digest,
        }
    return part


def _source_part(source: Source) -> dict[str, object]:
    body = source.body if len(source.body) <= MAX_BODY_BYTES else source.body[:KEPT_OF_LONGER]
    return {
        "subject": source.subject[:512],
        "headers": {key[:128]: value[:1024] for key, value in list(source.headers.items())[:32]},
        "stream": source.stream,
        "stream_created_ns": source.stream_created_ns,
        "sequence": source.sequence,
        "stored_at": source.stored_at,
        "body_bytes": len(source.body),
        "body_sha256": sha256(source.body).hexdigest(),
        **_readable(body),
    }


def _readable(body: bytes) -> dict[str, object]:
    try:
        return {"body": body.decode("utf-8"), "body_encoding": "utf-8"}
    except UnicodeDecodeError:
        return {"body": b64encode(body).decode("ascii"), "body_encoding": "base64"}


def _snapshot_slice(snapshot: Snapshot, symbol: str, token: str) -> dict[str, object]:
    """Return what of the snapshot a decision about this symbol and strategy could see."""
    return {
        "policy_confirmed_at": snapshot.policy_confirmed_at,
        "policy_max_age_s": snapshot.policy_max_age_s,
        "policy_untrusted": snapshot.policy_untrusted,
        "trading_states": _states_slice(snapshot.trading_states, token, symbol),
        "regime": _regime_slice(snapshot, symbol),
        "reference_price": _price_slice(snapshot, symbol),
        "equity_usd": _exact(snapshot.equity_usd),
        **_losses_slice(snapshot, token),
        **({} if snapshot.portfolio is None else _portfolio_slice(snapshot, symbol, token)),
    }


def _portfolio_slice(snapshot: Snapshot, symbol: str, token: str) -> dict[str, object]:
    """Return what of the portfolio a decision could see; nothing where there is none."""
    portfolio = snapshot.portfolio
    if portfolio is None:
        return {}
    groups = snapshot.limits_for(ANY, symbol).limits.max_group_exposure_usd
    seen = seen_about(symbol, token, snapshot.seen, all_positions=groups is not None)
    return {
        "portfolio": {
            "observed_at": portfolio.observed_at,
            "source": portfolio.source,
            "equity_usd": _exact(portfolio.equity_usd),
            "tells_positions": portfolio.tells_positions,
            "seen": {counter: [one.units, one.beside] for counter, one in sorted(seen.items())},
        }
    }


def _losses_slice(snapshot: Snapshot, token: str) -> dict[str, object]:
    """Return what was lost by the fund and the strategy, where anybody counted."""
    if snapshot.losses is None:
        return {}
    return {"losses": orjson.Fragment(write_losses(losses_about(snapshot.losses, token)))}


def _override_of(snapshot: Snapshot, intent: Intent | Malformed) -> Override | None:
    """Return the override that counted for the order, where one did."""
    if not snapshot.overrides or not isinstance(intent, Intent):
        return None
    return snapshot.override_for(intent)


def _price_slice(snapshot: Snapshot, symbol: str) -> dict[str, object] | None:
    found = snapshot.reference_prices.get(symbol)
    if found is None:
        return None
    return {
        "price": _exact(found.price),
        "observed_at": found.observed_at,
        "source": found.source,
    }


def _states_slice(
    states: TradingStates | None, token: str, symbol: str
) -> dict[str, object] | None:
    if states is None:
        return None
    return {
        "fund": states.fund,
        "strategy": states.strategies.get(token),
        "symbol": states.symbols.get(symbol),
        "epoch": states.epoch,
    }


def _regime_slice(snapshot: Snapshot, symbol: str) -> dict[str, object] | None:
    """Return the regime that counted; only where it is an override it says when it expires."""
    found = snapshot.regime_in_force(symbol)
    if found is None:
        return None
    scope, regime = found
    counted: dict[str, object] = {
        "scope": scope,
        "name": regime.name,
        "confidence": _exact(regime.confidence),
        "observed_at": regime.observed_at,
        "source": regime.source,
    }
    return counted | ({"expires_at": regime.expires_at} if regime.is_override else {})


def _exact(number: Decimal | None) -> str | None:
    return None if number is None else str(number)


def _reason_of(reason: Reason) -> list[object]:
    return [
        reason.code, reason.effect, reason.limit, reason.observed, reason.scope, reason.entry,
        reason.would_pass,
    ]  # fmt: skip


def _assessment_of(assessment: Assessment) -> dict[str, object]:
    size = assessment.size
    return {
        "reasons": [_reason_of(reason) for reason in assessment.reasons],
        "size": size and [str(size.quantity), str(size.price), str(size.notional_usd), size.basis],
        "quantity": _exact(assessment.quantity),
        "claims": [_claim_of(claim) for claim in assessment.claims],
        "rates": orjson.Fragment(_as_json(assessment.rates)),
        "opposite": assessment.opposite and astuple(assessment.opposite),
        "drift": assessment.drift and astuple(assessment.drift),
        "expires_at": assessment.expires_at,
        "asks_ledger": assessment.asks_ledger,
        "halted_denies_exits": assessment.halted_denies_exits,
        "policy_revision": assessment.policy_revision,
        **({"lifted": _lifted_of(assessment.lifted)} if assessment.lifted else {}),
    }


def _lifted_of(lifted: Lifted) -> dict[str, object]:
    return {
        "override_id": lifted.override_id,
        "reasons": [_reason_of(reason) for reason in lifted.reasons],
        "claims": [_claim_of(claim) for claim in lifted.claims],
        "rates": [_rate_of(rate) for rate in lifted.rates],
    }


def _claim_of(claim: Claim) -> list[object]:
    """Return a claim as a list, without the end of it that says nothing."""
    said = [claim.code, claim.counter, claim.amount, claim.ceiling, claim.entry, claim.cut]
    if claim.beside or claim.floor or claim.members:
        said += [claim.beside, claim.floor]
    return [*said, claim.members] if claim.members else said


def booked_of(claims: Iterable[Sequence[Any]]) -> Iterator[tuple[str, int]]:
    """Iterate over what claims, as they stand in a record, book: counter and units."""
    for claim in claims:
        if len(claim) <= _WHERE_MEMBERS_STAND:
            yield claim[1], claim[2]


def _rate_of(rate: RateClaim) -> list[object]:
    return [
        rate.code, rate.counter, rate.ceiling, rate.window_ms, rate.entry, rate.of_held,
        rate.pauses,
    ]  # fmt: skip


# --- and back ----------------------------------------------------------------------------------


def assessment_from(decision: str) -> Assessment:
    """Return the assessment in a decision part. Inverse of what `DecisionParts` wrote."""
    part = orjson.loads(decision)["assessment"]
    size, quantity, expires_at = part["size"], part["quantity"], part["expires_at"]
    return Assessment(
        reasons=tuple(_reason_from(reason) for reason in part["reasons"]),
        size=size and Size(Decimal(size[0]), Decimal(size[1]), Decimal(size[2]), size[3]),
        quantity=None if quantity is None else Decimal(quantity),
        claims=tuple(_claim_from(claim) for claim in part["claims"]),
        rates=tuple(_rate_from(rate) for rate in part["rates"]),
        expires_at=None if expires_at is None else datetime.fromisoformat(expires_at),
        asks_ledger=part["asks_ledger"],
        halted_denies_exits=part["halted_denies_exits"],
        policy_revision=part["policy_revision"],
        # What an older version of the program left in the ledger has none of these.
        opposite=_opposite_from(part.get("opposite")),
        drift=(drift := part.get("drift")) and DriftClaim(*drift),
        lifted=(lifted := part.get("lifted")) and _lifted_from(lifted),
    )


def _lifted_from(stored: Mapping[str, Any]) -> Lifted:
    return Lifted(
        stored["override_id"],
        reasons=tuple(_reason_from(reason) for reason in stored["reasons"]),
        claims=tuple(_claim_from(claim) for claim in stored["claims"]),
        rates=tuple(_rate_from(rate) for rate in stored["rates"]),
    )


def _claim_from(stored: list[Any]) -> Claim:
    code, *rest = stored
    if len(stored) > _WHERE_MEMBERS_STAND:
        rest[-1] = tuple(rest[-1])
    return Claim(ReasonCode(code), *rest)


def _rate_from(stored: list[Any]) -> RateClaim:
    code, *rest = stored
    return RateClaim(ReasonCode(code), *rest)


def asked_of(part: Mapping[str, Any]) -> Assessment:
    """Return what an assessment asked of the ledger, and nothing else of it.

    Args:
        part: The assessment as it stands in a record. What its codes are is not looked at.
    """
    return Assessment(
        reasons=(),
        claims=tuple(_claim_from(claim) for claim in part["claims"]),
        rates=tuple(RateClaim(*rate) for rate in part["rates"]),
        opposite=_opposite_from(part.get("opposite")),
        drift=(drift := part.get("drift")) and DriftClaim(*drift),
    )


def _opposite_from(stored: list[Any] | None) -> OppositeClaim | None:
    if stored is None:
        return None
    symbol, direction, *rest = stored
    return OppositeClaim(symbol, Direction(direction), *rest)


def _reason_from(stored: list[str]) -> Reason:
    code, effect, limit, observed, scope, entry, would_pass = stored
    return Reason(ReasonCode(code), Effect(effect), limit, observed, scope, entry, would_pass)
