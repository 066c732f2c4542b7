"""For each limit on what the fund holds in all, the intent that it stops, and one that passes."""

from dataclasses import replace

from petrosa_cio.governance.self_test.ground import EXACT, TAKES, Ground
from petrosa_cio.governance.self_test.pair import (
    NOTHING_SAID,
    Builder,
    Pair,
    at_and_after,
    in_seconds,
)
from petrosa_cio.governance.self_test.shared_builders import filled_up
from petrosa_cio.governance.self_test.trial import EQUITY_USD, Exposed, Trial
from petrosa_cio.risk.claims import MAX_UNITS, from_units
from petrosa_cio.risk.counters import GROSS, OPEN_ORDERS, UNITS_PER_ORDER, group_name
from petrosa_cio.risk.intent import Direction
from petrosa_cio.risk.summed_limits import NET_LIMITS

_POSITION = "position:"


def net(direction: Direction) -> Builder:
    """Return the builder for the net exposure on one side."""
    (action,) = (one for one, takes in TAKES.items() if takes is direction)

    def build(ground: Ground) -> Pair:
        if not ground.allows(action):
            return Pair(why=f"nothing may be opened on the {direction} side here")
        limit = ground.limit(NET_LIMITS[direction])
        trial, whose = ground.opening("", action), f"all on the {direction} side"
        return filled_up(trial, ground.small_usd(), limit, _POSITION, whose)

    return build


def group(ground: Ground) -> Pair:
    """Try a symbol of the first group that is stated."""
    mine = ground.limit("max_group_exposure_usd").of(ground.place.symbol)
    if not mine:
        return _of_another_symbol(ground)
    return _capped(ground, min(mine, key=lambda one: one[1].usd))


def _of_another_symbol(ground: Ground) -> Pair:
    allowed = ground.limit("allowed_symbols")
    for name, cap in ground.limit("max_group_exposure_usd").caps:
        for symbol in sorted(cap.symbols):
            if allowed is None or symbol in allowed:
                place = replace(ground.place, symbol=symbol)
                return _capped(replace(ground, place=place), (name, cap))
    return Pair(why="no symbol of any group may be opened here")


def _capped(ground: Ground, named: tuple[str, object]) -> Pair:
    name, _ = named
    cap = ground.limit("max_group_exposure_usd").by_name[name]
    found = filled_up(ground.trial(""), ground.small_usd(), cap.usd, _POSITION, f"the group {name}")
    return replace(found, mark=(group_name(name), ""))


def leverage(ground: Ground) -> Pair:
    """Try what is more than the equity allows."""
    limit = EXACT.multiply(EQUITY_USD, ground.limit("max_portfolio_leverage"))
    most = min(limit, from_units(MAX_UNITS))
    return filled_up(ground.trial(""), ground.small_usd(), most, GROSS, "the whole fund")


def open_orders(ground: Ground) -> Pair:
    """Try one order more than may be open."""
    limit, trial = ground.limit("max_open_orders"), ground.trial("")
    if limit == 0:
        return Pair(stops=trial.saying("an order, where none may be open"), closes=True)
    passes, stops = (_number(trial, before) for before in (limit - 1, limit))
    return Pair(passes, stops)


def _number(trial: Trial, before: int) -> Trial:
    words = f"the {before + 1}. order that is open"
    return replace(trial.saying(words), before=(Exposed(OPEN_ORDERS, before * UNITS_PER_ORDER),))


def required(ground: Ground) -> Pair:
    """Try an opening where nobody knows what the fund holds."""
    if not ground.stated:
        return NOTHING_SAID
    unknown = replace(ground.trial("no portfolio known"), portfolio_is_known=False)
    return Pair(ground.trial("a known portfolio"), unknown)


def age(ground: Ground) -> Pair:
    """Try an opening where what the fund holds was seen too long ago."""
    if not ground.limit("portfolio_required") and ground.limit("max_portfolio_leverage") is None:
        return Pair(why="nobody states portfolio_required or max_portfolio_leverage here")
    passes, stops = (
        replace(ground.trial(f"portfolio seen {in_seconds(one)} ago"), portfolio_age=one)
        for one in at_and_after(ground.limit("max_portfolio_age_s"))
    )
    return Pair(passes, stops)
