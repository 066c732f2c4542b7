"""What was approved lately, on its way through the gate: conflicts, repeats, and who is paused."""

import json

import pytest

from petrosa_cio.governance.desk import STATE_UPDATED, Desk
from petrosa_cio.nurse.gate import Gate
from petrosa_cio.risk.trading_state import Scope, ScopeKind, TradingState
from tests.gates import POLICY, House

STRATEGY = Scope(ScopeKind.STRATEGY, "momentum")


async def house_with(**limits: object) -> House:
    house = House()
    await house.ledger.initialise(fresh=True)
    await house.activate(POLICY | {"fund": POLICY["fund"] | limits})
    return house


async def outcome(house: House, gate: Gate, *arrivals: dict[str, object]) -> list[str]:
    """Let intents arrive in one batch, and say of each what the gate told of it."""
    await gate.process([house.arrive(**fields) for fields in arrivals])
    told = [body for subject, body in house.announcer.heard if subject.startswith("cio.verdict.")]
    return [json.loads(body)["verdict"] for body in told[-len(arrivals) :]]


BUY: dict[str, object] = {"confidence": 0.7, "intent_id": "b"}
SELL: dict[str, object] = {
    "action": "sell", "confidence": 0.8, "intent_id": "s", "stop_loss": 51_000,
    "strategy_id": "reversal",
}  # fmt: skip


@pytest.mark.parametrize("in_one_batch", [True, False])
@pytest.mark.parametrize(
    ("rule", "sides"), [("first_wins", ["buy"]), ("strongest_wins", ["sell"]), ("both_denied", [])]
)
async def test_buy_and_sell_of_one_moment_pass_as_the_rule_says(
    rule: str, sides: list[str], in_one_batch: bool
) -> None:
    house = await house_with(min_seconds_between_opposites=60, on_conflict=rule)
    gate = house.gate()
    if in_one_batch:
        assert await outcome(house, gate, BUY, SELL) == [
            "approve" if one in sides else "deny" for one in ("buy", "sell")
        ]
    else:

        async def sell_comes_first_to_the_fence() -> None:
            house.journal.before = nothing_more
            await gate.process([house.arrive(**SELL)])

        async def nothing_more() -> None:
            """Let the rest pass."""

        house.journal.before = sell_comes_first_to_the_fence
        await gate.process([house.arrive(**BUY)])
    assert [one["action"] for one in house.signals_sent] == sides
    withdrawn = [reason for kind, reason in house.kinds() if kind == "withdrawal"]
    assert withdrawn == ([] if rule == "first_wins" else ["SIGNAL_CONFLICT"])
    await house.gate("gate-2").process([])
    total = sum((await house.ledger.exposure()).values())
    assert (total > 0) == bool(sides)


async def test_an_overruled_one_whose_gate_went_down_still_gets_its_verdict() -> None:
    house = await house_with(min_seconds_between_opposites=60, on_conflict="strongest_wins")
    buy = house.arrive(**BUY)
    house.journal.away = True
    await house.gate().process([buy])
    house.journal.away = False
    await house.gate("gate-2").process([house.arrive(**SELL)])
    await house.gate("gate-2").process([buy])
    assert house.kinds() == [
        ("verdict", "approve"), ("verdict", "approve"), ("withdrawal", "SIGNAL_CONFLICT"),
    ]  # fmt: skip
    assert [one["action"] for one in house.signals_sent] == ["sell"]


async def test_the_same_content_passes_once_in_a_while() -> None:
    house = await house_with(min_seconds_between_repeats=30)
    gate = house.gate()
    same: list[dict[str, object]] = [
        {"intent_id": "1"},
        {"intent_id": "2", "price": 50_001, "current_price": 50_001},
        {"intent_id": "3", "quantity": 0.011},
        {"intent_id": "4", "quantity": "0.0100"},
        {"intent_id": "5", "symbol": "ETHUSDT"},
    ]
    assert await outcome(house, gate, *same) == ["approve", "deny", "approve", "deny", "approve"]
    await house.pass_time(30)
    assert await outcome(house, gate, {"intent_id": "6"}) == ["approve"]


async def test_a_pause_is_recorded_announced_and_lifted_by_a_person() -> None:
    house = await house_with(max_same_executions_per_day=2)
    gate = house.gate()
    found = [await outcome(house, gate, {}) for _ in range(4)]
    assert found == [["approve"], ["approve"], ["deny"], ["deny"]]
    changes = [one for one in house.records if one["kind"] == "change"]
    (denied, _) = [one for one in house.records if one.get("verdict", {}).get("kind") == "deny"]
    assert denied["readings"]["paused"]
    assert [(one["decision_id"], one["change"]) for one in changes] == [
        (
            f"pause-{denied['decision_id']}",
            {
                "subject": "trading_state",
                "scope": "strategy:momentum",
                "value": "paused",
                "author": "gate",
                "reason": f"REPEATED_EXECUTION in decision {denied['decision_id']}",
            },
        )
    ]
    announced = [body for subject, body in house.announcer.heard if subject == STATE_UPDATED]
    assert [json.loads(one) for one in announced] == changes
    await house.feeds.refresh()
    assert await outcome(house, gate, {"action": "sell", "stop_loss": 51_000}) == ["deny"]
    assert house.codes() == ["STRATEGY_PAUSED"]
    assert await outcome(house, gate, {"action": "close"}) == ["approve"]
    await house.pass_time(1)
    desk = Desk(house.states, house.journal, house.announcer, fund="main", clock=house.now)
    await desk.switch(STRATEGY, TradingState.ACTIVE, reason="looked at it", author="ann")
    await house.feeds.refresh()
    again = [await outcome(house, gate, {}) for _ in range(3)]
    assert again == [["approve"], ["approve"], ["deny"]]


async def test_what_a_pause_finds_before_the_fence_is_withdrawn() -> None:
    house = await house_with(max_same_executions_per_day=1)
    assert await outcome(house, house.gate(), {}, {}) == ["deny", "deny"]
    assert not house.signals.sent
    withdrawn = [one["reason"] for one in house.records if one["kind"] == "withdrawal"]
    assert withdrawn == ["STRATEGY_PAUSED"]


async def test_a_pause_is_recorded_however_often_its_batch_is_tried() -> None:
    house = await house_with(max_same_executions_per_day=0)
    arrival = house.arrive()
    house.journal.away = True
    await house.gate().process([arrival])
    assert house.states.states_now.strategies == {"momentum": TradingState.PAUSED}
    house.journal.away = False
    await house.gate("gate-2").process([arrival])
    await house.gate("gate-2").process([arrival])
    changes = [one["decision_id"] for one in house.records if one["kind"] == "change"]
    assert changes == [f"pause-{arrival.decision_id}"]
    assert house.records[0]["verdict"]["kind"] == "deny"


async def test_who_only_observes_pauses_nobody() -> None:
    house = await house_with(max_same_executions_per_day=0)
    await house.gate(enforces=False).process([house.arrive()])
    assert house.codes() == ["REPEATED_EXECUTION"]
    assert not house.states.states_now.strategies
    assert len(house.records) == 1


async def test_prices_of_approvals_may_drift_so_far() -> None:
    house = await house_with(max_drift_bps_per_hour=100)
    prices = (50_000, 50_500, 50_500.01, 50_000, 49_994.99)
    asked: list[dict[str, object]] = [{"price": one, "current_price": one} for one in prices]
    found = await outcome(house, house.gate(), *asked)
    assert found == ["approve", "approve", "deny", "approve", "deny"]
