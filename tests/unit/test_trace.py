from base64 import b64decode
from dataclasses import replace
from hashlib import sha256

import orjson
import pytest
from msgspec import structs

from petrosa_cio.audit.record import Change, RecordKind, change_record
from petrosa_cio.audit.trace import portions, read_entries, what_befell_approvals
from petrosa_cio.risk.parse import Malformed
from petrosa_cio.risk.reasons import ReasonCode
from petrosa_cio.risk.verdict import VerdictKind
from tests.records import INTENT, NOON, entries, entry, later_line, verdict_line

DENIED = (VerdictKind.DENY, ReasonCode.FUND_HALTED, ReasonCode.PRICE_NOT_POSITIVE)


def test_a_trace_has_what_is_searched_for_and_the_record_itself() -> None:
    line = verdict_line("d1", *DENIED)
    found = read_entries([entry(verdict_line(), line, sequence=7)])
    _, trace = found.traces
    assert found.aside == []
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
        "trace_id": "d1",
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
    traces = read_entries([entry(*(later_line("d1", kind) for kind in kinds))]).traces
    assert [trace["_id"] for trace in traces] == [f"d1:{kind}" for kind in kinds]
    assert traces[0]["reason"] == "FUND_HALTED"


def test_a_change_of_what_governs_is_a_trace() -> None:
    change = Change("trading_state", "fund", "halted", "me", "drill")
    [trace] = read_entries([entry(change_record("c1", change, at=NOON, fund="main"))]).traces
    assert (trace["_id"], trace["kind"], trace["at"]) == ("c1:change", "change", NOON)
    assert (trace["subject"], trace["scope"]) == ("trading_state", "fund")
    assert (trace["author"], trace["thought"]) == ("me", "drill")


def test_a_message_that_was_no_intent_is_a_trace() -> None:
    line = verdict_line("d1", *DENIED, intent=Malformed("not JSON"))
    [trace] = read_entries([entry(line)]).traces
    assert (trace["strategy"], trace["verdict"]) == (None, "deny")


def test_the_first_verdict_in_journal_order_is_the_verdict() -> None:
    traces = read_entries(
        entries([verdict_line("d1")], [verdict_line("d2"), verdict_line("d1", *DENIED)])
    ).traces
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
def test_a_line_that_is_no_record_is_set_aside_with_its_bytes(line: bytes) -> None:
    found = read_entries([entry(verdict_line("d2"), line, verdict_line("d3"))])
    [kept] = found.aside
    assert [trace["kind"] for trace in found.traces] == ["verdict", "poisoned", "verdict"]
    assert b64decode(str(kept["raw"])) == line
    assert kept["error"]
    assert found.traces[1] == {
        "_id": kept["_id"],
        "kind": "poisoned",
        "decision_id": None,
        "at": NOON,
        "aside": kept["_id"],
        "error": kept["error"],
        "sha256": sha256(line).hexdigest(),
        "bytes": len(line),
        "journal_sequence": 1,
        "journal_index": 1,
        "journaled_at": NOON,
    }


def test_a_record_of_a_kind_to_come_is_a_trace() -> None:
    line = orjson.dumps({"kind": "thought", "decision_id": "t1", "fund": "main", "at": NOON})
    [trace] = what_befell_approvals(read_entries([entry(line)]).traces, {"t1": "deny"})
    assert (trace["_id"], trace["kind"]) == ("t1:thought", "thought")


def test_a_trace_is_found_by_the_trace_that_its_bot_began() -> None:
    intent = structs.replace(INTENT, traceparent=f"00-{'a' * 32}-{'b' * 16}-01")
    [trace] = read_entries([entry(verdict_line("d1", intent=intent))]).traces
    assert trace["trace_id"] == "a" * 32


def test_instants_are_kept_to_the_millisecond() -> None:
    late = replace(entry(verdict_line("d1")), stored_at=NOON.replace(microsecond=123_999))
    [trace] = read_entries([late]).traces
    assert trace["journaled_at"] == NOON.replace(microsecond=123_000)


def test_unreadable_lines_at_one_place_of_two_journals_are_two() -> None:
    old = entry(b"x")
    new = replace(old, stored_at=NOON.replace(year=2027))
    assert len({line["_id"] for line in read_entries([old, new]).aside}) == 2


@pytest.mark.parametrize(
    ("verdict", "kept"), [("approve", True), ("reduce", True), ("deny", False), (None, True)]
)
def test_what_came_later_is_kept_unless_there_was_no_approval(
    verdict: str | None, kept: bool
) -> None:
    lines = [later_line("d1"), later_line("d1", RecordKind.UNCONFIRMED)]
    later = read_entries([entry(*lines)]).traces
    left = what_befell_approvals(later, {"d1": verdict} if verdict else {})
    assert left == (later if kept else [])


@pytest.mark.parametrize(
    ("max_traces", "max_bytes", "sizes"), [(2, 10**6, [2, 2, 1]), (9, 10**6, [5]), (9, 1, [1] * 5)]
)
def test_portions_are_bounded(max_traces: int, max_bytes: int, sizes: list[int]) -> None:
    traces = read_entries([entry(*(verdict_line() for _ in range(5)))]).traces
    parts = list(portions(traces, max_traces=max_traces, max_bytes=max_bytes))
    assert [len(part) for part in parts] == sizes
    assert [trace for part in parts for trace in part] == traces
