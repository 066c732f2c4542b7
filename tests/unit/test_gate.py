"""The way of an intent through the gate, as long as everything is there."""

import pytest

from petrosa_cio.nurse.arrival import Arrival
from petrosa_cio.risk.trading_state import FUND, Scope, ScopeKind, TradingState
from tests.gates import POLICY, House


@pytest.fixture
async def house() -> House:
    return await House().open()


async def test_an_approval_is_journaled_then_fenced_then_sent_then_acknowledged(
    house: House,
) -> None:
    arrival = house.arrive()
    await house.gate().process([arrival])
    assert [step for step, _ in house.effects] == [
        "reserve",
        "journal",
        "begin",
        "publish",
        "finish",
        "acknowledge",
        "announce",
    ]
    assert house.kinds() == [("verdict", "approve")]
    (signal,) = house.signals.sent
    assert (signal.decision_id, signal.subject) == (
        arrival.decision_id,
        "signals.trading.momentum",
    )
    assert house.announcer.heard[0][0] == "cio.verdict.approve.momentum"
    assert sum((await house.ledger.exposure()).values()) > 0


async def test_a_denial_is_journaled_and_never_sent(house: House) -> None:
    await house.gate().process([house.arrive(confidence=0.1)])
    assert house.kinds() == [("verdict", "deny")]
    assert house.codes() == ["CONFIDENCE_BELOW_MIN"]
    assert not house.signals.sent
    assert len(house.intake.acknowledged) == 1
    assert await house.ledger.exposure() == {}


async def test_a_reduction_sends_the_smaller_size(house: House) -> None:
    await house.gate().process([house.arrive(quantity=0.05)])
    assert house.kinds() == [("verdict", "reduce")]
    (signal,) = house.signals_sent
    assert signal["quantity"] == 0.02
    assert signal["metadata"]["requested_quantity"] == 0.05


@pytest.mark.parametrize(
    "fields",
    [
        {"action": "hold"},
        {"action": "hold", "signal_type": "buy"},
        {"action": "hold", "side": "sell"},
        {"action": None, "signal_type": "hold", "position_type": "long"},
        {"action": "hold", "metadata": {"action": "buy"}},
    ],
)
async def test_hold_is_never_promoted(house: House, fields: dict[str, object]) -> None:
    await house.gate().process([house.arrive(**fields)])
    assert not house.signals.sent
    assert [kind for _, kind in house.kinds()] == ["deny"]
    assert len(house.intake.acknowledged) == 1


async def test_what_is_no_intent_is_denied_without_asking_the_ledger(house: House) -> None:
    await house.gate().process([house.arrive_bytes(b"not JSON"), house.arrive_bytes(b"\xff")])
    assert house.codes() == ["INTENT_MALFORMED"]
    assert "reserve" not in dict(house.effects)
    assert "begin" not in dict(house.effects)
    assert len(house.intake.acknowledged) == 2


async def test_an_exit_passes_a_halt(house: House) -> None:
    await house.switch(TradingState.HALTED)
    await house.feeds.refresh()
    await house.gate().process([house.arrive(action="close", confidence=None)])
    assert [one["action"] for one in house.signals_sent] == ["close"]


# --- between the verdict and its effect -----------------------------------------------------------


@pytest.mark.parametrize(
    ("scope", "state", "code"),
    [
        (FUND, TradingState.HALTED, "FUND_HALTED"),
        (FUND, TradingState.REDUCING, "REDUCING_ONLY"),
        (Scope(ScopeKind.STRATEGY, "momentum"), TradingState.HALTED, "STRATEGY_HALTED"),
        (Scope(ScopeKind.SYMBOL, "BTCUSDT"), TradingState.HALTED, "SYMBOL_HALTED"),
    ],
)
async def test_a_halt_in_between_withdraws_what_was_approved(
    house: House, scope: Scope, state: TradingState, code: str
) -> None:
    async def halt() -> None:
        house.journal.before = house.feeds.refresh
        await house.switch(state, scope)

    house.journal.before = halt
    arrival = house.arrive()
    await house.gate().process([arrival])
    assert house.kinds() == [("verdict", "approve"), ("withdrawal", code)]
    assert not house.signals.sent
    assert await house.ledger.exposure() == {}
    assert house.announcer.heard[0][0] == "cio.verdict.deny.momentum"
    assert house.tally.counts["withdrawn"] == house.tally.counts["deny"] == 1
    assert len(house.intake.acknowledged) == 1


@pytest.mark.parametrize("tightens", [True, False])
async def test_only_a_tighter_policy_in_between_withdraws(house: House, tightens: bool) -> None:
    async def change() -> None:
        house.journal.before = house.feeds.refresh
        await house.activate(POLICY | {"name": "changed"}, tightens=tightens)

    house.journal.before = change
    await house.gate().process([house.arrive()])
    withdrawn = [("withdrawal", "POLICY_STALE")]
    assert house.kinds() == [("verdict", "approve"), *(withdrawn if tightens else [])]
    assert len(house.signals.sent) == (not tightens)


async def test_what_expires_in_between_is_withdrawn(house: House) -> None:
    async def late() -> None:
        house.clock.advance(60_001)

    house.journal.before = late
    await house.gate().process([house.arrive()])
    assert house.kinds()[1] == ("withdrawal", "INTENT_STALE")
    assert not house.signals.sent
    assert await house.ledger.exposure() == {}


# --- the way out ----------------------------------------------------------------------------------


