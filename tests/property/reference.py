"""The decision once more, written apart and as plainly as possible, to compare the real one with.

It shares the values with the program and nothing else: limits are gathered with loops, sizes are
fractions, and every code stands beside the condition that gives it. Slow, and meant to be read.
"""

from collections import defaultdict
from collections.abc import Iterator
from datetime import datetime, timedelta
from fractions import Fraction
from math import ceil, floor
from types import SimpleNamespace as Facts
from typing import Any

from petrosa_cio.risk.intent import Intent
from petrosa_cio.risk.policy import Families
from petrosa_cio.risk.snapshot import Regime, Snapshot

Outcome = tuple[str, Fraction | None, set[str]]
Codes = Iterator[tuple[str, Any]]


def entries(says: Families, strategy: str, symbol: str, regime: str | None) -> list[list[Any]]:
    """What one document has for an intent, family by family, from general to specific."""
    pairs = [says.strategy_symbols.get(who, {}) for who in ("*", strategy)]
    return [
        [says.fund],
        [says.symbols.get(name) for name in ("*", symbol)],
        [says.strategies.get(name) for name in ("*", strategy)],
        [by_symbol.get(name) for by_symbol in pairs for name in ("*", symbol)],
        [says.regimes.get(name) for name in ("*", regime) if name],
    ]


def minutes(hours: Any) -> frozenset[int]:
    return frozenset(minute for minute in range(7 * 24 * 60) if hours.minutes >> minute & 1)


def strictest(field: str, values: list[Any]) -> Any:  # noqa: PLR0911 - a line a kind
    if field == "trading_hours":
        return frozenset.intersection(*map(minutes, values))
    if field == "max_group_exposure_usd":
        stated = [(name, cap) for one in values for name, cap in one.caps]
        return {  # of each name all symbols, and the least
            name: (
                {symbol for other, cap in stated if other == name for symbol in cap.symbols},
                min(cap.usd for other, cap in stated if other == name),
            )
            for name, _ in stated
        }
    if field.startswith("allowed_") or field == "regime_directions":
        return frozenset.intersection(*values)
    if field.endswith("_required") or field == "halted_denies_exits":
        return any(values)
    if field == "on_order_above_max":
        return "deny" if "deny" in values else "reduce"
    if field == "on_conflict":
        strict = ("both_denied", "first_wins", "strongest_wins")
        return next(rule for rule in strict if rule in values)
    return max(values) if field.startswith(("min_", "losing_streak_")) else min(values)


def limits_of(intent: Intent, snapshot: Snapshot, regime: str | None) -> dict[str, Any]:
    book = snapshot.policy
    chains: list[list[Any]] = [[snapshot.charter_in_force.limits]]
    if book is not None:
        live = [one for one in book.document.overlays if snapshot.now < one.expires_at]
        for says in (book.document.policy, *live):
            chains += entries(says, intent.strategy, intent.symbol, regime)
    found: dict[str, list[Any]] = defaultdict(list)
    for number, chain in enumerate(chains):
        stated = {k: v for one in chain if one is not None for k, v in one if v is not None}
        for field, value in stated.items():
            found[field].append(value)
        if "allowed_symbols" in stated:
            # After the charter five families a document, the strategy's own ones third and fourth.
            of_whom = "allowed_to_it" if number and number % 5 in (3, 4) else "allowed_to_all"
            found[of_whom].append(stated["allowed_symbols"])
    return defaultdict(lambda: None, {name: strictest(name, all_) for name, all_ in found.items()})


def grids(f: Facts) -> list[Any]:
    """Every grid of the venue that the quantity must lie on."""
    market = f.rules and f.intent.order_type == "market"
    return ([f.rules.quantity] if f.rules else []) + ([f.rules.market_quantity] if market else [])


def finest(quantity: Fraction, f: Facts) -> Fraction:
    """Rounded down to what all the venue's steps divide, or to eight places."""
    steps = [Fraction(grid.step) for grid in grids(f) if grid.step is not None] or [
        Fraction(1, 10**8)
    ]
    step = next(
        many for n in range(1, 1000) if all((many := n * steps[0]) % one == 0 for one in steps)
    )
    return floor(quantity / step) * step


