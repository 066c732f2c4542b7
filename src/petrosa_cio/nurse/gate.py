"""The gate: a batch of intents from arrival to signal.

The way of an intent, top to bottom in `Gate._decide` and `Gate._carry_out`:

1. *Draft*: read the message and assess it (pure).
2. *Reserve*: one atomic step of the ledger for the whole batch. It remembers each decision, so
   that a redelivery repeats the answer and never decides anew.
3. *Conclude*: the verdict, its record and its signal (pure).
4. *Journal*: the records, durably, before any effect.
5. *Fence*: a second atomic step of the ledger. Only its winner may publish, and only if neither a
   halt nor a tighter policy came in between.
6. *Publish*: each signal once.
7. *End*: answer, count, find out what became of the signals, acknowledge.

The last step is in `petrosa_cio.nurse.aftermath`. What can go wrong on the way has its own place:
`petrosa_cio.nurse.fallback` for batches that could not be decided, `petrosa_cio.nurse.loose_ends`
for messages that were here before.
"""

import asyncio
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from secrets import token_hex
from time import monotonic

import structlog
from msgspec.structs import replace

from petrosa_cio.audit.record import Deciding, DecisionParts, Provenance, RecordKind
from petrosa_cio.errors import LedgerLost, Unavailable
from petrosa_cio.governance.desk import STATE_UPDATED
from petrosa_cio.nurse.aftermath import Aftermath, Outcome, Sent
from petrosa_cio.nurse.arrival import Answer, Arrival
from petrosa_cio.nurse.decision import (
    Decision,
    Draft,
    conclude_draft,
    draft,
    fence_move,
    reserve_request,
    resumed,
    withdrawn_answer,
)
from petrosa_cio.nurse.endings import Endings
from petrosa_cio.nurse.fallback import Fallback
from petrosa_cio.nurse.loose_ends import BUSY_DELAY_S, LooseEnds, is_open
from petrosa_cio.nurse.shedder import Shedder
from petrosa_cio.nurse.tally import Tally
from petrosa_cio.nurse.tracing import trace_fields
from petrosa_cio.ports import (
    Announcer,
    Intake,
    Journal,
    Ledger,
    Move,
    Moved,
    MoveKind,
    SignalBus,
)
from petrosa_cio.risk.claims import DecisionState, Reserved
from petrosa_cio.risk.snapshot import Snapshot
from petrosa_cio.telemetry.steps import Step, StepTimes

log = structlog.get_logger()

FORGOTTEN = "the ledger lost its data before the signal could be sent"

FENCE_TRIES = 4
FENCE_PAUSE_S = 0.05

LONGEST_FENCE_S = 5.0
"""A signal is not sent when more time than this has passed since the fence was asked."""


@dataclass(frozen=True, slots=True)
class GateOptions:
    """How a gate behaves.

    Attributes:
        provenance: What is written on each record.
        signal_template: Subject of signals, with ``{strategy_id}`` for the strategy's token.
        enforces: False in observe mode: verdicts and records, but no signals and nothing held.
        max_intent_bytes: Longest message that is read.
    """

    provenance: Provenance
    signal_template: str
    enforces: bool
    max_intent_bytes: int

    @property
    def deciding(self) -> Deciding:
        """What decides besides message, policy and snapshot."""
        return Deciding(self.provenance.code_version, self.max_intent_bytes)


@dataclass(frozen=True, slots=True)
class World:
    """What a gate works with; see `petrosa_cio.ports` for what each does.

    ``snapshot`` returns the world at this moment, ``clock`` the time as aware UTC.
    """

    ledger: Ledger
    journal: Journal
    signals: SignalBus
    intake: Intake
    announcer: Announcer
    snapshot: Callable[[], Snapshot]
    clock: Callable[[], datetime]
    tally: Tally


class _PastTheFence(Exception):
    """A batch failed when its signals may have been out already: nothing may deny it any more."""


