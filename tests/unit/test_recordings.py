"""Files of recorded intents: read in every shape they come in, and sent as new."""

import json
from datetime import UTC, datetime

import pytest

from petrosa_cio.fleet.recordings import RecordedIntent, read_recording

AT = datetime(2026, 11, 23, 12, tzinfo=UTC)


def read(text: str | bytes) -> list[RecordedIntent]:
    return list(read_recording(text.encode() if isinstance(text, str) else text))


def test_a_record_names_subject_and_time() -> None:
    payload = {"strategy_id": "a", "price": 1.5}
    record = {"subject": "intent.x", "payload": payload, "market_time": "2026-11-23T12:00:00Z"}
    assert read(json.dumps(record)) == [RecordedIntent("intent.x", payload, AT)]


@pytest.mark.parametrize(
    "time", ["2026-11-23T12:00:00", "2026-11-23T12:00:00+00:00", "2026-11-23T09:00:00-03:00"]
)
def test_times_are_utc_whatever_machine_reads_them(
    time: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TZ", "America/New_York")
    (found,) = read(json.dumps({"payload": {}, "market_time": time}))
    assert found.market_time == AT


@pytest.mark.parametrize(
    ("message", "subject"),
    [
        ({"strategy_id": "momentum_v1"}, "intent.momentum_v1"),
        ({"strategy": "Spread Liquidity.Monitor"}, "intent.Spread_Liquidity_Monitor"),
        ({"payload": {"strategy_id": "a"}, "subject": 7}, "intent.a"),
        ({"strategy_id": 7}, "intent.7"),
        ({}, "intent.unknown"),
    ],
)
def test_without_a_subject_one_is_made_of_the_strategy(
    message: dict[str, object], subject: str
) -> None:
    (found,) = read(json.dumps(message))
    assert found.subject == subject
    assert found.market_time is None


@pytest.mark.parametrize(
    "text",
    [
        '{"strategy_id": "a"}\n{"strategy_id": "b"}',
        '\n{"strategy_id": "a"}\r\n\r\n  {"strategy_id": "b"}\n\n',
    ],
)
def test_a_file_may_hold_one_a_line(text: str) -> None:
    assert [one.subject for one in read(text)] == ["intent.a", "intent.b"]


def test_a_file_may_hold_a_single_one_over_several_lines() -> None:
    (found,) = read(json.dumps({"strategy_id": "a", "metadata": {"x": [1]}}, indent=2))
    assert found.payload["metadata"] == {"x": [1]}


@pytest.mark.parametrize("text", ["", "\n\n"])
def test_an_empty_file_holds_none(text: str) -> None:
    assert read(text) == []


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ('{"a": 1}\nnonsense', "line 2: "),
        ('{"a": 1}\n[1]', "line 2: expected a JSON object"),
        ("[1]", "expected a JSON object"),
        (b"\xff", "line 1: "),
        ('{"payload": {}, "market_time": "yesterday"}', "yesterday"),
        ('{"payload": {}, "market_time": "0001-01-01T00:00:00+14:00"}', "no such time"),
    ],
)
def test_what_does_not_read_is_refused_by_line(text: str | bytes, problem: str) -> None:
    with pytest.raises(ValueError, match=problem):
        read(text)


def test_a_message_is_sent_as_it_was() -> None:
    payload: dict[str, object] = {"intent_id": "a", "timestamp": "then", "price": 1.5}
    assert json.loads(RecordedIntent("s", payload).body()) == payload


def test_a_message_can_bear_another_time_and_new_ids() -> None:
    payload: dict[str, object] = {"intent_id": "a", "id": 7, "order_id": "b", "price": 1.5}
    recorded = RecordedIntent("s", payload)
    first, second = (json.loads(recorded.body(at=AT, new_ids=True)) for _ in range(2))
    assert first["timestamp"] == "2026-11-23T12:00:00+00:00"
    assert first["id"] == 7
    assert len({first["intent_id"], second["intent_id"], "a"}) == 3
    assert first["order_id"] != "b"
    assert payload["intent_id"] == "a"
