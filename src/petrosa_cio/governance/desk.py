"""Where people throw the switches: halt, resume, say a regime.

Each change takes effect in the store first, is then recorded in the journal and announced. A halt
depends on nothing but the store: where record or announcement fail it stands all the same, and the
caller is told what is missing.
"""

from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass
from datetime import datetime
from uuid import uuid4

from petrosa_cio.audit.record import Change, change_record
from petrosa_cio.errors import Unavailable
from petrosa_cio.governance.documents import read_policy_document
from petrosa_cio.governance.regimes import (
    read_all,
    read_override,
    read_regime,
    write_regime,
)
from petrosa_cio.ports import Announcer, GovernanceStore, Journal
from petrosa_cio.risk.policy import (
    ANY,
    Charter,
    canonical_json,
    document_hash,
)
from petrosa_cio.risk.snapshot import ANY_SYMBOL, Regime
from petrosa_cio.risk.trading_state import Scope, ScopeKind, TradingState

REMEMBERED = "as it stands"
STATE_UPDATED = "cio.state.updated"
POLICY_UPDATED = "cio.policy.updated"


@dataclass(frozen=True, slots=True)
class Switched:
    """What a switch did.

    Attributes:
        epoch: Epoch of the trading states after it.
        unrecorded: Why it could not be recorded, if so; it stands all the same.
    """

    epoch: int
    unrecorded: str | None = None


@dataclass(frozen=True, slots=True)
class Cleared:
    """What ending a regime did.

    Attributes:
        ended: Name of the regime that counted until then; None: there was none.
        unrecorded: Why it could not be recorded, if so; it stands all the same.
    """

    ended: str | None
    unrecorded: str | None = None


def policy_change_id(fund: str, revision: int) -> str:
    """Return the identity under which a policy is recorded."""
    return f"policy-{fund}-{revision}"


def charter_change_id(fund: str, charter_hash: str) -> str:
    """Return the identity under which a charter is recorded."""
    return f"charter-{fund}-{charter_hash}"


