"""For each limit, the intent that it stops and the one that just passes.

Each builder changes one thing of an intent that passes, so that nothing but its own limit objects.
To cover a new limit, write its builder and add its row; a test finds a limit that has none.
"""

from dataclasses import replace
from datetime import timedelta
from decimal import Decimal

from petrosa_cio.governance.self_test import loss_builders as loss
from petrosa_cio.governance.self_test import portfolio_builders as held
from petrosa_cio.governance.self_test import price_builders as price
from petrosa_cio.governance.self_test import shared_builders as shared
from petrosa_cio.governance.self_test.ground import (
    EXACT,
    ONE_USD,
    STEP,
    TAKES,
    Ground,
    price_within,
)
from petrosa_cio.governance.self_test.pair import (
    NOTHING_SAID,
    Builder,
    Pair,
    at_and_after,
    in_seconds,
    plain,
)
from petrosa_cio.governance.self_test.price_builders import below
from petrosa_cio.governance.self_test.trial import Trial
from petrosa_cio.risk.checks.well_formed import ENGINE_MAX_AGE_S
from petrosa_cio.risk.intent import Action, Direction, OrderType
from petrosa_cio.risk.reasons import Effect, ReasonCode
from petrosa_cio.risk.sizing import quantity_for
from petrosa_cio.risk.trading_state import TradingState

# --- lists ----------------------------------------------------------------------------------------


def _strategies(ground: Ground) -> Pair:
    return _listed(ground, "allowed_strategies", ground.place.strategy)


def _symbols(ground: Ground) -> Pair:
    return _listed(ground, "allowed_symbols", ground.place.symbol)


def _listed(ground: Ground, limit: str, name: str) -> Pair:
    trial, allowed = ground.trial(name), ground.limit(limit)
    if name not in ground.stated:
        return Pair(stops=trial, closes=not allowed)
    others = f"another list leaves out {name}"
    return Pair(trial) if name in allowed else Pair(closes=not allowed, why=others)


def _actions(ground: Ground) -> Pair:
    inside = [one for one in TAKES if one in ground.limit("allowed_actions")]
    return _either(ground, inside, [one for one in TAKES if one not in ground.stated])


def _directions(ground: Ground) -> Pair:
    inside = [one for one in TAKES if TAKES[one] in ground.limit("regime_directions")]
    return _either(ground, inside, [one for one in TAKES if TAKES[one] not in ground.stated])


def _either(ground: Ground, inside: list[Action], outside: list[Action]) -> Pair:
    if not outside:
        return Pair(why="it lists buying and selling, so all openings")
    passes = ground.opening(f"action {inside[0]}", inside[0]) if inside else None
    return Pair(passes, ground.opening(f"action {outside[0]}", outside[0]), closes=not inside)


def _order_types(ground: Ground) -> Pair:
    inside = sorted(ground.limit("allowed_order_types"))
    outside = [one for one in OrderType if one not in ground.stated]
    if not outside:
        return Pair(why="it lists every order type")
    passes, stops = (
        ground.trial(f"order type {one[0]}", order_type=one[0]) if one else None
        for one in (inside, outside)
    )
    return Pair(passes, stops, closes=not inside)


# --- one order ------------------------------------------------------------------------------------


def _notional(ground: Ground) -> Pair:
    limit = ground.limit("max_order_notional_usd")
    if not limit:
        return Pair(stops=ground.trial("an order of any value"), closes=True)
    price = price_within(limit, ground.limit("max_order_quantity"))
    return _at_and_over(ground, EXACT.divide(limit, price), price, "worth {} USD")


def _quantity(ground: Ground) -> Pair:
    limit = ground.limit("max_order_quantity")
    if not limit:
        return Pair(stops=ground.trial("an order of any quantity"), closes=True)
    price = Decimal((0, (1,), EXACT.divide(ground.small_usd(), limit + STEP).adjusted()))
    return _at_and_over(ground, limit, price, "quantity {}")


