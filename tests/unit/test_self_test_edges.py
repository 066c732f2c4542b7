"""``self_test`` tries limits exactly where they begin to stop something, and sees what is first."""

from typing import Any

import pytest

from petrosa_cio.governance.self_test import Status
from tests.unit.test_self_test import by_path, shown


@pytest.mark.parametrize(
    ("fund", "limit", "passes", "stopped"),
    [
        ({"collar_bps": 0}, "collar_bps", "priced 0 bps", "more than 0 bps"),
        ({"max_drift_bps_per_hour": 100_000}, "max_drift_bps_per_hour", "100000 bps", "more than"),
        ({"max_stop_distance_bps": 0}, "max_stop_distance_bps", "no stop loss", "more than 0 bps"),
        (
            {"max_stop_distance_bps": 20_000, "min_reward_risk": "0.4"},
            "min_reward_risk", "target 0.4 times", "target 0.3999 times",
        ),
        ({"max_stop_distance_bps": 20_000}, "max_stop_distance_bps", "20000 bps", "more than"),
        ({"max_stop_distance_bps": 0, "min_reward_risk": 2}, "min_reward_risk", "", "without"),
        ({"min_reward_risk": 0}, "min_reward_risk", "a target", "no target"),
        ({"min_reward_risk": 1_000}, "min_reward_risk", "1000 times", "999.9999 times"),
        ({"trading_hours": []}, "trading_hours", "", "at mon 12:00 UTC"),
        ({"trading_hours": ["mon 12:01-12:02"]}, "trading_hours", "mon 12:01", "mon 12:00"),
        (
            {"trading_hours": ["sat 00:00-24:00"], "min_confidence": "0.6"},
            "min_confidence", "confidence 0.6", "confidence 0.5999",
        ),
        (
            {"max_reference_price_age_s": 0, "collar_bps": 5, "allowed_order_types": ["market"]},
            "max_reference_price_age_s", "0 s old", "0.001 s old",
        ),
        *(
            ({"min_seconds_between_opposites": 1, "on_conflict": rule}, "on_conflict", *words)
            for rule, *words in (
                ("strongest_wins", "surer than", "as sure as"),
                ("first_wins", "as opened before", "surer than"),
                ("both_denied", "nothing opposite", "as opened before"),
            )
        ),
    ],
)  # fmt: skip
def test_what_passes_and_what_is_stopped_is_at_the_edge(
    fund: dict[str, Any], limit: str, passes: str, stopped: str
) -> None:
    one = by_path(shown({"fund": fund}))[f"fund.{limit}"]
    assert one.status is Status.BITES, one
    assert passes in one.passes
    assert bool(passes) == bool(one.passes)
    assert stopped in one.stopped


@pytest.mark.parametrize(
    ("fund", "limit", "why"),
    [
        (
            {"max_intents_per_minute": 5, "max_fund_intents_per_minute": 5},
            "max_intents_per_minute", "RATE_ABOVE_MAX 5 per 60 s (fund)",
        ),
        (
            {"min_seconds_between_repeats": 60, "max_intents_per_hour": 1},
            "min_seconds_between_repeats", "RATE_ABOVE_MAX 1 per 3600 s",
        ),
        (
            {"max_same_executions_per_day": 48, "max_intents_per_hour": 2},
            "max_same_executions_per_day", "RATE_ABOVE_MAX 2 per 3600 s",
        ),
        (
            {"max_stop_distance_bps": 0, "stop_loss_required": True, "max_leverage": 2},
            "max_leverage", "STOP_LOSS_REQUIRED",
        ),
        ({"trading_hours": [], "max_leverage": 2}, "max_leverage", "TRADING_WINDOW_CLOSED never"),
    ],
)  # fmt: skip
def test_limits_that_were_added_are_shadowed_by_what_comes_first(
    fund: dict[str, Any], limit: str, why: str
) -> None:
    one = by_path(shown({"fund": fund}))[f"fund.{limit}"]
    assert one.status is Status.SHADOWED, one
    assert why in one.why


def test_an_age_of_prices_matters_for_the_venue_s_bands_alone() -> None:
    policy = {"fund": {"max_reference_price_age_s": 5, "allowed_order_types": ["limit"]}}
    assert by_path(shown(policy))["fund.max_reference_price_age_s"].status is Status.BITES
    policy = {"fund": {"max_reference_price_age_s": 5, "allowed_order_types": ["market"]}}
    one = by_path(shown(policy))["fund.max_reference_price_age_s"]
    assert (one.status, one.why) == (Status.IDLE, "nothing needs a reference price here")


def test_a_rule_for_conflicts_of_one_strategy_is_tried_with_that_strategy() -> None:
    policy = {
        "fund": {"min_seconds_between_opposites": 2},
        "strategies": {"a": {"on_conflict": "both_denied"}},
    }
    assert by_path(shown(policy))["strategies.a.on_conflict"].status is Status.BITES


def test_a_symbol_s_list_binds_beside_that_of_a_strategy_and_a_pair() -> None:
    policy = {
        "fund": {"allowed_symbols": ["BTCUSDT", "SOLUSDT"]},
        "strategies": {"a": {"allowed_symbols": ["BTCUSDT", "ETHUSDT"]}},
        "strategy_symbols": {"a": {"*": {"allowed_symbols": ["BTCUSDT"]}}},
    }
    assert Status.FAILS not in {one.status for one in shown(policy)}