def size_of(f: Facts) -> Fraction | None:
    """The size asked for, or None; an exit without a price or a size is not valued."""
    i, given = f.intent, f.limits["unsized_order_usd"] if f.opens else None
    if i.quantity:
        size = Fraction(i.quantity) if f.price or not f.opens else None
        return size if size and size > 0 and f.price else None
    if i.position_size_pct:
        money = Fraction(i.position_size_pct) * Fraction(f.equity) if f.equity is not None else None
    else:
        money = Fraction(i.quote_quantity or given or 0)
    if not f.price or money is None or money <= 0:
        return None
    size = finest(money / f.price, f)
    return size if size or any(grid.step for grid in grids(f)) else None


def regime_of(symbol: str, snapshot: Snapshot) -> Regime | None:
    """The last that is stated of: all as observed, the symbol as observed, and so overridden."""
    living = {
        scope: one
        for scope, one in snapshot.regime_overrides.items()
        if one.expires_at is not None and snapshot.now < one.expires_at
    }
    stated = [said.get(scope) for said in (snapshot.regimes, living) for scope in ("*", symbol)]
    return next((one for one in reversed(stated) if one is not None), None)


def facts_of(intent: Intent, at: datetime, snapshot: Snapshot, ledger: dict[str, Any]) -> Facts:
    regime = regime_of(intent.symbol, snapshot)
    own, states = [intent.price, intent.current_price], snapshot.trading_states
    known = [*own, snapshot.price_of(intent.symbol)]
    here = own[::-1] if intent.order_type == "market" else own
    f = Facts(intent=intent, world=snapshot, ledger=ledger, regime=regime, opens=intent.direction)
    rules = snapshot.venue_rules
    f.rules = rules.symbols.get(intent.symbol) if rules else None
    f.market = snapshot.reference_prices.get(intent.symbol)
    f.lowest = min((Fraction(p) for p in known if p is not None and p > 0), default=None)
    f.equity, f.age, f.long = snapshot.equity_usd, snapshot.now - at, intent.action == "buy"
    f.limits = limits_of(intent, snapshot, regime.name if regime else None)
    f.prices = [p for p in (*own, intent.stop_loss, intent.take_profit) if p is not None]
    f.price = max((Fraction(p) for p in known if p is not None and p > 0), default=None)
    f.entry = next((p for p in here if p is not None), None)
    f.fund = states.fund if states else None
    f.who = states.strategies.get(intent.token) if states else None
    f.what = states.symbols.get(intent.symbol) if states else None
    f.size = size_of(f)
    return f


def timing(f: Facts) -> Codes:
    oldest, skew, i = f.limits["max_intent_age_s"], f.limits["max_clock_skew_s"], f.intent
    yield "INTENT_STALE", f.age > timedelta(seconds=300 if oldest is None else min(300, oldest))
    ahead = (i.stated_at or f.world.now) - f.world.now
    yield "INTENT_FROM_FUTURE", ahead > timedelta(seconds=5 if skew is None else skew)
    yield "STRATEGY_NAME_COLLIDES", f.ledger["name_holder"]
    yield "INTENT_REPEATED", f.ledger["first_decision"] and f.ledger["same_content"]
    yield "INTENT_ID_REUSED", f.ledger["first_decision"] and not f.ledger["same_content"]
    yield "NOT_AN_ORDER", i.action == "hold"


