"""``self_test`` lets every limit act on the real core, and sees one that does not."""

import asyncio
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import pytest
import yaml
from msgspec.structs import replace as changed

from petrosa_cio.governance.self_test import Asked, Shown, Status, self_test
from petrosa_cio.governance.self_test.builders import BUILDERS
from petrosa_cio.governance.self_test.ground import Ground
from petrosa_cio.governance.self_test.trial import decide_trial
from petrosa_cio.risk import decide
from petrosa_cio.risk.checks import CHECKS
from petrosa_cio.risk.in_force import InForce, PolicyBook
from petrosa_cio.risk.intent import Action
from petrosa_cio.risk.limit_facts import FACTS
from petrosa_cio.risk.limits import LIMIT_KINDS, LimitSet
from petrosa_cio.risk.places import OTHER_REGIME, OTHER_STRATEGY, OTHER_SYMBOL, Place
from petrosa_cio.risk.policy import Charter, PolicyDocument
from petrosa_cio.risk.reasons import ReasonCode
from petrosa_cio.risk.shared_limits import SHARED_LIMIT_FIELDS
from petrosa_cio.risk.snapshot import Snapshot
from tests.deciding import NOW, ago
from tests.other_checks import run_other_checks
from tests.property.worlds import ANYWHERE

BITING: dict[str, Any] = {
    "allowed_strategies": ["momentum_v1"],
    "allowed_symbols": ["BTCUSDT"],
    "allowed_actions": ["buy"],
    "allowed_order_types": ["limit"],
    "trading_hours": ["mon-fri 08:00-12:00"],
    "max_order_notional_usd": "123.45",
    "max_order_quantity": "0.5",
    "on_order_above_max": "reduce",
    "unsized_order_usd": 20,
    "min_confidence": "0.6",
    "stop_loss_required": True,
    "venue_rules_required": True,
    "reference_price_required": True,
    "max_reference_price_age_s": 10,
    "collar_bps": 200,
    "max_stop_distance_bps": 1_000,
    "min_reward_risk": "1.5",
    "max_leverage": 5,
    "max_intent_age_s": 60,
    "max_clock_skew_s": 3,
    "max_intents_per_second": 3,
    "max_intents_per_minute": 5,
    "max_intents_per_hour": 9,
    "max_symbol_intents_per_second": 3,
    "max_symbol_intents_per_minute": 5,
    "max_fund_intents_per_second": 3,
    "max_fund_intents_per_minute": 5,
    "max_exits_per_minute": 7,
    "min_seconds_between_repeats": 30,
    "max_same_executions_per_day": 4,
    "min_seconds_between_opposites": 30,
    "on_conflict": "both_denied",
    "max_drift_bps_per_hour": 500,
    "max_position_usd": 500,
    "max_gross_exposure_usd": 5000,
    "max_daily_loss_bps": 500,
    "drawdown_reducing_bps": 1500,
    "drawdown_halted_bps": 2000,
    "max_strategy_drawdown_usd": "250.5",
    "max_losses_in_a_row": 3,
    "losing_streak_window_s": 7200,
    "losing_streak_cooldown_s": 600,
    "max_strategy_exposure_usd": 400,
    "max_net_long_usd": 300,
    "max_net_short_usd": 300,
    "max_group_exposure_usd": {"majors": {"symbols": ["BTCUSDT", "ETHUSDT"], "usd": "250.5"}},
    "max_portfolio_leverage": "1.5",
    "max_open_orders": 3,
    "portfolio_required": True,
    "max_portfolio_age_s": 10,
    "regime_required": True,
    "max_regime_age_s": 60,
    "min_regime_confidence": "0.5",
    "regime_directions": ["long"],
    "size_scale": "0.5",
    "halted_denies_exits": True,
}
"""A value of each limit that stops something; of a default, another one."""

ACTS_ON: dict[str, dict[str, Any]] = {
    "on_order_above_max": {"max_order_notional_usd": 100},
    "on_conflict": {"min_seconds_between_opposites": 30},
    "losing_streak_window_s": {"max_losses_in_a_row": 3},
    "losing_streak_cooldown_s": {"max_losses_in_a_row": 3},
    "max_portfolio_age_s": {"portfolio_required": True},
}
"""What must be stated beside a limit that acts on another one."""


def policy_of(limit: str) -> dict[str, Any]:
    entry = {limit: BITING[limit], **ACTS_ON.get(limit, {})}
    families = LIMIT_KINDS[limit].families
    return {"fund": entry} if not families or "fund" in families else {"regimes": {"*": entry}}


def shown(
    policy: dict[str, Any],
    *overlays: dict[str, Any],
    charter: dict[str, Any] | None = None,
    asked: Asked | None = None,
) -> list[Shown]:
    document = PolicyDocument.model_validate({"policy": policy, "overlays": overlays})
    book = PolicyBook(document, Charter.model_validate(charter or {}))

    async def gathered() -> list[Shown]:
        return [one async for one in self_test(book, NOW, asked or Asked())]

    return asyncio.run(gathered())


