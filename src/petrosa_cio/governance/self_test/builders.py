"""For each limit, the intent that it stops and the one that just passes.

Each builder changes one thing of an intent that passes, so that nothing but its own limit objects.
To cover a new limit, write its builder and add its row; a test finds a limit that has none.
"""

from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import timedelta
from decimal import Decimal

from petrosa_cio.governance.self_test.ground import (
    EXACT,
    ONE_USD,
    STEP,
    TAKES,
    Ground,
    price_within,
)
from petrosa_cio.governance.self_test.trial import Counted, Exposed, Trial
from petrosa_cio.risk.checks.well_formed import ENGINE_MAX_AGE_S
from petrosa_cio.risk.claims import from_units, to_units
from petrosa_cio.risk.intent import Action, OrderType
from petrosa_cio.risk.reasons import Effect, ReasonCode
from petrosa_cio.risk.sizing import quantity_for
from petrosa_cio.risk.trading_state import TradingState

MOST_PLAYED = 20_000
"""Longer histories of intents are not played."""

_A_LITTLE = timedelta(milliseconds=1)
_A_SHARE = Decimal("0.0001")


@dataclass(frozen=True, slots=True)
class Pair:
    """What to try in one place.

    Attributes:
        passes: An intent that just passes.
        stops: An intent that the limit stops, or cuts.
        closes: True where nothing passes at all, so that there is no intent that just does.
        gives: True where the limit stops nothing but gives something.
        why: Why there is nothing to try.
        mark: What its reasons begin with in scope and end with in limit, where others share its
            code.
        code: The only code that its reasons may have; None for every one of the limit's.
        effect: The only effect that they may have; None for any.
        size: The quantity that the passing intent must come to; None for any.
    """

    passes: Trial | None = None
    stops: Trial | None = None
    closes: bool = False
    gives: bool = False
    why: str = ""
    mark: tuple[str, str] = ("", "")
    code: ReasonCode | None = None
    effect: Effect | None = None
    size: Decimal | None = None


Builder = Callable[[Ground], Pair]


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
        ground.sized(words.format(_plain(EXACT.multiply(quantity, worth))), quantity, price),
        ground.sized(words.format(_plain(EXACT.multiply(over, worth))), over, price),
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
    words = f"no size stated: gets {_plain(limit)} USD"
    return Pair(unsized.saying(words), gives=True, size=given)


def _confidence(ground: Ground) -> Pair:
    limit = ground.limit("min_confidence")
    if limit == 0:
        return Pair(why="no confidence is below 0")
    below = _below(limit)
    return Pair(
        ground.trial(f"confidence {_plain(limit)}", confidence=limit),
        ground.trial(f"confidence {_plain(below)}", confidence=below),
    )


def _below(fraction: Decimal) -> Decimal:
    return EXACT.subtract(fraction, min(_A_SHARE, EXACT.divide(fraction, Decimal(2))))


def _stop_loss(ground: Ground) -> Pair:
    if not ground.stated:
        return Pair(why="nothing is required where nobody says so")
    return Pair(ground.trial("with a stop loss"), ground.trial("no stop loss", stop_loss=None))


# --- time -----------------------------------------------------------------------------------------


def _age(ground: Ground) -> Pair:
    limit = ground.limit("max_intent_age_s")
    if limit > ENGINE_MAX_AGE_S:
        return Pair(why=f"the order engine's own {ENGINE_MAX_AGE_S} s come first")
    at, after = _at_and_after(limit)
    return Pair(_aged(ground, at), _aged(ground, after))


def _aged(ground: Ground, age: timedelta) -> Trial:
    trial = ground.trial(f"made {_seconds(age)} ago", stated_at=ground.now - age)
    return replace(trial, age=age)


def _skew(ground: Ground) -> Pair:
    at, after = _at_and_after(ground.limit("max_clock_skew_s"))
    return Pair(_ahead(ground, at), _ahead(ground, after))


def _ahead(ground: Ground, span: timedelta) -> Trial:
    words = f"made {_seconds(span)} ahead of the clock"
    return ground.trial(words, stated_at=ground.now + span)


def _at_and_after(seconds: int) -> tuple[timedelta, timedelta]:
    span = timedelta(seconds=seconds)
    return span, span + _A_LITTLE


