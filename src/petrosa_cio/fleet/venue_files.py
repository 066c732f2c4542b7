"""A venue's own words about its rules, in Binance's two shapes, read as our own.

- what ``GET /api/v3/exchangeInfo`` (spot) and ``GET /fapi/v1/exchangeInfo`` (USD-M futures) say: an
  object with ``symbols``, each with its ``filters``;
- what ``GET /fapi/v1/leverageBracket`` answers: for each symbol its ``brackets``.

A zero means that there is no such rule. Filters that are not known here are passed by; of two that
say the same thing the stricter counts. Symbols that no intent can name (not letters and digits, as
delivery contracts) are left out. Whatever else does not read is named, all of it at once: half a
filter must not pass for none.
"""

import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from decimal import Context, Decimal
from itertools import pairwise

from petrosa_cio.errors import VenueRulesRejected
from petrosa_cio.risk.strict_json import NotStrictJson, load_value
from petrosa_cio.risk.venue import Increments, LeverageBracket, PriceBand, SymbolRules, VenueRules
from petrosa_cio.risk.venue_form import venue_rules

MAX_FILE_BYTES = 33_554_432
"""More than this is not read; all symbols of the spot market are about 15 megabytes."""

TRADING = "TRADING"
ALWAYS_STATED = ("PRICE_FILTER", "LOT_SIZE")
"""Filters that every symbol has: without one of them something is missing, not free."""

MAX_LEVERAGE = 1_000
_SYMBOL = re.compile(r"[A-Z0-9]{3,32}")
_MOST_DIGITS = 24
_NUMBER = re.compile(r"[0-9]{1,24}(?:\.[0-9]{1,24})?")
_EXACT = Context(prec=80)

Fields = Mapping[str, object]


def read_venue(documents: Sequence[tuple[str, bytes]]) -> VenueRules:
    """Return the rules in some documents, given as name and content.

    Of a symbol in several documents the last one's filters count; leverage brackets join the
    symbol wherever they stand, and those of symbols without filters are left out.

    Raises:
        VenueRulesRejected: With every problem of every document.
    """
    found = _Found()
    for name, body in documents:
        _read_document(found, name, body)
    if not found.problems and not found.symbols:
        found.problems.append("no symbol with filters is stated anywhere")
    if found.problems:
        raise VenueRulesRejected(found.problems)
    return venue_rules(
        _with_brackets(rules, found.brackets.get(symbol, ()))
        for symbol, rules in found.symbols.items()
    )


@dataclass
class _Found:
    symbols: dict[str, SymbolRules] = field(default_factory=dict)
    brackets: dict[str, tuple[LeverageBracket, ...]] = field(default_factory=dict)
    problems: list[str] = field(default_factory=list)


class _Problem(Exception):
    """Internal to this module: reading of one part stops here with this sentence."""


def _read_document(found: _Found, name: str, body: bytes) -> None:
    try:
        content = load_value(body, MAX_FILE_BYTES)
        if isinstance(content, dict) and isinstance(content.get("symbols"), list):
            _each_symbol(found, name, content["symbols"], _take_symbol)
        elif isinstance(content, dict) and "brackets" in content:
            _each_symbol(found, name, [content], _take_brackets)
        elif isinstance(content, list) and content:
            _each_symbol(found, name, content, _take_brackets)
        else:
            raise _Problem("expected an object with symbols, or a list of leverage brackets")
    except (NotStrictJson, _Problem) as problem:
        found.problems.append(f"{name}: {problem}")


def _each_symbol(
    found: _Found, name: str, entries: list[object], take: Callable[[_Found, str, Fields], None]
) -> None:
    """Take every entry of a document, and note the problems of each."""
    seen: set[str] = set()
    for number, entry in enumerate(entries, start=1):
        symbol = entry.get("symbol") if isinstance(entry, dict) else None
        if not isinstance(entry, dict) or not isinstance(symbol, str):
            found.problems.append(f"{name}: entry {number} names no symbol")
        elif symbol in seen:
            found.problems.append(f"{name}: {symbol} is stated twice")
        elif _SYMBOL.fullmatch(symbol):
            before = len(found.problems)
            take(found, symbol, entry)
            found.problems[before:] = [f"{name}: {one}" for one in found.problems[before:]]
        seen.add(str(symbol))


def _with_brackets(rules: SymbolRules, brackets: tuple[LeverageBracket, ...]) -> SymbolRules:
    return joined(rules, SymbolRules(rules.symbol, brackets=brackets))


