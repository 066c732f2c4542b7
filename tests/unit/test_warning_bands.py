"""When shared limits come to their bands, and that it is told once."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any

import orjson
import pytest

from petrosa_cio.nurse.limit_warnings import LIMIT_WARNING, MAX_REMEMBERED, BandMemory
from petrosa_cio.risk.claims import Claim, RateClaim
from petrosa_cio.risk.intent import Intent
from petrosa_cio.risk.limits import LIMIT_KINDS
from petrosa_cio.risk.limits_in_use import Use
from petrosa_cio.risk.reasons import ReasonCode
from petrosa_cio.risk.shared_limits import SHARED_LIMIT_FIELDS
from petrosa_cio.risk.warning_bands import (
    BANDED_LIMITS,
    Crossing,
    Taken,
    all_taken,
    crossed_bands,
    crossing,
    is_far_from_bands,
)
from tests.deciding import Plain, decide, load, over, readings_of
from tests.fakes import FakeTally
from tests.gates import House

FOUND = load("warning_bands.yaml")
CASES = {case["note"]: over(FOUND["base"], case) for case in FOUND["cases"]}


def crossings(case: Plain) -> list[Crossing]:
    decided = decide(case)
    assert isinstance(decided.intent, Intent)
    readings = readings_of(decided.assessment, case.get("ledger") or {})
    found = [
        crossing(taken, band, decided.intent)
        for taken in all_taken(decided.assessment, readings)
        for band in crossed_bands(taken)
    ]
    assert not (found and is_far_from_bands(decided.assessment, readings))
    return found


def in_words(one: Crossing) -> str:
    refused = " refused" if one.is_refused else ""
    return f"{one.limit} {one.band_pct} % used {one.used:f} of {one.value:f}{refused}"


@pytest.mark.parametrize("note", CASES)
def test_a_case(note: str) -> None:
    found = [in_words(one) for one in crossings(CASES[note])]
    assert sorted(found) == sorted(CASES[note]["want"])


def test_a_crossing_names_all_there_is_to_know() -> None:
    case = CASES["exposure exactly at half of its limit"]
    assert crossings(case) == [
        Crossing(
            "max_position_usd", ReasonCode.POSITION_ABOVE_MAX, "position:BTCUSDT:long", 50,
            Decimal(500), Decimal(1000), "USD", "fund", is_refused=False,
        )
    ]  # fmt: skip


RATES = [name for name in SHARED_LIMIT_FIELDS[ReasonCode.RATE_ABOVE_MAX] if "exit" not in name]


@pytest.mark.parametrize("name", RATES)
def test_every_rate_is_known_by_its_own_name(name: str) -> None:
    case = over(CASES["a limit that nobody states has no bands"], {"policy": {"fund": {name: 2}}})
    assert [one.limit for one in crossings(case)] == [name]


def test_the_banded_limits_are_ceilings_that_exist() -> None:
    assert {"max_position_usd", "max_gross_exposure_usd", *RATES} <= set(BANDED_LIMITS)
    assert set(BANDED_LIMITS) <= LIMIT_KINDS.keys()


@pytest.mark.parametrize(
    ("used", "limit", "band"),
    [(0, 100, 0), (49.99, 100, 0), (50, 100, 50), (80, 100, 80), (99, 100, 80), (100, 100, 100),
     (120, 100, 100), (1, 0, 100), (7, None, 0)],
)  # fmt: skip
def test_the_band_of_a_use(used: float, limit: int | None, band: int) -> None:
    known = None if limit is None else Decimal(limit)
    assert Use("gross", Decimal(str(used)), known).band_pct == band


# --- once -----------------------------------------------------------------------------------------

RATE = RateClaim(ReasonCode.RATE_ABOVE_MAX, "intents:grid", 100, 60_000)
GROSS = Claim(ReasonCode.GROSS_EXPOSURE_ABOVE_MAX, "gross", 10, 1_000)


@dataclass
class Window:
    """A sliding window, one event at a time, and what is told of it."""

    memory: BandMemory = field(default_factory=BandMemory)
    now_ms: int = 0

    def event(self, before: int, *, after_ms: int = 1_000, is_refused: bool = False) -> list[int]:
        self.now_ms += after_ms
        after = before if is_refused else before + 1
        taken = Taken(RATE, 100, before, after, 60_000, is_refused)
        return list(self.memory.news(taken, now_ms=self.now_ms))


def test_a_window_around_a_band_is_told_once() -> None:
    window = Window()
    assert window.event(48) == []
    assert window.event(49) == [50]
    assert [window.event(before) for before in (48, 49, 40, 49, 50)] == [[]] * 5


def test_a_window_is_told_again_when_it_was_well_below() -> None:
    window = Window()
    window.event(49)
    assert window.event(39) == []
    assert window.event(49) == [50]


def test_a_window_is_told_again_when_it_has_passed() -> None:
    window = Window()
    window.event(49)
    assert window.event(49, after_ms=59_999) == []
    assert window.event(49, after_ms=60_000) == [50]


def test_of_a_higher_band_that_was_left_the_lower_one_is_still_told() -> None:
    window = Window()
    assert [window.event(before) for before in (49, 79, 99)] == [[50], [80], [100]]
    assert window.event(69) == []
    assert window.event(79) == [80]
    assert window.event(49) == []


def test_a_full_window_is_told_once_however_many_are_refused() -> None:
    window = Window()
    assert window.event(99) == [100]
    assert [window.event(100, is_refused=True) for _ in range(3)] == [[]] * 3
    another = Window()
    assert another.event(100, is_refused=True) == [100]
    assert another.event(100, is_refused=True) == []


def test_windows_and_limits_are_remembered_apart() -> None:
    memory = BandMemory()
    for window_ms, limit in ((60_000, 100), (1_000, 100), (60_000, 98)):
        taken = Taken(RATE, limit, 48, 51, window_ms, is_refused=False)
        assert memory.news(taken, now_ms=0)


def gross(before: int, after: int | None = None) -> Taken:
    """Return exposure that was taken, or refused."""
    return Taken(GROSS, 1_000, before, after or before, 0, is_refused=after is None)


def test_exposure_is_told_each_time_it_comes_to_a_band() -> None:
    memory = BandMemory()
    assert [memory.news(gross(490, 510), now_ms=0) for _ in range(2)] == [(50,), (50,)]


def test_refused_exposure_is_told_once_until_some_is_given_back() -> None:
    memory = BandMemory()
    assert memory.news(gross(990, 1_000), now_ms=0) == (100,)
    assert not memory.news(gross(1_000), now_ms=0)
    assert not memory.news(gross(900), now_ms=0)
    assert memory.news(gross(899), now_ms=0) == [100]
    assert not memory.news(gross(899), now_ms=1_000_000_000)
    assert not memory.news(gross(799), now_ms=0)
    assert memory.news(gross(798), now_ms=0) == [100]


def test_the_memory_is_bounded_and_never_swallows_a_warning() -> None:
    memory = BandMemory()
    claims = [
        RateClaim(ReasonCode.RATE_ABOVE_MAX, f"intents:{number}", 100, 60_000)
        for number in range(MAX_REMEMBERED + 1)
    ]
    for claim in (*claims, claims[0]):  # the first one is forgotten by then
        assert memory.news(Taken(claim, 100, 49, 50, 60_000, is_refused=False), now_ms=0) == [50]


# --- at the gate ----------------------------------------------------------------------------------

LIMITED = {"fund": {"max_gross_exposure_usd": "2000", "max_position_usd": "1000"}}


async def house_with(policy: Plain) -> House:
    house = await House().open()
    await house.activate(policy)
    return house


def warned(house: House) -> list[dict[str, Any]]:
    heard = house.announcer.heard
    return [orjson.loads(body) for subject, body in heard if subject == LIMIT_WARNING]


async def test_a_gate_tells_of_a_limit_after_the_verdict() -> None:
    house = await house_with(LIMITED)
    await house.gate().process([house.arrive()])
    assert [subject for subject, _ in house.announcer.heard] == [
        "cio.verdict.approve.momentum",
        LIMIT_WARNING,
    ]
    (event,) = warned(house)
    (record,) = house.records
    assert event == {
        "service": "petrosa-cio", "timestamp": house.now().timestamp(),
        "limit": "max_position_usd", "code": "POSITION_ABOVE_MAX",
        "scope": "position:BTCUSDT:long", "band_pct": 50, "used": "500", "limit_value": "1000",
        "unit": "USD", "entry": "fund", "is_refused": False, "strategy": "momentum",
        "symbol": "BTCUSDT", "decision_id": record["decision_id"],
    }  # fmt: skip
    assert house.tally.counts["max_position_usd 50 %"] == 1


async def test_of_a_batch_each_step_is_exact_and_a_full_limit_is_told_once() -> None:
    house = await house_with(LIMITED)
    await house.gate().process([house.arrive(quantity=0.005) for _ in range(6)])
    told = [(one["limit"], one["band_pct"], one["used"]) for one in warned(house)]
    assert told == [
        ("max_position_usd", 50, "500"),
        ("max_position_usd", 80, "1000"),
        ("max_position_usd", 100, "1000"),
        ("max_gross_exposure_usd", 50, "1000"),
    ]


async def test_replicas_share_the_crossings_of_exposure() -> None:
    house = await house_with(LIMITED)
    for replica in ("a", "b", "a", "b"):
        await house.gate(replica).process([house.arrive(quantity=0.005)])
    assert [one["band_pct"] for one in warned(house) if one["limit"] == "max_position_usd"] == [
        50,
        80,
        100,
    ]


async def test_in_observe_mode_nothing_is_taken_and_rates_still_count() -> None:
    house = await house_with({"fund": {"max_position_usd": "600", "max_intents_per_minute": 2}})
    await house.gate(enforces=False).process([house.arrive()])
    assert [(one["limit"], one["band_pct"]) for one in warned(house)] == [
        ("max_intents_per_minute", 50)
    ]


async def test_what_fails_here_touches_no_verdict() -> None:
    house = await house_with(LIMITED)

    class Broken(FakeTally):
        def warned(self, crossings: Sequence[Crossing]) -> None:
            raise OSError("no room")

    house.tally = Broken()
    await house.gate().process([house.arrive()])
    assert house.kinds() == [("verdict", "approve")]
    assert len(house.intake.acknowledged) == 1
    assert not warned(house)
