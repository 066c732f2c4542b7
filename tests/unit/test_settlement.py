from dataclasses import replace
from datetime import UTC, datetime
from decimal import Decimal

import pytest

from petrosa_cio.audit.lots import Lot, close, filled, read_lot, write_lot
from petrosa_cio.audit.settlement import Books, SettlementOutcome, Step, after, settle
from petrosa_cio.ports import Settlement, SettlementKind
from petrosa_cio.risk.execution import ExecutionEvent, ExecutionKind
from petrosa_cio.risk.intent import Direction

NOON = datetime(2026, 11, 23, 12, tzinfo=UTC)
ENTRY = ExecutionEvent(
    ExecutionKind.FILLED, "d1", "4711", "BTCUSDT", Direction.LONG,
    quantity=Decimal("0.5"), price=Decimal(100), at=NOON,
)  # fmt: skip
PART = replace(ENTRY, kind=ExecutionKind.PARTIAL_FILL, quantity=Decimal("0.2"))
EXIT = replace(ENTRY, order_id="9", is_exit=True, price=Decimal(90))
REFUSAL = ExecutionEvent(ExecutionKind.REJECTED, "d1", "")
RESERVED = Books({}, {"d1": 600_000})


def lot(decision_id: str, quantity: str, units: int, since: int = 1) -> Lot:
    return Lot(
        decision_id, "BTCUSDT", Direction.LONG, since, Decimal(quantity), units, is_final=True
    )


def told(books: Books, *events: ExecutionEvent) -> tuple[Books, Step]:
    """Settle some reports in order, and return the books and the last step."""
    step = Step(SettlementOutcome.WITHOUT_EFFECT)
    for number, event in enumerate(events):
        step = settle(event, books, sequence=number)
        books = after(books, step)
    return books, step


def effects(step: Step) -> list[tuple[SettlementKind, str, int]]:
    return [(one.kind, one.decision_id, one.units) for one in step.settlements]


def test_a_refusal_releases_the_reservation() -> None:
    books, step = told(RESERVED, REFUSAL)
    assert step.settlements == (Settlement("d1:rejected>d1", SettlementKind.RELEASE, "d1"),)
    assert books.reserved == {}


def test_a_fill_books_what_was_really_bought() -> None:
    books, step = told(RESERVED, ENTRY)
    assert effects(step) == [(SettlementKind.BOOK, "d1", 500_000)]
    assert books.lots["d1"].quantity == Decimal("0.5")


def test_cost_is_rounded_up_to_the_next_unit() -> None:
    odd = replace(ENTRY, quantity=Decimal(1), price=Decimal("0.00001"))
    assert effects(told(RESERVED, odd)[1]) == [(SettlementKind.BOOK, "d1", 1)]


def test_a_partial_fill_keeps_the_reservation() -> None:
    books, step = told(RESERVED, PART)
    assert (step.outcome, effects(step)) == (SettlementOutcome.SETTLED, [])
    assert books.reserved == {"d1": 600_000}


def test_partial_fills_beyond_the_reservation_are_booked() -> None:
    more = replace(PART, quantity=Decimal("0.5"), at=NOON.replace(minute=1))
    assert effects(told(RESERVED, PART, more)[1]) == [(SettlementKind.BOOK, "d1", 700_000)]


def test_the_final_fill_is_added_to_the_partial_ones() -> None:
    assert effects(told(RESERVED, PART, ENTRY)[1]) == [(SettlementKind.BOOK, "d1", 700_000)]


def test_a_refusal_after_a_partial_fill_gives_only_the_rest_back() -> None:
    assert effects(told(RESERVED, PART, REFUSAL)[1]) == [(SettlementKind.BOOK, "d1", 200_000)]


def test_a_refusal_after_a_fill_takes_nothing_away() -> None:
    assert effects(told(RESERVED, ENTRY, REFUSAL)[1]) == [(SettlementKind.BOOK, "d1", 500_000)]


def test_an_exit_of_everything_releases_the_decision() -> None:
    books, step = told(RESERVED, ENTRY, EXIT)
    assert effects(step) == [(SettlementKind.RELEASE, "d1", 0)]
    assert (books.lots, books.reserved) == ({}, {})


def test_an_exit_of_a_part_takes_the_share_of_the_entry_cost() -> None:
    part = replace(EXIT, quantity=Decimal("0.1"))
    assert effects(told(RESERVED, ENTRY, part)[1]) == [(SettlementKind.BOOK, "d1", 400_000)]


