"""What every ledger promises of what was approved lately: in memory and in Redis."""

import json

import pytest

from petrosa_cio.ports import Moved
from petrosa_cio.risk.claims import DecisionState, Opponent, Readings
from petrosa_cio.risk.trading_state import Scope, ScopeKind, TradingState
from tests.ledgers import (
    DAY_MS,
    NOON_MS,
    LedgerUnderTest,
    ask,
    ask_one,
    book,
    claim,
    drift,
    executions,
    opposite,
    promote,
    rate,
    release,
    request,
    same,
    set_state,
    withdraw,
)

pytestmark = pytest.mark.integration

STRATEGY = Scope(ScopeKind.STRATEGY, "momentum")
STRONGEST, BOTH = "strongest_wins", "both_denied"


async def held(subject: LedgerUnderTest, decision_id: str, *takes: object) -> bool:
    return (await readings(subject, decision_id, *takes)).held


async def readings(subject: LedgerUnderTest, decision_id: str, *takes: object) -> Readings:
    asked = request(decision_id, *takes, claim(1))  # type: ignore[arg-type]
    return (await ask_one(subject, asked)).readings


async def fate(subject: LedgerUnderTest, decision_id: str) -> str:
    """Take a decision to the fence and say why it is withdrawn, if it is."""
    (moved,) = await subject.ledger.begin([promote(decision_id)], owner="me")
    return moved.detail if moved.state is DecisionState.WITHDRAWN else ""


async def what_becomes_of(subject: LedgerUnderTest, decision_id: str, fate_of_it: str) -> None:
    ledger = subject.ledger
    if fate_of_it == "withdrawn":
        await ledger.begin([withdraw(decision_id)], owner="me")
        return
    await ledger.begin([promote(decision_id)], owner="me")
    undelivered = frozenset({decision_id} if fate_of_it == "undelivered" else ())
    await ledger.finish([promote(decision_id)], undelivered=undelivered)
    if fate_of_it in ("filled", "filled and closed"):
        await ledger.settle([book("e1", decision_id, 1)])
    if fate_of_it in ("refused", "filled and closed"):
        await ledger.settle([release("e2", decision_id)])


NOTHING_CAME_OF_IT = ["withdrawn", "undelivered", "refused"]
FATES = [*NOTHING_CAME_OF_IT, "sent", "filled", "filled and closed"]


# --- the same again -------------------------------------------------------------------------------


async def test_the_same_passes_again_when_the_window_is_over(subject: LedgerUnderTest) -> None:
    assert await held(subject, "a", same())
    subject.clock.advance(59_999)
    again = await readings(subject, "b", same())
    assert (again.held, again.rates) == (False, (1,))
    subject.clock.advance(1)
    assert await held(subject, "c", same())
    assert await held(subject, "d", same("content:other"))


async def test_what_was_denied_is_no_repetition(subject: LedgerUnderTest) -> None:
    await ask(subject, request("a", same(), claim(1), hold=False))
    assert not (await readings(subject, "b", same(), rate(0))).held
    assert not (await readings(subject, "c", same(), claim(9, 5))).held
    assert await held(subject, "d", same())


async def test_a_repetition_still_counts_as_an_intent(subject: LedgerUnderTest) -> None:
    seen = [(await readings(subject, one, same(), rate(9))).rates for one in "abc"]
    assert seen == [(0, 0), (1, 1), (1, 2)]


@pytest.mark.parametrize("fate_of_it", FATES)
async def test_what_comes_to_nothing_gives_its_mark_back(
    subject: LedgerUnderTest, fate_of_it: str
) -> None:
    takes = (same(), executions(1), opposite("long"))
    assert await held(subject, "a", *takes)
    await what_becomes_of(subject, "a", fate_of_it)
    later = await readings(subject, "b", same(), executions(1), opposite("short"))
    if fate_of_it in NOTHING_CAME_OF_IT:
        assert (later.held, later.rates, later.opponent) == (True, (0, 0), None)
    else:
        assert (later.held, later.rates) == (False, (1, 1))
        assert later.opponent == Opponent("a", 5)


