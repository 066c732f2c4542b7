"""What a watcher sees, and how it reads."""

import orjson
import pytest

from petrosa_cio.cli.verdict_lines import (
    Event,
    Wanted,
    read_event,
    read_warning,
    verdict_text,
    warning_text,
)

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


# --- limits ---------------------------------------------------------------------------------------

WARNING: Event = {
    "service": "petrosa-cio", "timestamp": 1772452801.5, "limit": "max_position_usd",
    "code": "POSITION_ABOVE_MAX", "scope": "position:BTCUSDT:long", "band_pct": 80,
    "used": "4100", "limit_value": "5000", "unit": "USD", "entry": "symbols.*",
    "is_refused": False, "decision_id": "c6132", "strategy": "grid", "symbol": "BTCUSDT",
}  # fmt: skip


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({}, "max_position_usd is 80 % used: 4100 of 5000 USD, position:BTCUSDT:long"),
        ({"band_pct": 100, "used": "5000"},
         "max_position_usd is full: 5000 of 5000 USD, position:BTCUSDT:long"),
        ({"band_pct": 100, "is_refused": True},
         "max_position_usd is full: 4100 of 5000 USD, position:BTCUSDT:long, "
         "and more was asked for"),
    ],
)  # fmt: skip
def test_a_warning_is_a_line(change: dict[str, object], words: str) -> None:
    line = warning_text({**WARNING, **change}).plain
    assert line == f"12:00:01  warning {words}  grid  BTCUSDT  c6132"


def test_a_warning_at_no_time_is_shown_all_the_same() -> None:
    assert warning_text({**WARNING, "timestamp": 1e300}).plain.startswith("?         warning ")


@pytest.mark.parametrize(
    ("wanted", "shown"),
    [
        (Wanted(), True),
        (Wanted(strategies=frozenset({"grid"}), symbols=frozenset({"BTCUSDT"})), True),
        (Wanted(strategies=frozenset({"other"})), False),
        (Wanted(codes=frozenset({"POSITION_ABOVE_MAX"})), True),
        (Wanted(codes=frozenset({"RATE_ABOVE_MAX"})), False),
        (Wanted(verdicts=frozenset({"approve", "deny", "reduce"})), False),
    ],
)
def test_filters_hold_for_warnings_too(wanted: Wanted, shown: bool) -> None:
    assert wanted.has_warning(WARNING) is shown


def test_verdicts_and_warnings_are_told_apart() -> None:
    assert read_warning(orjson.dumps(WARNING)) == WARNING
    assert read_event(orjson.dumps(WARNING)) is None
    assert read_warning(orjson.dumps(EVENT)) is None
    for lacking in ("limit", "band_pct", "timestamp"):
        odd = {name: value for name, value in WARNING.items() if name != lacking}
        assert read_warning(orjson.dumps(odd)) is None
