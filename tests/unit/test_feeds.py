"""The gate's picture of the world: fresh, or growing old, and never taken from garbage."""

import asyncio
from datetime import timedelta
from decimal import Decimal

import orjson
import pytest

from petrosa_cio.errors import Unavailable
from petrosa_cio.governance.regimes import read_override, write_regime
from petrosa_cio.nurse import feeds as feeds_module
from petrosa_cio.nurse.feeds import Feeds
from petrosa_cio.ports import ActivePolicy
from petrosa_cio.risk.limits import LimitSet
from petrosa_cio.risk.policy import Charter
from petrosa_cio.risk.snapshot import Regime
from petrosa_cio.risk.trading_state import TradingState
from tests.gates import POLICY, House
from tests.waiting import eventually


@pytest.fixture
async def house() -> House:
    return await House().open()


async def test_before_anything_is_read_nothing_is_known() -> None:
    snapshot = House().feeds.snapshot()
    assert (snapshot.policy, snapshot.trading_states) == (None, None)
    assert snapshot.policy_confirmed_at is None


async def test_everything_is_read(house: House) -> None:
    regime = Regime("calm", Decimal("0.9"), house.now(), "ann")
    await house.states.set_regime("BTCUSDT", write_regime(regime))
    await house.feeds.refresh()
    snapshot = house.feeds.snapshot()
    assert snapshot.policy
    assert snapshot.policy.revision == 1
    assert snapshot.policy.document.policy.name == "test"
    assert snapshot.trading_states
    assert snapshot.trading_states.fund is TradingState.ACTIVE
    assert snapshot.regimes == {"BTCUSDT": regime}
    assert snapshot.now == snapshot.policy_confirmed_at == house.feeds.refreshed_at == house.now()


async def test_what_cannot_be_confirmed_stays_and_grows_old(house: House) -> None:
    confirmed_at = house.now()

    async def away() -> ActivePolicy | None:
        raise Unavailable("redis")

    house.states.active_policy = away  # type: ignore[method-assign]
    house.clock.advance(7_000)
    with pytest.raises(Unavailable):
        await house.feeds.refresh()
    snapshot = house.feeds.snapshot()
    assert snapshot.policy
    assert snapshot.policy_confirmed_at == house.feeds.refreshed_at == confirmed_at
    assert snapshot.now - confirmed_at == timedelta(seconds=7)


async def give(house: House, revision: int, document: bytes) -> None:
    """Let the store hold a policy, whatever it is."""

    async def active_policy() -> ActivePolicy:
        return ActivePolicy(revision, revision, document)

    house.states.active_policy = active_policy  # type: ignore[method-assign]
    house.clock.advance(1_000)
    await house.feeds.refresh()


@pytest.mark.parametrize(
    "document",
    [
        b"",
        b"[]",
        b"\xff",
        b"{}",
        b'{"policy": {"fund": {"max_order_notional_usdd": "1"}}}',
        b'{"policy": {"fund": {"min_confidence": "2"}}}',
        b'{"policy": {}, "overlays": [{}]}',
    ],
)
async def test_a_policy_that_does_not_read_is_never_taken_over(
    house: House, document: bytes
) -> None:
    confirmed_at = house.now()
    await give(house, 2, document)
    snapshot = house.feeds.snapshot()
    assert snapshot.policy
    assert snapshot.policy.revision == 1
    assert snapshot.policy_confirmed_at == confirmed_at
    assert snapshot.policy_untrusted


async def test_a_policy_that_went_back_is_never_taken_over(house: House) -> None:
    await house.activate(POLICY | {"name": "second"})
    confirmed_at = house.now()
    await give(house, 1, orjson.dumps({"policy": POLICY}))
    snapshot = house.feeds.snapshot()
    assert snapshot.policy
    assert snapshot.policy.revision == 2
    assert snapshot.policy_confirmed_at == confirmed_at
    assert snapshot.policy_untrusted == "revision 1 after revision 2"


async def test_a_policy_looser_than_the_charter_is_never_taken_over() -> None:
    house = await House(charter=Charter(bounds=LimitSet(min_confidence=Decimal("0.6")))).open()
    await give(house, 2, b'{"policy": {"fund": {"min_confidence": "0.5"}}}')
    snapshot = house.feeds.snapshot()
    assert snapshot.policy
    assert snapshot.policy.revision == 1
    assert snapshot.policy_untrusted == (
        "fund.min_confidence is 0.5, looser than the charter's 0.6"
    )


async def test_openings_wait_for_a_policy_that_can_be_trusted_and_exits_do_not(
    house: House,
) -> None:
    def verdicts() -> list[tuple[str, list[str]]]:
        return [
            (one["verdict"]["kind"], [reason[0] for reason in one["verdict"]["reasons"]])
            for one in house.records[-2:]
        ]

    async def arrive() -> None:
        await house.gate().process([house.arrive(), house.arrive(action="close")])

    await give(house, 2, b"{}")
    await arrive()
    assert verdicts() == [("deny", ["POLICY_UNTRUSTED"]), ("approve", [])]
    slices = [one["decision"]["snapshot"]["policy_untrusted"] for one in house.records]
    assert slices == ["policy: Field required"] * 2
    await give(house, 2, orjson.dumps({"policy": POLICY}))
    assert house.feeds.snapshot().policy_untrusted is None
    await arrive()
    assert verdicts() == [("approve", []), ("approve", [])]


