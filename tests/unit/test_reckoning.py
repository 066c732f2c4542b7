"""The rules of completeness, on values."""

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta

import pytest
from msgspec.structs import replace

from petrosa_cio.audit.books import (
    MARK,
    REMEMBERED,
    Books,
    Progress,
    Stage,
    read_books,
    read_summary,
)
from petrosa_cio.audit.findings import Finding
from petrosa_cio.audit.reckoning import (
    Over,
    due_doubts,
    judge_doubts,
    reckon_executions,
    reckon_journal,
    silent,
    spoken_of_perhaps,
    told_afterwards,
    told_again,
    verdicts_that_came,
    verdicts_that_were_there,
    without_verdict,
)
from petrosa_cio.audit.record import RecordKind
from petrosa_cio.audit.told import Told, read_told
from petrosa_cio.ports import Kept, Stored
from petrosa_cio.risk.execution import ExecutionEvent, ExecutionKind
from petrosa_cio.risk.verdict import VerdictKind
from tests.records import NOON, later_line, verdict_line

LATER = NOON + timedelta(minutes=5)
APPROVED = Kept("approve", {"verdict": (1, 0)})
DENIED = Kept("deny", {"verdict": (1, 0)})
AT_NOON_MS = int(NOON.timestamp() * 1000)


def told(*lines: bytes, sequence: int = 1) -> list[Told]:
    return list(read_told([Stored(sequence, NOON, "cio.journal.records", b"\n".join(lines))]))


def kinds(findings: list[Finding]) -> list[str]:
    return [one.kind for one in findings]


def journal(books: Books, lines: list[Told], kept: Mapping[str, Kept]) -> list[str]:
    return kinds(reckon_journal(lines, kept, {}, books))


@pytest.fixture
def books() -> Books:
    return Books(NOON)


def report(decision_id: str, at: datetime = NOON) -> tuple[Stored, ExecutionEvent]:
    event = ExecutionEvent(ExecutionKind.PLACED, decision_id, "order-1")
    return Stored(7, at, "execution.events.momentum", b""), event


# --- what the journal tells -----------------------------------------------------------------------


def test_what_is_no_record_of_a_decision_is_passed_by() -> None:
    lines = [
        b"",
        b"{",
        b"[]",
        b'"x"',
        b'{"kind":"change","decision_id":"p"}',
        b'{"kind":"verdict"}',
    ]
    assert told(*lines) == []


def test_a_line_is_told_with_its_place() -> None:
    lines = told(b"{", verdict_line("d1", VerdictKind.REDUCE), later_line("d2"), sequence=4)
    assert [(one.decision_id, one.kind, one.verdict, one.place) for one in lines] == [
        ("d1", "verdict", "reduce", (4, 1)),
        ("d2", "withdrawal", "", (4, 2)),
    ]


def test_an_approval_is_waited_for_and_a_denial_is_not(books: Books) -> None:
    lines = told(verdict_line("d1"), verdict_line("d2", VerdictKind.DENY))
    kept = {"d1": APPROVED, "d2": Kept("deny", {"verdict": (1, 1)})}
    assert journal(books, lines, kept) == []
    assert list(books.awaited) == ["d1"]
    assert (books.counts[Stage.DECIDED], books.counts[Stage.APPROVED], books.summary.sent) == (
        2,
        1,
        1,
    )


def test_an_approval_of_a_gate_that_observes_is_not_waited_for(books: Books) -> None:
    line = verdict_line("d1").replace(b'"mode":"enforce"', b'"mode":"observe"')
    assert journal(books, told(line), {"d1": APPROVED}) == []
    assert not books.awaited


def test_a_verdict_that_is_not_in_the_record_is_found(books: Books) -> None:
    assert journal(books, told(verdict_line("d1")), {}) == ["verdict_not_stored"]


@pytest.mark.parametrize(
    ("kind", "found"),
    [
        (RecordKind.WITHDRAWAL, []),
        (RecordKind.UNDELIVERED, ["undelivered"]),
        (RecordKind.UNCONFIRMED, ["unconfirmed"]),
    ],
)
def test_what_became_of_an_approval_ends_the_wait(
    books: Books, kind: RecordKind, found: list[str]
) -> None:
    kept = {"d1": Kept("approve", {"verdict": (1, 0), str(kind): (1, 1)})}
    assert journal(books, told(verdict_line("d1"), later_line("d1", kind)), kept) == found
    assert not books.awaited
    assert books.summary.sent == 0


