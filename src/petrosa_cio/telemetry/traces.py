"""One intent's trace as plain values, on its way from the gate to whoever exports it."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

from petrosa_cio.telemetry.steps import Interval, Step

Attribute = str | int | float | Sequence[str]


@dataclass(frozen=True, slots=True)
class IntentTrace:
    """What became of one intent, and when.

    Attributes:
        decision_id: The decision; names the span.
        caller: The bot's ``traceparent``, if it sent one.
        state: The bot's ``tracestate``, if it sent one.
        whole: From the arrival at this gate to the answer.
        steps: The steps on its way.
        failure: The reason, where the program and not the policy denied it.
        attributes: What the span says of it.
    """

    decision_id: str
    caller: str | None
    state: str | None
    whole: Interval
    steps: Mapping[Step, Interval]
    failure: str | None
    attributes: Mapping[str, Attribute]


class TraceSink(Protocol):
    """Takes traces that ended. It never waits and never raises."""

    @property
    def ratio(self) -> float:
        """The share of intents to trace where the caller did not choose: 0 to 1."""

    def put(self, traces: Sequence[IntentTrace]) -> None:
        """Take traces, or drop them where there is no room."""