def joined(rules: SymbolRules, other: SymbolRules) -> SymbolRules:
    """Return rules with the other's brackets, where they have none of their own."""
    if rules.brackets or not other.brackets:
        return rules
    stated = {name: getattr(rules, name) for name in rules.__struct_fields__}
    return SymbolRules(**(stated | {"brackets": other.brackets}))


# --- one symbol -----------------------------------------------------------------------------------


def _take_symbol(found: _Found, symbol: str, entry: Fields) -> None:
    problems: list[str] = []
    rules: dict[str, object] = {}
    kinds: set[str] = set()
    filters = entry.get("filters")
    if not isinstance(filters, list):
        problems.append("filters are missing")
        filters = []
    for one in filters:
        kind = one.get("filterType") if isinstance(one, dict) else None
        if not isinstance(kind, str) or kind in kinds:
            problems.append(f"a filter without a type, or {kind} twice")
            continue
        kinds.add(kind)
        try:
            _FILTERS.get(kind, _passed_by)(rules, one)
        except _Problem as problem:
            problems.append(f"{kind}: {problem}")
    problems += [f"{kind} is missing" for kind in ALWAYS_STATED if filters and kind not in kinds]
    try:
        rules["is_trading"] = _is_trading(entry)
    except _Problem as problem:
        problems.append(str(problem))
    found.problems += [f"{symbol}: {problem}" for problem in problems]
    found.symbols[symbol] = SymbolRules(symbol, **rules)  # type: ignore[arg-type]


def _is_trading(entry: Fields) -> bool:
    """Return whether orders are taken now: `status`, and on spot whether it may be traded at all.

    A futures symbol without a kind of contract is one that is being set up or wound up.
    """
    status, contract = entry.get("status"), entry.get("contractType", "none")
    if not isinstance(status, str) or not isinstance(contract, str):
        raise _Problem("status or contractType is not text")
    return status == TRADING and contract != "" and entry.get("isSpotTradingAllowed") is not False


def _passed_by(_rules: dict[str, object], _filter: Fields) -> None:
    """Pass by a filter that is not known here."""


def _price_filter(rules: dict[str, object], stated: Fields) -> None:
    rules["price"] = _increments(stated, "tickSize", "minPrice", "maxPrice")


def _lot_size(rules: dict[str, object], stated: Fields) -> None:
    rules["quantity"] = _increments(stated, "stepSize", "minQty", "maxQty")


def _market_lot_size(rules: dict[str, object], stated: Fields) -> None:
    rules["market_quantity"] = _increments(stated, "stepSize", "minQty", "maxQty")


def _min_notional(rules: dict[str, object], stated: Fields) -> None:
    name = "notional" if "notional" in stated else "minNotional"
    _tighten_min(rules, _rule(stated, name), binds_market=_flag(stated, "applyToMarket"))


def _notional(rules: dict[str, object], stated: Fields) -> None:
    lowest, highest = _rule(stated, "minNotional"), _rule(stated, "maxNotional", needed=False)
    if lowest is not None and highest is not None and lowest > highest:
        raise _Problem("minNotional is above maxNotional")
    _tighten_min(rules, lowest, binds_market=_flag(stated, "applyMinToMarket"))
    rules["max_notional_usd"] = highest
    rules["max_notional_binds_market"] = _flag(stated, "applyMaxToMarket")


def _tighten_min(rules: dict[str, object], lowest: Decimal | None, *, binds_market: bool) -> None:
    """State the smallest value; where two filters state one, the higher, for all either binds."""
    if lowest is None:
        return
    before = rules.get("min_notional_usd")
    if isinstance(before, Decimal):
        lowest = max(lowest, before)
        binds_market = binds_market or bool(rules["min_notional_binds_market"])
    rules["min_notional_usd"], rules["min_notional_binds_market"] = lowest, binds_market


def _percent_price(rules: dict[str, object], stated: Fields) -> None:
    for side in ("buy_band", "sell_band"):
        _tighten_band(rules, side, _band(stated, "multiplierDown", "multiplierUp"))


def _percent_price_by_side(rules: dict[str, object], stated: Fields) -> None:
    _tighten_band(rules, "buy_band", _band(stated, "bidMultiplierDown", "bidMultiplierUp"))
    _tighten_band(rules, "sell_band", _band(stated, "askMultiplierDown", "askMultiplierUp"))


