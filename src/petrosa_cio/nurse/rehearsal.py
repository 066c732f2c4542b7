"""Decides recorded intents without any server, at the time at which they were sent.

The steps are the gate's own: draft, reserve, conclude, fence. Time is simulated and follows the
recording, and intents that were sent at the same moment are decided as one batch. Nothing is sent
and nobody fills: what is approved stays open, unless it is said after which time it closes.
"""

from collections import deque
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from decimal import Decimal
from itertools import groupby
from operator import attrgetter
from typing import NamedTuple

from petrosa_cio import __version__
from petrosa_cio.audit.record import (
    Deciding,
    DecisionParts,
    Provenance,
    RecordKind,
    Source,
    later_record,
)
from petrosa_cio.fleet.recordings import RecordedIntent
from petrosa_cio.nurse.arrival import Arrival, epoch_ms
from petrosa_cio.nurse.decision import (
    Decision,
    Draft,
    conclude_draft,
    draft,
    fence_move,
    reserve_request,
)
from petrosa_cio.ports import Ledger, Move, Moved, PastVerdict, Settlement, SettlementKind
from petrosa_cio.risk.claims import Claim, DecisionState
from petrosa_cio.risk.identity import decision_id
from petrosa_cio.risk.in_force import PolicyBook, charter_in_force
from petrosa_cio.risk.policy import Charter, PolicyDocument
from petrosa_cio.risk.snapshot import ANY_SYMBOL, ReferencePrice, Regime, Snapshot
from petrosa_cio.risk.trading_state import TradingState, TradingStates
from petrosa_cio.risk.verdict import VerdictKind

BATCH_MAX = 256

FUND = "rehearsal"
"""The fund that every rehearsal is of."""

_PROVENANCE = Provenance(FUND, "rehearsal", "enforce", __version__, "")
_SUBJECT = "signals.trading.{strategy_id}"


@dataclass(slots=True)
class SimulatedClock:
    """A clock that stands where the recording is. It never goes back."""

    now: datetime

    def move_to(self, moment: datetime | None) -> None:
        """Go on to a moment, unless it is past or not known."""
        if moment is not None and moment > self.now:
            self.now = moment

    def epoch_ms(self) -> int:
        """Return the time in epoch milliseconds."""
        return epoch_ms(self.now)


@dataclass(frozen=True, slots=True)
class Scene:
    """The world that the intents meet: the fund is active, and this is all that is known.

    Attributes:
        document: The policy.
        charter: Its charter.
        max_bytes: Longest message that is read.
        prices_at: The market's prices of some symbols at a moment, of those that have one.
        regime: The market regime of all symbols, by name.
        equity_usd: The fund's equity.
        closes_after: How long a position stays open; None for ever.
    """

    document: PolicyDocument
    charter: Charter
    max_bytes: int
    prices_at: Callable[[Iterable[str], datetime], Mapping[str, Decimal]] = lambda _, __: {}
    regime: str | None = None
    equity_usd: Decimal | None = None
    closes_after: timedelta | None = None
    book: PolicyBook = field(init=False)

    def __post_init__(self) -> None:
        """Get the policy ready to be asked, as the first revision of its store."""
        object.__setattr__(self, "book", PolicyBook(self.document, self.charter, revision=1))

    def snapshot(self, symbols: Iterable[str], now: datetime) -> Snapshot:
        """Return the world at a moment, as far as intents for these symbols can see it."""
        regime = Regime(self.regime, Decimal(1), now, "rehearsal") if self.regime else None
        return Snapshot(
            now=now,
            policy=self.book,
            charter_in_force=charter_in_force(self.charter),
            policy_confirmed_at=now,
            trading_states=TradingStates(TradingState.ACTIVE),
            regimes={ANY_SYMBOL: regime} if regime else {},
            reference_prices={
                symbol: ReferencePrice(price, now, "rehearsal")
                for symbol, price in self.prices_at(symbols, now).items()
            },
            equity_usd=self.equity_usd,
        )


class Batch(NamedTuple):
    """Intents that were sent at the same moment; None where nobody knows when."""

    sent_at: datetime | None
    intents: list[RecordedIntent]


def at_once(recorded: Iterable[RecordedIntent]) -> Iterator[Batch]:
    """Iterate over intents, in their order, by those that were sent at the same moment."""
    for sent_at, together in groupby(recorded, key=attrgetter("sent_at")):
        intents = list(together)
        for first in range(0, len(intents), BATCH_MAX):
            yield Batch(sent_at, intents[first : first + BATCH_MAX])


