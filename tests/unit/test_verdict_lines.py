"""Which verdicts a watcher sees, and how they read."""

import orjson
import pytest

from petrosa_cio.cli.verdict_lines import Event, Wanted, read_event, verdict_text

EVENT: Event = {
    "decision_id": "c6132", "at": "2026-03-02T12:00:01.5+00:00", "mode": "enforce",
    "strategy": "grid", "symbol": "BTCUSDT", "action": "buy", "verdict": "reduce",
    "codes": ["NOTIONAL_ABOVE_MAX", "REGIME_SCALED"],
    "reasons": ["NOTIONAL_ABOVE_MAX: limit=1000", "REGIME_SCALED: limit=0.5 [x]"],
    "requested_quantity": "0.1", "quantity": "0.01", "price": "50000",
}  # fmt: skip


def test_a_line_a_verdict_and_one_a_reason() -> None:
    assert verdict_text(EVENT).plain.splitlines() == [
        "12:00:01  reduce  grid  BTCUSDT  buy 0.01 of 0.1 at 50000  c6132",
        "               NOTIONAL_ABOVE_MAX: limit=1000",
        "               REGIME_SCALED: limit=0.5 [x]",
    ]


@pytest.mark.parametrize(
    ("change", "line"),
    [
        ({"quantity": "0.1", "verdict": "approve"}, "buy 0.1 at 50000  c6132"),
        ({"quantity": None, "price": None, "verdict": "deny"}, "buy 0.1  c6132"),
        ({"mode": "observe"}, "(observed only)  c6132"),
        ({"strategy": None, "symbol": None, "action": None, "requested_quantity": None,
          "quantity": None}, "deny    -  -  -  c6132"),
    ],
)  # fmt: skip
def test_what_is_not_known_is_left_out(change: dict[str, object], line: str) -> None:
    event = {**EVENT, "reasons": [], "verdict": "deny"} | change
    assert verdict_text(event).plain.endswith(line)


@pytest.mark.parametrize(
    ("wanted", "shown"),
    [
        (Wanted(), True),
        (Wanted(strategies=frozenset({"grid", "other"})), True),
        (Wanted(strategies=frozenset({"other"})), False),
        (Wanted(symbols=frozenset({"BTCUSDT"}), verdicts=frozenset({"reduce"})), True),
        (Wanted(symbols=frozenset({"ETHUSDT"}), verdicts=frozenset({"reduce"})), False),
        (Wanted(verdicts=frozenset({"deny"})), False),
        (Wanted(codes=frozenset({"REGIME_SCALED", "INTENT_STALE"})), True),
        (Wanted(codes=frozenset({"INTENT_STALE"})), False),
    ],
)
def test_filters_narrow_and_add_up(wanted: Wanted, shown: bool) -> None:
    assert wanted.has(EVENT) is shown


def test_what_a_stranger_publishes_there_is_passed_by() -> None:
    assert read_event(orjson.dumps(EVENT)) == EVENT
    for body in (b"", b"\xff", b"[]", b"{}", b'{"verdict": 1}'):
        assert read_event(body) is None
    bare = read_event(b'{"verdict": "deny", "codes": 7, "reasons": "x"}')
    assert bare is not None
    assert not Wanted(codes=frozenset({"INTENT_STALE"})).has(bare)
    assert verdict_text(bare).plain.endswith("deny    -  -  -  None")
