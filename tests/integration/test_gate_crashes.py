"""Gates that are told to stop, killed, or frozen, in the middle of a burst."""

import asyncio
import os
import random
import signal
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from tests.integration.gate_evidence import Evidence, gather
from tests.integration.gate_house import GateHouse, gate_house
from tests.integration.gate_intents import messages
from tests.integration.slow_link import slow_link

pytestmark = pytest.mark.integration

BURST = 3_000
SEEDS = range(int(os.environ.get("CHAOS_SEEDS", "6")))


@pytest.fixture
async def house(tmp_path: Path) -> AsyncIterator[GateHouse]:
    async with gate_house(tmp_path, batch_max=32) as running:
        yield running


async def test_one_of_two_replicas_is_told_to_stop_mid_burst(house: GateHouse) -> None:
    leaving, _ = await house.start("leaving", "staying")
    burst = asyncio.create_task(house.publish(messages(BURST)))
    await house.until_decided(BURST // 5)
    leaving.send(signal.SIGTERM)
    assert await leaving.ended() == 0
    await burst
    await house.settled()
    evidence = await gather(house)
    evidence.check()
    assert evidence.kinds() == {"approve": BURST}
    assert len(evidence.signals) == BURST
    assert not evidence.later


async def test_the_only_replica_is_told_to_stop_and_another_takes_over(house: GateHouse) -> None:
    (leaving,) = await house.start("leaving")
    burst = asyncio.create_task(house.publish(messages(BURST)))
    await house.until_decided(BURST // 5)
    leaving.send(signal.SIGTERM)
    assert await leaving.ended() == 0
    await house.start("coming")
    await burst
    await house.settled()
    evidence = await gather(house)
    evidence.check()
    assert len(evidence.signals) == BURST
    assert not evidence.later


async def kill_and_replace(house: GateHouse, burst: int, *, kills: int, seed: int) -> Evidence:
    """Kill each gate after it decided some intents, and start another one in its place."""
    chance = random.Random(seed)  # noqa: S311
    (living,) = await house.start("r0")
    publishing = asyncio.create_task(house.publish(messages(burst)))
    for number in range(1, kills + 1):
        await house.until_decided(len(house.decided) + chance.randint(1, burst // (kills + 2)))
        living.kill()
        living = house.launch(f"r{number}")
    await publishing
    await house.settled()
    return await gather(house)


async def test_a_replica_is_killed_again_and_again(house: GateHouse) -> None:
    evidence = await kill_and_replace(house, BURST, kills=3, seed=1)
    evidence.check()
    assert len(evidence.captured) == BURST
    assert evidence.kinds() == {"approve": BURST}


async def test_a_replica_is_killed_between_fence_and_signal(house: GateHouse) -> None:
    """The network is slow, so that a decision stays begun until its signals are confirmed."""
    async with slow_link(house.nats.port, delay_s=0.0) as link:
        (dying,) = await house.start("dying", nats_url=link.url)
        link.delay_s = 0.2
        await house.publish(messages(100))
        await house.until_begun()
        dying.kill()
        await house.start("next")
        await house.settled()
    evidence = await gather(house)
    evidence.check()
    assert evidence.kinds() == {"approve": 100}
    assert evidence.ended("unconfirmed")
    assert not await house.in_ledger("begun")


@pytest.mark.chaos
@pytest.mark.timeout(600)
@pytest.mark.parametrize("seed", SEEDS)
async def test_replicas_are_killed_at_any_moment(house: GateHouse, seed: int) -> None:
    evidence = await kill_and_replace(house, 6_000, kills=8, seed=seed)
    evidence.check()
    print(f"unconfirmed: {len(evidence.ended('unconfirmed'))}")  # noqa: T201


async def test_a_frozen_replica_wakes_up_when_others_have_done_its_work(house: GateHouse) -> None:
    """Frozen for longer than the stream waits for it, so that its batches go to the other one."""
    frozen, _ = await house.start("frozen", "awake")
    burst = asyncio.create_task(house.publish(messages(BURST)))
    await house.until_decided(BURST // 5)
    frozen.send(signal.SIGSTOP)
    await burst
    await house.taken_over()
    frozen.send(signal.SIGCONT)
    await house.settled()
    await house.publish(messages(100, first=BURST))  # its queue is behind it when these are done
    await house.settled()
    frozen.send(signal.SIGTERM)
    assert await frozen.ended() == 0
    evidence = await gather(house)
    evidence.check()
    assert evidence.kinds() == {"approve": BURST + 100}