def any_order(f: Facts) -> Codes:
    i, events, sure = f.intent, f.ledger["events"], f.intent.confidence
    sizes = (i.quantity, i.position_size_pct, i.quote_quantity)
    yield "QUANTITY_NOT_POSITIVE", any(size is not None and size < 0 for size in sizes)
    yield "PRICE_NOT_POSITIVE", any(p < 0 or (f.opens and p == 0) for p in f.prices)
    yield "PRICE_NOT_POSITIVE", f.opens and f.entry is None
    yield "CONFIDENCE_INVALID", f.opens if sure is None else not 0 <= sure <= 1
    vague = not i.quantity and (i.position_size_pct or i.quote_quantity)
    yield "SIZE_UNKNOWN", f.size is None and (f.opens or vague)
    stops = f.opens or f.limits["halted_denies_exits"]
    yield "FUND_HALTED", stops and f.fund in ("halted", None)
    yield "STRATEGY_HALTED", stops and f.who == "halted"
    yield "SYMBOL_HALTED", stops and f.what == "halted"
    yield "POLICY_MISSING", f.world.policy is None
    if f.rules:
        yield from asked_by_the_venue(f, f.size if f.size is not None else i.quantity)
    per_second = {f"max_{of}intents_per_second": 1 for of in ("", "symbol_", "fund_")}
    per_minute = {f"max_{of}intents_per_minute": 60 for of in ("", "symbol_", "fund_")}
    rates = per_second | per_minute | {"max_intents_per_hour": 3_600}
    for field, seconds in (rates if f.opens else {"max_exits_per_minute": 60}).items():
        most = f.limits[field]
        yield "RATE_ABOVE_MAX", most is not None and events.get(seconds, 0) >= most


def off(number: Any, grid: Any) -> bool:
    """Whether a number is no multiple of the step, from zero or from the lowest number."""
    return grid.step is not None and any(
        (Fraction(number) - Fraction(start)) % Fraction(grid.step)
        for start in (0, grid.lowest or 0)
    )


def asked_by_the_venue(f: Facts, quantity: Any) -> Codes:
    """What holds for exits too."""
    price = f.entry
    yield "PRICE_OFF_TICK", price and f.intent.order_type != "market" and off(price, f.rules.price)
    if quantity is None or (quantity <= 0 and f.size is None):
        return
    yield "QUANTITY_OFF_STEP", any(off(quantity, grid) for grid in grids(f))
    yield "QUANTITY_OUTSIDE_VENUE", too_few(f, quantity)
    most = [grid.highest for grid in grids(f) if grid.highest is not None]
    yield "QUANTITY_OUTSIDE_VENUE", any(quantity > one for one in most)


def too_few(f: Facts, quantity: Any) -> bool:
    least = [grid.lowest for grid in grids(f) if grid.lowest is not None]
    return bool(f.rules) and (quantity <= 0 or any(quantity < one for one in least))


def too_cheap(f: Facts, quantity: Any) -> bool:
    least = f.rules and f.rules.min_notional_usd
    binds = f.rules and (f.rules.min_notional_binds_market or f.intent.order_type != "market")
    return bool(least is not None and binds and quantity * f.lowest < least)


def priced(f: Facts) -> Codes:
    """What an opening's prices are judged by: the market, the venue, its own stop."""
    i, limits, market, now = f.intent, f.limits, f.market, f.world.now
    waits, rules = i.order_type != "market", f.rules
    sent: Any = f.entry if waits else None
    band = rules and sent is not None and (rules.buy_band if f.long else rules.sell_band)
    ends = [band.lowest, band.highest] if band else [None, None]
    collar, oldest, skew = (
        limits[name] for name in ("collar_bps", "max_reference_price_age_s", "max_clock_skew_s")
    )
    needed = limits["reference_price_required"] or collar is not None or ends != [None, None]
    yield "REFERENCE_PRICE_MISSING", needed and market is None
    age = market and now - market.observed_at
    stale = market and (
        age > timedelta(seconds=30 if oldest is None else oldest)
        or -age > timedelta(seconds=5 if skew is None else skew)
    )
    yield "REFERENCE_PRICE_STALE", needed and stale
    if market and not stale:
        at, judged = Fraction(market.price), [i.price, i.current_price] if waits else [f.entry]
        for price in (Fraction(one) for one in judged if one is not None and collar is not None):
            yield "PRICE_OUTSIDE_COLLAR", abs(price - at) / at > Fraction(collar, 10_000)
        low, high = (end and Fraction(end) * at for end in ends)
        yield "PRICE_OUTSIDE_COLLAR", low and sent < low
        yield "PRICE_OUTSIDE_COLLAR", high and sent > high
    if rules and sent is not None:
        low, high = rules.price.lowest, rules.price.highest
        yield "PRICE_OUTSIDE_COLLAR", low is not None and sent < low
        yield "PRICE_OUTSIDE_COLLAR", high is not None and sent > high


