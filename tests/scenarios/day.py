"""One simulated day: market, bots, the real deciding core, an engine's book, and a mind that looks.

The mind looks every five minutes. What only tightens is in force with the next minute. What loosens
waits half an hour for a person, who approves it if nothing else has changed the policy meanwhile.
"""

from collections import deque
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Final

from petrosa_cio.audit.statistics import Counting, Statistics
from petrosa_cio.governance.documents import read_policy_file
from petrosa_cio.launch import rehearsal_ledger
from petrosa_cio.nurse.rehearsal import Batch, Rehearsal, Scene, SimulatedClock
from petrosa_cio.ports import PastVerdict
from petrosa_cio.risk.limit_kinds import Change
from petrosa_cio.risk.policy import Charter, PolicyDocument
from petrosa_cio.risk.snapshot import ANY_SYMBOL, Regime
from petrosa_cio.strategist.situation import Situation
from tests.scenarios.book import Book
from tests.scenarios.bots import Fleet
from tests.scenarios.market import Scenario, make_paths

BEGIN: Final = datetime(2026, 3, 2, tzinfo=UTC)
EQUITY_USD: Final = Decimal(100_000)
LOOKS_EVERY: Final = 5
APPROVED_AFTER: Final = 30
REGIME_LATE_BY: Final = 10
"""Minutes: how often a mind looks, how long people take, and how late a regime is noticed."""

SPAN: Final = timedelta(hours=1)
MAX_BYTES: Final = 65_536


@dataclass(frozen=True, slots=True)
class Wanted:
    """A policy that a mind wants.

    Attributes:
        document: The policy.
        change: Beside the one in force.
        why: Which rule, or what thought of it.
    """

    document: PolicyDocument
    change: Change
    why: str


Mind = Callable[[Situation], Wanted | None]
"""Looks at a situation; returns what it wants, or nothing."""


@dataclass(frozen=True, slots=True)
class Event:
    """A change of the policy that came into force."""

    minute: int
    change: Change
    why: str


@dataclass(slots=True)
class Outcome:
    """What became of a day.

    Attributes:
        equity: What the fund was worth, USD, by minute.
        events: Changes of the policy.
        verdicts: How many intents were decided.
        approvals: How many of them became orders.
    """

    equity: list[Decimal] = field(default_factory=list)
    events: list[Event] = field(default_factory=list)
    verdicts: int = 0
    approvals: int = 0

    @property
    def drawdown_pct(self) -> float:
        """The deepest fall from a peak, in percent of that peak."""
        peak, deepest = EQUITY_USD, Decimal()
        for one in self.equity:
            peak = max(peak, one)
            deepest = max(deepest, (peak - one) / peak)
        return float(deepest * 100)

    @property
    def result_pct(self) -> float:
        """What the day earned, in percent of what it began with."""
        return float((self.equity[-1] / EQUITY_USD - 1) * 100)

    def reacted_after(self, shock_at: int | None) -> int | None:
        """Return minutes from the shock to the first tightening after it; None without either."""
        if shock_at is None:
            return None
        tightened = (one for one in self.events if one.change is Change.TIGHTER)
        return next((one.minute - shock_at for one in tightened if one.minute >= shock_at), None)


def baseline() -> PolicyDocument:
    """Return the policy with which every day begins."""
    read = read_policy_file(Path(__file__).with_name("policy.yaml"))
    if read.problems:
        raise ValueError(read.problems)
    return read.document


