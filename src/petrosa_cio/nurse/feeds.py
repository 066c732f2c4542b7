"""Keeps the gate's picture of the world fresh, so that a decision only reads memory.

The stores are asked every second and at once when a change is announced. What cannot be confirmed
keeps its last good value and grows old; the checks judge its age. A policy that does not read, or
whose revision went back, is never taken over.
"""

import asyncio
from collections.abc import Callable
from datetime import datetime

import structlog

from petrosa_cio.errors import PolicyRejected
from petrosa_cio.governance.documents import read_policy_document
from petrosa_cio.governance.regimes import read_all, read_override, read_regime
from petrosa_cio.nurse.every import every
from petrosa_cio.ports import ActivePolicy, GovernanceStore
from petrosa_cio.risk.in_force import PolicyBook, charter_in_force
from petrosa_cio.risk.policy import Charter
from petrosa_cio.risk.snapshot import Regime, Snapshot
from petrosa_cio.risk.trading_state import TradingStates

log = structlog.get_logger()

REFRESH_S = 1.0


class Feeds:
    """The world as the gate knows it."""

    def __init__(
        self,
        store: GovernanceStore,
        charter: Charter,
        *,
        clock: Callable[[], datetime],
        policy_max_age_s: int,
    ) -> None:
        """Take the store and the charter; nothing is read yet."""
        self._store = store
        self._charter = charter
        self._charter_in_force = charter_in_force(charter)
        self._clock = clock
        self._policy_max_age_s = policy_max_age_s
        self._policy: PolicyBook | None = None
        self._policy_confirmed_at: datetime | None = None
        self._trading_states: TradingStates | None = None
        self._regimes: dict[str, Regime] = {}
        self._regime_overrides: dict[str, Regime] = {}
        self._refreshed_at: datetime | None = None
        self._changed = asyncio.Event()

    def snapshot(self) -> Snapshot:
        """Return the world at this moment."""
        return Snapshot(
            now=self._clock(),
            policy=self._policy,
            charter_in_force=self._charter_in_force,
            policy_confirmed_at=self._policy_confirmed_at,
            policy_max_age_s=self._policy_max_age_s,
            trading_states=self._trading_states,
            regimes=self._regimes,
            regime_overrides=self._regime_overrides,
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
        self._take_over(active)
        self._refreshed_at = self._clock()

    def _take_over(self, active: ActivePolicy | None) -> None:
        if active is None:
            return
        known = self._policy.revision if self._policy else 0
        if active.revision < known:
            log.error("policy_revision_went_back", known=known, found=active.revision)
            return
        if active.revision > known:
            try:
                document = read_policy_document(active.document)
            except PolicyRejected as rejected:
                log.error("policy_unreadable", revision=active.revision, problems=rejected.problems)
                return
            self._policy = PolicyBook(document, self._charter, active.revision)
            log.info("policy_in_force", revision=active.revision)
        self._policy_confirmed_at = self._clock()