@pytest.mark.parametrize(
    ("kind", "ended"),
    [
        (RecordKind.WITHDRAWAL, ["unacknowledged", "verdicts_contradict"]),
        (RecordKind.UNDELIVERED, ["unacknowledged"]),
        (RecordKind.UNCONFIRMED, ["unacknowledged", "verdicts_contradict"]),
    ],
)
def test_what_became_of_an_approval_ends_what_was_found_before(
    books: Books, kind: RecordKind, ended: list[str]
) -> None:
    lines = told(verdict_line("d1"), later_line("d1", kind))
    assert [one[:2] for one in told_afterwards(lines, books)] == [(one, "d1") for one in ended]


def test_what_the_engine_spoke_of_is_not_unconfirmed_any_more(books: Books) -> None:
    books.acknowledge("d1")
    lines = told(*(later_line(one, RecordKind.UNCONFIRMED) for one in ("d1", "d2")))
    over = [about for kind, about, _ in told_afterwards(lines, books) if kind == "unconfirmed"]
    assert over == ["d1"]


def test_only_where_nobody_knows_it_is_asked_whether_the_engine_spoke(books: Books) -> None:
    approved = Kept("approve", {"verdict": (1, 0)}, NOON)
    books.wait_for("waited for", 0)
    books.acknowledge("remembered")
    names = ("waited for", "remembered", "forgotten", "without a verdict")
    kept = dict.fromkeys(names[:3], approved)
    lines = told(*(later_line(one, RecordKind.UNCONFIRMED) for one in names))
    assert spoken_of_perhaps(lines, kept, books) == {"forgotten": NOON}
    withdrawn = told(later_line("forgotten", RecordKind.WITHDRAWAL))
    assert spoken_of_perhaps(withdrawn, kept, books) == {}


def test_of_a_denial_nothing_became(books: Books) -> None:
    lines = told(verdict_line("d1", VerdictKind.DENY), later_line("d1", RecordKind.UNCONFIRMED))
    assert journal(books, lines, {"d1": DENIED}) == []
    assert books.counts[Stage.UNCONFIRMED] == 0


def test_what_is_told_twice_counts_once(books: Books) -> None:
    lines = told(*(later_line("d1") for _ in range(2)))
    kept = {"d1": Kept("approve", {"verdict": (0, 0), "withdrawal": (1, 0)})}
    assert journal(books, lines, kept) == []
    assert books.counts[Stage.WITHDRAWN] == 1


def test_a_call_at_the_door_is_counted_apart(books: Books) -> None:
    journal(books, told(verdict_line("d1")), {"d1": APPROVED})
    assert books.counts[Stage.ASKED] == 1


# --- two verdicts ---------------------------------------------------------------------------------


def doubled(books: Books, *, second: bytes, first: bytes) -> None:
    again, before = told(second, sequence=2), told(first)
    assert told_again(again, {"d1": APPROVED}) == ["d1"]
    assert reckon_journal(again, {"d1": APPROVED}, {"d1": before[0]}, books) == []
    assert books.counts[Stage.REPEATED] == 1
    assert books.counts[Stage.DECIDED] == 0


def test_the_same_verdict_again_is_a_repetition(books: Books) -> None:
    doubled(books, first=verdict_line("d1"), second=verdict_line("d1"))
    assert not books.doubled


@pytest.mark.parametrize(
    ("kept", "found"),
    [
        (APPROVED, ["verdicts_contradict"]),
        (Kept("approve", {"verdict": (1, 0), "unconfirmed": (3, 0)}), []),
        (Kept("approve", {"verdict": (1, 0), "withdrawal": (3, 0)}), []),
    ],
)
def test_another_verdict_is_judged_later(books: Books, kept: Kept, found: list[str]) -> None:
    doubled(books, first=verdict_line("d1"), second=verdict_line("d1", VerdictKind.DENY))
    assert due_doubts(books, before=NOON - timedelta(seconds=1)) == []
    due = due_doubts(books, before=NOON)
    assert due == ["d1"]
    assert kinds(judge_doubts(due, {"d1": kept}, books)) == found
    assert not books.doubled


