"""Gates that are traced, seen from a collector that is there, is not, or never answers."""

import os
import signal
import socket
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from tests.integration.collector import collecting
from tests.integration.gate_house import GateHouse, gate_house
from tests.integration.gate_intents import message, messages
from tests.waiting import eventually

pytestmark = pytest.mark.integration

TRACE, CALLER = "0af7651916cd43dd8448eb211c80319c", "b7ad6b7169203331"
TRACED: dict[str, Any] = {"_otel_trace_context": {"traceparent": f"00-{TRACE}-{CALLER}-01"}}


@pytest.fixture
async def house(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[GateHouse]:
    for name in [name for name in os.environ if name.startswith("OTEL_")]:
        monkeypatch.delenv(name)
    monkeypatch.setenv("OTEL_METRIC_EXPORT_INTERVAL", "300")
    monkeypatch.setenv("PYTHONPROFILEIMPORTTIME", "1")
    async with gate_house(tmp_path) as house:
        yield house


async def stopped(house: GateHouse) -> int:
    """Tell the only gate to stop and return its exit code."""
    (gate,) = house.replicas
    gate.send(signal.SIGTERM)
    return await gate.ended()


async def test_an_approval_is_one_span_with_a_child_for_each_step(house: GateHouse) -> None:
    with collecting() as collector:
        await house.start("traced", otel_endpoint=collector.url)
        await house.publish([message(1, **TRACED), message(2, confidence=7, **TRACED)])
        await eventually(lambda: len(collector.named("intent")) == 2)
        (signal_heard,) = house.signals
        approved, denied = sorted(
            collector.named("intent"),
            key=lambda one: one.span_id.hex() != signal_heard.decision_id[:16],
        )
        assert approved.trace_id.hex() == denied.trace_id.hex() == TRACE
        assert approved.parent_span_id.hex() == denied.parent_span_id.hex() == CALLER
        continued = f"00-{TRACE}-{approved.span_id.hex()}-01"
        assert signal_heard.headers["traceparent"] == continued
        assert signal_heard.body["_otel_trace_context"] == {"traceparent": continued}

        steps = collector.children(approved)
        assert sorted(steps) == ["assess", "fence", "journal", "ledger", "parse", "publish"]
        assert sorted(collector.children(denied)) == sorted(steps.keys() - {"publish"})
        in_order = [steps[name] for name in ("parse", "assess", "ledger", "journal", "fence")]
        moments = [
            moment
            for one in (*in_order, steps["publish"])
            for moment in (one.start_time_unix_nano, one.end_time_unix_nano)
        ]
        whole = [approved.start_time_unix_nano, *moments, approved.end_time_unix_nano]
        assert whole == sorted(whole)
        said = {one.key: one.value.string_value for one in approved.attributes}
        assert said["cio.decision_id"] == signal_heard.decision_id
        assert said["cio.verdict"] == "approve"
        assert collector.resources[0]["service.name"] == "petrosa-cio"
        assert collector.resources[0]["service.instance.id"] == "traced"
        assert collector.resources[0]["cio.role"] == "gate"


async def test_a_trace_that_the_bot_did_not_want_or_begin_is_a_matter_of_the_share(
    house: GateHouse,
) -> None:
    unwanted = {"_otel_trace_context": {"traceparent": f"00-{TRACE}-{CALLER}-00"}}
    with collecting() as collector:
        await house.start("traced", otel_endpoint=collector.url, trace_ratio=1)
        await house.publish([message(1, **unwanted), message(2)])
        (span,) = await eventually(lambda: collector.named("intent"))
        await eventually(lambda: len(house.signals) == 2)
        wanted = next(one for one in house.signals if one.decision_id == span.trace_id.hex())
        assert span.span_id.hex() == wanted.decision_id[:16]
        assert wanted.headers["traceparent"] == f"00-{span.trace_id.hex()}-{span.span_id.hex()}-01"
        assert not span.parent_span_id
        assert await stopped(house) == 0
        assert len(collector.named("intent")) == 1


async def test_the_collector_reads_the_same_numbers_as_prometheus(house: GateHouse) -> None:
    with collecting() as collector:
        await house.start("counted", otel_endpoint=collector.url)
        await house.publish([message(1), message(2, confidence=7)])
        await eventually(lambda: collector.value("cio_verdicts_total", verdict="approve") == 1)
        await eventually(
            lambda: collector.value("cio_verdict_latency_seconds_bucket", le="+Inf") == 2
        )
        assert collector.value("cio_policy_revision") == 1
        assert collector.value("cio_heartbeat_timestamp_seconds")


async def test_a_collector_that_is_away_changes_nothing(house: GateHouse) -> None:
    with socket.socket() as taken:  # bound and not listening: connections are refused
        taken.bind(("127.0.0.1", 0))
        endpoint = f"http://127.0.0.1:{taken.getsockname()[1]}"
        await house.start("alone", otel_endpoint=endpoint)
        await house.publish(messages(300, **TRACED))
        await eventually(lambda: len(house.signals) == 300)
        assert await stopped(house) == 0


async def test_a_collector_that_never_answers_changes_nothing(house: GateHouse) -> None:
    with collecting(answers=False) as collector:
        await house.start("alone", otel_endpoint=collector.url)
        await house.publish(messages(300, **TRACED))
        await eventually(lambda: len(house.signals) == 300)
        await eventually(collector.asked.is_set)
        assert await stopped(house) == 0


async def test_without_a_collector_nothing_for_it_is_loaded(house: GateHouse) -> None:
    await house.start("plain")
    await house.publish([message(1, **TRACED)])
    (heard,) = await eventually(lambda: house.signals)
    assert heard.headers["traceparent"] == f"00-{TRACE}-{heard.decision_id[:16]}-01"
    imported = house.replicas[0].log.read_text()
    assert "petrosa_cio.nurse.gate" in imported
    loaded = ("petrosa_otel", "opentelemetry.exporter", "opentelemetry.sdk.trace.export", "grpc")
    assert [name for name in loaded if name in imported] == []
