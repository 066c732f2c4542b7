"""What every ledger promises of overrides: one intent uses each, whatever becomes of it."""

import asyncio

import pytest
from redis.asyncio import Redis

from petrosa_cio.adapters.redis_ledger import RedisLedger
from petrosa_cio.risk.claims import DecisionState
from tests.ledgers import (
    LedgerUnderTest,
    ask,
    ask_one,
    claim,
    deny,
    promote,
    redis_ledger,
    request,
    withdraw,
)

pytestmark = pytest.mark.integration

HOURS_MS = 3_600_000


async def test_an_override_is_kept_until_an_intent_uses_it(subject: LedgerUnderTest) -> None:
    states = subject.states
    assert await states.overrides() == {}
    assert await states.put_override("o", b"{}")
    assert await states.put_override("p", b"[]")
    assert await states.overrides() == {"o": b"{}", "p": b"[]"}
    assert await states.override_user("o") is None
    answer = await ask_one(subject, request("a", claim(10), override_id="o"))
    assert (answer.readings.held, answer.readings.override_used_by) == (True, None)
    assert await states.overrides() == {"p": b"[]"}
    assert await states.override_user("o") == "a"


async def test_what_was_used_is_not_put_back(subject: LedgerUnderTest) -> None:
    await ask(subject, request("a", override_id="o"))
    assert not await subject.states.put_override("o", b"{}")
    assert await subject.states.overrides() == {}


async def test_a_second_intent_is_not_held_and_told_of_the_first(subject: LedgerUnderTest) -> None:
    await ask(subject, request("a", claim(10), override_id="o"))
    second = await ask_one(subject, request("b", claim(10), override_id="o"))
    assert (second.readings.held, second.readings.override_used_by) == (False, "a")
    assert await subject.ledger.exposure() == {"gross": 10}


async def test_two_in_one_batch_use_it_once(subject: LedgerUnderTest) -> None:
    wanted = [request(one, claim(10), override_id="o") for one in "ab"]
    first, second = await subject.ledger.reserve(wanted)
    assert (first.readings.held, second.readings.held) == (True, False)
    assert second.readings.override_used_by == "a"


async def test_a_redelivery_finds_what_it_was_granted(subject: LedgerUnderTest) -> None:
    first = await ask_one(subject, request("a", claim(10), override_id="o"))
    again = await ask_one(subject, request("a", claim(10), override_id="o"))
    assert again.state is DecisionState.RESERVED
    assert again.readings == first.readings
    denied = await ask_one(subject, request("b", override_id="o"))
    assert (await ask_one(subject, request("b", override_id="o"))).readings == denied.readings


@pytest.mark.parametrize("fate", [withdraw("a"), deny("a")])
async def test_it_stays_used_when_the_order_comes_to_nothing(
    subject: LedgerUnderTest, fate: object
) -> None:
    await ask(subject, request("a", override_id="o"))
    await subject.ledger.begin([fate], owner="me")  # type: ignore[list-item]
    assert (await ask_one(subject, request("b", override_id="o"))).readings.override_used_by == "a"


async def test_it_stays_used_when_nobody_heard_the_signal(subject: LedgerUnderTest) -> None:
    await ask(subject, request("a", override_id="o"))
    await subject.ledger.begin([promote("a")], owner="me")
    await subject.ledger.finish([promote("a")], undelivered=frozenset("a"))
    assert (await ask_one(subject, request("b", override_id="o"))).readings.override_used_by == "a"


async def test_what_is_not_held_uses_nothing(subject: LedgerUnderTest) -> None:
    assert await subject.states.put_override("o", b"{}")
    await ask(subject, request("a", hold=False, override_id="o"))
    await ask(subject, request("b", claim(10, 5), override_id="o"))
    assert await subject.states.overrides() == {"o": b"{}"}
    assert (await ask_one(subject, request("c", override_id="o"))).readings.held


async def test_it_is_known_to_be_used_for_longer_than_any_counts(subject: LedgerUnderTest) -> None:
    await ask(subject, request("a", override_id="o"))
    subject.clock.advance(2 * HOURS_MS)
    assert not await subject.states.put_override("o", b"{}")


async def test_of_two_replicas_that_race_exactly_one_is_granted_it(client: Redis) -> None:
    here = redis_ledger(client, "race")
    await here.open()
    other = RedisLedger(client, "race", timeout_s=10)
    wanted = [request(f"r{number}", claim(1), override_id="o") for number in range(20)]
    answers = await asyncio.gather(
        *(
            ledger.reserve([one])
            for one, ledger in zip(wanted, [here.ledger, other] * 10, strict=True)
        )
    )
    held = [answer.readings.held for (answer,) in answers]
    assert sum(held) == 1
    users = {answer.readings.override_used_by for (answer,) in answers}
    assert users == {None, f"r{held.index(True)}"}
