"""The whole gate as a machine of states: anything may happen at any moment, and its promises hold.

Two replicas share a ledger, a journal and a stream. Intents are captured, decided, redelivered;
servers go away and come back; people halt, resume and change the policy; a gate dies between any
two of its steps. After every step, and once all is well again, it is checked that

* no signal was sent twice, none without an approving verdict that was journaled before it, and none
  that opens while the fund is halted,
* no more is held than the loosest policy allowed,
* every captured message has a verdict, and of every approval it is known what became of it.
"""

import asyncio
from collections.abc import Awaitable, Callable, Coroutine
from inspect import iscoroutinefunction
from logging import CRITICAL, getLogger
from typing import Any, cast

import structlog
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from petrosa_cio.nurse.arrival import Arrival, DoorCall, from_delivery
from petrosa_cio.nurse.gate import Gate, World
from petrosa_cio.ports import Delivery
from petrosa_cio.risk.counters import GROSS
from petrosa_cio.risk.trading_state import FUND, Scope, ScopeKind, TradingState
from tests.fakes import nothing
from tests.gates import POLICY, House, intent

LOOSEST_GROSS_USD = 5_000
UNITS_PER_USD = 10_000
INSTANTS = 24
"""A batch has about so many instants at which its gate may die."""

ROUNDS_TO_REST = 12
PROMOTED = ("approve", "reduce")

TIGHTER = {**POLICY, "fund": {**POLICY["fund"], "max_gross_exposure_usd": "1500"}}
CLOSED = {**POLICY, "fund": {**POLICY["fund"], "allowed_actions": []}}
SCOPES = (FUND, Scope(ScopeKind.STRATEGY, "momentum"), Scope(ScopeKind.SYMBOL, "BTCUSDT"))


class Killed(BaseException):
    """The process ends here: nothing of it may still run."""


class Peril:
    """Counts the instants of a gate's work, and ends it at one of them."""

    left: int | None = None

    def instant(self) -> None:
        if self.left is not None:
            self.left -= 1
            if self.left < 0:
                raise Killed

    def around(self, port: object) -> Any:
        """Return a port whose every call has an instant before it and one after it."""
        return _Perilous(port, self)


class _Perilous:
    def __init__(self, port: object, peril: Peril) -> None:
        self._port, self._peril = port, peril

    def __getattr__(self, name: str) -> object:
        found = getattr(self._port, name)
        if not iscoroutinefunction(found):
            return found

        async def call(*positional: object, **named: object) -> object:
            self._peril.instant()
            answer = await cast(Callable[..., Awaitable[object]], found)(*positional, **named)
            self._peril.instant()
            return answer

        return call


INTENTS = st.fixed_dictionaries(
    {
        "strategy_id": st.sampled_from(["momentum", "reversal"]),
        "symbol": st.sampled_from(["BTCUSDT", "ETHUSDT"]),
        "action": st.sampled_from(["buy", "sell", "buy", "sell", "buy", "sell", "close", "hold"]),
        "quantity": st.sampled_from([0.002, 0.004, 0.01, 0.05]),
        "intent_id": st.sampled_from([None] * 6 + ["a", "b"]),
        "stop_loss": st.none(),
    }
)
GOOD = INTENTS.map(lambda message: intent(**message))
BODIES = st.sampled_from([GOOD] * 9 + [st.just(b"{")]).flatmap(lambda kind: kind)
DEATHS = st.none() | st.integers(0, INSTANTS)
REPLICAS = st.sampled_from(["gate-1", "gate-2"])


