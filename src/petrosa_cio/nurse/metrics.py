"""The gate's counters, as Prometheus sees them. Label values come from closed lists only.

A batch is counted as a whole: in a folder shared by several processes every count is a write.
"""

import time
from collections import Counter as Tallied
from collections.abc import Sequence

from prometheus_client import Counter, Histogram

from petrosa_cio.nurse.arrival import Answer
from petrosa_cio.nurse.decision import Decision
from petrosa_cio.nurse.tracing import FAILURES, NO_TRACING, Tracing
from petrosa_cio.ports import Published
from petrosa_cio.risk.reasons import Effect
from petrosa_cio.risk.verdict import VerdictKind
from petrosa_cio.risk.warning_bands import BANDED_LIMITS, BANDS, Crossing
from petrosa_cio.telemetry.metrics import BatchHistogram
from petrosa_cio.telemetry.steps import Step, StepTimes

VERDICTS = Counter("cio_verdicts_total", "Verdicts by kind.", ["verdict"])
REASONS = Counter("cio_reasons_total", "Reasons given, by code and effect.", ["code", "effect"])
SIGNALS = Counter("cio_signals_total", "Signals sent.")
UNDELIVERED = Counter("cio_undelivered_total", "Signals that provably reached nobody.")
UNCONFIRMED = Counter("cio_unconfirmed_total", "Signals of which nobody knows if they were sent.")
WITHDRAWN = Counter("cio_withdrawn_total", "Approvals withdrawn before their signal was sent.")
GIVEN_BACK = Counter("cio_given_back_total", "Intents given back to the stream to come again.")
UNAVAILABLE = Counter("cio_unavailable_total", "Batches a dependency stopped.", ["dependency"])
LIMIT_WARNINGS = Counter(
    "cio_limit_warnings_total", "Shared limits that came to a band: 50, 80 or 100 % used.",
    ["limit", "band"],
)  # fmt: skip

SUB_SECOND = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5)
LATENCY = BatchHistogram(
    "cio_verdict_latency_seconds", "From the arrival of an intent at its gate to its answer.",
    buckets=SUB_SECOND,
)  # fmt: skip
AGE = BatchHistogram(
    "cio_intent_age_seconds", "From the capture of an intent by its stream to its answer.",
    buckets=(*SUB_SECOND, 10, 30, 60),
)  # fmt: skip
BATCH = Histogram(
    "cio_batch_intents", "Intents decided together.", buckets=[2**power for power in range(13)]
)
STEP = Histogram(
    "cio_step_duration_seconds", "How long a batch took for a step.", ["step"],
    buckets=(0.0005, *SUB_SECOND),
)  # fmt: skip

# What never happened is shown as zero, so that its first time is seen as an increase.
for _kind in VerdictKind:
    VERDICTS.labels(_kind)
for _code in FAILURES:
    REASONS.labels(_code, Effect.DENY)
for _dependency in ("nats", "redis"):
    UNAVAILABLE.labels(_dependency)
for _limit in BANDED_LIMITS:
    for _band in BANDS:
        LIMIT_WARNINGS.labels(_limit, _band)
_SHARED = (Step.LEDGER, Step.JOURNAL, Step.FENCE, Step.PUBLISH)
_STEPS: dict[Step, Histogram] = {step: STEP.labels(step) for step in _SHARED}


class PrometheusTally:
    """Counts into the process's Prometheus registry, and lets decisions be traced."""

    def __init__(self, tracing: Tracing = NO_TRACING) -> None:
        """Take who else hears of decisions that ended."""
        self._tracing = tracing

    def decided(self, decisions: Sequence[tuple[Decision, Answer]], times: StepTimes) -> None:
        """Count the decisions of a batch with what was answered, and how long its steps took."""
        if not decisions:
            return
        self._count_verdicts(decisions)
        _measure([one for one, _ in decisions], times)
        self._tracing.ended(decisions, times)

    def _count_verdicts(self, decisions: Sequence[tuple[Decision, Answer]]) -> None:
        for final, number in Tallied(answer.verdict for _, answer in decisions).items():
            VERDICTS.labels(final).inc(number)
        withdrawn = sum(one.verdict.kind != answer.verdict for one, answer in decisions)
        if withdrawn:
            WITHDRAWN.inc(withdrawn)
        reasons = Tallied(
            (reason.code, reason.effect) for one, _ in decisions for reason in one.verdict.reasons
        )
        for (code, effect), number in reasons.items():
            REASONS.labels(code, effect).inc(number)

    def published(self, signals: int, outcome: Published) -> None:
        """Count signals sent and what is known of them."""
        SIGNALS.inc(signals)
        UNDELIVERED.inc(len(outcome.undelivered))
        UNCONFIRMED.inc(len(outcome.unconfirmed))

    def unconfirmed(self, decisions: int) -> None:
        """Count decisions of which nobody knows whether their signal was sent."""
        UNCONFIRMED.inc(decisions)

    def given_back(self, intents: int) -> None:
        """Count intents given back to the stream."""
        GIVEN_BACK.inc(intents)

    def unavailable(self, dependency: str) -> None:
        """Count a batch that a dependency stopped."""
        UNAVAILABLE.labels(dependency).inc()

    def warned(self, crossings: Sequence[Crossing]) -> None:
        """Count limits that have come to a warning band."""
        for one in crossings:
            LIMIT_WARNINGS.labels(one.limit, one.band_pct).inc()


def _measure(decisions: Sequence[Decision], times: StepTimes) -> None:
    now_ns, now_ms = time.monotonic_ns(), time.time_ns() // 1_000_000
    arrivals = [one.draft.arrival for one in decisions]
    BATCH.observe(len(arrivals))
    LATENCY.observe_all((now_ns - one.arrived_ns) / 1e9 for one in arrivals)
    AGE.observe_all(max(0, now_ms - one.stored_at_ms) / 1000 for one in arrivals)
    for step, taken in times.taken.items():
        _STEPS[step].observe(taken.seconds)
