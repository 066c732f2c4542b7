"""The limits on sums of exposure: by strategy, by side, by group, by equity, and on open orders.

Nothing of this is asked of the ledger where nobody states it. A strategy's exposure and its open
orders have counters of their own, which count from the moment on at which the limit is stated. The
others are sums of the counters of positions, which the ledger always keeps: whatever groups are
made of, and whenever a limit is stated, they are true.
"""

from decimal import Decimal

from msgspec import Struct
from msgspec.structs import replace

from petrosa_cio.risk.claims import Claim, to_units
from petrosa_cio.risk.counters import (
    GROSS,
    LEVERAGE,
    ON_SIDE,
    OPEN_ORDERS,
    UNITS_PER_ORDER,
    group_name,
    position_counter,
    side_name,
    strategy_counter,
)
from petrosa_cio.risk.exact import EXACT
from petrosa_cio.risk.in_force import InForce
from petrosa_cio.risk.intent import Direction, Intent
from petrosa_cio.risk.limits import LimitSet
from petrosa_cio.risk.reasons import ReasonCode as Code
from petrosa_cio.risk.seen_exposure import Seen, Shown, seen_of

NET_LIMITS = {Direction.LONG: "max_net_long_usd", Direction.SHORT: "max_net_short_usd"}

_OTHER_SIDE = {Direction.LONG: Direction.SHORT, Direction.SHORT: Direction.LONG}


class Asking(Struct, frozen=True, gc=False):
    """What an opening asks for.

    Attributes:
        intent: The opening.
        in_force: The limits that are tested.
        stated: The limits that say what is claimed at all.
        shown: What a portfolio shows.
        taken: Units that an approval books.
        cut: Units by which its size was cut.
    """

    intent: Intent
    in_force: InForce
    stated: LimitSet
    shown: Shown
    taken: int
    cut: int


def summed_claims(asking: Asking) -> tuple[Claim, ...]:
    """Return what an opening claims of the stated limits on sums; what takes something first."""
    stated, found = asking.stated, []
    if stated.max_strategy_exposure_usd is not None:
        found.append(_of_strategy(asking))
    if stated.max_open_orders is not None:
        found.append(_one_order(asking))
    direction = asking.intent.direction
    if direction is not None and getattr(stated, NET_LIMITS[direction]) is not None:
        found.append(_net(asking, direction))
    if stated.max_group_exposure_usd is not None:
        found += _groups(asking)
    if stated.max_portfolio_leverage is not None:
        found += _leveraged(asking)
    return tuple(found)


def beside_what_is_seen(claim: Claim, seen: Seen | None, *, against: int = 0) -> Claim:
    """Return a claim that counts what a portfolio shows; None where it shows nothing.

    Args:
        claim: The claim, as the ledger alone would test it.
        seen: What the portfolio shows on its counter.
        against: Units of the other side that stand against it.
    """
    if seen is None:
        return claim
    beside = seen.beside - against
    ceiling = None if claim.ceiling is None else claim.ceiling - beside
    return replace(claim, ceiling=ceiling, beside=beside, floor=seen.units - seen.beside)


def _of_strategy(asking: Asking) -> Claim:
    counter = strategy_counter(asking.intent.token)
    claim = _limited(asking, Code.STRATEGY_EXPOSURE_ABOVE_MAX, counter, "max_strategy_exposure_usd")
    return beside_what_is_seen(claim, asking.shown.seen.get(counter))


def _one_order(asking: Asking) -> Claim:
    most = asking.in_force.limits.max_open_orders
    claim = Claim(
        Code.OPEN_ORDERS_ABOVE_MAX,
        OPEN_ORDERS,
        UNITS_PER_ORDER,
        None if most is None else most * UNITS_PER_ORDER,
        asking.in_force.entries.get("max_open_orders"),
    )
    return beside_what_is_seen(claim, asking.shown.seen.get(OPEN_ORDERS))


def _net(asking: Asking, direction: Direction) -> Claim:
    members, seen = (ON_SIDE[direction],), asking.shown.seen
    claim = _limited(
        asking, Code.NET_EXPOSURE_ABOVE_MAX, side_name(direction), NET_LIMITS[direction], members
    )
    other = seen.get(ON_SIDE[_OTHER_SIDE[direction]])
    return beside_what_is_seen(
        claim, seen.get(ON_SIDE[direction]), against=other.units if other else 0
    )


def _groups(asking: Asking) -> list[Claim]:
    symbol, stated = asking.intent.symbol, asking.stated.max_group_exposure_usd
    limits, seen = asking.in_force.limits.max_group_exposure_usd, asking.shown.seen
    tested = limits.by_name if limits else {}
    claims = []
    for name, cap in stated.of(symbol) if stated else ():
        members = tuple(
            position_counter(one, direction)
            for one in sorted(cap.symbols)
            for direction in Direction
        )
        most = tested.get(name)
        claim = Claim(
            Code.GROUP_EXPOSURE_ABOVE_MAX,
            group_name(name),
            asking.taken,
            None if most is None else units_below(most.usd) - asking.cut,
            asking.in_force.entries.get("max_group_exposure_usd"),
            asking.cut,
            members=members,
        )
        claims.append(beside_what_is_seen(claim, seen_of(members, seen) if seen else None))
    return claims


def _leveraged(asking: Asking) -> list[Claim]:
    """Return the claim on the equity; none where it is not known, which denies by itself."""
    equity, most = asking.shown.equity_usd, asking.in_force.limits.max_portfolio_leverage
    if equity is None or most is None:
        return []
    worth = EXACT.multiply(max(equity, Decimal(0)), most)
    claim = Claim(
        Code.PORTFOLIO_LEVERAGE_ABOVE_MAX,
        LEVERAGE,
        asking.taken,
        units_below(worth) - asking.cut,
        asking.in_force.entries.get("max_portfolio_leverage"),
        asking.cut,
        members=(GROSS,),
    )
    return [beside_what_is_seen(claim, asking.shown.seen.get(GROSS))]


def _limited(
    asking: Asking, code: Code, counter: str, field: str, members: tuple[str, ...] = ()
) -> Claim:
    limit: Decimal | None = getattr(asking.in_force.limits, field)
    ceiling = None if limit is None else units_below(limit) - asking.cut
    entry = asking.in_force.entries.get(field)
    return Claim(code, counter, asking.taken, ceiling, entry, asking.cut, members=members)


def units_below(limit: Decimal) -> int:
    """Return a limit in ledger units, rounded down: rounding may only ever tighten."""
    return -to_units(-limit)