class TheGate(RuleBasedStateMachine):
    """What can happen to a gate, and what must hold whatever happens."""

    def __init__(self) -> None:
        super().__init__()
        structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(CRITICAL))
        getLogger("asyncio").setLevel(CRITICAL)  # nobody waits for the tasks of a dead process
        self.loop = asyncio.new_event_loop()
        self.house = House()
        self.run(self.house.open())
        self.perils = {name: Peril() for name in ("gate-1", "gate-2")}
        self.gates = {name: self.start(name) for name in self.perils}
        self.captured: list[Delivery] = []
        self.asked: list[str] = []
        self.opened_while_halted: list[str] = []

    def run(self, work: Coroutine[object, object, object]) -> None:
        self.loop.run_until_complete(work)

    def start(self, name: str) -> Gate:
        """Start a replica, every step of whose work may be its last."""
        house, around = self.house, self.perils[name].around
        world = World(
            ledger=around(house.ledger),
            journal=around(house.journal),
            signals=around(house.signals),
            intake=around(house.intake),
            announcer=around(house.announcer),
            snapshot=house.feeds.snapshot,
            clock=house.now,
            tally=house.tally,
        )
        return Gate(house.options(name), world)

    @property
    def open_messages(self) -> list[Delivery]:
        done = {one.sequence for one in self.house.intake.acknowledged}
        return [one for one in self.captured if one.sequence not in done]

    def work(self, name: str, work: Coroutine[object, object, object], dies_at: int | None) -> None:
        """Let a replica work; where it dies, another one starts in its place."""
        sent_before, halted = len(self.house.signals.sent), self.is_halted
        self.perils[name].left = dies_at
        try:
            self.run(work)
        except (Killed, asyncio.CancelledError):  # the latter where a task beside it died
            for task in asyncio.all_tasks(self.loop):
                task.cancel()
            self.run(asyncio.sleep(0))
            self.gates[name] = self.start(name)
        finally:
            self.perils[name].left = None
        if halted:
            self.opened_while_halted += self._openings(sent_before)

    def _openings(self, sent_before: int) -> list[str]:
        sent = self.house.signals.sent[sent_before:]
        return [one.decision_id for one in sent if b'"action":"close"' not in one.body]

    @property
    def is_halted(self) -> bool:
        return self.house.states.states_now.fund is TradingState.HALTED

    # --- what happens ---------------------------------------------------------------------------

    @rule(bodies=st.lists(BODIES, min_size=1, max_size=4))
    def messages_are_captured(self, bodies: list[bytes]) -> None:
        self.captured += [self.house.deliver(body) for body in bodies]

    @rule(name=REPLICAS, bodies=st.lists(BODIES, min_size=1, max_size=4), dies_at=DEATHS)
    def messages_are_captured_and_delivered(
        self, name: str, bodies: list[bytes], dies_at: int | None
    ) -> None:
        self.messages_are_captured(bodies)
        self.a_batch_is_delivered(name, 0, len(self.open_messages), dies_at)

    @rule(name=REPLICAS, first=st.integers(0, 3), many=st.integers(1, 8), dies_at=DEATHS)
    @precondition(lambda self: self.open_messages)
    def a_batch_is_delivered(self, name: str, first: int, many: int, dies_at: int | None) -> None:
        batch = self.open_messages[first : first + many]
        arrivals = [from_delivery(one, fund="main") for one in batch]
        self.work(name, self.gates[name].process(arrivals), dies_at)

    @rule(body=BODIES, dies_at=DEATHS)
    def somebody_asks_at_the_door(self, body: bytes, dies_at: int | None) -> None:
        decision_id = f"door-{len(self.asked)}"
        self.asked.append(decision_id)
        self.work("gate-1", self._asked(decision_id, body), dies_at)

    async def _asked(self, decision_id: str, body: bytes) -> None:
        source = from_delivery(self.house.deliver(body), fund="main").source
        door = DoorCall(asyncio.get_running_loop().create_future())
        await self.gates["gate-1"].process([Arrival(decision_id, source, door=door)])
        door.answer.cancel()

    @rule(
        steps=st.frozensets(st.sampled_from(["reserve", "begin", "finish"])),
        journal=st.booleans(),
        listening=st.booleans(),
        broken=st.booleans(),
    )
    def servers_fail(
        self, steps: frozenset[str], journal: bool, listening: bool, broken: bool
    ) -> None:
        self.house.ledger.away, self.house.journal.away = steps, journal
        self.house.signals.listening, self.house.signals.broken = listening, broken

    @rule()
    def servers_are_well_again(self) -> None:
        self.servers_fail(frozenset(), journal=False, listening=True, broken=False)

    @rule()
    def the_fund_trades_under_its_first_policy(self) -> None:
        for scope in SCOPES:
            self.run(self.house.switch(TradingState.ACTIVE, scope))
        self.run(self.house.activate(POLICY))

    @rule(scope=st.sampled_from(SCOPES), state=st.sampled_from(TradingState))
    def somebody_throws_a_switch(self, scope: Scope, state: TradingState) -> None:
        self.run(self.house.switch(state, scope))

    @rule(bodies=st.lists(BODIES, min_size=1, max_size=4), scope=st.sampled_from(SCOPES))
    def a_halt_comes_between_verdict_and_fence(self, bodies: list[bytes], scope: Scope) -> None:
        self.messages_are_captured(bodies)
        sent_before = len(self.house.signals.sent)
        self.house.journal.before = lambda: self.house.switch(TradingState.HALTED, scope)
        self.a_batch_is_delivered("gate-1", 0, len(self.open_messages), None)
        self.house.journal.before = nothing
        if scope == FUND:
            self.opened_while_halted += self._openings(sent_before)

    @rule(policy=st.sampled_from([POLICY, TIGHTER, CLOSED]))
    def the_policy_changes(self, policy: dict[str, Any]) -> None:
        self.run(self.house.activate(policy))

    @rule(seconds=st.sampled_from([0.1, 0.1, 1, 1, 4, 4, 11, 80, 400]))
    def time_passes(self, seconds: float) -> None:
        self.run(self.house.pass_time(seconds))

    @rule(name=REPLICAS, dies_at=DEATHS)
    def a_gate_sweeps(self, name: str, dies_at: int | None) -> None:
        self.work(name, self._swept(name), dies_at)

    async def _swept(self, name: str) -> None:
        if not self.house.ledger.away and not self.house.journal.away:
            await self.gates[name].sweep()

    # --- what must hold -------------------------------------------------------------------------

    @invariant()
    def no_signal_is_sent_twice(self) -> None:
        sent = [one.decision_id for one in self.house.signals.sent]
        assert len(sent) == len(set(sent))

    @invariant()
    def a_journaled_approval_precedes_every_signal(self) -> None:
        first: dict[str, str] = {}
        for record in self.house.records:
            if record["kind"] == "verdict":
                first.setdefault(record["decision_id"], record["verdict"]["kind"])
        assert all(first.get(one.decision_id) in PROMOTED for one in self.house.signals.sent)

    @invariant()
    def a_halt_lets_nothing_open(self) -> None:
        assert not self.opened_while_halted

    @invariant()
    def no_more_is_held_than_was_ever_allowed(self) -> None:
        held = self.loop.run_until_complete(self.house.ledger.exposure())
        assert held.get(GROSS, 0) <= LOOSEST_GROSS_USD * UNITS_PER_USD

    def teardown(self) -> None:
        """Let all be well again, wait, and see that everything came to an end."""
        try:
            self._come_to_rest()
            self._everything_has_an_end()
        finally:
            self.loop.close()
            structlog.reset_defaults()

    def _come_to_rest(self) -> None:
        self.servers_are_well_again()
        for _ in range(ROUNDS_TO_REST):
            self.run(self.house.pass_time(11))
            for name, gate in self.gates.items():
                arrivals = [from_delivery(one, fund="main") for one in self.open_messages]
                self.work(name, gate.process(arrivals), None)
                self.work(name, gate.sweep(), None)

    def _everything_has_an_end(self) -> None:
        assert not self.open_messages
        first: dict[str, str] = {}
        later: dict[str, set[str]] = {}
        for record in self.house.records:
            if record["kind"] == "verdict":
                first.setdefault(record["decision_id"], record["verdict"]["kind"])
            else:
                later.setdefault(record["decision_id"], set()).add(record["kind"])
        sent = {one.decision_id for one in self.house.signals.sent}
        for delivery in self.captured:
            assert from_delivery(delivery, fund="main").decision_id in first
        for decision_id, verdict in first.items():
            if verdict in PROMOTED:
                assert decision_id in sent or decision_id in later
            assert not (decision_id in sent and "withdrawal" in later.get(decision_id, ()))


TestTheGate = TheGate.TestCase
TestTheGate.settings = settings(max_examples=150, stateful_step_count=40, deadline=None)
