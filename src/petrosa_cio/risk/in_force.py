"""Which limits are in force for one intent, and which entry states each.

In force is the *meet* of one entry per family, of the overlays that have not expired, and of the
charter. It is worked out once per (strategy, symbol, regime) and kept, so that judging an intent
only compares numbers.
"""

from bisect import bisect_right
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from petrosa_cio.risk.claims import RateClaim
from petrosa_cio.risk.limits import LIMIT_KINDS, LimitSet
from petrosa_cio.risk.policy import ANY, Charter, Families, PolicyDocument, document_hash

CACHE_SIZE = 4_096

COUNTERS_KEPT = 1_024
"""Where one entry governs all strategies, rates of so many are kept worked out."""

SUMMED_LIMITS = (
    "max_strategy_exposure_usd",
    "max_net_long_usd",
    "max_net_short_usd",
    "max_group_exposure_usd",
    "max_portfolio_leverage",
    "max_open_orders",
)
"""The limits that are asked of the ledger only where they are stated."""

_CHARTER_ONLY = "charter"


@dataclass(frozen=True, slots=True)
class SymbolList:
    """The symbols that some entries admit together, and the entry that binds."""

    symbols: frozenset[str]
    entry: str


@dataclass(frozen=True, slots=True)
class InForce:
    """The limits for one intent.

    Attributes:
        limits: Every limit, the strictest of all that apply.
        entries: For each stated limit, the path of the entry that binds.
        missing: Required limits that nobody set.
        own_symbols: What the strategy's own entries admit; None where they do not say.
        common_symbols: What all other entries admit; None where they do not say.
        ceilings: Limits on exposure in ledger units, by the limit's name, as they were worked out.
        has_sums: Whether any limit on a sum of exposures is stated: see `summed_limits`.
        rates: What was worked out of them, by whom it counts; see `rates_of` and `repetitions_of`.
    """

    limits: LimitSet
    entries: Mapping[str, str]
    missing: tuple[str, ...] = ()
    own_symbols: SymbolList | None = None
    common_symbols: SymbolList | None = None
    has_sums: bool = field(init=False, repr=False, compare=False)
    ceilings: dict[str, int] = field(init=False, repr=False, compare=False, default_factory=dict)
    rates: dict[str, tuple[RateClaim, ...]] = field(
        init=False, repr=False, compare=False, default_factory=dict
    )

    def __post_init__(self) -> None:
        """Look once whether anything is to be summed up."""
        stated = any(getattr(self.limits, name) is not None for name in SUMMED_LIMITS)
        object.__setattr__(self, "has_sums", stated)

    def keep_rates(self, key: str, rates: tuple[RateClaim, ...]) -> tuple[RateClaim, ...]:
        """Keep rates that were worked out, and return them; those of too many are forgotten."""
        if len(self.rates) >= COUNTERS_KEPT:
            self.rates.clear()
        self.rates[key] = rates
        return rates


@dataclass(frozen=True, slots=True)
class _Stated:
    """One limit that one entry states; ``is_own`` where that entry is about the strategy."""

    path: str
    field: str
    value: object
    is_own: bool = False


@dataclass(frozen=True, slots=True)
class PolicyBook:
    """A policy document with its charter, ready to be asked.

    Attributes:
        document: Policy and overlays.
        charter: The bounds.
        revision: Revision of the document in the store; 0 outside any store.
    """

    document: PolicyDocument
    charter: Charter
    revision: int = 0
    policy_hash: str = field(init=False)
    charter_hash: str = field(init=False)
    _expiries: tuple[datetime, ...] = field(init=False)
    _cache: dict[tuple[str, str, str | None, int], InForce] = field(
        init=False, repr=False, compare=False, default_factory=dict
    )

    def __post_init__(self) -> None:
        """Work out what never changes."""
        set_once = object.__setattr__
        set_once(self, "policy_hash", document_hash(self.document))
        set_once(self, "charter_hash", document_hash(self.charter))
        expiries = tuple(sorted(overlay.expires_at for overlay in self.document.overlays))
        set_once(self, "_expiries", expiries)

    def in_force(self, strategy: str, symbol: str, regime: str | None, now: datetime) -> InForce:
        """Return the limits for an intent; ``regime`` is None when it is not known."""
        key = (strategy, symbol, regime, bisect_right(self._expiries, now))
        found = self._cache.get(key)
        if found is None:
            if len(self._cache) >= CACHE_SIZE:
                self._cache.clear()
            found = self._cache[key] = self._work_out(strategy, symbol, regime, now)
        return found

    def _work_out(self, strategy: str, symbol: str, regime: str | None, now: datetime) -> InForce:
        stated = _stated_by("", self.document.policy, strategy, symbol, regime)
        for overlay in self.document.overlays:
            if overlay.is_active(now):
                prefix = f"overlays.{overlay.overlay_id}."
                stated += _stated_by(prefix, overlay, strategy, symbol, regime)
        return meet_all(stated + _charter_stated(self.charter), self.charter.required_limits)


