"""Keeps the gate's picture of the world fresh, so that a decision only reads memory.

The stores are asked every second and at once when a change is announced. What cannot be confirmed
keeps its last good value and grows old; the checks judge its age. A policy that nobody trusted has
signed, whose revision went back, that does not read or that is looser than the charter is never
taken over: the last good one stays, for exits, and openings are denied until the store offers one
that can be trusted.
"""

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from datetime import datetime
from decimal import Decimal
from enum import StrEnum

import structlog

from petrosa_cio.errors import PolicyRejected
from petrosa_cio.governance.documents import check_against_charter, read_policy_document
from petrosa_cio.governance.regimes import read_all, read_override, read_regime
from petrosa_cio.governance.signing import TrustedKeys
from petrosa_cio.nurse.every import every
from petrosa_cio.nurse.known_overrides import KnownOverrides
from petrosa_cio.ports import ActivePolicy, GovernanceStore
from petrosa_cio.risk.in_force import PolicyBook, charter_in_force
from petrosa_cio.risk.loss_text import read_losses
from petrosa_cio.risk.losses import LossBook
from petrosa_cio.risk.overrides import Override
from petrosa_cio.risk.policy import Charter, document_hash
from petrosa_cio.risk.portfolio import PortfolioReading
from petrosa_cio.risk.seen_exposure import NOTHING_SEEN, Seen, is_fresh
from petrosa_cio.risk.snapshot import ReferencePrice, Regime, Snapshot
from petrosa_cio.risk.trading_state import TradingStates
from petrosa_cio.risk.venue import VenueRules

log = structlog.get_logger()

REFRESH_S = 1.0

LONGEST_DISTRUST = 300
"""Characters kept of what is wrong with a policy: every denial repeats them in its record."""


Held = tuple[PortfolioReading | None, Mapping[str, Seen]]
"""A portfolio, and the exposure that it shows."""

NOTHING_HELD: Held = (None, NOTHING_SEEN)


class Refusal(StrEnum):
    """Why a policy was not taken over."""

    SIGNATURE = "signature"
    OLDER = "older"
    CONTENT = "content"


class _Refused(Exception):
    """Internal to this module: a policy is not taken over; says why."""

    def __init__(self, refusal: Refusal, problem: str) -> None:
        super().__init__(problem)
        self.refusal = refusal


async def _nobody_counts() -> bytes | None:
    return None


