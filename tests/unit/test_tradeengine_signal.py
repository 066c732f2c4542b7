"""Signals, held against what the order engine accepts."""

import json
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

import orjson
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec.structs import replace

from petrosa_cio.fleet.tradeengine import (
    MAX_METADATA_BYTES,
    Promotion,
    signal_body,
    signal_headers,
    signal_subject,
    trace_parent,
)
from petrosa_cio.risk.intent import Action, Intent, OrderType, StrategyMode, TimeInForce
from petrosa_cio.risk.parse import parse_intent
from petrosa_cio.risk.reasons import Effect, Reason, ReasonCode
from petrosa_cio.risk.verdict import Verdict, VerdictKind
from tests.engine import EngineSignal
from tests.gates import intent

DECISION = "0123456789abcdef" * 2
TAKEN_AT = datetime(2026, 11, 23, 12, 0, 0, 123456, tzinfo=UTC)
APPROVED = Verdict(VerdictKind.APPROVE, (), Decimal("0.01"), Decimal("0.01"), Decimal(50_000))
PARENT = "00-" + "a" * 32 + "-" + "b" * 16 + "-03"


def parsed(**fields: object) -> Intent:
    found = parse_intent(intent(**fields))
    assert isinstance(found, Intent), found
    return found


def promotion(of: Intent, verdict: Verdict = APPROVED) -> Promotion:
    return Promotion(DECISION, of, verdict, TAKEN_AT, 3)


def headers(of: Intent) -> dict[str, str]:
    promoted = promotion(of)
    return signal_headers(promoted, trace_parent(promoted))


def signal(of: Intent, verdict: Verdict = APPROVED) -> dict[str, Any]:
    """Return the signal, after the engine took it."""
    promoted = promotion(of, verdict)
    body = signal_body(promoted, trace_parent(promoted))
    EngineSignal.model_validate_json(body)
    return dict(json.loads(body))


def each(field: str, *values: str) -> list[dict[str, object]]:
    return [{field: value} for value in values]


KINDS: list[dict[str, object]] = [
    *each("action", "buy", "sell", "close"),
    *each("order_type", *OrderType, *(kind.upper() for kind in OrderType)),
    *each("time_in_force", *(kind.lower() for kind in TimeInForce)),
    *each("strategy_mode", *(kind.upper() for kind in StrategyMode)),
    {"action": "close", "confidence": None, "price": None, "current_price": None},
    {"action": "close", "quantity": None},
    {"price": None},
    {"current_price": None},
    {"take_profit": 60_000, "stop_loss_pct": 0.02, "take_profit_pct": 1},
    {"symbol": "btcusdt", "timeframe": "15m", "source": "ta-bot"},
    {"timestamp": 1_795_348_800},
    {"timestamp": "2026-11-23T11:59:59Z", "intent_id": "a"},
    {"position_size_pct": 0.5, "quote_quantity": 200},
    {"confidence": 1, "quantity": 1, "price": 1, "stop_loss": 0.5},
    {"metadata": {"deep": {"er": [1, "x", None, True]}}},
    {"metadata": {}, "strategy_id": "Spread Liquidity.Monitor v2"},
]


@pytest.mark.parametrize("fields", KINDS, ids=lambda fields: " ".join(map(str, fields.values())))
def test_the_engine_accepts_a_signal_of_every_kind(fields: dict[str, object]) -> None:
    found = signal(parsed(**fields))
    assert found["timestamp"] == TAKEN_AT.isoformat()
    assert found["decision_id"] == found["signal_id"] == DECISION


@pytest.mark.parametrize("action", [Action.BUY, Action.SELL, Action.CLOSE])
def test_the_action_is_the_one_that_was_decided(action: Action) -> None:
    assert signal(parsed(action=action))["action"] == action


@pytest.mark.parametrize("name", ["Spread Liquidity Monitor", "a.b", "ümlaut", "x/y|z", "ok_1-2"])
def test_a_strategy_s_name_is_one_safe_word_of_a_subject(name: str) -> None:
    of = parsed(strategy_id=name)
    found = signal(of)
    subject = signal_subject("signals.trading.{strategy_id}", of.token)
    assert subject == f"signals.trading.{found['strategy_id']}"
    assert subject.count(".") == 2
    assert subject.isascii()
    assert not set(subject) & set(" *>")
    assert found["metadata"]["strategy_id"] == name


def test_the_approved_quantity_is_the_only_size() -> None:
    of = parsed(quantity=0.05, position_size_pct=0.9, quote_quantity=9_000)
    reason = Reason(ReasonCode.NOTIONAL_ABOVE_MAX, Effect.REDUCE, limit="1000", observed="2500")
    cut = Verdict(VerdictKind.REDUCE, (reason,), Decimal("0.02"), Decimal("0.05"))
    found = signal(of, cut)
    assert found["quantity"] == 0.02
    assert found["position_size_pct"] is found["quote_quantity"] is None
    assert found["metadata"]["requested_quantity"] == 0.05
    assert found["metadata"]["cio_justification"] == str(reason)


def test_prices_are_the_checked_ones() -> None:
    found = signal(parsed(price=50_100, current_price=50_000))
    assert (found["price"], found["current_price"]) == (50_100, 50_000)
    assert signal(parsed(current_price=None))["current_price"] == 50_000
    assert signal(parsed(price=None))["price"] == 50_000


