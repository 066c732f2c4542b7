"""The synchronous door: an answer in time, and never a promise that does not hold."""

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager

import orjson
import pytest

from petrosa_cio.nurse import door as door_module
from petrosa_cio.nurse.door import RETRY_SAFE, Door
from petrosa_cio.ports import SignalMessage
from petrosa_cio.risk.trading_state import TradingState
from tests.gates import House, intent
from tests.waiting import eventually

SUBJECT = "cio.nurse.audit"
LONG_S, AT_ONCE_S = 60.0, 0.01


@pytest.fixture
async def house() -> House:
    return await House().open()


def door_of(house: House, *, timeout_s: float = LONG_S) -> Door:
    return Door(house.gate(), timeout_s=timeout_s, batch_max=16, clock=house.now)


@asynccontextmanager
async def serving(door: Door) -> AsyncIterator[asyncio.Event]:
    stop = asyncio.Event()
    async with asyncio.TaskGroup() as tasks:
        tasks.create_task(door.serve(stop))
        yield stop
        stop.set()


async def ask(door: Door, **fields: object) -> dict[str, object]:
    answer: dict[str, object] = orjson.loads(await door.ask(SUBJECT, {}, intent(**fields)))
    return answer


async def test_the_reply_is_the_verdict(house: House) -> None:
    door = door_of(house)
    async with serving(door):
        answer = await ask(door)
    (signal,) = house.signals.sent
    assert answer == {
        "decision_id": signal.decision_id,
        "verdict": "approve",
        "reasons": [],
        "quantity": "0.01",
        "first_decision": None,
        "first_verdict": "",
    }
    (record,) = house.records
    assert (record["source"]["subject"], record["source"]["stream"]) == (SUBJECT, "")
    assert not house.intake.acknowledged


async def test_many_callers_are_decided_together_and_each_hears_its_own(house: House) -> None:
    door = door_of(house)
    calls = [asyncio.create_task(ask(door, confidence=0.1 * n)) for n in range(3, 10)]
    async with serving(door):
        answers = await asyncio.gather(*calls)
    assert [one["verdict"] for one in answers] == ["deny"] * 3 + ["approve"] * 4
    assert len(house.signals.sent) == 4
    assert len({one["decision_id"] for one in answers}) == 7


async def test_a_repetition_names_the_decision_whose_answer_stands(house: House) -> None:
    door = door_of(house)
    async with serving(door):
        first = await ask(door, intent_id="a")
        again = await ask(door, intent_id="a")
    assert again["verdict"] == "deny"
    assert (again["first_decision"], again["first_verdict"]) == (first["decision_id"], "approve")
    assert str(again["reasons"]).startswith("['INTENT_REPEATED")


async def test_an_approval_that_loses_the_fence_is_answered_as_a_denial(house: House) -> None:
    async def halt() -> None:
        house.journal.before = house.feeds.refresh
        await house.switch(TradingState.HALTED)

    house.journal.before = halt
    door = door_of(house)
    async with serving(door):
        answer = await ask(door)
    assert (answer["verdict"], answer["reasons"]) == ("deny", ["FUND_HALTED"])
    assert not house.signals.sent


async def test_one_that_waits_too_long_is_never_promoted_and_may_come_again(house: House) -> None:
    door = door_of(house, timeout_s=AT_ONCE_S)
    assert await door.ask(SUBJECT, {}, intent(intent_id="a")) == RETRY_SAFE
    async with serving(door):
        await eventually(lambda: house.effects == [])
    assert house.effects == []
    patient = door_of(house)
    async with serving(patient):
        assert (await ask(patient, intent_id="a"))["verdict"] == "approve"


async def test_one_whose_time_is_over_before_the_fence_is_withdrawn(house: House) -> None:
    over = asyncio.Event()
    house.journal.before = over.wait  # type: ignore[assignment]
    door = door_of(house, timeout_s=AT_ONCE_S)
    async with serving(door):
        assert await door.ask(SUBJECT, {}, intent(intent_id="a")) == RETRY_SAFE
        over.set()
        await eventually(lambda: len(house.records) == 2)
    assert house.kinds() == [("verdict", "approve"), ("withdrawal", "DEADLINE_EXCEEDED")]
    assert not house.signals.sent
    assert await house.ledger.exposure() == {}
    patient = door_of(house)
    async with serving(patient):
        assert (await ask(patient, intent_id="a"))["verdict"] == "approve"


