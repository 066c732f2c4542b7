"""Tells alerts to a receiver, again and again until it took them, and holds up nothing else.

An alert that is heard waits in memory until the outbox took it, and there until the receiver did.
Both are bounded: what finds no room is dropped, counted and logged.
"""

from collections import deque
from collections.abc import Callable
from datetime import datetime
from typing import Final, Protocol

import structlog
from prometheus_client import Counter, Gauge

from petrosa_cio.errors import Unavailable
from petrosa_cio.ports import AlertOutbox, WaitingAlert
from petrosa_cio.surfaces.alerts import Alert

log = structlog.get_logger()

ROOM: Final = 1_000
"""Most alerts that wait, in memory and in the outbox each."""

AT_ONCE: Final = 32
FIRST_PAUSE_S: Final = 2
LONGEST_PAUSE_S: Final = 600
GIVEN_UP_AFTER_S: Final = 86_400

OUTCOMES: Final = ("delivered", "failed", "given_up", "dropped")

DELIVERIES = Counter(
    "cio_webhook_alerts_total",
    "Tries to tell an alert, by what came of it, and alerts dropped for want of room.",
    ["outcome"],
)
WAITING = Gauge(
    "cio_webhook_waiting", "Alerts that wait to be told.", multiprocess_mode="mostrecent"
)
for _outcome in OUTCOMES:
    DELIVERIES.labels(_outcome)


class Receiver(Protocol):
    """Whoever wants to be told."""

    async def tell(self, alert: WaitingAlert) -> None:
        """Tell an alert once. Raises Unavailable if it was not taken."""


def pause_s(tries: int) -> int:
    """Return how long to wait after so many tries that failed."""
    return min(LONGEST_PAUSE_S, FIRST_PAUSE_S << min(tries, 20))


class Webhook:
    """Takes alerts and tells them.

    Args:
        outbox: Where they wait.
        receiver: Who is told.
        clock: The time.
        room: Most alerts that wait in memory.
    """

    def __init__(
        self,
        outbox: AlertOutbox,
        receiver: Receiver,
        clock: Callable[[], datetime],
        *,
        room: int = ROOM,
    ) -> None:
        self._outbox = outbox
        self._receiver = receiver
        self._clock = clock
        self._room = room
        self._heard: deque[Alert] = deque()

    def take(self, alert: Alert | None) -> None:
        """Take an alert, if it is one. This never waits and never fails."""
        if alert is None:
            return
        if len(self._heard) >= self._room:
            self._dropped(alert.kind, alert.alert_id)
        else:
            self._heard.append(alert)

    async def keep(self) -> None:
        """Move what was heard into the outbox. Raises Unavailable: then it stays in memory."""
        while self._heard:
            alert = self._heard[0]
            if not await self._outbox.put(alert.alert_id, alert.body(), now_ms=self._now_ms()):
                self._dropped(alert.kind, alert.alert_id)
            self._heard.popleft()

    async def tell(self) -> None:
        """Tell what is due, until the receiver fails once. Raises Unavailable of the outbox."""
        for alert in await self._outbox.due(self._now_ms(), AT_ONCE):
            if not await self._told(alert):
                break
        WAITING.set(await self._outbox.waiting())

    async def _told(self, alert: WaitingAlert) -> bool:
        try:
            await self._receiver.tell(alert)
        except Unavailable as away:
            await self._failed(alert, away.detail)
            return False
        DELIVERIES.labels("delivered").inc()
        await self._outbox.done(alert.alert_id)
        return True

    async def _failed(self, alert: WaitingAlert, why: str) -> None:
        now_ms = self._now_ms()
        if now_ms - alert.since_ms >= GIVEN_UP_AFTER_S * 1000:
            DELIVERIES.labels("given_up").inc()
            log.error("alert_given_up", alert=alert.alert_id, body=alert.body, detail=why)
            return await self._outbox.done(alert.alert_id)
        DELIVERIES.labels("failed").inc()
        log.warning("alert_not_told", alert=alert.alert_id, tries=alert.tries + 1, detail=why)
        await self._outbox.later(alert, due_ms=now_ms + pause_s(alert.tries) * 1000)

    def _dropped(self, kind: str, alert_id: str) -> None:
        DELIVERIES.labels("dropped").inc()
        log.error("alert_dropped", kind=kind, alert=alert_id, room=self._room)

    def _now_ms(self) -> int:
        return int(self._clock().timestamp() * 1000)