async def test_one_batch_marks_and_takes_back_as_several_would(subject: LedgerUnderTest) -> None:
    """The first is overruled by the second, so that the third repeats nothing."""
    asked = [
        request("a", same("content:buy"), opposite("long", 1, STRONGEST), claim(1)),
        request("b", opposite("short", 2, STRONGEST), claim(1)),
        request("c", same("content:buy"), claim(1)),
    ]
    answers = await ask(subject, *asked)
    assert [one.readings.held for one in answers] == [True, True, True]
    assert await subject.ledger.reservations() == {"b": 1, "c": 1}


# --- opposites ------------------------------------------------------------------------------------


@pytest.mark.parametrize("in_one_batch", [True, False])
@pytest.mark.parametrize(
    ("rule", "second", "granted", "fates"),
    [
        ("first_wins", 9, (True, False), ("", "")),
        (STRONGEST, 9, (True, True), ("SIGNAL_CONFLICT", "")),
        (STRONGEST, 5, (True, False), ("", "")),
        (BOTH, 9, (True, False), ("SIGNAL_CONFLICT", "")),
    ],
)
async def test_of_two_opposites_the_rule_says_which_passes(
    subject: LedgerUnderTest,
    in_one_batch: bool,
    rule: str,
    second: int,
    granted: tuple[bool, bool],
    fates: tuple[str, str],
) -> None:
    asked = [
        request("buy", opposite("long", 5, rule), claim(1)),
        request("sell", opposite("short", second, rule), claim(1)),
    ]
    batches = [asked] if in_one_batch else [[one] for one in asked]
    answers = [answer for batch in batches for answer in await ask(subject, *batch)]
    assert tuple(one.readings.held for one in answers) == granted
    assert answers[1].readings.opponent == Opponent("buy", 5)
    assert (await fate(subject, "buy"), await fate(subject, "sell")) == fates
    left = sum(map(bool, granted)) - (fates[0] != "")
    assert await subject.ledger.exposure() == ({"gross": left} if left else {})


async def test_an_overruled_decision_repeats_its_answer_until_the_fence(
    subject: LedgerUnderTest,
) -> None:
    asked = request("buy", opposite("long", 5, STRONGEST), claim(1), resumable="{as it was}")
    first = await ask_one(subject, asked)
    await ask(subject, request("sell", opposite("short", 9, STRONGEST), claim(1)))
    again = await ask_one(subject, asked)
    assert (again.state, again.detail) == (DecisionState.RESERVED, "SIGNAL_CONFLICT")
    assert (again.readings, again.resumable) == (first.readings, "{as it was}")
    lost = Moved(won=False, state=DecisionState.WITHDRAWN, detail="SIGNAL_CONFLICT")
    assert await subject.ledger.begin([promote("buy")], owner="me") == [lost]


async def test_what_was_begun_is_not_overruled_but_can_be_beaten(subject: LedgerUnderTest) -> None:
    assert await held(subject, "buy", opposite("long", 5, STRONGEST))
    assert await fate(subject, "buy") == ""
    assert await held(subject, "sell", opposite("short", 9, STRONGEST))
    assert await subject.ledger.exposure() == {"gross": 2}


async def test_every_opposite_is_overruled_and_the_strongest_must_be_beaten(
    subject: LedgerUnderTest,
) -> None:
    for name, confidence in (("a", 3), ("b", 7), ("c", 5)):
        assert await held(subject, name, opposite("long", confidence, STRONGEST))
    loser = await readings(subject, "d", opposite("short", 7, STRONGEST))
    assert (loser.held, loser.opponent) == (False, Opponent("b", 7))
    assert await held(subject, "e", opposite("short", 8, STRONGEST))
    assert {await fate(subject, one) for one in "abc"} == {"SIGNAL_CONFLICT"}