def by_path(found: list[Shown]) -> dict[str, Shown]:
    return {f"{one.entry}.{one.limit}": one for one in found}


def test_every_limit_has_a_builder_and_a_value_that_stops_something() -> None:
    assert BUILDERS.keys() == LIMIT_KINDS.keys()
    assert BITING.keys() == LIMIT_KINDS.keys()


@pytest.mark.parametrize("limit", LIMIT_KINDS)
def test_a_limit_bites_alone(limit: str) -> None:
    (one,) = [one for one in shown(policy_of(limit)) if one.limit == limit]
    assert one.status is Status.BITES, one
    codes = one.verdict.split()[1:]
    assert {code.rstrip(",") for code in codes} <= set(FACTS[limit].codes)


def limits_of_checks() -> Iterator[str]:
    for check in CHECKS:
        if check.limit_field is not None and check.limit_field in ANYWHERE:
            yield check.limit_field


@pytest.mark.parametrize("limit", sorted(set(limits_of_checks()) - {"unsized_order_usd"}))
def test_a_limit_that_is_stated_and_not_applied_is_seen(
    limit: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    left = {
        reach: tuple(check for check in checks if check.limit_field != limit)
        for reach, checks in decide.CHECKS_WITHIN.items()
    }
    run_other_checks(monkeypatch, left)
    (one,) = [one for one in shown(policy_of(limit)) if one.limit == limit]
    assert one.status is Status.FAILS
    assert "is not stopped by it" in one.why


@pytest.mark.parametrize("limit", LIMIT_KINDS)
def test_a_limit_that_the_decision_does_not_read_is_seen(
    limit: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whoever decides it, the checks or the ledger: here neither of them learns of it."""
    right = Snapshot.limits_for

    def forgetful(snapshot: Snapshot, strategy: str, symbol: str) -> InForce:
        found = right(snapshot, strategy, symbol)
        limits = found.limits.model_copy(update={limit: None})
        if limit != "allowed_symbols":
            return replace(found, limits=limits)
        return replace(found, limits=limits, own_symbols=None, common_symbols=None)

    monkeypatch.setattr(Snapshot, "limits_for", forgetful)
    (one,) = [one for one in shown(policy_of(limit)) if one.limit == limit]
    assert one.status is Status.FAILS, one


def test_a_strategy_s_own_list_is_seen_where_it_is_not_applied(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    policy = {"strategies": {"a": {"allowed_symbols": ["BTCUSDT"]}}}
    (one,) = shown(policy)
    assert (one.status, one.verdict) == (Status.BITES, "deny SYMBOL_NOT_ALLOWED_FOR_STRATEGY")
    left = {
        reach: tuple(
            check for check in checks if check.code != ReasonCode.SYMBOL_NOT_ALLOWED_FOR_STRATEGY
        )
        for reach, checks in decide.CHECKS_WITHIN.items()
    }
    run_other_checks(monkeypatch, left)
    (one,) = shown(policy)
    assert one.status is Status.FAILS


def test_a_limit_that_stops_what_should_pass_is_seen(monkeypatch: pytest.MonkeyPatch) -> None:
    right = BUILDERS["min_confidence"]
    monkeypatch.setitem(
        BUILDERS, "min_confidence", lambda at: replace(right(at), passes=right(at).stops)
    )
    (one,) = shown({"fund": {"min_confidence": "0.6"}})
    assert one.status is Status.FAILS
    assert "does not pass, CONFIDENCE_BELOW_MIN" in one.why


@pytest.mark.parametrize("limit", [name for name in LIMIT_KINDS if name != "unsized_order_usd"])
def test_an_exit_is_held_up_only_by_what_says_so(limit: str) -> None:
    book = PolicyBook(PolicyDocument.model_validate({"policy": policy_of(limit)}), Charter())
    regime = None if limit == "regime_required" else OTHER_REGIME
    place = Place(OTHER_STRATEGY, OTHER_SYMBOL, regime)
    in_force = book.in_force(place.strategy, place.symbol, place.regime, NOW)
    stated = LimitSet.model_validate({limit: BITING[limit]})
    pair = BUILDERS[limit](Ground(place, in_force, getattr(stated, limit), NOW))
    assert pair.stops is not None
    closing = changed(pair.stops.intent, action=Action.CLOSE)
    verdict = asyncio.run(decide_trial(replace(pair.stops, intent=closing), book))
    assert verdict.is_promoted is not FACTS[limit].holds_for_exits, verdict


def test_the_facts_name_the_codes_of_the_checks() -> None:
    for check in CHECKS:
        if check.limit_field is not None:
            assert check.code in FACTS[check.limit_field].codes
    for code, fields in SHARED_LIMIT_FIELDS.items():
        assert all(code in FACTS[field].codes for field in fields)


def test_every_example_of_a_limit_is_a_value_of_it() -> None:
    for limit, facts in FACTS.items():
        value = yaml.safe_load(facts.example)
        stated = LimitSet.model_validate({limit: str(value) if type(value) is float else value})
        assert getattr(stated, limit) is not None


# --- who comes first ------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("policy", "path", "why"),
    [
        (
            {"fund": {"max_position_usd": 10}, "strategies": {"a": {"max_position_usd": 20}}},
            "strategies.a.max_position_usd",
            "fund states 10",
        ),
        (
            {"fund": {"max_order_notional_usd": 50, "max_position_usd": 20}},
            "fund.max_order_notional_usd",
            "POSITION_ABOVE_MAX",
        ),
        (
            {"fund": {"max_intents_per_second": 1, "max_intents_per_minute": 60}},
            "fund.max_intents_per_minute",
            "RATE_ABOVE_MAX 1 per 1 s (fund)",
        ),
        (
            {"fund": {"allowed_actions": [], "min_confidence": "0.6"}},
            "fund.min_confidence",
            "ACTION_NOT_ALLOWED none (fund)",
        ),
    ],
)
def test_what_comes_first_is_named(policy: dict[str, Any], path: str, why: str) -> None:
    one = by_path(shown(policy))[path]
    assert one.status is Status.SHADOWED
    assert why in one.why


@pytest.mark.parametrize(
    ("limit", "value", "why"),
    [
        ("regime_required", False, "nobody says so"),
        ("stop_loss_required", False, "nobody says so"),
        ("halted_denies_exits", False, "pass a halt"),
        ("min_confidence", 0, "below 0"),
        ("min_regime_confidence", 0, "below 0"),
        ("max_intent_age_s", 301, "300 s come first"),
        ("allowed_actions", ["buy", "sell"], "all openings"),
        ("on_order_above_max", "reduce", "no size above 0"),
        ("max_intents_per_minute", 1_000_000, "too many to play"),
        ("max_same_executions_per_day", 1_000_000, "too many to play"),
        ("trading_hours", ["always"], "the whole week"),
        ("venue_rules_required", False, "nobody says so"),
        ("reference_price_required", False, "nobody says so"),
        ("min_seconds_between_repeats", 0, "limits nothing"),
        ("min_seconds_between_opposites", 0, "limits nothing"),
        ("on_conflict", "both_denied", "nobody states min_seconds_between_opposites"),
    ],
)
def test_what_has_nothing_to_stop_says_why(limit: str, value: object, why: str) -> None:
    (one,) = shown({"fund": {limit: value}})
    assert one.status is Status.IDLE
    assert why in one.why


@pytest.mark.parametrize(
    "limit",
    [
        "max_order_notional_usd", "max_order_quantity", "max_position_usd", "unsized_order_usd",
        "max_gross_exposure_usd", "max_intents_per_second", "max_exits_per_minute",
        "max_intents_per_hour", "max_symbol_intents_per_second", "max_fund_intents_per_minute",
        "max_same_executions_per_day",
    ],
)  # fmt: skip
def test_a_limit_of_nothing_lets_nothing_pass(limit: str) -> None:
    (one,) = shown({"fund": {limit: 0}})
    assert (one.status, one.passes) == (Status.BITES, "")
    assert one.stopped


def test_overlays_and_charter_are_shown_too() -> None:
    overlay = {"overlay_id": "night", "reason": "x", "fund": {"max_position_usd": 5}}
    live, ended = ({**overlay, "expires_at": at.isoformat()} for at in (ago(-1), NOW))
    charter = {"bounds": {"min_confidence": "0.5", "max_position_usd": 7}}
    found = by_path(shown({}, live, charter=charter))
    assert found["overlays.night.fund.max_position_usd"].status is Status.BITES
    assert found["charter.max_position_usd"].why == "overlays.night.fund states 5"
    assert found["charter.min_confidence"].status is Status.BITES
    assert [*by_path(shown({}, ended, charter=charter))] == [
        "charter.min_confidence", "charter.max_position_usd",
    ]  # fmt: skip


def test_only_whom_it_is_asked_about_is_shown() -> None:
    policy = {
        "fund": {"max_position_usd": 100},
        "symbols": {"BTCUSDT": {"max_position_usd": 50}, "ETHUSDT": {"max_position_usd": 60}},
        "regimes": {"wild": {"size_scale": "0.5"}},
    }
    found = by_path(shown(policy, asked=Asked(symbol="BTCUSDT", regime="calm")))
    assert [*found] == ["fund.max_position_usd", "symbols.BTCUSDT.max_position_usd"]
    assert found["fund.max_position_usd"].why == "symbols.BTCUSDT states 50"
    assert "BTCUSDT, calm" in found["symbols.BTCUSDT.max_position_usd"].place


def test_a_required_limit_that_nobody_sets_comes_before_all() -> None:
    found = shown({"fund": {"min_confidence": "0.6"}}, charter={"required_limits": ["size_scale"]})
    assert ReasonCode.LIMIT_NOT_SET in found[0].why