def charter_in_force(charter: Charter) -> InForce:
    """Return what is in force when there is no policy at all: the charter's bounds."""
    return meet_all(_charter_stated(charter), charter.required_limits)


def meet_all(stated: list[_Stated], required_limits: frozenset[str]) -> InForce:
    """Return the meet of stated limits; the first of equally strict entries is named."""
    values, entries = _meet(stated)
    missing = tuple(sorted(required_limits - values.keys()))
    return InForce(
        _unchecked(values),
        entries,
        missing,
        own_symbols=_symbols([one for one in stated if one.is_own]),
        common_symbols=_symbols([one for one in stated if not one.is_own]),
    )


def _meet(stated: list[_Stated]) -> tuple[dict[str, Any], dict[str, str]]:
    values: dict[str, Any] = {}
    entries: dict[str, str] = {}
    for one in stated:
        met = LIMIT_KINDS[one.field].meet_optional(values.get(one.field), one.value)
        if one.field not in values or met != values[one.field]:
            joint = one.field in values and met != one.value
            entries[one.field] = f"{entries[one.field]} & {one.path}" if joint else one.path
        values[one.field] = met
    return values, entries


def _symbols(stated: list[_Stated]) -> SymbolList | None:
    field = "allowed_symbols"
    values, entries = _meet([one for one in stated if one.field == field])
    return SymbolList(values[field], entries[field]) if values else None


def _unchecked(values: dict[str, Any]) -> LimitSet:
    # Every value was validated with the document it comes from.
    return LimitSet.model_construct(**values)


def _charter_stated(charter: Charter) -> list[_Stated]:
    return _statements({_CHARTER_ONLY: charter.bounds})


def standing_entries(
    prefix: str, families: Families, strategy: str, symbol: str, regime: str | None
) -> list[tuple[str, str]]:
    """Return the entries of one document that an intent is judged by: (path, limit) of each.

    It is what the strictest is then chosen from, together with other documents and the charter.

    Args:
        prefix: What the paths begin with: empty for the policy, ``overlays.<id>.`` for an overlay.
        families: The document.
        strategy: The strategy; ``*`` for one that has no entry of its own.
        symbol: The symbol, alike.
        regime: The market regime; None where it is not known.
    """
    stated = _stated_by(prefix, families, strategy, symbol, regime)
    return [(one.path, one.field) for one in stated]


def _stated_by(
    prefix: str, families: Families, strategy: str, symbol: str, regime: str | None
) -> list[_Stated]:
    """Return what one document states, family by family, specific entries over defaults."""
    chains = (
        (False, {"fund": families.fund}),
        (False, entry_chain("symbols", families.symbols, symbol)),
        (True, entry_chain("strategies", families.strategies, strategy)),
        (True, pair_entries(families, strategy, symbol)),
        (False, entry_chain("regimes", families.regimes, regime)),
    )
    return [
        _Stated(prefix + one.path, one.field, one.value, is_own)
        for is_own, chain in chains
        for one in _statements(chain)
    ]


def entry_chain(
    path: str, entries: Mapping[str, LimitSet], name: str | None
) -> dict[str, LimitSet]:
    """Return the family's default and then its specific entry, where there are such."""
    names = (ANY, name) if name != ANY else (ANY,)
    return {f"{path}.{key}": entries[key] for key in names if key is not None and key in entries}


def pair_entries(families: Families, strategy: str, symbol: str) -> dict[str, LimitSet]:
    """Return the entries about a strategy and a symbol, from the most general to the own one."""
    pairs = families.strategy_symbols
    return {
        path: limits
        for name in dict.fromkeys((ANY, strategy))
        for path, limits in entry_chain(
            f"strategy_symbols.{name}", pairs.get(name, {}), symbol
        ).items()
    }


def stated_limits(chain: Mapping[str, LimitSet]) -> LimitSet:
    """Return what a chain of entries of one family amounts to."""
    return _unchecked({one.field: one.value for one in _statements(chain)})


def _statements(chain: Mapping[str, LimitSet]) -> list[_Stated]:
    """Return what a chain of entries of one family states: later ones replace field by field."""
    found: dict[str, _Stated] = {}
    for path, limits in chain.items():
        for name in LIMIT_KINDS:
            value = getattr(limits, name)
            if value is not None:
                found[name] = _Stated(path, name, value)
    return list(found.values())
