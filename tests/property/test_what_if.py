"""Whatever day a gate has: with the policies of then, what-if finds that nothing flips."""

from typing import Any

from hypothesis import assume, event, given, settings
from hypothesis import strategies as st
from structlog.testing import capture_logs

from petrosa_cio.ports import Settlement, SettlementKind
from petrosa_cio.risk.policy import Charter, PolicyDocument
from petrosa_cio.risk.trading_state import Scope, ScopeKind, TradingState
from tests.gates import POLICY, House
from tests.past import what_if
from tests.replaying import charter_change, policy_change

LIMITS: dict[str, list[Any]] = {
    "max_intents_per_second": [2],
    "max_intents_per_minute": [3, 8],
    "max_intents_per_hour": [10],
    "max_fund_intents_per_minute": [6],
    "max_position_usd": ["600", "1500"],
    "max_gross_exposure_usd": ["900", "2000"],
    "max_order_notional_usd": ["300"],
    "min_seconds_between_repeats": [5, 60],
    "min_seconds_between_opposites": [5, 60],
    "on_conflict": ["first_wins", "strongest_wins", "both_denied"],
    "max_same_executions_per_day": [2],
    "max_drift_bps_per_hour": [50],
    "max_intent_age_s": [30],
    "unsized_order_usd": ["200"],
}
ONE_LIMIT = st.sampled_from([(name, value) for name in LIMITS for value in LIMITS[name]])
LIMITS_OF_A_DAY = st.lists(ONE_LIMIT, max_size=6).map(dict)

ONE_FIELD = st.sampled_from(
    [
        ("strategy_id", "reversal"),
        ("strategy_id", "rever sal"),
        ("strategy_id", "rever.sal"),
        ("symbol", "ETHUSDT"),
        ("action", "sell"),
        ("action", "sell"),
        ("action", "close"),
        ("action", "hold"),
        ("confidence", 0.7),
        ("confidence", 0.9),
        ("confidence", 0.5),
        ("quantity", 0.005),
        ("quantity", 0.02),
        ("quantity", None),
        ("price", 50_500),
        ("current_price", 50_300),
        ("intent_id", "a"),
        ("intent_id", "b"),
    ]
)


def with_its_stop(fields: dict[str, Any]) -> dict[str, Any]:
    """Return fields of an intent, with a stop on the right side of a sale."""
    return fields | ({"stop_loss": 51_000} if fields.get("action") == "sell" else {})


INTENT = st.lists(ONE_FIELD, max_size=3).map(dict).map(with_its_stop)
BATCH = st.tuples(
    st.just("batch"), st.sampled_from(["gate-1", "gate-2"]), st.lists(INTENT, max_size=4)
)
STEP = st.one_of(
    BATCH,
    BATCH,
    BATCH,
    st.tuples(st.just("time"), st.sampled_from([0.4, 3, 40, 700])),
    st.tuples(st.just("listening"), st.booleans()),
    st.tuples(st.just("release"), st.integers(0, 5)),
    st.tuples(st.just("policy"), LIMITS_OF_A_DAY, st.booleans()),
    st.tuples(st.just("resume")),
    st.tuples(st.just("halt"), st.booleans()),
    st.tuples(st.just("midway"), st.sampled_from(["halt", "policy"])),
)


class Day:
    """A day of a house: what happened in it, and which policies governed."""

    def __init__(self) -> None:
        self.house = House()
        self.governed: list[bytes] = [charter_change(Charter())]
        self.gates: dict[str, Any] = {}

    async def open(self, limits: dict[str, Any]) -> "Day":
        await self.house.ledger.initialise(fresh=True)
        self.gates = {name: self.house.gate(name) for name in ("gate-1", "gate-2")}
        await self.policy(limits, True)
        return self

    async def policy(self, limits: dict[str, Any], tightens: bool) -> None:
        policy = POLICY | {"fund": POLICY["fund"] | limits}
        await self.house.activate(policy, tightens=tightens)
        active = await self.house.states.active_policy()
        assert active is not None
        document = PolicyDocument.model_validate({"policy": policy})
        self.governed.append(policy_change(document, active.revision))

    async def batch(self, gate: str, intents: list[dict[str, Any]]) -> None:
        await self.gates[gate].process([self.house.arrive(**fields) for fields in intents])
        await self.house.pass_time(0.001)  # no two batches are of one millisecond

    async def time(self, seconds: float) -> None:
        await self.house.pass_time(seconds)

    async def listening(self, listening: bool) -> None:
        self.house.signals.listening = listening

    async def release(self, place: int) -> None:
        held = sorted(await self.house.ledger.reservations())
        if held:
            decision_id = held[place % len(held)]
            given = Settlement(f"{decision_id}:over", SettlementKind.RELEASE, decision_id)
            await self.house.ledger.settle([given])

    async def resume(self) -> None:
        for token in ("momentum", "reversal"):
            await self.house.switch(TradingState.ACTIVE, Scope(ScopeKind.STRATEGY, token))
        await self.house.feeds.refresh()

    async def halt(self, halted: bool) -> None:
        state = TradingState.HALTED if halted else TradingState.ACTIVE
        await self.house.switch(state)
        await self.house.feeds.refresh()

    async def midway(self, what: str) -> None:
        """Let the next batch meet a change between its record and the fence."""

        async def change() -> None:
            self.house.journal.before = nothing
            if what == "halt":
                await self.house.switch(TradingState.HALTED)
            else:
                await self.policy({}, True)

        async def nothing() -> None:
            """Let the rest pass."""

        self.house.journal.before = change

    @property
    def records(self) -> list[bytes]:
        """Everything that is recorded of the day."""
        return [*self.governed, *self.house.journal.records]


