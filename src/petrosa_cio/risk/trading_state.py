"""The trading state of the fund, of a strategy and of a symbol: the kill switch.

``active`` lets orders pass, ``reducing`` only those that shrink a position, ``halted`` none that
opens one (FIA, best practices for automated trading, 1.5: a kill allows reducing, never opening).
``paused`` is a strategy's alone: the ledger stopped its openings because it repeated itself, and a
person must resume it (RTS 6 Art. 15(3)); of a fund or a symbol it would count as halted.
A state that nobody stated is ``halted`` for the fund and ``active`` for a strategy or a symbol.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum


class TradingState(StrEnum):
    """What may be traded."""

    ACTIVE = "active"
    REDUCING = "reducing"
    HALTED = "halted"
    PAUSED = "paused"


class ScopeKind(StrEnum):
    """What a trading state is about."""

    FUND = "fund"
    STRATEGY = "strategy"
    SYMBOL = "symbol"


@dataclass(frozen=True, slots=True)
class Scope:
    """The fund, one strategy (by token) or one symbol."""

    kind: ScopeKind
    name: str = ""

    def __str__(self) -> str:
        """Return ``fund``, ``strategy:<token>`` or ``symbol:<SYMBOL>``."""
        return f"{self.kind}:{self.name}" if self.name else str(self.kind)


FUND = Scope(ScopeKind.FUND)


@dataclass(frozen=True, slots=True)
class TradingStates:
    """All trading states at one moment.

    Attributes:
        fund: The fund's state; None when the store holds none, which counts as halted.
        strategies: State by strategy token, only where stated.
        symbols: State by symbol, only where stated.
        epoch: Grows with every change; tells whether anything moved.
    """

    fund: TradingState | None
    strategies: Mapping[str, TradingState] = field(default_factory=dict)
    symbols: Mapping[str, TradingState] = field(default_factory=dict)
    epoch: int = 0
