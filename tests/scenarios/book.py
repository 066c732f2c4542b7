"""The simulated engine's book: what is open, what was earned, and what the fund is worth."""

from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal

from petrosa_cio.nurse.decision import Decision
from petrosa_cio.risk.intent import Direction
from petrosa_cio.risk.portfolio import PortfolioReading, Position, StrategyResult

FEE = Decimal("0.0004")
"""Of what is traded, at each end."""

LONGEST_MINUTES = 480
"""After so long a position is closed."""


@dataclass(frozen=True, slots=True)
class Held:
    """A position, and the decision that opened it."""

    decision: Decision
    opened_at: int
    price: Decimal
    quantity: Decimal

    @property
    def strategy(self) -> str:
        """Whose it is."""
        return self.decision.draft.understood.strategy

    @property
    def symbol(self) -> str:
        """What it is in."""
        return self.decision.draft.understood.symbol

    def is_over(self, minute: int, price: Decimal) -> bool:
        """Return whether its stop or target is reached, or its time is over."""
        intent = self.decision.draft.understood
        stop, target = intent.stop_loss, intent.take_profit
        if intent.direction is Direction.LONG:
            ends = (stop and price <= stop) or (target and price >= target)
        else:
            ends = (stop and price >= stop) or (target and price <= target)
        return bool(ends) or minute - self.opened_at >= LONGEST_MINUTES

    def earned(self, price: Decimal) -> Decimal:
        """Return what it has earned at a price, USD, before the closing fee."""
        is_long = self.decision.draft.understood.direction is Direction.LONG
        move = price - self.price if is_long else self.price - price
        return move * self.quantity


class Book:
    """Everything that the fund holds and has earned.

    Args:
        cash_usd: What it begins with.
    """

    def __init__(self, cash_usd: Decimal) -> None:
        self._begun_with = cash_usd
        self._realised: defaultdict[str, Decimal] = defaultdict(Decimal)
        self.held: list[Held] = []

    def open(self, decision: Decision, minute: int, price: Decimal) -> None:
        """Fill an approved opening at the market."""
        quantity = decision.verdict.quantity
        if quantity is None or decision.draft.understood.direction is None:
            return  # a close: these bots send none
        held = Held(decision, minute, price, quantity)
        self._realised[held.strategy] -= price * quantity * FEE
        self.held.append(held)

    def close_due(self, minute: int, prices: Mapping[str, Decimal]) -> list[Decision]:
        """Close at the market what is over, and return the decisions behind it."""
        due = [one for one in self.held if one.is_over(minute, prices[one.symbol])]
        for one in due:
            price = prices[one.symbol]
            fee = price * one.quantity * FEE
            self._realised[one.strategy] += one.earned(price) - fee
        over = set(map(id, due))
        self.held = [one for one in self.held if id(one) not in over]
        return [one.decision for one in due]

    def equity(self, prices: Mapping[str, Decimal]) -> Decimal:
        """Return what the fund is worth at these prices, USD."""
        unrealised = sum((one.earned(prices[one.symbol]) for one in self.held), Decimal())
        return self._begun_with + sum(self._realised.values(), Decimal()) + unrealised

    def reading(self, now: datetime, prices: Mapping[str, Decimal]) -> PortfolioReading:
        """Return the book as a portfolio that is read from an engine."""
        open_usd: defaultdict[str, Decimal] = defaultdict(Decimal)
        for one in self.held:
            open_usd[one.strategy] += one.earned(prices[one.symbol])
        return PortfolioReading(
            observed_at=now,
            source="simulated engine",
            equity_usd=self.equity(prices),
            positions=tuple(_position(one, prices[one.symbol]) for one in self.held),
            results={
                name: StrategyResult(self._realised[name], open_usd[name])
                for name in sorted({*self._realised, *open_usd})
            },
            open_orders=0,
        )


def _position(one: Held, price: Decimal) -> Position:
    direction = one.decision.draft.understood.direction or Direction.LONG
    return Position(one.symbol, direction, one.quantity, price * one.quantity, one.strategy)
