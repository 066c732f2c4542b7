"""What is known of the neighbours' settings: bounds, directions, and that unknown means looser."""

from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from petrosa_cio.errors import SettingRejected
from petrosa_cio.fleet.neighbour import (
    DISPLAY_NAMES,
    Neighbour,
    Reading,
    Side,
    Target,
    parse_target,
)
from petrosa_cio.fleet.setting_facts import Direction, Reach, same
from petrosa_cio.fleet.setting_rows import on_the_wire
from petrosa_cio.fleet.setting_tables import engine_table, realtime_table, ta_table
from petrosa_cio.governance.fleet_judgement import judge, whole
from petrosa_cio.risk.limit_kinds import Change
from petrosa_cio.risk.limits import LIMIT_KINDS

ENGINE = engine_table()["trading"]
TARGET = Target(Neighbour.TRADEENGINE)
EVERY = [
    (f"{owner}.{name}", facts)
    for table in (engine_table(), realtime_table(), ta_table())
    for owner, settings in table.items()
    for name, facts in settings.items()
]


@pytest.mark.parametrize(("name", "facts"), EVERY, ids=[name for name, _ in EVERY])
def test_every_row_of_the_tables_holds_together(name: str, facts: object) -> None:
    known = dict(EVERY)[name]
    assert known.meaning
    assert known.instead in ("", *LIMIT_KINDS)
    assert known.default is None or known.problem_with(known.default) is None
    for bound in (known.least, known.most):
        assert bound is None or known.problem_with(bound if bound % 1 else int(bound)) is None
    for bound, step in ((known.least, -1), (known.most, 1)):
        assert bound is None or known.problem_with(int(bound) + step) is not None


@pytest.mark.parametrize(
    ("name", "old", "new", "change"),
    [
        ("leverage", 10, 5, Change.TIGHTER),
        ("leverage", 10, 11, Change.LOOSER),
        ("leverage", Decimal("10.0"), 10, Change.EQUAL),
        ("min_confidence_threshold", Decimal("0.5"), Decimal("0.6"), Change.TIGHTER),
        ("min_confidence_threshold", Decimal("0.5"), Decimal("0.4"), Change.LOOSER),
        ("risk_management_enabled", True, False, Change.LOOSER),
        ("risk_management_enabled", False, True, Change.TIGHTER),
        ("enable_shorts", True, False, Change.TIGHTER),
        ("margin_type", "isolated", "cross", Change.LOOSER),
        ("margin_type", "cross", "isolated", Change.LOOSER),
        ("portfolio_leverage_cap", 0, 5, Change.LOOSER),
        ("leverage", None, 1, Change.LOOSER),
        ("leverage", True, 1, Change.LOOSER),
    ],
)
def test_the_direction_of_a_change(name: str, old: object, new: object, change: Change) -> None:
    assert ENGINE[name].compare(old, new) is change


@pytest.mark.parametrize(
    ("old", "new", "change"),
    [
        (["a", "b"], ["b"], Change.TIGHTER),
        (["a", "b"], ["b", "a"], Change.TIGHTER),
        (["a"], ["a", "b"], Change.LOOSER),
        (["a"], [], Change.LOOSER),
        ([], ["a"], Change.LOOSER),
    ],
)
def test_a_shorter_list_tightens_and_an_empty_one_may_mean_everything(
    old: list[str], new: list[str], change: Change
) -> None:
    assert ta_table()["application"]["enabled_strategies"].compare(old, new) is change


@given(old=st.integers(1, 125), new=st.integers(1, 125))
def test_what_is_tighter_one_way_is_looser_the_other(old: int, new: int) -> None:
    there, back = ENGINE["leverage"].compare(old, new), ENGINE["leverage"].compare(new, old)
    assert {there, back} in ({Change.EQUAL}, {Change.TIGHTER, Change.LOOSER})


@pytest.mark.parametrize(
    ("name", "value", "problem"),
    [
        ("leverage", True, "whole number"),
        ("leverage", Decimal("2.5"), "whole number"),
        ("leverage", 126, "at most 125"),
        ("leverage", "NaN", "whole number"),
        ("stop_loss_pct", Decimal("NaN"), "a number"),
        ("stop_loss_pct", Decimal("0.05"), "at least 0.1"),
        ("margin_type", "crossed", "one of isolated, cross"),
        ("enabled", 1, "true or false"),
        ("strategy_weights", [1], "an object"),
        ("override_min_qty", None, "null is refused"),
        ("allowed_symbols", ["BTCUSDT"], "does not take it"),
        ("no-name", 1, "no name of a setting"),
    ],
)
def test_what_cannot_be_set_is_refused_before_it_is_sent(
    name: str, value: object, problem: str
) -> None:
    with pytest.raises(SettingRejected, match=problem):
        judge(ENGINE, Reading(TARGET, {}), {name: value})


