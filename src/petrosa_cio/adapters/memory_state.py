"""Trading state, active policy and market regimes in memory: the twin of `redis_state`."""

from collections.abc import Callable

import orjson

from petrosa_cio.adapters.ledger_times import OVERRIDE_USED_KEPT_MS
from petrosa_cio.ports import ActivePolicy
from petrosa_cio.risk.trading_state import FUND, Scope, ScopeKind, TradingState, TradingStates

_STRICTNESS = {
    TradingState.ACTIVE: 0,
    TradingState.PAUSED: 1,
    TradingState.REDUCING: 1,
    TradingState.HALTED: 2,
}


class MemoryStateStore:
    """Holds what the gate obeys, for one process and as long as it lives.

    Args:
        clock_ms: The ledger's clock, epoch milliseconds.
    """

    def __init__(self, clock_ms: Callable[[], int]) -> None:
        self._clock_ms = clock_ms
        self._states: dict[Scope, TradingState] = {}
        self._reasons: dict[str, bytes] = {}
        self._resumed_ms: dict[str, int] = {}
        self._epoch = 0
        self._policy: ActivePolicy | None = None
        self._regimes: dict[str, bytes] = {}
        self._regime_overrides: dict[str, bytes] = {}
        self._overrides: dict[str, bytes] = {}
        self._override_users: dict[str, tuple[str, int]] = {}

    @property
    def states_now(self) -> TradingStates:
        """Every stated trading state, for the ledger, which must not wait between two looks."""
        return TradingStates(
            fund=self._states.get(FUND),
            strategies=self._of_kind(ScopeKind.STRATEGY),
            symbols=self._of_kind(ScopeKind.SYMBOL),
            epoch=self._epoch,
        )

    @property
    def policy_now(self) -> ActivePolicy | None:
        """The active policy, for the ledger."""
        return self._policy

    def open_fund(self) -> None:
        """Set the fund active, unless somebody has stated its trading state."""
        if FUND not in self._states:
            self._states[FUND] = TradingState.ACTIVE
            self._epoch += 1

    def resumed_ms(self, token: str) -> int:
        """Return when somebody last resumed a strategy, 0 for never, for the ledger."""
        return self._resumed_ms.get(token, 0)

    def pause(self, token: str, *, reason: str) -> bool:
        """Pause a strategy that is active, for the ledger; return whether it was."""
        scope = Scope(ScopeKind.STRATEGY, token)
        if scope in self._states:
            return False
        self._set(scope, TradingState.PAUSED, reason=reason, author="gate")
        return True

    async def trading_states(self) -> TradingStates:
        """Return every stated trading state and the epoch."""
        return self.states_now

    async def set_trading_state(
        self,
        scope: Scope,
        state: TradingState,
        *,
        reason: str,
        author: str,
        only_tighter: bool = False,
    ) -> int:
        """Set one state and return the new epoch. Setting it again changes nothing and is fine."""
        unstated = TradingState.HALTED if scope == FUND else TradingState.ACTIVE
        known = self._states.get(scope, unstated)
        if only_tighter and _STRICTNESS[known] >= _STRICTNESS[state]:
            return self._epoch
        if scope.kind is ScopeKind.STRATEGY and state is TradingState.ACTIVE:
            self._resumed_ms[scope.name] = self._clock_ms()
        self._set(scope, state, reason=reason, author=author)
        return self._epoch

    def _set(self, scope: Scope, state: TradingState, *, reason: str, author: str) -> None:
        unstated = None if scope == FUND else TradingState.ACTIVE
        if self._states.get(scope, unstated) is state:
            return
        because = {"state": state, "reason": reason, "author": author, "at_ms": self._clock_ms()}
        self._reasons[str(scope)] = orjson.dumps(because)
        if state is unstated:
            del self._states[scope]
        else:
            self._states[scope] = state
        self._epoch += 1

    async def trading_state_reasons(self) -> dict[str, bytes]:
        """Return by scope who last changed its state, when and why, as JSON."""
        return dict(self._reasons)

    async def active_policy(self) -> ActivePolicy | None:
        """Return the active policy, or None when the store holds none."""
        return self._policy

    async def put_policy(
        self, policy: ActivePolicy, *, instead_of: ActivePolicy | None = None
    ) -> bool:
        """Put a revision in force if what is there is older or ``instead_of``; else False."""
        found = self._policy
        is_unwanted = found is not None and instead_of is not None and _is_same(found, instead_of)
        if found is not None and found.revision >= policy.revision and not is_unwanted:
            return False
        self._policy = policy
        return True

    async def regimes(self) -> dict[str, bytes]:
        """Return every observed regime by symbol; ``*`` is the default of all symbols."""
        return dict(self._regimes)

    async def set_regime(self, symbol: str, document: bytes) -> None:
        """Store one observed regime."""
        self._regimes[symbol] = document

    async def replace_regime(
        self, symbol: str, document: bytes, *, instead_of: bytes | None
    ) -> bool:
        """Store one observed regime if what is stored is still this, or nothing; else False."""
        if self._regimes.get(symbol, b"") != (instead_of or b""):
            return False
        self._regimes[symbol] = document
        return True

    async def clear_regime(self, symbol: str) -> bool:
        """Forget one observed regime; return whether there was one."""
        return self._regimes.pop(symbol, None) is not None

    async def regime_overrides(self) -> dict[str, bytes]:
        """Return every stored override by symbol or ``*``, those that are over among them."""
        return dict(self._regime_overrides)

    async def set_regime_override(self, symbol: str, document: bytes) -> None:
        """Store one override."""
        self._regime_overrides[symbol] = document

    async def clear_regime_override(self, symbol: str) -> bool:
        """Forget one override; return whether there was one."""
        return self._regime_overrides.pop(symbol, None) is not None

    async def overrides(self) -> dict[str, bytes]:
        """Return every override that nobody used, by name; those that are over may be among."""
        return dict(self._overrides)

    async def put_override(self, override_id: str, document: bytes) -> bool:
        """Keep an override; return False if it was used."""
        if self._user_of(override_id) is not None:
            return False
        self._overrides[override_id] = document
        return True

    async def override_user(self, override_id: str) -> str | None:
        """Return the decision that used an override lately, or None."""
        return self._user_of(override_id)

    def other_user_of(self, override_id: str | None, decision_id: str) -> str | None:
        """Return the other decision that used an override, if one did, for the ledger."""
        user = None if override_id is None else self._user_of(override_id)
        return None if user == decision_id else user

    def _user_of(self, override_id: str) -> str | None:
        user, until_ms = self._override_users.get(override_id, ("", 0))
        return user if self._clock_ms() < until_ms else None

    def use_override(self, override_id: str, decision_id: str) -> None:
        """Let a decision use an override up, for the ledger."""
        until_ms = self._clock_ms() + OVERRIDE_USED_KEPT_MS
        self._override_users[override_id] = decision_id, until_ms
        self._overrides.pop(override_id, None)

    def _of_kind(self, kind: ScopeKind) -> dict[str, TradingState]:
        return {scope.name: state for scope, state in self._states.items() if scope.kind is kind}


def _is_same(one: ActivePolicy, other: ActivePolicy) -> bool:
    return (one.document, one.signed) == (other.document, other.signed)