class Gate:
    """Decides batches. It holds nothing that matters: any replica can take over at any moment."""

    def __init__(self, options: GateOptions, world: World) -> None:
        """Take how to behave and what to work with."""
        self._options = options
        self._world = world
        self._shedder = Shedder(monotonic)
        self._endings = Endings(
            intake=world.intake,
            journal=world.journal,
            announcer=world.announcer,
            provenance=options.provenance,
            clock=world.clock,
            tally=world.tally,
        )
        self._aftermath = Aftermath(
            signals=world.signals, ledger=world.ledger, endings=self._endings, tally=world.tally
        )
        self._loose_ends = LooseEnds(ledger=world.ledger, endings=self._endings, tally=world.tally)
        self._fallback = Fallback(
            ledger=world.ledger,
            journal=world.journal,
            endings=self._endings,
            provenance=options.provenance,
            deciding=options.deciding,
            clock=world.clock,
        )

    async def process(
        self, arrivals: Sequence[Arrival], sent: Callable[[], None] = lambda: None
    ) -> None:
        """Bring a batch to its end, or give back what cannot be ended now. Never raises.

        Args:
            arrivals: The batch.
            sent: Called when its signals are on their way, so that the next may follow.
        """
        once = list({arrival.decision_id: arrival for arrival in arrivals}.values())
        try:
            await self._decide(once, sent)
        except _PastTheFence as failed:
            # Signals may be out: what comes again finds in the ledger how far it came.
            log.error("batch_not_ended", intents=len(once), error=repr(failed.__cause__))
            await self._endings.give_back(once, delay_s=BUSY_DELAY_S)
        except Unavailable as away:
            log.warning("dependency_away", dependency=away.dependency, detail=away.detail)
            self._world.tally.unavailable(away.dependency)
            await self._fallback.wait_or_deny(self._drafts(once))
        except Exception as error:
            log.exception("batch_failed", intents=len(once), **trace_fields(once))
            await self._suspect(once, error)

    async def sweep(self) -> None:
        """End what was left open: here for want of Redis, or at a door whose gate went down.

        Raises:
            Unavailable: A server is away; the rest is ended another time.
        """
        await self._aftermath.finish()
        await self._fallback.withdraw_denied()
        await self._loose_ends.sweep()

    async def _suspect(self, arrivals: Sequence[Arrival], error: Exception) -> None:
        """Retry each message of a failed batch alone; deny the one that fails alone."""
        if len(arrivals) > 1:
            for arrival in arrivals:
                await self.process([arrival])
            return
        try:
            await self._fallback.deny_suspect(arrivals[0], error, self._world.snapshot())
        except Exception:
            log.exception("suspect_not_denied", **trace_fields(arrivals))
            await self._endings.give_back(arrivals, delay_s=BUSY_DELAY_S)

    # --- 1 to 3: to the verdict ---------------------------------------------------------------

    async def _decide(self, arrivals: Sequence[Arrival], sent: Callable[[], None]) -> None:
        times, drafts = StepTimes(), self._drafts(arrivals)
        found = await times.of(Step.LEDGER, self._reserve(drafts))
        decisions = [
            self._conclude(one, found.get(one.arrival.decision_id))
            for one in drafts
            if is_open(found.get(one.arrival.decision_id))
        ]
        if decisions:
            await self._carry_out(decisions, times, sent)
        await self._loose_ends.tie_up(drafts, found)

    def _drafts(self, arrivals: Sequence[Arrival]) -> list[Draft]:
        parts = DecisionParts(self._world.snapshot(), self._options.deciding)
        return [draft(arrival, parts, shedder=self._shedder) for arrival in arrivals]

    async def _reserve(self, drafts: Sequence[Draft]) -> dict[str, Reserved]:
        requests = [
            reserve_request(one, holds=self._options.enforces)
            for one in drafts
            if one.assessment.asks_ledger
        ]
        reserved = await self._world.ledger.reserve(requests) if requests else []
        for request, found in zip(requests, reserved, strict=True):
            if found.state is DecisionState.NEW:
                self._shedder.note(request.rates, found.readings)
        return dict(zip((one.decision_id for one in requests), reserved, strict=True))

    def _conclude(self, one: Draft, reserved: Reserved | None) -> Decision:
        return conclude_draft(
            one if reserved is None else resumed(one, reserved),
            reserved,
            holds=self._options.enforces,
            provenance=self._options.provenance,
            signal_template=self._options.signal_template,
        )

    # --- 4 to 7: from the verdict to its effect -----------------------------------------------

    async def _carry_out(
        self, decisions: Sequence[Decision], times: StepTimes, sent: Callable[[], None]
    ) -> None:
        records, changes = [one.record for one in decisions], _changes(decisions)
        await times.of(Step.JOURNAL, self._world.journal.append([*records, *changes]))
        asked_at = monotonic()
        await self._tell_of_pauses(changes)
        to_fence = [one for one in decisions if one.draft.assessment.asks_ledger]
        fenced = await times.of(Step.FENCE, self._fence(to_fence))
        try:
            await self._follow_through(decisions, fenced, asked_at, times, sent)
        except Exception as error:
            raise _PastTheFence from error

    async def _tell_of_pauses(self, changes: Sequence[bytes]) -> None:
        """Let every replica hear at once of strategies that were paused; the fence knows anyway."""
        if changes:
            log.error("strategies_paused", pauses=len(changes), next_step="cio resume --strategy")
            await self._world.announcer.announce([(STATE_UPDATED, one) for one in changes])

    async def _follow_through(
        self,
        decisions: Sequence[Decision],
        fenced: Mapping[str, Moved],
        asked_at: float,
        times: StepTimes,
        sent: Callable[[], None],
    ) -> None:
        promoted = [one for one in decisions if _is_mine_to_send(one, fenced)]
        ended = [(one, _answer(one, fenced)) for one in decisions if not _is_elsewhere(one, fenced)]
        try:
            await times.of(Step.PUBLISH, self._publish(promoted, asked_at=asked_at))
        finally:  # a caller must not be told that nothing was promoted
            sent()
            self._endings.answer(ended, times)
        await self._aftermath.end(
            Sent(
                promoted=promoted,
                outcomes=[*_withdrawn(decisions, fenced), *_forgotten(decisions, fenced)],
                over=_withdrawn_calls(decisions, fenced),
                ended=ended,
                busy=[one.draft.arrival for one in decisions if _is_elsewhere(one, fenced)],
            )
        )

    async def _fence(self, decisions: Sequence[Decision]) -> dict[str, Moved]:
        """Take the decisions through the fence. From here on a caller waits for its verdict."""
        now = self._world.clock()
        moves = [fence_move(one, now=now) for one in decisions]
        for one, move in zip(decisions, moves, strict=True):
            door = one.draft.arrival.door
            if door and move.kind is not MoveKind.WITHDRAW:
                door.begun = True
        moved = await self._begin(moves)
        return dict(zip((move.decision_id for move in moves), moved, strict=True))

    async def _begin(self, moves: Sequence[Move]) -> list[Moved]:
        """Ask the fence; when no answer comes, ask again, for it may have been taken all the same.

        The owner's name is of this batch alone. Whoever finds it there again has won: the answer
        that said so got lost, and nobody else can have sent anything.
        """
        owner = f"{self._options.provenance.replica}#{token_hex(8)}"
        asked_at = monotonic()
        for _ in range(FENCE_TRIES - 1):
            try:
                return _told(await self._world.ledger.begin(moves, owner=owner), owner)
            except LedgerLost:
                raise
            except Unavailable as away:
                if monotonic() - asked_at > LONGEST_FENCE_S / 2:
                    raise
                log.warning("fence_asked_again", decisions=len(moves), detail=away.detail)
                await asyncio.sleep(FENCE_PAUSE_S)
        return _told(await self._world.ledger.begin(moves, owner=owner), owner)

    async def _publish(self, promoted: Sequence[Decision], *, asked_at: float) -> None:
        """Send each signal once, and never again whatever becomes of it.

        A process that stood still since it asked the fence does not send: much may have changed.
        """
        signals = [one.signal for one in promoted if one.signal]
        if signals:
            await self._world.signals.send(signals, until=asked_at + LONGEST_FENCE_S)