def test_a_whole_is_tighter_only_if_nothing_of_it_is_not() -> None:
    reading = Reading(TARGET, {"leverage": 10, "max_retries": 3, "tune": 1})
    assert whole(judge(ENGINE, reading, {"leverage": 5, "max_retries": 3})) is Change.TIGHTER
    assert whole(judge(ENGINE, reading, {"leverage": 5, "max_retries": 4})) is Change.MIXED
    assert whole(judge(ENGINE, reading, {"tune": 0})) is Change.LOOSER
    assert whole(judge(ENGINE, reading, {"max_daily_trades": 1})) is Change.LOOSER, "not shown"
    with pytest.raises(SettingRejected, match="nothing changes"):
        judge(ENGINE, reading, {"leverage": 10})
    with pytest.raises(SettingRejected, match="1 to 64"):
        judge(ENGINE, reading, {})


def test_what_is_shown_may_be_older_than_what_is_stored() -> None:
    stale = Reading(TARGET, {"leverage": 10}, stored={"leverage": 3})
    assert whole(judge(ENGINE, stale, {"leverage": 5})) is Change.LOOSER
    assert whole(judge(ENGINE, stale, {"leverage": 3})) is Change.TIGHTER
    assert whole(judge(ENGINE, stale, {"leverage": 2})) is Change.TIGHTER


@given(shown=st.integers(1, 125), stored=st.none() | st.integers(1, 125), new=st.integers(1, 125))
def test_what_passes_as_tighter_raises_nothing_that_is_known(
    shown: int, stored: int | None, new: int
) -> None:
    reading = Reading(TARGET, {"leverage": shown}, {} if stored is None else {"leverage": stored})
    known = [one for one in (shown, stored) if one is not None]
    try:
        change = whole(judge(ENGINE, reading, {"leverage": new}))
    except SettingRejected:
        assert {*known} == {new}
    else:
        assert (change is Change.TIGHTER) == (new <= min(known))


def test_true_is_not_one_and_two_is_two_point_nought() -> None:
    assert same(2, Decimal("2.0"))
    assert not same(True, 1)
    assert same([1, {"a": (2,)}], (1, {"a": [Decimal(2)]}))
    assert not same([1], [1, 1])


@given(st.decimals(allow_nan=False, allow_infinity=False, places=6, min_value=0, max_value=10**6))
def test_a_number_is_sent_exactly_or_not_at_all(value: Decimal) -> None:
    (sent,) = on_the_wire({"a": value}).values()
    assert Decimal(repr(sent)) == value


@pytest.mark.parametrize("value", [Decimal("NaN"), Decimal("0.12345678901234567890123")])
def test_a_number_that_would_be_changed_on_its_way_is_refused(value: Decimal) -> None:
    with pytest.raises(SettingRejected, match="keeps exactly"):
        on_the_wire({"a": [value]})


@pytest.mark.parametrize(
    ("text", "target"),
    [
        ("tradeengine", Target(Neighbour.TRADEENGINE)),
        ("tradeengine/btcusdt", Target(Neighbour.TRADEENGINE, symbol="BTCUSDT")),
        (
            "tradeengine/BTCUSDT/long",
            Target(Neighbour.TRADEENGINE, symbol="BTCUSDT", side=Side.LONG),
        ),
        ("ta-bot", Target(Neighbour.TA_BOT)),
        ("ta-bot/momentum_pulse", Target(Neighbour.TA_BOT, "momentum_pulse")),
        (
            "realtime-strategies/Iceberg Order Detector/ETHUSDT",
            Target(Neighbour.REALTIME, "iceberg_detector", "ETHUSDT"),
        ),
    ],
)
def test_what_a_target_is_called(text: str, target: Target) -> None:
    assert parse_target(text) == target
    assert parse_target(str(target)) == target


@pytest.mark.parametrize(
    "text",
    [
        "", "engine", "tradeengine/", "tradeengine/BTCUSDT/both", "tradeengine/A/LONG/x",
        "ta-bot/a b", "ta-bot/a/BTCUSDT/x", "ta-bot/../config", "realtime-strategies",
    ],
)  # fmt: skip
def test_what_means_nothing_is_refused(text: str) -> None:
    with pytest.raises(SettingRejected):
        parse_target(text)


def test_names_in_signals_lead_to_strategies_that_are_there() -> None:
    assert set(DISPLAY_NAMES.values()) <= realtime_table().keys()


def test_only_what_is_known_to_be_read_counts_as_acted_on() -> None:
    acted_on = {name for name, facts in EVERY if facts.reach is Reach.ACTED_ON}
    assert acted_on == {f"application.{name}" for name in ta_table()["application"]}
    assert all(facts.when_to_change for _, facts in EVERY)
    assert {facts.direction for _, facts in EVERY} == set(Direction)