def _tighten_band(rules: dict[str, object], side: str, band: PriceBand) -> None:
    before = rules.get(side)
    if isinstance(before, PriceBand):
        band = PriceBand(
            _strictest(max, before.lowest, band.lowest),
            _strictest(min, before.highest, band.highest),
        )
    rules[side] = band


def _strictest(
    choose: Callable[[Iterable[Decimal]], Decimal], *values: Decimal | None
) -> Decimal | None:
    stated = [value for value in values if value is not None]
    return choose(stated) if stated else None


_FILTERS: Mapping[str, Callable[[dict[str, object], Fields], None]] = {
    "PRICE_FILTER": _price_filter,
    "LOT_SIZE": _lot_size,
    "MARKET_LOT_SIZE": _market_lot_size,
    "MIN_NOTIONAL": _min_notional,
    "NOTIONAL": _notional,
    "PERCENT_PRICE": _percent_price,
    "PERCENT_PRICE_BY_SIDE": _percent_price_by_side,
}


def _take_brackets(found: _Found, symbol: str, entry: Fields) -> None:
    try:
        found.brackets[symbol] = _brackets(entry)
    except _Problem as problem:
        found.problems.append(f"{symbol}: leverage brackets: {problem}")


def _brackets(entry: Fields) -> tuple[LeverageBracket, ...]:
    stated = entry.get("brackets")
    if not isinstance(stated, list) or not stated:
        raise _Problem("there are none")
    brackets = sorted(map(_bracket, stated), key=lambda one: one.notional_cap_usd)
    for smaller, larger in pairwise(brackets):
        if smaller.notional_cap_usd == larger.notional_cap_usd:
            raise _Problem(f"two have the notionalCap {larger.notional_cap_usd:f}")
        if smaller.max_leverage < larger.max_leverage:
            raise _Problem("a larger position is granted more leverage than a smaller one")
    return tuple(brackets)


def _bracket(stated: object) -> LeverageBracket:
    if not isinstance(stated, dict):
        raise _Problem("one is not an object")
    cap, leverage = _rule(stated, "notionalCap"), _number(stated, "initialLeverage")
    if cap is None or leverage % 1 != 0 or not 1 <= leverage <= MAX_LEVERAGE:
        raise _Problem("notionalCap is zero, or initialLeverage no whole number from 1 on")
    return LeverageBracket(cap, int(leverage))


# --- one field ------------------------------------------------------------------------------------


def _increments(stated: Fields, step: str, lowest: str, highest: str) -> Increments:
    found = Increments(_rule(stated, step), _rule(stated, lowest), _rule(stated, highest))
    if found.lowest is not None and found.highest is not None and found.lowest > found.highest:
        raise _Problem(f"{lowest} is above {highest}")
    return found


def _band(stated: Fields, lowest: str, highest: str) -> PriceBand:
    found = PriceBand(_rule(stated, lowest), _rule(stated, highest))
    if found.lowest is not None and found.highest is not None and found.lowest > found.highest:
        raise _Problem(f"{lowest} is above {highest}")
    return found


def _rule(stated: Fields, name: str, *, needed: bool = True) -> Decimal | None:
    """Return a number, or None for zero: there is no such rule."""
    if name not in stated and not needed:
        return None
    return _number(stated, name) or None


def _number(stated: Fields, name: str) -> Decimal:
    """Return a number that is stated as text or as JSON's, exact and in one way of writing."""
    value = stated.get(name)
    text: object = value
    if isinstance(value, int | Decimal) and not isinstance(value, bool):
        text = _plain(Decimal(value))
    if not isinstance(text, str) or not _NUMBER.fullmatch(text):
        seen = "missing" if value is None else f"{value!r}"[:40]
        raise _Problem(f"{name} is no number of at least zero: {seen}")
    return Decimal(_plain(Decimal(text)))


def _plain(number: Decimal) -> str:
    """Return a number without exponent and idle zeros, unless that would be long."""
    if number.is_zero():
        return "0"
    is_long = abs(number.adjusted()) > _MOST_DIGITS
    return str(number) if is_long else f"{number.normalize(_EXACT):f}"


def _flag(stated: Fields, name: str) -> bool:
    """Return a flag; one that is not stated binds."""
    value = stated.get(name, True)
    if not isinstance(value, bool):
        raise _Problem(f"{name} is neither true nor false")
    return value
