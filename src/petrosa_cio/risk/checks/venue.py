"""Checks on what the venue itself asks of an order: steps, bounds, smallest value.

They look at whatever rules are known, also where the policy does not ask for any. An order that the
venue would refuse is refused here, with the number that would have passed; one that is too small is
refused too, because the order engine would raise it in silence. Stop losses and targets may lie off
the tick: the order engine works them out anew.
"""

from decimal import Decimal

from petrosa_cio.risk.checks.case import VENUE, Case, Finding
from petrosa_cio.risk.sizing import multiply, round_down, step_of
from petrosa_cio.risk.venue import Increments


def venue_rules_missing(case: Case) -> Finding | None:
    """The policy wants the venue's rules and none are known, or the venue does not trade it now."""
    rules, symbol = case.rules, case.intent.symbol
    if rules is None:
        if not case.limits.venue_rules_required:
            return None
        return Finding("the venue's rules", "no rules", scope=symbol)
    if rules.is_trading:
        return None
    return Finding("trading", "not trading", scope=symbol, entry=VENUE)


def notional_below_venue_min(case: Case) -> Finding | None:
    """The order, at the lowest price anyone names, is worth less than the venue takes.

    The order engine would raise it to the venue's smallest order without saying so.
    """
    rules, size = case.rules, case.size
    least = rules.least_notional(at_market=case.at_market) if rules else None
    if size is None or least is None:
        return None
    worth = multiply(size.quantity, _lowest_price(case, size.price))
    return Finding(least, worth, entry=VENUE) if worth < least else None


def _lowest_price(case: Case, highest: Decimal) -> Decimal:
    intent, reference = case.intent, case.reference
    lowest = highest
    for price in (intent.price, intent.current_price, reference.price if reference else None):
        if price is not None and 0 < price < lowest:
            lowest = price
    return lowest


def quantity_outside_venue(case: Case) -> Finding | None:
    """The order's quantity is smaller or larger than the venue takes in one order."""
    quantity = _quantity(case)
    if case.rules is None or quantity is None:
        return None
    for grid in case.rules.quantities(at_market=case.at_market):
        if grid.lowest is not None and quantity < grid.lowest:
            return Finding(f"at least {grid.lowest:f}", quantity, entry=VENUE)
        if grid.highest is not None and quantity > grid.highest:
            passes = round_down(grid.highest, step_of(case.rules, case.intent))
            most = f"at most {grid.highest:f}"
            return Finding(most, quantity, would_pass=passes, entry=VENUE)
    return None if quantity else Finding("more than 0", quantity, entry=VENUE)


def quantity_off_step(case: Case) -> Finding | None:
    """The stated quantity is no multiple of the venue's step.

    Sizes that are worked out here, from a share of equity or an amount of money, are rounded down
    to the step instead, and so are sizes that a limit reduces.
    """
    quantity = _quantity(case)
    if case.rules is None or quantity is None:
        return None
    for grid in case.rules.quantities(at_market=case.at_market):
        if not grid.has(quantity):
            return Finding(_multiples(grid), quantity, entry=VENUE)
    return None


def price_off_tick(case: Case) -> Finding | None:
    """The order's price is no multiple of the venue's tick.

    A market order's price is the strategy's assumption, which the venue never sees. Any other order
    that states none is sent with its ``current_price``.
    """
    rules, price = case.rules, case.trades_at
    if rules is None or price is None or case.at_market or rules.price.has(price):
        return None
    return Finding(_multiples(rules.price), price, entry=VENUE)


def _quantity(case: Case) -> Decimal | None:
    """Return the quantity asked for; that of an exit is known without any price."""
    if case.size is not None:
        return case.size.quantity
    stated = case.intent.quantity
    return stated if stated is not None and stated > 0 else None


def _multiples(grid: Increments) -> str:
    """Return what a grid takes, in words; ``lowest`` only matters where it is off the step."""
    if grid.lowest is None or (grid.step is not None and grid.has(grid.step)):
        return f"a multiple of {grid.step:f}"
    return f"a multiple of {grid.step:f} both from 0 and from {grid.lowest:f}"
