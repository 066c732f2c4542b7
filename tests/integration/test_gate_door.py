"""The synchronous door, asked over the wire."""

import asyncio
import os
import random
import signal
from collections import Counter
from collections.abc import AsyncIterator, Mapping
from pathlib import Path

import pytest
from nats.errors import NoRespondersError

from tests.integration.gate_evidence import PROMOTED, gather
from tests.integration.gate_house import GateHouse, gate_house
from tests.integration.gate_intents import body
from tests.integration.slow_link import slow_link
from tests.waiting import eventually

pytestmark = pytest.mark.integration

SEEDS = range(int(os.environ.get("CHAOS_SEEDS", "6")))


@pytest.fixture
async def house(tmp_path: Path) -> AsyncIterator[GateHouse]:
    async with gate_house(tmp_path) as running:
        yield running


async def test_the_reply_is_the_verdict(house: GateHouse) -> None:
    await house.start("r1")
    approved = await house.ask(body(1))
    denied = await house.ask(body(2, confidence=7))
    repeated = await house.ask(body(1))
    await eventually(lambda: house.signals)
    evidence = await gather(house)
    evidence.check()
    assert approved["verdict"] == "approve"
    assert approved["quantity"] == "0.001"
    assert denied["verdict"] == "deny"
    assert str(denied["reasons"]).count("CONFIDENCE_INVALID") == 1
    assert repeated["verdict"] == "deny"
    assert repeated["first_decision"] == approved["decision_id"]
    assert repeated["first_verdict"] == "approve"
    assert [one.decision_id for one in evidence.signals] == [approved["decision_id"]]
    answered = {approved["decision_id"], denied["decision_id"], repeated["decision_id"]}
    assert evidence.verdicts.keys() == answered


async def test_every_one_of_many_callers_is_answered(house: GateHouse) -> None:
    await house.start("r1", "r2")
    answers = await asyncio.gather(*(house.ask(body(number)) for number in range(500)))
    approved = {one["decision_id"] for one in answers if one["verdict"] == "approve"}
    await eventually(lambda: approved <= {one.decision_id for one in house.signals})
    await all_ends_known(house)
    evidence = await gather(house)
    evidence.check()
    assert {one["verdict"] for one in answers} <= {"approve", "RETRY_SAFE"}
    assert evidence.signalled() == approved
    assert sum(evidence.kinds().values()) >= len(approved)


async def test_while_the_ledger_is_away_it_is_safe_to_ask_again(house: GateHouse) -> None:
    await house.start("r1")
    await house.ask(body(1_000))  # so that the ledger's scripts are known
    assert house.redis.process
    house.redis.process.send_signal(signal.SIGSTOP)
    try:
        for _ in range(2):  # the second time, the gate has given up on the first
            answers = await asyncio.gather(*(house.ask(body(number)) for number in range(20)))
            assert Counter(str(one["verdict"]) for one in answers) == {"RETRY_SAFE": 20}
    finally:
        house.redis.process.send_signal(signal.SIGCONT)

    async def answered() -> bool:
        for number in range(20):
            if number not in again:
                answer = await house.ask(body(number))
                if not is_open(answer):
                    again[number] = answer
        return len(again) == 20

    again: dict[int, dict[str, object]] = {}
    await eventually(answered)
    assert [one for one in again.values() if one["verdict"] != "approve"] == []
    await eventually(lambda: len(house.signals) == 21)
    await all_ends_known(house)
    evidence = await gather(house)
    evidence.check()
    assert len(await house.ledger.reservations()) == 21


def is_open(answer: Mapping[str, object]) -> bool:
    """Return whether there is no verdict yet.

    What the ledger was asked for before it stopped it may do when it goes on. Until that is swept,
    the same intent is told to be a repetition of one that came to no verdict.
    """
    is_repeated = str(answer["reasons"]).count("INTENT_REPEATED") and not answer["first_verdict"]
    return answer["verdict"] == "RETRY_SAFE" or bool(is_repeated)


async def kill_while_callers_wait(house: GateHouse, *, callers: int, seed: int) -> None:
    (dying,) = await house.start("dying", batch_max=4, door_timeout_ms=5_000)
    asking = [asyncio.create_task(ask_once(house, number)) for number in range(callers)]
    await house.until_decided(random.Random(seed).randint(1, callers // 4))  # noqa: S311
    dying.kill()
    await house.start("next")
    answers = await asyncio.gather(*asking)
    await all_ends_known(house)
    evidence = await gather(house)
    evidence.check()
    told = {one["decision_id"] for one in answers if one.get("verdict") == "approve"}
    assert told <= evidence.signalled()


async def test_a_gate_is_killed_while_callers_wait(house: GateHouse) -> None:
    """Callers hear nothing then; whatever was approved for them comes to a known end."""
    await kill_while_callers_wait(house, callers=300, seed=1)


async def test_a_gate_is_killed_between_fence_and_signal_of_a_caller(house: GateHouse) -> None:
    async with slow_link(house.nats.port, delay_s=0.0) as link:
        (dying,) = await house.start("dying", nats_url=link.url, door_timeout_ms=5_000)
        link.delay_s = 0.2
        asking = [asyncio.create_task(ask_once(house, number)) for number in range(8)]
        await house.until_begun()
        dying.kill()
        await house.start("next")
        await asyncio.gather(*asking)
    await all_ends_known(house)
    evidence = await gather(house)
    evidence.check()
    assert evidence.ended("unconfirmed")
    assert not await house.in_ledger("begun")


@pytest.mark.chaos
@pytest.mark.timeout(300)
@pytest.mark.parametrize("seed", SEEDS)
async def test_gates_are_killed_at_any_moment_while_callers_wait(
    house: GateHouse, seed: int
) -> None:
    await kill_while_callers_wait(house, callers=300, seed=seed)


async def ask_once(house: GateHouse, number: int) -> dict[str, object]:
    try:
        return await house.ask(body(number), timeout_s=8)
    except (NoRespondersError, TimeoutError):
        return {}


async def test_a_repetition_through_the_stream_is_told_from_the_first(house: GateHouse) -> None:
    await house.start("r1", "r2")
    asked = await house.ask(body(1))
    await house.publish([("intent.bot_1", body(1)), ("intent.bot_1", body(1, quantity=0.002))])
    await house.settled()
    evidence = await gather(house)
    evidence.check()
    assert asked["verdict"] in PROMOTED
    codes = Counter(code for one in evidence.captured for code in evidence.final(one).codes)
    assert codes == {"INTENT_REPEATED": 1, "INTENT_ID_REUSED": 1}
    assert len(evidence.signals) == 1


async def all_ends_known(house: GateHouse) -> None:
    """Wait until every caller that was not told a verdict has lost its approval, too."""

    async def all_known() -> bool:
        evidence = await gather(house)
        unknown = evidence.promoted() - evidence.signalled() - evidence.later.keys()
        return not unknown

    await eventually(all_known, timeout_s=40)
