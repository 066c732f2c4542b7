"""A collector of telemetry: OTLP as any real one speaks it, which keeps what it gets."""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Event, Thread

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

    def take(self, request: trace_pb.ExportTraceServiceRequest) -> None:
        """Keep the spans of a request."""
        for part in request.resource_spans:
            self.resources.append(
                {one.key: one.value.string_value for one in part.resource.attributes}
            )
            self.spans += [span for scope in part.scope_spans for span in scope.spans]

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
        self._collector.take(request)
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
    """Run a collector that is spoken to by gRPC, on a free port of this machine."""
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


@contextmanager
def collecting_by_http() -> Iterator[Collector]:
    """Run a collector of traces that is spoken to by HTTP, on a free port of this machine."""
    collector = Collector()

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            if self.path == "/v1/traces":
                collector.take(trace_pb.ExportTraceServiceRequest.FromString(body))
            self.send_response(200)
            self.end_headers()

        def log_message(self, *_: object) -> None:
            """Stay silent."""

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        collector.url = f"http://127.0.0.1:{server.server_port}"
        serving = Thread(target=server.serve_forever, daemon=True)
        serving.start()
        yield collector
        server.shutdown()
        serving.join()
