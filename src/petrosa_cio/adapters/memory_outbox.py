"""Alerts that wait, in memory, for tests: as Redis would hold them."""

from dataclasses import replace

from petrosa_cio.ports import WaitingAlert


class MemoryOutbox:
    """Holds alerts as long as the program runs.

    Args:
        room: Most alerts that wait.
    """

    def __init__(self, room: int) -> None:
        self._room = room
        self._alerts: dict[str, tuple[int, WaitingAlert]] = {}
        self._told: set[str] = set()

    async def put(self, alert_id: str, body: str, *, now_ms: int) -> bool:
        """Keep an alert, due at once; return False if there is no room. A known one is kept."""
        if alert_id in self._alerts or alert_id in self._told:
            return True
        if len(self._alerts) >= self._room:
            return False
        self._alerts[alert_id] = (now_ms, WaitingAlert(alert_id, body, 0, now_ms))
        return True

    async def due(self, now_ms: int, limit: int) -> list[WaitingAlert]:
        """Return alerts that are due, the longest due first."""
        found = sorted(self._alerts.values(), key=lambda one: (one[0], one[1].alert_id))
        return [alert for at, alert in found if at <= now_ms][:limit]

    async def later(self, alert: WaitingAlert, *, due_ms: int) -> None:
        """Try an alert once more, at a time; it counts one try more."""
        self._alerts[alert.alert_id] = (due_ms, replace(alert, tries=alert.tries + 1))

    async def done(self, alert_id: str) -> None:
        """Forget an alert: it was told, or given up."""
        self._alerts.pop(alert_id, None)
        self._told.add(alert_id)

    async def waiting(self) -> int:
        """Return how many wait."""
        return len(self._alerts)
