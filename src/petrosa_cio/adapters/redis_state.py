"""Trading state, active policy and market regimes in Redis, beside the ledger that obeys them."""

from collections.abc import Callable
from typing import Final

from redis.asyncio import Redis

from petrosa_cio.adapters.ledger_times import OVERRIDE_USED_KEPT_MS
from petrosa_cio.adapters.redis_connection import reaching_redis, send
from petrosa_cio.adapters.redis_script import Script, ScriptRunner
from petrosa_cio.ports import ActivePolicy
from petrosa_cio.risk.trading_state import Scope, ScopeKind, TradingState, TradingStates

SET_STATE: Final = Script("clock", "set_state")
ACTIVATE: Final = Script("clock", "activate")
REPLACE_REGIME: Final = Script("clock", "replace_regime")
PUT_OVERRIDE: Final = Script("clock", "put_override")


class RedisStateStore:
    """Holds what the gate obeys: kill switch, active policy, market regimes.

    Args:
        client: From `petrosa_cio.adapters.redis_connection.connect_redis`.
        fund: The fund whose state this is.
        timeout_s: Longest time a call may take.
        clock_ms: Replaces the server's own clock, epoch milliseconds; in tests only.

    Every method raises `Unavailable` when Redis is away, slow or broken.
    """

    def __init__(
        self,
        client: Redis,
        fund: str,
        *,
        timeout_s: float = 0.5,
        clock_ms: Callable[[], int] | None = None,
    ) -> None:
        self._client = client
        self._prefix = f"cio:{{{fund}}}:"
        self._timeout_s = timeout_s
        self._runner = ScriptRunner(client, fund, timeout_s=timeout_s, clock_ms=clock_ms)

    async def trading_states(self) -> TradingStates:
        """Return every stated trading state and the epoch. An unknown word counts as halted."""
        stored = await self._hash("state")
        epoch = int(stored.pop("epoch", b"0"))
        states = {scope: _trading_state(word) for scope, word in stored.items()}
        return TradingStates(
            fund=states.get(str(ScopeKind.FUND)),
            strategies=_of_kind(ScopeKind.STRATEGY, states),
            symbols=_of_kind(ScopeKind.SYMBOL, states),
            epoch=epoch,
        )

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
        condition = "1" if only_tighter else ""
        return int(
            await self._runner.run(SET_STATE, str(scope), state.value, reason, author, condition)
        )

    async def trading_state_reasons(self) -> dict[str, bytes]:
        """Return by scope who last changed its state, when and why, as JSON.

        Its keys are ``state``, ``reason``, ``author`` and ``at_ms``, the ledger's clock.
        """
        return await self._hash("state_reasons")

    async def active_policy(self) -> ActivePolicy | None:
        """Return the active policy, or None when the store holds none."""
        stored = await self._hash("policy")
        if not stored:
            return None
        return ActivePolicy(
            revision=_whole(stored.get("revision", b"")),
            tightened_revision=_whole(stored.get("tightened_revision", b"")),
            document=stored.get("document", b""),
            signed=stored.get("signed", b""),
        )

    async def put_policy(
        self, policy: ActivePolicy, *, instead_of: ActivePolicy | None = None
    ) -> bool:
        """Put a revision in force if what is there is older or ``instead_of``; else False."""
        new = (policy.revision, policy.tightened_revision, policy.document, policy.signed)
        gone = (0, b"", b"") if instead_of is None else (1, instead_of.document, instead_of.signed)
        return bool(await self._runner.run(ACTIVATE, *new, *gone))

    async def regimes(self) -> dict[str, bytes]:
        """Return every observed regime by symbol; ``*`` is the default of all symbols."""
        return await self._hash("regimes")

    async def set_regime(self, symbol: str, document: bytes) -> None:
        """Store one observed regime."""
        await self._put("regimes", symbol, document)

    async def replace_regime(
        self, symbol: str, document: bytes, *, instead_of: bytes | None
    ) -> bool:
        """Store one observed regime if what is stored is still this, or nothing; else False."""
        replaced = await self._runner.run(REPLACE_REGIME, symbol, document, instead_of or b"")
        return bool(replaced)

    async def clear_regime(self, symbol: str) -> bool:
        """Forget one observed regime; return whether there was one."""
        return await self._drop("regimes", symbol)

    async def regime_overrides(self) -> dict[str, bytes]:
        """Return every stored override by symbol or ``*``, those that are over among them."""
        return await self._hash("regime_overrides")

    async def set_regime_override(self, symbol: str, document: bytes) -> None:
        """Store one override."""
        await self._put("regime_overrides", symbol, document)

    async def clear_regime_override(self, symbol: str) -> bool:
        """Forget one override; return whether there was one."""
        return await self._drop("regime_overrides", symbol)

    async def overrides(self) -> dict[str, bytes]:
        """Return every override that nobody used, by name; those that are over may be among."""
        return await self._hash("overrides")

    async def put_override(self, override_id: str, document: bytes) -> bool:
        """Keep an override; return False if it was used."""
        kept = (override_id, document, OVERRIDE_USED_KEPT_MS)
        return bool(await self._runner.run(PUT_OVERRIDE, *kept))

    async def override_user(self, override_id: str) -> str | None:
        """Return the decision that used an override lately, or None."""
        async with reaching_redis(self._timeout_s):
            key = f"{self._prefix}override_used:{override_id}"
            found: bytes | None = await send(self._client, "GET", key)
        return None if found is None else found.decode()

    async def _put(self, name: str, key: str, value: bytes) -> None:
        async with reaching_redis(self._timeout_s):
            await send(self._client, "HSET", f"{self._prefix}{name}", key, value)

    async def _drop(self, name: str, key: str) -> bool:
        async with reaching_redis(self._timeout_s):
            return bool(await send(self._client, "HDEL", f"{self._prefix}{name}", key))

    async def _hash(self, name: str) -> dict[str, bytes]:
        async with reaching_redis(self._timeout_s):
            stored = await send(self._client, "HGETALL", f"{self._prefix}{name}")
        return {key.decode(): value for key, value in stored.items()}


def _whole(number: bytes) -> int:
    """Return a whole number, or 0 for what is none: somebody else wrote it."""
    return int(number) if number.isdigit() else 0


def _trading_state(word: bytes) -> TradingState:
    try:
        return TradingState(word.decode())
    except ValueError:
        return TradingState.HALTED


def _of_kind(kind: ScopeKind, states: dict[str, TradingState]) -> dict[str, TradingState]:
    prefix = f"{kind}:"
    return {
        scope.removeprefix(prefix): state
        for scope, state in states.items()
        if scope.startswith(prefix)
    }
