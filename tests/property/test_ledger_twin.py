"""The ledger in Redis and the one in memory agree, whatever is asked of them and in what order."""

import json
from collections.abc import AsyncIterator
from dataclasses import dataclass
from typing import TypeVar

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from redis.asyncio import Redis

from petrosa_cio.adapters.redis_connection import connect_redis
from petrosa_cio.ports import ActivePolicy, Move, Settlement
from petrosa_cio.risk.claims import MAX_UNITS, ReserveRequest
from petrosa_cio.risk.counters import ON_SIDE
from petrosa_cio.risk.trading_state import FUND, Scope, ScopeKind, TradingState
from tests.ledgers import (
    TIMEOUT_S,
    LedgerUnderTest,
    book,
    claim,
    deny,
    drift,
    executions,
    memory_ledger,
    opposite,
    promote,
    rate,
    redis_ledger,
    reduce,
    release,
    request,
    same,
    set_state,
    total,
    withdraw,
)

T = TypeVar("T")

pytestmark = pytest.mark.integration


@dataclass(frozen=True)
class Wait:
    milliseconds: int


@dataclass(frozen=True)
class Finish:
    moves: tuple[Move, ...]
    undelivered: frozenset[str]


@dataclass(frozen=True)
class SetState:
    scope: Scope
    state: TradingState


@dataclass(frozen=True)
class Activate:
    revision: int
    tightened: int
    instead_of_what_is_there: bool


@dataclass(frozen=True)
class Reserve:
    requests: tuple[ReserveRequest, ...]


@dataclass(frozen=True)
class Begin:
    moves: tuple[Move, ...]


@dataclass(frozen=True)
class Settle:
    settlements: tuple[Settlement, ...]


@dataclass(frozen=True)
class Sweep:
    pass


Step = Sweep | Wait | Finish | SetState | Activate | Reserve | Begin | Settle

ids = st.sampled_from("abcdefgh")
counters = st.sampled_from(
    ["gross", "open_orders", "position:BTCUSDT:long", "position:ETHUSDT:long", "position:A:short"]
)
members = counters | st.sampled_from(list(ON_SIDE.values()))
units = st.one_of(st.integers(0, 100), st.sampled_from([10**14 + 1, MAX_UNITS - 50, MAX_UNITS]))
ceilings = st.none() | st.sampled_from([0, 50, 100, 250, MAX_UNITS])
claims = st.builds(claim, units, ceilings, counters)
totals = st.builds(
    lambda amount, ceiling, floor, named: total(amount, ceiling, floor, *named),
    units,
    ceilings,
    st.sampled_from([0, 0, 10, 200]),
    st.lists(members, min_size=1, max_size=3),
)
rates = st.builds(
    rate, st.integers(0, 4), st.sampled_from([100, 1_000, 70_000]), st.sampled_from(["x", "y"])
)
repetitions = st.one_of(
    st.builds(same, st.sampled_from(["x", "c"]), st.sampled_from([100, 1_000, 70_000])),
    st.builds(executions, st.integers(0, 3), st.sampled_from(["e", "f"])),
)
opposites = st.builds(
    opposite,
    st.sampled_from(["long", "short"]),
    st.integers(0, 4),
    st.sampled_from(["first_wins", "strongest_wins", "both_denied"]),
    window_ms=st.sampled_from([100, 5_000, 70_000]),
    symbol=st.sampled_from(["BTCUSDT", "ETHUSDT"]),
)
drifts = st.builds(
    drift,
    st.integers(95, 105),
    st.integers(93, 99),
    st.integers(101, 107),
    symbol=st.sampled_from(["BTCUSDT", "ETHUSDT"]),
)
requests = st.builds(
    lambda decision_id, takes, **said: request(decision_id, *takes, **said),
    ids,
    st.lists(
        claims | claims | totals | rates | repetitions | opposites | opposites | drifts, max_size=4
    ),
    identity=st.none() | st.sampled_from("ijk"),
    digest=st.sampled_from(["buy", "sell"]),
    strategy=st.sampled_from(["A B", "A.B"]),
    token=st.sampled_from(["A_B", "momentum"]),
    hold=st.booleans() | st.just(True),
    from_door=st.booleans(),
    override_id=st.sampled_from([None, None, "o", "p"]),
    resumable=st.text(st.characters(exclude_categories=["Cs"]), max_size=20),
)
begun = st.one_of(
    st.builds(
        promote,
        ids,
        is_exit=st.booleans(),
        halted_denies_exits=st.booleans(),
        revision=st.integers(1, 4),
    ),
    st.builds(deny, ids),
    st.builds(withdraw, ids, forget=st.booleans()),
)
settlements = st.one_of(
    st.builds(release, st.sampled_from("uvwxyz"), ids),
    st.builds(book, st.sampled_from("uvwxyz"), ids, units),
    st.builds(
        lambda event, amount, named: reduce(event, amount, *named),
        st.sampled_from("uvwxyz"),
        units,
        st.lists(counters, max_size=3),
    ),
)
scopes = st.sampled_from(
    [
        FUND,
        Scope(ScopeKind.STRATEGY, "momentum"),
        Scope(ScopeKind.STRATEGY, "A_B"),
        Scope(ScopeKind.SYMBOL, "BTCUSDT"),
    ]
)


