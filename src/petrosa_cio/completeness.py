"""Puts together what watches over the completeness of the record: a part of the role ``record``."""

import asyncio
from collections.abc import AsyncIterator, Coroutine
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from typing import Any

from petrosa_cio import __version__
from petrosa_cio.adapters.mongo_connection import open_mongo
from petrosa_cio.adapters.mongo_findings import MongoFindings
from petrosa_cio.adapters.nats_connection import connect_nats
from petrosa_cio.adapters.nats_messages import overhear
from petrosa_cio.adapters.nats_position import NatsPosition
from petrosa_cio.adapters.nats_reading import NatsReading
from petrosa_cio.adapters.nats_streams import EXECUTIONS, INTENTS, JOURNAL
from petrosa_cio.adapters.redis_connection import Redis, connect_redis
from petrosa_cio.adapters.redis_held import RedisHeld
from petrosa_cio.adapters.redis_lease import RedisLease
from petrosa_cio.audit.alerting import Findings
from petrosa_cio.audit.completeness_metrics import PrometheusCompletenessTally
from petrosa_cio.audit.gaps import STATUS_SUBJECT, read_gaps, status_of
from petrosa_cio.audit.reconciler import Patience, Reconciler, Sources
from petrosa_cio.audit.signal_watch import SignalWatch
from petrosa_cio.fleet.execution_events import parse_execution
from petrosa_cio.nurse.every import every
from petrosa_cio.nurse.signed_off import SignedOffSignals
from petrosa_cio.servers import Servers, clock, nats_access
from petrosa_cio.settings import Settings

BOOKS = "reconciliation"
"""Name of the reconciler's books."""

STATUS_EVERY_S = 5.0

PATIENCE_S = 5.0
"""The books are read and saved in the background, and may be large."""


@asynccontextmanager
async def open_findings(settings: Settings) -> AsyncIterator[MongoFindings]:
    """Connect to MongoDB, to read records and keep findings. It is reached with the first call."""
    async with open_mongo(str(settings.mongo_url), settings.mongo_tls_ca_file) as mongo:
        yield MongoFindings(mongo, settings.mongo_database)


def books_of(settings: Settings, redis: Redis) -> RedisHeld:
    """Return where the reconciler keeps how far it is."""
    return RedisHeld(redis, settings.fund, name=BOOKS, timeout_s=PATIENCE_S)


@dataclass(frozen=True, slots=True)
class Completed:
    """What a person looks at: where the reconciler is, and what it found."""

    books: RedisHeld
    findings: MongoFindings


@asynccontextmanager
async def open_completed(settings: Settings) -> AsyncIterator[Completed]:
    """Open what tells of completeness: Redis and MongoDB, reached with the first question."""
    redis = connect_redis(
        str(settings.redis_url), ca_file=settings.redis_tls_ca_file, timeout_s=PATIENCE_S
    )
    try:
        async with open_findings(settings) as findings:
            yield Completed(books_of(settings, redis), findings)
    finally:
        await redis.aclose()


@asynccontextmanager
async def open_reports(settings: Settings) -> AsyncIterator[NatsReading]:
    """Open what the order engine reported, to read it. Raises Unavailable."""
    nats = await connect_nats(nats_access(settings), name="cio audit")
    try:
        yield NatsReading(nats, EXECUTIONS)
    finally:
        await nats.close()


@asynccontextmanager
async def completeness_work(
    settings: Settings,
    servers: Servers,
    store: MongoFindings,
    drain: NatsPosition,
    stop: asyncio.Event,
) -> AsyncIterator[list[Coroutine[Any, Any, None]]]:
    """Hand out the work that watches over completeness, to be run as tasks. Raises Unavailable.

    One process reconciles, by lease; every process watches signals, so that there is no pause in
    which nobody does. Signals are heard on a connection of their own: what floods it holds up
    nothing else here, and where it is too much the server drops that one alone.
    """
    tally = PrometheusCompletenessTally()
    findings = Findings(settings.fund, store, servers.announcer, tally, clock)
    books, journal = books_of(settings, servers.redis), NatsReading(servers.nats, JOURNAL)
    reconciler = Reconciler(
        Sources(
            fund=settings.fund,
            intents=NatsReading(servers.nats, INTENTS, headers_only=True),
            intents_stream=INTENTS,
            journal=journal,
            executions=NatsReading(servers.nats, EXECUTIONS),
            drain=drain,
            record=store,
            read=parse_execution,
            enforces=settings.mode == "enforce",
        ),
        books,
        findings,
        patience=Patience(settings.reconcile_after_s, settings.acknowledge_within_s),
        tally=tally,
        clock=clock,
    )

    async def tell_status() -> None:
        gaps = await read_gaps(settings.fund, books, store, at=clock())
        await servers.announcer.announce([(STATUS_SUBJECT, status_of(gaps))])

    lease = RedisLease(servers.redis, settings.fund, "reconciler")
    work = [lease.while_held(reconciler.run), every(STATUS_EVERY_S, tell_status, stop)]
    async with AsyncExitStack() as closing:
        if settings.watch_signals:
            record = SignedOffSignals(store, settings.signal_subject, version=__version__)
            watch = SignalWatch(journal, drain, record, findings=findings, tally=tally, clock=clock)
            nats = await connect_nats(nats_access(settings), name="signals watched")
            closing.push_async_callback(nats.close)
            for subject in settings.watch_signals:
                await overhear(nats, subject, watch.heard)
            work.append(watch.run())
        yield work