class Rehearsal:
    """A gate without servers.

    Args:
        scene: What the intents meet.
        ledger: What is shared; on this very clock, with the policy as its first revision.
        clock: The simulated time.
    """

    def __init__(self, scene: Scene, ledger: Ledger, clock: SimulatedClock) -> None:
        self._scene = scene
        self._ledger = ledger
        self._clock = clock
        self._sequence = 0
        self._open: deque[tuple[datetime, str, tuple[Claim, ...]]] = deque()

    async def decide(self, batch: Batch) -> list[PastVerdict]:
        """Decide intents that were sent at the same moment, and return their verdicts."""
        decisions, moved = await self._decide(batch)
        return [self._verdict(one, moved.get(one.decision_id)) for one in decisions]

    def meet(self, scene: Scene) -> None:
        """Let the intents meet another world from now on, as after a change of policy."""
        self._scene = scene

    async def decide_and_send(self, batch: Batch) -> tuple[list[PastVerdict], list[Decision]]:
        """Decide as `decide` does; return the verdicts, and the decisions that would be sent."""
        decisions, moved = await self._decide(batch)
        sent = [
            one
            for one in decisions
            if one.signal and moved[one.decision_id].state is DecisionState.BEGUN
        ]
        return [self._verdict(one, moved.get(one.decision_id)) for one in decisions], sent

    async def close(self, decisions: Iterable[Decision]) -> None:
        """Take off what positions had taken that were opened by these and are closed now."""
        closed = [
            _closing(one.decision_id, claim)
            for one in decisions
            for claim in one.draft.assessment.claims
        ]
        if closed:
            await self._ledger.settle(closed)

    async def record(self, batch: Batch) -> list[bytes]:
        """Decide intents that were sent at the same moment, and return what a gate would record.

        These are the verdicts, and the approvals that were withdrawn before they were sent.
        """
        decisions, moved = await self._decide(batch)
        withdrawn = [
            later_record(
                RecordKind.WITHDRAWAL, one.decision_id, at=self._clock.now, provenance=_PROVENANCE,
                reason=moved[one.decision_id].detail,
            )
            for one in decisions
            if one.signal and moved[one.decision_id].state is DecisionState.WITHDRAWN
        ]  # fmt: skip
        return [*(one.record for one in decisions), *withdrawn]

    async def _decide(self, batch: Batch) -> tuple[list[Decision], dict[str, Moved]]:
        self._clock.move_to(batch.sent_at)
        await self._close_positions()
        decisions = await self._concluded(self._drafts(batch.intents))
        moved = await self._fenced(decisions)
        self._note_positions(decisions, moved)
        return decisions, moved

    def _drafts(self, intents: Sequence[RecordedIntent]) -> list[Draft]:
        now = self._clock.now
        symbols = {str(one.payload.get("symbol")).upper() for one in intents}
        snapshot = self._scene.snapshot(symbols, now)
        parts = DecisionParts(snapshot, Deciding(__version__, self._scene.max_bytes))
        return [draft(self._arrival(one), parts) for one in intents]

    def _arrival(self, one: RecordedIntent) -> Arrival:
        self._sequence += 1
        now, number = self._clock.now, self._sequence
        source = Source(one.subject, {}, one.body(at=now), "rehearsal", 0, number, now)
        return Arrival(decision_id("rehearsal", "rehearsal", 0, number, now), source)

    async def _concluded(self, drafts: Sequence[Draft]) -> list[Decision]:
        asking = [one for one in drafts if one.assessment.asks_ledger]
        reserved = await self._ledger.reserve([reserve_request(one, holds=True) for one in asking])
        by_id = {
            one.arrival.decision_id: found for one, found in zip(asking, reserved, strict=True)
        }
        return [
            conclude_draft(
                one, by_id.get(one.arrival.decision_id),
                holds=True, provenance=_PROVENANCE, signal_template=_SUBJECT,
            )
            for one in drafts
        ]  # fmt: skip

    async def _fenced(self, decisions: Sequence[Decision]) -> dict[str, Moved]:
        """Take decisions through the fence, and let the engine have heard what was promoted."""
        moves: list[Move] = [
            fence_move(one, now=self._clock.now)
            for one in decisions
            if one.draft.assessment.asks_ledger
        ]
        moved = await self._ledger.begin(moves, owner="rehearsal")
        await self._ledger.finish(moves, undelivered=frozenset())
        return {move.decision_id: found for move, found in zip(moves, moved, strict=True)}

    def _verdict(self, one: Decision, moved: Moved | None) -> PastVerdict:
        intent, verdict = one.draft.intent, one.verdict
        kind: str = verdict.kind
        codes: tuple[str, ...] = tuple(str(reason.code) for reason in verdict.reasons)
        if verdict.is_promoted and moved and moved.state is DecisionState.WITHDRAWN:
            kind, codes = VerdictKind.DENY, (moved.detail,)
        return PastVerdict(self._clock.now, intent.strategy, intent.symbol, str(kind), codes)

    # Positions

    def _note_positions(self, decisions: Sequence[Decision], moved: Mapping[str, Moved]) -> None:
        if self._scene.closes_after is None:
            return
        due = self._clock.now + self._scene.closes_after
        self._open += [
            (due, one.decision_id, one.draft.assessment.claims)
            for one in decisions
            if one.signal and moved[one.decision_id].state is DecisionState.BEGUN
        ]

    async def _close_positions(self) -> None:
        """Take off what the positions that are due had taken."""
        closed: list[Settlement] = []
        while self._open and self._open[0][0] <= self._clock.now:
            _, decision, claims = self._open.popleft()
            closed += [_closing(decision, claim) for claim in claims if not claim.members]
        if closed:
            await self._ledger.settle(closed)


def _closing(decision: str, claim: Claim) -> Settlement:
    return Settlement(
        event_key=f"{decision}:{claim.counter}",
        kind=SettlementKind.REDUCE,
        units=claim.amount,
        counters=(claim.counter,),
    )
