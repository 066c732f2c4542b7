"""Hours of the week: how they are written, what they hold, and that they are stored one way."""

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from petrosa_cio.risk.limit_kinds import Change
from petrosa_cio.risk.limits import LIMIT_KINDS, LimitSet
from petrosa_cio.risk.policy import Policy, canonical_json
from petrosa_cio.risk.trading_hours import (
    DAYS,
    WEEK_MINUTES,
    TradingHours,
    moment_shown,
    read_trading_hours,
    write_trading_hours,
)

MONDAY = datetime(2026, 3, 2, tzinfo=UTC)

WRITTEN = [
    (["always"], ["always"]),
    ([], []),
    (["mon-fri 08:00-20:00", "sat 10:00-12:00"], ["mon-fri 08:00-20:00", "sat 10:00-12:00"]),
    (["sat 10:00-12:00", "Mon-Fri  08:00-20:00"], ["mon-fri 08:00-20:00", "sat 10:00-12:00"]),
    (["mon 08:00-12:00", "mon 12:00-20:00"], ["mon 08:00-20:00"]),
    (["mon 08:00-12:00", "mon 09:00-20:00"], ["mon 08:00-20:00"]),
    (["sun 22:00-mon 02:00"], ["sun 22:00-mon 02:00"]),
    (["sun 22:00-24:00", "mon 00:00-02:00"], ["sun 22:00-mon 02:00"]),
    (["fri-mon 08:00-09:00"], ["mon 08:00-09:00", "fri-sun 08:00-09:00"]),
    (["mon 08:00-09:00", "wed 08:00-09:00"], ["mon 08:00-09:00", "wed 08:00-09:00"]),
    (["tue 00:00-24:00"], ["tue 00:00-24:00"]),
    (["tue-wed 00:00-24:00"], ["tue 00:00-wed 24:00"]),
    (["mon-sun 00:00-24:00"], ["always"]),
    (["mon 00:00-sun 23:59"], ["mon 00:00-sun 23:59"]),
    (["thu 10:00-wed 09:00"], ["thu 10:00-wed 09:00"]),
    (["mon 10:00-sun 24:00"], ["mon 10:00-sun 24:00"]),
    (
        ["thu 10:00-sun 24:00", "mon 00:00-thu 09:00"],
        ["mon 00:00-thu 09:00", "thu 10:00-sun 24:00"],
    ),
    (["mon 00:00-00:01", "sun 23:59-24:00"], ["sun 23:59-mon 00:01"]),
]

NOT_HOURS = [
    ("mon-fri 08:00-20:00", "expected a list of hours"),
    ({"mon": "08:00-20:00"}, "expected a list of hours"),
    (None, "expected a list of hours"),
    ([""], "'' names no hours"),
    ([7], "7 names no hours"),
    (["mon"], "'mon' names no hours"),
    (["monday 08:00-20:00"], "names no hours"),
    (["mon 8:00-20:00"], "names no hours"),
    (["mon 08:60-20:00"], "names no hours"),
    (["mon 08:00-24:01"], "names no time of day: 24:01"),
    (["mon 20:00-08:00"], "ends before it begins: name the day on which it ends"),
    (["mon 08:00-08:00"], "ends before it begins"),
    (["mon 08:00-mon 08:00"], "ends before it begins: for the whole week write always"),
    (["mon 10:00-mon 09:00"], "ends before it begins"),
    (["mon 24:00-tue 00:00"], "ends before it begins: for the whole week write always"),
    (["sun 24:00-mon 00:00"], "ends before it begins: for the whole week write always"),
    (["never", "mon 25:00-26:00"], "'never' names no hours.*; .*names no time of day: 25:00"),
]

SETS = st.lists(
    st.tuples(st.integers(0, WEEK_MINUTES - 1), st.integers(1, WEEK_MINUTES)), max_size=5
).map(
    lambda spans: TradingHours(
        sum(1 << minute for minute in {(a + n) % WEEK_MINUTES for a, b in spans for n in range(b)})
    )
)


@pytest.mark.parametrize(("stated", "stored"), WRITTEN)
def test_hours_are_stored_one_way(stated: list[str], stored: list[str]) -> None:
    hours = read_trading_hours(stated)
    assert write_trading_hours(hours) == stored
    assert read_trading_hours(stored) == hours
    assert read_trading_hours(hours) is hours
    assert str(hours) == (", ".join(stored) or "never")


