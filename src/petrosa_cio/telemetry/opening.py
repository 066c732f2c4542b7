"""Opens telemetry for one process, and closes it in time."""

from collections.abc import Iterator
from contextlib import contextmanager

import structlog

from petrosa_cio import __version__
from petrosa_cio.settings import Settings
from petrosa_cio.telemetry.metrics import note_start
from petrosa_cio.telemetry.outbox import Outbox
from petrosa_cio.telemetry.traces import TraceSink

log = structlog.get_logger()

CLOSE_TIMEOUT_S = 1.0
"""Longest time that each of the two steps of closing may take, in seconds."""


@contextmanager
def watched(
    settings: Settings, *, role: str, replica: str, decides: bool
) -> Iterator[TraceSink | None]:
    """Have telemetry for this process while the block runs; yield where traces go, if anywhere.

    Args:
        settings: Whether and where to.
        role: Which of the program's processes this is.
        replica: Its name among its like.
        decides: Whether it has intents to trace. Of one that has none no library makes spans
            either: each probe of its health would be one.
    """
    note_start(role, __version__)
    if settings.otel_endpoint is None:
        yield None
        return
    # Imported here, as the SDK costs a second and some threads that a program without it saves.
    from petrosa_cio.telemetry.exporting import Exporting  # noqa: PLC0415

    exporting = Exporting(
        settings.otel_endpoint,
        settings.otel_protocol,
        {"service.instance.id": replica, "cio.role": role, "cio.fund": settings.fund},
        with_spans=decides,
    )
    if exporting.is_open:
        log.info("telemetry_on", endpoint=settings.otel_endpoint)
    else:
        log.warning("telemetry_not_opened", endpoint=settings.otel_endpoint)
    outbox = Outbox(exporting.export, ratio=settings.trace_ratio) if decides else None
    try:
        yield outbox
    finally:
        if outbox is not None:
            outbox.close(timeout_s=CLOSE_TIMEOUT_S)
        exporting.close(timeout_s=CLOSE_TIMEOUT_S)