def _at_and_over(ground: Ground, quantity: Decimal, price: Decimal, words: str) -> Pair:
    over = EXACT.add(quantity, STEP)
    worth = ONE_USD if words.startswith("quantity") else price
    return Pair(
        ground.sized(words.format(plain(EXACT.multiply(quantity, worth))), quantity, price),
        ground.sized(words.format(plain(EXACT.multiply(over, worth))), over, price),
    )


def _on_breach(ground: Ground) -> Pair:
    effect = Effect.DENY if ground.stated == "deny" else Effect.REDUCE
    if ground.limit("max_order_notional_usd"):
        return replace(_notional(ground), effect=effect, code=ReasonCode.NOTIONAL_ABOVE_MAX)
    if ground.limit("max_order_quantity"):
        return replace(_quantity(ground), effect=effect, code=ReasonCode.QUANTITY_ABOVE_MAX)
    return Pair(why="no size above 0 limits one order here")


def _unsized(ground: Ground) -> Pair:
    unsized = ground.trial("no size stated", quantity=None)
    limit = ground.limit("unsized_order_usd")
    if not limit:
        return Pair(stops=unsized, closes=True)
    given = quantity_for(limit, unsized.price)
    words = f"no size stated: gets {plain(limit)} USD"
    return Pair(unsized.saying(words), gives=True, size=given)


def _confidence(ground: Ground) -> Pair:
    limit = ground.limit("min_confidence")
    if limit == 0:
        return Pair(why="no confidence is below 0")
    less = below(limit)
    return Pair(
        ground.trial(f"confidence {plain(limit)}", confidence=limit),
        ground.trial(f"confidence {plain(less)}", confidence=less),
    )


def _stop_loss(ground: Ground) -> Pair:
    if not ground.stated:
        return NOTHING_SAID
    without = ground.trial("no stop loss", stop_loss=None)
    if ground.takes_no_stop:
        return Pair(stops=without, closes=True)
    return Pair(ground.trial("with a stop loss"), without)


# --- time -----------------------------------------------------------------------------------------


def _age(ground: Ground) -> Pair:
    limit = ground.limit("max_intent_age_s")
    if limit > ENGINE_MAX_AGE_S:
        return Pair(why=f"the order engine's own {ENGINE_MAX_AGE_S} s come first")
    at, after = at_and_after(limit)
    return Pair(_aged(ground, at), _aged(ground, after))


def _aged(ground: Ground, age: timedelta) -> Trial:
    trial = ground.trial(f"made {in_seconds(age)} ago", stated_at=ground.at - age)
    return replace(trial, age=age)


def _skew(ground: Ground) -> Pair:
    at, after = at_and_after(ground.limit("max_clock_skew_s"))
    return Pair(_ahead(ground, at), _ahead(ground, after))


def _ahead(ground: Ground, span: timedelta) -> Trial:
    words = f"made {in_seconds(span)} ahead of the clock"
    return ground.trial(words, stated_at=ground.at + span)


# --- market regime and state ----------------------------------------------------------------------


def _regime_required(ground: Ground) -> Pair:
    if not ground.stated:
        return NOTHING_SAID
    if ground.place.regime is None:
        return Pair(stops=ground.trial("no regime known"))
    return Pair(ground.trial("a known regime"))


def _regime_age(ground: Ground) -> Pair:
    if ground.place.regime is None:
        return Pair(why="no regime is known here")
    at, after = at_and_after(ground.limit("max_regime_age_s"))
    return Pair(_observed(ground, at), _observed(ground, after))


def _observed(ground: Ground, age: timedelta) -> Trial:
    return replace(ground.trial(f"regime observed {in_seconds(age)} ago"), regime_age=age)


def _regime_confidence(ground: Ground) -> Pair:
    limit = ground.limit("min_regime_confidence")
    if ground.place.regime is None or limit == 0:
        return Pair(why="no regime is known here" if limit else "no confidence is below 0")
    return Pair(_sure(ground, limit), _sure(ground, below(limit)))


def _sure(ground: Ground, confidence: Decimal) -> Trial:
    trial = ground.trial(f"regime known to {plain(confidence)}")
    return replace(trial, regime_confidence=confidence)


