"""One intent's decision while it is being made: from arrival to verdict to signal.

These are plain steps on values. The gate calls them in order for a batch and does the waiting in
between.
"""

from datetime import UTC, datetime, timedelta
from time import monotonic_ns

from msgspec import Struct

from petrosa_cio.audit.record import (
    Change,
    Decided,
    DecisionParts,
    Provenance,
    assessment_from,
    change_record,
    verdict_record,
)
from petrosa_cio.fleet.tradeengine import (
    Promotion,
    signal_body,
    signal_headers,
    signal_subject,
    trace_parent,
)
from petrosa_cio.nurse.arrival import Answer, Arrival
from petrosa_cio.nurse.shedder import Shedder
from petrosa_cio.ports import Move, MoveKind, SignalMessage
from petrosa_cio.risk.claims import DecisionState, Readings, Reserved, ReserveRequest
from petrosa_cio.risk.decide import assess, conclude, taken_at_of
from petrosa_cio.risk.identity import intent_digest, intent_identity
from petrosa_cio.risk.intent import Intent
from petrosa_cio.risk.parse import Malformed, parse_intent, subject_token
from petrosa_cio.risk.reasons import ReasonCode
from petrosa_cio.risk.snapshot import Snapshot
from petrosa_cio.risk.trading_state import Scope, ScopeKind, TradingState
from petrosa_cio.risk.unchecked import rates_in_force, shed
from petrosa_cio.risk.verdict import Assessment, Verdict, VerdictKind

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


class Draft(Struct, frozen=True):
    """An arrival with what was assessed of it, before the ledger is asked.

    Attributes:
        arrival: The message.
        intent: What it says.
        taken_at: The older of the bot's and the stream's time.
        assessment: What was said of it without the ledger.
        part: The assessment as it is recorded.
        identity: Fingerprint of the bot's own id.
        digest: Fingerprint of what is wanted.
        read_ns: When it was begun to be read, to be assessed, and when that was done, in
            nanoseconds of the monotonic clock; zeros where it was neither.
    """

    arrival: Arrival
    intent: Intent | Malformed
    taken_at: datetime
    assessment: Assessment
    part: str
    identity: str | None
    digest: str
    read_ns: tuple[int, int, int] = (0, 0, 0)

    @property
    def understood(self) -> Intent:
        """The intent, where the message is one. Raises TypeError where it is none."""
        if isinstance(self.intent, Malformed):
            raise TypeError(f"no intent: {self.intent.problem}")
        return self.intent


class Decision(Struct, frozen=True):
    """A draft with its verdict, its record and, where it is promoted, its signal.

    ``readings`` are what the ledger read for it; None where it was not asked or gave no answer.
    ``change`` is the record of a pause, where the decision paused its strategy.
    """

    draft: Draft
    verdict: Verdict
    record: bytes
    signal: SignalMessage | None
    state: DecisionState = DecisionState.NEW
    readings: Readings | None = None
    change: bytes | None = None

    @property
    def decision_id(self) -> str:
        """The decision's identity."""
        return self.draft.arrival.decision_id

    @property
    def answer(self) -> Answer:
        """What a waiting caller is told."""
        quantity = self.verdict.quantity
        return Answer(
            decision_id=self.decision_id,
            verdict=self.verdict.kind,
            reasons=tuple(str(reason) for reason in self.verdict.reasons),
            quantity=None if quantity is None else f"{quantity:f}",
            first_decision=self.verdict.first_decision,
            first_verdict=self.verdict.first_verdict,
        )


def draft(arrival: Arrival, parts: DecisionParts, *, shedder: Shedder | None = None) -> Draft:
    """Read a message and assess it; one that is part of a flood is denied without a closer look.

    Args:
        arrival: The message.
        parts: Writes what was assessed; it knows under which snapshot and what decides besides.
        shedder: Tells floods; None where there is no telling.
    """
    source, snapshot, began_ns = arrival.source, parts.snapshot, monotonic_ns()
    longest = parts.deciding.max_intent_bytes
    intent = parse_intent(source.body, source.headers, max_bytes=longest)
    parsed_ns = monotonic_ns()
    taken_at, flood = taken_at_of(intent, source.stored_at), None
    if shedder is not None and isinstance(intent, Intent) and not _rates_lifted(intent, snapshot):
        flood = shedder.flood(rates_in_force(intent, snapshot))
    if flood is None or isinstance(intent, Malformed):
        assessment = assess(intent, taken_at=taken_at, snapshot=snapshot)
    else:
        assessment = shed(intent, snapshot, flood)
    identity, digest = None, ""
    if isinstance(intent, Intent):
        identity, digest = intent_identity(intent), intent_digest(intent)
    part = parts.of(intent, assessment, flood=flood)
    read_ns = (began_ns, parsed_ns, monotonic_ns())
    return Draft(arrival, intent, taken_at, assessment, part, identity, digest, read_ns)


def _rates_lifted(intent: Intent, snapshot: Snapshot) -> bool:
    """Return whether an override lifts rates for this very order: one order is no flood."""
    override = snapshot.override_for(intent) if snapshot.overrides else None
    return override is not None and ReasonCode.RATE_ABOVE_MAX in override.lifts


