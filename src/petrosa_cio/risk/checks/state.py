"""Checks on the kill switch and on the policy itself."""

from petrosa_cio.risk.checks.case import Case, Finding
from petrosa_cio.risk.trading_state import TradingState

_NOT_HALTED = (TradingState.ACTIVE, TradingState.REDUCING)
_HALTED = TradingState.HALTED
_REDUCING = TradingState.REDUCING
_PAUSED = TradingState.PAUSED


def fund_halted(case: Case) -> Finding | None:
    """The whole fund is halted, or nobody can say that it is not."""
    states = case.snapshot.trading_states
    state = states.fund if states else None
    if state in _NOT_HALTED or _exit_passes(case):
        return None
    return Finding("not halted", state or "unknown", scope="fund")


def strategy_halted(case: Case) -> Finding | None:
    """This strategy is halted."""
    states = case.snapshot.trading_states
    state = states.strategies.get(case.intent.token) if states else None
    if state is not _HALTED or _exit_passes(case):
        return None
    return Finding("not halted", state, scope=case.intent.strategy)


def symbol_halted(case: Case) -> Finding | None:
    """This symbol is halted."""
    states = case.snapshot.trading_states
    state = states.symbols.get(case.intent.symbol) if states else None
    if state not in (_HALTED, _PAUSED) or _exit_passes(case):
        return None
    return Finding("not halted", state, scope=case.intent.symbol)


def reducing_only(case: Case) -> Finding | None:
    """The fund, the strategy or the symbol may only reduce positions, and this order opens one."""
    states = case.snapshot.trading_states
    if states is None:
        return None
    intent = case.intent
    found = (
        states.fund,
        states.strategies.get(intent.token),
        states.symbols.get(intent.symbol),
    )
    if _REDUCING not in found:
        return None
    named = zip(("fund", intent.strategy, intent.symbol), found, strict=True)
    scopes = ", ".join(scope for scope, state in named if state is _REDUCING)
    return Finding("exits", intent.action, scope=scopes)


def strategy_paused(case: Case) -> Finding | None:
    """The strategy is paused, as it repeated itself too often, until a person resumes it."""
    states = case.snapshot.trading_states
    state = states.strategies.get(case.intent.token) if states else None
    return Finding("not paused", state, scope=case.intent.strategy) if state is _PAUSED else None


def policy_missing(case: Case) -> Finding | None:
    """There is no policy in force, so nothing is known of what may be traded."""
    return None if case.snapshot.policy else Finding("a policy", "none")


def policy_stale(case: Case) -> Finding | None:
    """The policy store has not confirmed the policy for too long; it may have been tightened.

    A confirmation from the future, as the clock was set back, confirms nothing.
    """
    if case.snapshot.policy is None:
        return None
    confirmed, limit = case.snapshot.policy_confirmed_at, case.snapshot.policy_max_age_s
    if confirmed is None:
        return Finding(f"{limit} s", "never confirmed")
    age = case.snapshot.now - confirmed
    if abs(age.total_seconds()) <= limit:
        return None
    return Finding(f"{limit} s", f"{age.total_seconds():.0f} s")


def policy_untrusted(case: Case) -> Finding | None:
    """The policy store offers a policy that cannot be trusted, so nobody knows what is wanted.

    Nobody trusted has signed it, its revision went back, it does not read, or it is looser than the
    charter. The last good policy still serves exits.
    """
    problem = case.snapshot.policy_untrusted
    return None if problem is None else Finding("a policy that can be trusted", problem)


def limit_not_set(case: Case) -> Finding | None:
    """The charter requires a limit that neither policy nor charter sets."""
    missing = case.in_force.missing
    return Finding("set", ", ".join(missing), scope="charter") if missing else None


def _exit_passes(case: Case) -> bool:
    return case.intent.is_exit and not case.limits.halted_denies_exits
