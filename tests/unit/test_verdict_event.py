"""What live watchers hear of a verdict, by whichever way it came."""

from typing import Any

import orjson

from petrosa_cio.risk.trading_state import TradingState
from tests.gates import House


async def house() -> House:
    return await House().open()


def heard(house: House) -> dict[str, Any]:
    """Return the last event."""
    _, body = house.announcer.heard[-1]
    event: dict[str, Any] = orjson.loads(body)
    return event


async def test_an_approval_says_what_is_bought_for_whom() -> None:
    one = await house()
    await one.gate().process([one.arrive()])
    event = heard(one)
    assert event["at"] == one.now().isoformat()
    assert len(event["decision_id"]) == 32
    del event["at"], event["decision_id"]
    assert event == {
        "mode": "enforce", "strategy": "momentum", "symbol": "BTCUSDT", "action": "buy",
        "verdict": "approve", "codes": [], "reasons": [], "requested_quantity": "0.01",
        "quantity": "0.01", "price": "50000", "first_decision": None, "first_verdict": "",
    }  # fmt: skip


async def test_a_reduction_says_both_sizes_and_why() -> None:
    one = await house()
    await one.gate(enforces=False).process([one.arrive(quantity=0.1)])
    event = heard(one)
    assert (event["verdict"], event["mode"]) == ("reduce", "observe")
    assert (event["requested_quantity"], event["quantity"]) == ("0.1", "0.02")
    assert event["codes"] == ["NOTIONAL_ABOVE_MAX"]
    assert event["reasons"][0].startswith("NOTIONAL_ABOVE_MAX: limit=1000, observed=5000")


async def test_what_a_halt_withdrew_is_told_as_denied() -> None:
    one = await house()
    gate = one.gate()
    arrival = one.arrive()
    one.journal.before = lambda: one.switch(TradingState.HALTED)
    await gate.process([arrival])
    event = heard(one)
    assert (event["verdict"], event["codes"]) == ("deny", ["FUND_HALTED"])
    assert event["quantity"] is None


async def test_a_message_that_is_no_intent_is_told_with_what_it_states() -> None:
    one = await house()
    await one.gate().process([one.arrive_bytes(b'{"strategy_id": "grid", "symbol": 7}')])
    event = heard(one)
    assert (event["strategy"], event["symbol"], event["action"]) == ("grid", None, None)
    assert event["codes"] == ["INTENT_MALFORMED"]
    await one.gate().process([one.arrive_bytes(b"\xff")])
    assert heard(one)["strategy"] is None


async def test_a_repetition_names_the_first() -> None:
    one = await house()
    await one.gate().process([one.arrive(id="a")])
    first = heard(one)["decision_id"]
    await one.gate().process([one.arrive(id="a")])
    event = heard(one)
    assert event["codes"] == ["INTENT_REPEATED"]
    assert (event["first_decision"], event["first_verdict"]) == (first, "approve")
