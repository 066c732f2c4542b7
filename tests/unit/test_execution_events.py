import json
from dataclasses import asdict
from datetime import datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from petrosa_cio.fleet.execution_events import parse_execution
from petrosa_cio.risk.execution import ExecutionEvent, UnreadableExecution

CASES = yaml.safe_load(
    (Path(__file__).parent.parent / "cases" / "execution_events.yaml").read_text()
)
ENTRY_FILL = {
    "decision_id": "d1",
    "strategy_id": "s12",
    "order_id": "4711",
    "event_type": "filled",
    "timestamp": "2026-11-23T03:41:33.852938+00:00",
    "reason": "binance_filled",
    "symbol": "BTCUSDT",
    "side": "buy",
    "fill_qty": 0.032,
    "fill_price": 50000.5,
}


def plain(value: object) -> object:
    if isinstance(value, Decimal):
        return format(value.normalize(), "f")
    return value.isoformat() if isinstance(value, datetime) else value


@pytest.mark.parametrize("case", CASES, ids=lambda case: case["name"])
def test_a_report_is_read_as_the_case_says(case: dict[str, Any]) -> None:
    told = {key: value for key, value in (ENTRY_FILL | case["event"]).items() if value is not None}
    event = parse_execution(json.dumps(told).encode())
    if "problem" in case:
        assert isinstance(event, UnreadableExecution)
        assert case["problem"] in event.problem
    else:
        assert isinstance(event, ExecutionEvent)
        assert {key: plain(asdict(event)[key]) for key in case["reads"]} == case["reads"]


@pytest.mark.parametrize(
    "body",
    [
        b"", b"[]", b"7", b"{", b"\xff", b'{"fill_qty": NaN}', b"[" * 100_000, b" " * 70_000,
        b'{"side": "buy", "side": "sell"}', b'{"fill_qty": 1e999999999999999999999}',
        b'{"event_type": "filled", "fill_qty": ' + b"9" * 5_000 + b"}",
    ],
)  # fmt: skip
def test_what_is_no_report_is_unreadable(body: bytes) -> None:
    assert isinstance(parse_execution(body), UnreadableExecution)


SCALARS = (
    st.none() | st.booleans() | st.integers() | st.floats() | st.text("aé\x00{9")
    | st.sampled_from(["buy", "SELL", "LONG", "filled", "rejected", "2026-11-23T03:41:33"])
)  # fmt: skip


@given(st.binary() | st.dictionaries(st.sampled_from(sorted(ENTRY_FILL)), SCALARS))
def test_nothing_is_raised_whatever_comes(told: bytes | dict[str, object]) -> None:
    body = told if isinstance(told, bytes) else json.dumps(ENTRY_FILL | told).encode()
    event = parse_execution(body)
    assert isinstance(event, ExecutionEvent | UnreadableExecution)
    if isinstance(event, ExecutionEvent):
        assert all(number is None or number > 0 for number in (event.quantity, event.price))