def reserve_request(one: Draft, *, holds: bool) -> ReserveRequest:
    """Return what a draft asks of the ledger."""
    intent = one.understood
    return ReserveRequest(
        decision_id=one.arrival.decision_id,
        taken_at_ms=one.arrival.stored_at_ms,
        identity=one.identity,
        digest=one.digest,
        strategy=intent.strategy,
        token=intent.token,
        hold=holds and not one.assessment.denies,
        claims=one.assessment.claims,
        rates=one.assessment.rates,
        resumable=one.part,
        from_door=one.arrival.door is not None,
        opposite=one.assessment.opposite,
        drift=one.assessment.drift,
        override_id=one.assessment.lifted.override_id if one.assessment.lifted else None,
    )


def resumed(one: Draft, reserved: Reserved) -> Draft:
    """Return the draft of the first attempt where the ledger remembers one, else the same."""
    if reserved.resumable is None or reserved.state is not DecisionState.RESERVED:
        return one
    assessment = assessment_from(reserved.resumable)
    return Draft(
        one.arrival, one.intent, one.taken_at, assessment, reserved.resumable, one.identity,
        one.digest, one.read_ns,
    )  # fmt: skip


def conclude_draft(
    one: Draft,
    reserved: Reserved | None,
    *,
    holds: bool,
    provenance: Provenance,
    signal_template: str,
) -> Decision:
    """Conclude a draft and make its record and, if it is promoted, its signal."""
    readings = reserved.readings if reserved else None
    verdict = conclude(one.assessment, readings, holds=holds)
    decided = Decided(
        one.arrival.decision_id, one.arrival.source, one.intent, one.part, one.identity, one.digest
    )
    record = verdict_record(decided, readings=readings, verdict=verdict, provenance=provenance)
    signal = _signal(one, verdict, signal_template) if verdict.is_promoted and holds else None
    state = reserved.state if reserved else DecisionState.NEW
    change = None
    if readings is not None and readings.paused:
        change = _pause_record(one, readings.time_ms, provenance)
    return Decision(one, verdict, record, signal, state, readings, change)


def _pause_record(one: Draft, at_ms: int, provenance: Provenance) -> bytes:
    """Return the record of a pause; however often it is written, its identity is the same."""
    decision_id = one.arrival.decision_id
    reason = f"{ReasonCode.REPEATED_EXECUTION} in decision {decision_id}"
    scope = Scope(ScopeKind.STRATEGY, one.understood.token)
    change = Change("trading_state", str(scope), TradingState.PAUSED, "gate", reason)
    at = EPOCH + timedelta(milliseconds=at_ms)
    return change_record(f"pause-{decision_id}", change, at=at, fund=provenance.fund)


def _signal(one: Draft, verdict: Verdict, template: str) -> SignalMessage:
    intent, revision = one.understood, one.assessment.policy_revision
    promotion = Promotion(one.arrival.decision_id, intent, verdict, one.taken_at, revision)
    parent = trace_parent(promotion)
    return SignalMessage(
        promotion.decision_id,
        signal_subject(template, intent.token),
        signal_headers(promotion, parent),
        signal_body(promotion, parent),
    )


def fence_move(one: Decision, *, now: datetime) -> Move:
    """Return the step a decision takes through the fence: promote, close, or withdraw."""
    intent, assessment = one.draft.intent, one.draft.assessment
    reason = _withdrawal_reason(one, now)
    kind = MoveKind.DENY if one.signal is None else MoveKind.PROMOTE
    return Move(
        decision_id=one.decision_id,
        taken_at_ms=one.draft.arrival.stored_at_ms,
        kind=MoveKind.WITHDRAW if reason else kind,
        verdict=one.verdict.kind,
        token=intent.token if isinstance(intent, Intent) else "",
        symbol=intent.symbol or "",
        is_exit=isinstance(intent, Intent) and intent.is_exit,
        halted_denies_exits=assessment.halted_denies_exits,
        policy_revision=assessment.policy_revision,
        reason=reason or "",
        forget_identity=reason == ReasonCode.DEADLINE_EXCEEDED,
    )


def _withdrawal_reason(one: Decision, now: datetime) -> ReasonCode | None:
    """Return why an approval may not be promoted any more, if so."""
    door, expires_at = one.draft.arrival.door, one.draft.assessment.expires_at
    if door is not None and door.abandoned:
        return ReasonCode.DEADLINE_EXCEEDED
    if one.signal is not None and expires_at is not None and now > expires_at:
        return ReasonCode.INTENT_STALE
    return None


def verdict_subject(one: Decision, answer: Answer) -> str:
    """Return the subject on which live watchers hear of a verdict."""
    intent = one.draft.intent
    if isinstance(intent, Intent):
        token = intent.token
    else:
        token = subject_token(intent.strategy) if intent.strategy else "unknown"
    return f"cio.verdict.{answer.verdict}.{token}"


def withdrawn_answer(one: Decision, reason: str) -> Answer:
    """Return what a waiting caller is told of an approval that lost the fence."""
    return Answer(one.decision_id, VerdictKind.DENY, (reason,))
