"""Where people throw the switches."""

import json
from datetime import timedelta
from decimal import Decimal

import pytest

from petrosa_cio.governance.desk import STATE_UPDATED, Cleared, Desk
from petrosa_cio.governance.regimes import read_override, read_regime
from petrosa_cio.risk.policy import Policy, PolicyDocument, canonical_json
from petrosa_cio.risk.snapshot import Regime
from petrosa_cio.risk.trading_state import FUND, Scope, ScopeKind, TradingState
from tests.gates import House
from tests.policies import put_next


@pytest.fixture
def house() -> House:
    return House()


@pytest.fixture
def desk(house: House) -> Desk:
    return Desk(house.states, house.journal, house.announcer, fund="main", clock=house.now)


async def test_a_switch_takes_effect_is_recorded_and_announced(house: House, desk: Desk) -> None:
    switched = await desk.switch(FUND, TradingState.HALTED, reason="drill", author="ann")
    assert (switched.epoch, switched.unrecorded) == (1, None)
    assert house.states.states_now.fund is TradingState.HALTED
    (record,) = house.records
    assert (record["kind"], record["fund"]) == ("change", "main")
    assert record["change"] == {
        "subject": "trading_state",
        "scope": "fund",
        "value": "halted",
        "author": "ann",
        "reason": "drill",
    }
    assert house.announcer.heard == [(STATE_UPDATED, house.journal.records[0])]


@pytest.mark.parametrize(
    "scope", [FUND, Scope(ScopeKind.STRATEGY, "a"), Scope(ScopeKind.SYMBOL, "BTC")]
)
async def test_switching_twice_changes_nothing_but_is_recorded_twice(
    house: House, desk: Desk, scope: Scope
) -> None:
    first = await desk.switch(scope, TradingState.HALTED, reason="a", author="ann")
    again = await desk.switch(scope, TradingState.HALTED, reason="b", author="bob")
    assert first.epoch == again.epoch
    assert [one["change"]["author"] for one in house.records] == ["ann", "bob"]
    assert len({one["decision_id"] for one in house.records}) == 2


async def test_a_halt_stands_even_if_it_cannot_be_recorded(house: House, desk: Desk) -> None:
    house.journal.away = True
    switched = await desk.switch(FUND, TradingState.HALTED, reason="drill", author="ann")
    assert switched.unrecorded == "journal: away for a test"
    assert house.states.states_now.fund is TradingState.HALTED
    assert house.announcer.heard


async def test_a_halt_needs_nothing_but_the_store(house: House) -> None:
    desk = Desk(house.states, None, None, fund="main", clock=house.now)
    switched = await desk.switch(FUND, TradingState.HALTED, reason="drill", author="ann")
    assert switched.unrecorded == "NATS is away"
    assert house.states.states_now.fund is TradingState.HALTED


async def test_a_regime_is_stored_and_recorded(house: House, desk: Desk) -> None:
    regime = Regime("calm", Decimal("0.75"), house.now(), "ann")
    assert await desk.set_regime("BTCUSDT", regime, author="ann") is None
    stored = await house.states.regimes()
    assert read_regime(stored["BTCUSDT"]) == regime
    (record,) = house.records
    assert (record["change"]["subject"], record["change"]["scope"]) == ("regime", "BTCUSDT")
    assert json.loads(record["change"]["value"])["name"] == "calm"
    house.journal.away = True
    assert await desk.set_regime("*", regime, author="ann") == "journal: away for a test"


async def test_who_sets_a_regime_is_told_what_it_does_not_do(house: House, desk: Desk) -> None:
    policy = Policy.model_validate({"regimes": {"crash": {"size_scale": "0.5"}, "calm": {}}})
    await put_next(house.states, canonical_json(PolicyDocument(policy=policy)))

    async def remarks(symbol: str, name: str) -> list[str]:
        said = override(house, name)
        await desk.override_regime(symbol, said)
        return [remark async for remark in desk.remarks_on(symbol, said)]

    assert await remarks("BTCUSDT", "crash") == []
    assert await remarks("BTCUSDT", "crush") == [
        'The policy states nothing about "crush". It knows: calm, crash.'
    ]
    keeps = "BTCUSDT keeps the regime that ann set for it, crush."
    assert await remarks("*", "crash") == [keeps]
    house.clock.advance(3_600_000)
    assert await remarks("*", "crash") == []
    assert await desk.stated_regimes() == {"crash", "calm"}


# --- a person's word ------------------------------------------------------------------------------


def override(house: House, name: str = "wild", *, hours: int = 1) -> Regime:
    expires_at = house.now() + timedelta(hours=hours)
    return Regime(name, Decimal(1), house.now(), "ann", expires_at, "drill")


async def test_an_override_is_stored_apart_recorded_and_announced(house: House, desk: Desk) -> None:
    said = override(house)
    assert await desk.override_regime("BTCUSDT", said) is None
    assert await house.states.regimes() == {}
    stored = (await house.states.regime_overrides())["BTCUSDT"]
    assert read_override(stored) == said
    (record,) = house.records
    assert record["change"] == {
        "subject": "regime_override",
        "scope": "BTCUSDT",
        "value": stored.decode(),
        "author": "ann",
        "reason": "drill",
    }
    assert house.announcer.heard == [(STATE_UPDATED, house.journal.records[0])]
    house.journal.away = True
    assert await desk.override_regime("*", said) == "journal: away for a test"
    assert set(await house.states.regime_overrides()) == {"BTCUSDT", "*"}


async def test_an_override_is_ended_and_that_is_recorded(house: House, desk: Desk) -> None:
    await desk.override_regime("BTCUSDT", override(house))
    assert await desk.clear_override("BTCUSDT", reason="over", author="bob") == Cleared("wild")
    assert await house.states.regime_overrides() == {}
    assert await desk.clear_override("BTCUSDT", reason="sure?", author="bob") == Cleared(None)
    assert [one["change"]["value"] for one in house.records][1:] == ["", ""]
    assert house.records[1]["change"]["author"] == "bob"


async def test_one_that_is_over_is_not_said_to_have_been_ended(house: House, desk: Desk) -> None:
    await desk.override_regime("BTCUSDT", override(house))
    house.clock.advance(3_600_000)
    assert (await desk.clear_override("BTCUSDT", reason="x", author="bob")).ended is None
    assert await house.states.regime_overrides() == {}


async def test_what_was_observed_can_be_forgotten(house: House, desk: Desk) -> None:
    regime = Regime("calm", Decimal(1), house.now(), "feed")
    await desk.set_regime("*", regime, author="feed")
    await desk.override_regime("*", override(house))
    assert await desk.forget_regime("*", reason="no feed", author="ann") == Cleared("calm")
    assert await house.states.regimes() == {}
    assert set(await house.states.regime_overrides()) == {"*"}
    assert house.records[-1]["change"]["subject"] == "regime"


async def test_living_overrides_are_remembered_with_who_and_why(house: House, desk: Desk) -> None:
    await desk.override_regime("BTCUSDT", override(house, hours=2))
    await desk.override_regime("ETHUSDT", override(house, hours=1))
    house.clock.advance(3_600_000)
    await desk.remember()
    (again,) = [one["change"] for one in house.records[2:]]
    assert again == house.records[0]["change"]
