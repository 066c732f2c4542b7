"""A shadow that is restarted anywhere finds what a what-if finds afterwards."""

from typing import Any

from hypothesis import event, given, settings
from hypothesis import strategies as st
from structlog.testing import capture_logs

from petrosa_cio.risk.policy import PolicyDocument
from tests.gates import POLICY
from tests.past import what_if
from tests.property.test_what_if import LIMITS_OF_A_DAY, STEP, Day
from tests.shadows import ShadowedHouse

LOOK = st.tuples(st.just("look"), st.sampled_from(["go on", "restart", "two at once"]))


@settings(max_examples=60, deadline=None)
@given(
    LIMITS_OF_A_DAY, LIMITS_OF_A_DAY, st.lists(st.one_of(STEP, STEP, LOOK), min_size=4, max_size=25)
)
async def test_whenever_it_looks_and_restarts_it_finds_the_same(
    limits: dict[str, Any], others: dict[str, Any], steps: list[tuple[Any, ...]]
) -> None:
    fund = POLICY["fund"] | others
    candidate = PolicyDocument.model_validate({"policy": POLICY | {"fund": fund}})
    with capture_logs():
        day = await Day().open(limits)
        shadowed = ShadowedHouse(day.house)
        shadow = await shadowed.start(candidate)
        for name, *arguments in [*steps, ("look", "restart")]:
            if name != "look":
                await getattr(day, name)(*arguments)
                continue
            await shadowed.drain()
            if arguments == ["two at once"]:
                await shadowed.look(shadowed.new_walk())
            if arguments == ["restart"]:
                shadowed.walk = shadowed.new_walk()
            await shadowed.look()
    found, asked = (await shadowed.report(shadow)).findings, await what_if(day.records, candidate)
    event("flips" if asked.flipped else "no flips")
    for counted in (
        "was", "would", "by_kind", "by_code", "by_strategy", "by_symbol", "by_revision",
        "undecidable", "other_reasons", "first", "last",
    ):  # fmt: skip
        assert getattr(found, counted) == getattr(asked, counted), counted
    assert found.flips == asked.flips[::-1]
    assert shadowed.tally.decided == asked.decided
    assert shadowed.tally.failures == []