def test_an_exit_of_more_closes_the_oldest_of_the_same_side() -> None:
    other_side = replace(lot("s", "9", 9, since=0), direction=Direction.SHORT)
    other_symbol = replace(lot("e", "9", 9, since=0), symbol="ETHUSDT")
    lots = {
        one.decision_id: one
        for one in (
            lot("new", "1", 100, since=3), lot("d1", "1", 100, since=2), lot("old", "1", 100),
            other_side, other_symbol,
        )
    }  # fmt: skip
    reserved = {key: one.units for key, one in lots.items()}
    books, step = told(Books(lots, reserved), replace(EXIT, quantity=Decimal("2.5")))
    assert effects(step) == [
        (SettlementKind.RELEASE, "d1", 0),
        (SettlementKind.RELEASE, "old", 0),
        (SettlementKind.BOOK, "new", 50),
    ]
    assert sorted(books.lots) == ["e", "new", "s"]


def test_an_exit_of_more_than_there_is_closes_all() -> None:
    books, _ = told(RESERVED, ENTRY, replace(EXIT, quantity=Decimal(7)))
    assert (books.lots, books.reserved) == ({}, {})


def test_an_exit_between_partial_fills_leaves_the_reservation_until_the_last() -> None:
    stopped_out = replace(EXIT, quantity=Decimal("0.2"))
    books, step = told(RESERVED, PART, stopped_out)
    assert effects(step) == []
    assert books.reserved == {"d1": 600_000}
    assert effects(told(books, REFUSAL)[1]) == [(SettlementKind.RELEASE, "d1", 0)]
    assert effects(told(books, ENTRY)[1]) == [(SettlementKind.BOOK, "d1", 500_000)]


def test_an_exit_without_its_side_closes_the_side_of_its_decision() -> None:
    assert effects(told(RESERVED, ENTRY, replace(EXIT, direction=None, symbol=None))[1]) == [
        (SettlementKind.RELEASE, "d1", 0)
    ]


@pytest.mark.parametrize(
    ("outcome", "events"),
    [
        (SettlementOutcome.WITHOUT_EFFECT, [replace(ENTRY, kind=ExecutionKind.PLACED)]),
        (SettlementOutcome.WITHOUT_EFFECT, [replace(ENTRY, kind=ExecutionKind.FORCE_CLOSED)]),
        (SettlementOutcome.WITHOUT_DECISION, [replace(ENTRY, decision_id="")]),
        (SettlementOutcome.WITHOUT_DECISION, [replace(REFUSAL, decision_id="")]),
        (SettlementOutcome.WITHOUT_DECISION, [ENTRY, replace(EXIT, decision_id="")]),
        (SettlementOutcome.NOTHING_HELD, [replace(REFUSAL, decision_id="other")]),
        (SettlementOutcome.NOTHING_HELD, [EXIT]),
        (SettlementOutcome.NOTHING_HELD, [ENTRY, EXIT, EXIT]),
        (SettlementOutcome.NOT_RESERVED, [replace(ENTRY, decision_id="other")]),
        (SettlementOutcome.NOT_RESERVED, [REFUSAL, ENTRY]),
        (SettlementOutcome.INCOMPLETE, [replace(ENTRY, quantity=None)]),
        (SettlementOutcome.INCOMPLETE, [replace(ENTRY, price=None)]),
        (SettlementOutcome.INCOMPLETE, [replace(ENTRY, symbol=None)]),
        (SettlementOutcome.INCOMPLETE, [replace(ENTRY, direction=None)]),
        (SettlementOutcome.INCOMPLETE, [ENTRY, replace(EXIT, quantity=None)]),
        (SettlementOutcome.CONTRADICTORY, [PART, replace(ENTRY, direction=Direction.SHORT)]),
        (SettlementOutcome.CONTRADICTORY, [ENTRY, replace(EXIT, symbol="ETHUSDT")]),
        (SettlementOutcome.REPEATED, [ENTRY, ENTRY]),
        (SettlementOutcome.REPEATED, [ENTRY, replace(ENTRY, at=None, reason="streamed")]),
        (SettlementOutcome.REPEATED, [PART, PART]),
        (
            SettlementOutcome.REPEATED,
            [ENTRY, *[replace(EXIT, quantity=Decimal("0.1"))] * 2],
        ),
    ],
)
def test_what_changes_nothing_says_why(
    outcome: SettlementOutcome, events: list[ExecutionEvent]
) -> None:
    before, _ = told(RESERVED, *events[:-1])
    books, step = told(before, events[-1])
    assert (step.outcome, step.settlements, step.lots) == (outcome, (), {})
    assert books == before


def test_a_lot_is_kept_exactly() -> None:
    kept = filled(
        lot("d", "1.10", 3), Decimal("0.000000000000000001"), Decimal(1), event="e", is_final=False
    )
    assert read_lot(write_lot(kept)) == kept


def test_what_is_left_of_a_lot_is_rounded_up() -> None:
    left, excess = close(lot("d", "3", 100), Decimal(1), event="e")
    assert left.units == 67
    assert not excess