async def test_what_nobody_hears_is_recorded_and_its_reservation_given_back(house: House) -> None:
    house.signals.listening = False
    await house.gate().process([house.arrive()])
    assert [kind for kind, _ in house.kinds()] == ["verdict", "undelivered"]
    assert await house.ledger.exposure() == {}
    assert house.tally.counts["undelivered"] == 1
    assert len(house.intake.acknowledged) == 1


async def test_what_may_have_been_heard_keeps_its_reservation(house: House) -> None:
    house.signals.broken = True
    await house.gate().process([house.arrive()])
    assert [kind for kind, _ in house.kinds()] == ["verdict", "unconfirmed"]
    assert sum((await house.ledger.exposure()).values()) > 0
    assert house.tally.counts["unconfirmed"] == 1


async def test_what_could_not_be_finished_is_finished_with_the_next_batch(house: House) -> None:
    gate = house.gate()
    house.signals.listening, house.ledger.away = False, frozenset({"finish"})
    first = house.arrive()
    await gate.process([first])
    assert list(await house.ledger.reservations()) == [first.decision_id]
    assert len(house.intake.acknowledged) == 1
    house.signals.listening, house.ledger.away = True, frozenset()
    second = house.arrive()
    await gate.process([second])
    assert list(await house.ledger.reservations()) == [second.decision_id]


async def test_what_could_not_be_acknowledged_is_not_sent_again(house: House) -> None:
    arrival, gate = house.arrive(), house.gate()
    house.intake.away = True
    await gate.process([arrival])
    house.intake.away = False
    await gate.process([arrival])
    assert len(house.signals.sent) == 1
    assert house.kinds() == [("verdict", "approve")]
    assert len(house.intake.acknowledged) == 1


# --- a batch --------------------------------------------------------------------------------------


async def test_a_batch_is_walked_in_order_and_shares_what_is_limited(house: House) -> None:
    arrivals = [house.arrive(quantity=0.02) for _ in range(7)]
    await house.gate().process(arrivals)
    assert [kind for _, kind in house.kinds()] == ["approve"] * 5 + ["deny"] * 2
    assert house.codes() == ["GROSS_EXPOSURE_ABOVE_MAX"]
    assert [one.decision_id for one in house.signals.sent] == [
        one.decision_id for one in arrivals[:5]
    ]


async def test_one_message_twice_in_a_batch_is_one_decision(house: House) -> None:
    arrival = house.arrive()
    await house.gate().process([arrival, arrival])
    assert house.kinds() == [("verdict", "approve")]
    assert len(house.signals.sent) == 1


async def test_a_bot_s_own_id_is_promoted_once(house: House) -> None:
    first, second, third = (house.arrive(intent_id="a", quantity=size) for size in (0.01, 0.01, 1))
    await house.gate().process([first, second])
    assert house.codes() == ["INTENT_REPEATED"]
    assert house.records[-1]["verdict"]["first_decision"] == first.decision_id
    await house.gate().process([third])
    assert "INTENT_ID_REUSED" in house.codes()
    assert len(house.signals.sent) == 1


async def test_two_gates_with_one_message_send_one_signal(house: House) -> None:
    arrival = house.arrive()
    ours, theirs = house.gate("gate-1"), house.gate("gate-2")

    async def meanwhile() -> None:
        house.journal.before = house.feeds.refresh
        await theirs.process([arrival])

    house.journal.before = meanwhile
    await ours.process([arrival])
    assert len(house.signals.sent) == 1
    assert {kind for _, kind in house.kinds()} == {"approve"}
    assert {one["decision_id"] for one in house.records} == {arrival.decision_id}


async def test_one_that_another_gate_is_busy_with_is_given_back(house: House) -> None:
    arrival = house.arrive()
    theirs = house.gate("gate-2")

    async def meanwhile() -> None:
        house.journal.before = house.feeds.refresh
        house.ledger.away = frozenset({"finish"})
        await theirs.process([arrival])
        house.intake.acknowledged.clear()

    house.journal.before = meanwhile
    await house.gate("gate-1").process([arrival])
    assert len(house.signals.sent) == 1
    assert [one for one, _ in house.intake.given_back] == [arrival.delivery]
    assert not house.intake.acknowledged


# --- observing, counting --------------------------------------------------------------------------


async def test_observing_says_what_it_would_do_and_does_nothing(house: House) -> None:
    gate = house.gate(enforces=False)
    await gate.process([house.arrive(), house.arrive(confidence=0.1)])
    assert house.kinds() == [("verdict", "approve"), ("verdict", "deny")]
    assert house.records[0]["mode"] == "observe"
    assert not house.signals.sent
    assert await house.ledger.exposure() == {}
    assert len(house.intake.acknowledged) == 2


async def test_everything_is_counted(house: House) -> None:
    arrivals: list[Arrival] = [
        house.arrive(),
        house.arrive(quantity=0.05),
        house.arrive(confidence=0.1),
        house.arrive_bytes(b"{"),
    ]
    await house.gate().process(arrivals)
    assert +house.tally.counts == {
        "approve": 1,
        "reduce": 1,
        "deny": 2,
        "signals": 2,
        "NOTIONAL_ABOVE_MAX": 1,
        "CONFIDENCE_BELOW_MIN": 1,
        "INTENT_MALFORMED": 1,
    }


async def test_an_empty_batch_does_nothing(house: House) -> None:
    await house.gate().process([])
    assert house.effects == []
