"""What is held because of a decision: quantity and exposure, from its first fill to its last exit.

Plain arithmetic. Quantities are in base units; exposure is in ledger units at the price of entry,
rounded up, so that it is never understated. The market's price of the day does not matter here: the
limits on exposure are limits on what was put in.
"""

from collections.abc import Iterable
from dataclasses import asdict, dataclass, replace
from decimal import ROUND_CEILING, Decimal

import orjson

from petrosa_cio.risk.claims import MAX_UNITS, to_units
from petrosa_cio.risk.intent import Direction


@dataclass(frozen=True, slots=True)
class Lot:
    """What one decision holds.

    Attributes:
        decision_id: The decision.
        symbol: The symbol.
        direction: Long or short.
        since: Number of its first fill in the stream, to tell older from newer.
        quantity: Base units filled and not yet closed.
        units: What these cost, in ledger units.
        is_final: True when no more fills are expected.
        events: The reports that made it what it is, to take none of them twice.
    """

    decision_id: str
    symbol: str
    direction: Direction
    since: int
    quantity: Decimal = Decimal(0)
    units: int = 0
    is_final: bool = False
    events: tuple[str, ...] = ()

    @property
    def is_over(self) -> bool:
        """True when nothing is held and nothing more is to come."""
        return self.is_final and not self.quantity


def filled(lot: Lot, quantity: Decimal, price: Decimal, *, event: str, is_final: bool) -> Lot:
    """Return the lot after a further fill."""
    return replace(
        lot,
        quantity=lot.quantity + quantity,
        units=min(lot.units + to_units(quantity * price), MAX_UNITS),
        is_final=lot.is_final or is_final,
        events=(*lot.events, event),
    )


def close(lot: Lot, quantity: Decimal, *, event: str) -> tuple[Lot, Decimal]:
    """Return the lot after an exit, and how much of the exit it had no quantity for."""
    closed = min(quantity, lot.quantity)
    left = lot.quantity - closed
    share = left / lot.quantity if left else Decimal(0)
    units = int((lot.units * share).to_integral_value(ROUND_CEILING))
    after = replace(lot, quantity=left, units=units, events=(*lot.events, event))
    return after, quantity - closed


def others_on(lot: Lot, lots: Iterable[Lot]) -> list[Lot]:
    """Return the other lots of the same position, the oldest first."""
    same = [
        other
        for other in lots
        if (other.symbol, other.direction) == (lot.symbol, lot.direction)
        and other.decision_id != lot.decision_id
        and other.quantity
    ]
    return sorted(same, key=lambda other: other.since)


def write_lot(lot: Lot) -> bytes:
    """Return a lot as JSON, its quantity as exact text."""
    return orjson.dumps(asdict(lot) | {"quantity": str(lot.quantity)})


def read_lot(stored: bytes) -> Lot:
    """Return a lot from what `write_lot` wrote."""
    fields = orjson.loads(stored)
    return Lot(
        **fields
        | {
            "direction": Direction(fields["direction"]),
            "quantity": Decimal(fields["quantity"]),
            "events": tuple(fields["events"]),
        }
    )
