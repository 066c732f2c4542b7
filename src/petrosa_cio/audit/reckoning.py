"""The rules of completeness. Pure: books and what was read in, findings out.

Every captured intent has a verdict; every approval is sent, or is recorded as withdrawn,
undelivered or unconfirmed; of every signal that was sent the order engine says something; and it
executes nothing else. A decision may be journaled twice after a crash: the same again is a
repetition, and a denial after an approval is explained by what is recorded with it.
"""

from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from itertools import islice, takewhile

from petrosa_cio.audit.books import Books, Progress, Stage
from petrosa_cio.audit.findings import Finding, FindingKind
from petrosa_cio.audit.record import RecordKind
from petrosa_cio.audit.told import APPROVALS, Captured, Told
from petrosa_cio.ports import Kept, Stored
from petrosa_cio.risk.execution import ExecutionEvent
from petrosa_cio.risk.verdict import VerdictKind

NOTHING_KEPT = Kept("", {})

_STAGES = {
    RecordKind.WITHDRAWAL: Stage.WITHDRAWN,
    RecordKind.UNDELIVERED: Stage.UNDELIVERED,
    RecordKind.UNCONFIRMED: Stage.UNCONFIRMED,
}
_EXPLAINING = frozenset({RecordKind.WITHDRAWAL, RecordKind.UNCONFIRMED})
_REPORTED = "the order engine reported it"
_FINDINGS = {
    RecordKind.UNDELIVERED: FindingKind.UNDELIVERED,
    RecordKind.UNCONFIRMED: FindingKind.UNCONFIRMED,
}

Over = tuple[FindingKind, str, str]
"""A finding that may be over: its kind, what it is about, and why."""


def reckon_journal(
    told: Iterable[Told],
    kept: Mapping[str, Kept],
    first_told: Mapping[str, Told],
    books: Books,
) -> list[Finding]:
    """Take note of what the journal tells, in order.

    Args:
        told: Its lines.
        kept: What the record has, by decision.
        first_told: What the record has as verdict of decisions that are told of again.
        books: Changed in place.
    """
    findings = []
    for one in told:
        found = kept.get(one.decision_id, NOTHING_KEPT)
        if found.verdict:
            books.decided.add(one.decision_id)
        if one.kind != RecordKind.VERDICT:
            findings += _afterwards(one, found, books)
        elif not found.verdict:
            findings.append(_finding(FindingKind.VERDICT_NOT_STORED, one))
        elif found.places[RecordKind.VERDICT] != one.place:
            _again(one, first_told.get(one.decision_id), books)
        else:
            _first(one, books)
    return findings


def told_again(told: Iterable[Told], kept: Mapping[str, Kept]) -> list[str]:
    """Return the decisions that have a further verdict among some lines."""
    return [
        one.decision_id
        for one in told
        if one.kind == RecordKind.VERDICT
        and one.decision_id in kept
        and kept[one.decision_id].places.get(RecordKind.VERDICT) not in (None, one.place)
    ]


def spoken_of_perhaps(
    told: Iterable[Told], kept: Mapping[str, Kept], books: Books
) -> dict[str, datetime]:
    """Return decisions that may have been reported before, with when that can have been first.

    They are called unconfirmed, nobody waits for the engine's word on them any more, and that it
    spoke is not remembered: another process may have read it.
    """
    return {
        one.decision_id: journaled_at
        for one in told
        if one.kind == RecordKind.UNCONFIRMED
        and one.decision_id not in books.awaited
        and one.decision_id not in books.spoken_of
        and (journaled_at := kept.get(one.decision_id, NOTHING_KEPT).journaled_at)
    }