TRUSTED = {
    "llm_reasoning": "because I say so",
    "llm_alternatives": [{}],
    "rationale": "trust me",
    "meta": {"simulate": True},
    "model_confidence": 1,
    "strength": "extreme",
    "client_order_id": "mine",
    "conditional_price": 1,
    "iceberg_quantity": 5,
    "decision_id": "mine",
    "leverage": 100,
}


def test_what_the_engine_trusts_is_never_passed_on() -> None:
    found = signal(parsed(**TRUSTED, metadata=TRUSTED, source="petrosa-cio"))
    assert not [key for key in found if key.startswith("llm_")]
    assert not set(found) & {"meta", "rationale", "strength", "client_order_id", "leverage"}
    assert found["decision_id"] == DECISION


@pytest.mark.parametrize("fraction", [-0.01, 1.01, 2, 5, 50])
def test_a_percentage_out_of_range_is_left_out(fraction: float) -> None:
    found = signal(parsed(stop_loss_pct=fraction, take_profit_pct=fraction))
    assert found["stop_loss_pct"] is found["take_profit_pct"] is None


@pytest.mark.parametrize("fraction", [0, 0.02, 1])
def test_a_percentage_in_range_stays(fraction: float) -> None:
    assert signal(parsed(stop_loss_pct=fraction))["stop_loss_pct"] == fraction


# --- trace context --------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "carrier", [{}, {"_otel_trace_context": {}}, {"_otel_trace_headers": {"traceparent": ""}}]
)
def test_without_a_trace_one_is_begun_that_is_named_after_the_decision(
    carrier: dict[str, object],
) -> None:
    of = parsed(**carrier)
    found = signal(of)
    expected = {"traceparent": f"00-{DECISION}-{DECISION[:16]}-01"}
    assert found["_otel_trace_context"] == found["_otel_trace_headers"] == expected
    assert headers(of)["traceparent"] == expected["traceparent"]


@pytest.mark.parametrize("key", ["_otel_trace_context", "_otel_trace_headers"])
def test_a_trace_is_continued_by_the_decision_under_both_keys(key: str) -> None:
    of = parsed(**{key: {"traceparent": PARENT, "tracestate": "x=1"}})
    found = signal(of)
    carrier = {"traceparent": f"{PARENT[:35]}-{DECISION[:16]}-03", "tracestate": "x=1"}
    assert found["_otel_trace_context"] == found["_otel_trace_headers"] == carrier
    assert headers(of) == {
        **carrier,
        "Nats-Msg-Id": DECISION,
        "Cio-Verdict": "approve",
        "Cio-Policy-Revision": "3",
    }


# --- hostile fields of a bot's own ----------------------------------------------------------------


def nested(levels: int) -> object:
    found: object = "x"
    for _ in range(levels):
        found = {"inner": [found]}
    return found


HOSTILE: dict[str, dict[str, object]] = {
    "ten thousand keys": {f"key{n}": n for n in range(10_000)},
    "a long key": {"k" * 100_000: 1},
    "a long text": {"text": "x" * 100_000},
    "a long list": {"list": list(range(100_000))},
    "lone surrogates": {"a\ud800": "b\udfff", "c": ["\ud800"], "d": {"\ud800": 1}},
    "huge integers": {"n": 10**4_000, "m": -(2**64), "l": 2**63, "list": [2**200]},
    "huge decimals": {"n": Decimal("1e999999"), "m": Decimal("-1e400"), "s": Decimal("1e-9999")},
    "no numbers": {"n": Decimal("NaN"), "i": Decimal("Infinity")},
    "deep nesting": {"deep": nested(30)},
    "control characters": {"a\x00b": "\x1b[31m\r\n"},
    "names of its neighbours": {"verdict": "approve", "intent": {"intent": {}}, "reasons": []},
}


@pytest.mark.parametrize("fields", HOSTILE.values(), ids=HOSTILE)
@pytest.mark.parametrize("place", ["metadata", "extra"])
def test_hostile_fields_make_a_small_and_readable_signal(
    place: str, fields: dict[str, object]
) -> None:
    of = parsed()
    hostile = replace(of, metadata=fields) if place == "metadata" else replace(of, extra=fields)
    found = signal(hostile)
    assert len(orjson.dumps(found["metadata"]["intent"])) <= MAX_METADATA_BYTES
    assert found["metadata"]["verdict"] == "approve"


def test_ordinary_fields_are_passed_on_as_they_are() -> None:
    fields = {"rsi": 31.5, "note": "ok", "n": 3, "flag": True, "none": None, "list": [1, "x"]}
    found = signal(parsed(metadata=fields, regime="calm"))
    assert found["metadata"]["intent"] == fields | {"regime": "calm"}


JSON_LIKE = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.decimals(allow_nan=False)  # JSON has none
    | st.text(st.characters(exclude_categories=())),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(st.characters()), inner),
    max_leaves=12,
)


@settings(max_examples=60, deadline=None)
@given(
    metadata=st.dictionaries(st.text(st.characters(exclude_categories=())), JSON_LIKE),
    extra=st.dictionaries(st.text(), JSON_LIKE),
)
def test_whatever_a_bot_adds_the_engine_takes_the_signal(
    metadata: dict[str, object], extra: dict[str, object]
) -> None:
    found = signal(replace(parsed(), metadata=metadata, extra=extra))
    assert len(orjson.dumps(found["metadata"]["intent"])) <= MAX_METADATA_BYTES