# --- shared ---------------------------------------------------------------------------------------


def _rate(name: str, counter: str, window_s: int, *, exits: bool = False) -> Builder:
    """Return the builder for a rate of a counter, by what the counter's name begins with."""

    def build(ground: Ground) -> Pair:
        limit, trial = ground.limit(name), ground.exit("") if exits else ground.trial("")
        words = f"the {{}}. {'exit' if exits else 'opening'} within {window_s} s"
        mark = (counter, f" per {window_s} s")
        if limit > MOST_PLAYED:
            return Pair(why=f"{limit} intents are too many to play here")
        passes, stops = (
            replace(
                trial.saying(words.format(before + 1)),
                before=(Counted(counter, window_s * 1_000, before),),
            )
            for before in (max(limit - 1, 0), limit)
        )
        return Pair(None if limit == 0 else passes, stops, closes=limit == 0, mark=mark)

    return build


def _exposure(name: str, counter: str, whose: str) -> Builder:
    """Return the builder for an exposure of which others hold all but what is asked for."""

    def build(ground: Ground) -> Pair:
        trial = ground.trial("")
        own, limit = to_units(ground.small_usd()), -to_units(-ground.limit(name))
        if limit < own:
            return Pair(stops=trial.saying("an order of any value"), closes=True)
        passes, stops = (
            replace(
                trial.saying(
                    f"{_plain(from_units(own))} USD more, {whose} "
                    f"{_plain(from_units(used))} USD already"
                ),
                before=(Exposed(counter, used),),
            )
            for used in (limit - own, limit - own + 1)
        )
        return Pair(passes, stops)

    return build


# --- market regime and state ----------------------------------------------------------------------


def _regime_required(ground: Ground) -> Pair:
    if not ground.stated:
        return Pair(why="nothing is required where nobody says so")
    if ground.place.regime is None:
        return Pair(stops=ground.trial("no regime known"))
    return Pair(ground.trial("a known regime"))


def _regime_age(ground: Ground) -> Pair:
    if ground.place.regime is None:
        return Pair(why="no regime is known here")
    at, after = _at_and_after(ground.limit("max_regime_age_s"))
    return Pair(_observed(ground, at), _observed(ground, after))


def _observed(ground: Ground, age: timedelta) -> Trial:
    return replace(ground.trial(f"regime observed {_seconds(age)} ago"), regime_age=age)


def _regime_confidence(ground: Ground) -> Pair:
    limit = ground.limit("min_regime_confidence")
    if ground.place.regime is None or limit == 0:
        return Pair(why="no regime is known here" if limit else "no confidence is below 0")
    return Pair(_sure(ground, limit), _sure(ground, _below(limit)))


def _sure(ground: Ground, confidence: Decimal) -> Trial:
    trial = ground.trial(f"regime known to {_plain(confidence)}")
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
    "max_order_notional_usd": _notional,
    "max_order_quantity": _quantity,
    "on_order_above_max": _on_breach,
    "unsized_order_usd": _unsized,
    "min_confidence": _confidence,
    "stop_loss_required": _stop_loss,
    "max_intent_age_s": _age,
    "max_clock_skew_s": _skew,
    "max_intents_per_second": _rate("max_intents_per_second", "intents:", 1),
    "max_intents_per_minute": _rate("max_intents_per_minute", "intents:", 60),
    "max_exits_per_minute": _rate("max_exits_per_minute", "exits:", 60, exits=True),
    "max_position_usd": _exposure("max_position_usd", "", "on this symbol"),
    "max_gross_exposure_usd": _exposure("max_gross_exposure_usd", "gross", "the whole fund"),
    "regime_required": _regime_required,
    "max_regime_age_s": _regime_age,
    "min_regime_confidence": _regime_confidence,
    "regime_directions": _directions,
    "size_scale": _scale,
    "halted_denies_exits": _halted_exits,
}
"""The builder of every limit, by name."""


def _plain(number: Decimal) -> str:
    text = f"{number:f}"
    return text.rstrip("0").rstrip(".") if "." in text else text


def _seconds(span: timedelta) -> str:
    return f"{_plain(Decimal(span // _A_LITTLE) / 1_000)} s"