def told_afterwards(told: Iterable[Told], books: Books) -> list[Over]:
    """Return the findings that are over, should there be any, by what became of an approval.

    Args:
        told: Lines of the journal, which the books have taken note of.
        books: Not changed.
    """
    over = []
    for one in told:
        if one.kind == RecordKind.VERDICT:
            continue
        ended = [FindingKind.UNACKNOWLEDGED]
        if one.kind in _EXPLAINING:
            ended.append(FindingKind.VERDICTS_CONTRADICT)
        over += [(kind, one.decision_id, f"it is recorded as {one.kind}") for kind in ended]
        if one.kind == RecordKind.UNCONFIRMED and one.decision_id in books.spoken_of:
            over.append((FindingKind.UNCONFIRMED, one.decision_id, _REPORTED))
    return over


def verdicts_that_came(told: Iterable[Told], compared: Progress | None, slack: int) -> list[Over]:
    """Return the findings that are over now, should there be any: of intents without a verdict.

    Args:
        told: Lines of the journal.
        compared: How far intents were compared; None where none were.
        slack: How many more may have been compared, by one that was stopped before it said so.
    """
    return [
        (FindingKind.NO_VERDICT, one.decision_id, "its verdict came later")
        for one in told
        if one.kind == RecordKind.VERDICT
        and one.captured is not None
        and compared is not None
        and _may_be_compared(one.captured, compared, slack)
    ]


def verdicts_that_were_there(
    intents: Mapping[str, Stored], missed: Iterable[Finding], books: Books
) -> list[Over]:
    """Return the findings that are over now, should others have made any: of no verdict.

    Only intents that were captured before these books were begun can have been compared by others,
    with books that are lost.

    Args:
        intents: Intents that were compared, by decision.
        missed: What was found of them.
        books: Not changed.
    """
    without = {one.about for one in missed}
    return [
        (FindingKind.NO_VERDICT, one, "its verdict came later")
        for one, intent in intents.items()
        if intent.stored_at < books.since and one not in without
    ]


def _may_be_compared(captured: Captured, compared: Progress, slack: int) -> bool:
    created_ns, sequence = captured
    return created_ns != compared.created_ns or sequence <= compared.sequence + slack


def _first(one: Told, books: Books) -> None:
    books.count(Stage.DECIDED)
    if one.captured is None:
        books.count(Stage.ASKED)
    if one.sends:
        books.count(Stage.APPROVED)
        if one.decision_id in books.spoken_of:  # read before, as where the server's clock was set
            books.count(Stage.ACKNOWLEDGED)
        else:
            books.wait_for(one.decision_id, _epoch_ms(one.at))


def _again(one: Told, first: Told | None, books: Books) -> None:
    books.count(Stage.REPEATED)
    if first is None or (first.verdict, first.quantity) != (one.verdict, one.quantity):
        books.doubt(one.decision_id, _epoch_ms(one.at))


def _afterwards(one: Told, found: Kept, books: Books) -> list[Finding]:
    """Take note of what became of an approval. Of a denial nothing can have become."""
    kind = RecordKind(one.kind)
    if found.verdict == VerdictKind.DENY or found.places.get(kind, one.place) != one.place:
        return []
    if kind is RecordKind.UNCONFIRMED and one.decision_id in books.spoken_of:
        return []  # its gate ended before it knew, but the engine has it
    books.count(_STAGES[kind])
    books.wait_no_more(one.decision_id)
    return [_finding(_FINDINGS[kind], one)] if kind in _FINDINGS else []


def reckon_executions(
    events: Sequence[tuple[Stored, ExecutionEvent]],
    kept: Mapping[str, Kept],
    books: Books,
    *,
    judged_since: datetime,
    silent_before: datetime,
) -> tuple[list[Finding], list[Over]]:
    """Take note of what the order engine reports.

    Args:
        events: Its reports that name a decision.
        kept: What the record has of those decisions that nobody waits for.
        books: Changed in place.
        judged_since: Of a report older than that it is not asked whether it was approved: the
            record may be younger.
        silent_before: Of approvals journaled until then it may have been found already that nothing
            was said, by one that was stopped before it said so or whose books are lost.
    """
    findings: list[Finding] = []
    over: list[Over] = []
    silent_before_ms = _epoch_ms(silent_before)
    for stored, event in events:
        decision_id = event.decision_id
        waited_since_ms = books.acknowledge(decision_id)
        if waited_since_ms is not None:
            books.count(Stage.ACKNOWLEDGED)
            if waited_since_ms <= silent_before_ms:
                over.append((FindingKind.UNACKNOWLEDGED, decision_id, _REPORTED))
            continue
        found = kept.get(decision_id, NOTHING_KEPT)
        over += [(kind, decision_id, _REPORTED) for kind in _ENDED_BY_REPORT]
        why = _not_approved(found)
        if why and stored.stored_at >= judged_since:
            findings.append(_executed(stored, event, why))
    return findings, over