def risked(f: Facts) -> Codes:
    i, limits, entry = f.intent, f.limits, f.entry
    far, ratio = limits["max_stop_distance_bps"], limits["min_reward_risk"]
    share = None if i.stop_loss_pct is None else Fraction(i.stop_loss_pct)
    if i.stop_loss is None and share is not None and 0 <= share <= 1:
        yield "STOP_LOSS_TOO_FAR", far is not None and share > Fraction(far, 10_000)
    if entry is not None and entry > 0:
        at = Fraction(entry)
        risk, reward = (
            None if price is None else abs(Fraction(price) - at)
            for price in (i.stop_loss, i.take_profit)
        )
        if far is not None and risk is not None:
            yield "STOP_LOSS_TOO_FAR", risk / at > Fraction(far, 10_000)
        yield "REWARD_RISK_BELOW_MIN", ratio is not None and None in (risk, reward)
        if ratio is not None and risk is not None and reward is not None:
            yield "REWARD_RISK_BELOW_MIN", reward < Fraction(ratio) * risk
    most = [] if limits["max_leverage"] is None else [limits["max_leverage"]]
    if f.rules and f.rules.brackets and f.size is not None:
        worth = f.size * f.price
        fits = [one.max_leverage for one in f.rules.brackets if worth <= one.notional_cap_usd]
        most.append(max(fits, default=0))
    asked = i.leverage
    yield (
        "LEVERAGE_ABOVE_MAX",
        asked is not None and (asked <= 0 or any(asked > one for one in most)),
    )


PLAIN = {
    "long": "buy",
    "buy": "buy",
    "bullish": "buy",
    "short": "sell",
    "sell": "sell",
    "bearish": "sell",
}
SEEN = {"widening": "sell", "narrowing": "buy", "bid": "buy", "ask": "sell"}
SAYING = (
    "side", "direction", "position_side", "position_type", "signal", "signal_type", "action",
    "bias", "order_side", "positionSide", "orderSide", "trade_direction",
)  # fmt: skip


def contradictions(f: Facts) -> Codes:
    i, said = f.intent, [f.intent.metadata.get(name) for name in SAYING]
    said += [i.extra.get(name) for name in SAYING]
    ways = [PLAIN.get(word.strip().lower()) for word in said if isinstance(word, str)]
    if i.source == "realtime_strategies":
        ways += [SEEN.get(i.metadata.get(name)) for name in ("event_type", "iceberg_side")]
    yield "SEMANTIC_CONTRADICTION", any(way not in (None, i.action) for way in ways)
    stops = [i.stop_loss, i.metadata.get("stop_loss")]
    if None not in (*stops, f.entry):
        sides = {(stop > f.entry) - (stop < f.entry) for stop in stops}
        yield "SEMANTIC_CONTRADICTION", sides == {1, -1}
    for own, other in ((i.price, "price"), (i.current_price, "current_price")):
        known = own is not None and own > 0 and i.metadata.get(other) is not None
        far = known and abs(Fraction(i.metadata[other]) / Fraction(own) - 1) > Fraction(1, 2)
        yield "SEMANTIC_CONTRADICTION", far


