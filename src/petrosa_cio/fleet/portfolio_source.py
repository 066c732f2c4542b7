"""Asks the order engine and the data-manager what the fund holds, and puts the answers together.

A source that is silent is no source; one that disagrees is told so among the doubts. What is asked
changes nothing there: ``/positions/stops-health`` does, and is not asked.
"""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal
from typing import Final, TypeVar

from petrosa_cio.errors import NeighbourSilent
from petrosa_cio.fleet.neighbour_api import NeighbourApi
from petrosa_cio.fleet.portfolio_answers import (
    HeldRow,
    Replayed,
    State,
    StrategyRow,
    UnreadableAnswer,
    read_page,
    read_replayed,
    read_state,
    read_wallet,
)
from petrosa_cio.risk.intent import Direction
from petrosa_cio.risk.portfolio import PortfolioReading, Position, StrategyResult

PAGE: Final = 500
MOST_PAGES: Final = 20
ANY_ONE_SYMBOL: Final = "BTCUSDT"
"""The engine's summary wants a symbol; what is read of it is about all."""

_TOLERANCE: Final = Decimal("0.01")
_A_DOLLAR: Final = Decimal(1)
_OK: Final = 200

Part = TypeVar("Part")


@dataclass(slots=True)
class _Told:
    """What was answered, and what is doubtful of it."""

    rows: list[HeldRow] | None = None
    state: State | None = None
    wallet_usd: Decimal | None = None
    replayed: Replayed | None = None
    doubts: list[str] = field(default_factory=list)


class PortfolioSource:
    """What the neighbours say about the portfolio.

    Args:
        engine: The order engine.
        manager: The data-manager; None where there is none.
        clock: The time, aware UTC.
    """

    def __init__(
        self, engine: NeighbourApi, manager: NeighbourApi | None, clock: Callable[[], datetime]
    ) -> None:
        self._engine = engine
        self._manager = manager
        self._clock = clock

    async def read(self) -> PortfolioReading:
        """Return what is held now; parts that nobody tells are None. Raises nothing."""
        at, told = self._clock(), _Told()
        told.rows, told.state, told.wallet_usd, told.replayed = await asyncio.gather(
            self._part(told, self._engine, self._positions),
            self._part(told, self._engine, lambda: self._state(self._engine)),
            self._part(told, self._engine, lambda: self._wallet(self._engine)),
            self._part(told, self._manager, self._replayed),
        )
        told_by = [self._engine, *([self._manager] if told.replayed and self._manager else [])]
        return assembled(told, at, " and ".join(one.name for one in told_by))

    async def _part(
        self, told: _Told, whom: NeighbourApi | None, ask: Callable[[], Awaitable[Part]]
    ) -> Part | None:
        if whom is None:
            return None
        try:
            return await ask()
        except NeighbourSilent as silent:
            told.doubts.append(str(silent))
        except UnreadableAnswer as unreadable:
            told.doubts.append(f"{whom.name}: {unreadable}")
        return None

    async def _positions(self) -> list[HeldRow]:
        """Return all open positions, page by page. One that is told twice stands there twice."""
        found: list[HeldRow] = []
        for page in range(MOST_PAGES):
            content = await _asked(self._engine, "/positions", limit=PAGE, offset=page * PAGE)
            rows, number = read_page(content)
            found += rows
            if number < PAGE:
                return found
        raise UnreadableAnswer(f"positions: more than {MOST_PAGES * PAGE} rows")

    async def _state(self, engine: NeighbourApi) -> State:
        return read_state(await _asked(engine, "/state", symbol=ANY_ONE_SYMBOL))

    async def _wallet(self, engine: NeighbourApi) -> Decimal:
        return read_wallet(await _asked(engine, "/account"))

    async def _replayed(self) -> Replayed:
        if self._manager is None:
            return Replayed()
        return read_replayed(await _asked(self._manager, "/api/v1/pnl", scope="portfolio"))


async def _asked(whom: NeighbourApi, path: str, **asked: str | int) -> object:
    answer = await whom.get(path, **asked)
    if answer.status != _OK:
        raise UnreadableAnswer(f"{path} answers with status {answer.status}")
    return answer.content


