"""The demo's account: intents and verdicts found together, counted, and held against the record."""

from typing import Any

import orjson
import pytest

from petrosa_cio.demo.book import Book, Verdict
from petrosa_cio.demo.intents import Cue
from petrosa_cio.demo.summary import (
    Row,
    after_of,
    latency_of,
    proof_of,
    rows_of,
    total_of,
)

CUE = Cue(0.5, "whale", "intent.whale", {"symbol": "BTCUSDT", "action": "buy"})
CUT = ["NOTIONAL_ABOVE_MAX", "reduce", "1000", "2500", "", "fund", "0.02"]


def record(sequence: int = 1, kind: str = "approve", *reasons: list[str]) -> dict[str, Any]:
    said = {"kind": kind, "reasons": reasons, "quantity": "0.02", "requested_quantity": "0.05"}
    return {
        "kind": "verdict", "decision_id": f"d{sequence}", "verdict": said,
        "source": {"sequence": sequence, "stream": "CIO_INTENTS"},
    }  # fmt: skip


def later(kind: str, reason: str, sequence: int = 1) -> dict[str, Any]:
    return {"kind": kind, "decision_id": f"d{sequence}", "reason": reason}


def lines(*records: dict[str, Any]) -> bytes:
    return b"\n".join(map(orjson.dumps, records))


def answer(sequence: int = 1) -> bytes:
    return orjson.dumps({"decision_id": f"d{sequence}", "verdict": "approve", "reasons": []})


def open_book() -> tuple[Book, list[Verdict]]:
    told: list[Verdict] = []
    return Book(told.append), told


def whale(book: Book) -> Row:
    return next(row for row in rows_of(book) if row.bot == "whale")


@pytest.mark.parametrize("record_first", [True, False])
def test_intent_and_verdict_meet_whichever_comes_first(record_first: bool) -> None:
    book, told = open_book()
    if record_first:
        book.journaled(lines(record(1, "reduce", CUT)))
    assert not told
    book.capture(CUE, 1, 0.0)
    if not record_first:
        assert book.undecided == 1
        book.journaled(lines(record(1, "reduce", CUT)))
    (verdict,) = told
    assert (verdict.cue, verdict.outcome, verdict.codes) == (CUE, "reduce", [CUT[0]])
    assert (verdict.requested, verdict.quantity) == ("0.05", "0.02")
    assert book.undecided == 0


def test_a_second_record_of_one_intent_is_told_apart() -> None:
    book, told = open_book()
    book.journaled(lines(record(1), record(1)))
    book.capture(CUE, 1, 0.0)
    book.journaled(lines(record(1)))
    assert (len(told), book.repeated) == (1, 2)
    assert not proof_of(book, {"d1": "approve"}).holds


def test_a_withdrawn_approval_counts_as_denied() -> None:
    book, told = open_book()
    book.capture(CUE, 1, 0.0)
    book.journaled(lines(record(1), later("withdrawal", "FUND_HALTED")))
    assert (told[0].outcome, told[0].codes) == ("deny", ["FUND_HALTED"])
    row = whale(book)
    assert (row.approved, row.denied, row.reasons) == (0, 1, (("FUND_HALTED", 1),))
    assert after_of(book) == {"withdrawal": 1, "undelivered": 0, "unconfirmed": 0}


def test_changes_of_what_governs_are_no_verdicts() -> None:
    book, told = open_book()
    book.journaled(lines({"kind": "change", "decision_id": "c", "change": {}}))
    assert not told
    assert not book.later


def test_what_others_ask_at_the_door_is_none_of_its_business() -> None:
    book, told = open_book()
    book.capture(CUE, 1, 0.0)
    asked = [record(number) | {"source": {"sequence": 1, "stream": ""}} for number in (8, 9)]
    book.journaled(lines(*asked, later("undelivered", "nobody", 8), record(1)))
    assert [one.decision_id for one in told] == ["d1"]
    assert (book.repeated, book.later.total()) == (0, 0)


@pytest.mark.parametrize("event_first", [True, False])
def test_the_time_to_a_verdict_is_taken_at_its_event(event_first: bool) -> None:
    book, told = open_book()
    if event_first:
        book.answered(answer())
    book.journaled(lines(record()))
    if not event_first:
        book.answered(answer())
    book.capture(CUE, 1, 0.0)
    assert told[0].latency_ms is not None
    found = latency_of(book)
    assert found is not None
    assert found.median_ms == found.p95_ms == found.worst_ms > 0


def test_without_an_event_there_is_no_time() -> None:
    book, _ = open_book()
    book.capture(CUE, 1, 0.0)
    book.journaled(lines(record()))
    assert latency_of(book) is None


def test_the_spread_of_times_is_told() -> None:
    book, told = open_book()
    for number in range(1, 101):
        book.capture(CUE, number, 0.0)
        book.journaled(lines(record(number)))
        told[-1].latency_ms = float(number)
    found = latency_of(book)
    assert found is not None
    assert (found.median_ms, found.worst_ms) == (50.5, 100.0)
    assert 95 <= found.p95_ms <= 96


@pytest.mark.parametrize(
    ("stored", "holds"),
    [({"d1": "approve", "d2": "deny"}, True), ({"d1": "approve"}, False),
     ({"d1": "deny", "d2": "deny"}, False)],
)  # fmt: skip
def test_one_verdict_each_wants_the_same_in_the_record(stored: dict[str, str], holds: bool) -> None:
    book, _ = open_book()
    book.capture(CUE, 1, 0.0)
    book.capture(CUE, 2, 0.0)
    book.journaled(lines(record(1), record(2, "deny")))
    assert proof_of(book, stored).holds is holds


def test_an_undecided_intent_breaks_the_promise() -> None:
    book, _ = open_book()
    book.capture(CUE, 1, 0.0)
    found = proof_of(book, {})
    assert (found.captured, found.decided, found.holds) == (1, 0, False)


def test_the_total_is_the_sum_of_the_bots() -> None:
    book, _ = open_book()
    for number, bot in enumerate(("whale", "rogue", "whale"), start=1):
        book.sent[bot] += 1
        book.capture(Cue(0, bot, ""), number, 0.0)
        book.journaled(lines(record(number, "reduce" if bot == "whale" else "deny", CUT)))
    total = total_of(book)
    assert (total.sent, total.approved, total.reduced, total.denied) == (3, 0, 2, 1)
    assert total.reasons == (("NOTIONAL_ABOVE_MAX", 3),)
