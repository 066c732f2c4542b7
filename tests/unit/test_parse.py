"""From bytes to an intent: whatever comes in, an intent or a refusal comes out."""

import json
import time
from collections.abc import Mapping
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from petrosa_cio.risk.intent import Intent
from petrosa_cio.risk.parse import MAX_DEPTH, Malformed, parse_intent, subject_token
from tests.deciding import Plain, load

MESSAGES = load("messages.yaml")
BASE = MESSAGES["base"]
REFUSED = {case["note"]: case for case in MESSAGES["refused"]}
READ = {case["note"]: case for case in MESSAGES["read"]}
TRACED = {case["note"]: case for case in MESSAGES["traced"]}
FLEET = {case["note"]: case for case in load("fleet_messages.yaml")}


def body_of(case: Plain) -> bytes:
    if "body" in case:
        return str(case["body"]).encode()
    return json.dumps(BASE | case.get("message", {})).encode()


def read(body: bytes, headers: Mapping[str, str] | None = None) -> Intent:
    intent = parse_intent(body, headers)
    assert isinstance(intent, Intent), intent
    return intent


def refused(body: bytes) -> Malformed:
    malformed = parse_intent(body)
    assert isinstance(malformed, Malformed), malformed
    return malformed


def plain(value: object) -> Any:
    """Return a value of an intent as the cases write it."""
    if isinstance(value, Decimal):
        return f"{value:f}"
    if isinstance(value, datetime):
        return value.isoformat()
    return value


def message_with(**fields: object) -> bytes:
    return json.dumps(BASE | fields).encode()


@pytest.mark.parametrize("note", REFUSED)
def test_is_refused_with_a_sentence(note: str) -> None:
    problem = refused(body_of(REFUSED[note])).problem
    wanted = REFUSED[note]["problem"]
    assert problem == wanted or (wanted[-3:] == "..." and problem.startswith(wanted[:-3]))


@pytest.mark.parametrize("note", READ)
def test_is_read(note: str) -> None:
    want = READ[note]["want"]
    intent = read(body_of(READ[note]))
    assert {field: plain(getattr(intent, field)) for field in want} == want


@pytest.mark.parametrize("note", TRACED)
def test_trace_context_is_found(note: str) -> None:
    intent = read(body_of(TRACED[note]), TRACED[note].get("headers"))
    assert [intent.traceparent, intent.tracestate] == TRACED[note]["want"]


@pytest.mark.parametrize("note", FLEET)
def test_every_shape_of_the_fleet_is_read(note: str) -> None:
    want = FLEET[note]["want"]
    intent = read(json.dumps(FLEET[note]["message"]).encode())
    found = {field: plain(getattr(intent, field)) for field in want}
    # Free fields stay exact numbers; they compare with the floats of the case by what they say.
    found["extra"] = json.loads(json.dumps(found.get("extra", {}), default=float))
    assert found == {"extra": {}} | want


def test_binary_garbage_is_refused() -> None:
    assert refused(bytes(range(256))).problem == "not JSON: UnicodeDecodeError"


def test_surrogates_in_utf8_are_refused() -> None:
    assert refused(b'{"strategy_id": "\xed\xa0\x80"}').problem == "not JSON: UnicodeDecodeError"


def test_deep_nesting_is_refused() -> None:
    deep = b"[" * 30_000 + b"]" * 30_000
    assert refused(deep).problem == "not JSON: RecursionError"
    assert refused(b"[" * 65_000).problem.startswith("not JSON")
    assert refused(b'{"a":' * 10_000 + b"1" + b"}" * 10_000).problem == "not JSON: RecursionError"


def test_a_hundred_thousand_brackets_are_not_even_read() -> None:
    assert refused(b"[" * 100_000).problem == "100000 bytes, more than the 65536 that are read"
    malformed = parse_intent(b"[" * 100_000, max_bytes=1_000_000)
    assert isinstance(malformed, Malformed)


def nested(containers: int) -> bytes:
    """Nest so many objects and lists, counting the message itself."""
    inside: object = 1
    for depth in range(containers - 1):
        inside = [inside] if depth % 2 else {"a": inside}
    return message_with(extra_field=inside)


def test_nesting_is_bounded() -> None:
    read(nested(MAX_DEPTH))
    assert refused(nested(MAX_DEPTH + 1)).problem == f"nested deeper than {MAX_DEPTH}"
    deep, wide = json.loads(nested(MAX_DEPTH)), {"metadata": {"levels": [[1]] * MAX_DEPTH}}
    read(json.dumps(deep | wide).encode())


