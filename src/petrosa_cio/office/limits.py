"""What governs now, and how much of each limit is used."""

from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime
from functools import partial
from typing import Protocol

from petrosa_cio.errors import LedgerLost
from petrosa_cio.governance.documents import read_policy_document
from petrosa_cio.governance.regimes import read_all, read_override, read_regime
from petrosa_cio.ports import GovernanceStore
from petrosa_cio.risk.in_force import InForce, PolicyBook, charter_in_force
from petrosa_cio.risk.limits_in_use import Asked, Counted
from petrosa_cio.risk.policy import Charter
from petrosa_cio.risk.shared_limits import rate_counters
from petrosa_cio.risk.snapshot import ANY_SYMBOL, regime_in_force


@dataclass(frozen=True, slots=True)
class Governs:
    """What governs, where it comes from, and what of it is used.

    Attributes:
        policy: The policy with its charter; None where none is in force.
        charter: The charter.
        regimes: Name of the market regime by symbol; ``*`` is that of all others.
        counted: What the ledger counts; None where it was not asked, or lost its data.
        source: Where all this comes from, in words.
        at: The moment that overlays are judged by.
    """

    policy: PolicyBook | None
    charter: Charter
    regimes: dict[str, str]
    counted: Counted | None
    source: str
    at: datetime

    def limits_for(self, strategy: str) -> Callable[[str], InForce]:
        """Return what tells the limits of a strategy and a symbol."""
        policy = self.policy
        if policy is None:
            nothing_else = charter_in_force(self.charter)
            return lambda _symbol: nothing_else
        at = self.at
        return lambda symbol: policy.in_force(strategy, symbol, self.regime_of(symbol), at)

    def regime_of(self, symbol: str) -> str | None:
        """Return the symbol's regime, else that of all symbols, else None."""
        return self.regimes.get(symbol) or self.regimes.get(ANY_SYMBOL)


class Rates(Protocol):
    """Counts how often something happened lately. Raises Unavailable."""

    async def events(self, windows: Mapping[str, tuple[str, int]]) -> dict[str, int]:
        """Return the events in each window, stated as counter and milliseconds, by its name."""


class Exposures(Protocol):
    """Knows what is used of shared amounts. Raises Unavailable; LedgerLost where it was emptied."""

    async def exposure(self) -> dict[str, int]:
        """Return units in use by counter."""


@dataclass(frozen=True, slots=True)
class Looked:
    """What is looked at: the store of what governs, and what the ledger counts."""

    store: GovernanceStore
    ledger: Exposures
    rates: Rates


async def read_governs(looked: Looked, charter: Charter, asked: Asked, now: datetime) -> Governs:
    """Return what governs and what is used. Raises Unavailable."""
    active = await looked.store.active_policy()
    observed = read_all(await looked.store.regimes(), read_regime)
    overrides = read_all(await looked.store.regime_overrides(), read_override)
    counted = await _counted(looked, asked)
    regime_of = partial(regime_in_force, overrides=overrides, observed=observed, now=now)
    found = {symbol: regime_of(symbol) for symbol in {*observed, *overrides, ANY_SYMBOL}}
    named = {symbol: one[1].name for symbol, one in found.items() if one}
    if active is None:
        alone = "the charter alone: no policy is in force"
        return Governs(None, charter, named, counted, alone, now)
    document = read_policy_document(active.document)
    book = PolicyBook(document, charter, active.revision)
    source = f"policy {document.policy.name}, revision {active.revision}"
    return Governs(book, charter, named, counted, source, now)


def scope_fields(asked: Asked, governs: Governs) -> dict[str, object]:
    """Return whom limits are shown for and where they come from, for programs and people."""
    return {
        "strategy": asked.strategy,
        "symbol": asked.symbol,
        "regime": governs.regime_of(asked.symbol),
        "source": governs.source,
        "charter": governs.charter.name,
        "use_is_known": governs.counted is not None,
    }


async def _counted(looked: Looked, asked: Asked) -> Counted | None:
    with suppress(LedgerLost):
        exposure = await looked.ledger.exposure()
        counters = rate_counters(asked.token, asked.symbol)
        return Counted(exposure, await looked.rates.events(counters))
    return None
