"""What a shadow makes of what gates record: each verdict once, whatever happens to the walk."""

from dataclasses import replace
from datetime import timedelta

import pytest
from structlog.testing import capture_logs

from petrosa_cio.errors import RecordUnreadable, Unavailable
from petrosa_cio.governance.shadow import walk as shadow_walk
from petrosa_cio.governance.shadow.metrics import Where
from petrosa_cio.governance.what_if import FlipKind, WhatIf
from petrosa_cio.ports import ChainLine, EndingKind, Shadow, ShadowEnding, ShadowPage
from petrosa_cio.risk.trading_state import TradingState
from tests.gates import House
from tests.past import what_if
from tests.replaying import charter_change
from tests.shadows import ShadowedHouse, candidate, shadow_of


@pytest.fixture
async def house() -> ShadowedHouse:
    return ShadowedHouse(await House().open())


async def end(house: ShadowedHouse, shadow: Shadow) -> None:
    ending = ShadowEnding(
        shadow.shadow_id, EndingKind.DROP, "ann", "risk_officer", "enough", house.house.now()
    )
    assert await house.store.end(ending)


async def test_each_verdict_is_decided_again_and_nothing_is_enforced(house: ShadowedHouse) -> None:
    shadow = await house.start(candidate(min_confidence="0.9"))
    for number, confidence in enumerate((0.8, 0.95, 0.7, 0.5)):
        await house.decide(confidence=confidence, quantity=0.001 * (number + 1))
    await house.look()
    report = await house.report(shadow)
    found = report.findings
    assert (found.decided, found.was.approve, found.would.approve) == (4, 3, 1)
    assert found.by_kind == {FlipKind.DENIED: 2}
    assert found.by_code == {"CONFIDENCE_BELOW_MIN": {FlipKind.DENIED: 2}}
    assert found.by_strategy == {"momentum": {FlipKind.DENIED: 2}}
    assert [str(flip.quantities[0]) for flip in found.flips] == ["0.003", "0.001"]
    assert len(house.house.signals_sent) == 3
    assert (house.tally.decided, house.tally.failures) == (4, [])


async def test_what_it_finds_is_what_a_what_if_finds(house: ShadowedHouse) -> None:
    wanted = candidate(max_order_notional_usd="300", max_gross_exposure_usd="900")
    shadow = await house.start(wanted)
    for number in range(12):
        await house.decide(
            quantity=0.002 + 0.001 * number, symbol=("BTCUSDT", "ETHUSDT")[number % 2]
        )
        if number % 5 == 0:
            await house.look()
    await house.look()
    report = (await house.report(shadow)).findings
    lines = [charter_change(house.house.charter), *house.house.journal.records]
    asked = await what_if(lines, wanted)
    for counted in (
        "was",
        "would",
        "by_kind",
        "by_code",
        "by_strategy",
        "by_symbol",
        "by_revision",
    ):
        assert getattr(report, counted) == getattr(asked, counted), counted
    assert report.flips == asked.flips[::-1]
    assert (report.first, report.last) == (asked.first, asked.last)


async def test_a_verdict_waits_until_what_became_of_it_is_recorded(house: ShadowedHouse) -> None:
    shadow = await house.start(candidate(max_gross_exposure_usd="900"))
    house.house.signals.listening = False
    await house.decide()
    await house.walk.look()
    assert (await house.report(shadow)).findings.decided == 0
    house.house.signals.listening = True
    await house.decide()
    await house.look()
    # The first was heard by nobody and holds nothing: there is room for the second.
    report = await house.report(shadow)
    assert (report.findings.decided, report.findings.flipped) == (2, 0)


async def test_after_a_restart_it_goes_on_as_if_nothing_had_happened(house: ShadowedHouse) -> None:
    shadow = await house.start(candidate(min_confidence="0.9", max_gross_exposure_usd="1000"))
    for _ in range(3):  # the candidate denies these, so that all of its room is left
        await house.decide(quantity=0.01)
    await house.look()
    house.walk = house.new_walk()
    await house.decide(confidence=0.95, quantity=0.016)
    await house.look()
    report = await house.report(shadow)
    assert [page.number for page in await house.store.pages(shadow.shadow_id)] == [1, 2]
    assert report.findings.by_kind == {FlipKind.DENIED: 3}
    assert report.findings.decided == house.tally.decided == 4


async def test_two_walks_count_nothing_twice(house: ShadowedHouse) -> None:
    shadow, other = await house.start(candidate(min_confidence="0.9")), house.new_walk()
    for number in range(6):
        await house.decide(quantity=0.001 * (number + 1))
        await house.look(other if number % 2 else house.walk)
        await house.walk.look()
        await other.look()
    report = await house.report(shadow)
    assert (report.findings.decided, report.findings.flipped) == (6, 6)
    assert house.tally.decided == 6


async def test_one_that_is_beaten_to_a_page_begins_behind_it(house: ShadowedHouse) -> None:
    shadow, other = await house.start(candidate(min_confidence="0.9")), house.new_walk()
    await house.look()
    written = house.store.write

    async def beaten(page: ShadowPage) -> bool:
        house.store.write = written  # type: ignore[method-assign]
        await other.look()
        return await written(page)

    await house.decide()
    house.store.write = beaten  # type: ignore[method-assign]
    await house.look()
    await house.decide(quantity=0.002)
    await house.look()
    assert (await house.report(shadow)).findings.decided == house.tally.decided == 2