@pytest.mark.parametrize("objection", [rate(0), same(), executions(1), drift(200, 150, 300)])
async def test_what_is_denied_anyway_overrules_nobody(
    subject: LedgerUnderTest, objection: object
) -> None:
    assert await held(subject, "x", same(), executions(9), drift(100, 0, 999))
    for rule in (STRONGEST, BOTH):
        assert await held(subject, f"buy {rule}", opposite("long", 5, rule, symbol="ETHUSDT"))
        against = opposite("short", 9, rule, symbol="ETHUSDT")
        assert not await held(subject, f"sell {rule}", against, objection)
        assert await fate(subject, f"buy {rule}") != "SIGNAL_CONFLICT"
    last = await readings(subject, "last", opposite("long", 1, symbol="ETHUSDT"))
    assert last.held
    assert last.opponent is None


async def test_a_symbol_is_shut_both_ways_for_a_window(subject: LedgerUnderTest) -> None:
    assert await held(subject, "buy", opposite("long", 5, BOTH))
    subject.clock.advance(30_000)
    assert not await held(subject, "sell", opposite("short", 9, BOTH))
    subject.clock.advance(59_999)
    for side in ("long", "short"):
        shut = await readings(subject, side, opposite(side, 10, BOTH))
        assert (shut.held, shut.opponent) == (False, Opponent("sell", 9, is_shut=True))
    assert not await held(subject, "other rule", opposite("long", 10, STRONGEST))
    assert await held(subject, "other symbol", opposite("long", symbol="ETHUSDT"))
    subject.clock.advance(1)
    assert await held(subject, "later", opposite("short", 1, BOTH))


async def test_beyond_so_many_openings_some_are_told_apart_no_more_but_still_count(
    subject: LedgerUnderTest,
) -> None:
    for number in range(40):
        subject.clock.advance(100)
        assert await held(subject, str(number), opposite("long", 99 - number, STRONGEST))
        await subject.ledger.begin([promote(str(number))], owner="me")
    for number in range(40):
        await subject.ledger.settle([release(f"e{number}", str(number))])
    weak = await readings(subject, "weak", opposite("short", 98, STRONGEST))
    assert (weak.held, weak.opponent) == (False, Opponent("0", 99))
    subject.clock.advance(60_000)
    assert await held(subject, "later", opposite("short", 1, STRONGEST))


async def test_the_stronger_one_overrules_however_many_are_still_to_be_sent(
    subject: LedgerUnderTest,
) -> None:
    many = [str(number) for number in range(40)]
    await ask(subject, *(request(one, opposite("long", 5, STRONGEST), claim(1)) for one in many))
    assert await held(subject, "short", opposite("short", 9, STRONGEST))
    assert {await fate(subject, one) for one in many} == {"SIGNAL_CONFLICT"}


# --- too often ------------------------------------------------------------------------------------


async def paused(subject: LedgerUnderTest) -> bool:
    states = (await subject.states.trading_states()).strategies
    return states.get("momentum") is TradingState.PAUSED


async def test_the_one_too_many_pauses_its_strategy_once(subject: LedgerUnderTest) -> None:
    epoch = (await subject.states.trading_states()).epoch
    answers = await ask(
        subject, *(request(one, executions(2), claim(1)) for one in ("a", "b", "c", "d"))
    )
    found = [(one.readings.held, one.readings.paused) for one in answers]
    assert found == [(True, False), (True, False), (False, True), (False, False)]
    states = await subject.states.trading_states()
    assert states.strategies == {"momentum": TradingState.PAUSED}
    assert states.epoch == epoch + 1
    reasons = await subject.states.trading_state_reasons()
    assert json.loads(reasons["strategy:momentum"]) == {
        "state": "paused",
        "reason": "REPEATED_EXECUTION in decision c",
        "author": "gate",
        "at_ms": NOON_MS,
    }
    assert await fate(subject, "a") == "STRATEGY_PAUSED"
    (exit_passes,) = await subject.ledger.begin([promote("b", is_exit=True)], owner="me")
    assert exit_passes.won


@pytest.mark.parametrize("state", [TradingState.HALTED, TradingState.REDUCING])
async def test_a_stricter_state_stays(subject: LedgerUnderTest, state: TradingState) -> None:
    await set_state(subject, STRATEGY, state)
    only = await readings(subject, "a", executions(0))
    assert (only.held, only.paused) == (False, False)
    assert (await subject.states.trading_states()).strategies == {"momentum": state}


