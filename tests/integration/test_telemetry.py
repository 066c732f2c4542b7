"""Gates that are traced, seen from a collector that is there, is not, or never answers."""

import json
import os
import platform
import signal
import socket
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
from prometheus_client import CollectorRegistry
from prometheus_client.multiprocess import MultiProcessCollector

from petrosa_cio import __version__
from tests.integration.collector import collecting, collecting_by_http
from tests.integration.gate_house import GateHouse, gate_house
from tests.integration.gate_intents import message, messages
from tests.waiting import eventually

pytestmark = pytest.mark.integration

TRACE, CALLER = "0af7651916cd43dd8448eb211c80319c", "b7ad6b7169203331"  # pragma: allowlist secret
TRACED: dict[str, Any] = {"_otel_trace_context": {"traceparent": f"00-{TRACE}-{CALLER}-01"}}


@pytest.fixture
async def house(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[GateHouse]:
    for name in [name for name in os.environ if name.startswith("OTEL_")]:
        monkeypatch.delenv(name)
    monkeypatch.setenv("OTEL_METRIC_EXPORT_INTERVAL", "300")
    monkeypatch.setenv("PROMETHEUS_MULTIPROC_DIR", str(tmp_path))
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


async def test_a_collector_can_be_spoken_to_by_http(house: GateHouse) -> None:
    with collecting_by_http() as collector:
        await house.start("web", otel_endpoint=collector.url, otel_protocol="http/protobuf")
        await house.publish([message(1, **TRACED)])
        (span,) = await eventually(lambda: collector.named("intent"))
        assert span.parent_span_id.hex() == CALLER


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


async def test_what_a_gate_shows_is_read_from_a_shared_folder(house: GateHouse) -> None:
    (gate,) = await house.start("shown")
    await house.publish([message(1), message(2, confidence=7)])
    await eventually(lambda: len(house.decided) == 2)
    shown = CollectorRegistry()
    MultiProcessCollector(shown, path=str(house.folder))  # type: ignore[no-untyped-call]

    def value(name: str, **labels: str) -> float | None:
        return shown.get_sample_value(name, labels)

    await eventually(lambda: value("cio_verdicts_total", verdict="deny") == 1)
    assert value("cio_verdicts_total", verdict="approve") == 1
    assert value("cio_verdict_latency_seconds_count") == 2
    assert value("cio_step_duration_seconds_count", step="journal")
    assert value("cio_policy_revision") == 1
    await eventually(lambda: value("cio_heartbeat_timestamp_seconds"))
    python = platform.python_version()
    assert value("cio_build_info", role="gate", version=__version__, python=python) == 1
    lines = [json.loads(line) for line in gate.log.read_text().splitlines()]
    assert "policy_in_force" in {one["event"] for one in lines}


async def test_a_collector_that_is_away_changes_nothing(house: GateHouse) -> None:
    with socket.socket() as taken:  # bound and not listening: connections are refused
        taken.bind(("127.0.0.1", 0))
        endpoint = f"http://127.0.0.1:{taken.getsockname()[1]}"
        (gate,) = await house.start("alone", otel_endpoint=endpoint, log_format="text")
        await house.publish(messages(300, **TRACED))
        await eventually(lambda: len(house.signals) == 300)
        await eventually(lambda: "telemetry_complains" in gate.log.read_text())
        assert await stopped(house) == 0
        assert gate.log.read_text().count("telemetry_complains") == 1


async def test_a_collector_that_never_answers_changes_nothing(house: GateHouse) -> None:
    with collecting(answers=False) as collector:
        await house.start("alone", otel_endpoint=collector.url)
        await house.publish(messages(300, **TRACED))
        await eventually(lambda: len(house.signals) == 300)
        await eventually(collector.asked.is_set)
        assert await stopped(house) == 0


async def test_without_a_collector_nothing_for_it_is_loaded(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PYTHONPROFILEIMPORTTIME", "1")
    async with gate_house(tmp_path) as house:
        await house.start("plain")
        await house.publish([message(1, **TRACED)])
        (heard,) = await eventually(lambda: house.signals)
    assert heard.headers["traceparent"] == f"00-{TRACE}-{heard.decision_id[:16]}-01"
    imported = house.replicas[0].log.read_text()
    assert "petrosa_cio.nurse.gate" in imported
    loaded = ("petrosa_otel", "opentelemetry.exporter", "opentelemetry.sdk.trace.export", "grpc")
    assert [name for name in loaded if name in imported] == []
