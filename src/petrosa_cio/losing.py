"""Puts together the watch over losses: a part of the role ``control``."""

import asyncio
from datetime import timedelta
from zoneinfo import ZoneInfo

from petrosa_cio.adapters.nats_journal import read_journal
from petrosa_cio.adapters.redis_held import RedisHeld
from petrosa_cio.adapters.redis_lease import RedisLease
from petrosa_cio.completeness import open_findings
from petrosa_cio.governance.losses.alert import LossAlerts
from petrosa_cio.governance.losses.keeping import BOOK, LossBooks
from petrosa_cio.governance.losses.metrics import PrometheusLossTally
from petrosa_cio.governance.losses.watch import LOOK_S, LossWatch
from petrosa_cio.nurse.every import every
from petrosa_cio.nurse.feeds import Feeds
from petrosa_cio.nurse.recovery import BEGINNING
from petrosa_cio.policies import trusted_keys
from petrosa_cio.risk.limits import LimitSet
from petrosa_cio.risk.losses import LossRules
from petrosa_cio.risk.parse import subject_token
from petrosa_cio.risk.policy import ANY, Charter
from petrosa_cio.servers import Servers, clock
from petrosa_cio.settings import Settings

BOOKS = "losses"
"""Name of the books that hold what was lost."""


def loss_rules(settings: Settings) -> LossRules:
    """Return how readings of the portfolio are believed."""
    return LossRules(
        zone=ZoneInfo(settings.losses_time_zone),
        confirmations=settings.losses_confirmations,
        leap_bps=settings.losses_leap_bps,
        max_age=timedelta(seconds=settings.losses_reading_max_age_s),
    )


class LossSource:
    """The book of losses as a gate reads it."""

    def __init__(self, servers: Servers, *, timeout_s: float) -> None:
        """Take the servers, and the longest time that a reading may take."""
        self._held = RedisHeld(servers.redis, servers.fund, name=BOOKS, timeout_s=timeout_s)

    async def document(self) -> bytes | None:
        """Return the book as it is kept, or None. Raises Unavailable."""
        return await self._held.entry(BOOK)


class LimitsInForce:
    """The limits on losses, of the policy that may be trusted; without one, of the charter."""

    def __init__(self, feeds: Feeds) -> None:
        """Take what keeps the policy fresh."""
        self._feeds = feeds

    def of_fund(self) -> LimitSet:
        """Return those of the fund."""
        return self._feeds.snapshot().limits_for(ANY, ANY).limits

    def of_strategy(self, token: str) -> LimitSet:
        """Return those of a strategy, by its token."""
        snapshot = self._feeds.snapshot()
        book = snapshot.policy
        named = () if book is None else book.document.policy.strategies
        overlays = () if book is None else book.document.overlays
        names = [*named, *(name for one in overlays for name in one.strategies)]
        name = next((one for one in names if subject_token(one) == token), token)
        return snapshot.limits_for(name, ANY).limits


async def watching_losses(
    settings: Settings, servers: Servers, charter: Charter, stop: asyncio.Event
) -> None:
    """Watch losses until told to stop; one process does, whoever holds the lease."""
    feeds = Feeds(
        servers.store,
        charter,
        trusted_keys(settings),
        clock=clock,
        policy_max_age_s=settings.policy_max_age_s,
    )
    tally = PrometheusLossTally()
    async with open_findings(settings) as findings:
        books = LossBooks(
            settings.fund,
            RedisHeld(servers.redis, settings.fund, name=BOOKS, timeout_s=1.0),
            servers.ledger,
            lambda: read_journal(servers.nats, since=BEGINNING),
            servers.desk.record,
            clock,
        )
        watch = LossWatch(
            servers.portfolio,
            books,
            LimitsInForce(feeds),
            rules=loss_rules(settings),
            states=servers.store,
            desk=servers.desk,
            alerts=LossAlerts(settings.fund, findings, servers.announcer, tally, clock),
            tally=tally,
            clock=clock,
        )

        async def look() -> None:
            await feeds.refresh()
            await watch.look()

        lease = RedisLease(servers.redis, settings.fund, "losses")
        await lease.while_held(lambda: every(LOOK_S, look, stop))
