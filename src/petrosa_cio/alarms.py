"""Wires the webhook: what is heard, what is looked at now and then, and who is told.

It runs in the role `control`, on a connection of its own. A gate knows nothing of it.
"""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Final, Protocol

from petrosa_cio.adapters.nats_connection import connect_nats
from petrosa_cio.adapters.nats_messages import listen
from petrosa_cio.adapters.nats_position import NatsPosition
from petrosa_cio.adapters.nats_streams import JOURNAL
from petrosa_cio.adapters.redis_lease import RedisLease
from petrosa_cio.adapters.redis_outbox import RedisOutbox
from petrosa_cio.audit.alerting import ALERT_SUBJECT
from petrosa_cio.governance.desk import STATE_UPDATED
from petrosa_cio.nurse.every import every
from petrosa_cio.servers import Servers, clock, nats_access
from petrosa_cio.settings import Settings
from petrosa_cio.surfaces.alerts import Edges, State, alert_of_finding, alert_of_state
from petrosa_cio.surfaces.webhook import ROOM, Webhook

TELL_S: Final = 1.0
LOOK_S: Final = 5.0
SETTLING_S: Final = 15.0
"""After a start gates may not have been heard yet: nothing is said of them for so long."""


class Watched(Protocol):
    """What is known of the gates."""

    def problems(self) -> list[str]:
        """Return why no gate is ready, a sentence each."""

    def ailing(self, dependency: str) -> list[str]:
        """Return what gates say is wrong with one dependency, a sentence each."""


@asynccontextmanager
async def telling_alerts(
    settings: Settings, servers: Servers, gates: Watched, *, consumer: str, stop: asyncio.Event
) -> AsyncIterator[None]:
    """Tell alerts while the block runs, if a webhook is stated.

    Every process hears alerts; by lease one tells them, and looks for what begins and ends.

    Args:
        settings: The settings.
        servers: Our own servers.
        gates: What is known of the gates.
        consumer: Who stores the journal, whose lag is looked at.
        stop: Set when the program is told to stop.
    """
    if settings.webhook_url is None or settings.webhook_secret is None:
        yield
        return
    # Imported here, as its library costs time and memory that no other set-up has to spend.
    from petrosa_cio.adapters.webhook_http import open_webhook  # noqa: PLC0415

    secret = settings.webhook_secret.get_secret_value()
    async with open_webhook(settings.webhook_url, secret, clock=clock) as receiver:
        outbox = RedisOutbox(servers.redis, settings.fund, room=ROOM)
        webhook = Webhook(outbox, receiver, clock)
        position = NatsPosition(servers.nats, stream=JOURNAL, consumer=consumer)
        lookout = Lookout(
            webhook,
            position,
            gates,
            fund=settings.fund,
            most_waiting=settings.webhook_lag_entries,
        )
        lease = RedisLease(servers.redis, settings.fund, "webhook")

        async def tell() -> None:
            async with asyncio.TaskGroup() as tasks:
                tasks.create_task(every(TELL_S, webhook.tell, stop))
                tasks.create_task(every(LOOK_S, lookout.look, stop))

        async with _hearing(settings, webhook), asyncio.TaskGroup() as tasks:
            keeping = tasks.create_task(every(TELL_S, webhook.keep, stop))
            telling = tasks.create_task(lease.while_held(tell))
            try:
                yield
            finally:
                keeping.cancel()
                telling.cancel()


@asynccontextmanager
async def _hearing(settings: Settings, webhook: Webhook) -> AsyncIterator[None]:
    nats = await connect_nats(nats_access(settings), name="alerts")
    fund = settings.fund
    try:
        await listen(
            nats,
            f"{ALERT_SUBJECT}*",
            lambda body: webhook.take(alert_of_finding(body, fund, clock())),
        )
        await listen(
            nats, STATE_UPDATED, lambda body: webhook.take(alert_of_state(body, fund, clock()))
        )
        yield
    finally:
        await nats.close()


class Lookout:
    """Looks now and then for what begins and ends.

    Args:
        webhook: Is told.
        position: How far the record is behind the journal.
        gates: What is known of the gates.
        fund: The fund.
        most_waiting: Journal entries that may wait.
    """

    def __init__(
        self,
        webhook: Webhook,
        position: NatsPosition,
        gates: Watched,
        *,
        fund: str,
        most_waiting: int,
    ) -> None:
        self._webhook = webhook
        self._position = position
        self._gates = gates
        self._most_waiting = most_waiting
        self._edges = Edges(fund, clock)
        self._began_at = clock()

    async def look(self) -> None:
        """Look once. Raises Unavailable of NATS."""
        if (clock() - self._began_at).total_seconds() > SETTLING_S:
            stale = self._gates.ailing("policy")
            self._note(State.POLICY_STALE, "; ".join(stale) or None)
            self._note(State.NO_GATE_READY, "; ".join(self._gates.problems()) or None)
        waiting = await self._position.waiting() + await self._position.outstanding()
        lags = f"{waiting} journal entries are not stored, more than {self._most_waiting}"
        self._note(State.RECORD_LAGS, lags if waiting > self._most_waiting else None)

    def _note(self, state: State, why: str | None) -> None:
        self._webhook.take(self._edges.note(state, why))
