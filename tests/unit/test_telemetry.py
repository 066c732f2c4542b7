"""Telemetry in small: contexts, what is traced, the queue, and counting by batch."""

import json
from collections.abc import Sequence
from dataclasses import replace
from threading import Event

import pytest
from hypothesis import given
from hypothesis import strategies as st
from opentelemetry.sdk.metrics import MeterProvider
from opentelemetry.sdk.metrics.export import InMemoryMetricReader
from prometheus_client import REGISTRY, CollectorRegistry, Histogram

from petrosa_cio.nurse.gate import Gate
from petrosa_cio.nurse.metrics import STEP, PrometheusTally
from petrosa_cio.nurse.tracing import SampledTracing, trace_fields
from petrosa_cio.telemetry.bridge import observe_registry
from petrosa_cio.telemetry.metrics import BatchHistogram, note_start
from petrosa_cio.telemetry.outbox import Outbox
from petrosa_cio.telemetry.steps import Interval, Step
from petrosa_cio.telemetry.trace_context import context_of, is_sampled
from petrosa_cio.telemetry.traces import IntentTrace
from tests.gates import House
from tests.waiting import eventually

TRACE, SPAN = "a" * 32, "b" * 16
CALLER = f"00-{TRACE}-{SPAN}-03"
DECISION = "0123456789abcdef" * 2


# --- where an intent stands in its trace ----------------------------------------------------------


def test_a_callers_trace_is_continued_by_a_span_named_as_the_decision() -> None:
    assert context_of(DECISION, CALLER).traceparent == f"00-{TRACE}-{DECISION[:16]}-03"


@pytest.mark.parametrize(
    "caller",
    [
        None,
        "",
        "garbage",
        f"00-{'0' * 32}-{SPAN}-01",
        f"00-{TRACE}-{'0' * 16}-01",
        f"ff{CALLER[2:]}",
    ],
)
def test_without_a_trace_that_can_be_continued_one_begins(caller: str | None) -> None:
    assert context_of(DECISION, caller).traceparent == f"00-{DECISION}-{DECISION[:16]}-01"
    assert not is_sampled(DECISION, caller, 0)
    assert is_sampled(DECISION, caller, 1)


@pytest.mark.parametrize(
    ("flags", "wanted"), [("00", False), ("01", True), ("02", False), ("03", True)]
)
@pytest.mark.parametrize("ratio", [0, 1])
def test_the_caller_chooses_whether_it_is_traced(flags: str, wanted: bool, ratio: float) -> None:
    assert is_sampled(DECISION, f"00-{TRACE}-{SPAN}-{flags}", ratio) == wanted


def test_a_share_of_the_decisions_is_traced() -> None:
    decisions = [f"{number:032x}" for number in range(0, 1 << 32, 1 << 22)]
    assert sum(is_sampled(one, None, 0.25) for one in decisions) == len(decisions) / 4


# --- what the gate hands on -----------------------------------------------------------------------


class Sink:
    """Keeps the traces it is given."""

    def __init__(self, ratio: float = 0.0) -> None:
        self.ratio = ratio
        self.traces: list[IntentTrace] = []

    def put(self, traces: Sequence[IntentTrace]) -> None:
        self.traces += traces


@pytest.fixture
async def house() -> House:
    return await House().open()


async def test_an_intent_says_what_became_of_it(house: House) -> None:
    arrival = house.arrive(confidence=0.1, _otel_trace_headers={"traceparent": CALLER})
    await house.gate().process([arrival])
    sink = Sink()
    SampledTracing(sink).ended(*house.tally.batches[0])
    (trace,) = sink.traces
    assert (trace.decision_id, trace.caller) == (arrival.decision_id, CALLER)
    assert trace.attributes["cio.verdict"] == "deny"
    assert trace.attributes["cio.reasons"] == ["CONFIDENCE_BELOW_MIN"]
    assert trace.attributes["cio.strategy"] == "momentum"
    assert trace.failure is None
    assert list(trace.steps) == [Step.PARSE, Step.ASSESS, Step.LEDGER, Step.JOURNAL, Step.FENCE]
    assert all(
        trace.whole.began_ns <= one.began_ns <= one.ended_ns <= trace.whole.ended_ns
        for one in trace.steps.values()
    )


async def test_what_does_not_read_is_traced_by_its_headers(house: House) -> None:
    await house.gate().process([house.arrive_bytes(b"no JSON", {"traceparent": CALLER})])
    sink = Sink()
    SampledTracing(sink).ended(*house.tally.batches[0])
    (trace,) = sink.traces
    assert trace.caller == CALLER
    assert list(trace.steps) == [Step.PARSE, Step.ASSESS, Step.JOURNAL]


async def test_a_failure_of_the_program_is_traced_whatever_the_share(house: House) -> None:
    arrival = house.arrive()
    house.ledger.away = frozenset({"reserve"})
    await house.pass_time(120)
    await house.gate().process([arrival])
    sink = Sink(ratio=0)
    SampledTracing(sink).ended(*house.tally.batches[0])
    assert [one.failure for one in sink.traces] == ["LEDGER_UNAVAILABLE"]


class BrokenSink(Sink):
    """Fails at whatever it is given."""

    def put(self, traces: Sequence[IntentTrace]) -> None:
        raise OSError(len(traces))


