"""Servers that die, come back, come back empty, or are slow, in the middle of a burst."""

import asyncio
import os
import random
import time
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest

from petrosa_cio.adapters.embedded.process import ServerProcess
from petrosa_cio.risk.trading_state import FUND, TradingState
from tests.integration.gate_evidence import gather
from tests.integration.gate_house import WIDE_POLICY, GateHouse, gate_house
from tests.integration.gate_intents import message, messages
from tests.integration.slow_link import slow_link
from tests.waiting import eventually

pytestmark = pytest.mark.integration

BURST = 3_000
SEEDS = range(int(os.environ.get("CHAOS_SEEDS", "6")))


@pytest.fixture
async def house(tmp_path: Path) -> AsyncIterator[GateHouse]:
    async with gate_house(tmp_path, batch_max=32) as running:
        yield running


async def burst_through(house: GateHouse, server: ServerProcess, *, kills: int, seed: int) -> None:
    """Kill a server, and start it again with its data, while two gates are busy."""
    chance = random.Random(seed)  # noqa: S311
    await house.start("r1", "r2")
    burst = asyncio.create_task(house.publish(messages(BURST)))
    for _ in range(kills):
        await house.until_decided(len(house.decided) + chance.randint(1, BURST // (kills + 2)))
        server.kill()
        await server.start()
    await burst
    await house.publish_last()
    await house.settled(at_least=1)


async def test_nats_is_killed_mid_burst(house: GateHouse) -> None:
    await burst_through(house, house.nats, kills=1, seed=1)
    (await gather(house)).check(died_with_server=await house.in_ledger("approve"))


async def test_redis_is_killed_mid_burst_and_comes_back_with_its_data(house: GateHouse) -> None:
    await burst_through(house, house.redis, kills=2, seed=2)
    evidence = await gather(house)
    evidence.check()
    assert evidence.kinds() == {"approve": BURST, "deny": 1}


@pytest.mark.chaos
@pytest.mark.timeout(300)
@pytest.mark.parametrize("seed", SEEDS)
@pytest.mark.parametrize("server", ["nats", "redis"])
async def test_servers_are_killed_at_any_moment(house: GateHouse, server: str, seed: int) -> None:
    await burst_through(house, getattr(house, server), kills=4, seed=seed)
    lost = await house.in_ledger("approve") if server == "nats" else set()
    (await gather(house)).check(died_with_server=lost)


async def test_a_journal_slower_than_the_stream_waits_doubles_nothing(tmp_path: Path) -> None:
    """Four trips over the link are longer than ``ack_wait``: each intent is delivered twice."""
    async with (
        gate_house(tmp_path, batch_max=64) as house,
        slow_link(house.nats.port, delay_s=0.0) as link,
    ):
        await house.start(
            "r1", "r2", nats_url=link.url, ack_wait_ms=1_101, journal_timeout_ms=900,
            ledger_timeout_ms=100,
        )  # fmt: skip
        link.delay_s = 0.3
        await house.publish(messages(600))
        await house.delivered_again(300)
        link.delay_s = 0.0
        await house.settled()
        evidence = await gather(house)
    evidence.check()
    assert evidence.kinds() == {"approve": 600}


def openings_and_exits(count: int, *, first: int) -> Iterator[tuple[str, bytes]]:
    """Make intents of which every third one is an exit."""
    for number in range(first, first + count):
        yield message(number, action="buy" if number % 3 else "close")


async def test_redis_comes_back_empty_and_nothing_is_opened_until_resumed(
    house: GateHouse,
) -> None:
    """Exits go on meanwhile, and none of them is sent twice although the ledger forgot them."""
    await house.start("r1", "r2")
    await house.publish(messages(300))
    await house.settled()
    burst = asyncio.create_task(house.publish(openings_and_exits(BURST, first=300)))
    await house.until_decided(700)
    house.redis.kill()
    killed_at = time.time()
    house.redis.wipe()
    await house.redis.start()
    await burst
    await house.settled(timeout_s=90)
    evidence = await gather(house)
    evidence.check()
    late = [one for one in evidence.signals if evidence.final(one.decision_id).at > killed_at]
    assert {str(one.body["action"]) for one in late} == {"close"}
    assert len([one for one in evidence.signals if one.body["action"] == "close"]) > BURST // 4
    states = await house.store.trading_states()
    assert states.fund is not TradingState.ACTIVE

    await house.store.set_trading_state(FUND, TradingState.ACTIVE, reason="looked", author="test")
    heard, numbers = len(house.signals), iter(range(20_000, 30_000))

    async def opens_again() -> bool:
        await house.publish(messages(1, first=next(numbers)))
        return len(house.signals) > heard

    await eventually(opens_again)
    await house.settled()
    (await gather(house)).check()


async def test_an_intent_that_was_sent_is_never_taken_back_while_the_ledger_is_away(
    tmp_path: Path,
) -> None:
    """Sent by a gate that died before it could say so, then out of date with no ledger to ask."""
    policy = WIDE_POLICY.replace("max_intent_age_s: 300", "max_intent_age_s: 2")
    async with (
        gate_house(tmp_path, policy=policy, batch_max=8) as house,
        slow_link(house.nats.port, delay_s=0.0) as link,
    ):
        dying, _ = await house.start("dying", "r1", nats_url=link.url)
        link.delay_s = 0.2
        await house.publish(messages(64))
        await eventually(lambda: house.signals)
        dying.kill()
        await house.redis.stop()
        link.delay_s = 0.0
        await house.settled()
        evidence = await gather(house)
    evidence.check()
    assert evidence.signals
    assert evidence.ended("unconfirmed") & evidence.signalled()
