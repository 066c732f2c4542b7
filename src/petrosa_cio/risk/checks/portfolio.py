"""Checks on the portfolio: whether what the fund holds is known, and how long ago it was seen."""

from petrosa_cio.risk.checks.case import Case, Finding
from petrosa_cio.risk.limits import DEFAULT_MAX_PORTFOLIO_AGE_S

_NEEDED_BY = ("portfolio_required", "max_portfolio_leverage")


def portfolio_unknown(case: Case) -> Finding | None:
    """The policy needs to know what the fund holds, or its equity, and nobody says it."""
    needed_by = _needed_by(case)
    if needed_by is None:
        return None
    portfolio, entry = case.snapshot.portfolio, case.in_force.entries.get(needed_by)
    if portfolio is None:
        return Finding(needed_by, "none", scope="portfolio", entry=entry)
    if not portfolio.tells_positions:
        return Finding(needed_by, "none", scope="positions", entry=entry)
    if case.limits.max_portfolio_leverage is not None and portfolio.equity_usd is None:
        entry = case.in_force.entries.get("max_portfolio_leverage")
        return Finding("max_portfolio_leverage", "none", scope="equity", entry=entry)
    return None


def portfolio_stale(case: Case) -> Finding | None:
    """The policy needs to know what the fund holds, and that was seen too long ago.

    A portfolio that is as far in the future, as the clock was set back, is no fresher.
    """
    portfolio = case.snapshot.portfolio
    if portfolio is None or _needed_by(case) is None:
        return None
    stated = case.limits.max_portfolio_age_s
    limit = DEFAULT_MAX_PORTFOLIO_AGE_S if stated is None else stated
    age_s = (case.snapshot.now - portfolio.observed_at).total_seconds()
    if abs(age_s) <= limit:
        return None
    return Finding(f"{limit} s", f"{age_s:.3f} s", scope=portfolio.source)


def _needed_by(case: Case) -> str | None:
    """Return the limit that needs a portfolio; None where none does."""
    if case.limits.portfolio_required:
        return _NEEDED_BY[0]
    return None if case.limits.max_portfolio_leverage is None else _NEEDED_BY[1]
