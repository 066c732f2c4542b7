"""What the order engine and the data-manager answer about the portfolio, read strictly.

None of them is believed further than it can be. What is known of them:

- the engine's ``gross_exposure`` is a ratio to the *available* balance, and all three of its
  numbers are 0 where that is not above 0, even with open positions;
- its ``total_balance_usdt`` counts an invented 5000 USDT of its simulator: only what the exchange
  itself says is taken;
- its filters match nothing (``side``), so that none is used: everything is read, page by page;
- its open orders may be those of one symbol, and ``/orders`` is always empty;
- the data-manager says zeros where it has replayed no fills.

So a part that does not read, or that may be invented, is None, and why stands among the doubts.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from decimal import Decimal

from petrosa_cio.risk.intent import Direction

MOST_TEXT = 64
_DIRECTIONS = {"LONG": Direction.LONG, "SHORT": Direction.SHORT}
_OF_THE_EXCHANGE = ("total_balance_usdt", "total_wallet_balance", "total_usdt", "total", "USDT")
_LARGEST = Decimal(10**15)


@dataclass(frozen=True, slots=True)
class HeldRow:
    """One side of one symbol, as the engine tells it.

    Attributes:
        symbol: The symbol, in capitals.
        direction: Long or short.
        quantity: Base units, above zero.
        notional_usd: The larger of what it cost and what the engine says that it is worth, USD.
        unrealised_usd: What it has gained at the market; None where that is not said.
    """

    symbol: str
    direction: Direction
    quantity: Decimal
    notional_usd: Decimal
    unrealised_usd: Decimal | None


@dataclass(frozen=True, slots=True)
class State:
    """The engine's own summary.

    Attributes:
        available_usd: What it may still spend; None where it is not above 0, and so means nothing.
        gross_usd: Exposure at entry prices; None alike.
        positions: How many are open; None alike.
        open_orders: How many rest, of the whole fund; None where that is not said.
    """

    available_usd: Decimal | None
    gross_usd: Decimal | None
    positions: int | None
    open_orders: int | None


@dataclass(frozen=True, slots=True)
class StrategyRow:
    """What a strategy holds of a symbol, and has realised there, as the data-manager tells it."""

    strategy: str
    symbol: str
    long_quantity: Decimal
    short_quantity: Decimal
    realised_usd: Decimal


@dataclass(frozen=True, slots=True)
class Replayed:
    """What the data-manager has worked out from fills; ``fills`` says from how many."""

    rows: tuple[StrategyRow, ...] = field(default=())
    fills: int = 0


class UnreadableAnswer(Exception):
    """An answer that is not believed; its text says why, as a part of a sentence."""


def read_page(content: object) -> tuple[list[HeldRow], int]:
    """Return the open positions of one page, and how many rows of any kind it had.

    Raises:
        UnreadableAnswer: Any of its rows does not read: then nobody knows what is held.
    """
    answer = _object(content, "positions")
    if answer.get("status") != "success":
        raise UnreadableAnswer("positions: it does not say that it succeeded")
    rows = answer.get("data")
    if not isinstance(rows, Sequence) or isinstance(rows, str):
        raise UnreadableAnswer("positions: data is no list")
    found = [_held(_object(row, "positions")) for row in rows]
    return [one for one in found if one is not None], len(rows)


def _held(row: Mapping[str, object]) -> HeldRow | None:
    if str(row.get("status", "open")).lower() != "open":
        return None
    symbol, direction = _text(row, "symbol"), _DIRECTIONS.get(str(row.get("position_side")).upper())
    if direction is None:
        raise UnreadableAnswer(f"positions: {symbol} has no side")
    quantity, price = _number(row, "quantity"), _number(row, "avg_price")
    if quantity < 0 or price < 0:
        raise UnreadableAnswer(f"positions: {symbol} has a quantity or price below 0")
    if quantity == 0:
        return None
    worth = [quantity * price]
    if row.get("total_value") is not None:
        worth.append(abs(_number(row, "total_value")))
    gained = None if row.get("unrealized_pnl") is None else _number(row, "unrealized_pnl")
    if max(worth) == 0:
        raise UnreadableAnswer(f"positions: {symbol} is held and worth nothing")
    return HeldRow(symbol.upper(), direction, quantity, max(worth), gained)


def read_state(content: object) -> State:
    """Return the engine's summary. Raises UnreadableAnswer."""
    answer = _object(content, "state")
    portfolio = _object(answer.get("portfolio"), "state")
    stats = _object(answer.get("env_stats"), "state")
    available = _number(stats, "available_capital_usd")
    orders = stats.get("open_orders_global")
    open_orders = None if orders is None else _count(stats, "open_orders_global")
    if available <= 0:
        return State(None, None, None, open_orders)
    ratio = _number(portfolio, "gross_exposure")
    positions = _count(portfolio, "open_positions_count")
    return State(available, ratio * available, positions, open_orders)