async def test_what_is_wrong_with_a_policy_is_kept_short(house: House) -> None:
    entries = {f"limit_{number}": 1 for number in range(1_000)}
    await give(house, 2, orjson.dumps({"policy": {"fund": entries}}))
    problem = house.feeds.snapshot().policy_untrusted
    assert problem
    assert len(problem) == feeds_module.LONGEST_DISTRUST


async def test_a_store_that_forgot_the_policy_does_not_confirm_it(house: House) -> None:
    confirmed_at = house.now()

    async def active_policy() -> None:
        return None

    house.states.active_policy = active_policy  # type: ignore[method-assign]
    await house.pass_time(3)
    snapshot = house.feeds.snapshot()
    assert snapshot.policy
    assert snapshot.policy_confirmed_at == confirmed_at
    assert snapshot.trading_states


GOOD_REGIME = {
    "name": "calm",
    "confidence": "0.5",
    "observed_at": "2026-11-23T12:00:00+00:00",
    "source": "ann",
}
WRONG: list[dict[str, object]] = [
    {"confidence": "NaN"},
    {"confidence": "1.01"},
    {"confidence": "-0.1"},
    {"confidence": "many"},
    {"confidence": None},
    {"confidence": []},
    {"observed_at": "yesterday"},
    {"observed_at": 7},
    {"observed_at": "0001-01-01T00:00:00+14:00"},
]
BAD_REGIMES = [
    b"", b"[]", b"null", b"\xff", b'{"name": "calm"}',
    *(orjson.dumps(GOOD_REGIME | wrong) for wrong in WRONG),
]  # fmt: skip


@pytest.mark.parametrize("document", BAD_REGIMES)
async def test_a_regime_that_does_not_read_is_not_known(house: House, document: bytes) -> None:
    await house.states.set_regime("BTCUSDT", document)
    await house.feeds.refresh()
    assert house.feeds.snapshot().regimes == {}


GOOD_OVERRIDE = GOOD_REGIME | {"expires_at": "2026-11-30T12:00:00+00:00", "reason": "drill"}
WRONG_OVERRIDES: list[dict[str, object]] = [
    {"expires_at": None},
    {"expires_at": "tomorrow"},
    {"expires_at": "2026-11-30T12:00:00.000001+00:00"},
    {"expires_at": "2026-11-23T12:00:00+00:00"},
    {"confidence": "NaN"},
]


async def test_an_override_is_read_beside_what_is_observed(house: House) -> None:
    await house.states.set_regime("BTCUSDT", orjson.dumps(GOOD_REGIME))
    await house.states.set_regime_override("BTCUSDT", orjson.dumps(GOOD_OVERRIDE))
    await house.feeds.refresh()
    snapshot = house.feeds.snapshot()
    found = snapshot.regime_overrides["BTCUSDT"]
    assert (found.name, found.source, found.reason) == ("calm", "ann", "drill")
    assert read_override(write_regime(found)) == found
    assert snapshot.regimes["BTCUSDT"].expires_at is None


@pytest.mark.parametrize(
    "document",
    [*BAD_REGIMES, orjson.dumps(GOOD_REGIME)]
    + [orjson.dumps(GOOD_OVERRIDE | wrong) for wrong in WRONG_OVERRIDES],
)
async def test_an_override_that_does_not_read_or_is_too_long_is_none(
    house: House, document: bytes
) -> None:
    await house.states.set_regime_override("BTCUSDT", document)
    await house.feeds.refresh()
    assert house.feeds.snapshot().regime_overrides == {}


async def test_what_is_observed_has_no_end_whatever_it_says(house: House) -> None:
    await house.states.set_regime("BTCUSDT", orjson.dumps(GOOD_OVERRIDE))
    await house.feeds.refresh()
    assert house.feeds.snapshot().regimes["BTCUSDT"].expires_at is None


async def test_a_change_is_read_at_once(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(feeds_module, "REFRESH_S", 60.0)
    feeds = Feeds(house.states, Charter(), clock=house.now, policy_max_age_s=5)
    stop = asyncio.Event()
    running = asyncio.create_task(feeds.run(stop))
    await eventually(lambda: feeds.refreshed_at)
    await house.switch(TradingState.HALTED)
    feeds.wake()

    def halted() -> bool:
        states = feeds.snapshot().trading_states
        return states is not None and states.fund is TradingState.HALTED

    await eventually(halted)
    stop.set()
    feeds.wake()
    await running


async def test_a_store_that_is_away_is_asked_again(
    house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(feeds_module, "REFRESH_S", 0.01)
    asked = []

    async def away() -> ActivePolicy | None:
        asked.append(1)
        raise Unavailable("redis")

    house.states.active_policy = away  # type: ignore[method-assign]
    stop = asyncio.Event()
    running = asyncio.create_task(house.feeds.run(stop))
    await eventually(lambda: len(asked) > 2)
    stop.set()
    await running
