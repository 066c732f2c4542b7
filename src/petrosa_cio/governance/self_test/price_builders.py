"""For each limit on prices, protection, leverage and hours: what it stops and what just passes."""

from dataclasses import replace
from datetime import datetime
from decimal import Decimal

from msgspec.structs import replace as changed

from petrosa_cio.governance.self_test.ground import EXACT, ONE_USD, Ground
from petrosa_cio.governance.self_test.pair import (
    NOTHING_SAID,
    Pair,
    at_and_after,
    in_seconds,
    plain,
)
from petrosa_cio.governance.self_test.trial import Trial
from petrosa_cio.risk.intent import Action, OrderType
from petrosa_cio.risk.trading_hours import TradingHours, moment_shown
from petrosa_cio.risk.venue import PriceBand, SymbolRules

_WHOLE_BPS = 10_000
_WIDE = PriceBand(Decimal("0.5"), Decimal(2))
_FINEST = Decimal("0.0001")


def below(number: Decimal) -> Decimal:
    """Return a number a little below another one, and above 0."""
    return EXACT.subtract(number, min(_FINEST, EXACT.divide(number, Decimal(2))))


# --- hours ----------------------------------------------------------------------------------------


def hours(ground: Ground) -> Pair:
    """Try an opening at the last open moment, and at the last one that is shut."""
    open_here: TradingHours = ground.limit("trading_hours")
    shut_at = (~ground.stated).last_until(ground.now)
    if shut_at is None:
        return Pair(why="it lists the whole week")
    stops, open_at = _opening_at(ground, shut_at), open_here.last_until(shut_at)
    if open_at is None:
        return Pair(stops=stops, closes=True)
    return Pair(_opening_at(ground, open_at), stops)


def _opening_at(ground: Ground, moment: datetime) -> Trial:
    trial = ground.trial(f"at {moment_shown(moment)} UTC", stated_at=moment)
    return replace(trial, at=moment)


# --- venue and reference price --------------------------------------------------------------------


def venue_rules(ground: Ground) -> Pair:
    """Try a symbol of which nobody knows the venue's rules."""
    if not ground.stated:
        return NOTHING_SAID
    unknown = replace(ground.trial("the venue's rules are not known"), rules=None)
    return Pair(ground.trial("the venue's rules are known"), unknown)


def reference_price(ground: Ground) -> Pair:
    """Try an opening without a reference price."""
    if not ground.stated:
        return NOTHING_SAID
    unknown = replace(ground.trial("no reference price"), price_is_known=False)
    return Pair(ground.trial("a fresh reference price"), unknown)


def reference_price_age(ground: Ground) -> Pair:
    """Try reference prices that are nearly too old, where something needs one."""
    usual = ground.trial("")
    if not ground.limit("reference_price_required") and ground.limit("collar_bps") is None:
        waiting = _waiting(ground, usual)
        if waiting is None:
            return Pair(why="nothing needs a reference price here")
        usual = waiting
    passes, stops = (
        replace(usual.saying(f"reference price {in_seconds(age)} old"), price_age=age)
        for age in at_and_after(ground.limit("max_reference_price_age_s"))
    )
    return Pair(passes, stops)


def _waiting(ground: Ground, usual: Trial) -> Trial | None:
    """Return an order that waits at a price, for which the venue has a band; None: not allowed."""
    allowed = ground.limit("allowed_order_types")
    kinds = [
        one for one in OrderType
        if one is not OrderType.MARKET and (allowed is None or one in allowed)
    ]  # fmt: skip
    if not kinds:
        return None
    rules = SymbolRules(usual.place.symbol, buy_band=_WIDE, sell_band=_WIDE)
    return replace(usual, intent=changed(usual.intent, order_type=kinds[0]), rules=rules)


def collar(ground: Ground) -> Pair:
    """Try prices on the edge of the collar."""
    limit = ground.limit("collar_bps")
    passes, stops = (_beside_market(ground, limit, and_more=more) for more in (False, True))
    return Pair(passes, stops)


def _beside_market(ground: Ground, bps: int, *, and_more: bool) -> Trial:
    words = f"priced {'more than ' if and_more else ''}{bps} bps above the market"
    trial, market = ground.priced(words, bps, and_more=and_more)
    return replace(trial, price=market)


# --- what an opening risks ------------------------------------------------------------------------


def stop_distance(ground: Ground) -> Pair:
    """Try stops on the edge of what is allowed."""
    limit = ground.limit("max_stop_distance_bps")
    action = ground.allowed_action()
    if limit >= _WHOLE_BPS and action is Action.BUY:
        if not ground.allows(Action.SELL):
            return Pair(why="no stop lies so far below a price")
        action = Action.SELL
    at, over = (ground.stopped(limit, action, and_more=more) for more in (False, True))
    if limit:
        return Pair(at, over)
    needs_one = ground.limit("stop_loss_required") or ground.limit("min_reward_risk") is not None
    return Pair(None if needs_one else ground.trial("no stop loss"), over, closes=needs_one)


def reward_risk(ground: Ground) -> Pair:
    """Try targets that are nearly too near."""
    limit = ground.limit("min_reward_risk")
    if ground.takes_no_stop:
        return Pair(stops=ground.trial("an opening without a stop loss"), closes=True)
    if limit == 0:
        usual = ground.trial("a stop loss and a target")
        bare = changed(usual.intent, take_profit=None)
        return Pair(usual, replace(usual, intent=bare).saying("no target"))
    less = below(limit)
    return Pair(
        ground.protected(f"target {plain(limit)} times as far as the stop", ratio=limit),
        ground.protected(f"target {plain(less)} times as far as the stop", ratio=less),
    )


def leverage(ground: Ground) -> Pair:
    """Try the largest leverage, and one more."""
    limit = Decimal(ground.limit("max_leverage"))
    over = EXACT.add(limit, ONE_USD)
    return Pair(
        ground.trial(f"leverage {plain(limit)}", leverage=limit),
        ground.trial(f"leverage {plain(over)}", leverage=over),
    )
