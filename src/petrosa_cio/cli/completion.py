"""What the shell offers at the Tab key: names from the policy file, and reason codes.

A person who types waits for it, so nothing here asks a server. A policy that does not read offers
nothing, and never an error in the middle of a line.
"""

import os
from collections.abc import Iterable

from petrosa_cio.errors import CioError
from petrosa_cio.fleet.regime_names import NAMES
from petrosa_cio.governance.files import load_governing
from petrosa_cio.risk.policy import ANY, Policy
from petrosa_cio.risk.reasons import ReasonCode
from petrosa_cio.settings import load_settings


def strategies(incomplete: str) -> list[str]:
    """Return the strategies that the policy names and that begin like this."""
    policy = _policy()
    stated = {*policy.strategies, *policy.strategy_symbols, *_listed(policy, "allowed_strategies")}
    return _beginning(incomplete, stated)


def symbols(incomplete: str) -> list[str]:
    """Return the symbols that the policy names and that begin like this."""
    policy = _policy()
    paired = {symbol for pairs in policy.strategy_symbols.values() for symbol in pairs}
    stated = {*policy.symbols, *paired, *_listed(policy, "allowed_symbols")}
    return _beginning(incomplete.upper(), stated)


def regimes(incomplete: str) -> list[str]:
    """Return the market regimes, known ones and the policy's own, that begin like this."""
    return _beginning(incomplete, NAMES | _policy().regimes.keys())


def codes(incomplete: str) -> list[str]:
    """Return the reason codes that begin like this."""
    return _beginning(incomplete.upper(), ReasonCode)


def _policy() -> Policy:
    try:
        settings = load_settings(os.environ)
        return load_governing(settings.policy_file, settings.charter_file).first_policy
    except CioError:
        return Policy()


def _listed(policy: Policy, field: str) -> set[str]:
    return {name for _, _, limits in policy.entries() for name in getattr(limits, field) or ()}


def _beginning(incomplete: str, names: Iterable[str]) -> list[str]:
    return sorted(str(name) for name in names if name != ANY and name.startswith(incomplete))
