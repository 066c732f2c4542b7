"""What the gate counts. The process that owns the gate shows it to Prometheus, and traces it."""

from collections.abc import Sequence
from typing import Protocol

from petrosa_cio.nurse.arrival import Answer
from petrosa_cio.nurse.decision import Decision
from petrosa_cio.ports import Published
from petrosa_cio.risk.warning_bands import Crossing
from petrosa_cio.telemetry.steps import StepTimes


class Tally(Protocol):
    """Counts what happens at the gate. None of these may raise or wait."""

    def decided(self, decisions: Sequence[tuple[Decision, Answer]], times: StepTimes) -> None:
        """Count the decisions of a batch with what was answered, and how long its steps took.

        The answer differs from the verdict where the fence withdrew an approval.
        """

    def published(self, signals: int, outcome: Published) -> None:
        """Count signals sent and what is known of them."""

    def unconfirmed(self, decisions: int) -> None:
        """Count decisions of which nobody knows whether their signal was sent."""

    def given_back(self, intents: int) -> None:
        """Count intents given back to the stream."""

    def unavailable(self, dependency: str) -> None:
        """Count a batch that a dependency stopped."""

    def warned(self, crossings: Sequence[Crossing]) -> None:
        """Count limits that have come to a warning band."""
