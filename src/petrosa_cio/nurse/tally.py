"""What the gate counts. The process that owns the gate shows it to Prometheus and the heartbeat."""

from typing import Protocol

from petrosa_cio.ports import Published
from petrosa_cio.risk.verdict import Verdict


class Tally(Protocol):
    """Counts what happens at the gate. None of these may raise or wait."""

    def decided(self, verdict: Verdict, final: str) -> None:
        """Count one verdict; ``final`` differs from it when the fence withdrew an approval."""

    def published(self, signals: int, outcome: Published) -> None:
        """Count signals sent and what is known of them."""

    def unconfirmed(self, decisions: int) -> None:
        """Count decisions of which nobody knows whether their signal was sent."""

    def given_back(self, intents: int) -> None:
        """Count intents given back to the stream."""

    def unavailable(self, dependency: str) -> None:
        """Count a batch that a dependency stopped."""