def assembled(told: _Told, at: datetime, source: str) -> PortfolioReading:
    """Return a reading of what was told, with what the sources say differently."""
    doubts = [*told.doubts, *_disagreements(told)]
    replayed = told.replayed.rows if told.replayed else ()
    positions = None
    if told.rows is not None:
        positions = tuple(one for row in told.rows for one in _split(row, replayed, doubts))
        doubts += _never_held(told.rows, replayed)
    return PortfolioReading(
        observed_at=at,
        source=source,
        equity_usd=_equity(told, doubts),
        positions=positions,
        results=_results(replayed),
        open_orders=told.state.open_orders if told.state else None,
        doubts=tuple(dict.fromkeys(doubts)),
    )


def _disagreements(told: _Told) -> list[str]:
    """Return how the engine contradicts itself."""
    rows, state = told.rows, told.state
    if state is None:
        return []
    if state.available_usd is None:
        return ["tradeengine: no available balance, so that its summary says nothing"]
    if rows is None or state.gross_usd is None:
        return []
    found = []
    if state.positions != len(rows):
        counted = f"its summary counts {state.positions} positions"
        found.append(f"tradeengine: {counted}, and it lists {len(rows)}")
    gross = sum((row.notional_usd for row in rows), Decimal(0))
    if abs(gross - state.gross_usd) > max(gross, state.gross_usd) * _TOLERANCE + _A_DOLLAR:
        found.append(
            f"tradeengine: its summary says {state.gross_usd:.2f} USD of exposure, "
            f"its positions come to {gross:.2f}"
        )
    return found


def _equity(told: _Told, doubts: list[str]) -> Decimal | None:
    """Return the wallet with the gains of what is open; None where either is not known."""
    if told.wallet_usd is None or told.rows is None:
        return None
    gains = [row.unrealised_usd for row in told.rows]
    known = [one for one in gains if one is not None]
    if len(known) < len(gains):
        doubts.append("tradeengine: a position without its gain, so that the equity is not known")
        return None
    return told.wallet_usd + sum(known, Decimal(0))


def _split(row: HeldRow, replayed: tuple[StrategyRow, ...], doubts: list[str]) -> list[Position]:
    """Return a position by strategy, as far as the data-manager knows whose it is."""
    whose = [(one.strategy, _quantity(one, row.direction)) for one in replayed
             if one.symbol == row.symbol and _quantity(one, row.direction)]  # fmt: skip
    known = sum((quantity for _, quantity in whose), Decimal(0))
    if known > row.quantity * (1 + _TOLERANCE):
        doubts.append(
            f"data-manager: {known:f} of {row.symbol} {row.direction} by strategy, "
            f"the engine holds {row.quantity:f}"
        )
        whose, known = [], Decimal(0)
    shares = [*whose, (None, max(row.quantity - known, Decimal(0)))]
    return [
        Position(row.symbol, row.direction, quantity, _share(row, quantity), strategy)
        for strategy, quantity in shares
        if quantity
    ]


def _share(row: HeldRow, quantity: Decimal) -> Decimal:
    if quantity >= row.quantity:
        return row.notional_usd
    return row.notional_usd * quantity / row.quantity


def _never_held(rows: list[HeldRow], replayed: tuple[StrategyRow, ...]) -> list[str]:
    held = {(row.symbol, row.direction) for row in rows}
    return [
        f"data-manager: {one.strategy} holds {one.symbol} {direction}, the engine holds none"
        for one in replayed
        for direction in Direction
        if _quantity(one, direction) and (one.symbol, direction) not in held
    ]


def _quantity(row: StrategyRow, direction: Direction) -> Decimal:
    return row.long_quantity if direction is Direction.LONG else row.short_quantity


def _results(replayed: tuple[StrategyRow, ...]) -> dict[str, StrategyResult]:
    """Return what each strategy has realised; what its open positions gained nobody tells."""
    realised: dict[str, Decimal] = {}
    for one in replayed:
        realised[one.strategy] = realised.get(one.strategy, Decimal(0)) + one.realised_usd
    return {strategy: StrategyResult(usd) for strategy, usd in realised.items()}