async def test_once_promotion_has_begun_the_caller_gets_the_verdict_however_late(
    house: House,
) -> None:
    begun, over = asyncio.Event(), asyncio.Event()
    send = house.signals.send

    async def slowly(signals: Sequence[SignalMessage], *, until: float) -> None:
        begun.set()
        await over.wait()
        await send(signals, until=until)

    house.signals.send = slowly  # type: ignore[method-assign]
    door = door_of(house, timeout_s=AT_ONCE_S)
    async with serving(door):
        call = asyncio.create_task(ask(door))
        await begun.wait()
        done, _ = await asyncio.wait({call}, timeout=5 * AT_ONCE_S)
        assert not done
        over.set()
        assert (await call)["verdict"] == "approve"


@pytest.mark.parametrize("away", ["reserve", "begin"])
async def test_without_a_ledger_the_caller_may_try_again(house: House, away: str) -> None:
    house.ledger.away = frozenset({away})
    door = door_of(house)
    async with serving(door):
        assert await door.ask(SUBJECT, {}, intent()) == RETRY_SAFE
    assert not house.signals.sent
    assert not house.intake.given_back


async def test_without_a_journal_the_caller_may_try_again_at_once(house: House) -> None:
    house.journal.away = True
    door = door_of(house)
    async with serving(door):
        assert await door.ask(SUBJECT, {}, intent(intent_id="a")) == RETRY_SAFE
        house.journal.away = False
        assert (await ask(door, intent_id="a"))["verdict"] == "approve"
    assert len(house.signals.sent) == 1


async def test_garbage_gets_its_verdict(house: House) -> None:
    door = door_of(house)
    async with serving(door):
        answer = orjson.loads(await door.ask(SUBJECT, {}, b"\xff"))
    assert answer["verdict"] == "deny"
    assert answer["reasons"][0].startswith("INTENT_MALFORMED")


async def test_one_too_many_is_told_at_once(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(door_module, "MAX_WAITING", 2)
    door = door_of(house)
    waiting = [asyncio.create_task(ask(door)) for _ in range(2)]
    await asyncio.sleep(0)
    assert await door.ask(SUBJECT, {}, intent()) == RETRY_SAFE
    async with serving(door):
        assert [(await one)["verdict"] for one in waiting] == ["approve"] * 2


async def test_a_closed_door_sends_everyone_on(house: House) -> None:
    door = door_of(house)
    stop = asyncio.Event()
    stop.set()
    waiting = asyncio.create_task(door.ask(SUBJECT, {}, intent()))
    await asyncio.sleep(0)
    await door.serve(stop)
    assert await waiting == RETRY_SAFE
    assert await door.ask(SUBJECT, {}, intent()) == RETRY_SAFE
    assert house.effects == []


# --- what a gate that went down left open ---------------------------------------------------------


async def left_open(house: House, *, away: str) -> None:
    """Leave a decision of the door open, as a gate that is killed does."""
    house.ledger.away = frozenset({away})

    async def killed() -> None:
        raise asyncio.CancelledError

    if away == "nothing":
        house.journal.before = killed
    door = door_of(house, timeout_s=AT_ONCE_S)
    asking = asyncio.create_task(door.ask(SUBJECT, {}, intent(intent_id="a")))
    serving_it = asyncio.create_task(door.serve(asyncio.Event()))
    await asyncio.wait({asking})
    serving_it.cancel()
    await asyncio.wait({serving_it})
    house.ledger.away, house.journal.before = frozenset(), house.feeds.refresh


async def test_one_left_before_the_fence_is_withdrawn(house: House) -> None:
    await left_open(house, away="nothing")
    gate = house.gate("gate-2")
    await gate.sweep()
    assert house.kinds() == []
    await house.pass_time(6)
    await gate.sweep()
    await gate.sweep()
    assert house.kinds() == [("withdrawal", "DEADLINE_EXCEEDED")]
    assert await house.ledger.exposure() == {}


async def test_one_left_after_the_fence_is_unconfirmed(house: House) -> None:
    await left_open(house, away="finish")
    await house.pass_time(11)
    gate = house.gate("gate-2")
    await gate.sweep()
    await gate.sweep()
    assert [kind for kind, _ in house.kinds()] == ["verdict", "unconfirmed"]
    assert house.tally.counts["unconfirmed"] == 1
    assert sum((await house.ledger.exposure()).values()) > 0