class Day:
    """A day under way.

    Args:
        scenario: What happens.
        seed: Its seed: the same one gives the same market and the same bots.
        mind: Who looks.
    """

    def __init__(self, scenario: Scenario, seed: int, mind: Mind) -> None:
        self._scenario = scenario
        self._paths = make_paths(scenario, seed)
        self._phases = scenario.by_minute()
        self._fleet = Fleet(scenario, seed)
        self._mind = mind
        self._book = Book(EQUITY_USD)
        self._document = baseline()
        self._revision = 1
        self._regime = self._phases[0].regime
        self._prices: Mapping[str, Decimal] = {}
        self._peak = EQUITY_USD
        self._verdicts: deque[PastVerdict] = deque()
        self._waiting: tuple[int, int, Wanted] | None = None
        self._clock = SimulatedClock(BEGIN)
        self.outcome = Outcome()

    async def run(self) -> Outcome:
        """Let the day pass, and return what became of it."""
        ledger = await rehearsal_ledger(self._clock.epoch_ms, self._document)
        rehearsal = Rehearsal(self._scene(), ledger, self._clock)
        for minute, phase in enumerate(self._phases):
            self._clock.move_to(BEGIN + timedelta(minutes=minute))
            self._notice(minute, rehearsal)
            if not phase.is_outage:
                self._prices = {name: path[minute] for name, path in self._paths.items()}
                await rehearsal.close(self._book.close_due(minute, self._prices))
                await self._trade(minute, rehearsal)
            self._mark()
            self._look(minute, rehearsal)
        return self.outcome

    def _scene(self) -> Scene:
        def prices_at(symbols: object, now: object) -> Mapping[str, Decimal]:
            return self._prices

        return Scene(self._document, Charter(), MAX_BYTES, prices_at=prices_at, regime=self._regime)

    async def _trade(self, minute: int, rehearsal: Rehearsal) -> None:
        seen = {name: path[: minute + 1] for name, path in self._paths.items()}
        intents = list(self._fleet.intents(minute, seen))
        if not intents:
            return
        verdicts, sent = await rehearsal.decide_and_send(Batch(self._clock.now, intents))
        self._verdicts += verdicts
        for one in sent:
            self._book.open(one, minute, self._prices[one.draft.understood.symbol])
        self.outcome.verdicts += len(verdicts)
        self.outcome.approvals += len(sent)

    def _notice(self, minute: int, rehearsal: Rehearsal) -> None:
        """Let the regime be known, late as it is."""
        regime = self._phases[max(minute - REGIME_LATE_BY, 0)].regime
        if regime != self._regime:
            self._regime = regime
            rehearsal.meet(self._scene())

    def _mark(self) -> None:
        equity = self._book.equity(self._prices) if self._prices else EQUITY_USD
        self._peak = max(self._peak, equity)
        self.outcome.equity.append(equity)

    # The mind

    def _look(self, minute: int, rehearsal: Rehearsal) -> None:
        if self._waiting and minute - self._waiting[0] >= APPROVED_AFTER:
            _, parent, waiting = self._waiting
            self._waiting = None
            if parent == self._revision:
                self._activate(minute, waiting, rehearsal)
        if minute % LOOKS_EVERY:
            return
        wanted = self._mind(self._situation())
        if wanted is None or wanted.change is Change.EQUAL:
            return
        if wanted.change is Change.TIGHTER:
            self._activate(minute, wanted, rehearsal)
        elif self._waiting is None:
            self._waiting = (minute, self._revision, wanted)

    def _activate(self, minute: int, wanted: Wanted, rehearsal: Rehearsal) -> None:
        self._document = wanted.document
        self._revision += 1
        rehearsal.meet(self._scene())
        self.outcome.events.append(Event(minute, wanted.change, wanted.why))

    def _situation(self) -> Situation:
        now = self._clock.now
        while self._verdicts and self._verdicts[0].at <= now - 2 * SPAN:
            self._verdicts.popleft()
        return Situation(
            fund="scenarios",
            at=now,
            revision=self._revision,
            document=self._document,
            charter=Charter(),
            span=SPAN,
            verdicts=_counted(self._verdicts, now - SPAN, now),
            before=_counted(self._verdicts, now - 2 * SPAN, now - SPAN),
            portfolio=self._book.reading(now, self._prices) if self._prices else None,
            equity_peak_usd=self._peak,
            regimes={ANY_SYMBOL: Regime(self._regime, Decimal("0.8"), now, "simulated feed")},
        )


def _counted(verdicts: deque[PastVerdict], since: datetime, until: datetime) -> Statistics:
    counting = Counting()
    for one in verdicts:
        if since < one.at <= until:
            counting.add(one)
    return counting.statistics()
