"""What a portfolio shows of exposure, by the ledger's counters, and what of it the ledger missed.

The ledger counts what the gate granted. A position that was opened outside, or before, it does not
know. So of each position there is worked out how much more the portfolio shows than had been
granted when it was read: that much is held *beside* what the ledger counts. And whatever the ledger
says since, no less is used than what was seen. A portfolio thereby only ever tightens; to release
is for settlement alone.
"""

from collections.abc import Iterable, Mapping
from datetime import datetime
from decimal import Decimal
from types import MappingProxyType
from typing import Final

from msgspec import Struct

from petrosa_cio.risk.claims import MAX_UNITS, to_units
from petrosa_cio.risk.counters import (
    GROSS,
    ON_SIDE,
    OPEN_ORDERS,
    UNITS_PER_ORDER,
    is_position,
    position_counter,
    side_of,
    strategy_counter,
)
from petrosa_cio.risk.intent import Direction
from petrosa_cio.risk.limits import DEFAULT_MAX_PORTFOLIO_AGE_S
from petrosa_cio.risk.parse import subject_token
from petrosa_cio.risk.portfolio import PortfolioReading


class Seen(Struct, frozen=True, gc=False, array_like=True):
    """What a portfolio shows on one counter.

    Attributes:
        units: What it shows.
        beside: What of it the ledger had not granted.
    """

    units: int
    beside: int


class Shown(Struct, frozen=True, gc=False):
    """What of a portfolio limits are tested with.

    Attributes:
        seen: Exposure by counter; nothing where the portfolio is not fresh.
        equity_usd: The fund's equity, however old; None where it is not known.
    """

    seen: Mapping[str, Seen]
    equity_usd: Decimal | None


NOTHING_SEEN: Final[Mapping[str, Seen]] = MappingProxyType({})
NOTHING_SHOWN: Final = Shown(NOTHING_SEEN, None)
_UNSEEN: Final = Seen(0, 0)


def is_fresh(portfolio: PortfolioReading, now: datetime) -> bool:
    """Return whether a portfolio is young enough to tighten what the ledger says.

    What a policy states about its age is another matter: with that openings are denied.
    """
    age_s = (now - portfolio.observed_at).total_seconds()
    return abs(age_s) <= DEFAULT_MAX_PORTFOLIO_AGE_S


def seen_exposure(portfolio: PortfolioReading) -> dict[str, Seen]:
    """Return what a portfolio shows, by counter; of what it does not tell there is nothing."""
    granted = portfolio.granted
    found: dict[str, Seen] = {}
    if portfolio.positions is not None:
        positions = _by_counter(portfolio)
        found = _beside(positions, granted)
        found |= _sums(found)
        found |= _beside(_by_strategy(portfolio), granted)
    if portfolio.open_orders is not None:
        orders = {OPEN_ORDERS: portfolio.open_orders * UNITS_PER_ORDER}
        found |= _beside(orders, granted)
    return found


def summed(seen: Iterable[Seen]) -> Seen:
    """Return what is seen on several counters together."""
    units = beside = 0
    for one in seen:
        units, beside = units + one.units, beside + one.beside
    return Seen(min(units, MAX_UNITS), min(beside, MAX_UNITS))


def seen_of(members: Iterable[str], seen: Mapping[str, Seen]) -> Seen:
    """Return what is seen on some counters together."""
    return summed(seen.get(counter, _UNSEEN) for counter in members)


def seen_about(
    symbol: str, token: str, seen: Mapping[str, Seen], *, all_positions: bool
) -> dict[str, Seen]:
    """Return what of it a decision about a symbol and a strategy can read.

    Args:
        symbol: The symbol.
        token: The strategy's token.
        seen: All that is seen.
        all_positions: Whether it can read those of other symbols too, as groups are limited.
    """
    own = {position_counter(symbol, direction) for direction in Direction}
    own |= {GROSS, OPEN_ORDERS, strategy_counter(token), *ON_SIDE.values()}
    return {
        counter: one
        for counter, one in seen.items()
        if counter in own or (all_positions and is_position(counter))
    }


def _sums(positions: Mapping[str, Seen]) -> dict[str, Seen]:
    on_side = {
        direction: summed(one for name, one in positions.items() if side_of(name) == direction)
        for direction in Direction
    }
    sides = {ON_SIDE[direction]: one for direction, one in on_side.items()}
    return {GROSS: summed(on_side.values()), **sides}


def _by_counter(portfolio: PortfolioReading) -> dict[str, int]:
    """Return units by position; parts of one position by strategy are added up."""
    found: dict[str, int] = {}
    for one in portfolio.positions or ():
        counter = position_counter(one.symbol, one.direction)
        found[counter] = found.get(counter, 0) + to_units(one.notional_usd)
    return {counter: min(units, MAX_UNITS) for counter, units in found.items()}


def _by_strategy(portfolio: PortfolioReading) -> dict[str, int]:
    found: dict[str, int] = {}
    for one in portfolio.positions or ():
        if one.strategy is not None:
            counter = strategy_counter(subject_token(one.strategy))
            found[counter] = found.get(counter, 0) + to_units(one.notional_usd)
    return {counter: min(units, MAX_UNITS) for counter, units in found.items()}


def _beside(units: Mapping[str, int], granted: Mapping[str, int]) -> dict[str, Seen]:
    return {
        counter: Seen(shown, max(shown - granted.get(counter, 0), 0))
        for counter, shown in units.items()
    }
