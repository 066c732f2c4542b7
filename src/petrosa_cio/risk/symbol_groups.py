"""Named groups of symbols, and how much of each may be held: what falls together counts together.

People write a mapping of names, each with its ``symbols`` and the ``usd`` that may be held of them,
long and short together. Of two statements about one name the stricter counts: all symbols of both,
and the lower amount.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal, InvalidOperation
from re import compile as pattern

from petrosa_cio.risk.limit_kinds import Change, LimitKind

_SYMBOL = pattern(r"[A-Z0-9]{3,32}")
_NAME = pattern(r"[A-Za-z0-9_]{1,32}")
_MOST_USD = Decimal(100_000_000_000)
_DECIMALS = 18
FORM = "write such as {majors: {symbols: [BTCUSDT, ETHUSDT], usd: 10000}}"


@dataclass(frozen=True, slots=True)
class GroupCap:
    """How much may be held of some symbols together.

    Attributes:
        symbols: The symbols, in capitals.
        usd: The most, USD.
    """

    symbols: frozenset[str]
    usd: Decimal


@dataclass(frozen=True, slots=True)
class SymbolGroups:
    """The caps of some groups, sorted by their names."""

    caps: tuple[tuple[str, GroupCap], ...]

    @property
    def by_name(self) -> dict[str, GroupCap]:
        """The caps by the names of their groups."""
        return dict(self.caps)

    def of(self, symbol: str) -> tuple[tuple[str, GroupCap], ...]:
        """Return the groups that a symbol belongs to."""
        return tuple(one for one in self.caps if symbol in one[1].symbols)

    def __str__(self) -> str:
        """Return the groups as people read them; ``none`` where there are none."""
        said = (f"{name} {cap.usd:f} ({' '.join(sorted(cap.symbols))})" for name, cap in self.caps)
        return ", ".join(said) or "none"


def read_symbol_groups(stated: object) -> SymbolGroups:
    """Return the groups that a mapping states. Raises ValueError with every problem."""
    if isinstance(stated, SymbolGroups):
        return stated
    if not isinstance(stated, Mapping):
        raise ValueError(f"expected groups by name: {FORM}")
    caps, problems = {}, []
    for name, one in stated.items():
        try:
            caps[name] = _cap(name, one)
        except ValueError as problem:
            problems.append(f"{name}: {problem}")
    if problems:
        raise ValueError("; ".join(problems))
    return _sorted(caps)


def _cap(name: object, stated: object) -> GroupCap:
    if not isinstance(name, str) or not _NAME.fullmatch(name):
        raise ValueError("a group is named in letters, digits and underscores")
    if not isinstance(stated, Mapping) or stated.keys() != {"symbols", "usd"}:
        raise ValueError(f"a group has symbols and usd: {FORM}")
    symbols, usd = stated["symbols"], stated["usd"]
    if not isinstance(symbols, list | tuple | set | frozenset) or not symbols:
        raise ValueError("symbols is a list of at least one")
    for symbol in symbols:
        if not isinstance(symbol, str) or not _SYMBOL.fullmatch(symbol):
            raise ValueError(f"{symbol} is no symbol in capitals")
    return GroupCap(frozenset(symbols), _usd(usd))


def _usd(stated: object) -> Decimal:
    try:
        usd = Decimal(str(stated)) if not isinstance(stated, bool) else Decimal("NaN")
    except InvalidOperation:
        usd = Decimal("NaN")
    exponent = usd.as_tuple().exponent
    if not usd.is_finite() or not 0 <= usd <= _MOST_USD or int(exponent) < -_DECIMALS:
        raise ValueError(
            f"usd is an amount from 0 to {_MOST_USD:f} with at most {_DECIMALS} decimals"
        )
    return usd


def write_symbol_groups(groups: SymbolGroups) -> dict[str, dict[str, object]]:
    """Return the groups as people write them."""
    return {
        name: {"symbols": sorted(cap.symbols), "usd": f"{cap.usd:f}"} for name, cap in groups.caps
    }


def symbol_groups(when_to_change: str, families: frozenset[str]) -> LimitKind:
    """Return the kind of caps on named groups: of each name all symbols, and the lowest cap."""
    return LimitKind(
        _meet, _compare, "USD by group", when_to_change, families,
        how_they_meet="of each group the symbols of all, and the lowest amount, count",
    )  # fmt: skip


def _meet(left: object, right: object) -> SymbolGroups:
    one, other = read_symbol_groups(left).by_name, read_symbol_groups(right).by_name
    return _sorted(one | {name: _stricter(one.get(name), cap) for name, cap in other.items()})


def _stricter(one: GroupCap | None, other: GroupCap) -> GroupCap:
    if one is None:
        return other
    return GroupCap(one.symbols | other.symbols, min(one.usd, other.usd))


def _compare(old: object, new: object) -> Change:
    if old == new:
        return Change.EQUAL
    met = _meet(old, new)
    if met == new:
        return Change.TIGHTER
    return Change.LOOSER if met == old else Change.MIXED


def _sorted(caps: Mapping[str, GroupCap]) -> SymbolGroups:
    return SymbolGroups(tuple(sorted(caps.items())))
