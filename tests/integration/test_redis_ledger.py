"""What only the ledger in Redis can do wrong: races, lost scripts, lost servers, slow servers."""

import asyncio
import os
import signal
from collections.abc import AsyncIterator
from pathlib import Path
from uuid import uuid4

import pytest
from redis.asyncio import Redis

from petrosa_cio.adapters.embedded import ServerProcess, start_redis
from petrosa_cio.adapters.redis_connection import connect_redis
from petrosa_cio.adapters.redis_ledger import RedisLedger
from petrosa_cio.adapters.redis_state import RedisStateStore
from petrosa_cio.errors import LedgerLost, Unavailable
from petrosa_cio.ports import ActivePolicy, Remembered
from petrosa_cio.risk.claims import DecisionState
from petrosa_cio.risk.trading_state import FUND, TradingState
from tests.ledgers import (
    NOON_MS,
    TIMEOUT_S,
    book,
    claim,
    drift,
    opposite,
    promote,
    rate,
    redis_ledger,
    release,
    request,
    same,
)

pytestmark = pytest.mark.integration


@pytest.fixture
async def client(redis_url: str) -> AsyncIterator[Redis]:
    client = connect_redis(redis_url, timeout_s=TIMEOUT_S)
    yield client
    await client.aclose()


@pytest.fixture
async def own_server(tmp_path: Path) -> AsyncIterator[ServerProcess]:
    server = await start_redis(tmp_path)
    yield server
    await server.stop()


@pytest.fixture
def fund() -> str:
    return uuid4().hex


async def test_two_replicas_racing_grant_exactly_what_fits(redis_url: str, fund: str) -> None:
    clients = [connect_redis(redis_url, timeout_s=TIMEOUT_S) for _ in range(2)]
    ledgers = [RedisLedger(client, fund, timeout_s=TIMEOUT_S) for client in clients]
    await ledgers[0].initialise(fresh=True)
    asked = [
        ledgers[n % 2].reserve([request(str(n), claim(7, 1_000), rate(1_000, 60_000))])
        for n in range(200)
    ]
    answers = [answer for (answer,) in await asyncio.gather(*asked)]
    assert sum(answer.readings.held for answer in answers) == 142
    assert await ledgers[1].exposure() == {"gross": 994}
    assert sorted(answer.readings.rates[0] for answer in answers) == list(range(200))
    for client in clients:
        await client.aclose()


async def test_the_servers_own_clock_is_the_one_that_counts(client: Redis, fund: str) -> None:
    ledger = RedisLedger(client, fund, timeout_s=TIMEOUT_S)
    await ledger.initialise(fresh=True)
    seconds, microseconds = await client.time()
    before_ms = seconds * 1_000 + microseconds // 1_000
    (answer,) = await ledger.reserve([request("a")])
    seconds, microseconds = await client.time()
    assert before_ms <= answer.readings.time_ms <= seconds * 1_000 + microseconds // 1_000


async def test_whatever_belongs_to_a_moment_expires(client: Redis, fund: str) -> None:
    subject = redis_ledger(client, fund)
    await subject.open()
    takes = (claim(1), rate(5), same(), opposite(), drift(100, 0, 999))
    await subject.ledger.reserve([request("a", *takes, identity="i")])
    # What was filled leaves its opening behind when it is closed.
    await subject.ledger.settle([book("e", "a", 1), release("f", "a")])
    lives = {}
    for key in await client.keys(f"cio:{{{fund}}}:*"):
        assert isinstance(key, bytes)
        lives[key.decode().split(":")[2]] = await client.pttl(key) > 0
    assert lives == {
        "generation": False,
        "state": False,
        "policy": False,
        "names": False,
        "decisions": True,
        "identities": True,
        "rate": True,
        "settled": True,
        "openings": True,
        "prices": True,
    }


async def test_events_older_than_any_window_are_dropped(client: Redis, fund: str) -> None:
    subject = redis_ledger(client, fund)
    await subject.open()
    await subject.ledger.reserve([request(str(n), rate(2_000)) for n in range(1_500)])
    subject.clock.advance(60_000)
    await subject.ledger.reserve([request("last", rate(2_000))])
    assert await client.llen(f"cio:{{{fund}}}:rate:fund") == 1


async def test_one_fund_sees_nothing_of_another(client: Redis) -> None:
    one, other = redis_ledger(client), redis_ledger(client)
    await one.open()
    await other.open()
    await one.ledger.reserve([request("a", claim(5), identity="i")])
    (answer,) = await other.ledger.reserve([request("a", claim(5), identity="i")])
    assert answer.readings.used == (0,)


async def test_a_rebuilt_ledger_knows_which_overrides_were_used(client: Redis, fund: str) -> None:
    subject = redis_ledger(client, fund)
    used = Remembered(
        decision_id="a", taken_at_ms=NOON_MS, is_recent=False, state=DecisionState.BEGUN,
        detail="before", verdict="approve", identity=None, digest="buy", strategy="momentum",
        token="momentum", holdings=(("gross", 10),), override_id="o",
    )  # fmt: skip
    await subject.states.put_override("o", b"{}")
    assert await RedisLedger(client, fund, timeout_s=TIMEOUT_S).restore([used])
    assert await subject.states.overrides() == {}
    assert not await subject.states.put_override("o", b"{}")
    await subject.open()
    (answer,) = await subject.ledger.reserve([request("b", override_id="o")])
    assert (answer.readings.held, answer.readings.override_used_by) == (False, "a")


