"""What a report of the order engine does to exposure. Pure: books and a report in, a step out.

- A **refusal** gives a reservation back; after partial fills, all of it but what was filled.
- A **fill** replaces the reservation by what was really bought: quantity times price.
- A **partial fill** adds to what is held. The rest of the reservation stays until the final fill or
  a refusal, as more may come.
- An **exit** closes what its decision holds and, where it closes more than that, the oldest of the
  same symbol and side: a position is one to the venue, whoever opened it. Exposure falls by the
  share of the *entry's* cost. A decision that holds nothing more is released.

Exposure thereby stays the sum of what each decision holds. Nothing is guessed: a report without a
decision, or of one that holds nothing, changes nothing and is told apart. Wherever the engine's
words leave a doubt, exposure is left too high rather than too low, until it is compared with a
portfolio:

- the engine does not say whether a final fill counts the partial ones again: it is added to them;
- a cancelled remainder is not reported at all: the reservation of a partial fill stays;
- an exit that comes before the fill it closes finds nothing to close;
- a position closed by force, for want of stops, comes without a quantity: it is left as it is.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from enum import StrEnum

from petrosa_cio.audit.lots import Lot, close, filled, others_on
from petrosa_cio.ports import Settlement, SettlementKind
from petrosa_cio.risk.execution import ExecutionEvent, ExecutionKind


class SettlementOutcome(StrEnum):
    """What became of a report."""

    SETTLED = "settled"
    WITHOUT_EFFECT = "without_effect"
    REPEATED = "repeated"
    UNREADABLE = "unreadable"
    INCOMPLETE = "incomplete"
    WITHOUT_DECISION = "without_decision"
    NOTHING_HELD = "nothing_held"
    NOT_RESERVED = "not_reserved"
    CONTRADICTORY = "contradictory"


@dataclass(frozen=True, slots=True)
class Books:
    """What is held and what is reserved, by decision.

    Attributes:
        lots: What was filled.
        reserved: Units that the ledger holds, fills included.
    """

    lots: Mapping[str, Lot]
    reserved: Mapping[str, int]


@dataclass(frozen=True, slots=True)
class Step:
    """What one report changes.

    Attributes:
        outcome: What became of the report. ``not_reserved`` is a fill that the ledger does not
            count: nothing was reserved, or it was released too early.
        settlements: For the ledger.
        lots: Lots as they are afterwards.
    """

    outcome: SettlementOutcome
    settlements: tuple[Settlement, ...] = ()
    lots: Mapping[str, Lot] = field(default_factory=dict)


def after(books: Books, step: Step) -> Books:
    """Return the books after a step."""
    reserved = dict(books.reserved)
    for one in step.settlements:
        if one.kind is SettlementKind.RELEASE:
            reserved.pop(one.decision_id, None)
        else:
            reserved[one.decision_id] = one.units
    lots = {key: lot for key, lot in {**books.lots, **step.lots}.items() if not lot.is_over}
    return Books(lots, reserved)


def settle(event: ExecutionEvent, books: Books, *, sequence: int) -> Step:
    """Return what a report changes.

    Args:
        event: The report.
        books: What is held and reserved before it.
        sequence: Its number in the stream.
    """
    if event.kind in (ExecutionKind.PLACED, ExecutionKind.FORCE_CLOSED):
        return Step(SettlementOutcome.WITHOUT_EFFECT)
    if not event.decision_id:
        return Step(SettlementOutcome.WITHOUT_DECISION)
    if event.kind is ExecutionKind.REJECTED:
        return _refused(event, books)
    return _closed(event, books) if event.is_exit else _opened(event, books, sequence)


def event_identity(event: ExecutionEvent) -> str:
    """Return what tells a report from others of its decision, and not from its repetitions.

    An order has one final fill, however often and by whomever it is reported. Partial fills of one
    order are told apart by what they say.
    """
    if event.kind is ExecutionKind.REJECTED:
        return event.kind
    if event.kind is ExecutionKind.FILLED:
        return f"{event.order_id}:{event.kind}"
    at = event.at.isoformat() if event.at else ""
    return f"{event.order_id}:{event.kind}:{at}:{event.quantity}:{event.price}"


def _refused(event: ExecutionEvent, books: Books) -> Step:
    """Give back what is not filled. There may be no order yet, so the decision is the key."""
    decision_id = event.decision_id
    lot = books.lots.get(decision_id)
    if lot is not None:
        return _changed(event, [replace(lot, is_final=True)])
    if decision_id not in books.reserved:
        return Step(SettlementOutcome.NOTHING_HELD)
    release = Settlement(_key(event, decision_id), SettlementKind.RELEASE, decision_id)
    return Step(SettlementOutcome.SETTLED, (release,))


def _opened(event: ExecutionEvent, books: Books, sequence: int) -> Step:
    quantity, price = event.quantity, event.price
    symbol, direction = event.symbol, event.direction
    if quantity is None or price is None or symbol is None or direction is None:
        return Step(SettlementOutcome.INCOMPLETE)
    lot = books.lots.get(event.decision_id)
    if lot is None and event.decision_id not in books.reserved:
        return Step(SettlementOutcome.NOT_RESERVED)
    lot = lot or Lot(event.decision_id, symbol, direction, sequence)
    if _disagrees(event, lot):
        return Step(SettlementOutcome.CONTRADICTORY)
    identity, is_final = event_identity(event), event.kind is ExecutionKind.FILLED
    if identity in lot.events:
        return Step(SettlementOutcome.REPEATED)
    lot = filled(lot, quantity, price, event=identity, is_final=is_final)
    if lot.is_final or lot.units > books.reserved.get(lot.decision_id, 0):
        return _changed(event, [lot])
    return Step(SettlementOutcome.SETTLED, lots={lot.decision_id: lot})


def _closed(event: ExecutionEvent, books: Books) -> Step:
    lot = books.lots.get(event.decision_id)
    if lot is None:
        return Step(SettlementOutcome.NOTHING_HELD)
    if event.quantity is None:
        return Step(SettlementOutcome.INCOMPLETE)
    if _disagrees(event, lot):
        return Step(SettlementOutcome.CONTRADICTORY)
    identity, left = event_identity(event), event.quantity
    if identity in lot.events:
        return Step(SettlementOutcome.REPEATED)
    closed = []
    for one in (lot, *others_on(lot, books.lots.values())):
        changed, left = close(one, left, event=identity)
        closed.append(changed)
        if not left:
            break
    final = [one for one in closed if one.is_final]
    step = _changed(event, final)
    return replace(step, lots={one.decision_id: one for one in closed})


def _disagrees(event: ExecutionEvent, lot: Lot) -> bool:
    return (event.symbol or lot.symbol) != lot.symbol or (
        event.direction or lot.direction
    ) is not lot.direction


def _changed(event: ExecutionEvent, lots: list[Lot]) -> Step:
    """Let the ledger hold for these decisions exactly what they hold."""
    settlements = tuple(
        Settlement(_key(event, lot.decision_id), SettlementKind.RELEASE, lot.decision_id)
        if lot.is_over
        else Settlement(
            _key(event, lot.decision_id), SettlementKind.BOOK, lot.decision_id, units=lot.units
        )
        for lot in lots
    )
    return Step(SettlementOutcome.SETTLED, settlements, {lot.decision_id: lot for lot in lots})


def _key(event: ExecutionEvent, decision_id: str) -> str:
    """Return the identity under which the ledger applies this once, for one of its decisions."""
    return f"{event.decision_id}:{event_identity(event)}>{decision_id}"
