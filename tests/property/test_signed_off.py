"""A signal is made again from its record: the very bytes that the gate sent."""

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from petrosa_cio.nurse.signed_off import SignedOffSignals, signal_of
from petrosa_cio.ports import Kept
from tests.gates import House, intent

AT = 1_795_348_800
"""When the house's time stands still, epoch seconds."""

TEMPLATE = "signals.trading.{strategy_id}"
PARENT = "00-" + "a" * 32 + "-" + "b" * 16 + "-01"

TEXT = st.text(st.characters(exclude_categories=["Cs"]), max_size=300)
NUMBERS = st.integers(-(2**63), 2**63) | st.floats(allow_nan=False, allow_infinity=False)
FREE = st.recursive(
    st.none() | st.booleans() | NUMBERS | TEXT,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(TEXT, inner, max_size=4),
    max_leaves=12,
)
FIELDS = st.fixed_dictionaries(
    {
        "quantity": st.sampled_from(["0.01", "0.1", "0.0000012345", "0.03"]),
        "metadata": st.dictionaries(TEXT, FREE, max_size=5),
    },
    optional={
        "strategy_id": st.sampled_from(["momentum", "Spread Liquidity.Monitor v2", "x>y*"]),
        "timestamp": st.sampled_from([AT - 1, AT - 0.5, "2026-11-22T11:59:59.123456Z", AT - 59]),
        "action": st.sampled_from(["buy", "sell", "close"]),
        "take_profit_pct": st.sampled_from(["0.02", 1, 5]),
        "intent_id": TEXT,
        "note": FREE,
    },
)
HEADERS = st.fixed_dictionaries(
    {}, optional={"traceparent": st.just(PARENT), "tracestate": st.sampled_from(["a=1", "b=2,c=3"])}
)


@given(st.lists(st.tuples(FIELDS, HEADERS), min_size=1, max_size=4))
@settings(max_examples=60)
@pytest.mark.anyio
async def test_the_signal_follows_from_its_record(
    messages: list[tuple[dict[str, Any], dict[str, str]]],
) -> None:
    house = await House().open()
    arrivals = [house.arrive_bytes(intent(**fields), headers) for fields, headers in messages]
    await house.gate().process(arrivals)
    made = [signal_of(one, TEMPLATE) for one in house.records if one["kind"] == "verdict"]
    assert [one for one in made if one is not None] == house.signals.sent


async def test_most_of_these_are_sent() -> None:
    house = await House().open()
    large = {"metadata": {f"x{number}": "y" * 100 for number in range(60)}}
    bodies = [intent(), intent(quantity=0.05), intent(timestamp=AT - 0.5), intent(**large)]
    await house.gate().process([house.arrive_bytes(one) for one in bodies])
    assert len(house.signals.sent) == len(bodies)
    assert [signal_of(one, TEMPLATE) for one in house.records] == house.signals.sent


class Record:
    """A record of what a gate journaled."""

    def __init__(self, house: House) -> None:
        self._texts = {
            one["decision_id"]: text.decode()
            for one, text in zip(house.records, house.journal.records, strict=True)
        }

    async def kept(self, decision_ids: object) -> dict[str, Kept]:
        return {one: Kept("approve", {"verdict": (1, 0)}) for one in self._texts}

    async def records_of(self, decision_ids: object) -> dict[str, str]:
        return self._texts


async def test_what_another_version_signed_off_is_not_told() -> None:
    house = await House().open()
    await house.gate().process([house.arrive()])
    (signal,) = house.signals.sent
    for version, told in (("0.1.0", signal), ("0.2.0", None)):
        signals = SignedOffSignals(Record(house), TEMPLATE, version=version)
        found = await signals.signed_off([signal.decision_id])
        assert found[signal.decision_id].signal == told
        assert found[signal.decision_id].sends