def opening(f: Facts) -> Codes:
    i, limits, entry, world, regime = f.intent, f.limits, f.entry, f.world, f.regime
    stop, target, sign = i.stop_loss, i.take_profit, 1 if f.long else -1
    yield "STOP_LOSS_WRONG_SIDE", None not in (stop, entry) and (stop - entry) * sign >= 0
    yield "TAKE_PROFIT_WRONG_SIDE", None not in (target, entry) and (target - entry) * sign <= 0
    for code, field, value in (
        ("STRATEGY_NOT_ALLOWED", "allowed_strategies", i.strategy),
        ("SYMBOL_NOT_ALLOWED", "allowed_to_all", i.symbol),
        ("SYMBOL_NOT_ALLOWED_FOR_STRATEGY", "allowed_to_it", i.symbol),
        ("ACTION_NOT_ALLOWED", "allowed_actions", i.action),
        ("ORDER_TYPE_NOT_ALLOWED", "allowed_order_types", i.order_type),
        ("REGIME_VETO", "regime_directions", i.direction),
    ):
        yield code, limits[field] is not None and value not in limits[field]
    hours, now = limits["trading_hours"], world.now
    minute = (now.isoweekday() - 1) * 24 * 60 + now.hour * 60 + now.minute
    yield "TRADING_WINDOW_CLOSED", hours is not None and minute not in hours
    untraded = not f.rules.is_trading if f.rules else limits["venue_rules_required"]
    yield "VENUE_RULES_MISSING", untraded
    yield "NOTIONAL_BELOW_VENUE_MIN", f.size is not None and too_cheap(f, f.size)
    yield from (*priced(f), *risked(f), *contradictions(f))
    yield "POLICY_UNTRUSTED", world.policy_untrusted
    least = limits["min_confidence"]
    yield "CONFIDENCE_BELOW_MIN", None not in (i.confidence, least) and i.confidence < least
    yield "STOP_LOSS_REQUIRED", limits["stop_loss_required"] and stop is None
    yield "REGIME_UNKNOWN", limits["regime_required"] and regime is None
    oldest, doubt = limits["max_regime_age_s"], limits["min_regime_confidence"]
    aged = regime and oldest is not None and world.now - regime.observed_at
    fades = regime and regime.expires_at is None
    yield "REGIME_STALE", fades and aged and abs(aged) > timedelta(seconds=oldest)
    yield "REGIME_CONFIDENCE_LOW", regime and doubt is not None and regime.confidence < doubt
    yield "REDUCING_ONLY", "reducing" in (f.fund, f.who, f.what)
    since = world.policy_confirmed_at and world.now - world.policy_confirmed_at
    late = since is None or abs(since) > timedelta(seconds=world.policy_max_age_s)
    yield "POLICY_STALE", world.policy and late
    charter = world.policy and world.policy.charter
    required = charter.required_limits if charter else world.charter_in_force.missing
    yield "LIMIT_NOT_SET", any(limits[field] is None for field in required)
    yield "REGIME_SCALED", limits["size_scale"] == 0
    yield from portfolio(f)
    yield "STRATEGY_PAUSED", f.who == "paused"
    yield from (*lost(f), *lately(f))


def lost(f: Facts) -> Codes:
    """What the fund and the strategy have lost, where anybody counted within two minutes."""
    limits, book, who = f.limits, f.world.losses, f.intent.token
    day, first, second, own, row = (
        limits[name]
        for name in (
            "max_daily_loss_bps", "drawdown_reducing_bps", "drawdown_halted_bps",
            "max_strategy_drawdown_usd", "max_losses_in_a_row",
        )
    )  # fmt: skip
    if book and (
        not book.measured_at or abs(f.world.now - book.measured_at) > timedelta(minutes=2)
    ):
        book = None
    kinds = {(latch.kind.value, latch.strategy) for latch in book.latches} if book else set()
    left = book.equity.level if book else None
    for code, limit, start, kind in (
        ("DAILY_LOSS_REACHED", day, book and book.day_start, "daily_loss"),
        ("DRAWDOWN_REACHED", first, book and book.equity.peak, "drawdown_reducing"),
        ("DRAWDOWN_REACHED", second, book and book.equity.peak, "drawdown_halted"),
    ):
        goes_on = book and book.is_accepted and kind == "drawdown_reducing"
        if limit is not None and left is not None and start is not None:
            below = Fraction(start) - Fraction(left)
            yield code, not goes_on and below * 10_000 >= limit * Fraction(start)
            yield code, (kind, "") in kinds
        yield code, limit is not None and None in (left, start)
    trail = book.strategies.get(who) if book else None
    earned = (trail.result.peak, trail.result.level) if trail else (0, 0)
    yield "STRATEGY_DRAWDOWN_REACHED", own is not None and (not book or None in earned)
    if own is not None and book and None not in earned:
        is_latched = trail and ("strategy_drawdown", who) in kinds
        yield "STRATEGY_DRAWDOWN_REACHED", is_latched or (trail and earned[0] - earned[1] >= own)
    yield "LOSING_STREAK", row is not None and not book
    if row is not None and trail and trail.lost_at:
        last = trail.lost_at[-1]
        within, waits = (
            timedelta(seconds=usual if limits[name] is None else limits[name])
            for name, usual in (
                ("losing_streak_window_s", 86_400), ("losing_streak_cooldown_s", 3_600)
            )
        )  # fmt: skip
        many = [at for at in trail.lost_at if last - at <= within]
        yield "LOSING_STREAK", len(many) >= row and f.world.now - last < waits


