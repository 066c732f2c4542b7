"""Checks on who may trade what (RTS 6 Art. 15(5))."""

from petrosa_cio.risk.checks.case import Case, Finding


def strategy_not_allowed(case: Case) -> Finding | None:
    """The strategy is not on the list of those that may open positions."""
    return _outside(case.limits.allowed_strategies, case.intent.strategy)


def symbol_not_allowed(case: Case) -> Finding | None:
    """The symbol is not on the list of those that may be opened, for everyone or this strategy."""
    return _outside(case.limits.allowed_symbols, case.intent.symbol)


def action_not_allowed(case: Case) -> Finding | None:
    """The policy does not let this strategy or symbol trade in this direction."""
    return _outside(case.limits.allowed_actions, case.intent.action)


def order_type_not_allowed(case: Case) -> Finding | None:
    """The policy does not allow this order type."""
    return _outside(case.limits.allowed_order_types, case.intent.order_type)


def _outside(allowed: frozenset[str] | None, observed: str) -> Finding | None:
    if allowed is None or observed in allowed:
        return None
    return Finding(", ".join(sorted(allowed)) or "none", observed)
