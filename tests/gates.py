"""A gate with fakes around it, and short ways to say what arrives and what became of it."""

from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

import orjson

from petrosa_cio.adapters.memory_state import MemoryStateStore
from petrosa_cio.audit.record import Provenance
from petrosa_cio.nurse.arrival import Arrival, from_delivery
from petrosa_cio.nurse.feeds import Feeds
from petrosa_cio.nurse.gate import Gate, GateOptions, World
from petrosa_cio.ports import Delivery
from petrosa_cio.risk.policy import Charter
from petrosa_cio.risk.trading_state import FUND, Scope, TradingState
from tests.fakes import (
    Effects,
    FailingLedger,
    FakeAnnouncer,
    FakeIntake,
    FakeJournal,
    FakeSignalBus,
    FakeTally,
)
from tests.ledgers import Clock
from tests.policies import put_next, trusting

POLICY: dict[str, Any] = {
    "name": "test",
    "fund": {
        "max_order_notional_usd": "1000",
        "on_order_above_max": "reduce",
        "max_gross_exposure_usd": "5000",
        "min_confidence": "0.6",
        "max_intent_age_s": 60,
    },
}


@dataclass
class House:
    """Everything around a gate. The time stands still until it is moved."""

    clock: Clock = field(default_factory=Clock)
    effects: Effects = field(default_factory=list)
    sequence: int = 0
    charter: Charter = field(default_factory=Charter)
    overrides_refused: int = 0

    def __post_init__(self) -> None:
        self.states = MemoryStateStore(self.clock)
        self.ledger = FailingLedger(self.clock, self.states)
        self.ledger.effects = self.effects
        self.intake = FakeIntake(self.effects)
        self.journal = FakeJournal(self.effects)
        self.signals = FakeSignalBus(self.effects)
        self.announcer = FakeAnnouncer(self.effects)
        self.tally = FakeTally()
        self.feeds = Feeds(
            self.states, self.charter, trusting(), clock=self.now, policy_max_age_s=5,
            override_refused=self.refuse_override,
        )  # fmt: skip

    def refuse_override(self) -> None:
        """Count an override that the gate did not take over."""
        self.overrides_refused += 1

    async def open(self) -> "House":
        """Let trade: a new ledger, the fund active, a policy in force."""
        await self.ledger.initialise(fresh=True)
        await self.activate(POLICY)
        return self

    async def activate(self, policy: dict[str, Any], *, tightens: bool = True) -> None:
        """Put a policy in force, and let the gate hear of it."""
        await put_next(self.states, orjson.dumps({"policy": policy}), tightens=tightens)
        await self.feeds.refresh()

    async def pass_time(self, seconds: float) -> None:
        """Move the clock, and let the gate look at the stores again."""
        self.clock.advance(int(seconds * 1000))
        await self.feeds.refresh()

    async def switch(self, state: TradingState, scope: Scope = FUND) -> None:
        """Set a trading state, of which the gate does not hear yet."""
        await self.states.set_trading_state(scope, state, reason="test", author="ann")

    def now(self) -> datetime:
        return datetime(1970, 1, 1, tzinfo=UTC) + timedelta(milliseconds=self.clock())

    def world(self) -> World:
        return World(
            ledger=self.ledger,
            journal=self.journal,
            signals=self.signals,
            intake=self.intake,
            announcer=self.announcer,
            snapshot=self.feeds.snapshot,
            clock=self.now,
            tally=self.tally,
        )

    def options(self, replica: str = "gate-1", *, enforces: bool = True) -> GateOptions:
        mode = "enforce" if enforces else "observe"
        provenance = Provenance("main", replica, mode, "0.1.0", "2026a")
        return GateOptions(provenance, "signals.trading.{strategy_id}", enforces, 65_536)

    def gate(self, replica: str = "gate-1", *, enforces: bool = True) -> Gate:
        return Gate(self.options(replica, enforces=enforces), self.world())

    def deliver(self, body: bytes, headers: dict[str, str] | None = None) -> Delivery:
        """Let the stream capture a message."""
        self.sequence += 1
        return Delivery(
            subject="intent.momentum",
            headers=headers or {},
            body=body,
            stream="CIO_INTENTS",
            stream_created_ns=1,
            sequence=self.sequence,
            stored_at=self.now(),
            reply=f"ack.{self.sequence}",
        )

    def arrive(self, **fields: object) -> Arrival:
        """Let an intent arrive: a good one, but for what is said of it."""
        return self.arrive_bytes(intent(**fields))

    def arrive_bytes(self, body: bytes, headers: dict[str, str] | None = None) -> Arrival:
        """Let a message arrive."""
        return from_delivery(self.deliver(body, headers), fund="main")

    # What became of it

    @property
    def records(self) -> list[dict[str, Any]]:
        return [orjson.loads(record) for record in self.journal.records]

    @property
    def signals_sent(self) -> list[dict[str, Any]]:
        return [orjson.loads(one.body) for one in self.signals.sent]

    def kinds(self) -> list[tuple[str, str]]:
        """Return what was journaled: the verdict, or the kind of a later record with its reason."""
        return [
            ("verdict", one["verdict"]["kind"])
            if one["kind"] == "verdict"
            else (one["kind"], one["reason"])
            for one in self.records
        ]

    def codes(self) -> list[str]:
        """Return the reason codes of the last verdict."""
        verdict = [one for one in self.records if one["kind"] == "verdict"][-1]["verdict"]
        return [reason[0] for reason in verdict["reasons"]]


def intent(**fields: object) -> bytes:
    """Return a good intent worth 500 USD, but for what is said of it; None leaves a field out."""
    message: dict[str, object] = {
        "strategy_id": "momentum",
        "symbol": "BTCUSDT",
        "action": "buy",
        "confidence": 0.8,
        "quantity": 0.01,
        "price": 50_000,
        "current_price": 50_000,
        "stop_loss": 49_000,
    } | fields
    return orjson.dumps({key: value for key, value in message.items() if value is not None})
