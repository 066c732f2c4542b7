"""What governs, as the gates read it: policy, trading states, regimes, venue rules, overrides."""

from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

from petrosa_cio.risk.portfolio import PortfolioReading
from petrosa_cio.risk.trading_state import Scope, TradingState, TradingStates


class TradingStateStore(Protocol):
    """Holds the kill switch."""

    async def trading_states(self) -> TradingStates:
        """Return every stated trading state and the epoch."""

    async def set_trading_state(
        self,
        scope: Scope,
        state: TradingState,
        *,
        reason: str,
        author: str,
        only_tighter: bool = False,
    ) -> int:
        """Set one state and return the new epoch. Setting it again changes nothing and is fine.

        With ``only_tighter``, nothing changes unless it is stricter than what is there.
        """

    async def trading_state_reasons(self) -> dict[str, bytes]:
        """Return by scope who last changed its state, when and why, as JSON."""


@dataclass(frozen=True, slots=True)
class ActivePolicy:
    """The policy document in force, as stored.

    Attributes:
        revision: Grows by one with every activation; 0 where the store holds none that reads.
        tightened_revision: The newest revision that was tighter than its parent in any field.
        document: Canonical JSON of policy and overlays.
        signed: The signed statement that this is that revision, as JSON; empty where nobody
            signed.
    """

    revision: int
    tightened_revision: int
    document: bytes
    signed: bytes = b""


class PolicyStore(Protocol):
    """Holds the active policy, for the gates: a projection of the `RevisionStore`."""

    async def active_policy(self) -> ActivePolicy | None:
        """Return the active policy, or None when the store holds none."""

    async def put_policy(
        self, policy: ActivePolicy, *, instead_of: ActivePolicy | None = None
    ) -> bool:
        """Put a revision in force if what is there is older, or still ``instead_of``; else False.

        An older revision never replaces a newer one, unless it is that very one.
        """


class RegimeStore(Protocol):
    """Holds the market regime by symbol, as JSON documents of the caller's making.

    What was observed and what people say instead are kept apart.
    """

    async def regimes(self) -> dict[str, bytes]:
        """Return every observed regime by symbol; ``*`` is the default of all symbols."""

    async def set_regime(self, symbol: str, document: bytes) -> None:
        """Store one observed regime."""

    async def replace_regime(
        self, symbol: str, document: bytes, *, instead_of: bytes | None
    ) -> bool:
        """Store one observed regime if what is stored is still this, or nothing; else False."""

    async def clear_regime(self, symbol: str) -> bool:
        """Forget one observed regime; return whether there was one."""

    async def regime_overrides(self) -> dict[str, bytes]:
        """Return every stored override by symbol or ``*``, those that are over among them."""

    async def set_regime_override(self, symbol: str, document: bytes) -> None:
        """Store one override."""

    async def clear_regime_override(self, symbol: str) -> bool:
        """Forget one override; return whether there was one."""


@dataclass(frozen=True, slots=True)
class VenueRulesMark:
    """Which version of the venue's rules the store holds.

    Attributes:
        content_hash: SHA-256 of their canonical form.
        source: Who was asked.
        confirmed_at: When it last said so, aware UTC.
        symbols: How many symbols they are for.
        answered_symbols: How many of those the answer named; the others come from files.
    """

    content_hash: str
    source: str
    confirmed_at: datetime
    symbols: int
    answered_symbols: int


class VenueRulesStore(Protocol):
    """Holds the venue's rules, where they are asked for and not only read from files."""

    async def venue_rules_mark(self) -> VenueRulesMark | None:
        """Return which version is held, or None; one that does not read is none."""

    async def venue_rules_document(self) -> bytes | None:
        """Return the packed rules, or None."""

    async def set_venue_rules(self, mark: VenueRulesMark, document: bytes) -> None:
        """Hold this version from now on."""


class PortfolioStore(Protocol):
    """Holds what the fund was last seen to hold, for all gates alike."""

    async def portfolio(self) -> PortfolioReading | None:
        """Return the last reading, or None where there is none; one that does not read is none."""

    async def set_portfolio(self, reading: PortfolioReading) -> None:
        """Hold this reading from now on."""


class OverrideStore(Protocol):
    """Holds overrides for single orders, signed, until they are used or long over."""

    async def overrides(self) -> dict[str, bytes]:
        """Return every override that nobody used, by name; those that are over may be among."""

    async def put_override(self, override_id: str, document: bytes) -> bool:
        """Keep an override; return False if it was used."""

    async def override_user(self, override_id: str) -> str | None:
        """Return the decision that used an override lately, or None."""


class GovernanceStore(PolicyStore, TradingStateStore, RegimeStore, OverrideStore, Protocol):
    """The store of everything that governs."""
