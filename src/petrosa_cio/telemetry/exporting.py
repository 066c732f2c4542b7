"""Spans and metrics by petrosa-otel. Imported only where telemetry is on: it brings the whole SDK.

``docs/decisions/0009-telemetry-only-watches.md`` says what of petrosa-otel is used, what is gone
round, and why.
"""

import logging
import os
import threading
from collections.abc import Sequence
from time import monotonic, monotonic_ns, sleep, time_ns

import structlog
from opentelemetry import metrics, trace
from opentelemetry.sdk.metrics import MeterProvider
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.id_generator import RandomIdGenerator
from opentelemetry.sdk.trace.sampling import ALWAYS_ON
from opentelemetry.trace import Span, SpanKind, Status, StatusCode
from opentelemetry.trace.propagation.tracecontext import TraceContextTextMapPropagator
from petrosa_otel import setup as petrosa_otel  # type: ignore[import-untyped]

from petrosa_cio import __version__
from petrosa_cio.telemetry.bridge import observe_registry
from petrosa_cio.telemetry.metrics import COMPLAINTS
from petrosa_cio.telemetry.steps import Interval
from petrosa_cio.telemetry.trace_context import context_of
from petrosa_cio.telemetry.traces import IntentTrace

log = structlog.get_logger()

SERVICE = "petrosa-cio"
EXPORT_TIMEOUT_S = "2"
"""Longest wait for the collector, in seconds, unless ``OTEL_EXPORTER_OTLP_TIMEOUT`` is set."""

COMPLAIN_EVERY_S = 60.0
_CARRIER = TraceContextTextMapPropagator()


class Exporting:
    """The way to the collector, open for one process.

    Args:
        endpoint: The collector.
        protocol: ``grpc`` or ``http/protobuf``.
        attributes: What is said of this process beside service and version.
        with_spans: False where there is nothing to trace.
    """

    def __init__(
        self, endpoint: str, protocol: str, attributes: dict[str, str], *, with_spans: bool
    ) -> None:
        self._complaints = _Complaints()
        self._ids = _GivenIds()
        self._complaints.listen()
        _set_environment(attributes)
        self.is_open = petrosa_otel.setup_telemetry(
            SERVICE, __version__, otlp_endpoint=endpoint, protocol=protocol,
            enable_traces=with_spans, enable_logs=False, enable_http=False,
        )  # fmt: skip
        petrosa_otel.flush_telemetry = _already_flushed
        self._spans, self._meters = trace.get_tracer_provider(), metrics.get_meter_provider()
        if isinstance(self._spans, TracerProvider):
            # petrosa-otel offers no way to state these; a tracer takes what its provider has.
            self._spans.sampler, self._spans.id_generator = ALWAYS_ON, self._ids
        if isinstance(self._meters, MeterProvider):
            observe_registry(self._meters.get_meter(SERVICE, __version__))
        self._tracer = self._spans.get_tracer(SERVICE, __version__)

    def export(self, traces: Sequence[IntentTrace]) -> bool:
        """Send the spans of some intents and wait for it; return whether they arrived."""
        failed = self._complaints.errors
        since_ns = time_ns() - monotonic_ns()
        for one in traces:
            self._make_spans(one, since_ns)
            sleep(0)  # lets the event loop have the interpreter
        if isinstance(self._spans, TracerProvider):
            self._spans.force_flush()
        return self._complaints.errors == failed

    def _make_spans(self, one: IntentTrace, since_ns: int) -> None:
        context = context_of(one.decision_id, one.caller)
        self._ids.give(context.trace_id, context.span_id)
        carrier = {"traceparent": one.caller or "", "tracestate": one.state or ""}
        parent = _CARRIER.extract(carrier)
        whole = self._tracer.start_span(
            "intent",
            parent,
            SpanKind.CONSUMER,
            dict(one.attributes),
            start_time=since_ns + one.whole.began_ns,
        )
        inside = trace.set_span_in_context(whole)
        for step, taken in one.steps.items():
            span = self._tracer.start_span(step, inside, start_time=since_ns + taken.began_ns)
            _end(span, taken, since_ns)
        if one.failure:
            whole.set_status(Status(StatusCode.ERROR, one.failure))
        _end(whole, one.whole, since_ns)

    def close(self, *, timeout_s: float) -> None:
        """Send what is left, for so many seconds at most."""
        until = monotonic() + timeout_s
        closing = [
            threading.Thread(target=provider.shutdown, daemon=True)
            for provider in (self._spans, self._meters)
            if isinstance(provider, TracerProvider | MeterProvider)
        ]
        for thread in closing:
            thread.start()
        for thread in closing:
            thread.join(max(0.0, until - monotonic()))


def _already_flushed(timeout_seconds: float = 0.0) -> None:
    """Take the place of what petrosa-otel does at exit, which keeps to no time limit.

    `Exporting.close` has sent by then what could be sent.
    """


def _end(span: Span, taken: Interval, since_ns: int) -> None:
    span.end(since_ns + taken.ended_ns)


def _set_environment(attributes: dict[str, str]) -> None:
    """State for the libraries what they can only be told by the environment.

    The name of the service is among it: petrosa-otel forgets the one it is given as soon as there
    are other attributes. What an operator states stands last and so wins.
    """
    stated = os.environ.get("OTEL_RESOURCE_ATTRIBUTES", "")
    service = {"service.name": os.environ.get("OTEL_SERVICE_NAME", SERVICE)}
    ours = ",".join(f"{name}={value}" for name, value in (service | attributes).items())
    os.environ["OTEL_RESOURCE_ATTRIBUTES"] = f"{ours},{stated}".strip(",")
    os.environ.setdefault("HOSTNAME", attributes["service.instance.id"])
    os.environ.setdefault("OTEL_EXPORTER_OTLP_TIMEOUT", EXPORT_TIMEOUT_S)


class _GivenIds(RandomIdGenerator):
    """Gives the next span the ids it is told, and random ones to the spans after it."""

    def __init__(self) -> None:
        self._trace_id: int | None = None
        self._span_id: int | None = None

    def give(self, trace_id: str, span_id: str) -> None:
        """Take the ids of the next span, as hexadecimal digits."""
        self._trace_id, self._span_id = int(trace_id, 16), int(span_id, 16)

    def generate_trace_id(self) -> int:
        """Return the given trace id once. It is only asked for where there is no parent."""
        given, self._trace_id = self._trace_id, None
        return given or super().generate_trace_id()

    def generate_span_id(self) -> int:
        """Return the given span id once."""
        given, self._span_id = self._span_id, None
        return given or super().generate_span_id()


class _Complaints(logging.Handler):
    """Turns what the telemetry libraries log into our log, once a minute at most, and counts it."""

    def __init__(self) -> None:
        super().__init__(logging.WARNING)
        self.errors = 0
        self._quiet_until = 0.0

    def listen(self) -> None:
        """Take over the loggers of the libraries."""
        for name in ("opentelemetry", "petrosa_otel"):
            logger = logging.getLogger(name)
            logger.addHandler(self)
            logger.propagate = False

    def emit(self, record: logging.LogRecord) -> None:
        """Count one line and, if none was shown for a while, show it."""
        COMPLAINTS.inc()
        self.errors += record.levelno >= logging.ERROR
        if monotonic() >= self._quiet_until:
            self._quiet_until = monotonic() + COMPLAIN_EVERY_S
            log.warning("telemetry_complains", logger=record.name, detail=record.getMessage())
