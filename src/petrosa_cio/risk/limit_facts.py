"""What is to be known of each limit besides its own description: its codes, exits, an example.

The reference of the policy shows it, and the self-test looks for these codes where it lets a limit
act. A limit without a row here is found by a test.
"""

from dataclasses import dataclass

from petrosa_cio.risk.reasons import ReasonCode as Code


@dataclass(frozen=True, slots=True)
class LimitFacts:
    """What is to be known of one limit.

    Attributes:
        codes: The reasons that it can give.
        example: A value, as one writes it in YAML.
        holds_for_exits: Whether it can hold up an exit.
        names_entry: Whether its reasons name the entry that states it.
        unstated: What holds where nobody states it, in words; empty where a default counts.
    """

    codes: tuple[Code, ...]
    example: str
    holds_for_exits: bool = False
    names_entry: bool = True
    unstated: str = "nothing is limited"


_RATE = (Code.RATE_ABOVE_MAX,)
_SIZES = (Code.NOTIONAL_ABOVE_MAX, Code.QUANTITY_ABOVE_MAX)
_SYMBOLS = (Code.SYMBOL_NOT_ALLOWED, Code.SYMBOL_NOT_ALLOWED_FOR_STRATEGY)
_COLLAR = (Code.PRICE_OUTSIDE_COLLAR, Code.REFERENCE_PRICE_MISSING)
_LEVERAGE = (Code.PORTFOLIO_LEVERAGE_ABOVE_MAX, Code.PORTFOLIO_UNKNOWN)
_HALTS = (Code.FUND_HALTED, Code.STRATEGY_HALTED, Code.SYMBOL_HALTED)

