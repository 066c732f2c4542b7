"""Where entries of a policy count: every kind of strategy, symbol and regime that it tells apart.

What is in force for an intent depends on its strategy, its symbol and the market regime. A policy
names a few of them; all others are alike to it. So a *place* for each that is named, and one for
any other, show all that a policy can bring into force.
"""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from itertools import product

from petrosa_cio.risk.limits import LIMIT_KINDS, LimitSet
from petrosa_cio.risk.policy import ANY, Charter, Families, PolicyDocument

OTHER_STRATEGY = "any_other_strategy"
OTHER_SYMBOL = "ANYOTHERSYMBOL"
OTHER_REGIME = "any_other_regime"
"""Names of those that a policy does not name."""

CHARTER = "charter"


@dataclass(frozen=True, slots=True)
class Place:
    """A strategy and a symbol in a market regime; None where the regime is not known."""

    strategy: str
    symbol: str
    regime: str | None

    def __str__(self) -> str:
        """Return the place in words."""
        strategy = "any other strategy" if self.strategy == OTHER_STRATEGY else self.strategy
        symbol = "any other symbol" if self.symbol == OTHER_SYMBOL else self.symbol
        regime = "any other regime" if self.regime == OTHER_REGIME else self.regime
        return f"{strategy}, {symbol}, {regime or 'no regime known'}"


@dataclass(frozen=True, slots=True)
class Entry:
    """One entry of the documents that govern.

    Attributes:
        path: Its path, such as ``symbols.BTCUSDT`` or ``overlays.night.fund``.
        family: The family it stands in; ``charter`` for the bounds of the charter.
        limits: What it states.
        strategy: The strategy it is about; None where it is about none in particular.
        symbol: The symbol it is about, likewise.
        regime: The market regime it is about, likewise.
        overlay: The id of the overlay it stands in; None in the policy and the charter.
    """

    path: str
    family: str
    limits: LimitSet
    strategy: str | None = None
    symbol: str | None = None
    regime: str | None = None
    overlay: str | None = None

    @property
    def stated(self) -> dict[str, object]:
        """The limits that it states, by name, in the order of the model."""
        found = {name: getattr(self.limits, name) for name in LIMIT_KINDS}
        return {name: value for name, value in found.items() if value is not None}

    def applies(self, place: Place) -> bool:
        """Return whether it is about intents of this place."""
        return all(
            own in (None, ANY, other)
            for own, other in (
                (self.strategy, place.strategy),
                (self.symbol, place.symbol),
                (self.regime, place.regime),
            )
        )

    def is_named_in(self, entries: str | None) -> bool:
        """Return whether it is the entry that binds, or one of those that bind together."""
        return entries is not None and f" & {self.path} & " in f" & {entries} & "


def entries_of(document: PolicyDocument, charter: Charter) -> list[Entry]:
    """Return every entry of policy, overlays and charter."""
    found = list(_entries("", document.policy, None))
    for overlay in document.overlays:
        found += _entries(f"overlays.{overlay.overlay_id}.", overlay, overlay.overlay_id)
    return [*found, Entry(CHARTER, CHARTER, charter.bounds)]


def _entries(prefix: str, families: Families, overlay: str | None) -> Iterator[Entry]:
    yield Entry(f"{prefix}fund", "fund", families.fund, overlay=overlay)
    for symbol, limits in families.symbols.items():
        path = f"{prefix}symbols.{symbol}"
        yield Entry(path, "symbols", limits, symbol=symbol, overlay=overlay)
    for strategy, limits in families.strategies.items():
        path = f"{prefix}strategies.{strategy}"
        yield Entry(path, "strategies", limits, strategy=strategy, overlay=overlay)
    for strategy, by_symbol in families.strategy_symbols.items():
        for symbol, limits in by_symbol.items():
            path = f"{prefix}strategy_symbols.{strategy}.{symbol}"
            yield Entry(
                path, "strategy_symbols", limits, strategy=strategy, symbol=symbol, overlay=overlay
            )
    for regime, limits in families.regimes.items():
        path = f"{prefix}regimes.{regime}"
        yield Entry(path, "regimes", limits, regime=regime, overlay=overlay)


def places_of(entries: Iterable[Entry], fields: Iterable[str] = LIMIT_KINDS) -> list[Place]:
    """Return one place for each that these entries tell apart by these limits, others first."""
    asked = frozenset(fields)
    telling = [one for one in entries if asked & one.stated.keys()]
    strategies = _alike(OTHER_STRATEGY, telling, lambda one: one.strategy, "allowed_strategies")
    symbols = _alike(OTHER_SYMBOL, telling, lambda one: one.symbol, "allowed_symbols")
    named = sorted({one.regime for one in telling if one.regime not in (None, ANY)}, key=str)
    regimes = (OTHER_REGIME, None, *named)
    return [Place(*one) for one in product(strategies, symbols, regimes)]


def _alike(
    other: str, entries: list[Entry], name_in: Callable[[Entry], str | None], listing: str
) -> list[str]:
    """Return one name for each group of names that the same entries and lists are about."""
    about = {name for one in entries if (name := name_in(one)) not in (None, ANY)}
    lists = [found for one in entries if (found := one.stated.get(listing)) is not None]
    listed = {name for one in lists for name in _names(one)}
    groups: dict[object, str] = {}
    for name in (other, *sorted((about | listed) - {None, ANY}, key=str)):
        member = tuple(name in _names(one) for one in lists)
        groups.setdefault((name if name in about else None, member), str(name))
    return list(groups.values())


def _names(listed: object) -> frozenset[str]:
    return listed if isinstance(listed, frozenset) else frozenset()
