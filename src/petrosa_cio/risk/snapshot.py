"""Everything a decision depends on besides the intent and the policy, at one moment.

The gate keeps the parts fresh; a decision only reads. What is not known is None, never zero, and
each part carries the time it was observed, so that staleness can be judged.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal

from petrosa_cio.risk.in_force import InForce, PolicyBook
from petrosa_cio.risk.trading_state import TradingStates
from petrosa_cio.risk.venue import SymbolRules, VenueRules

ANY_SYMBOL = "*"


@dataclass(frozen=True, slots=True)
class Regime:
    """The market regime of a symbol.

    Attributes:
        name: Its name, such as ``turbulent_illiquidity``.
        confidence: How sure its source is, 0..1.
        observed_at: When it was observed, aware UTC.
        source: Who says so.
    """

    name: str
    confidence: Decimal
    observed_at: datetime
    source: str


@dataclass(frozen=True, slots=True)
class ReferencePrice:
    """The market price of a symbol, from a source that no bot writes to.

    Attributes:
        price: USD per base unit, above zero.
        observed_at: When the market stood there, aware UTC.
        source: Who says so.
    """

    price: Decimal
    observed_at: datetime
    source: str


@dataclass(frozen=True, slots=True)
class Snapshot:
    """The world as the gate knows it.

    Attributes:
        now: The moment of decision, aware UTC.
        policy: The policy in force, or None when there is none.
        charter_in_force: What is in force without a policy.
        policy_confirmed_at: When the store last confirmed the policy.
        policy_max_age_s: Seconds after which an unconfirmed policy is stale.
        policy_untrusted: What is wrong with the policy that the store offers; None if nothing.
        trading_states: The kill switch; None when it is not known, which counts as halted.
        regimes: Market regime by symbol; ``*`` is the default of all symbols.
        reference_prices: Independent market price by symbol, the last that was believed.
        venue_rules: What the venue asks of orders; None where nobody stated it.
        equity_usd: The fund's equity.
    """

    now: datetime
    policy: PolicyBook | None
    charter_in_force: InForce
    policy_confirmed_at: datetime | None = None
    policy_max_age_s: int = 5
    policy_untrusted: str | None = None
    trading_states: TradingStates | None = None
    regimes: Mapping[str, Regime] = field(default_factory=dict)
    reference_prices: Mapping[str, ReferencePrice] = field(default_factory=dict)
    venue_rules: VenueRules | None = None
    equity_usd: Decimal | None = None

    def regime_of(self, symbol: str) -> Regime | None:
        """Return the symbol's regime, else the default of all symbols, else None."""
        return self.regimes.get(symbol) or self.regimes.get(ANY_SYMBOL)

    def price_of(self, symbol: str) -> Decimal | None:
        """Return the last reference price that was believed, however old, or None."""
        found = self.reference_prices.get(symbol)
        return found.price if found else None

    def rules_of(self, symbol: str) -> SymbolRules | None:
        """Return the venue's rules for a symbol, or None where none are known."""
        return self.venue_rules.symbols.get(symbol) if self.venue_rules else None

    def limits_for(self, strategy: str, symbol: str) -> InForce:
        """Return what is in force for a strategy and a symbol in the symbol's regime."""
        if self.policy is None:
            return self.charter_in_force
        regime = self.regime_of(symbol)
        return self.policy.in_force(strategy, symbol, regime.name if regime else None, self.now)
