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
from petrosa_cio.risk.snapshot import Snapshot

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


def strictest(field: str, values: list[Any]) -> Any:
    if field.startswith("allowed_") or field == "regime_directions":
        return frozenset.intersection(*values)
    if field in ("stop_loss_required", "regime_required", "halted_denies_exits"):
        return any(values)
    if field == "on_order_above_max":
        return "deny" if "deny" in values else "reduce"
    if field == "on_conflict":
        strict = ("both_denied", "first_wins", "strongest_wins")
        return next(rule for rule in strict if rule in values)
    return max(values) if field.startswith("min_") else min(values)


def limits_of(intent: Intent, snapshot: Snapshot, regime: str | None) -> dict[str, Any]:
    book = snapshot.policy
    chains: list[list[Any]] = [[snapshot.charter_in_force.limits]]
    if book is not None:
        live = [one for one in book.document.overlays if snapshot.now < one.expires_at]
        for says in (book.document.policy, *live):
            chains += entries(says, intent.strategy, intent.symbol, regime)
    found: dict[str, list[Any]] = defaultdict(list)
    for chain in chains:
        stated = {k: v for one in chain if one is not None for k, v in one if v is not None}
        for field, value in stated.items():
            found[field].append(value)
    return defaultdict(lambda: None, {name: strictest(name, all_) for name, all_ in found.items()})


def finest(quantity: Fraction) -> Fraction:
    return Fraction(floor(quantity * 10**8), 10**8)


def size_of(f: Facts) -> Fraction | None:
    """The size asked for, or None; an exit without a price or a size is not valued."""
    i, given = f.intent, f.limits["unsized_order_usd"] if f.opens else None
    if i.quantity:
        size = Fraction(i.quantity) if f.price or not f.opens else None
    elif i.position_size_pct:
        money = f.equity is not None and Fraction(i.position_size_pct) * Fraction(f.equity)
        size = finest(money / f.price) if f.price else None
    else:
        size = finest(Fraction(i.quote_quantity or given or 0) / f.price) if f.price else None
    return size if size and size > 0 else None


def facts_of(intent: Intent, at: datetime, snapshot: Snapshot, ledger: dict[str, Any]) -> Facts:
    regime = snapshot.regimes.get(intent.symbol) or snapshot.regimes.get("*")
    own, states = [intent.price, intent.current_price], snapshot.trading_states
    known = [*own, snapshot.reference_prices.get(intent.symbol)]
    here = own[::-1] if intent.order_type == "market" else own
    f = Facts(intent=intent, world=snapshot, ledger=ledger, regime=regime, opens=intent.direction)
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
    per_second = {f"max_{of}intents_per_second": 1 for of in ("", "symbol_", "fund_")}
    per_minute = {f"max_{of}intents_per_minute": 60 for of in ("", "symbol_", "fund_")}
    rates = per_second | per_minute | {"max_intents_per_hour": 3_600}
    for field, seconds in (rates if f.opens else {"max_exits_per_minute": 60}).items():
        most = f.limits[field]
        yield "RATE_ABOVE_MAX", most is not None and events.get(seconds, 0) >= most


def opening(f: Facts) -> Codes:
    i, limits, entry, world, regime = f.intent, f.limits, f.entry, f.world, f.regime
    stop, target, sign = i.stop_loss, i.take_profit, 1 if f.long else -1
    yield "STOP_LOSS_WRONG_SIDE", None not in (stop, entry) and (stop - entry) * sign >= 0
    yield "TAKE_PROFIT_WRONG_SIDE", None not in (target, entry) and (target - entry) * sign <= 0
    for code, field, value in (
        ("STRATEGY_NOT_ALLOWED", "allowed_strategies", i.strategy),
        ("SYMBOL_NOT_ALLOWED", "allowed_symbols", i.symbol),
        ("ACTION_NOT_ALLOWED", "allowed_actions", i.action),
        ("ORDER_TYPE_NOT_ALLOWED", "allowed_order_types", i.order_type),
        ("REGIME_VETO", "regime_directions", i.direction),
    ):
        yield code, limits[field] is not None and value not in limits[field]
    least = limits["min_confidence"]
    yield "CONFIDENCE_BELOW_MIN", None not in (i.confidence, least) and i.confidence < least
    yield "STOP_LOSS_REQUIRED", limits["stop_loss_required"] and stop is None
    yield "REGIME_UNKNOWN", limits["regime_required"] and regime is None
    oldest, doubt = limits["max_regime_age_s"], limits["min_regime_confidence"]
    aged = regime and oldest is not None and world.now - regime.observed_at
    yield "REGIME_STALE", aged and aged > timedelta(seconds=oldest)
    yield "REGIME_CONFIDENCE_LOW", regime and doubt is not None and regime.confidence < doubt
    yield "REDUCING_ONLY", "reducing" in (f.fund, f.who, f.what)
    since = world.policy_confirmed_at and world.now - world.policy_confirmed_at
    late = since is None or since > timedelta(seconds=world.policy_max_age_s)
    yield "POLICY_STALE", world.policy and late
    charter = world.policy and world.policy.charter
    required = charter.required_limits if charter else world.charter_in_force.missing
    yield "LIMIT_NOT_SET", any(limits[field] is None for field in required)
    yield "REGIME_SCALED", limits["size_scale"] == 0
    yield "STRATEGY_PAUSED", f.who == "paused"
    yield from lately(f)


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
    used, position = f.ledger["used_usd"], f"position:{f.intent.symbol}:{f.intent.direction}"
    for code, field, value in (
        ("NOTIONAL_ABOVE_MAX", "max_order_notional_usd", f.size * f.price),
        ("QUANTITY_ABOVE_MAX", "max_order_quantity", f.size),
    ):
        yield code, f.limits[field] is not None and value > f.limits[field]
    for code, field, counter in (
        ("POSITION_ABOVE_MAX", "max_position_usd", position),
        ("GROSS_EXPOSURE_ABOVE_MAX", "max_gross_exposure_usd", "gross"),
    ):
        total = ceil(used.get(counter, 0) * 10_000) + ceil(f.size * f.price * 10_000)
        yield code, f.limits[field] is not None and total > floor(f.limits[field] * 10_000)


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
    if f.opens and f.size:
        over, whole = given(too_much(f)), f.size * f.price > 100_000_000_000
        if f.limits["on_order_above_max"] == "reduce" and not whole:
            cut = over & {"NOTIONAL_ABOVE_MAX", "QUANTITY_ABOVE_MAX"}
        deny |= (over - cut) | ({"NOTIONAL_ABOVE_MAX"} if whole else set())
        if "NOTIONAL_ABOVE_MAX" in cut:
            approved = min(approved, finest(Fraction(f.limits["max_order_notional_usd"]) / f.price))
        if "QUANTITY_ABOVE_MAX" in cut:
            approved = min(approved, finest(Fraction(f.limits["max_order_quantity"])))
    if f.opens and scale is not None and 0 < scale < 1:
        cut = cut | {"REGIME_SCALED"}
        approved = approved and finest(approved * Fraction(scale))
    if deny or (f.opens and not approved):
        return "deny", None, deny | cut
    return ("reduce" if cut else "approve"), approved, cut