def test_a_time_without_a_zone_is_utc_wherever_the_gate_runs(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("TZ", "America/New_York")
    time.tzset()
    try:
        stated_at = read(message_with(timestamp="2026-03-02T11:59:58")).stated_at
    finally:
        monkeypatch.undo()
        time.tzset()
    assert stated_at == datetime(2026, 3, 2, 11, 59, 58, tzinfo=UTC)
    assert stated_at.tzinfo is UTC


def test_many_brackets_side_by_side_are_no_nesting() -> None:
    read(message_with(metadata={"levels": [[1, 2]] * 100, "text": "[{" * 100}))


def test_ten_megabytes_are_not_read() -> None:
    malformed = refused(message_with(metadata={"noise": "x" * 10_000_000}))
    assert "more than the 65536 that are read" in malformed.problem
    assert (malformed.strategy, malformed.symbol) == (None, None)


def test_the_longest_message_is_read() -> None:
    body = message_with()
    assert isinstance(parse_intent(body, max_bytes=len(body)), Intent)
    assert isinstance(parse_intent(body, max_bytes=len(body) - 1), Malformed)


def test_huge_integers_are_refused() -> None:
    assert refused(b'{"quantity": ' + b"9" * 5_000 + b"}").problem == "not JSON: ValueError"
    body = message_with()[:-1] + b', "quantity": ' + b"9" * 4_000 + b"}"
    assert refused(body).problem == "quantity is out of range"


def test_huge_numbers_in_free_fields_are_carried_and_not_expanded() -> None:
    body = message_with()[:-1] + b', "metadata": {"x": 1e999999, "y": ' + b"9" * 4_000 + b"}}"
    assert read(body).metadata["x"] == Decimal("1e999999")


def test_lone_surrogates_in_free_fields_are_carried() -> None:
    body = message_with()[:-1] + b', "metadata": {"\\ud800": "\\udfff"}}'
    assert read(body).metadata == {"\ud800": "\udfff"}


def test_a_refusal_says_whose_message_it_was() -> None:
    malformed = refused(message_with(action="OPEN_LONG"))
    assert (malformed.strategy, malformed.symbol) == ("momentum_v1", "BTCUSDT")


@pytest.mark.parametrize("name", [7, None, ["a"], "a\nb", "\u202e"])
def test_a_refusal_repeats_no_unreadable_name(name: object) -> None:
    assert refused(message_with(strategy_id=name, action="up")).strategy is None


def test_a_refusal_repeats_a_long_name_in_part() -> None:
    assert refused(message_with(strategy_id="a" * 9_999)).strategy == "a" * 64


def test_an_id_may_be_128_long() -> None:
    assert read(message_with(intent_id="i" * 128)).stated_id == "i" * 128
    assert refused(message_with(intent_id="i" * 129)).problem.startswith("intent_id is empty or")


def test_a_trace_state_may_be_512_long() -> None:
    parent = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"
    for length, kept in ((512, "s" * 512), (513, None)):
        headers = {"traceparent": parent, "tracestate": "s" * length}
        assert read(message_with(), headers).tracestate == kept


@given(st.binary(max_size=300))
def test_arbitrary_bytes_are_read_or_refused(body: bytes) -> None:
    assert isinstance(parse_intent(body), Intent | Malformed)


FIELDS = """
    strategy_id strategy symbol action signal_type side position_type reduce_only intent_id id
    timestamp confidence confidence_score quantity price stop_loss order_type time_in_force
    strategy_mode timeframe source metadata _otel_trace_context other
"""
WORDS = """
    buy sell close hold long short market LIMIT GTC momentum_v1 BTCUSDT 2026-03-02T12:00:00Z
"""
KEYS = st.sampled_from(FIELDS.split())
SCALARS = (
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats()
    | st.sampled_from(WORDS.split())
    | st.text(max_size=20)
)
JSON = st.recursive(
    SCALARS,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=5), inner),
    max_leaves=10,
)


@given(JSON | st.dictionaries(KEYS, JSON))
def test_arbitrary_json_is_read_or_refused(message: object) -> None:
    assert isinstance(parse_intent(json.dumps(message).encode()), Intent | Malformed)


@given(st.dictionaries(KEYS, SCALARS))
def test_arbitrary_fields_of_a_good_message_are_read_or_refused(fields: dict[str, Any]) -> None:
    parsed = parse_intent(message_with(**fields))
    assert isinstance(parsed, Intent | Malformed)
    if isinstance(parsed, Intent):
        assert subject_token(parsed.strategy) == parsed.token
        assert not set(parsed.token) & set(" .*>\r\n\t/")