FACTS: dict[str, LimitFacts] = {
    "allowed_strategies": LimitFacts((Code.STRATEGY_NOT_ALLOWED,), "[momentum_v1, golden_cross]"),
    "allowed_symbols": LimitFacts(_SYMBOLS, "[BTCUSDT, ETHUSDT]"),
    "allowed_actions": LimitFacts((Code.ACTION_NOT_ALLOWED,), "[buy]"),
    "allowed_order_types": LimitFacts((Code.ORDER_TYPE_NOT_ALLOWED,), "[market, limit]"),
    "trading_hours": LimitFacts((Code.TRADING_WINDOW_CLOSED,), "[mon-fri 08:00-20:00]"),
    "max_order_notional_usd": LimitFacts((Code.NOTIONAL_ABOVE_MAX,), "1000"),
    "max_order_quantity": LimitFacts((Code.QUANTITY_ABOVE_MAX,), "0.5"),
    "on_order_above_max": LimitFacts(_SIZES, "reduce", names_entry=False, unstated=""),
    "unsized_order_usd": LimitFacts(
        (Code.SIZE_UNKNOWN,), "100", unstated="an intent without a size is denied"
    ),
    "min_confidence": LimitFacts((Code.CONFIDENCE_BELOW_MIN,), "0.6"),
    "stop_loss_required": LimitFacts((Code.STOP_LOSS_REQUIRED,), "true", unstated="no"),
    "venue_rules_required": LimitFacts((Code.VENUE_RULES_MISSING,), "true", unstated="no"),
    "reference_price_required": LimitFacts((Code.REFERENCE_PRICE_MISSING,), "true", unstated="no"),
    "max_reference_price_age_s": LimitFacts((Code.REFERENCE_PRICE_STALE,), "30", unstated=""),
    "collar_bps": LimitFacts(_COLLAR, "200"),
    "max_stop_distance_bps": LimitFacts((Code.STOP_LOSS_TOO_FAR,), "1000"),
    "min_reward_risk": LimitFacts((Code.REWARD_RISK_BELOW_MIN,), "1.5"),
    "max_leverage": LimitFacts((Code.LEVERAGE_ABOVE_MAX,), "5"),
    "max_intent_age_s": LimitFacts(
        (Code.INTENT_STALE,),
        "60",
        holds_for_exits=True,
        unstated="300 counts, as the order engine takes nothing older",
    ),
    "max_clock_skew_s": LimitFacts(
        (Code.INTENT_FROM_FUTURE,), "5", holds_for_exits=True, unstated=""
    ),
    "max_intents_per_second": LimitFacts(_RATE, "5"),
    "max_intents_per_minute": LimitFacts(_RATE, "60"),
    "max_intents_per_hour": LimitFacts(_RATE, "120"),
    "max_symbol_intents_per_second": LimitFacts(_RATE, "25"),
    "max_symbol_intents_per_minute": LimitFacts(_RATE, "120"),
    "max_fund_intents_per_second": LimitFacts(_RATE, "100"),
    "max_fund_intents_per_minute": LimitFacts(_RATE, "600"),
    "max_exits_per_minute": LimitFacts(_RATE, "600", holds_for_exits=True),
    "min_seconds_between_repeats": LimitFacts((Code.CONTENT_REPEATED,), "60"),
    "max_same_executions_per_day": LimitFacts((Code.REPEATED_EXECUTION,), "100"),
    "min_seconds_between_opposites": LimitFacts((Code.SIGNAL_CONFLICT,), "60"),
    "on_conflict": LimitFacts(
        (Code.SIGNAL_CONFLICT,), "first_wins", names_entry=False, unstated=""
    ),
    "max_drift_bps_per_hour": LimitFacts((Code.COLLAR_DRIFT,), "1000"),
    "max_position_usd": LimitFacts((Code.POSITION_ABOVE_MAX,), "5000"),
    "max_gross_exposure_usd": LimitFacts((Code.GROSS_EXPOSURE_ABOVE_MAX,), "20000"),
    "max_daily_loss_bps": LimitFacts((Code.DAILY_LOSS_REACHED,), "500"),
    "drawdown_reducing_bps": LimitFacts((Code.DRAWDOWN_REACHED,), "1500"),
    "drawdown_halted_bps": LimitFacts((Code.DRAWDOWN_REACHED,), "2000"),
    "max_strategy_drawdown_usd": LimitFacts((Code.STRATEGY_DRAWDOWN_REACHED,), "500"),
    "max_losses_in_a_row": LimitFacts((Code.LOSING_STREAK,), "5"),
    "losing_streak_window_s": LimitFacts(
        (Code.LOSING_STREAK,), "86400", names_entry=False, unstated=""
    ),
    "losing_streak_cooldown_s": LimitFacts(
        (Code.LOSING_STREAK,), "3600", names_entry=False, unstated=""
    ),
    "max_strategy_exposure_usd": LimitFacts((Code.STRATEGY_EXPOSURE_ABOVE_MAX,), "4000"),
    "max_net_long_usd": LimitFacts((Code.NET_EXPOSURE_ABOVE_MAX,), "10000"),
    "max_net_short_usd": LimitFacts((Code.NET_EXPOSURE_ABOVE_MAX,), "10000"),
    "max_group_exposure_usd": LimitFacts(
        (Code.GROUP_EXPOSURE_ABOVE_MAX,), "{majors: {symbols: [BTCUSDT, ETHUSDT], usd: 10000}}"
    ),
    "max_portfolio_leverage": LimitFacts(_LEVERAGE, "2"),
    "max_open_orders": LimitFacts((Code.OPEN_ORDERS_ABOVE_MAX,), "50"),
    "portfolio_required": LimitFacts((Code.PORTFOLIO_UNKNOWN,), "true", unstated="no"),
    "max_portfolio_age_s": LimitFacts((Code.PORTFOLIO_STALE,), "30", unstated=""),
    "regime_required": LimitFacts((Code.REGIME_UNKNOWN,), "true", unstated="no"),
    "max_regime_age_s": LimitFacts((Code.REGIME_STALE,), "2700"),
    "min_regime_confidence": LimitFacts((Code.REGIME_CONFIDENCE_LOW,), "0.5"),
    "regime_directions": LimitFacts((Code.REGIME_VETO,), "[long]"),
    "size_scale": LimitFacts((Code.REGIME_SCALED,), "0.5"),
    "halted_denies_exits": LimitFacts(
        _HALTS, "false", holds_for_exits=True, names_entry=False, unstated="no"
    ),
}
"""The facts of every limit, by name."""
