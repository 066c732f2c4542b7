"""What the fund holds, owes and has earned, as one reading of the sources that know it.

What a source does not say, or says so badly that it is not believed, is None and never zero.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal

from petrosa_cio.risk.intent import Direction


@dataclass(frozen=True, slots=True)
class Position:
    """One side of one symbol that the fund holds.

    Attributes:
        symbol: The symbol, in capitals.
        direction: Long or short; in hedge mode a symbol may have both.
        quantity: Base units, above zero.
        notional_usd: What it is worth at the market, USD.
        strategy: Whose it is; None where the source does not tell strategies apart.
    """

    symbol: str
    direction: Direction
    quantity: Decimal
    notional_usd: Decimal
    strategy: str | None = None


@dataclass(frozen=True, slots=True)
class StrategyResult:
    """What a strategy has earned. A loss is below zero.

    Attributes:
        realised_usd: From closed trades; None where unknown.
        unrealised_usd: Of what is open, at the market; None where unknown.
    """

    realised_usd: Decimal | None = None
    unrealised_usd: Decimal | None = None


@dataclass(frozen=True, slots=True)
class PortfolioReading:
    """The portfolio at one moment.

    Attributes:
        observed_at: When its oldest part was observed, aware UTC.
        source: Who says so.
        equity_usd: Worth of the fund with open positions at the market; None where unknown.
        positions: What is held; None where unknown.
        results: What strategies have earned, by strategy.
        open_orders: Orders that rest at the venue; None where unknown.
        doubts: Why a part is not believed, or how sources differ, in words.
        granted: Units that the ledger had granted meanwhile, by counter: what it knows of.
    """

    observed_at: datetime
    source: str
    equity_usd: Decimal | None = None
    positions: tuple[Position, ...] | None = None
    results: Mapping[str, StrategyResult] = field(default_factory=dict)
    open_orders: int | None = None
    doubts: tuple[str, ...] = ()
    granted: Mapping[str, int] = field(default_factory=dict)

    @property
    def tells_positions(self) -> bool:
        """Whether it is known what is held; that may be nothing."""
        return self.positions is not None
