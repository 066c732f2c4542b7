"""Every limit in force for a scope, who states it, and how much of it is used.

What is used is what the ledger counts: exposure by counter, and the events of a strategy in a
window. Limits on one order have no use of their own.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from decimal import Decimal

from petrosa_cio.risk.claims import from_units
from petrosa_cio.risk.counters import (
    GROSS,
    OPEN_ORDERS,
    group_name,
    is_position,
    position_counter,
    side_name,
    side_of,
    strategy_counter,
    symbol_of,
)
from petrosa_cio.risk.in_force import InForce
from petrosa_cio.risk.intent import Direction
from petrosa_cio.risk.limits import LIMIT_KINDS, LimitSet
from petrosa_cio.risk.policy import ANY
from petrosa_cio.risk.shared_limits import rate_counters
from petrosa_cio.risk.summed_limits import NET_LIMITS
from petrosa_cio.risk.symbol_groups import SymbolGroups
from petrosa_cio.risk.warning_bands import BANDS

_SHARE_STEP = Decimal("0.0001")


@dataclass(frozen=True, slots=True)
class Asked:
    """Whom the question is about; ``*`` stands for any that has no entry of its own.

    Attributes:
        strategy: Name of a strategy.
        token: That name as one subject token, as the ledger counts.
        symbol: A symbol in capitals.
    """

    strategy: str = ANY
    token: str = ANY
    symbol: str = ANY


@dataclass(frozen=True, slots=True)
class Counted:
    """What the ledger counts.

    Attributes:
        exposure: Units in use by counter.
        events: Events in the window of each rate limit, by the limit's name.
    """

    exposure: Mapping[str, int] = field(default_factory=dict)
    events: Mapping[str, int] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Use:
    """How much of a limit is used by one thing.

    Attributes:
        about: The counter: ``gross``, ``position:BTCUSDT:long``, ``intents:momentum``.
        used: In the limit's own unit.
        limit: The limit for this very thing; None where nothing limits it.
    """

    about: str
    used: Decimal
    limit: Decimal | None

    @property
    def share(self) -> Decimal | None:
        """Used divided by limit; None without a limit, 1 where a limit of 0 is used up."""
        if self.limit is None:
            return None
        return (self.used / self.limit).quantize(_SHARE_STEP) if self.limit else Decimal(1)

    @property
    def band_pct(self) -> int:
        """The highest warning band that was reached: 50, 80, 100 percent of the limit, or 0."""
        if self.limit is None:
            return 0
        return max((one for one in BANDS if self.used * 100 >= one * self.limit), default=0)


@dataclass(frozen=True, slots=True)
class LimitLine:
    """One limit as it stands.

    Attributes:
        name: Its field in the policy.
        value: What is in force; None where nobody states it.
        unit: Unit of the value.
        entry: The entry that binds; None where nobody states it.
        is_missing: Whether the charter requires it and nobody states it.
        uses: What is used of it, the most used first; empty where nothing is counted.
    """

    name: str
    value: object | None
    unit: str
    entry: str | None
    is_missing: bool
    uses: tuple[Use, ...] = ()

    @property
    def description(self) -> str:
        """What it limits."""
        return LimitSet.model_fields[self.name].description or ""


def limit_lines(
    asked: Asked, limits_for: Callable[[str], InForce], counted: Counted | None
) -> list[LimitLine]:
    """Return every limit, in the order of the policy reference.

    Args:
        asked: Whom it is about.
        limits_for: What is in force for the strategy asked about and a symbol.
        counted: What the ledger counts; None where it was not asked.
    """
    in_force = limits_for(asked.symbol)
    uses = {} if counted is None else _uses(asked, limits_for, counted)
    return [
        LimitLine(
            name=name,
            value=getattr(in_force.limits, name),
            unit=kind.unit,
            entry=in_force.entries.get(name),
            is_missing=name in in_force.missing,
            uses=uses.get(name, ()),
        )
        for name, kind in LIMIT_KINDS.items()
    ]


def _uses(
    asked: Asked, limits_for: Callable[[str], InForce], counted: Counted
) -> dict[str, tuple[Use, ...]]:
    limits = limits_for(asked.symbol).limits
    counters = rate_counters(asked.token, asked.symbol)
    gross = from_units(counted.exposure.get(GROSS, 0))
    return {
        "max_gross_exposure_usd": (Use(GROSS, gross, limits.max_gross_exposure_usd),),
        "max_position_usd": _positions(asked.symbol, limits_for, counted.exposure),
        **_sums(asked, limits, counted.exposure),
        **{
            name: (Use(counter, Decimal(counted.events[name]), getattr(limits, name)),)
            for name, (counter, _) in counters.items()
            if name in counted.events
        },
    }


def _sums(
    asked: Asked, limits: LimitSet, exposure: Mapping[str, int]
) -> dict[str, tuple[Use, ...]]:
    """Return what is used of the limits on sums, as the ledger counts: those that are stated."""
    found: dict[str, tuple[Use, ...]] = {}
    strategy, orders = limits.max_strategy_exposure_usd, limits.max_open_orders
    if strategy is not None and asked.token != ANY:
        counter = strategy_counter(asked.token)
        used = from_units(exposure.get(counter, 0))
        found["max_strategy_exposure_usd"] = (Use(counter, used, strategy),)
    if orders is not None:
        used = from_units(exposure.get(OPEN_ORDERS, 0))
        found["max_open_orders"] = (Use(OPEN_ORDERS, used, Decimal(orders)),)
    positions = {one: units for one, units in exposure.items() if is_position(one)}
    for direction, name in NET_LIMITS.items():
        if (most := getattr(limits, name)) is not None:
            held = sum(units for one, units in positions.items() if side_of(one) == direction)
            found[name] = (Use(side_name(direction), from_units(held), most),)
    if limits.max_group_exposure_usd is not None:
        found["max_group_exposure_usd"] = _groups(limits.max_group_exposure_usd, positions)
    return found


def _groups(groups: SymbolGroups, positions: Mapping[str, int]) -> tuple[Use, ...]:
    found = []
    for name, cap in groups.caps:
        held = sum(units for one, units in positions.items() if symbol_of(one) in cap.symbols)
        found.append(Use(group_name(name), from_units(held), cap.usd))
    return tuple(found)


def _positions(
    symbol: str, limits_for: Callable[[str], InForce], exposure: Mapping[str, int]
) -> tuple[Use, ...]:
    """Return the exposure to the symbol on each side, or to every symbol that has any."""
    if symbol == ANY:
        counters = [name for name in exposure if is_position(name)]
    else:
        counters = [position_counter(symbol, direction) for direction in Direction]
    uses = [
        Use(
            counter,
            from_units(exposure.get(counter, 0)),
            limits_for(symbol_of(counter)).limits.max_position_usd,
        )
        for counter in counters
    ]
    return tuple(sorted(uses, key=lambda use: (-(use.share or 0), use.about)))