_ENDED_BY_REPORT = (FindingKind.UNACKNOWLEDGED, FindingKind.UNCONFIRMED)


def _not_approved(found: Kept) -> str | None:
    """Return why a report should not be there, if it should not."""
    if not found.verdict:
        return "there is no verdict"
    if found.verdict not in APPROVALS:
        return "it was denied"
    if found.has(RecordKind.WITHDRAWAL):
        return "it was withdrawn"
    return "it was recorded as undelivered" if found.has(RecordKind.UNDELIVERED) else None


def without_verdict(
    intents: Mapping[str, Stored], kept: Mapping[str, Kept], books: Books
) -> list[Finding]:
    """Return the captured intents that have no verdict; they are all old enough to have one."""
    books.count(Stage.CAPTURED, len(intents))
    return [
        Finding(
            FindingKind.NO_VERDICT,
            decision_id,
            intent.stored_at,
            {"subject": intent.subject[:256], "sequence": intent.sequence},
            decision_id,
        )
        for decision_id, intent in intents.items()
        if decision_id not in books.decided and not kept.get(decision_id, NOTHING_KEPT).verdict
    ]


def silent(books: Books, *, before: datetime, most: int) -> list[Finding]:
    """Return approvals journaled before a moment of which the engine says nothing yet.

    At most so many, the oldest first. Each is returned once: it is waited for no more, and a report
    that comes later is noticed.
    """
    limit = _epoch_ms(before)
    oldest = takewhile(lambda one: one[1] <= limit, books.awaited.items())
    late = dict(islice(oldest, most))
    for decision_id in late:
        books.wait_no_more(decision_id)
    return [
        Finding(FindingKind.UNACKNOWLEDGED, one, _instant(at_ms), {}, one)
        for one, at_ms in late.items()
    ]


def due_doubts(books: Books, *, before: datetime) -> list[str]:
    """Return the decisions whose second verdict was journaled before a moment."""
    limit = _epoch_ms(before)
    return [one for one, at_ms in books.doubled.items() if at_ms <= limit]


def judge_doubts(
    decision_ids: Sequence[str], kept: Mapping[str, Kept], books: Books
) -> list[Finding]:
    """Return those doubled decisions of which nothing explains the second verdict."""
    findings = []
    for one in decision_ids:
        at = _instant(books.doubled[one])
        books.doubt_no_more(one)
        if not kept.get(one, NOTHING_KEPT).has(*_EXPLAINING):
            findings.append(Finding(FindingKind.VERDICTS_CONTRADICT, one, at, {}, one))
    return findings


def _finding(kind: FindingKind, one: Told) -> Finding:
    detail = {"journal_sequence": one.place[0], "journal_index": one.place[1]}
    return Finding(kind, one.decision_id, one.at, detail, one.decision_id)


def _executed(stored: Stored, event: ExecutionEvent, why: str) -> Finding:
    detail: dict[str, str | int] = {
        "why": why,
        "subject": stored.subject[:256],
        "sequence": stored.sequence,
        "event": event.kind,
        "order_id": event.order_id,
    }
    kind = FindingKind.EXECUTED_WITHOUT_APPROVAL
    return Finding(kind, event.decision_id, stored.stored_at, detail, event.decision_id)


def _epoch_ms(instant: datetime) -> int:
    return int(instant.timestamp() * 1000)


def _instant(at_ms: int) -> datetime:
    return datetime.fromtimestamp(0, UTC) + timedelta(milliseconds=at_ms)
