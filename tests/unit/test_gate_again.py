"""Messages that were here before: what a redelivery finds, state by state."""

import pytest

from petrosa_cio.nurse.arrival import Arrival
from tests.gates import House


@pytest.fixture
async def house() -> House:
    return await House().open()


async def test_a_reserved_one_repeats_its_verdict_byte_for_byte(house: House) -> None:
    arrival, gate = house.arrive(quantity=0.05), house.gate()
    house.ledger.away = frozenset({"begin"})
    await gate.process([arrival])
    assert [one for one, _ in house.intake.given_back] == [arrival.delivery]
    assert not house.signals.sent
    house.ledger.away = frozenset()
    await house.activate({"name": "other", "fund": {"max_order_notional_usd": "2"}}, tightens=False)
    await house.pass_time(3)
    await gate.process([arrival])
    first, again = house.journal.records
    assert first == again
    assert len(house.signals.sent) == 1


async def test_a_reserved_one_that_expired_is_withdrawn(house: House) -> None:
    arrival, gate = house.arrive(), house.gate()
    house.ledger.away = frozenset({"begin"})
    await gate.process([arrival])
    house.ledger.away = frozenset()
    await house.pass_time(61)
    await gate.process([arrival])
    assert house.kinds()[-1] == ("withdrawal", "INTENT_STALE")
    assert not house.signals.sent
    assert await house.ledger.exposure() == {}


async def left_behind(house: House) -> Arrival:
    """Leave a decision that was begun, and whose process ended before it was done."""
    arrival = house.arrive()
    house.ledger.away = frozenset({"finish"})
    await house.gate("gone").process([arrival])
    house.ledger.away = frozenset()
    house.intake.acknowledged.clear()
    return arrival


async def test_one_begun_recently_waits_for_who_began_it(house: House) -> None:
    again = await left_behind(house)
    await house.pass_time(9)
    await house.gate().process([again])
    assert [one for one, _ in house.intake.given_back] == [again.delivery]
    assert not house.intake.acknowledged
    assert house.kinds() == [("verdict", "approve")]


async def test_one_begun_long_ago_is_recorded_as_unconfirmed_once(house: House) -> None:
    again = await left_behind(house)
    await house.pass_time(11)
    for _ in range(2):
        await house.gate().process([again])
    assert [kind for kind, _ in house.kinds()] == ["verdict", "unconfirmed"]
    assert house.tally.counts["unconfirmed"] == 1
    assert len(house.signals.sent) == 1
    assert len(house.intake.acknowledged) == 2
    assert sum((await house.ledger.exposure()).values()) > 0


async def test_one_that_is_done_is_only_acknowledged(house: House) -> None:
    arrival = house.arrive()
    await house.gate().process([arrival])
    await house.gate("gate-2").process([arrival])
    assert house.kinds() == [("verdict", "approve")]
    assert house.intake.acknowledged == [arrival.delivery] * 2
    assert len(house.signals.sent) == 1


async def test_a_withdrawn_one_writes_its_withdrawal_again(house: House) -> None:
    async def late() -> None:
        house.clock.advance(60_001)

    arrival = house.arrive()
    house.journal.before = late
    await house.gate().process([arrival])
    house.journal.before = house.feeds.refresh
    await house.gate().process([arrival])
    assert house.kinds()[1:] == [("withdrawal", "INTENT_STALE")] * 2
    assert not house.signals.sent


async def test_old_and_new_ones_share_a_batch(house: House) -> None:
    done = house.arrive()
    await house.gate().process([done])
    new = house.arrive()
    await house.gate().process([done, new])
    assert [one.decision_id for one in house.signals.sent] == [done.decision_id, new.decision_id]
    assert len(house.intake.acknowledged) == 3
