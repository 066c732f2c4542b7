"""What every ledger promises of the fence: in memory and in Redis."""

import pytest

from petrosa_cio.ports import Moved
from petrosa_cio.risk.claims import DecisionState
from petrosa_cio.risk.trading_state import FUND, Scope, ScopeKind, TradingState
from tests.ledgers import LedgerUnderTest, ask, claim, deny, promote, request, set_state, withdraw
from tests.policies import put_next

pytestmark = pytest.mark.integration

STRATEGY = Scope(ScopeKind.STRATEGY, "momentum")
SYMBOL = Scope(ScopeKind.SYMBOL, "BTCUSDT")


async def test_only_one_caller_wins_a_decision(subject: LedgerUnderTest) -> None:
    await ask(subject, request("a"))
    first = await subject.ledger.begin([promote("a")], owner="one")
    second = await subject.ledger.begin([promote("a"), withdraw("a"), deny("a")], owner="two")
    assert first == [Moved(won=True, state=DecisionState.BEGUN, detail="one")]
    assert second == [Moved(won=False, state=DecisionState.BEGUN, detail="one")] * 3


async def test_an_unknown_decision_is_new_to_the_fence(subject: LedgerUnderTest) -> None:
    assert await subject.ledger.begin([promote("a")], owner="me") == [
        Moved(won=False, state=DecisionState.NEW, detail="")
    ]


EXIT = {"is_exit": True}
FORCED = {"is_exit": True, "halted_denies_exits": True}


@pytest.mark.parametrize(
    ("scope", "state", "kind", "code"),
    [
        (FUND, TradingState.HALTED, {}, "FUND_HALTED"),
        (FUND, TradingState.HALTED, EXIT, None),
        (FUND, TradingState.HALTED, FORCED, "FUND_HALTED"),
        (FUND, TradingState.REDUCING, {}, "REDUCING_ONLY"),
        (FUND, TradingState.REDUCING, FORCED, None),
        (STRATEGY, TradingState.HALTED, {}, "STRATEGY_HALTED"),
        (STRATEGY, TradingState.HALTED, EXIT, None),
        (STRATEGY, TradingState.HALTED, FORCED, "STRATEGY_HALTED"),
        (STRATEGY, TradingState.REDUCING, {}, "REDUCING_ONLY"),
        (STRATEGY, TradingState.PAUSED, {}, "STRATEGY_PAUSED"),
        (STRATEGY, TradingState.PAUSED, FORCED, None),
        (SYMBOL, TradingState.HALTED, {}, "SYMBOL_HALTED"),
        (SYMBOL, TradingState.HALTED, FORCED, "SYMBOL_HALTED"),
        (SYMBOL, TradingState.PAUSED, {}, "SYMBOL_HALTED"),
        (FUND, TradingState.PAUSED, {}, "FUND_HALTED"),
        (SYMBOL, TradingState.REDUCING, {}, "REDUCING_ONLY"),
        (SYMBOL, TradingState.REDUCING, EXIT, None),
        (Scope(ScopeKind.SYMBOL, "ETHUSDT"), TradingState.HALTED, {}, None),
        (Scope(ScopeKind.STRATEGY, "other"), TradingState.HALTED, {}, None),
    ],
)
async def test_a_halt_between_reserve_and_begin_withdraws(
    subject: LedgerUnderTest,
    scope: Scope,
    state: TradingState,
    kind: dict[str, bool],
    code: str | None,
) -> None:
    await ask(subject, request("a", claim(60)))
    await set_state(subject, scope, state)
    (moved,) = await subject.ledger.begin([promote("a", **kind)], owner="me")
    if code is None:
        assert moved == Moved(won=True, state=DecisionState.BEGUN, detail="me")
    else:
        assert moved == Moved(won=False, state=DecisionState.WITHDRAWN, detail=code)
    assert await subject.ledger.exposure() == ({"gross": 60} if code is None else {})


async def test_objections_come_in_the_order_of_the_fence(subject: LedgerUnderTest) -> None:
    found = []
    await ask(subject, *(request(str(n)) for n in range(5)))
    await set_state(subject, STRATEGY, TradingState.REDUCING)
    await set_state(subject, SYMBOL, TradingState.HALTED)
    await set_state(subject, FUND, TradingState.HALTED)
    for number, scope in enumerate([FUND, SYMBOL, STRATEGY, FUND]):
        move = promote(str(number), revision=0)
        (moved,) = await subject.ledger.begin([move], owner="me")
        found.append(moved.detail)
        await set_state(subject, scope, TradingState.ACTIVE)
    assert found == ["FUND_HALTED", "SYMBOL_HALTED", "REDUCING_ONLY", "POLICY_STALE"]


async def test_a_fund_that_nobody_opened_is_halted(unopened: LedgerUnderTest) -> None:
    await unopened.ledger.initialise(fresh=False)
    await ask(unopened, request("a"), request("b"))
    moves = [promote("a"), promote("b", is_exit=True)]
    moved = await unopened.ledger.begin(moves, owner="me")
    assert [each.detail for each in moved] == ["FUND_HALTED", "POLICY_MISSING"]


async def test_a_tighter_policy_withdraws_and_a_looser_does_not(subject: LedgerUnderTest) -> None:
    await ask(subject, request("a"), request("b"), request("c"))
    await put_next(subject.states, b"looser", tightens=False)
    assert (await subject.ledger.begin([promote("a", revision=1)], owner="me"))[0].won
    await put_next(subject.states, b"tighter")
    moves = [promote("b", revision=2), promote("c", revision=3)]
    stale, current = await subject.ledger.begin(moves, owner="me")
    assert stale == Moved(won=False, state=DecisionState.WITHDRAWN, detail="POLICY_STALE")
    assert current.won


async def test_a_withdrawal_or_denial_needs_no_open_fund(subject: LedgerUnderTest) -> None:
    await ask(subject, request("a", claim(10)), request("b"))
    await set_state(subject, FUND, TradingState.HALTED)
    moved = await subject.ledger.begin([withdraw("a"), deny("b")], owner="me")
    assert [each.won for each in moved] == [True, True]
    assert await subject.ledger.exposure() == {}


async def test_finish_closes_what_was_begun_and_releases_the_undelivered(
    subject: LedgerUnderTest,
) -> None:
    await ask(subject, *(request(each, claim(10)) for each in "abc"))
    begun = [promote("a"), promote("b")]
    await subject.ledger.begin(begun, owner="me")
    moves = [*begun, promote("c"), promote("unknown")]
    for _ in range(2):
        await subject.ledger.finish(moves, undelivered=frozenset({"b", "c"}))
        assert await subject.ledger.reservations() == {"a": 10, "c": 10}
        assert await subject.ledger.exposure() == {"gross": 20}
    again = await ask(subject, *(request(each) for each in "abc"))
    assert [(each.state, each.detail) for each in again] == [
        (DecisionState.DONE, "approve"),
        (DecisionState.DONE, "approve"),
        (DecisionState.RESERVED, ""),
    ]