@pytest.mark.parametrize("moment", ["before", "after"])
async def test_where_the_store_goes_away_in_between_nothing_is_lost_or_doubled(
    house: ShadowedHouse, moment: str
) -> None:
    shadow = await house.start(candidate(min_confidence="0.9"))
    await house.decide()
    written = house.store.write

    async def lost(page: ShadowPage) -> bool:
        house.store.write = written  # type: ignore[method-assign]
        if moment == "after":
            await written(page)
        raise Unavailable("mongo", "gone")

    house.store.write = lost  # type: ignore[method-assign]
    with pytest.raises(Unavailable):
        await house.look()
    await house.look()
    await house.decide(quantity=0.002)
    await house.look()
    assert house.tally.failures == [Where.STORE]
    assert (await house.report(shadow)).findings.flipped == 2


async def test_an_error_of_the_shadow_is_counted_and_passed_by(
    house: ShadowedHouse, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(*_: object) -> object:
        raise ZeroDivisionError("a fault of the candidate")

    shadow = await house.start(candidate(min_confidence="0.9"))
    for number in range(3):
        await house.decide(quantity=0.001 * (number + 1))
    with monkeypatch.context() as patched, capture_logs() as logs:
        patched.setattr(WhatIf, "decide", broken)
        await house.look()
    assert [one["event"] for one in logs] == ["shadow_cannot_decide"]
    await house.decide(quantity=0.004)
    await house.look()
    report = await house.report(shadow)
    assert (report.errors, report.findings.decided) == ({"ZeroDivisionError": 3}, 1)
    assert house.tally.errors == {"ZeroDivisionError": 3}


async def test_what_cannot_be_decided_again_is_counted_by_why(house: ShadowedHouse) -> None:
    shadow = await house.start(candidate(min_confidence="0.9"))
    await house.decide()
    await house.add_changed({"schema_version": 99})
    await house.look()
    report = await house.report(shadow)
    assert report.findings.decided == 1
    assert report.findings.undecidable == {"it is of another schema": 1}


async def test_a_candidate_that_was_changed_is_not_decided_with(house: ShadowedHouse) -> None:
    shadow = shadow_of(candidate(min_confidence="0.9"), house.house.now())
    forged = replace(shadow, document=shadow.document.replace("0.9", "0.1"))
    assert await house.store.start(forged)
    await house.decide()
    with capture_logs() as logs:
        await house.look()
    assert house.tally.failures == [Where.CANDIDATE]
    assert [one["event"] for one in logs if "shadow" in one["event"]] == ["shadow_unusable"]
    assert await house.store.pages(shadow.shadow_id) == []


async def test_a_record_that_does_not_read_holds_the_shadow_up_and_nothing_else(
    house: ShadowedHouse, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def unreadable(after: int, *, most: int) -> list[ChainLine]:
        raise RecordUnreadable(after + 1, "no date")

    shadow = await house.start(candidate(min_confidence="0.9"))
    await house.decide()
    with monkeypatch.context() as patched:
        patched.setattr(house.tail, "lines", unreadable)
        with pytest.raises(RecordUnreadable):
            await house.look()
    assert house.tally.failures == [Where.WALK]
    await house.look()
    assert (await house.report(shadow)).findings.decided == 1


async def test_only_what_is_decided_while_it_runs_counts(house: ShadowedHouse) -> None:
    await house.decide()
    await house.house.pass_time(1)
    shadow = await house.start(candidate(min_confidence="0.9"), lasts=timedelta(seconds=30))
    await house.decide(quantity=0.002)
    await house.house.pass_time(60)
    await house.decide(quantity=0.003)
    await house.look()
    report = await house.report(shadow)
    assert (report.findings.decided, report.is_complete) == (1, False)
    assert house.tally.running[-1] is False
    await house.house.pass_time(60)
    await house.decide(quantity=0.004)
    await house.look()
    await house.decide(quantity=0.005)
    await house.look()
    await house.look(house.new_walk())
    report = await house.report(shadow)
    assert (report.findings.decided, report.is_complete) == (1, True)
    assert report.until_seq < await house.tail.last()


async def test_one_that_was_dropped_is_walked_to_its_end_beside_the_next(
    house: ShadowedHouse,
) -> None:
    first = await house.start(candidate(min_confidence="0.9"))
    await house.decide()
    await house.house.pass_time(1)
    await end(house, first)
    second = await house.start(candidate(min_confidence="0.85"), number=2)
    await house.decide(quantity=0.002)
    await house.look()
    for shadow in (first, second):
        assert (await house.report(shadow)).findings.decided == 1, shadow.number
    await house.house.pass_time(61)
    await house.decide(quantity=0.003)
    await house.look()
    assert (await house.report(first)).is_complete
    assert not (await house.report(second)).is_complete


async def test_without_a_shadow_nothing_is_done(house: ShadowedHouse) -> None:
    await house.decide()
    await house.look()
    assert (house.tally.running, house.tally.lag_s) == ([False], [])


async def test_other_funds_are_no_business_of_it(house: ShadowedHouse) -> None:
    shadow = await house.start(candidate(min_confidence="0.9"))
    await house.decide()
    await house.add_changed({"fund": "other"})
    await house.look()
    assert (await house.report(shadow)).findings.decided == 1


async def test_what_waits_longer_than_it_must_is_told_as_lag(house: ShadowedHouse) -> None:
    await house.start(candidate(min_confidence="0.9"))
    await house.decide()
    await house.house.pass_time(95)
    await house.look()
    assert house.tally.lag_s == [95.0, 0]


async def test_a_long_way_is_gone_in_portions(
    house: ShadowedHouse, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(shadow_walk, "PORTION", 4)
    shadow = await house.start(candidate(min_confidence="0.9"))
    for number in range(10):
        await house.decide(quantity=0.001 * (number + 1))
    await house.house.switch(TradingState.HALTED)
    await house.look()
    pages = await house.store.pages(shadow.shadow_id)
    assert [page.until_seq - page.after_seq for page in pages] == [4, 4, 2]
    assert (await house.report(shadow)).findings.decided == 10
