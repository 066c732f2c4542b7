"""The ledger in memory: what `lua/` does in Redis, in plain Python.

For looking at a decision without servers, for what-if, and as the reference that the scripts are
compared with. One process and no waiting inside a step: so every step is atomic.
"""

import secrets
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from petrosa_cio.adapters.ledger_times import (
    BUCKET_MS,
    DOOR_ABANDONED_MS,
    DOOR_UNCONFIRMED_MS,
    SETTLED_BUCKET_MS,
)
from petrosa_cio.adapters.memory_holdings import Holdings
from petrosa_cio.adapters.memory_openings import Opening
from petrosa_cio.adapters.memory_recent import CONTENT, EXECUTIONS, INTENTS, Recent
from petrosa_cio.adapters.memory_state import MemoryStateStore
from petrosa_cio.adapters.memory_windows import Buckets
from petrosa_cio.errors import LedgerLost
from petrosa_cio.ports import LeftOpen, Move, Moved, MoveKind, Settlement, SettlementKind
from petrosa_cio.risk.claims import (
    DecisionState,
    Opponent,
    OppositeClaim,
    Readings,
    Reserved,
    ReserveRequest,
)
from petrosa_cio.risk.reasons import ReasonCode
from petrosa_cio.risk.repetition import BOTH_DENIED, loses_to
from petrosa_cio.risk.trading_state import TradingState

# Only a strategy can be paused: anything else would be halted.
_HALTED = {TradingState.HALTED, TradingState.PAUSED}

_OVER_AFTER_MS = {
    DecisionState.BEGUN: DOOR_UNCONFIRMED_MS,
    DecisionState.WITHDRAWN: DOOR_ABANDONED_MS,
}


@dataclass(slots=True)
class Decision:
    """A decision as the ledger remembers it; request and readings only while it is reserved."""

    request: ReserveRequest | None
    readings: Readings | None
    state: DecisionState
    detail: str
    since_ms: int
    verdict: str


@dataclass(frozen=True, slots=True)
class IdentityEntry:
    """Who holds an identity, and where that decision is kept."""

    decision_id: str
    taken_at_ms: int
    digest: str