def portfolio(f: Facts) -> Codes:
    """Whether what is held is known, where that is needed."""
    seen, levered = f.world.portfolio, f.limits["max_portfolio_leverage"] is not None
    if f.limits["portfolio_required"] or levered:
        yield "PORTFOLIO_UNKNOWN", seen is None or seen.positions is None
        yield "PORTFOLIO_UNKNOWN", seen and levered and seen.equity_usd is None
        oldest = f.limits["max_portfolio_age_s"]
        age = timedelta(seconds=60 if oldest is None else oldest)
        yield "PORTFOLIO_STALE", seen and abs(f.world.now - seen.observed_at) > age


def counted(f: Facts) -> Any:
    """What is used of a counter, and of the counters of positions: by the ledger, and as seen."""
    used, seen = f.ledger["used_usd"], f.world.portfolio
    fresh = seen and seen.positions is not None
    if fresh and abs(f.world.now - seen.observed_at) > timedelta(seconds=60):
        fresh = False
    shown: dict[str, int] = defaultdict(int)
    for one in seen.positions if fresh else ():
        shown[f"position:{one.symbol}:{one.direction}"] += ceil(one.notional_usd * 10_000)
    outside = {one: max(0, units - seen.granted.get(one, 0)) for one, units in shown.items()}

    def units(counter: str, positions: list[str]) -> int:
        """What the ledger says and what it does not know, at least what was seen."""
        ledger = ceil(used.get(counter, 0) * 10_000) if counter else 0
        ledger += 0 if counter else sum(ceil(used.get(one, 0) * 10_000) for one in positions)
        beside = sum(outside.get(one, 0) for one in positions)
        return int(max(ledger + beside, sum(shown.get(one, 0) for one in positions)))

    known = {one for one in used if one.startswith("position:")} | {*shown}
    return units, sorted(known), shown


def summed_up(f: Facts) -> Codes:
    """The limits on exposure, with what a portfolio shows."""
    units, known, shown = counted(f)
    own, i, equity = ceil(f.size * f.price * 10_000), f.intent, None
    mine, other = ("long", "short") if f.long else ("short", "long")
    position = f"position:{i.symbol}:{i.direction}"
    sides = {way: [one for one in known if one.endswith(f":{way}")] for way in ("long", "short")}

    def over(most: Any, used: int) -> bool:
        return most is not None and used + own > floor(Fraction(most) * 10_000)

    yield "POSITION_ABOVE_MAX", over(f.limits["max_position_usd"], units(position, [position]))
    gross = units("gross", known)
    yield "GROSS_EXPOSURE_ABOVE_MAX", over(f.limits["max_gross_exposure_usd"], gross)
    strategy = units(f"strategy:{i.token}", [])
    yield "STRATEGY_EXPOSURE_ABOVE_MAX", over(f.limits["max_strategy_exposure_usd"], strategy)
    against = sum(shown.get(one, 0) for one in sides[other])
    net = units("", sides[mine]) - against
    yield "NET_EXPOSURE_ABOVE_MAX", over(f.limits[f"max_net_{mine}_usd"], net)
    for symbols, usd in (f.limits["max_group_exposure_usd"] or {}).values():
        members = [one for one in known if one.split(":")[1] in symbols]
        yield "GROUP_EXPOSURE_ABOVE_MAX", i.symbol in symbols and over(usd, units("", members))
    most, seen = f.limits["max_portfolio_leverage"], f.world.portfolio
    if most is not None and seen is not None and seen.equity_usd is not None:
        equity = Fraction(most) * max(Fraction(0), Fraction(seen.equity_usd))
        yield "PORTFOLIO_LEVERAGE_ABOVE_MAX", over(equity, gross)
    orders, open_now = f.limits["max_open_orders"], f.ledger["used_usd"].get("open_orders", 0)
    yield "OPEN_ORDERS_ABOVE_MAX", orders is not None and open_now + 1 > orders


