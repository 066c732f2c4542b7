from base64 import b64decode
from dataclasses import replace

import orjson
import pytest

from petrosa_cio.audit.record import Change, RecordKind, change_record
from petrosa_cio.audit.trace import portions, read_entries, what_befell_approvals
from petrosa_cio.risk.parse import Malformed
from petrosa_cio.risk.reasons import ReasonCode
from petrosa_cio.risk.verdict import VerdictKind
from tests.records import NOON, entries, entry, later_line, verdict_line

DENIED = (VerdictKind.DENY, ReasonCode.FUND_HALTED, ReasonCode.PRICE_NOT_POSITIVE)


def test_a_trace_has_what_is_searched_for_and_the_record_itself() -> None:
    line = verdict_line("d1", *DENIED)
    (_, trace), unreadable = read_entries([entry(verdict_line(), line, sequence=7)])
    assert unreadable == []
    assert trace == {
        "_id": "d1",
        "kind": "verdict",
        "decision_id": "d1",
        "fund": "main",
        "at": NOON,
        "strategy": "momentum",
        "symbol": "BTCUSDT",
        "action": "buy",
        "stated_id": "i-1",
        "verdict": "deny",
        "codes": ["FUND_HALTED", "PRICE_NOT_POSITIVE"],
        "policy_revision": None,
        "journal_sequence": 7,
        "journal_index": 1,
        "journaled_at": NOON,
        "record": line.decode(),
    }


def test_what_came_after_a_verdict_has_an_identity_of_its_own() -> None:
    kinds = [RecordKind.WITHDRAWAL, RecordKind.UNDELIVERED, RecordKind.UNCONFIRMED]
    traces, _ = read_entries([entry(*(later_line("d1", kind) for kind in kinds))])
    assert [trace["_id"] for trace in traces] == [f"d1:{kind}" for kind in kinds]
    assert traces[0]["reason"] == "FUND_HALTED"


def test_a_change_of_what_governs_is_a_trace() -> None:
    change = Change("trading_state", "fund", "halted", "me", "drill")
    [trace], _ = read_entries([entry(change_record("c1", change, at=NOON, fund="main"))])
    assert (trace["_id"], trace["kind"], trace["at"]) == ("c1:change", "change", NOON)


def test_a_message_that_was_no_intent_is_a_trace() -> None:
    line = verdict_line("d1", *DENIED, intent=Malformed("not JSON"))
    [trace], _ = read_entries([entry(line)])
    assert (trace["strategy"], trace["verdict"]) == (None, "deny")


def test_the_first_verdict_in_journal_order_is_the_verdict() -> None:
    traces, _ = read_entries(
        entries([verdict_line("d1")], [verdict_line("d2"), verdict_line("d1", *DENIED)])
    )
    assert [(one["_id"], one["verdict"]) for one in traces] == [
        ("d1", "approve"),
        ("d2", "approve"),
    ]


GOOD = orjson.loads(verdict_line("d1"))


@pytest.mark.parametrize(
    "line",
    [
        b"", b"{", b"[]", b"\xff\xfe", b"{}", b'{"kind": "verdict"}', b'{"decision_id": "d"}',
        b'{"kind": 7, "decision_id": "d"}', b'{"kind": "withdrawal", "decision_id": "d"}',
        orjson.dumps(GOOD | {"intent": None}),
        orjson.dumps(GOOD | {"fund": ["main"]}),
        orjson.dumps(GOOD | {"verdict": {"reasons": []}}),
        orjson.dumps(GOOD | {"verdict": {"kind": "deny", "reasons": ["FUND_HALTED"]}}),
        orjson.dumps(GOOD | {"decision": {"now": "noon"}}),
    ],
)  # fmt: skip
def test_a_line_that_is_no_record_is_kept_with_its_bytes(line: bytes) -> None:
    traces, [kept] = read_entries([entry(verdict_line("d2"), line, verdict_line("d3"))])
    assert [trace["_id"] for trace in traces] == ["d2", "d3"]
    assert b64decode(str(kept["raw"])) == line
    assert kept["error"]


def test_unreadable_lines_at_one_place_of_two_journals_are_two() -> None:
    old = entry(b"x")
    new = replace(old, stored_at=NOON.replace(year=2027))
    assert len({line["_id"] for line in read_entries([old, new])[1]}) == 2


@pytest.mark.parametrize(
    ("verdict", "kept"), [("approve", True), ("reduce", True), ("deny", False), (None, True)]
)
def test_what_came_later_is_kept_unless_there_was_no_approval(
    verdict: str | None, kept: bool
) -> None:
    later, _ = read_entries([entry(later_line("d1"), later_line("d1", RecordKind.UNCONFIRMED))])
    left = what_befell_approvals(later, {"d1": verdict} if verdict else {})
    assert left == (later if kept else [])


@pytest.mark.parametrize(
    ("max_traces", "max_bytes", "sizes"), [(2, 10**6, [2, 2, 1]), (9, 10**6, [5]), (9, 1, [1] * 5)]
)
def test_portions_are_bounded(max_traces: int, max_bytes: int, sizes: list[int]) -> None:
    traces, _ = read_entries([entry(*(verdict_line() for _ in range(5)))])
    parts = list(portions(traces, max_traces=max_traces, max_bytes=max_bytes))
    assert [len(part) for part in parts] == sizes
    assert [trace for part in parts for trace in part] == traces
