"""Whatever dies, hangs or works twice: one chain, whole, in journal order, nothing twice."""

import asyncio
import os
import signal
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import orjson
import pytest

from petrosa_cio.adapters.embedded import start_mongo
from petrosa_cio.adapters.embedded.process import ServerProcess
from petrosa_cio.audit.proof import Outcome
from petrosa_cio.risk.reasons import ReasonCode
from petrosa_cio.risk.verdict import VerdictKind
from tests.integration.drain_world import DrainWorld, drain_world
from tests.integration.processes import python
from tests.loading import ROOT
from tests.records import later_line, verdict_line
from tests.waiting import eventually

pytestmark = [pytest.mark.integration, pytest.mark.chaos]

BATCHES = 20
A_BATCH = 25
DENIED = (VerdictKind.DENY, ReasonCode.LEDGER_UNAVAILABLE)
CHILD = "import runpy; runpy.run_module('tests.integration.drain_world', run_name='__main__')"


@pytest.fixture
async def own_mongo(tmp_path: Path) -> AsyncIterator[ServerProcess]:
    server = await start_mongo(tmp_path / "mongo")
    yield server
    await server.stop()


@pytest.fixture
async def world(own_nats: ServerProcess, own_mongo: ServerProcess) -> AsyncIterator[DrainWorld]:
    async with drain_world(own_nats.url, own_mongo.url) as world:
        yield world


def batch(number: int) -> list[bytes]:
    """Return a batch: new verdicts, a repetition, a withdrawal, and a line that does not read."""
    names = [f"d{number * A_BATCH + place}" for place in range(A_BATCH)]
    again = verdict_line(f"d{max(0, number - 1) * A_BATCH}", *DENIED)
    return [
        *map(verdict_line, names[:9]), again, b"odd", *map(verdict_line, names[9:]),
        later_line(names[0]),
    ]  # fmt: skip


EXPECTED = BATCHES * (A_BATCH + 2)


async def journaled(world: DrainWorld) -> int:
    """Journal all batches and return the sequence of the last."""
    for number in range(BATCHES):
        last = await world.journal(*batch(number))
    return last


async def assert_one_whole_chain(world: DrainWorld) -> None:
    proof = await world.proof()
    assert (proof.first_fault, proof.told) == (None, [])
    assert proof.outcome(EXPECTED) is Outcome.PROVEN
    chain = await world.chain()
    assert len(chain) == EXPECTED
    places = [(one["journal_sequence"], one["journal_index"]) for one in chain]
    assert places == sorted(set(places))
    assert {one["verdict"] for one in chain if one["kind"] == "verdict"} == {"approve"}


@asynccontextmanager
async def draining_child(
    nats: ServerProcess, mongo: ServerProcess
) -> AsyncIterator[asyncio.subprocess.Process]:
    environ = dict(os.environ) | {"PYTHONPATH": str(ROOT)}
    script = f"import sys; sys.argv = ['drain', {nats.url!r}, {mongo.url!r}]; {CHILD}"
    async with python(script, environ=environ) as child:
        yield child


async def grown(world: DrainWorld, beyond: int) -> int:
    """Wait until the chain is longer than that; return its length."""

    async def length() -> int:
        found = await world.length()
        return found if found > beyond else 0

    return await eventually(length, timeout_s=60)


async def test_a_drain_that_is_killed_in_a_batch_is_continued(
    world: DrainWorld, own_nats: ServerProcess, own_mongo: ServerProcess
) -> None:
    last, length = await journaled(world), 0
    for _ in range(3):
        async with draining_child(own_nats, own_mongo) as child:
            length = await grown(world, length)
            child.send_signal(signal.SIGKILL)
            await child.wait()
        length = await world.length()
        if length == EXPECTED:
            break
    async with world.draining():
        await eventually(world.caught_up_to(last), timeout_s=60)
    await assert_one_whole_chain(world)


async def test_two_drains_at_once_do_not_fork_the_chain(world: DrainWorld) -> None:
    async with world.draining(), world.draining():
        await eventually(world.caught_up_to(await journaled(world)), timeout_s=60)
    await assert_one_whole_chain(world)


async def test_a_drain_that_slept_through_its_lease_does_no_harm(
    world: DrainWorld, own_nats: ServerProcess, own_mongo: ServerProcess
) -> None:
    last = await journaled(world)
    async with draining_child(own_nats, own_mongo) as child:
        await grown(world, 0)
        child.send_signal(signal.SIGSTOP)
        async with world.draining():
            await grown(world, await world.length())
            child.send_signal(signal.SIGCONT)
            await eventually(world.caught_up_to(last), timeout_s=60)
    await assert_one_whole_chain(world)


async def test_a_database_that_hangs_and_then_does_everything_late(
    own_nats: ServerProcess, own_mongo: ServerProcess
) -> None:
    async with drain_world(own_nats.url, own_mongo.url, timeout_s=0.5) as world:
        last = await journaled(world)
        async with world.draining():
            await grown(world, 0)
            for _ in range(3):
                assert own_mongo.pid
                os.kill(own_mongo.pid, signal.SIGSTOP)
                before = len(world.tally.away)
                await eventually(lambda: len(world.tally.away) > before)  # noqa: B023
                os.kill(own_mongo.pid, signal.SIGCONT)
                await eventually(world.store.poisoned)
            await eventually(world.caught_up_to(last), timeout_s=60)
        await assert_one_whole_chain(world)


async def test_everything_delivered_twice_is_stored_once(world: DrainWorld) -> None:
    last = await journaled(world)
    taken = await world.deliveries()
    async with asyncio.timeout(20):
        seen = [one.sequence for one in await taken.next_batch(64)]
    assert seen
    await taken.stop()
    async with world.draining():
        await eventually(world.caught_up_to(last), timeout_s=60)
    await assert_one_whole_chain(world)
    first = orjson.dumps(await world.chain(), default=str)
    for number in range(BATCHES):
        last = await world.journal(*batch(number))
    async with world.draining():
        await eventually(world.caught_up_to(last), timeout_s=60)
    # The lines that do not read have no identity but their place: they are there again.
    again = [one for one in await world.chain() if one["journal_sequence"] <= BATCHES]
    assert orjson.dumps(again, default=str) == first