def test_another_quantity_is_another_verdict(books: Books) -> None:
    second = verdict_line("d1").replace(b'"quantity":"0.5"', b'"quantity":"5"')
    doubled(books, first=verdict_line("d1"), second=second)
    assert list(books.doubled) == ["d1"]


# --- what was executed ----------------------------------------------------------------------------


def executed(
    books: Books,
    kept: Mapping[str, Kept],
    *,
    judged_since: datetime = NOON,
    silent_before: datetime = NOON,
) -> tuple[list[Finding], list[Over]]:
    """Take note of one report about the decision d1."""
    return reckon_executions(
        [report("d1")], kept, books, judged_since=judged_since, silent_before=silent_before
    )


def test_the_engines_word_ends_the_wait(books: Books) -> None:
    books.wait_for("d1", AT_NOON_MS + 1)
    assert executed(books, {}) == ([], [])
    assert not books.awaited
    assert books.counts[Stage.ACKNOWLEDGED] == 1


def test_a_word_so_late_that_silence_may_have_been_found_ends_that(books: Books) -> None:
    books.wait_for("d1", AT_NOON_MS)
    assert [one[:2] for one in executed(books, {})[1]] == [("unacknowledged", "d1")]


def test_a_late_word_may_end_findings(books: Books) -> None:
    findings, over = executed(books, {"d1": APPROVED})
    assert findings == []
    assert {kind for kind, about, _ in over if about == "d1"} == {"unacknowledged", "unconfirmed"}


@pytest.mark.parametrize(
    ("kept", "why"),
    [
        (None, "there is no verdict"),
        (Kept("", {"unconfirmed": (1, 0)}), "there is no verdict"),
        (DENIED, "it was denied"),
        (Kept("approve", {"verdict": (1, 0), "withdrawal": (1, 1)}), "it was withdrawn"),
        (
            Kept("reduce", {"verdict": (1, 0), "undelivered": (1, 1)}),
            "it was recorded as undelivered",
        ),
    ],
)
def test_what_was_not_approved_is_not_to_be_executed(
    books: Books, kept: Kept | None, why: str
) -> None:
    known = {"d1": kept} if kept else {}
    (one,), _ = executed(books, known)
    assert (one.kind, one.detail["why"]) == ("executed_without_approval", why)
    old, _ = executed(books, known, judged_since=LATER)
    assert old == []


def test_the_engine_may_speak_before_the_gate_is_called_unconfirmed(books: Books) -> None:
    books.wait_for("d1", 0)
    executed(books, {})
    kept = {"d1": Kept("approve", {"verdict": (0, 0), "unconfirmed": (1, 0)})}
    assert journal(books, told(later_line("d1", RecordKind.UNCONFIRMED)), kept) == []
    assert books.counts[Stage.UNCONFIRMED] == 0


def test_what_the_engine_spoke_of_is_not_remembered_for_ever(books: Books) -> None:
    for number in range(REMEMBERED + 1):
        books.acknowledge(str(number))
    assert "0" not in books.spoken_of
    assert "1" in books.spoken_of


def test_what_the_engine_spoke_of_before_it_was_read_is_not_waited_for(books: Books) -> None:
    executed(books, {"d1": APPROVED})
    assert journal(books, told(verdict_line("d1")), {"d1": APPROVED}) == []
    assert not books.awaited
    assert books.counts[Stage.ACKNOWLEDGED] == 1


def test_silence_is_found_once_and_at_its_time(books: Books) -> None:
    books.wait_for("d1", AT_NOON_MS)
    assert silent(books, before=NOON - timedelta(milliseconds=1), most=9) == []
    (one,) = silent(books, before=NOON, most=9)
    assert (one.kind, one.decision_id, one.at) == ("unacknowledged", "d1", NOON)
    assert silent(books, before=LATER, most=9) == []


