"""What every store of state, policy and regimes promises: in memory and in Redis."""

import json

import pytest

from petrosa_cio.ports import ActivePolicy
from petrosa_cio.risk.trading_state import FUND, Scope, ScopeKind, TradingState, TradingStates
from tests.ledgers import NOON_MS, LedgerUnderTest, set_state

pytestmark = pytest.mark.integration

STRATEGY = Scope(ScopeKind.STRATEGY, "epoch")
SYMBOL = Scope(ScopeKind.SYMBOL, "BTCUSDT")


async def test_an_empty_store_states_nothing(unopened: LedgerUnderTest) -> None:
    assert await unopened.states.trading_states() == TradingStates(fund=None)
    assert await unopened.states.active_policy() is None
    assert await unopened.states.regimes() == {}


async def test_each_change_moves_the_epoch_and_a_repetition_does_not(
    unopened: LedgerUnderTest,
) -> None:
    steps = [
        (FUND, TradingState.ACTIVE, 1),
        (FUND, TradingState.ACTIVE, 1),
        (STRATEGY, TradingState.ACTIVE, 1),
        (STRATEGY, TradingState.HALTED, 2),
        (SYMBOL, TradingState.REDUCING, 3),
        (SYMBOL, TradingState.REDUCING, 3),
    ]
    for scope, state, epoch in steps:
        assert await set_state(unopened, scope, state) == epoch
    assert await unopened.states.trading_states() == TradingStates(
        fund=TradingState.ACTIVE,
        strategies={"epoch": TradingState.HALTED},
        symbols={"BTCUSDT": TradingState.REDUCING},
        epoch=3,
    )
    await set_state(unopened, STRATEGY, TradingState.ACTIVE)
    assert (await unopened.states.trading_states()).strategies == {}


async def test_a_halt_needs_no_ledger(unopened: LedgerUnderTest) -> None:
    assert await set_state(unopened, FUND, TradingState.HALTED) == 1


async def test_the_last_change_of_a_scope_is_explained(unopened: LedgerUnderTest) -> None:
    states = unopened.states
    await states.set_trading_state(SYMBOL, TradingState.HALTED, reason='a/b "c"', author="ann")
    await states.set_trading_state(SYMBOL, TradingState.HALTED, reason="again", author="bob")
    reasons = await states.trading_state_reasons()
    assert {scope: json.loads(each) for scope, each in reasons.items()} == {
        "symbol:BTCUSDT": {
            "state": "halted",
            "reason": 'a/b "c"',
            "author": "ann",
            "at_ms": NOON_MS,
        }
    }


@pytest.mark.parametrize(
    ("known", "wanted", "after"),
    [
        (None, TradingState.REDUCING, None),
        (TradingState.ACTIVE, TradingState.REDUCING, TradingState.REDUCING),
        (TradingState.REDUCING, TradingState.HALTED, TradingState.HALTED),
        (TradingState.HALTED, TradingState.REDUCING, TradingState.HALTED),
        (TradingState.REDUCING, TradingState.ACTIVE, TradingState.REDUCING),
    ],
)
async def test_a_state_can_be_asked_to_become_only_tighter(
    unopened: LedgerUnderTest,
    known: TradingState | None,
    wanted: TradingState,
    after: TradingState | None,
) -> None:
    if known is not None:
        await set_state(unopened, FUND, known)
    await unopened.states.set_trading_state(
        FUND, wanted, reason="test", author="ann", only_tighter=True
    )
    assert (await unopened.states.trading_states()).fund is after


async def test_a_paused_strategy_is_as_strict_as_a_reducing_one(unopened: LedgerUnderTest) -> None:
    for state in (TradingState.PAUSED, TradingState.HALTED):
        await set_state(unopened, STRATEGY, state)
        await unopened.states.set_trading_state(
            STRATEGY, TradingState.REDUCING, reason="test", author="ann", only_tighter=True
        )
        assert (await unopened.states.trading_states()).strategies == {"epoch": state}


async def test_a_policy_replaces_older_ones_only(unopened: LedgerUnderTest) -> None:
    states = unopened.states
    for policy in (ActivePolicy(2, 1, b"two", b"signed"), ActivePolicy(5, 1, b"\x00\xff", b"\xff")):
        assert await states.put_policy(policy)
        assert await states.active_policy() == policy
    for revision in (1, 4, 5):
        assert not await states.put_policy(ActivePolicy(revision, 1, b"other", b"signed"))
    assert await states.active_policy() == policy


async def test_what_somebody_forged_can_be_replaced_by_an_older_revision(
    unopened: LedgerUnderTest,
) -> None:
    put, forged = unopened.states.put_policy, ActivePolicy(99, 0, b"forged", b"by nobody")
    good, other = ActivePolicy(3, 2, b"good", b"signed"), ActivePolicy(4, 2, b"other", b"signed")
    assert await put(forged)
    assert not await put(good, instead_of=other)
    assert await put(good, instead_of=forged)
    assert not await put(good, instead_of=forged)
    assert await unopened.states.active_policy() == good


async def test_regimes_are_kept_by_symbol(unopened: LedgerUnderTest) -> None:
    await unopened.states.set_regime("*", b"calm")
    await unopened.states.set_regime("BTCUSDT", b"wild")
    await unopened.states.set_regime("BTCUSDT", b"wilder")
    assert await unopened.states.regimes() == {"*": b"calm", "BTCUSDT": b"wilder"}


async def test_a_regime_replaces_only_what_its_writer_has_seen(unopened: LedgerUnderTest) -> None:
    replace = unopened.states.replace_regime
    assert await replace("BTCUSDT", b"one", instead_of=b"zero") is False
    assert await replace("BTCUSDT", b"one", instead_of=None) is True
    assert await replace("BTCUSDT", b"two", instead_of=None) is False
    assert await replace("BTCUSDT", b"two", instead_of=b"one") is True
    assert await replace("*", b"\x00\xff", instead_of=None) is True
    assert await unopened.states.regimes() == {"BTCUSDT": b"two", "*": b"\x00\xff"}
    assert await unopened.states.clear_regime("*") is True
    assert await unopened.states.clear_regime("*") is False
    assert await replace("*", b"new", instead_of=None) is True


async def test_overrides_are_kept_apart_from_what_is_observed(unopened: LedgerUnderTest) -> None:
    await unopened.states.set_regime("BTCUSDT", b"calm")
    await unopened.states.set_regime_override("BTCUSDT", b"wild")
    await unopened.states.set_regime_override("*", b"wilder")
    assert await unopened.states.regimes() == {"BTCUSDT": b"calm"}
    assert await unopened.states.regime_overrides() == {"BTCUSDT": b"wild", "*": b"wilder"}
    assert await unopened.states.clear_regime_override("BTCUSDT") is True
    assert await unopened.states.clear_regime_override("BTCUSDT") is False
    assert await unopened.states.regime_overrides() == {"*": b"wilder"}
    assert await unopened.states.regimes() == {"BTCUSDT": b"calm"}