@settings(max_examples=100, deadline=None)
@given(LIMITS_OF_A_DAY, st.lists(STEP, min_size=3, max_size=25))
async def test_under_the_policies_of_then_nothing_flips(
    limits: dict[str, Any], steps: list[tuple[Any, ...]]
) -> None:
    with capture_logs():
        day = await Day().open(limits)
        for name, *arguments in steps:
            await getattr(day, name)(*arguments)
    found = await what_if(day.records)
    event(f"{found.decided // 10 * 10} or more decided")
    assert found.flips == []
    assert found.other_reasons == 0
    assert set(found.undecidable) <= {"it was part of a flood, which is denied without a check"}
    peaks = found.profile.peaks.values()
    assert all(peak.was == peak.would for peak in peaks)


# Who holds a name is as it was, so here no two strategies read the same as one token.
PLAIN_INTENT = INTENT.filter(lambda fields: fields.get("strategy_id") != "rever.sal")
PLAIN_BATCH = st.tuples(
    st.just("batch"), st.sampled_from(["gate-1", "gate-2"]), st.lists(PLAIN_INTENT, max_size=4)
)
QUIET_STEP = st.one_of(
    PLAIN_BATCH,
    PLAIN_BATCH,
    st.tuples(st.just("time"), st.sampled_from([0.4, 3, 40, 700])),
)


async def a_day(limits: dict[str, Any], steps: list[tuple[Any, ...]]) -> Day:
    """Let a day pass at a gate of these limits."""
    with capture_logs():
        day = await Day().open(limits)
        for name, *arguments in steps:
            await getattr(day, name)(*arguments)
    return day


def verdicts_of(day: Day) -> dict[str, Any]:
    """Return of each decision its verdict, its size, and its reason codes."""
    return {
        one["decision_id"]: (
            one["verdict"]["kind"],
            one["verdict"]["quantity"],
            [reason[0] for reason in one["verdict"]["reasons"]],
        )
        for one in day.house.records
        if one["kind"] == "verdict"
    }


# What was withdrawn under the policy of then is withdrawn in both worlds, so here none of it is.
NOTHING_WITHDRAWN = LIMITS_OF_A_DAY.map(
    lambda limits: {
        name: value
        for name, value in limits.items()
        if name not in ("on_conflict", "max_same_executions_per_day")
    }
)


@settings(max_examples=100, deadline=None)
@given(NOTHING_WITHDRAWN, LIMITS_OF_A_DAY, st.lists(QUIET_STEP, min_size=3, max_size=20))
async def test_a_gate_under_the_candidate_would_have_said_the_same(
    limits: dict[str, Any], others: dict[str, Any], steps: list[tuple[Any, ...]]
) -> None:
    was, would = await a_day(limits, steps), await a_day(others, steps)
    # What a gate sheds it does not count: that depends on its own memory, of which nothing is kept.
    # What it shed then cannot be decided again, and so it holds nothing under the candidate either.
    records = [*was.house.records, *would.house.records]
    assume(not any("flood" in one.get("decision", {}) for one in records))
    candidate = PolicyDocument.model_validate(
        {"policy": POLICY | {"fund": POLICY["fund"] | others}}
    )
    found: dict[str, Any] = {}
    asked = await what_if(was.records, candidate, each=found)
    event("flips" if asked.flipped else "no flips")
    really = verdicts_of(would)
    both = found.keys() & really.keys()
    assert {key: found[key] for key in both} == {key: really[key] for key in both}
