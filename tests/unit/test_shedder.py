"""A flood is shed only where the ledger would deny it as well."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from petrosa_cio.adapters.memory_windows import EventTimes
from petrosa_cio.nurse.shedder import FLOOD_FACTOR, SLACK_MS, Shedder
from petrosa_cio.risk.claims import RateClaim, Readings
from petrosa_cio.risk.reasons import ReasonCode
from petrosa_cio.risk.unchecked import Flood, flood_reason

RATE = RateClaim(ReasonCode.RATE_ABOVE_MAX, "intents:s", 3, 1_000)


class World:
    """A ledger's rate counter and a shedder beside it, on one clock of milliseconds."""

    def __init__(self) -> None:
        self.now_ms = 0
        self.ledger = EventTimes()
        self.shedder = Shedder(lambda: self.now_ms / 1000)

    def used(self) -> int:
        return self.ledger.within(RATE, now_ms=self.now_ms)

    def judge(self, *, here: bool = True) -> None:
        used = self.used()
        if used < RATE.ceiling:
            self.ledger.count((RATE,), now_ms=self.now_ms)
        if here:
            readings = Readings(held=True, used=(), rates=(used,), time_ms=self.now_ms)
            self.shedder.note((RATE,), readings)

    def is_shed(self) -> bool:
        return self.shedder.flood((RATE,)) is not None


def test_a_rate_that_is_just_exceeded_is_judged_in_full() -> None:
    world = World()
    for _ in range(RATE.ceiling + 1):
        world.judge()
    assert not world.is_shed()


def test_a_flood_is_shed_until_the_window_has_passed() -> None:
    world = World()
    for _ in range(RATE.ceiling * FLOOD_FACTOR):
        world.judge()
    flood = world.shedder.flood((RATE,))
    assert flood == Flood(0, RATE.ceiling * FLOOD_FACTOR)
    reason = flood_reason(RATE, flood.tried)
    assert (reason.code, reason.limit) == (ReasonCode.RATE_ABOVE_MAX, "3 per 1 s")
    world.now_ms = RATE.window_ms - SLACK_MS
    assert not world.is_shed()


def test_what_other_replicas_used_up_is_not_taken_for_granted_here() -> None:
    world = World()
    for _ in range(RATE.ceiling):
        world.judge(here=False)
    for _ in range(100):
        world.judge()
    assert not world.is_shed()


@given(st.lists(st.tuples(st.integers(0, 400), st.booleans()), max_size=80))
def test_whatever_is_shed_the_ledger_would_have_denied(steps: list[tuple[int, bool]]) -> None:
    world = World()
    for pause_ms, here in steps:
        world.now_ms += pause_ms
        if here and world.is_shed():
            assert world.used() >= RATE.ceiling
        else:
            world.judge(here=here)


OF_STRATEGY = {
    name: RateClaim(ReasonCode.RATE_ABOVE_MAX, f"intents:{name}", 3, 1_000) for name in "ab"
}
OF_SYMBOL = RateClaim(ReasonCode.RATE_ABOVE_MAX, "symbol_intents:BTCUSDT", 5, 1_000)
OF_FUND = RateClaim(ReasonCode.RATE_ABOVE_MAX, "fund_intents", 5, 60_000)


class Fund:
    """A ledger and a shedder, asked by two strategies that share a symbol and a fund."""

    def __init__(self) -> None:
        self.ledger = EventTimes()
        self.shedder = Shedder(lambda: 0.0)

    def send(self, strategy: str, *shared: RateClaim) -> bool:
        """Send one intent and return whether it is shed."""
        rates = (OF_STRATEGY[strategy], *shared)
        if self.shedder.flood(rates) is not None:
            return True
        seen = tuple(self.ledger.within(rate, now_ms=0) for rate in rates)
        if all(used < rate.ceiling for used, rate in zip(seen, rates, strict=True)):
            self.ledger.count(rates, now_ms=0)
        self.shedder.note(rates, Readings(held=True, used=(), rates=seen, time_ms=0))
        return False


@pytest.mark.parametrize("shared", [OF_SYMBOL, OF_FUND], ids=["symbol", "fund"])
def test_the_flood_of_one_strategy_is_not_charged_to_another(shared: RateClaim) -> None:
    fund = Fund()
    for _ in range(1_000):
        fund.send("a", shared)
    assert fund.send("a", shared)
    assert fund.ledger.within(shared, now_ms=0) == OF_STRATEGY["a"].ceiling
    for _ in range(5):  # two pass, then what all share is used up: judged in full all the same
        assert not fund.send("b", shared)


@pytest.mark.parametrize("shared", [OF_SYMBOL, OF_FUND], ids=["symbol", "fund"])
def test_a_flood_of_all_together_is_shed(shared: RateClaim) -> None:
    shedder = Shedder(lambda: 0.0)
    for number in range(shared.ceiling * FLOOD_FACTOR):
        assert shedder.flood((shared,)) is None
        used = min(number, shared.ceiling)
        shedder.note((shared,), Readings(held=True, used=(), rates=(used,), time_ms=0))
    assert shedder.flood((RATE, shared)) == Flood(1, shared.ceiling * FLOOD_FACTOR)


def test_an_hour_is_remembered_for_an_hour() -> None:
    now_ms, hourly = 0, RateClaim(ReasonCode.RATE_ABOVE_MAX, "hourly_intents:s", 3, 3_600_000)
    shedder = Shedder(lambda: now_ms / 1000)
    for number in range(hourly.ceiling * FLOOD_FACTOR):
        used = min(number, hourly.ceiling)
        shedder.note((hourly,), Readings(held=True, used=(), rates=(used,), time_ms=now_ms))
        now_ms += 300_000
    assert shedder.flood((hourly,)) is not None
    now_ms = 3_600_000
    assert shedder.flood((hourly,)) is None


def test_what_was_approved_lately_is_no_flood() -> None:
    again = RateClaim(ReasonCode.CONTENT_REPEATED, "content:x", 1, 1_000, of_held=True)
    shedder = Shedder(lambda: 0.0)
    for _ in range(100):
        shedder.note((again,), Readings(held=False, used=(), rates=(1,), time_ms=0))
    assert shedder.flood((again,)) is None
