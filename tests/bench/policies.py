"""The policies that are measured: they state no limit, the first limits, or every limit.

No limit is reached by an ordinary order, and none by a whole run: what is measured is the work of
looking, not of refusing.
"""

from datetime import UTC, datetime
from decimal import Decimal
from enum import StrEnum
from typing import Any

from petrosa_cio.risk.snapshot import Regime
from tests.bench.intents import fleet_messages, strategies

Plain = dict[str, Any]

EMPTY: Plain = {}

_FLEET_STRATEGIES = {
    str(one.payload.get("strategy_id") or one.payload["strategy_name"]) for one in fleet_messages()
}

FULL: Plain = {
    "fund": {
        "allowed_strategies": sorted(_FLEET_STRATEGIES.union(strategies())),
        "allowed_symbols": ["BTCUSDT", "ETHUSDT"],
        "allowed_actions": ["buy", "sell"],
        "allowed_order_types": ["market", "limit"],
        "max_order_notional_usd": 1_000,
        "max_order_quantity": 10,
        "on_order_above_max": "reduce",
        "unsized_order_usd": 20,
        "min_confidence": "0.5",
        "stop_loss_required": True,
        "trading_hours": ["mon-sun 00:00-24:00"],
        "venue_rules_required": True,
        "reference_price_required": True,
        "max_reference_price_age_s": 60,
        "collar_bps": 500,
        "max_stop_distance_bps": 2_000,
        "min_reward_risk": "0.5",
        "max_leverage": 20,
        "max_intent_age_s": 300,
        "max_clock_skew_s": 2,
        "max_intents_per_second": 100_000,
        "max_intents_per_minute": 1_000_000,
        "max_intents_per_hour": 1_000_000,
        "max_symbol_intents_per_second": 1_000_000,
        "max_symbol_intents_per_minute": 1_000_000,
        "max_fund_intents_per_second": 1_000_000,
        "max_fund_intents_per_minute": 1_000_000,
        "min_seconds_between_repeats": 0,
        "max_same_executions_per_day": 1_000_000,
        "min_seconds_between_opposites": 0,
        "on_conflict": "first_wins",
        "max_drift_bps_per_hour": 100_000,
        "max_exits_per_minute": 1_000_000,
        "max_position_usd": 1_000_000_000,
        "max_gross_exposure_usd": 10_000_000_000,
        "max_daily_loss_bps": 5_000,
        "drawdown_reducing_bps": 5_000,
        "drawdown_halted_bps": 6_000,
        "max_strategy_drawdown_usd": 1_000_000,
        "max_losses_in_a_row": 50,
        "losing_streak_window_s": 60,
        "losing_streak_cooldown_s": 60,
        "max_strategy_exposure_usd": 10_000_000_000,
        "max_net_long_usd": 10_000_000_000,
        "max_net_short_usd": 10_000_000_000,
        "max_group_exposure_usd": {
            "majors": {"symbols": ["BTCUSDT", "ETHUSDT"], "usd": 10_000_000_000}
        },
        "max_portfolio_leverage": 1_000,
        "max_open_orders": 1_000_000,
        "portfolio_required": True,
        "max_portfolio_age_s": 86_400,
        "regime_required": True,
        "max_regime_age_s": 3_600,
        "min_regime_confidence": "0.5",
        "halted_denies_exits": False,
    },
    "regimes": {"*": {"regime_directions": ["long", "short"], "size_scale": 1}},
}


_NEED_A_FEED = frozenset(
    {
        "venue_rules_required",
        "reference_price_required",
        "collar_bps",
        "max_daily_loss_bps",
        "drawdown_reducing_bps",
        "drawdown_halted_bps",
        "max_strategy_drawdown_usd",
        "max_losses_in_a_row",
        "portfolio_required",
        "max_portfolio_leverage",
    }
)

FIRST_LIMITS = frozenset(
    {
        "allowed_strategies",
        "allowed_symbols",
        "allowed_actions",
        "allowed_order_types",
        "max_order_notional_usd",
        "max_order_quantity",
        "on_order_above_max",
        "unsized_order_usd",
        "min_confidence",
        "stop_loss_required",
        "max_intent_age_s",
        "max_clock_skew_s",
        "max_intents_per_second",
        "max_intents_per_minute",
        "max_exits_per_minute",
        "max_position_usd",
        "max_gross_exposure_usd",
        "regime_required",
        "max_regime_age_s",
        "min_regime_confidence",
        "halted_denies_exits",
    }
)
"""The limits of the fund that there were before the catalogue of controls grew."""


class Limits(StrEnum):
    """Which limits a policy states that is measured."""

    NONE = "none"
    FIRST = "first"
    EVERY = "every"

    @property
    def policy(self) -> Plain:
        """The policy: of every limit, what a gate can meet that is told no venue's rules."""
        if self is Limits.NONE:
            return EMPTY
        stated = FIRST_LIMITS if self is Limits.FIRST else FULL["fund"].keys() - _NEED_A_FEED
        return FULL | {"fund": {name: FULL["fund"][name] for name in sorted(stated)}}


def calm() -> Regime:
    """Return the market regime in which all is measured, observed now."""
    return Regime("calm", Decimal("0.9"), datetime.now(UTC), "bench")
