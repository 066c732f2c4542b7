"""Everything a decision depends on besides the intent and the policy, at one moment.

The gate keeps the parts fresh; a decision only reads. What is not known is None, never zero, and
each part carries the time it was observed, so that staleness can be judged.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal

from petrosa_cio.risk.in_force import InForce, PolicyBook
from petrosa_cio.risk.intent import Action, Intent
from petrosa_cio.risk.losses import LossBook
from petrosa_cio.risk.overrides import Override, order_fingerprint
from petrosa_cio.risk.portfolio import PortfolioReading
from petrosa_cio.risk.seen_exposure import NOTHING_SEEN, NOTHING_SHOWN, Seen, Shown, is_fresh
from petrosa_cio.risk.trading_state import TradingStates
from petrosa_cio.risk.venue import SymbolRules, VenueRules

ANY_SYMBOL = "*"


@dataclass(frozen=True, slots=True)
class Regime:
    """The market regime of a symbol, as a feed observed it or as a person says it is.

    Attributes:
        name: Its name, such as ``turbulent_illiquidity``.
        confidence: How sure its source is, 0..1.
        observed_at: When it was observed, or stated; aware UTC.
        source: Who says so.
        expires_at: Of a person's override, when it is over; None: a feed's, which has no end.
        reason: Of an override, why.
    """

    name: str
    confidence: Decimal
    observed_at: datetime
    source: str
    expires_at: datetime | None = None
    reason: str = ""

    @property
    def is_override(self) -> bool:
        """Whether a person says so, for a time."""
        return self.expires_at is not None

    def counts_at(self, now: datetime) -> bool:
        """Return whether it counts at a moment: an override is over at the instant it expires."""
        return self.expires_at is None or now < self.expires_at


def regime_in_force(
    symbol: str, overrides: Mapping[str, Regime], observed: Mapping[str, Regime], now: datetime
) -> tuple[str, Regime] | None:
    """Return which of four regimes counts for a symbol, with the scope that it is stated for.

    A living override of the symbol comes first, then one of all symbols, then what was observed of
    the symbol, then what was observed of all. None where nothing of this is known.
    """
    if overrides:
        for scope in (symbol, ANY_SYMBOL):
            override = overrides.get(scope)
            if override is not None and override.counts_at(now):
                return scope, override
    if (own := observed.get(symbol)) is not None:
        return symbol, own
    shared = observed.get(ANY_SYMBOL)
    return None if shared is None else (ANY_SYMBOL, shared)


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
        charter_hash: Hash of the charter, for the record; None where nothing is recorded.
        policy_confirmed_at: When the store last confirmed the policy.
        policy_max_age_s: Seconds after which an unconfirmed policy is stale.
        policy_untrusted: What is wrong with the policy that the store offers; None if nothing.
        trading_states: The kill switch; None when it is not known, which counts as halted.
        regimes: Observed market regime by symbol; ``*`` is the default of all symbols.
        regime_overrides: What people say instead, by symbol or ``*``; those that are over may be
            among them.
        reference_prices: Independent market price by symbol, the last that was believed.
        venue_rules: What the venue asks of orders; None where nobody stated it.
        equity_usd: The fund's equity.
        losses: What the fund and its strategies have lost; None where nobody counted.
        portfolio: What the fund was last seen to hold, however old; None where nobody saw it.
        seen: The exposure that it shows, by counter: see `petrosa_cio.risk.seen_exposure`.
        overrides: What people lift for single orders, by the order's fingerprint; those that are
            over may be among them.
        cleared: Strategies, symbols and actions to whose standing no check objects, as far as that
            was asked under this snapshot: see `petrosa_cio.risk.decide`.
    """

    now: datetime
    policy: PolicyBook | None
    charter_in_force: InForce
    policy_confirmed_at: datetime | None = None
    policy_max_age_s: int = 5
    policy_untrusted: str | None = None
    trading_states: TradingStates | None = None
    regimes: Mapping[str, Regime] = field(default_factory=dict)
    regime_overrides: Mapping[str, Regime] = field(default_factory=dict)
    reference_prices: Mapping[str, ReferencePrice] = field(default_factory=dict)
    venue_rules: VenueRules | None = None
    equity_usd: Decimal | None = None
    charter_hash: str | None = None
    overrides: Mapping[str, Override] = field(default_factory=dict)
    portfolio: PortfolioReading | None = None
    losses: LossBook | None = None
    seen: Mapping[str, Seen] = field(default_factory=dict)
    cleared: set[tuple[str, str, Action]] = field(
        init=False, repr=False, compare=False, default_factory=set
    )

    @property
    def shown(self) -> Shown:
        """What of the portfolio limits are tested with; exposure only if it is fresh."""
        portfolio = self.portfolio
        if portfolio is None:
            return NOTHING_SHOWN
        seen = self.seen if is_fresh(portfolio, self.now) else NOTHING_SEEN
        return Shown(seen, portfolio.equity_usd)

    def override_for(self, intent: Intent) -> Override | None:
        """Return the override that counts for this very opening now, or None.

        What an exit may be denied for nobody can lift, so that none is ever held up by one.
        """
        if not self.overrides or self.policy is None or intent.direction is None:
            return None
        found = self.overrides.get(order_fingerprint(intent))
        return found if found is not None and found.counts_at(self.now) else None

    def regime_of(self, symbol: str) -> Regime | None:
        """Return the regime that counts for a symbol now, by `regime_in_force`; None: unknown."""
        found = self.regime_in_force(symbol)
        return None if found is None else found[1]

    def regime_in_force(self, symbol: str) -> tuple[str, Regime] | None:
        """Return the regime that counts for a symbol now, with the scope it is stated for.

        Whether an override still lives is judged at this snapshot's own moment, so that deciding
        again from the record comes to the same.
        """
        return regime_in_force(symbol, self.regime_overrides, self.regimes, self.now)

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
