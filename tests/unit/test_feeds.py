"""The gate's picture of the world: fresh, or growing old, and never taken from garbage."""

import asyncio
from dataclasses import replace
from datetime import timedelta
from decimal import Decimal

import orjson
import pytest

from petrosa_cio.errors import Unavailable
from petrosa_cio.governance.regimes import read_override, write_regime
from petrosa_cio.nurse import feeds as feeds_module
from petrosa_cio.nurse.feeds import Feeds, Refusal
from petrosa_cio.ports import ActivePolicy
from petrosa_cio.risk.limits import LimitSet
from petrosa_cio.risk.policy import Charter
from petrosa_cio.risk.snapshot import Regime
from petrosa_cio.risk.trading_state import TradingState
from tests.gates import POLICY, House
from tests.policies import SIGNER, STRANGER, signed, trusting
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
    """Let the store hold a signed policy, whatever it is."""
    await give_as_it_is(house, signed(revision, document))


async def give_as_it_is(house: House, policy: ActivePolicy) -> None:
    async def active_policy() -> ActivePolicy:
        return policy

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
    await give(house, 1, GOOD)
    snapshot = house.feeds.snapshot()
    assert snapshot.policy
    assert snapshot.policy.revision == 2
    assert snapshot.policy_confirmed_at == confirmed_at
    assert snapshot.policy_untrusted == "revision 1 after revision 2"


GOOD = orjson.dumps({"policy": POLICY})


async def test_what_was_in_force_is_refused_when_it_comes_again(house: House) -> None:
    first = await house.states.active_policy()
    assert first
    await house.activate(POLICY | {"name": "second"})
    await give_as_it_is(house, first)
    assert house.feeds.snapshot().policy_untrusted == "revision 1 after revision 2"


async def test_two_documents_of_one_revision_are_one_too_many(house: House) -> None:
    await give(house, 1, orjson.dumps({"policy": POLICY | {"name": "another first"}}))
    snapshot = house.feeds.snapshot()
    assert snapshot.policy_untrusted == "revision 1 after revision 1"
    assert snapshot.policy
    assert snapshot.policy.document.policy.name == "test"


def _with(field: str, value: object) -> bytes:
    return orjson.dumps(orjson.loads(signed(2, GOOD).signed) | {field: value})


FORGED = {
    "nobody signed it": (replace(signed(2, GOOD), signed=b""), "it is not signed"),
    "no JSON": (replace(signed(2, GOOD), signed=b"{"), "it is not signed"),
    "a list": (replace(signed(2, GOOD), signed=b"[]"), "it is not signed"),
    "a field too many": (replace(signed(2, GOOD), signed=_with("x", 1)), "it is not signed"),
    "no revision at all": (ActivePolicy(0, 0, b""), "it is not signed"),
    "a stranger signed it": (
        signed(2, GOOD, signer=STRANGER),
        f"it is signed with the key {STRANGER.key_id}, which is not trusted",
    ),
    "a stranger under our name": (
        replace(
            signed(2, GOOD, signer=STRANGER),
            signed=signed(2, GOOD, signer=STRANGER).signed.replace(
                STRANGER.key_id.encode(), SIGNER.key_id.encode()
            ),
        ),
        "its signature is wrong",
    ),
    "no base64": (
        replace(signed(2, GOOD), signed=_with("signature", "~")), "its signature is wrong"
    ),
    "no text": (replace(signed(2, GOOD), signed=_with("signature", 7)), "it is not signed"),
    "a key of another kind": (
        replace(signed(2, GOOD), signed=_with("key_id", 7)),
        "it is signed with the key 7, which is not trusted",
    ),
    "another parent": (
        replace(signed(2, GOOD), signed=_with("parent", 0)), "its signature is wrong"
    ),
    "another fund's": (signed(2, GOOD, fund="other"), "it is signed for the fund other"),
    "another document": (
        replace(signed(2, GOOD), document=GOOD + b" "), "its signature is of another revision"
    ),
    "an older one with a new number": (
        replace(signed(1, GOOD), revision=2), "its signature is of another revision"
    ),
    "the fence would not hear of it": (
        replace(signed(2, GOOD), tightened_revision=1), "its signature is of another revision"
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", FORGED)
async def test_a_policy_that_nobody_trusted_has_signed_is_never_taken_over(
    house: House, name: str
) -> None:
    forged, problem = FORGED[name]
    confirmed_at = house.now()
    await give_as_it_is(house, forged)
    snapshot = house.feeds.snapshot()
    assert snapshot.policy
    assert snapshot.policy.revision == 1
    assert snapshot.policy_confirmed_at == confirmed_at
    assert snapshot.policy_untrusted == f"revision {forged.revision}: {problem}"


async def test_a_signature_with_one_wrong_byte_is_wrong(house: House) -> None:
    good = signed(2, GOOD)
    signature = orjson.loads(good.signed)["signature"]
    for place in range(0, len(signature) - 2, 7):  # the two last are filling
        other = "A" if signature[place] != "A" else "B"
        wrong = signature[:place] + other + signature[place + 1 :]
        await give_as_it_is(house, replace(good, signed=_with("signature", wrong)))
        assert house.feeds.snapshot().policy_untrusted == "revision 2: its signature is wrong"


async def test_each_policy_that_is_not_taken_over_is_told_once(house: House) -> None:
    told: list[Refusal] = []
    feeds = Feeds(
        house.states,
        house.charter,
        trusting(),
        clock=house.now,
        policy_max_age_s=5,
        refused=told.append,
    )
    house.feeds = feeds
    await feeds.refresh()
    for policy in (replace(signed(2, GOOD), signed=b""), signed(2, b"{}"), signed(1, b"{}")):
        await give_as_it_is(house, policy)
        await feeds.refresh()
    assert told == [Refusal.SIGNATURE, Refusal.CONTENT, Refusal.OLDER]


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
    await give(house, 2, GOOD)
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
    feeds = Feeds(house.states, Charter(), trusting(), clock=house.now, policy_max_age_s=5)
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
