"""One intent in one world, decided by the real core and the ledger in memory."""

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal

from msgspec.structs import replace as changed

from petrosa_cio.adapters.memory_ledger import MemoryLedger
from petrosa_cio.adapters.memory_state import MemoryStateStore
from petrosa_cio.risk.claims import ReserveRequest
from petrosa_cio.risk.decide import assess, conclude
from petrosa_cio.risk.in_force import PolicyBook, charter_in_force
from petrosa_cio.risk.intent import Intent
from petrosa_cio.risk.losses import LossBook, Trail
from petrosa_cio.risk.places import Place
from petrosa_cio.risk.portfolio import PortfolioReading
from petrosa_cio.risk.snapshot import ReferencePrice, Regime, Snapshot
from petrosa_cio.risk.trading_state import TradingState, TradingStates
from petrosa_cio.risk.venue import SymbolRules, VenueRules
from petrosa_cio.risk.verdict import Assessment, Verdict

COUNTS_ALL = 10**9
"""A ceiling that no window reaches, so that what came before is counted and not judged."""

EQUITY_USD = Decimal(1_000_000)
"""What the fund is worth in every trial."""

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MILLISECOND = timedelta(milliseconds=1)


LEFT = Decimal(10_000)
"""Equity of the fund that trials are made in, USD: one basis point of it is one USD."""

ALL_LEFT = Trail((LEFT,), level=LEFT, peak=LEFT)


def nothing_lost(at: datetime) -> LossBook:
    """Return the book of a fund that has lost nothing."""
    return LossBook(at, ALL_LEFT, day=at.date(), day_start=LEFT)


@dataclass(frozen=True, slots=True)
class Exposed:
    """Exposure that others hold already, on every counter whose name begins like this."""

    counter: str
    units: int


@dataclass(frozen=True, slots=True)
class Counted:
    """Intents that came before, evenly spread over a window.

    Attributes:
        counters: What the names of the counters begin with that they count on.
        window_ms: The window, milliseconds.
        events: How many they are.
    """

    counters: tuple[str, ...]
    window_ms: int
    events: int


@dataclass(frozen=True, slots=True)
class Opened:
    """An opening before, to which nothing objected but what the ledger kept; closed since."""

    intent: Intent
    age: timedelta


@dataclass(frozen=True, slots=True)
class Trial:
    """One intent, in the world that it meets.

    Attributes:
        words: What is special about it, for people.
        intent: The intent.
        place: Its strategy and symbol, and the market regime.
        at: The moment of decision.
        price: Reference price of its symbol.
        rules: What the venue asks of orders in the symbol; None where that is not known.
        price_is_known: Whether anybody has said the reference price.
        price_age: How long ago the market stood there.
        age: How long ago it was made.
        regime_age: How long ago the regime was observed.
        regime_confidence: How sure the regime is.
        fund: Trading state of the fund.
        losses: What was lost; None where nothing was.
        portfolio_is_known: Whether anybody has seen what the fund holds, which is nothing.
        portfolio_age: How long ago that was seen.
        before: What others hold, and what came before, the oldest first.
    """

    words: str
    intent: Intent
    place: Place
    at: datetime
    price: Decimal
    rules: SymbolRules | None
    price_is_known: bool = True
    price_age: timedelta = timedelta(0)
    age: timedelta = timedelta(0)
    regime_age: timedelta = timedelta(0)
    regime_confidence: Decimal = Decimal(1)
    fund: TradingState = TradingState.ACTIVE
    losses: LossBook | None = None
    portfolio_is_known: bool = True
    portfolio_age: timedelta = timedelta(0)
    before: Sequence[Exposed | Counted | Opened] = field(default=())

    def saying(self, words: str) -> "Trial":
        """Return the same with other words."""
        return replace(self, words=words)


class _Clock:
    """The ledger's clock, set by hand."""

    def __init__(self, now: datetime) -> None:
        self.now_ms = (now - _EPOCH) // _MILLISECOND

    def __call__(self) -> int:
        return self.now_ms