def batches(of: st.SearchStrategy[T]) -> st.SearchStrategy[tuple[T, ...]]:
    return st.lists(of, min_size=1, max_size=5).map(tuple)


# Backwards too, and never so far that a bucket expires, for which Redis goes by its own clock.
waits = st.builds(Wait, st.sampled_from([-3_000, 1, 99, 100, 900, 5_000, 5_001, 30_000, 80_000]))
steps = st.one_of(
    st.builds(Reserve, batches(requests)),
    st.builds(Reserve, batches(requests)),
    st.builds(Begin, batches(begun)),
    st.builds(Finish, batches(st.builds(promote, ids)), st.frozensets(ids)),
    st.builds(Settle, batches(settlements)),
    st.builds(Sweep),
    st.builds(SetState, scopes, st.sampled_from(TradingState)),
    st.builds(Activate, st.integers(0, 4), st.integers(0, 4), st.booleans()),
    waits,
)


# Where little else objects, what was approved lately decides.
many_ids = st.text("abcdefgh", min_size=1, max_size=2)
quarrels = st.builds(
    lambda decision_id, takes, amount, **said: request(decision_id, *takes, claim(amount), **said),
    many_ids,
    st.tuples(opposites) | st.tuples(opposites, repetitions, repetitions, drifts),
    st.integers(1, 9),
    token=st.sampled_from(["A_B", "momentum"]),
    from_door=st.booleans(),
)
lately = st.one_of(
    st.builds(Reserve, batches(quarrels)),
    st.builds(Reserve, batches(quarrels)),
    st.builds(Begin, batches(st.builds(promote, many_ids) | st.builds(withdraw, many_ids))),
    st.builds(Finish, batches(st.builds(promote, many_ids)), st.frozensets(many_ids)),
    st.builds(
        Settle,
        batches(
            st.builds(release, st.uuids().map(str), many_ids)
            | st.builds(book, st.uuids().map(str), many_ids, units)
        ),
    ),
    st.builds(Sweep),
    st.builds(SetState, scopes, st.just(TradingState.ACTIVE)),
    waits,
)


async def take(subject: LedgerUnderTest, step: Step) -> object:
    answer: object = None
    match step:
        case Wait(milliseconds):
            subject.clock.advance(milliseconds)
        case Reserve(asked):
            answer = await subject.ledger.reserve(asked)
        case Begin(moves):
            answer = await subject.ledger.begin(moves, owner="me")
        case Finish(moves, undelivered):
            await subject.ledger.finish(moves, undelivered=undelivered)
        case Sweep():
            answer = sorted(await subject.ledger.sweep(), key=lambda one: one.decision_id)
        case Settle(events):
            answer = await subject.ledger.settle(events)
        case SetState(scope, state):
            answer = await set_state(subject, scope, state)
        case Activate(revision, tightened, instead_of_what_is_there):
            states = subject.states
            there = await states.active_policy() if instead_of_what_is_there else None
            new = ActivePolicy(revision, tightened, b"{}")
            answer = await states.put_policy(new, instead_of=there)
    return answer


async def holdings(subject: LedgerUnderTest) -> object:
    return (
        await subject.ledger.exposure(),
        await subject.ledger.reservations(),
        await subject.states.trading_states(),
    )


async def because(subject: LedgerUnderTest) -> dict[str, object]:
    reasons = await subject.states.trading_state_reasons()
    return {scope: json.loads(reason) for scope, reason in reasons.items()}


@pytest.fixture(scope="module")
async def client(redis_url: str) -> AsyncIterator[Redis]:
    client = connect_redis(redis_url, timeout_s=TIMEOUT_S)
    yield client
    await client.aclose()


async def compare(client: Redis, script: list[Step]) -> None:
    memory, redis = memory_ledger(), redis_ledger(client)
    await memory.open()
    await redis.open()
    for step in script:
        assert await take(redis, step) == await take(memory, step)
    assert await holdings(redis) == await holdings(memory)
    assert await because(redis) == await because(memory)


@settings(max_examples=200, deadline=None)
@given(script=st.lists(steps, min_size=1, max_size=20))
async def test_both_ledgers_give_the_same_answers(client: Redis, script: list[Step]) -> None:
    await compare(client, script)


@settings(max_examples=200, deadline=None)
@given(script=st.lists(lately, min_size=1, max_size=20))
async def test_both_ledgers_know_the_same_of_what_was_approved_lately(
    client: Redis, script: list[Step]
) -> None:
    await compare(client, script)