class Feeds:
    """The world as the gate knows it."""

    def __init__(  # noqa: PLR0913 - what it looks at
        self,
        store: GovernanceStore,
        charter: Charter,
        trusted: TrustedKeys,
        *,
        clock: Callable[[], datetime],
        policy_max_age_s: int,
        prices: Callable[[], Mapping[str, ReferencePrice]] = dict,
        venue_rules: Callable[[], VenueRules | None] = lambda: None,
        held: Callable[[], Held] = lambda: NOTHING_HELD,
        refused: Callable[[Refusal], None] = lambda _: None,
        override_refused: Callable[[], None] = lambda: None,
        losses: Callable[[], Awaitable[bytes | None]] = _nobody_counts,
    ) -> None:
        """Take the store, the charter and whose signature counts; nothing is read yet.

        Prices, the venue's rules and the portfolio are kept fresh elsewhere: taken are their values
        of now, mappings that nobody changes afterwards. Each policy that is not taken over is told
        once.
        """
        self._trusted = trusted
        self._known_overrides = KnownOverrides(trusted, override_refused)
        self._overrides: dict[str, Override] = {}
        self._refused = refused
        self._read_losses = losses
        self._losses_read: bytes | None = None
        self._losses: LossBook | None = None
        self._active: ActivePolicy | None = None
        self._prices = prices
        self._venue_rules = venue_rules
        self._held = held
        self._store = store
        self._charter = charter
        self._charter_in_force = charter_in_force(charter)
        self._charter_hash = document_hash(charter)
        self._clock = clock
        self._policy_max_age_s = policy_max_age_s
        self._policy: PolicyBook | None = None
        self._policy_confirmed_at: datetime | None = None
        self._policy_untrusted: str | None = None
        self._trading_states: TradingStates | None = None
        self._regimes: dict[str, Regime] = {}
        self._regime_overrides: dict[str, Regime] = {}
        self._refreshed_at: datetime | None = None
        self._changed = asyncio.Event()

    def snapshot(self) -> Snapshot:
        """Return the world at this moment."""
        now, (portfolio, seen) = self._clock(), self._held()
        return Snapshot(
            now=now,
            policy=self._policy,
            charter_in_force=self._charter_in_force,
            charter_hash=self._charter_hash,
            policy_confirmed_at=self._policy_confirmed_at,
            policy_max_age_s=self._policy_max_age_s,
            policy_untrusted=self._policy_untrusted,
            trading_states=self._trading_states,
            regimes=self._regimes,
            reference_prices=self._prices(),
            venue_rules=self._venue_rules(),
            regime_overrides=self._regime_overrides,
            overrides=self._overrides,
            losses=self._losses,
            equity_usd=_fresh_equity(portfolio, now),
            portfolio=portfolio,
            seen=seen,
        )

    @property
    def refreshed_at(self) -> datetime | None:
        """When the store last answered, aware UTC."""
        return self._refreshed_at

    def wake(self) -> None:
        """Say that something changed in the store: read it now."""
        self._changed.set()

    async def run(self, stop: asyncio.Event) -> None:
        """Refresh every second, and at once on a change, until told to stop."""
        await every(REFRESH_S, self.refresh, stop, wake=self._changed)

    async def refresh(self) -> None:
        """Read everything once. Raises Unavailable."""
        active = await self._store.active_policy()
        self._trading_states = await self._store.trading_states()
        self._regimes = read_all(await self._store.regimes(), read_regime)
        self._regime_overrides = read_all(await self._store.regime_overrides(), read_override)
        self._overrides = self._known_overrides.by_order(await self._store.overrides())
        self._take_losses(await self._read_losses())
        self._take_over(active)
        self._refreshed_at = self._clock()

    def _take_losses(self, document: bytes | None) -> None:
        if document != self._losses_read:
            self._losses = None if document is None else read_losses(document)
            self._losses_read = document

    def _take_over(self, active: ActivePolicy | None) -> None:
        if active is None:
            return
        try:
            if active != self._active:
                self._policy = self._read(active)
                self._active = active
                log.info("policy_in_force", revision=active.revision)
        except _Refused as refused:
            self._distrust(active.revision, refused)
        else:
            self._policy_untrusted, self._policy_confirmed_at = None, self._clock()

    def _read(self, active: ActivePolicy) -> PolicyBook:
        """Return a policy that may be taken over. Raises _Refused."""
        problem = self._trusted.problem_with(active)
        if problem is not None:
            raise _Refused(Refusal.SIGNATURE, f"revision {active.revision}: {problem}")
        known = self._active.revision if self._active else 0
        if active.revision <= known:
            raise _Refused(Refusal.OLDER, f"revision {active.revision} after revision {known}")
        try:
            document = read_policy_document(active.document)
            check_against_charter(document.policy, self._charter)
        except PolicyRejected as rejected:
            raise _Refused(Refusal.CONTENT, str(rejected)) from rejected
        return PolicyBook(document, self._charter, active.revision)

    def _distrust(self, revision: int, refused: _Refused) -> None:
        known, self._policy_untrusted = self._policy_untrusted, str(refused)[:LONGEST_DISTRUST]
        if known != self._policy_untrusted:
            log.error("policy_untrusted", revision=revision, problem=str(refused))
            self._refused(refused.refusal)


def _fresh_equity(portfolio: PortfolioReading | None, now: datetime) -> Decimal | None:
    """Return the equity that sizes are made of; an old one makes none."""
    if portfolio is None or not is_fresh(portfolio, now):
        return None
    return portfolio.equity_usd
