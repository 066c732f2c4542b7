"""A flood is shed only where the ledger would deny it as well."""

from hypothesis import given
from hypothesis import strategies as st

from petrosa_cio.adapters.memory_windows import EventTimes
from petrosa_cio.nurse.shedder import FLOOD_FACTOR, SLACK_MS, Shedder
from petrosa_cio.risk.claims import RateClaim, Readings
from petrosa_cio.risk.reasons import ReasonCode

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
        return self.shedder.objection((RATE,)) is not None


def test_a_rate_that_is_just_exceeded_is_judged_in_full() -> None:
    world = World()
    for _ in range(RATE.ceiling + 1):
        world.judge()
    assert not world.is_shed()


def test_a_flood_is_shed_until_the_window_has_passed() -> None:
    world = World()
    for _ in range(RATE.ceiling * FLOOD_FACTOR):
        world.judge()
    reason = world.shedder.objection((RATE,))
    assert reason is not None
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
