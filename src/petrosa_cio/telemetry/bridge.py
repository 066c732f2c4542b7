"""Shows the Prometheus metrics of this process to an OpenTelemetry meter, as they are.

Each metric is counted once, for Prometheus; the collector reads the same numbers. A histogram goes
out as its series of counters, ``_bucket``, ``_sum`` and ``_count``, with the bound as ``le``.
"""

from collections.abc import Callable, Iterable, Iterator

from opentelemetry.metrics import CallbackOptions, Meter, Observation
from prometheus_client import REGISTRY, Metric
from prometheus_client.samples import Sample

PREFIX = "cio_"
_MOMENT = "_timestamp_seconds"


def observe_registry(meter: Meter) -> None:
    """Let a meter observe every metric of ours in the registry of this process."""
    for family in REGISTRY.collect():
        if family.name.startswith(PREFIX):
            for name in _series(family):
                make = (
                    meter.create_observable_gauge
                    if family.type == "gauge"
                    else meter.create_observable_counter
                )
                make(name, [_reading(name)], description=family.documentation)


def _series(family: Metric) -> Iterator[str]:
    if family.type == "histogram":
        yield from (f"{family.name}_{part}" for part in ("bucket", "sum", "count"))
    elif family.type == "counter":
        yield f"{family.name}_total"
    else:
        yield family.name


def _reading(name: str) -> Callable[[CallbackOptions], Iterable[Observation]]:
    def observe(_: CallbackOptions) -> Iterable[Observation]:
        for family in REGISTRY.restricted_registry([name]).collect():
            for sample in family.samples:
                if sample.name == name and not _says_nothing(sample):
                    yield Observation(sample.value, dict(sample.labels))

    return observe


def _says_nothing(sample: Sample) -> bool:
    """Return whether this is a moment that never came, as in a role that has no such moments."""
    return sample.name.endswith(_MOMENT) and not sample.value
