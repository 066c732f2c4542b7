"""What a chaos run draws from its seed."""

from collections import Counter
from datetime import UTC, datetime

import pytest

from tests.chaos.intents import cues, stated_id
from tests.chaos.schedule import OFTEN, ONCE, PUBLISHERS, Failure, schedule

NOW = datetime(2026, 11, 23, tzinfo=UTC)
INTENTS = 50_000


@pytest.mark.parametrize("seed", range(5))
def test_a_schedule_repeats_itself_and_has_every_failure_in_order(seed: int) -> None:
    moments = schedule(seed, INTENTS)
    assert moments == schedule(seed, INTENTS)
    assert moments != schedule(seed + 1, INTENTS)
    assert [one.at for one in moments] == sorted(one.at for one in moments)
    assert all(0 < one.at < one.until for one in moments)
    for failure, times in Counter(one.failure for one in moments).items():
        least, most = OFTEN[failure]
        assert least <= times <= most
    assert {one.failure for one in moments} == set(Failure)


def test_a_short_schedule_has_each_failure_once_and_kills_both_gates() -> None:
    moments = schedule(1, 3_000, once=True)
    assert Counter(one.failure for one in moments) == {key: ends[0] for key, ends in ONCE.items()}
    killed = [one.which for one in moments if one.failure is Failure.GATE_KILLED]
    assert sorted(killed) == [0, 1]


def test_publishers_repeat_themselves_by_seed_and_differ_from_each_other() -> None:
    bodies = [
        [one.body(NOW) for one in cues(seed, publisher, 500)]
        for seed, publisher in ((1, 0), (1, 0), (2, 0), (1, 1))
    ]
    assert bodies[0] == bodies[1]
    assert bodies[0] != bodies[2]
    assert not set(bodies[0]) & set(bodies[3])


@pytest.mark.parametrize("publisher", range(PUBLISHERS))
def test_most_intents_are_good_and_some_ids_come_again(publisher: int) -> None:
    made = list(cues(1, publisher, 2_000))
    names = Counter(map(stated_id, made))
    again = sum(times - 1 for times in names.values())
    assert 10 < again < 100
    assert any(one.symbol == "DOGEUSDT" for one in made)
    assert sum(one.bot == "hasty" for one in made) > 40