@pytest.mark.parametrize(("stated", "problem"), NOT_HOURS)
def test_what_states_no_hours_is_refused_with_what_is_wrong(stated: object, problem: str) -> None:
    with pytest.raises(ValueError, match=problem):
        read_trading_hours(stated)


@pytest.mark.parametrize(
    ("day", "clock", "includes"),
    [
        (0, "07:59:59", False),
        (0, "08:00:00", True),
        (4, "19:59:59", True),
        (4, "20:00:00", False),
        (5, "12:00:00", False),
        (6, "21:59:59", False),
        (6, "22:00:00", True),
        (7, "01:59:59", True),
        (7, "02:00:00", False),
    ],
)
def test_an_end_is_not_part_of_its_span(day: int, clock: str, includes: bool) -> None:
    hours = read_trading_hours(["mon-fri 08:00-20:00", "sun 22:00-mon 02:00"])
    h, m, s = map(int, clock.split(":"))
    instant = MONDAY + timedelta(days=day, hours=h, minutes=m, seconds=s)
    assert hours.includes(instant) == includes
    assert moment_shown(instant) == f"{DAYS[day % 7]} {clock[:5]}"


@given(SETS)
def test_whatever_hours_read_back_as_they_were_written(hours: TradingHours) -> None:
    written = write_trading_hours(hours)
    assert read_trading_hours(written) == hours
    assert read_trading_hours(written[::-1]) == hours


@given(SETS, SETS)
def test_the_meet_of_hours_is_never_looser(one: TradingHours, two: TradingHours) -> None:
    kind = LIMIT_KINDS["trading_hours"]
    both = kind.meet(one, two)
    assert both == kind.meet(two, one) == TradingHours(one.minutes & two.minutes)
    assert kind.compare(one, both) in (Change.EQUAL, Change.TIGHTER)
    assert kind.compare(both, one) in (Change.EQUAL, Change.LOOSER)


def test_hours_compare_by_what_they_hold() -> None:
    kind = LIMIT_KINDS["trading_hours"]
    week, day, night = map(
        read_trading_hours, (["always"], ["mon 08:00-20:00"], ["mon 20:00-22:00"])
    )
    assert kind.compare(week, day) is Change.TIGHTER
    assert kind.compare(day, week) is Change.LOOSER
    assert kind.compare(day, night) is Change.MIXED
    assert kind.compare(day, read_trading_hours(["mon 08:00-20:00"])) is Change.EQUAL


def test_a_policy_is_the_same_however_its_hours_are_written() -> None:
    one, two = (
        Policy(fund=LimitSet.model_validate({"trading_hours": hours}))
        for hours in (["tue 08:00-09:00", "mon 08:00-09:00"], ["mon-tue 08:00-09:00"])
    )
    assert canonical_json(one) == canonical_json(two)
    assert b'"trading_hours":["mon-tue 08:00-09:00"]' in canonical_json(one)
    assert Policy.model_validate_json(canonical_json(one)) == one


def test_a_policy_names_every_problem_of_its_hours() -> None:
    with pytest.raises(ValueError, match=r"'x' names no hours.*'y' names no hours"):
        LimitSet.model_validate({"trading_hours": ["x", "y"]})


@pytest.mark.parametrize(
    ("stated", "last"),
    [
        (["always"], "2026-03-02T12:00:30"),
        (["mon 12:00-12:01"], "2026-03-02T12:00:30"),
        (["mon 11:00-12:00"], "2026-03-02T11:59:00"),
        (["mon 12:01-12:02"], "2026-02-23T12:01:00"),
        (["sun 00:00-24:00"], "2026-03-01T23:59:00"),
        (["tue 00:00-01:00", "wed 03:00-04:00"], "2026-02-25T03:59:00"),
        ([], None),
    ],
)
def test_the_last_moment_within_is_found(stated: list[str], last: str | None) -> None:
    found = read_trading_hours(stated).last_until(MONDAY + timedelta(hours=12, seconds=30))
    assert found == (None if last is None else datetime.fromisoformat(f"{last}+00:00"))


def test_what_is_not_within_is_within_all_other_hours() -> None:
    hours = read_trading_hours(["mon-fri 08:00-20:00", "sun 22:00-mon 02:00"])
    assert not (~hours & hours).minutes
    assert ~~hours == hours
    assert ~read_trading_hours([]) == read_trading_hours(["always"])
