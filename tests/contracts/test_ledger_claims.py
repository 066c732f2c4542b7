"""What every ledger promises of claims and of redelivery: in memory and in Redis."""

import pytest

from petrosa_cio.ports import Move
from petrosa_cio.risk.claims import MAX_UNITS, DecisionState
from tests.ledgers import (
    NOON_MS,
    LedgerUnderTest,
    ask,
    ask_one,
    claim,
    deny,
    promote,
    rate,
    release,
    request,
    withdraw,
)

pytestmark = pytest.mark.integration


async def test_a_new_decision_gets_what_it_asks_for(subject: LedgerUnderTest) -> None:
    answer = await ask_one(subject, request("a", claim(60, 100), claim(60, None, "long")))
    assert answer.state is DecisionState.NEW
    assert answer.readings.held
    assert answer.readings.used == (0, 0)
    assert answer.readings.time_ms == NOON_MS
    assert await subject.ledger.exposure() == {"gross": 60, "long": 60}
    assert await subject.ledger.reservations() == {"a": 60}


@pytest.mark.parametrize(("amount", "held"), [(39, True), (40, True), (41, False)])
async def test_a_ceiling_may_be_reached_but_not_passed(
    subject: LedgerUnderTest, amount: int, held: bool
) -> None:
    await ask(subject, request("a", claim(60, 100)))
    answer = await ask_one(subject, request("b", claim(amount, 100)))
    assert answer.readings.held is held
    assert answer.readings.used == (60,)


async def test_all_claims_are_taken_or_none(subject: LedgerUnderTest) -> None:
    answer = await ask_one(subject, request("a", claim(10, 100), claim(10, 5, "long")))
    assert not answer.readings.held
    assert await subject.ledger.exposure() == {}
    assert await subject.ledger.reservations() == {}


async def test_a_batch_is_walked_in_order(subject: LedgerUnderTest) -> None:
    answers = await ask(subject, *(request(str(n), claim(40, 100)) for n in range(4)))
    assert [answer.readings.held for answer in answers] == [True, True, False, False]
    assert [answer.readings.used for answer in answers] == [(0,), (40,), (80,), (80,)]


async def test_two_claims_on_one_counter_do_not_pass_its_ceiling_together(
    subject: LedgerUnderTest,
) -> None:
    answer = await ask_one(subject, request("a", claim(60, 100), claim(60, 100)))
    assert answer.readings.used == (0, 60)
    assert not answer.readings.held
    answer = await ask_one(subject, request("b", claim(50, 100), claim(50, 100)))
    assert answer.readings.held
    assert await subject.ledger.exposure() == {"gross": 100}
    assert await subject.ledger.settle([release("e", "b")]) == [True]
    assert await subject.ledger.exposure() == {}


async def test_without_hold_nothing_is_taken(subject: LedgerUnderTest) -> None:
    answer = await ask_one(subject, request("a", claim(60, 100), hold=False))
    assert not answer.readings.held
    assert await subject.ledger.exposure() == {}


async def test_a_decision_without_claims_is_held_and_reserves_nothing(
    subject: LedgerUnderTest,
) -> None:
    answer = await ask_one(subject, request("a"))
    assert answer.readings.held
    assert await subject.ledger.reservations() == {}


@pytest.mark.parametrize("units", [123_456_789_012_345, MAX_UNITS - 1])
async def test_amounts_are_exact_to_the_last_unit(subject: LedgerUnderTest, units: int) -> None:
    await ask(subject, request("a", claim(units)))
    await ask(subject, request("b", claim(1)))
    assert await subject.ledger.exposure() == {"gross": units + 1}
    answer = await ask_one(subject, request("c", claim(1, units + 1)))
    assert answer.readings.used == (units + 1,)
    assert not answer.readings.held
    assert await subject.ledger.reservations() == {"a": units, "b": 1}
    await subject.ledger.settle([release("e", "b")])
    assert await subject.ledger.exposure() == {"gross": units}


async def test_what_a_lua_number_cannot_count_never_fits(subject: LedgerUnderTest) -> None:
    await ask(subject, request("a", claim(MAX_UNITS)))
    answer = await ask_one(subject, request("b", claim(1)))
    assert not answer.readings.held
    assert await subject.ledger.exposure() == {"gross": MAX_UNITS}


async def test_redelivery_repeats_the_answer_and_changes_nothing(subject: LedgerUnderTest) -> None:
    assessment = "".join(map(chr, range(0, 0x2000, 7)))
    asked = request("a", claim(60, 100), rate(5), identity="i", resumable=assessment)
    first = await ask_one(subject, asked)
    await ask(subject, request("b", claim(10, 100), rate(5)))
    subject.clock.advance(700)
    again = await ask_one(subject, asked)
    assert again.readings == first.readings
    assert again.state is DecisionState.RESERVED
    assert again.resumable == assessment
    assert (again.detail, again.since_ms) == ("", NOON_MS)
    assert await subject.ledger.exposure() == {"gross": 70}
    assert (await ask_one(subject, request("c", rate(5)))).readings.rates == (2,)


async def test_a_refused_decision_is_not_granted_on_redelivery(subject: LedgerUnderTest) -> None:
    await ask(subject, request("a", claim(100, 100)))
    refused = await ask_one(subject, request("b", claim(1, 100)))
    await subject.ledger.settle([release("e", "a")])
    again = await ask_one(subject, request("b", claim(1, 100)))
    assert again.readings == refused.readings
    assert await subject.ledger.exposure() == {}


async def test_the_same_decision_twice_in_a_batch_is_taken_once(subject: LedgerUnderTest) -> None:
    first, second = await ask(subject, request("a", claim(60)), request("a", claim(60)))
    assert (first.state, second.state) == (DecisionState.NEW, DecisionState.RESERVED)
    assert await subject.ledger.exposure() == {"gross": 60}


@pytest.mark.parametrize(
    ("moves", "state", "detail"),
    [
        ([promote("a")], DecisionState.BEGUN, "replica-1"),
        ([deny("a")], DecisionState.DONE, "deny"),
        ([withdraw("a", "CHECK_FAILED")], DecisionState.WITHDRAWN, "CHECK_FAILED"),
    ],
)
async def test_redelivery_after_the_fence_tells_where_the_decision_stands(
    subject: LedgerUnderTest, moves: list[Move], state: DecisionState, detail: str
) -> None:
    await ask(subject, request("a", claim(60)))
    subject.clock.advance(5)
    await subject.ledger.begin(moves, owner="replica-1")
    subject.clock.advance(5)
    again = await ask_one(subject, request("a", claim(60)))
    assert (again.state, again.detail) == (state, detail)
    assert again.since_ms == NOON_MS + 5
    assert again.resumable is None
    assert again.readings.time_ms == NOON_MS + 10
