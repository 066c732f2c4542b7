"""The kill switch, for whoever asks by name and role."""

import re
from dataclasses import dataclass

from petrosa_cio.errors import Rejected
from petrosa_cio.governance.actors import Actor
from petrosa_cio.governance.authority import Act, check_may
from petrosa_cio.governance.desk import Desk, Switched
from petrosa_cio.ports import TradingStateStore
from petrosa_cio.risk.parse import subject_token
from petrosa_cio.risk.trading_state import FUND, Scope, ScopeKind, TradingState, TradingStates

_SYMBOL = re.compile(r"[A-Z0-9]{3,32}")


@dataclass(frozen=True, slots=True)
class Switch:
    """A trading state that was set.

    Attributes:
        scope: Of what.
        state: The state.
        switched: What that did.
    """

    scope: Scope
    state: TradingState
    switched: Switched


def symbol_of(text: str) -> str:
    """Return a symbol in capitals. Raises Rejected for what no intent could name."""
    symbol = text.upper()
    if not _SYMBOL.fullmatch(symbol):
        raise Rejected([f"symbol: expected letters and digits, such as BTCUSDT, was {text!r}"])
    return symbol


def scope_of(strategy: str | None, symbol: str | None) -> Scope:
    """Return what a switch is about: the fund where nothing is named. Raises Rejected."""
    if strategy and symbol:
        raise Rejected(["symbol: name a strategy or a symbol, not both"])
    if strategy:
        return Scope(ScopeKind.STRATEGY, subject_token(strategy))
    return Scope(ScopeKind.SYMBOL, symbol_of(symbol)) if symbol else FUND


class Trading:
    """Shows and throws the kill switch. Raises Unavailable where the store is away."""

    def __init__(self, desk: Desk, store: TradingStateStore) -> None:
        """Take the desk that throws it, and the store that holds it."""
        self._desk = desk
        self._store = store

    async def states(self) -> TradingStates:
        """Return every stated trading state."""
        return await self._store.trading_states()

    async def switch(self, actor: Actor, scope: Scope, state: TradingState, reason: str) -> Switch:
        """Set a trading state. Raises NotAllowed: to resume takes a person."""
        check_may(actor, Act.RESUME if state is TradingState.ACTIVE else Act.HALT)
        switched = await self._desk.switch(scope, state, reason=reason, author=actor.name)
        return Switch(scope, state, switched)