def read_wallet(content: object) -> Decimal:
    """Return what the exchange itself says that is in the wallet, USD, without open gains.

    Raises:
        UnreadableAnswer: Only the simulator's money is told, or nothing above 0.
    """
    balances = _object(_object(content, "account").get("balances"), "account")
    exchange = balances.get("binance")
    wallet = _wallet(exchange)
    if wallet is None:
        raise UnreadableAnswer("account: it does not say what the exchange holds")
    if wallet <= 0:
        raise UnreadableAnswer("account: the exchange's balance is not above 0")
    return wallet


def _wallet(stated: object) -> Decimal | None:
    if isinstance(stated, Mapping):
        found = next((stated[name] for name in _OF_THE_EXCHANGE if name in stated), None)
        return _wallet(found)
    return None if stated is None else _exact(stated, "account: balances.binance")


def read_replayed(content: object) -> Replayed:
    """Return what the data-manager worked out of all strategies. Raises UnreadableAnswer."""
    answer = _object(content, "pnl")
    fills, rows = _count(answer, "fills_replayed"), answer.get("positions")
    if not isinstance(rows, Sequence) or isinstance(rows, str):
        raise UnreadableAnswer("pnl: positions is no list")
    if fills == 0:
        raise UnreadableAnswer("pnl: it has replayed no fills, so that its zeros say nothing")
    return Replayed(tuple(_strategy(_object(row, "pnl")) for row in rows), fills)


def _strategy(row: Mapping[str, object]) -> StrategyRow:
    return StrategyRow(
        _text(row, "strategy_id"),
        _text(row, "symbol").upper(),
        abs(_number(row, "long_qty")),
        abs(_number(row, "short_qty")),
        _number(row, "realized"),
    )


def _object(value: object, where: str) -> Mapping[str, object]:
    if not isinstance(value, Mapping):
        raise UnreadableAnswer(f"{where}: it is no object where one is expected")
    return value


def _text(row: Mapping[str, object], name: str) -> str:
    value = row.get(name)
    if not isinstance(value, str) or not 0 < len(value) <= MOST_TEXT or not value.isprintable():
        raise UnreadableAnswer(f"{name} is not a text of at most {MOST_TEXT} characters")
    return value


def _count(row: Mapping[str, object], name: str) -> int:
    value = row.get(name)
    if isinstance(value, bool) or not isinstance(value, int) or not 0 <= value <= _LARGEST:
        raise UnreadableAnswer(f"{name} is not a whole number from 0")
    return value


def _number(row: Mapping[str, object], name: str) -> Decimal:
    return _exact(row.get(name), name)


def _exact(value: object, name: str) -> Decimal:
    if isinstance(value, bool) or not isinstance(value, int | Decimal | str):
        raise UnreadableAnswer(f"{name} is not a number")
    try:
        number = Decimal(value)
    except ArithmeticError:
        raise UnreadableAnswer(f"{name} is not a number") from None
    if not number.is_finite() or abs(number) > _LARGEST:
        raise UnreadableAnswer(f"{name} is not a number that can be true")
    return number
