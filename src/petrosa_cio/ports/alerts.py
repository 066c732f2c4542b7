"""Alerts that wait to be told to whoever asked for them."""

from dataclasses import dataclass
from typing import Protocol


@dataclass(frozen=True, slots=True)
class WaitingAlert:
    """An alert that is to be told to whoever asked for alerts.

    Attributes:
        alert_id: Its identity; told twice, it has the same one.
        body: What is told, as JSON.
        tries: How often it was tried.
        since_ms: When it was put here, epoch milliseconds.
    """

    alert_id: str
    body: str
    tries: int
    since_ms: int


class AlertOutbox(Protocol):
    """Holds alerts until they are told. It is bounded, and survives a restart of the program."""

    async def put(self, alert_id: str, body: str, *, now_ms: int) -> bool:
        """Keep an alert, due at once; return False if there is no room. A known one is kept."""

    async def due(self, now_ms: int, limit: int) -> list[WaitingAlert]:
        """Return alerts that are due, the longest due first."""

    async def later(self, alert: WaitingAlert, *, due_ms: int) -> None:
        """Try an alert once more, at a time; it counts one try more."""

    async def done(self, alert_id: str) -> None:
        """Forget an alert: it was told, or given up."""

    async def waiting(self) -> int:
        """Return how many wait."""