class MemoryLedger:
    """Grants what is shared and limited, for one process and as long as it lives.

    Args:
        clock_ms: The ledger's clock, epoch milliseconds.
        states: Trading states and policy that the fence obeys.

    Every method but ``initialise`` raises `LedgerLost` until that was called.
    """

    def __init__(self, clock_ms: Callable[[], int], states: MemoryStateStore) -> None:
        self._clock_ms = clock_ms
        self._states = states
        self.generation: str | None = None
        self._decisions: Buckets[Decision] = Buckets(BUCKET_MS)
        self._identities: Buckets[IdentityEntry] = Buckets(BUCKET_MS)
        self._settled: Buckets[bool] = Buckets(SETTLED_BUCKET_MS)
        self._names: dict[str, str] = {}
        self._open_doors: dict[str, int] = {}
        self._ending_doors: dict[str, int] = {}
        self._recent = Recent(self._is_open)
        self._holdings = Holdings()

    async def initialise(self, *, fresh: bool) -> str:
        """Mark the ledger as trustworthy unless it is already, and return its generation.

        Args:
            fresh: True when the caller knows that there was no ledger before: the fund's trading
                state becomes ``active``, unless somebody has stated it.
        """
        if self.generation is None:
            self.generation = secrets.token_hex(8)
            if fresh:
                self._states.open_fund()
        return self.generation

    async def reserve(self, requests: Sequence[ReserveRequest]) -> list[Reserved]:
        """Ask for a batch, walked in order."""
        self._require_generation()
        now_ms = self._clock_ms()
        answers = [self._reserve(request, now_ms) for request in requests]
        self._recent.end_batch(now_ms=now_ms)
        return answers

    async def begin(self, moves: Sequence[Move], *, owner: str) -> list[Moved]:
        """Move decisions out of ``reserved``; only the winner of each may act on it."""
        self._require_generation()
        now_ms = self._clock_ms()
        return [self._begin(move, owner, now_ms) for move in moves]

    async def finish(self, moves: Sequence[Move], *, undelivered: frozenset[str]) -> None:
        """Mark begun decisions as done; release the reservations of undelivered ones."""
        self._require_generation()
        now_ms = self._clock_ms()
        for move in moves:
            decision = self._decisions.get(move.decision_id, at_ms=move.taken_at_ms, now_ms=now_ms)
            if decision is None or decision.state is not DecisionState.RESERVED:
                self._ending_doors.pop(move.decision_id, None)
            if decision is None:
                self._open_doors.pop(move.decision_id, None)
            if decision is None or decision.state is not DecisionState.BEGUN:
                continue
            if move.decision_id in undelivered:
                self._release(move.decision_id)
            _move(decision, DecisionState.DONE, decision.verdict, now_ms)

    async def settle(self, settlements: Sequence[Settlement]) -> list[bool]:
        """Apply execution outcomes; each answer tells whether it was applied (not seen before)."""
        self._require_generation()
        now_ms = self._clock_ms()
        return [self._settle(settlement, now_ms) for settlement in settlements]

    async def sweep(self) -> list[LeftOpen]:
        """Withdraw decisions of the door that were left open; return what nobody recorded."""
        self._require_generation()
        now_ms = self._clock_ms()
        return self._unrecorded_doors(now_ms) + self._withdraw_open_doors(now_ms)

    def _unrecorded_doors(self, now_ms: int) -> list[LeftOpen]:
        found = []
        for decision_id, taken_at_ms in list(self._ending_doors.items()):
            decision = self._decisions.get(decision_id, at_ms=taken_at_ms, now_ms=now_ms)
            if decision is None:  # it may have been sent, so that nothing is released
                found.append(LeftOpen(decision_id, taken_at_ms, DecisionState.BEGUN, ""))
            elif now_ms - decision.since_ms > _OVER_AFTER_MS[decision.state]:
                found.append(LeftOpen(decision_id, taken_at_ms, decision.state, decision.detail))
        return found

    def _withdraw_open_doors(self, now_ms: int) -> list[LeftOpen]:
        found = []
        for decision_id, taken_at_ms in list(self._open_doors.items()):
            decision = self._decisions.get(decision_id, at_ms=taken_at_ms, now_ms=now_ms)
            if decision is None:  # it never was begun
                self._release(decision_id)
                found.append(_never_begun(decision_id, taken_at_ms))
            elif now_ms - decision.since_ms > DOOR_ABANDONED_MS:
                self._forget_identity(decision_id, decision)
                self._withdraw(decision_id, decision, ReasonCode.DEADLINE_EXCEEDED, now_ms)
                self._move_door(decision_id, decision)
                found.append(LeftOpen(decision_id, taken_at_ms, decision.state, decision.detail))
        return found

    def _move_door(self, decision_id: str, decision: Decision) -> None:
        taken_at_ms = self._open_doors.pop(decision_id, None)
        if taken_at_ms is not None and decision.state is not DecisionState.DONE:
            self._ending_doors[decision_id] = taken_at_ms

    async def exposure(self) -> dict[str, int]:
        """Return units in use by counter, without those of which nothing is in use."""
        self._require_generation()
        return self._holdings.exposure()

    async def reservations(self) -> dict[str, int]:
        """Return the most units that each open decision holds of any counter, by decision id."""
        self._require_generation()
        return self._holdings.reservations()

    def _require_generation(self) -> None:
        if self.generation is None:
            raise LedgerLost

    # Asking

    def _reserve(self, request: ReserveRequest, now_ms: int) -> Reserved:
        known = self._decisions.get(request.decision_id, at_ms=request.taken_at_ms, now_ms=now_ms)
        if known is not None:
            return _answer(known, now_ms)
        readings = self._read(request, now_ms)
        if readings.held:
            self._take(request, now_ms)
        if request.identity is not None and readings.first_decision is None:
            entry = IdentityEntry(request.decision_id, request.taken_at_ms, request.digest)
            self._identities.put(request.identity, entry, at_ms=now_ms, now_ms=now_ms)
        if request.from_door:
            self._open_doors[request.decision_id] = request.taken_at_ms
        decision = Decision(request, readings, DecisionState.RESERVED, "", now_ms, "")
        self._decisions.put(request.decision_id, decision, at_ms=request.taken_at_ms, now_ms=now_ms)
        return Reserved(readings, DecisionState.NEW)

    def _read(self, request: ReserveRequest, now_ms: int) -> Readings:
        first, first_verdict = self._first_with(request, now_ms)
        holder = self._names.get(request.token, request.strategy)
        resumed_ms = self._states.resumed_ms(request.token)
        rates, full = self._recent.test_rates(request, since_ms=resumed_ms, now_ms=now_ms)
        used, fits = self._holdings.test(request.claims)
        prices, drifts = self._recent.test_price(request.drift, now_ms=now_ms)
        unique = first is None and holder == request.strategy
        in_time = not full & {INTENTS, CONTENT}
        used_by = self._states.other_user_of(request.override_id, request.decision_id)
        fine = request.hold and unique and in_time and fits and not drifts and used_by is None
        is_last = EXECUTIONS in full
        opponent, loses = self._test_opposites(request, now_ms, acts=fine and not is_last)
        return Readings(
            held=fine and not loses and not is_last,
            used=used,
            rates=rates,
            time_ms=now_ms,
            first_decision=None if first is None else first.decision_id,
            first_verdict=first_verdict,
            same_content=first is not None and first.digest == request.digest,
            name_holder=None if holder == request.strategy else holder,
            opponent=opponent,
            prices=prices,
            paused=fine and not loses and is_last and self._pause(request),
            override_used_by=used_by,
        )

    def _test_opposites(
        self, request: ReserveRequest, now_ms: int, *, acts: bool
    ) -> tuple[Opponent | None, bool]:
        """Return what stands against a request and whether it loses to that.

        With ``acts`` nothing else objects: then what it opposes is overruled where the rule says
        so. That stays ``reserved``, so that its verdict is still recorded; the fence withdraws it.
        """
        claim = request.opposite
        opponent = (
            None if claim is None else self._recent.openings.opponent_of(claim, now_ms=now_ms)
        )
        if claim is None or opponent is None:
            return None, False
        loses = loses_to(claim, opponent)
        if acts and not opponent.is_shut:
            if not loses or claim.rule == BOTH_DENIED:
                self._overrule(claim, now_ms)
            if claim.rule == BOTH_DENIED:
                self._recent.openings.shut(claim, request.decision_id, now_ms=now_ms)
        return opponent, loses

    def _overrule(self, claim: OppositeClaim, now_ms: int) -> None:
        for decision_id, taken_at_ms in self._recent.openings.to_overrule(claim, now_ms=now_ms):
            decision = self._decisions.get(decision_id, at_ms=taken_at_ms, now_ms=now_ms)
            if decision is not None and decision.state is DecisionState.RESERVED:
                self._release(decision_id)
                decision.detail = ReasonCode.SIGNAL_CONFLICT

    def _is_open(self, opening: Opening) -> bool:
        if opening.taken_at_ms is None:
            return False
        decision = self._decisions.get(
            opening.decision_id, at_ms=opening.taken_at_ms, now_ms=self._clock_ms()
        )
        return decision is not None and decision.state is DecisionState.RESERVED

    def _pause(self, request: ReserveRequest) -> bool:
        reason = f"{ReasonCode.REPEATED_EXECUTION} in decision {request.decision_id}"
        return self._states.pause(request.token, reason=reason)

    def _take(self, request: ReserveRequest, now_ms: int) -> None:
        # Should a decision have expired while it was open, what it held is not held twice.
        self._release(request.decision_id)
        takes_units = any(not claim.members for claim in request.claims)
        if self._recent.take(request, now_ms=now_ms) or takes_units:
            self._holdings.take(request.decision_id, request.claims)
        self._names[request.token] = request.strategy
        if request.override_id is not None:
            self._states.use_override(request.override_id, request.decision_id)

    def _release(self, decision_id: str) -> bool:
        """Give back all that a decision holds and return whether it held anything."""
        self._recent.give_back(decision_id, now_ms=self._clock_ms())
        return self._holdings.release(decision_id)

    def _first_with(self, request: ReserveRequest, now_ms: int) -> tuple[IdentityEntry | None, str]:
        if request.identity is None:
            return None, ""
        entry = self._identities.recent(request.identity, now_ms=now_ms)
        if entry is None or entry.decision_id == request.decision_id:
            return None, ""
        first = self._decisions.get(entry.decision_id, at_ms=entry.taken_at_ms, now_ms=now_ms)
        return entry, "" if first is None else first.verdict

    # Moving

    def _begin(self, move: Move, owner: str, now_ms: int) -> Moved:
        decision = self._decisions.get(move.decision_id, at_ms=move.taken_at_ms, now_ms=now_ms)
        if decision is None:
            return Moved(won=False, state=DecisionState.NEW, detail="")
        won = False
        if decision.state is DecisionState.RESERVED:
            won = self._step(decision, move, owner, now_ms)
            self._move_door(move.decision_id, decision)
        return Moved(won, decision.state, decision.detail)

    def _step(self, decision: Decision, move: Move, owner: str, now_ms: int) -> bool:
        if move.kind is MoveKind.WITHDRAW:
            if move.forget_identity:
                self._forget_identity(move.decision_id, decision)
            self._withdraw(move.decision_id, decision, move.reason, now_ms)
            return True
        objection = None
        if move.kind is MoveKind.PROMOTE:
            objection = decision.detail or self._objection(move)
        if objection is not None:
            self._withdraw(move.decision_id, decision, objection, now_ms)
            return False
        decision.verdict = move.verdict
        if move.kind is MoveKind.PROMOTE:
            _move(decision, DecisionState.BEGUN, owner, now_ms)
        else:
            self._release(move.decision_id)
            _move(decision, DecisionState.DONE, move.verdict, now_ms)
        return True

    def _objection(self, move: Move) -> ReasonCode | None:
        states = self._states.states_now
        strategy = states.strategies.get(move.token)
        found = (
            (ReasonCode.FUND_HALTED, states.fund or TradingState.HALTED, _HALTED),
            (ReasonCode.STRATEGY_HALTED, strategy, _HALTED - {TradingState.PAUSED}),
            (ReasonCode.SYMBOL_HALTED, states.symbols.get(move.symbol), _HALTED),
        )
        if not move.is_exit or move.halted_denies_exits:
            for code, state, halted in found:
                if state in halted:
                    return code
        if not move.is_exit and any(state is TradingState.REDUCING for _, state, _ in found):
            return ReasonCode.REDUCING_ONLY
        if not move.is_exit and strategy is TradingState.PAUSED:
            return ReasonCode.STRATEGY_PAUSED
        policy = self._states.policy_now
        if policy is None:
            return ReasonCode.POLICY_MISSING
        stale = policy.tightened_revision > move.policy_revision and not move.is_exit
        return ReasonCode.POLICY_STALE if stale else None

    def _withdraw(self, decision_id: str, decision: Decision, code: str, now_ms: int) -> None:
        self._release(decision_id)
        decision.verdict = "deny"
        _move(decision, DecisionState.WITHDRAWN, code, now_ms)

    def _forget_identity(self, decision_id: str, decision: Decision) -> None:
        request, made_ms = decision.request, decision.since_ms
        if request is None or request.identity is None:
            return
        entry = self._identities.get(request.identity, at_ms=made_ms, now_ms=self._clock_ms())
        if entry is not None and entry.decision_id == decision_id:
            self._identities.drop(request.identity, at_ms=made_ms)

    # Counting

    def _settle(self, settlement: Settlement, now_ms: int) -> bool:
        if self._settled.recent(settlement.event_key, now_ms=now_ms):
            return False
        self._settled.put(settlement.event_key, True, at_ms=now_ms, now_ms=now_ms)
        match settlement.kind:
            case SettlementKind.RELEASE:
                return self._release(settlement.decision_id)
            case SettlementKind.BOOK:
                self._recent.make_final(settlement.decision_id)
                return self._holdings.book(settlement.decision_id, settlement.units)
            case SettlementKind.REDUCE:
                self._holdings.reduce(settlement.counters, settlement.units)
                return True


def _never_begun(decision_id: str, taken_at_ms: int) -> LeftOpen:
    reason = ReasonCode.DEADLINE_EXCEEDED
    return LeftOpen(decision_id, taken_at_ms, DecisionState.WITHDRAWN, reason)


def _answer(decision: Decision, now_ms: int) -> Reserved:
    readings = decision.readings or Readings(held=False, used=(), rates=(), time_ms=now_ms)
    resumable = None if decision.request is None else decision.request.resumable
    return Reserved(readings, decision.state, resumable, decision.detail, decision.since_ms)


def _move(decision: Decision, state: DecisionState, detail: str, now_ms: int) -> None:
    """Out of ``reserved`` nobody resumes a decision or takes it back: only the answer is kept."""
    decision.request, decision.readings = None, None
    decision.state, decision.detail, decision.since_ms = state, detail, now_ms