def _scale(ground: Ground) -> Pair:
    limit = ground.limit("size_scale")
    if limit == 1:
        return Pair(why="1 leaves every size as it is")
    return Pair(stops=ground.trial("an order of any size"), closes=True)


def _halted_exits(ground: Ground) -> Pair:
    if not ground.stated:
        return Pair(why="exits pass a halt where nobody says otherwise")
    halted = replace(ground.exit("an exit while halted"), fund=TradingState.HALTED)
    return Pair(ground.exit("an exit while active"), halted)


BUILDERS: dict[str, Builder] = {
    "allowed_strategies": _strategies,
    "allowed_symbols": _symbols,
    "allowed_actions": _actions,
    "allowed_order_types": _order_types,
    "trading_hours": price.hours,
    "max_order_notional_usd": _notional,
    "max_order_quantity": _quantity,
    "on_order_above_max": _on_breach,
    "unsized_order_usd": _unsized,
    "min_confidence": _confidence,
    "stop_loss_required": _stop_loss,
    "venue_rules_required": price.venue_rules,
    "reference_price_required": price.reference_price,
    "max_reference_price_age_s": price.reference_price_age,
    "collar_bps": price.collar,
    "max_stop_distance_bps": price.stop_distance,
    "min_reward_risk": price.reward_risk,
    "max_leverage": price.leverage,
    "max_intent_age_s": _age,
    "max_clock_skew_s": _skew,
    "max_intents_per_second": shared.rate("max_intents_per_second", shared.OF_STRATEGY, 1),
    "max_intents_per_minute": shared.rate("max_intents_per_minute", shared.OF_STRATEGY, 60),
    "max_intents_per_hour": shared.rate("max_intents_per_hour", shared.OF_STRATEGY_BY_HOUR, 3_600),
    "max_symbol_intents_per_second": shared.rate(
        "max_symbol_intents_per_second", shared.OF_SYMBOL, 1
    ),
    "max_symbol_intents_per_minute": shared.rate(
        "max_symbol_intents_per_minute", shared.OF_SYMBOL, 60
    ),
    "max_fund_intents_per_second": shared.rate("max_fund_intents_per_second", shared.OF_FUND, 1),
    "max_fund_intents_per_minute": shared.rate("max_fund_intents_per_minute", shared.OF_FUND, 60),
    "max_exits_per_minute": shared.rate("max_exits_per_minute", shared.OF_EXITS, 60),
    "min_seconds_between_repeats": shared.repeats,
    "max_same_executions_per_day": shared.executions,
    "min_seconds_between_opposites": shared.opposites,
    "on_conflict": shared.on_conflict,
    "max_drift_bps_per_hour": shared.drift,
    "max_position_usd": shared.exposure("max_position_usd", "", "on this symbol"),
    "max_gross_exposure_usd": shared.exposure("max_gross_exposure_usd", "gross", "the whole fund"),
    "max_daily_loss_bps": loss.of_equity("max_daily_loss_bps", since_peak=False),
    "drawdown_reducing_bps": loss.of_equity("drawdown_reducing_bps", since_peak=True),
    "drawdown_halted_bps": loss.of_equity("drawdown_halted_bps", since_peak=True),
    "max_strategy_drawdown_usd": loss.strategy_drawdown,
    "max_losses_in_a_row": loss.losses_in_a_row,
    "losing_streak_window_s": loss.streak_window,
    "losing_streak_cooldown_s": loss.streak_cooldown,
    "max_strategy_exposure_usd": shared.exposure(
        "max_strategy_exposure_usd", "strategy:", "the strategy"
    ),
    "max_net_long_usd": held.net(Direction.LONG),
    "max_net_short_usd": held.net(Direction.SHORT),
    "max_group_exposure_usd": held.group,
    "max_portfolio_leverage": held.leverage,
    "max_open_orders": held.open_orders,
    "portfolio_required": held.required,
    "max_portfolio_age_s": held.age,
    "regime_required": _regime_required,
    "max_regime_age_s": _regime_age,
    "min_regime_confidence": _regime_confidence,
    "regime_directions": _directions,
    "size_scale": _scale,
    "halted_denies_exits": _halted_exits,
}
"""The builder of every limit, by name."""