def _changes(decisions: Sequence[Decision]) -> list[bytes]:
    return [one.change for one in decisions if one.change]


def _told(moved: Sequence[Moved], owner: str) -> list[Moved]:
    """Return what the fence did, as one answer would have said had it not got lost."""
    return [replace(one, won=one.won or one.detail == owner) for one in moved]


def _is_mine_to_send(one: Decision, fenced: Mapping[str, Moved]) -> bool:
    moved = fenced.get(one.decision_id)
    return bool(one.signal and moved and moved.won and moved.state is DecisionState.BEGUN)


def _is_elsewhere(one: Decision, fenced: Mapping[str, Moved]) -> bool:
    """Return whether another replica is busy with this decision."""
    moved = fenced.get(one.decision_id)
    return bool(moved and not moved.won and moved.state is DecisionState.BEGUN)


def _withdrawn(decisions: Sequence[Decision], fenced: Mapping[str, Moved]) -> list[Outcome]:
    """Return the approvals that lost the fence, each with the reason."""
    return [
        (RecordKind.WITHDRAWAL, one.decision_id, fenced[one.decision_id].detail)
        for one in decisions
        if one.signal and _is_withdrawn(one, fenced)
    ]


def _forgotten(decisions: Sequence[Decision], fenced: Mapping[str, Moved]) -> list[Outcome]:
    """Return the approvals that the ledger lost between its grant and the fence."""
    return [
        (RecordKind.UNCONFIRMED, one.decision_id, FORGOTTEN)
        for one in decisions
        if one.signal and fenced[one.decision_id].state is DecisionState.NEW
    ]


def _withdrawn_calls(decisions: Sequence[Decision], fenced: Mapping[str, Moved]) -> list[Decision]:
    """Return what callers at the door asked for and was withdrawn: no redelivery ends it."""
    return [one for one in decisions if one.draft.arrival.door and _is_withdrawn(one, fenced)]


def _is_withdrawn(one: Decision, fenced: Mapping[str, Moved]) -> bool:
    moved = fenced.get(one.decision_id)
    return bool(moved and moved.state is DecisionState.WITHDRAWN)


def _answer(one: Decision, fenced: Mapping[str, Moved]) -> Answer:
    moved = fenced.get(one.decision_id)
    if one.signal and moved and moved.state is DecisionState.NEW:
        return withdrawn_answer(one, FORGOTTEN)
    if one.signal and _is_withdrawn(one, fenced):
        return withdrawn_answer(one, fenced[one.decision_id].detail)
    return one.answer
