"""Checks on who may trade what, and when (RTS 6 Art. 15(5))."""

from petrosa_cio.risk.checks.case import Case, Finding
from petrosa_cio.risk.in_force import SymbolList
from petrosa_cio.risk.trading_hours import moment_shown


def strategy_not_allowed(case: Case) -> Finding | None:
    """The strategy is not on the list of those that may open positions."""
    return _outside(case.limits.allowed_strategies, case.intent.strategy)


def symbol_not_allowed(case: Case) -> Finding | None:
    """The symbol is not on the list of those that may be opened, whoever asks."""
    return _not_listed(case.in_force.common_symbols, case.intent.symbol)


def symbol_not_allowed_for_strategy(case: Case) -> Finding | None:
    """The symbol is not on the list of those that this strategy may open."""
    return _not_listed(case.in_force.own_symbols, case.intent.symbol)


def action_not_allowed(case: Case) -> Finding | None:
    """The policy does not let this strategy or symbol trade in this direction."""
    return _outside(case.limits.allowed_actions, case.intent.action)


def order_type_not_allowed(case: Case) -> Finding | None:
    """The policy does not allow this order type."""
    return _outside(case.limits.allowed_order_types, case.intent.order_type)


def trading_window_closed(case: Case) -> Finding | None:
    """Positions may not be opened at this hour of the week, UTC."""
    hours, now = case.limits.trading_hours, case.snapshot.now
    if hours is None or hours.includes(now):
        return None
    return Finding(hours, moment_shown(now))


def _not_listed(listed: SymbolList | None, symbol: str) -> Finding | None:
    if listed is None or symbol in listed.symbols:
        return None
    return Finding(", ".join(sorted(listed.symbols)) or "none", symbol, entry=listed.entry)


def _outside(allowed: frozenset[str] | None, observed: str) -> Finding | None:
    if allowed is None or observed in allowed:
        return None
    return Finding(", ".join(sorted(allowed)) or "none", observed)
