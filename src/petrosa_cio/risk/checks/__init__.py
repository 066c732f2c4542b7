"""The table of checks: every control that looks at the intent and the snapshot, in order.

To add a control, write one small function whose docstring a trader understands, give it a reason
code in `petrosa_cio.risk.reasons`, add its row here, and add its cases under ``tests/cases``. The
controls on what is shared between bots (rates, exposure, repetition) are asked of the ledger; they
stand in `petrosa_cio.risk.shared_limits`.
"""

from petrosa_cio.risk.checks import (
    losses,
    market_regime,
    meaning,
    order,
    permission,
    portfolio,
    price,
    protection,
    state,
    venue,
    well_formed,
)
from petrosa_cio.risk.checks.case import Applies, Check
from petrosa_cio.risk.reasons import ReasonCode as Code

CHECKS: tuple[Check, ...] = (
    Check(Code.NOT_AN_ORDER, well_formed.not_an_order, Applies.TO_EVERYTHING),
    Check(Code.INTENT_STALE, well_formed.intent_stale, Applies.TO_EVERYTHING, "max_intent_age_s"),
    Check(
        Code.INTENT_FROM_FUTURE,
        well_formed.intent_from_future,
        Applies.TO_EVERYTHING,
        "max_clock_skew_s",
    ),
    Check(Code.QUANTITY_NOT_POSITIVE, well_formed.quantity_not_positive, Applies.TO_ORDERS),
    Check(Code.PRICE_NOT_POSITIVE, well_formed.price_not_positive, Applies.TO_ORDERS),
    Check(Code.CONFIDENCE_INVALID, well_formed.confidence_invalid, Applies.TO_ORDERS),
    Check(Code.SIZE_UNKNOWN, well_formed.size_unknown, Applies.TO_ORDERS, "unsized_order_usd"),
    Check(Code.STOP_LOSS_WRONG_SIDE, well_formed.stop_loss_wrong_side),
    Check(Code.TAKE_PROFIT_WRONG_SIDE, well_formed.take_profit_wrong_side),
    Check(
        Code.STRATEGY_NOT_ALLOWED,
        permission.strategy_not_allowed,
        limit_field="allowed_strategies",
        of_standing=True,
    ),
    Check(
        Code.SYMBOL_NOT_ALLOWED,
        permission.symbol_not_allowed,
        limit_field="allowed_symbols",
        of_standing=True,
    ),
    Check(
        Code.SYMBOL_NOT_ALLOWED_FOR_STRATEGY,
        permission.symbol_not_allowed_for_strategy,
        limit_field="allowed_symbols",
        of_standing=True,
    ),
    Check(
        Code.ACTION_NOT_ALLOWED,
        permission.action_not_allowed,
        limit_field="allowed_actions",
        of_standing=True,
    ),
    Check(
        Code.ORDER_TYPE_NOT_ALLOWED,
        permission.order_type_not_allowed,
        limit_field="allowed_order_types",
    ),
    Check(
        Code.TRADING_WINDOW_CLOSED,
        permission.trading_window_closed,
        limit_field="trading_hours",
        of_standing=True,
    ),
    Check(Code.NOTIONAL_ABOVE_MAX, order.notional_above_max, limit_field="max_order_notional_usd"),
    Check(Code.QUANTITY_ABOVE_MAX, order.quantity_above_max, limit_field="max_order_quantity"),
    Check(
        Code.VENUE_RULES_MISSING,
        venue.venue_rules_missing,
        limit_field="venue_rules_required",
        of_standing=True,
    ),
    Check(Code.NOTIONAL_BELOW_VENUE_MIN, venue.notional_below_venue_min, looks_again=True),
    Check(
        Code.QUANTITY_OUTSIDE_VENUE,
        venue.quantity_outside_venue,
        Applies.TO_ORDERS,
        looks_again=True,
    ),
    Check(Code.QUANTITY_OFF_STEP, venue.quantity_off_step, Applies.TO_ORDERS),
    Check(Code.PRICE_OFF_TICK, venue.price_off_tick, Applies.TO_ORDERS),
    Check(
        Code.REFERENCE_PRICE_MISSING,
        price.reference_price_missing,
        limit_field="reference_price_required",
    ),
    Check(
        Code.REFERENCE_PRICE_STALE,
        price.reference_price_stale,
        limit_field="max_reference_price_age_s",
    ),
    Check(Code.PRICE_OUTSIDE_COLLAR, price.price_outside_collar, limit_field="collar_bps"),
    Check(Code.CONFIDENCE_BELOW_MIN, order.confidence_below_min, limit_field="min_confidence"),
    Check(Code.STOP_LOSS_REQUIRED, order.stop_loss_required, limit_field="stop_loss_required"),
    Check(
        Code.STOP_LOSS_TOO_FAR, protection.stop_loss_too_far, limit_field="max_stop_distance_bps"
    ),
    Check(
        Code.REWARD_RISK_BELOW_MIN,
        protection.reward_risk_below_min,
        limit_field="min_reward_risk",
    ),
    Check(Code.LEVERAGE_ABOVE_MAX, protection.leverage_above_max, limit_field="max_leverage"),
    Check(
        Code.REGIME_UNKNOWN,
        market_regime.regime_unknown,
        limit_field="regime_required",
        of_standing=True,
    ),
    Check(
        Code.REGIME_STALE,
        market_regime.regime_stale,
        limit_field="max_regime_age_s",
        of_standing=True,
    ),
    Check(
        Code.REGIME_CONFIDENCE_LOW,
        market_regime.regime_confidence_low,
        limit_field="min_regime_confidence",
        of_standing=True,
    ),
    Check(
        Code.REGIME_VETO,
        market_regime.regime_veto,
        limit_field="regime_directions",
        of_standing=True,
    ),
    Check(
        Code.REGIME_SCALED, market_regime.regime_scaled, limit_field="size_scale", of_standing=True
    ),
    Check(Code.PORTFOLIO_UNKNOWN, portfolio.portfolio_unknown, limit_field="portfolio_required"),
    Check(Code.PORTFOLIO_STALE, portfolio.portfolio_stale, limit_field="max_portfolio_age_s"),
    Check(Code.SEMANTIC_CONTRADICTION, meaning.semantic_contradiction),
    Check(Code.DAILY_LOSS_REACHED, losses.daily_loss_reached, limit_field="max_daily_loss_bps"),
    Check(Code.DRAWDOWN_REACHED, losses.drawdown_reached),
    Check(
        Code.STRATEGY_DRAWDOWN_REACHED,
        losses.strategy_drawdown_reached,
        limit_field="max_strategy_drawdown_usd",
    ),
    Check(Code.LOSING_STREAK, losses.losing_streak, limit_field="max_losses_in_a_row"),
    Check(Code.FUND_HALTED, state.fund_halted, Applies.TO_ORDERS, of_standing=True),
    Check(Code.STRATEGY_HALTED, state.strategy_halted, Applies.TO_ORDERS, of_standing=True),
    Check(Code.SYMBOL_HALTED, state.symbol_halted, Applies.TO_ORDERS, of_standing=True),
    Check(Code.REDUCING_ONLY, state.reducing_only, of_standing=True),
    Check(Code.STRATEGY_PAUSED, state.strategy_paused, of_standing=True),
    Check(Code.POLICY_MISSING, state.policy_missing, Applies.TO_ORDERS, of_standing=True),
    Check(Code.POLICY_STALE, state.policy_stale, of_standing=True),
    Check(Code.POLICY_UNTRUSTED, state.policy_untrusted, of_standing=True),
    Check(Code.LIMIT_NOT_SET, state.limit_not_set, of_standing=True),
)