def lately(f: Facts) -> Codes:
    """What was approved before it, and how long ago."""
    limits, ledger = f.limits, f.ledger
    wait, ago = limits["min_seconds_between_repeats"], ledger["same_s_ago"]
    is_same = None not in (wait, ago) and Fraction(ago) < wait and not ledger["first_decision"]
    yield "CONTENT_REPEATED", is_same
    most = limits["max_same_executions_per_day"]
    yield "REPEATED_EXECUTION", most is not None and ledger["executed"] >= most
    window, rule = limits["min_seconds_between_opposites"] or 0, limits["on_conflict"]
    shut = ledger["shut_by"] and Fraction(ledger["shut_by"]["s_ago"]) < window
    against = [one for one in ledger["opposites"] if Fraction(one["s_ago"]) < window]
    sure = f.intent.confidence if f.intent.confidence and 0 <= f.intent.confidence <= 1 else 0
    beaten = rule == "strongest_wins" and all(sure > Fraction(one["confidence"]) for one in against)
    yield "SIGNAL_CONFLICT", shut or (against and not beaten)
    bps, entry = limits["max_drift_bps_per_hour"], f.entry
    if bps is not None and entry is not None and entry > 0:
        for other in map(Fraction, ledger["prices"]):
            yield "COLLAR_DRIFT", abs(Fraction(entry) - other) * 10_000 > bps * other


def too_much(f: Facts) -> Codes:
    """What a size alone is over, by code; the first two may be cut instead of denied."""
    yield "NOTIONAL_ABOVE_MAX", f.most is not None and f.size * f.price > f.most
    most = f.limits["max_order_quantity"]
    yield "QUANTITY_ABOVE_MAX", most is not None and f.size > most
    yield from summed_up(f)


def largest(f: Facts) -> Any:
    """The policy's largest value of one order or the venue's, whichever is less."""
    waits = f.intent.order_type != "market"
    binds = f.rules and (waits or f.rules.max_notional_binds_market)
    both = [f.limits["max_order_notional_usd"], f.rules.max_notional_usd if binds else None]
    return min((one for one in both if one is not None), default=None)


def given(codes: Codes) -> set[str]:
    return {code for code, objects in codes if objects}


def expected(intent: Intent, at: datetime, snapshot: Snapshot, ledger: dict[str, Any]) -> Outcome:
    """Return (verdict, approved quantity, codes) that a decision must come to."""
    f, cut = facts_of(intent, at, snapshot, ledger), set[str]()
    deny, approved, scale = given(timing(f)), f.size, f.limits["size_scale"]
    if intent.action != "hold":
        deny |= given(any_order(f))
    if f.opens:
        deny |= given(opening(f))
    f.most = largest(f)
    if f.opens and f.size is not None:
        over, whole = given(too_much(f)), f.size * f.price > 100_000_000_000
        if f.limits["on_order_above_max"] == "reduce" and not whole:
            cut = over & {"NOTIONAL_ABOVE_MAX", "QUANTITY_ABOVE_MAX"}
        deny |= (over - cut) | ({"NOTIONAL_ABOVE_MAX"} if whole else set())
        if "NOTIONAL_ABOVE_MAX" in cut:
            approved = min(approved, finest(Fraction(f.most) / f.price, f))
        if "QUANTITY_ABOVE_MAX" in cut:
            approved = min(approved, finest(Fraction(f.limits["max_order_quantity"]), f))
    if f.opens and scale is not None and 0 <= scale < 1:
        cut = cut | ({"REGIME_SCALED"} if scale else set())
        approved = approved and finest(approved * Fraction(scale), f)
    if f.opens and approved != f.size:
        deny |= {"QUANTITY_OUTSIDE_VENUE"} if too_few(f, approved) else set()
        deny |= {"NOTIONAL_BELOW_VENUE_MIN"} if too_cheap(f, approved) else set()
    if deny or (f.opens and not approved):
        return "deny", None, deny | cut
    return ("reduce" if cut else "approve"), approved, cut