class Desk:
    """Changes what governs, and says so."""

    def __init__(
        self,
        store: GovernanceStore,
        journal: Journal | None,
        announcer: Announcer | None,
        *,
        fund: str,
        clock: Callable[[], datetime],
    ) -> None:
        """Take the store; journal and announcer are None where NATS is away."""
        self._store = store
        self._journal = journal
        self._announcer = announcer
        self._fund = fund
        self._clock = clock

    async def switch(
        self,
        scope: Scope,
        state: TradingState,
        *,
        reason: str,
        author: str,
        only_tighter: bool = False,
    ) -> Switched:
        """Set a trading state. Raises Unavailable only when the store is away.

        With ``only_tighter``, what is as strict or stricter stays as it is; it is recorded all the
        same that this was wanted.
        """
        epoch = await self._store.set_trading_state(
            scope, state, reason=reason, author=author, only_tighter=only_tighter
        )
        change = Change("trading_state", str(scope), state, author, reason)
        return Switched(epoch, await self._tell(uuid4().hex, change, STATE_UPDATED))

    async def set_regime(self, symbol: str, regime: Regime, *, author: str) -> str | None:
        """Say which regime was observed; return why it could not be recorded, if so."""
        await self._store.set_regime(symbol, write_regime(regime))
        return await self.record_regime(symbol, regime, author=author)

    async def record_regime(self, symbol: str, regime: Regime, *, author: str) -> str | None:
        """Record and announce a regime that is stored; return why it is not recorded, if so."""
        change = Change("regime", symbol, write_regime(regime).decode(), author, "observed")
        return await self._tell(uuid4().hex, change, STATE_UPDATED)

    async def override_regime(
        self, symbol: str, override: Regime, *, thought: str = ""
    ) -> str | None:
        """Let a person's word count instead of what is observed, until it expires.

        Args:
            symbol: The symbol, or ``*``.
            override: What they say, with the short reason that is shown beside it.
            thought: Why, at length; it is recorded.

        Returns:
            Why it could not be recorded, if so; it counts all the same.
        """
        document = write_regime(override)
        await self._store.set_regime_override(symbol, document)
        author, reason = override.source, ": ".join(filter(None, (override.reason, thought)))
        change = Change("regime_override", symbol, document.decode(), author, reason)
        return await self._tell(uuid4().hex, change, STATE_UPDATED)

    async def clear_override(self, symbol: str, *, reason: str, author: str) -> Cleared:
        """End a person's word now, so that what is observed counts again."""
        known = read_override((await self._store.regime_overrides()).get(symbol, b""))
        await self._store.clear_regime_override(symbol)
        change = Change("regime_override", symbol, "", author, reason)
        unrecorded = await self._tell(uuid4().hex, change, STATE_UPDATED)
        ended = known is not None and known.counts_at(self._clock())
        return Cleared(known.name if known and ended else None, unrecorded)

    async def forget_regime(self, symbol: str, *, reason: str, author: str) -> Cleared:
        """Forget what was observed, as when its feed was switched off for good."""
        known = read_regime((await self._store.regimes()).get(symbol, b""))
        await self._store.clear_regime(symbol)
        change = Change("regime", symbol, "", author, reason)
        return Cleared(
            known.name if known else None, await self._tell(uuid4().hex, change, STATE_UPDATED)
        )

    async def stated_regimes(self) -> frozenset[str]:
        """Return the regimes that the policy states limits for, ``*`` among them if it is."""
        active = await self._store.active_policy()
        return frozenset(read_policy_document(active.document).policy.regimes if active else ())

    async def remarks_on(self, symbol: str, regime: Regime) -> AsyncIterator[str]:
        """Iterate over what a person should know who has just set a regime. Raises Unavailable."""
        stated = await self.stated_regimes()
        if stated and regime.name not in stated and ANY not in stated:
            known = ", ".join(sorted(stated))
            yield f'The policy states nothing about "{regime.name}". It knows: {known}.'
        if symbol == ANY_SYMBOL:
            others = read_all(await self._store.regime_overrides(), read_override)
            for other, own in sorted(others.items()):
                if other != ANY_SYMBOL and own.counts_at(self._clock()):
                    yield f"{other} keeps the regime that {own.source} set for it, {own.name}."

    async def record_charter(self, charter: Charter, *, author: str) -> None:
        """Record the charter under its hash, which each verdict names.

        It is written at every start, under one identity. Raises Unavailable: nothing may be decided
        under a charter that nobody could look up.
        """
        if self._journal is None:
            raise Unavailable("nats", "the charter cannot be recorded")
        charter_hash, value = document_hash(charter), canonical_json(charter).decode()
        change = Change("charter", charter_hash, value, author, "in force at start")
        identity = charter_change_id(self._fund, charter_hash)
        record = change_record(identity, change, at=self._clock(), fund=self._fund)
        await self._journal.append([record])

    async def remember(self) -> None:
        """Record anew what governs, so that the journal knows it however long ago it was stated.

        Raises:
            Unavailable: The store is away.
        """
        active, states = await self._store.active_policy(), await self._store.trading_states()
        stated = [
            Change("trading_state", str(Scope(kind, name)), state, REMEMBERED, REMEMBERED)
            for kind, by_name in (
                (ScopeKind.STRATEGY, states.strategies),
                (ScopeKind.SYMBOL, states.symbols),
            )
            for name, state in by_name.items()
        ]
        for symbol, regime in (await self._store.regimes()).items():
            stated.append(Change("regime", symbol, regime.decode(), REMEMBERED, REMEMBERED))
        overrides = read_all(await self._store.regime_overrides(), read_override)
        for symbol, own in overrides.items():
            if own.counts_at(self._clock()):
                value = write_regime(own).decode()
                change = Change("regime_override", symbol, value, own.source, own.reason)
                stated.append(change)
        if active is not None:
            scope, document = str(active.revision), active.document.decode(errors="replace")
            signed = active.signed.decode(errors="replace")
            stated.append(Change("policy", scope, document, REMEMBERED, REMEMBERED, signed))
        if self._journal is not None:
            records = [
                change_record(uuid4().hex, one, at=self._clock(), fund=self._fund) for one in stated
            ]
            await self._journal.append(records)

    async def record(self, change: Change) -> str | None:
        """Record what is no business of the gates; return why it could not be recorded, if so."""
        return await self._recorded(
            change_record(uuid4().hex, change, at=self._clock(), fund=self._fund)
        )

    async def _tell(self, change_id: str, change: Change, subject: str) -> str | None:
        """Record and announce a change; return why it could not be recorded, if so."""
        record = change_record(change_id, change, at=self._clock(), fund=self._fund)
        if self._announcer is not None:
            await self._announcer.announce([(subject, record)])
        return await self._recorded(record)

    async def _recorded(self, record: bytes) -> str | None:
        if self._journal is None:
            return "NATS is away"
        try:
            await self._journal.append([record])
        except Unavailable as away:
            return str(away)
        return None