@pytest.mark.parametrize(
    "objection", [rate(0), same(), claim(9, 5), drift(200, 150, 300), opposite("short")]
)
async def test_what_is_denied_anyway_pauses_nobody(
    subject: LedgerUnderTest, objection: object
) -> None:
    takes = (same(), drift(100, 0, 999), opposite("long"))
    assert await held(subject, "a", executions(1), *takes)
    denied = await readings(subject, "b", executions(1), objection)
    assert (denied.held, denied.paused) == (False, False)
    await ask(subject, request("c", executions(1), hold=False))
    await ask(subject, request("d", executions(9), identity="i"))
    again = await ask_one(subject, request("e", executions(1), identity="i"))
    assert not again.readings.paused
    assert not await paused(subject)


async def test_who_resumes_a_strategy_resets_its_count(subject: LedgerUnderTest) -> None:
    for one in ("a", "b"):
        await readings(subject, one, executions(1))
    assert await paused(subject)
    subject.clock.advance(2)
    await set_state(subject, STRATEGY, TradingState.ACTIVE)
    after = await readings(subject, "c", executions(1))
    assert (after.held, after.rates) == (True, (0,))
    assert not await held(subject, "d", executions(1))
    subject.clock.advance(2)
    await set_state(subject, STRATEGY, TradingState.ACTIVE)
    await set_state(subject, STRATEGY, TradingState.ACTIVE)
    assert await held(subject, "e", executions(1))


async def test_a_clock_set_back_after_a_resumption_still_counts(subject: LedgerUnderTest) -> None:
    assert await held(subject, "a", executions(2))
    subject.clock.advance(2)
    await set_state(subject, STRATEGY, TradingState.ACTIVE)
    subject.clock.advance(-60_000)
    assert await held(subject, "b", executions(2))
    assert not await held(subject, "c", executions(2))


async def test_a_day_later_it_counts_no_more(subject: LedgerUnderTest) -> None:
    assert await held(subject, "a", executions(1))
    subject.clock.advance(DAY_MS - 1)
    assert (await readings(subject, "b", executions(2))).rates == (1,)
    subject.clock.advance(1)
    assert (await readings(subject, "c", executions(2))).rates == (1,)


# --- prices ---------------------------------------------------------------------------------------


async def test_a_price_is_held_against_the_lowest_and_the_highest_of_the_hour(
    subject: LedgerUnderTest,
) -> None:
    first = await readings(subject, "a", drift(100, 0, 999))
    assert (first.held, first.prices) == (True, None)
    subject.clock.advance(600_000)
    second = await readings(subject, "b", drift(110, 100, 999))
    assert (second.held, second.prices) == (True, ("100", "100"))
    third = await readings(subject, "c", drift(105, 101, 999))
    assert (third.held, third.prices) == (False, ("100", "110"))
    fourth = await readings(subject, "d", drift(105, 0, 109))
    assert (fourth.held, fourth.prices) == (False, ("100", "110"))
    assert await held(subject, "e", drift(500, 400, 999, symbol="ETHUSDT"))


async def test_prices_of_one_batch_see_each_other(subject: LedgerUnderTest) -> None:
    answers = await ask(
        subject,
        request("a", drift(100, 0, 999), claim(1)),
        request("b", drift(200, 150, 999), claim(1)),
        request("c", drift(100, 100, 100), claim(1)),
    )
    assert [one.readings.held for one in answers] == [True, False, True]


async def test_a_price_is_forgotten_after_an_hour_and_not_before(subject: LedgerUnderTest) -> None:
    await readings(subject, "a", drift(100, 0, 999))
    subject.clock.advance(3_600_000)
    assert not await held(subject, "b", drift(200, 150, 300))
    subject.clock.advance(300_000)
    assert await held(subject, "c", drift(200, 150, 300))


async def test_the_price_of_what_was_withdrawn_stays(subject: LedgerUnderTest) -> None:
    await readings(subject, "a", drift(100, 0, 999))
    await subject.ledger.begin([withdraw("a")], owner="me")
    assert not await held(subject, "b", drift(200, 150, 300))