async def test_a_state_nobody_knows_halts(client: Redis, fund: str) -> None:
    subject = redis_ledger(client, fund)
    await subject.open()
    await client.hset(f"cio:{{{fund}}}:state", "symbol:BTCUSDT", "sleepy")
    assert (await subject.states.trading_states()).symbols == {"BTCUSDT": TradingState.HALTED}
    await subject.ledger.reserve([request("a")])
    (moved,) = await subject.ledger.begin([promote("a")], owner="me")
    assert moved.detail == "SYMBOL_HALTED"


async def test_forgotten_scripts_are_sent_again(own_server: ServerProcess, fund: str) -> None:
    client = connect_redis(own_server.url, timeout_s=TIMEOUT_S)
    subject = redis_ledger(client, fund)
    await subject.open()
    for step in range(2):
        await client.script_flush()
        (answer,) = await subject.ledger.reserve([request(str(step), claim(5))])
        assert answer.readings.held
    assert await subject.ledger.exposure() == {"gross": 10}
    await client.aclose()


async def test_a_restart_keeps_the_ledger(own_server: ServerProcess, fund: str) -> None:
    client = connect_redis(own_server.url, timeout_s=TIMEOUT_S)
    subject = redis_ledger(client, fund)
    await subject.open()
    await subject.ledger.reserve([request("a", claim(5), identity="i")])
    await own_server.restart()
    again, second = await subject.ledger.reserve(
        [request("a", claim(5), identity="i"), request("b", identity="i")]
    )
    assert again.readings.held
    assert second.readings.first_decision == "a"
    assert await subject.ledger.exposure() == {"gross": 5}
    await client.aclose()


async def test_an_emptied_server_is_a_lost_ledger(own_server: ServerProcess, fund: str) -> None:
    client = connect_redis(own_server.url, timeout_s=TIMEOUT_S)
    subject = redis_ledger(client, fund)
    await subject.open()
    await client.flushall()
    with pytest.raises(LedgerLost):
        await subject.ledger.reserve([request("a", claim(5))])
    assert await client.keys("*") == []
    await client.aclose()


async def test_every_call_to_a_dead_server_is_unavailable(
    own_server: ServerProcess, fund: str
) -> None:
    client = connect_redis(own_server.url, timeout_s=TIMEOUT_S)
    subject = redis_ledger(client, fund)
    await subject.open()
    own_server.kill()
    ledger, states = subject.ledger, subject.states
    halt = states.set_trading_state(FUND, TradingState.HALTED, reason="", author="")
    calls = [
        ledger.initialise(fresh=False),
        ledger.reserve([request("a")]),
        ledger.begin([promote("a")], owner="me"),
        ledger.finish([promote("a")], undelivered=frozenset()),
        ledger.settle([release("e", "a")]),
        ledger.exposure(),
        ledger.reservations(),
        states.trading_states(),
        halt,
        states.active_policy(),
        states.put_policy(ActivePolicy(1, 1, b"")),
        states.regimes(),
        states.set_regime("*", b""),
        states.replace_regime("*", b"", instead_of=None),
        states.clear_regime("*"),
        states.regime_overrides(),
        states.set_regime_override("*", b""),
        states.clear_regime_override("*"),
    ]
    for call in calls:
        with pytest.raises(Unavailable) as raised:
            await call
        assert raised.value.dependency == "redis"
    await own_server.start()
    assert await ledger.exposure() == {}
    await client.aclose()


async def test_a_server_that_does_not_answer_is_unavailable_and_nothing_is_counted_twice(
    own_server: ServerProcess, fund: str
) -> None:
    client = connect_redis(own_server.url, timeout_s=TIMEOUT_S)
    ledger = RedisLedger(client, fund, timeout_s=0.2)
    states = RedisStateStore(client, fund, timeout_s=0.2)
    await ledger.initialise(fresh=True)
    assert own_server.pid
    os.kill(own_server.pid, signal.SIGSTOP)
    for call in (ledger.reserve([request("a", claim(5))]), states.trading_states()):
        with pytest.raises(Unavailable):
            await call
    os.kill(own_server.pid, signal.SIGCONT)
    patient = RedisLedger(client, fund, timeout_s=TIMEOUT_S)
    (answer,) = await patient.reserve([request("a", claim(5))])
    assert answer.readings.held
    assert await patient.exposure() == {"gross": 5}
    await client.aclose()


async def test_a_full_pool_is_unavailable(own_server: ServerProcess, fund: str) -> None:
    client = connect_redis(own_server.url, max_connections=1, timeout_s=0.2)
    ledger = RedisLedger(client, fund, timeout_s=TIMEOUT_S)
    await ledger.initialise(fresh=True)
    connection = await client.connection_pool.get_connection()  # type: ignore[no-untyped-call]
    with pytest.raises(Unavailable):
        await ledger.exposure()
    await client.connection_pool.release(connection)
    assert await ledger.exposure() == {}
    await client.aclose()
