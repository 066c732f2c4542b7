"""A collector of telemetry: OTLP over gRPC, as any real one speaks it, which keeps what it gets."""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field
from threading import Event

import grpc  # type: ignore[import-untyped]
from opentelemetry.proto.collector.metrics.v1 import metrics_service_pb2 as metrics_pb
from opentelemetry.proto.collector.metrics.v1 import metrics_service_pb2_grpc as metrics_grpc
from opentelemetry.proto.collector.trace.v1 import trace_service_pb2 as trace_pb
from opentelemetry.proto.collector.trace.v1 import trace_service_pb2_grpc as trace_grpc
from opentelemetry.proto.metrics.v1.metrics_pb2 import Metric
from opentelemetry.proto.trace.v1.trace_pb2 import Span


@dataclass
class Collector:
    """What arrived. While ``answers`` is not set it takes requests and never answers them."""

    url: str = ""
    answers: Event = field(default_factory=Event)
    asked: Event = field(default_factory=Event)
    spans: list[Span] = field(default_factory=list)
    metrics: list[Metric] = field(default_factory=list)
    resources: list[dict[str, str]] = field(default_factory=list)

    def named(self, name: str) -> list[Span]:
        """Return the spans of one name."""
        return [one for one in self.spans if one.name == name]

    def children(self, parent: Span) -> dict[str, Span]:
        """Return the spans right below another, by name."""
        return {one.name: one for one in self.spans if one.parent_span_id == parent.span_id}

    def value(self, name: str, **labels: str) -> float | None:
        """Return the newest value of a metric's series."""
        points = [
            point
            for metric in self.metrics
            if metric.name == name
            for point in (*metric.sum.data_points, *metric.gauge.data_points)
            if {one.key: one.value.string_value for one in point.attributes} == labels
        ]
        return points[-1].as_double if points else None


class _Traces(trace_grpc.TraceServiceServicer):
    def __init__(self, collector: Collector) -> None:
        self._collector = collector

    def Export(self, request: trace_pb.ExportTraceServiceRequest, _: object) -> object:  # noqa: N802
        self._collector.asked.set()
        self._collector.answers.wait()
        for part in request.resource_spans:
            self._collector.resources.append(
                {one.key: one.value.string_value for one in part.resource.attributes}
            )
            self._collector.spans += [span for scope in part.scope_spans for span in scope.spans]
        return trace_pb.ExportTraceServiceResponse()


class _Metrics(metrics_grpc.MetricsServiceServicer):
    def __init__(self, collector: Collector) -> None:
        self._collector = collector

    def Export(self, request: metrics_pb.ExportMetricsServiceRequest, _: object) -> object:  # noqa: N802
        self._collector.answers.wait()
        for part in request.resource_metrics:
            self._collector.metrics += [
                one for scope in part.scope_metrics for one in scope.metrics
            ]
        return metrics_pb.ExportMetricsServiceResponse()


@contextmanager
def collecting(*, answers: bool = True) -> Iterator[Collector]:
    """Run a collector on a free port of this machine."""
    collector = Collector()
    server = grpc.server(ThreadPoolExecutor(8))
    trace_grpc.add_TraceServiceServicer_to_server(_Traces(collector), server)  # type: ignore[no-untyped-call]
    metrics_grpc.add_MetricsServiceServicer_to_server(  # type: ignore[no-untyped-call]
        _Metrics(collector), server
    )
    collector.url = f"http://127.0.0.1:{server.add_insecure_port('127.0.0.1:0')}"
    if answers:
        collector.answers.set()
    server.start()
    try:
        yield collector
    finally:
        collector.answers.set()
        server.stop(None).wait()