async def decide_trial(trial: Trial, book: PolicyBook) -> Verdict:
    """Decide a trial as the gate would, with all that came before it in the ledger."""
    clock, world = _Clock(trial.at), _world(trial, book)
    ledger = MemoryLedger(clock, MemoryStateStore(clock))
    await ledger.initialise(fresh=True)
    assessment = assess(trial.intent, taken_at=trial.at - trial.age, snapshot=world)
    if not assessment.asks_ledger:
        return conclude(assessment, None)
    for number, earlier in enumerate(trial.before):
        if isinstance(earlier, Exposed):
            await _hold(earlier, trial, assessment, ledger, clock)
        elif isinstance(earlier, Counted):
            await _count(earlier, trial, assessment, ledger, clock)
        else:
            await _open(earlier, number, world, ledger, clock)
    (reserved,) = await ledger.reserve(
        [_request("asked", trial.intent, assessment, not assessment.denies, clock.now_ms)]
    )
    return conclude(assessment, reserved.readings)


def _world(trial: Trial, book: PolicyBook) -> Snapshot:
    place, now, regimes = trial.place, trial.at, {}
    if place.regime is not None:
        observed = now - trial.regime_age
        regime = Regime(place.regime, trial.regime_confidence, observed, "self-test")
        regimes = {place.symbol: regime}
    seen_at = now - trial.portfolio_age
    portfolio = PortfolioReading(seen_at, "self-test", equity_usd=EQUITY_USD, positions=())
    price = ReferencePrice(trial.price, now - trial.price_age, "self-test")
    return Snapshot(
        now=now,
        policy=book,
        charter_in_force=charter_in_force(book.charter),
        policy_confirmed_at=now,
        trading_states=TradingStates(trial.fund),
        regimes=regimes,
        reference_prices={place.symbol: price} if trial.price_is_known else {},
        venue_rules=VenueRules({place.symbol: trial.rules} if trial.rules else {}),
        losses=trial.losses or nothing_lost(now),
        portfolio=portfolio if trial.portfolio_is_known else None,
    )


async def _hold(
    earlier: Exposed, trial: Trial, like: Assessment, ledger: MemoryLedger, clock: _Clock
) -> None:
    """Let another decision hold units of the counters that the intent will take from."""
    claims = tuple(
        changed(claim, amount=earlier.units, ceiling=None, cut=0)
        for claim in like.claims
        if claim.counter.startswith(earlier.counter) and not claim.members
    )
    asked = changed(like, claims=claims, rates=(), opposite=None, drift=None)
    await ledger.reserve([_request("earlier", trial.intent, asked, True, clock.now_ms)])


async def _count(
    earlier: Counted, trial: Trial, like: Assessment, ledger: MemoryLedger, clock: _Clock
) -> None:
    """Let intents come before that were denied for reasons of their own: they count all the same.

    They are spread over the window as thinly as can be, so that no shorter window is full first.
    """
    now_ms = clock.now_ms
    rates = tuple(
        changed(rate, ceiling=COUNTS_ALL)
        for rate in like.rates
        if rate.counter.startswith(earlier.counters)
    )
    asked = changed(like, claims=(), rates=rates, opposite=None, drift=None)
    for number in range(earlier.events, 0, -1):
        clock.now_ms = now_ms - number * (earlier.window_ms - 1) // earlier.events
        request = _request(f"earlier {number}", trial.intent, asked, False, clock.now_ms)
        await ledger.reserve([request])
    clock.now_ms = now_ms


async def _open(
    earlier: Opened, number: int, world: Snapshot, ledger: MemoryLedger, clock: _Clock
) -> None:
    """Let an opening come before. Its fills are closed, so that it holds no exposure any more."""
    now_ms = clock.now_ms
    asked = assess(earlier.intent, taken_at=world.now, snapshot=world)
    rates = tuple(changed(rate, ceiling=COUNTS_ALL) for rate in asked.rates)
    clock.now_ms = now_ms - earlier.age // _MILLISECOND
    lifted = changed(asked, claims=(), rates=rates)
    request = _request(f"opened {number}", earlier.intent, lifted, True, clock.now_ms)
    await ledger.reserve([request])
    clock.now_ms = now_ms


def _request(
    decision_id: str, intent: Intent, asked: Assessment, hold: bool, now_ms: int
) -> ReserveRequest:
    return ReserveRequest(
        decision_id=decision_id,
        taken_at_ms=now_ms,
        identity=None,
        digest="",
        strategy=intent.strategy,
        token=intent.token,
        hold=hold,
        claims=asked.claims,
        rates=asked.rates,
        resumable="",
        opposite=asked.opposite,
        drift=asked.drift,
    )
