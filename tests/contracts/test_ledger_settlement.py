"""What every ledger promises of settlement and of its marker: in memory and in Redis."""

import itertools
from collections.abc import Awaitable, Callable

import pytest

from petrosa_cio.errors import LedgerLost
from petrosa_cio.risk.claims import DecisionState
from petrosa_cio.risk.trading_state import FUND, TradingState
from tests.ledgers import (
    LedgerUnderTest,
    ask,
    book,
    claim,
    promote,
    reduce,
    release,
    request,
    set_state,
)

pytestmark = pytest.mark.integration


async def test_an_event_is_applied_once(subject: LedgerUnderTest) -> None:
    await ask(subject, request("a", claim(60)), request("b", claim(40)))
    events = [release("e1", "a"), release("e1", "b")]
    assert await subject.ledger.settle(events) == [True, False]
    assert await subject.ledger.settle(events) == [False, False]
    subject.clock.advance(86_400_000)
    assert await subject.ledger.settle(events) == [False, False]
    assert await subject.ledger.exposure() == {"gross": 40}


async def test_a_clock_set_back_applies_no_event_twice(subject: LedgerUnderTest) -> None:
    await ask(subject, request("a", claim(60)), request("b", claim(40)))
    subject.clock.advance(-(subject.clock.now_ms % 86_400_000))
    events = [reduce("e1", 30, "gross")]
    assert await subject.ledger.settle(events) == [True]
    subject.clock.advance(-1)
    assert await subject.ledger.settle(events) == [False]
    assert await subject.ledger.exposure() == {"gross": 70}


async def test_a_fill_books_what_was_really_filled(subject: LedgerUnderTest) -> None:
    await ask(subject, request("a", claim(60, 100), claim(60, 100, "long")))
    assert await subject.ledger.settle([book("e1", "a", 75)]) == [True]
    assert await subject.ledger.exposure() == {"gross": 75, "long": 75}
    assert await subject.ledger.reservations() == {"a": 75}
    assert await subject.ledger.settle([book("e2", "a", 20), release("e3", "a")]) == [True, True]
    assert await subject.ledger.exposure() == {}
    assert await subject.ledger.reservations() == {}


async def test_an_outcome_of_nothing_known_is_seen_but_not_applied(
    subject: LedgerUnderTest,
) -> None:
    events = [release("e1", "a"), book("e2", "a", 5)]
    assert await subject.ledger.settle(events) == [False, False]
    await ask(subject, request("a", claim(60)))
    assert await subject.ledger.settle(events) == [False, False]
    assert await subject.ledger.exposure() == {"gross": 60}


async def test_a_reduction_stops_at_zero_and_so_does_a_later_release(
    subject: LedgerUnderTest,
) -> None:
    await ask(subject, request("a", claim(60), claim(60, None, "long")))
    event = reduce("e1", 50, "gross", "long", "short")
    assert await subject.ledger.settle([event]) == [True]
    assert await subject.ledger.exposure() == {"gross": 10, "long": 10}
    await subject.ledger.settle([release("e2", "a")])
    assert await subject.ledger.exposure() == {}


@pytest.mark.parametrize(
    "step", ["reserve", "begin", "finish", "settle", "exposure", "reservations"]
)
async def test_a_lost_ledger_says_so_and_changes_nothing(
    subject: LedgerUnderTest, step: str
) -> None:
    await ask(subject, request("a", claim(60)), request("b", claim(1)))
    await subject.ledger.begin([promote("b")], owner="me")
    await subject.lose()
    ledger = subject.ledger
    steps: dict[str, Callable[[], Awaitable[object]]] = {
        "reserve": lambda: ledger.reserve([request("c", claim(5))]),
        "begin": lambda: ledger.begin([promote("a")], owner="me"),
        "finish": lambda: ledger.finish([promote("b")], undelivered=frozenset({"b"})),
        "settle": lambda: ledger.settle([release("e", "a")]),
        "exposure": ledger.exposure,
        "reservations": ledger.reservations,
    }
    with pytest.raises(LedgerLost):
        await steps[step]()
    await subject.ledger.initialise(fresh=False)
    assert await subject.ledger.exposure() == {"gross": 61}
    again = await ask(subject, request("a"), request("b"))
    assert [each.state for each in again] == [DecisionState.RESERVED, DecisionState.BEGUN]
    assert await subject.ledger.settle([release("e", "a")]) == [True]


async def test_only_a_fresh_ledger_opens_the_fund_and_only_once(unopened: LedgerUnderTest) -> None:
    generation = await unopened.ledger.initialise(fresh=True)
    assert (await unopened.states.trading_states()).fund is TradingState.ACTIVE
    await set_state(unopened, FUND, TradingState.HALTED)
    assert await unopened.ledger.initialise(fresh=True) == generation
    assert (await unopened.states.trading_states()).fund is TradingState.HALTED
    await unopened.lose()
    assert await unopened.ledger.initialise(fresh=True) != generation
    assert (await unopened.states.trading_states()).fund is TradingState.HALTED


async def test_an_empty_batch_asks_for_nothing(subject: LedgerUnderTest) -> None:
    assert await subject.ledger.reserve([]) == []
    assert await subject.ledger.begin([], owner="me") == []
    await subject.ledger.finish([], undelivered=frozenset())
    assert await subject.ledger.settle([]) == []


async def test_names_from_strangers_travel_unharmed(subject: LedgerUnderTest) -> None:
    names = ["naïve", '"quoted" \\ {}', "line\nbreak\x00", "移動平均", "a" * 300]
    requests = [
        request(f"{n}{name}", claim(1, counter=name), identity=name, strategy=name, token=name)
        for n, name in itertools.product(range(2), names)
    ]
    answers = await ask(subject, *requests)
    assert [each.readings.first_decision for each in answers[len(names) :]] == [
        f"0{name}" for name in names
    ]
    assert await subject.ledger.exposure() == dict.fromkeys(names, 1)