def test_silence_is_found_in_portions_the_oldest_first(books: Books) -> None:
    for number in range(5):
        books.wait_for(f"d{number}", number)
    found = [silent(books, before=NOON, most=2) for _ in range(4)]
    names = [[one.decision_id for one in some] for some in found]
    assert names == [["d0", "d1"], ["d2", "d3"], ["d4"], []]


def test_an_intent_without_a_verdict_is_found(books: Books) -> None:
    intents = {one: Stored(3, NOON, "intent.x") for one in ("d1", "d2", "d3")}
    kept = {"d1": DENIED, "d2": Kept("", {"unconfirmed": (1, 0)})}
    found = without_verdict(intents, kept, books)
    assert [one.decision_id for one in found] == ["d2", "d3"]
    assert found[0].detail == {"subject": "intent.x", "sequence": 3}
    assert books.counts[Stage.CAPTURED] == 3


def test_what_was_seen_in_the_record_is_not_asked_for_again(books: Books) -> None:
    journal(books, told(verdict_line("d1")), {"d1": APPROVED})
    intents = {one: Stored(3, NOON, "intent.x") for one in ("d1", "d2")}
    assert [one.decision_id for one in without_verdict(intents, {}, books)] == ["d2"]


def captured(sequence: int, created_ns: int = 9) -> Told:
    (one,) = told(verdict_line(f"d{sequence}"))
    return replace(one, captured=(created_ns, sequence))


@pytest.mark.parametrize(
    ("line", "compared", "is_late"),
    [
        (captured(4), Progress(9, 4), True),
        (captured(6), Progress(9, 4), True),
        (captured(7), Progress(9, 4), False),
        (captured(7, created_ns=8), Progress(9, 4), True),
        (captured(4), None, False),
        (replace(captured(4), captured=None), Progress(9, 4), False),
    ],
    ids=["compared", "perhaps compared", "not yet", "of an older stream", "none yet", "asked"],
)
def test_only_a_verdict_whose_intent_was_compared_can_end_a_finding(
    line: Told, compared: Progress | None, is_late: bool
) -> None:
    over = verdicts_that_came([line], compared, slack=2)
    assert [about for _, about, _ in over] == ([line.decision_id] if is_late else [])


def test_what_older_books_missed_and_is_there_is_over(books: Books) -> None:
    old, new = (Stored(3, NOON + timedelta(seconds=by), "intent.x") for by in (-1, 0))
    intents = {"d1": old, "d2": old, "d3": new}
    missed = without_verdict(intents, {"d1": DENIED, "d3": DENIED}, books)
    assert [one.about for one in missed] == ["d2"]
    assert [one[:2] for one in verdicts_that_were_there(intents, missed, books)] == [
        ("no_verdict", "d1")
    ]


# --- the books ------------------------------------------------------------------------------------


def test_books_are_read_as_they_were_saved() -> None:
    books = Books(NOON, progress={"journal": Progress(9, 4)}, checked_until=NOON, checked_at=LATER)
    books.count(Stage.DECIDED, 3)
    books.wait_for("d1", 5)
    books.wait_for("d2", 6)
    books.wait_no_more("d2")
    books.doubt("d3", 7)
    changes = books.take_changes()
    assert changes["awaited:d2"] is None
    entries = {name: entry for name, entry in changes.items() if entry is not None}
    found = read_books(8, entries)
    assert found
    assert (found.since, found.checked_until, found.checked_at) == (NOON, NOON, LATER)
    assert (found.progress, found.counts) == (books.progress, books.counts)
    assert (found.awaited, found.doubled, found.version) == ({"d1": 5}, {"d3": 7}, 8)
    assert set(books.take_changes()) == {MARK}
    assert read_summary(entries[MARK]) == books.summary == found.summary


def test_whatever_the_order_in_which_they_are_stored_the_oldest_are_waited_for_first() -> None:
    books = Books(NOON)
    for number in (9, 10, 100):
        books.wait_for(f"d{number}", number)
    stored = {name: entry for name, entry in books.take_changes().items() if entry is not None}
    found = read_books(0, dict(reversed(stored.items())))
    assert found
    assert list(found.awaited) == ["d9", "d10", "d100"]


def test_where_nothing_was_saved_there_are_no_books() -> None:
    assert read_books(0, {}) is None
    assert NOON.tzinfo is UTC