async def test_a_fault_of_tracing_does_not_reach_the_gate(house: House) -> None:
    tally = PrometheusTally(SampledTracing(BrokenSink(ratio=1)))
    gate = Gate(house.options(), replace(house.world(), tally=tally))
    arrival = house.arrive()
    await gate.process([arrival])
    assert [one.decision_id for one in house.signals.sent] == [arrival.decision_id]
    assert house.kinds() == [("verdict", "approve")]
    assert len(house.intake.acknowledged) == 1


async def test_a_log_line_about_one_message_says_where_it_is_in_its_trace(house: House) -> None:
    told = house.arrive(_otel_trace_context={"traceparent": CALLER})
    assert trace_fields([told]) == {
        "decision": told.decision_id,
        "trace_id": TRACE,
        "span_id": told.decision_id[:16],
    }
    untold = house.arrive_bytes(b"\xff")
    assert trace_fields([untold])["trace_id"] == untold.decision_id
    assert trace_fields([told, untold]) == {}


# --- the queue ------------------------------------------------------------------------------------


def trace(number: int) -> IntentTrace:
    return IntentTrace(f"{number:032x}", None, None, Interval(1, 2), {}, None, {})


def total(fate: str) -> float:
    return REGISTRY.get_sample_value(f"cio_traces_{fate}_total") or 0


class Exporter:
    """Exports when it is let, and says that it went well or not."""

    def __init__(self, *, well: bool = True) -> None:
        self.may = Event()
        self.begun = Event()
        self.well = well
        self.seen: list[str] = []

    def export(self, traces: Sequence[IntentTrace]) -> bool:
        self.begun.set()
        self.may.wait()
        self.seen += [one.decision_id for one in traces]
        return self.well


async def test_what_waits_is_exported_in_order_and_the_rest_on_closing() -> None:
    exporter, sent = Exporter(), total("sent")
    exporter.may.set()
    outbox = Outbox(exporter.export, ratio=1)
    outbox.put([trace(number) for number in range(40)])
    await eventually(lambda: len(exporter.seen) == 40)
    outbox.put([trace(40)])
    outbox.close(timeout_s=5)
    assert exporter.seen == [trace(number).decision_id for number in range(41)]
    assert total("sent") - sent == 41


async def test_a_full_queue_drops_and_counts_and_never_waits() -> None:
    exporter, dropped, sent = Exporter(), total("dropped"), total("sent")
    outbox = Outbox(exporter.export, ratio=1, room=10)
    outbox.put([trace(0)])
    await eventually(exporter.begun.is_set)
    outbox.put([trace(number) for number in range(1, 31)])
    assert total("dropped") - dropped == 20
    outbox.close(timeout_s=0.01)
    assert total("dropped") - dropped == 30
    exporter.may.set()
    await eventually(lambda: total("sent") - sent == 1)


async def test_an_exporter_that_fails_has_another_chance() -> None:
    dropped, seen = total("dropped"), list[str]()

    def export(traces: Sequence[IntentTrace]) -> bool:
        seen.extend(one.decision_id for one in traces)
        raise OSError("no")

    outbox = Outbox(export, ratio=1)
    outbox.put([trace(0)])
    await eventually(lambda: len(seen) == 1)
    outbox.put([trace(1)])
    outbox.close(timeout_s=5)
    assert len(seen) == 2
    assert total("dropped") - dropped == 2


async def test_what_did_not_arrive_is_counted_as_dropped() -> None:
    exporter, dropped = Exporter(well=False), total("dropped")
    exporter.may.set()
    outbox = Outbox(exporter.export, ratio=1)
    outbox.put([trace(0)])
    outbox.close(timeout_s=5)
    assert total("dropped") - dropped == 1


# --- counting by batch ----------------------------------------------------------------------------

AMOUNTS = st.lists(st.sampled_from([0.0, 0.5, 1.0, 1.5, 2.0, 3.0, 1e9]), max_size=30)


@given(amounts=AMOUNTS)
def test_observing_a_batch_is_the_same_as_observing_each(amounts: list[float]) -> None:
    each, batch = CollectorRegistry(), CollectorRegistry()
    one_by_one = Histogram("h", "h", buckets=(1, 2), registry=each)
    for amount in amounts:
        one_by_one.observe(amount)
    BatchHistogram("h", "h", buckets=(1, 2), registry=batch).observe_all(amounts)
    read = [
        {
            (one.name, one.labels.get("le")): one.value
            for one in family.samples
            if "created" not in one.name
        }
        for registry in (each, batch)
        for family in registry.collect()
    ]
    assert read[0] == read[1]


# --- the same numbers for a collector -------------------------------------------------------------


def test_every_series_of_the_registry_is_observed_as_it_is() -> None:
    note_start("gate", "1.2.3")
    STEP.labels("journal").observe(0.5)
    reader = InMemoryMetricReader()
    observe_registry(MeterProvider([reader]).get_meter("test"))
    found = json.loads(reader.get_metrics_data().to_json())  # type: ignore[union-attr]
    observed = {
        (metric["name"], *sorted(point["attributes"].items())): point["value"]
        for resource in found["resource_metrics"]
        for scope in resource["scope_metrics"]
        for metric in scope["metrics"]
        for point in metric["data"]["data_points"]
    }
    shown = {
        (sample.name, *sorted(sample.labels.items())): sample.value
        for family in REGISTRY.collect()
        for sample in family.samples
        if sample.name.startswith("cio_") and not sample.name.endswith("_created")
        if sample.value or not sample.name.endswith("_timestamp_seconds")  # it never came
    }
    assert observed == shown
