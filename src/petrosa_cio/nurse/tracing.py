"""Which decisions are traced, and what their spans say.

Nothing happens here while an intent is on its way: the gate notes times, and once a batch is
answered the few decisions that are traced are handed on as plain values.
"""

from collections.abc import Mapping, Sequence
from time import monotonic_ns
from typing import Protocol

import structlog

from petrosa_cio.nurse.arrival import Answer, Arrival
from petrosa_cio.nurse.decision import Decision
from petrosa_cio.risk.intent import Intent
from petrosa_cio.risk.parse import Malformed, parse_intent
from petrosa_cio.risk.reasons import ReasonCode
from petrosa_cio.risk.verdict import VerdictKind
from petrosa_cio.telemetry.steps import Interval, Step, StepTimes
from petrosa_cio.telemetry.trace_context import context_of, is_sampled, well_formed
from petrosa_cio.telemetry.traces import Attribute, IntentTrace, TraceSink

log = structlog.get_logger()

FAILURES = frozenset({ReasonCode.LEDGER_UNAVAILABLE, ReasonCode.CHECK_FAILED})
"""Reasons that are the program's fault and not the bot's: such a decision is always traced."""


class Tracing(Protocol):
    """Hears of decisions that ended. It neither waits nor raises."""

    def ended(self, decisions: Sequence[tuple[Decision, Answer]], times: StepTimes) -> None:
        """Take note of the decisions of a batch, right after they were answered."""


class _NoTracing:
    def ended(self, decisions: Sequence[tuple[Decision, Answer]], times: StepTimes) -> None:
        pass


NO_TRACING = _NoTracing()
"""Takes no note of anything."""


class SampledTracing:
    """Hands on the decisions that are traced: as the bot chose, else a share, and every failure."""

    def __init__(self, sink: TraceSink) -> None:
        """Take where traces go."""
        self._sink = sink

    def ended(self, decisions: Sequence[tuple[Decision, Answer]], times: StepTimes) -> None:
        """Hand on the traced ones of a batch that was just answered."""
        try:
            self._sink.put(self._traced(decisions, times))
        except Exception:  # whatever it is, it must not touch what was decided
            log.exception("not_traced", intents=len(decisions))

    def _traced(
        self, decisions: Sequence[tuple[Decision, Answer]], times: StepTimes
    ) -> list[IntentTrace]:
        now_ns = monotonic_ns()
        return [
            _trace(one, answer, times, now_ns)
            for one, answer in decisions
            if self._is_traced(one) or _failure(one)
        ]

    def _is_traced(self, one: Decision) -> bool:
        caller = _caller(one.draft.intent, one.draft.arrival)
        return is_sampled(one.decision_id, caller, self._sink.ratio)


def trace_fields(arrivals: Sequence[Arrival]) -> dict[str, str]:
    """Return what a log line says of one message: its decision, and where it is in its trace.

    A line about several messages has nothing of the kind to say.
    """
    if len(arrivals) != 1:
        return {}
    (arrival,) = arrivals
    source = arrival.source
    try:
        intent = parse_intent(source.body, source.headers, max_bytes=len(source.body))
    except Exception:  # the log line may be about this very failure
        intent = Malformed("the program failed on it")
    context = context_of(arrival.decision_id, _caller(intent, arrival))
    return {
        "decision": arrival.decision_id,
        "trace_id": context.trace_id,
        "span_id": context.span_id,
    }


def _caller(intent: Intent | Malformed, arrival: Arrival) -> str | None:
    """Return the bot's trace context; of a message that does not read, the one in its headers."""
    if isinstance(intent, Intent):
        return intent.traceparent
    return well_formed(arrival.source.headers.get("traceparent"))


def _failure(one: Decision) -> str | None:
    codes = (reason.code for reason in one.verdict.reasons if reason.code in FAILURES)
    return next(codes, None)


def _trace(one: Decision, answer: Answer, times: StepTimes, now_ns: int) -> IntentTrace:
    intent, arrival = one.draft.intent, one.draft.arrival
    return IntentTrace(
        decision_id=one.decision_id,
        caller=_caller(intent, arrival),
        state=intent.tracestate if isinstance(intent, Intent) else None,
        whole=Interval(arrival.arrived_ns, now_ns),
        steps=_steps(one, answer, times),
        failure=_failure(one),
        attributes=_attributes(one, answer),
    )


def _steps(one: Decision, answer: Answer, times: StepTimes) -> Mapping[Step, Interval]:
    """Return the steps that this decision took, its own first and then those of its batch."""
    began_ns, parsed_ns, assessed_ns = one.draft.read_ns
    steps: dict[Step, Interval] = {}
    if began_ns:
        steps[Step.PARSE] = Interval(began_ns, parsed_ns)
        steps[Step.ASSESS] = Interval(parsed_ns, assessed_ns)
    return steps | {step: taken for step, taken in times.taken.items() if _took(step, one, answer)}


def _took(step: Step, one: Decision, answer: Answer) -> bool:
    if step in (Step.LEDGER, Step.FENCE):
        return one.draft.assessment.asks_ledger
    if step is Step.PUBLISH:
        return one.signal is not None and answer.verdict != VerdictKind.DENY
    return True


def _attributes(one: Decision, answer: Answer) -> dict[str, Attribute]:
    intent = one.draft.intent
    return {
        "cio.decision_id": one.decision_id,
        "cio.verdict": str(answer.verdict),
        "cio.reasons": [str(reason.code) for reason in one.verdict.reasons],
        "cio.strategy": intent.strategy or "",
        "cio.symbol": intent.symbol or "",
        "cio.policy_revision": one.draft.assessment.policy_revision or 0,
        "messaging.system": "nats",
        "messaging.destination.name": one.draft.arrival.source.subject,
    }
