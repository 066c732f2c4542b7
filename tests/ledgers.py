"""Both ledgers behind one handle, and short ways to say what is asked of them."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from typing import Protocol
from uuid import uuid4

from redis.asyncio import Redis

from petrosa_cio.adapters.memory_ledger import MemoryLedger
from petrosa_cio.adapters.memory_state import MemoryStateStore
from petrosa_cio.adapters.redis_ledger import RedisLedger
from petrosa_cio.adapters.redis_state import RedisStateStore
from petrosa_cio.ports import (
    Ledger,
    Move,
    MoveKind,
    OverrideStore,
    PolicyStore,
    RegimeStore,
    Settlement,
    SettlementKind,
    TradingStateStore,
)
from petrosa_cio.risk.claims import (
    Claim,
    DriftClaim,
    OppositeClaim,
    RateClaim,
    Reserved,
    ReserveRequest,
)
from petrosa_cio.risk.intent import Direction
from petrosa_cio.risk.reasons import ReasonCode
from petrosa_cio.risk.trading_state import Scope, TradingState
from tests.policies import put_next

NOON_MS = 1_795_348_800_000
TIMEOUT_S = 10.0
NEVER_READ_AGAIN_MS = 3_600_000
DAY_MS = 86_400_000


@dataclass
class Clock:
    """A clock that moves when told."""

    now_ms: int = NOON_MS

    def __call__(self) -> int:
        return self.now_ms

    def advance(self, milliseconds: int) -> None:
        self.now_ms += milliseconds


class NewLedger(Ledger, Protocol):
    """A ledger that can be marked as trustworthy."""

    async def initialise(self, *, fresh: bool) -> str: ...


class StateStore(TradingStateStore, PolicyStore, RegimeStore, OverrideStore, Protocol):
    """All that the ledger obeys."""

    async def trading_state_reasons(self) -> dict[str, bytes]: ...


@dataclass
class LedgerUnderTest:
    """A ledger, what it obeys, its clock, and ways to lose its marker or its decisions."""

    ledger: NewLedger
    states: StateStore
    clock: Clock
    lose: Callable[[], Awaitable[None]] = field(repr=False)
    forget_decisions: Callable[[], Awaitable[None]] = field(repr=False)

    async def open(self) -> None:
        """Make it ready to promote."""
        await self.ledger.initialise(fresh=True)
        await put_next(self.states)


def memory_ledger() -> LedgerUnderTest:
    clock = Clock()
    states = MemoryStateStore(clock)
    ledger = MemoryLedger(clock, states)

    async def lose() -> None:
        ledger.generation = None

    async def forget_decisions() -> None:
        # As when the gates were away for longer than a decision is kept.
        clock.advance(NEVER_READ_AGAIN_MS)

    return LedgerUnderTest(ledger, states, clock, lose, forget_decisions)


def redis_ledger(client: Redis, fund: str | None = None) -> LedgerUnderTest:
    clock = Clock()
    fund = fund or uuid4().hex
    ledger = RedisLedger(client, fund, timeout_s=TIMEOUT_S, clock_ms=clock)
    states = RedisStateStore(client, fund, timeout_s=TIMEOUT_S, clock_ms=clock)

    async def lose() -> None:
        await client.delete(f"cio:{{{fund}}}:generation")

    async def forget_decisions() -> None:
        async for key in client.scan_iter(f"cio:{{{fund}}}:decisions:*"):
            await client.delete(key)

    return LedgerUnderTest(ledger, states, clock, lose, forget_decisions)


def claim(amount: int, ceiling: int | None = None, counter: str = "gross") -> Claim:
    return Claim(ReasonCode.GROSS_EXPOSURE_ABOVE_MAX, counter, amount, ceiling)


def total(amount: int, ceiling: int | None, floor: int, *members: str) -> Claim:
    """Say how high the sum of some counters may be, and how much of it counts anyway."""
    code = ReasonCode.GROUP_EXPOSURE_ABOVE_MAX
    return Claim(code, "sum", amount, ceiling, floor=floor, members=members)


def rate(ceiling: int, window_ms: int = 1_000, counter: str = "fund") -> RateClaim:
    return RateClaim(ReasonCode.RATE_ABOVE_MAX, counter, ceiling, window_ms)


def same(counter: str = "content:x", window_ms: int = 60_000) -> RateClaim:
    """Say that the same content may be held once in a window."""
    return RateClaim(ReasonCode.CONTENT_REPEATED, counter, 1, window_ms, of_held=True)


def executions(ceiling: int, counter: str = "executions:x") -> RateClaim:
    """Say how often a strategy may open the same in a day before it is paused."""
    code = ReasonCode.REPEATED_EXECUTION
    return RateClaim(code, counter, ceiling, DAY_MS, of_held=True, pauses=True)


def opposite(
    direction: str = "long",
    confidence: int = 5,
    rule: str = "first_wins",
    *,
    window_ms: int = 60_000,
    symbol: str = "BTCUSDT",
) -> OppositeClaim:
    return OppositeClaim(symbol, Direction(direction), confidence, window_ms, rule)


def drift(price: int, lowest: int, highest: int, *, symbol: str = "BTCUSDT") -> DriftClaim:
    """Say a price of three digits at most, and between which the others must lie."""
    return DriftClaim(symbol, f"{price:03d}", f"{lowest:03d}", f"{highest:03d}", 100)


def request(
    decision_id: str,
    *takes: Claim | RateClaim | OppositeClaim | DriftClaim,
    identity: str | None = None,
    digest: str = "buy",
    strategy: str = "momentum",
    token: str = "momentum",  # noqa: S107 (of a subject)
    hold: bool = True,
    from_door: bool = False,
    resumable: str = "{}",
    override_id: str | None = None,
) -> ReserveRequest:
    return ReserveRequest(
        decision_id=decision_id,
        taken_at_ms=NOON_MS,
        identity=identity,
        digest=digest,
        strategy=strategy,
        token=token,
        hold=hold,
        claims=tuple(
            sorted(
                (take for take in takes if isinstance(take, Claim)),
                key=lambda one: bool(one.members),
            )
        ),
        rates=tuple(take for take in takes if isinstance(take, RateClaim)),
        opposite=next((take for take in takes if isinstance(take, OppositeClaim)), None),
        drift=next((take for take in takes if isinstance(take, DriftClaim)), None),
        resumable=resumable,
        from_door=from_door,
        override_id=override_id,
    )


def promote(
    decision_id: str, *, is_exit: bool = False, halted_denies_exits: bool = False, revision: int = 1
) -> Move:
    return Move(
        decision_id,
        NOON_MS,
        MoveKind.PROMOTE,
        "approve",
        "momentum",
        "BTCUSDT",
        is_exit=is_exit,
        halted_denies_exits=halted_denies_exits,
        policy_revision=revision,
    )


def deny(decision_id: str) -> Move:
    return Move(decision_id, NOON_MS, MoveKind.DENY, "deny", "momentum", "BTCUSDT")


def withdraw(decision_id: str, reason: str = "CHECK_FAILED", *, forget: bool = False) -> Move:
    return Move(
        decision_id,
        NOON_MS,
        MoveKind.WITHDRAW,
        "deny",
        "momentum",
        "BTCUSDT",
        reason=reason,
        forget_identity=forget,
    )


def release(event: str, decision_id: str) -> Settlement:
    return Settlement(event, SettlementKind.RELEASE, decision_id)


def book(event: str, decision_id: str, units: int) -> Settlement:
    return Settlement(event, SettlementKind.BOOK, decision_id, units)


def reduce(event: str, units: int, *counters: str) -> Settlement:
    return Settlement(event, SettlementKind.REDUCE, units=units, counters=counters)


async def ask(subject: LedgerUnderTest, *requests: ReserveRequest) -> list[Reserved]:
    return await subject.ledger.reserve(requests)


async def ask_one(subject: LedgerUnderTest, one: ReserveRequest) -> Reserved:
    (answer,) = await ask(subject, one)
    return answer


async def set_state(subject: LedgerUnderTest, scope: Scope, state: TradingState) -> int:
    return await subject.states.set_trading_state(scope, state, reason="test", author="ann")
