"""What the fund holds: as it was last seen, as the ledger counts it, and what of limits is used."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import Any

from petrosa_cio.office.limits import Governs
from petrosa_cio.ports import PortfolioStore
from petrosa_cio.risk.claims import MAX_UNITS, from_units
from petrosa_cio.risk.counters import GROSS, LEVERAGE, is_position, side_of, symbol_of
from petrosa_cio.risk.in_force import SUMMED_LIMITS
from petrosa_cio.risk.limits_in_use import Asked, Counted, LimitLine, Use, limit_lines
from petrosa_cio.risk.policy import ANY
from petrosa_cio.risk.portfolio import PortfolioReading
from petrosa_cio.risk.seen_exposure import Seen, is_fresh, seen_exposure

_EXPOSURE = ("max_position_usd", "max_gross_exposure_usd", *SUMMED_LIMITS)
_NOTHING = Seen(0, 0)


@dataclass(frozen=True, slots=True)
class HeldSide:
    """One side of one symbol.

    Attributes:
        symbol: The symbol.
        direction: ``long`` or ``short``.
        seen_usd: What the portfolio shows, USD; None where it tells no positions.
        reserved_usd: What the ledger counts: approved, filled or not, USD; None where it is lost.
        beside_usd: What of the portfolio the ledger did not know, USD.
        strategies: Whose it is, as far as that is known.
    """

    symbol: str
    direction: str
    seen_usd: Decimal | None
    reserved_usd: Decimal | None
    beside_usd: Decimal
    strategies: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Holdings:
    """What the fund holds.

    Attributes:
        reading: The last reading of the portfolio; None where there is none.
        age_s: How old it is, seconds; None alike.
        counts: Whether it is young enough to tighten limits.
        sides: What is held, the largest first.
        limits: The limits on exposure that are stated, with what is used of them.
    """

    reading: PortfolioReading | None
    age_s: float | None
    counts: bool
    sides: tuple[HeldSide, ...]
    limits: tuple[LimitLine, ...]


async def read_holdings(store: PortfolioStore, governs: Governs, now: datetime) -> Holdings:
    """Return what is held. Raises Unavailable."""
    return holdings_of(await store.portfolio(), governs, now)


def holdings_of(reading: PortfolioReading | None, governs: Governs, now: datetime) -> Holdings:
    """Put together what was seen, what the ledger counts, and what is in force."""
    counts = reading is not None and is_fresh(reading, now)
    seen = {} if reading is None else seen_exposure(reading)
    granted = None if governs.counted is None else governs.counted.exposure
    used = _used(granted or {}, seen if counts else {})
    return Holdings(
        reading=reading,
        age_s=None if reading is None else (now - reading.observed_at).total_seconds(),
        counts=counts,
        sides=_sides(reading, seen, granted),
        limits=_limits(governs, used, reading) if granted is not None else (),
    )


def _used(granted: Mapping[str, int], seen: Mapping[str, Seen]) -> dict[str, int]:
    """Return what is used of each counter, as a gate reckons it."""
    found = {}
    for counter in {*granted, *seen}:
        shown = seen.get(counter, _NOTHING)
        used = max(granted.get(counter, 0) + shown.beside, shown.units)
        found[counter] = min(used, MAX_UNITS)
    return {counter: units for counter, units in found.items() if "*" not in counter}


def _sides(
    reading: PortfolioReading | None, seen: Mapping[str, Seen], granted: Mapping[str, int] | None
) -> tuple[HeldSide, ...]:
    tells = reading is not None and reading.tells_positions
    owners: dict[tuple[str, str], list[str]] = {}
    for one in (reading.positions if reading else None) or ():
        if one.strategy is not None:
            owners.setdefault((one.symbol, one.direction), []).append(one.strategy)
    found = []
    for counter in sorted(filter(is_position, {*seen, *(granted or {})} - {"position:*"})):
        symbol, direction = symbol_of(counter), side_of(counter)
        if symbol == ANY:
            continue
        shown = seen.get(counter, _NOTHING)
        found.append(
            HeldSide(
                symbol,
                direction,
                from_units(shown.units) if tells else None,
                None if granted is None else from_units(granted.get(counter, 0)),
                from_units(shown.beside),
                tuple(sorted(owners.get((symbol, direction), ()))),
            )
        )
    return tuple(sorted(found, key=lambda one: -max(one.seen_usd or 0, one.reserved_usd or 0)))


def _limits(
    governs: Governs, used: Mapping[str, int], reading: PortfolioReading | None
) -> tuple[LimitLine, ...]:
    lines = limit_lines(Asked(), governs.limits_for(ANY), Counted(exposure=used))
    found = [line for line in lines if line.name in _EXPOSURE and _limited(line)]
    most = governs.limits_for(ANY)(ANY).limits.max_portfolio_leverage
    equity = None if reading is None else reading.equity_usd
    if most is not None and equity is not None and equity > 0:
        times = from_units(used.get(GROSS, 0)) / equity
        use = Use(LEVERAGE, times, most)
        (line,) = [one for one in lines if one.name == "max_portfolio_leverage"]
        found.append(LimitLine(line.name, line.value, line.unit, line.entry, False, (use,)))
    return tuple(found)


def _limited(line: LimitLine) -> bool:
    return any(use.limit is not None for use in line.uses)


def holdings_fields(holdings: Holdings) -> dict[str, Any]:
    """Return what is held for a program; exact numbers are text, what is not known is null."""
    reading = holdings.reading
    return {
        "source": None if reading is None else reading.source,
        "observed_at": None if reading is None else reading.observed_at,
        "age_s": holdings.age_s,
        "counts": holdings.counts,
        "equity_usd": None if reading is None else _text(reading.equity_usd),
        "open_orders": None if reading is None else reading.open_orders,
        "doubts": [] if reading is None else list(reading.doubts),
        "positions": [
            {
                "symbol": one.symbol,
                "direction": one.direction,
                "seen_usd": _text(one.seen_usd),
                "reserved_usd": _text(one.reserved_usd),
                "beside_usd": _text(one.beside_usd),
                "strategies": list(one.strategies),
            }
            for one in holdings.sides
        ],
        "limits": [
            {
                "limit": line.name,
                "about": use.about,
                "used": _text(use.used),
                "most": _text(use.limit),
                "unit": line.unit,
                "entry": line.entry,
                "band_pct": use.band_pct,
            }
            for line in holdings.limits
            for use in line.uses
        ],
    }


def _text(number: Decimal | None) -> str | None:
    return None if number is None else f"{number:f}"
