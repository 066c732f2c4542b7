"""Opens the ways to the servers: the other half of composition."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from petrosa_cio.adapters.key_file import read_key
from petrosa_cio.adapters.mongo_checkpoints import MongoCheckpoints
from petrosa_cio.adapters.mongo_connection import open_mongo
from petrosa_cio.adapters.mongo_rights import Rights, rights
from petrosa_cio.adapters.mongo_traces import MongoTraceStore
from petrosa_cio.adapters.nats_connection import (
    NatsAccess,
    RobustClient,
    connect_nats,
    translated,
)
from petrosa_cio.adapters.nats_journal import NatsJournal, read_journal
from petrosa_cio.adapters.nats_messages import NatsAnnouncer
from petrosa_cio.adapters.nats_streams import (
    EXECUTIONS,
    StreamSettings,
    ensure_streams,
    replay_from_start,
)
from petrosa_cio.adapters.redis_connection import Redis, connect_redis
from petrosa_cio.adapters.redis_held import RedisHeld
from petrosa_cio.adapters.redis_lease import RedisLease
from petrosa_cio.adapters.redis_ledger import RedisLedger
from petrosa_cio.adapters.redis_portfolio import RedisPortfolio
from petrosa_cio.adapters.redis_state import RedisStateStore
from petrosa_cio.adapters.redis_venue_rules import RedisVenueRules
from petrosa_cio.audit.checkpoint import Signer
from petrosa_cio.audit.checkpointer import Checkpointer, Rhythm, SigningTally
from petrosa_cio.audit.settler import CONSUMER as SETTLEMENT_CONSUMER
from petrosa_cio.errors import Misconfigured, Problem
from petrosa_cio.fleet.portfolio_source import PortfolioSource
from petrosa_cio.governance.desk import Desk
from petrosa_cio.governance.portfolio_feed import PortfolioFeed
from petrosa_cio.governance.regime_feed import RegimeFeed
from petrosa_cio.governance.venue_refresh import Asking, VenueRefresher, public_part
from petrosa_cio.governance.venue_rules import VenueRecorder
from petrosa_cio.nurse.every import every
from petrosa_cio.nurse.recovery import BEGINNING, Recovery
from petrosa_cio.nurse.venue_feed import VenueFeed
from petrosa_cio.risk.venue import VenueRules
from petrosa_cio.settings import Settings

STORE_TIMEOUT_S = 1.0
"""What governs is read in the background, where patience costs nothing and a gap makes it stale."""


AUDIT_KEY = "audit.key"
"""Name of the key file in the data folder."""

AUDIT_KEY_FIELD = "CIO_AUDIT_KEY_FILE"


def clock() -> datetime:
    """Return the time, aware UTC: the one clock of the program."""
    return datetime.now(UTC)


@dataclass(frozen=True, slots=True)
class Servers:
    """Open ways to the servers, for one fund."""

    fund: str
    nats: RobustClient
    redis: Redis
    ledger: RedisLedger
    store: RedisStateStore
    held: RedisHeld
    journal: NatsJournal
    announcer: NatsAnnouncer
    desk: Desk
    venue: RedisVenueRules
    portfolio: RedisPortfolio


@asynccontextmanager
async def open_servers(settings: Settings, *, name: str) -> AsyncIterator[Servers]:
    """Connect to NATS and Redis, make sure of the streams, and close everything afterwards.

    Raises:
        Unavailable: A server cannot be reached.
    """
    async with AsyncExitStack() as closing:
        nats = await connect_nats(nats_access(settings), name=name)
        closing.push_async_callback(nats.close)
        await ensure_streams(nats.jetstream(), stream_settings(settings))
        redis = connect_redis(str(settings.redis_url), ca_file=settings.redis_tls_ca_file)
        closing.push_async_callback(redis.aclose)
        timeout_s = settings.ledger_timeout_ms / 1000
        store = RedisStateStore(redis, settings.fund, timeout_s=max(timeout_s, STORE_TIMEOUT_S))
        journal = NatsJournal(nats, timeout_s=settings.journal_timeout_ms / 1000)
        announcer = NatsAnnouncer(nats)
        desk = Desk(store, journal, announcer, fund=settings.fund, clock=clock)
        ledger = RedisLedger(redis, settings.fund, timeout_s=timeout_s)
        held = RedisHeld(redis, settings.fund, timeout_s=timeout_s)
        venue = RedisVenueRules(redis, settings.fund, timeout_s=max(timeout_s, STORE_TIMEOUT_S))
        portfolio = RedisPortfolio(redis, settings.fund, timeout_s=max(timeout_s, STORE_TIMEOUT_S))
        yield Servers(
            settings.fund, nats, redis, ledger, store, held, journal, announcer, desk, venue,
            portfolio,
        )  # fmt: skip


@asynccontextmanager
async def hearing(
    settings: Settings, subject: str, heard: Callable[[bytes], None], *, name: str
) -> AsyncIterator[None]:
    """Hand over each message on a subject as it is read, on a connection of its own.

    What floods this connection holds up nothing on another, and where it is too much the server
    drops this one alone. Nothing waits in a queue here.

    Raises:
        Unavailable: NATS cannot be reached.
    """
    nats = await connect_nats(nats_access(settings), name=name)
    try:
        with translated():
            await nats.take(subject, lambda message: heard(message.data))
        yield
    finally:
        await nats.close()


def nats_access(settings: Settings) -> NatsAccess:
    """Return where NATS is and how to sign in."""
    password, token = settings.nats_password, settings.nats_token
    return NatsAccess(
        url=str(settings.nats_url),
        user=settings.nats_user,
        password=password.get_secret_value() if password else None,
        token=token.get_secret_value() if token else None,
        credentials_file=settings.nats_credentials_file,
        ca_file=settings.nats_tls_ca_file,
        cert_file=settings.nats_tls_cert_file,
        key_file=settings.nats_tls_key_file,
    )


def stream_settings(settings: Settings) -> StreamSettings:
    """Return how the durable streams are set up."""
    return StreamSettings(
        intent_subjects=settings.intent_subjects,
        execution_subject=settings.execution_subject,
        journal_max_bytes=settings.journal_max_bytes,
        intake_is_async=settings.intake_persistence == "async",
    )


def recovery_of(servers: Servers) -> Recovery:
    """Return what rebuilds the ledger from the journal when it is lost."""
    return Recovery(
        servers.ledger,
        lambda: read_journal(servers.nats, since=BEGINNING),
        lambda: replay_from_start(servers.nats.jetstream(), EXECUTIONS, SETTLEMENT_CONSUMER),
        fund=servers.fund,
        clock=clock,
    )


def venue_feed(settings: Settings, servers: Servers, files: VenueRules | None) -> VenueFeed:
    """Return what keeps the venue's rules: those of files, or with a URL those in the store."""
    recorder = VenueRecorder(servers.journal, fund=settings.fund, clock=clock)
    store = servers.venue if settings.venue_rules_url else None
    return VenueFeed(files, store, recorder, clock=clock)


def venue_refresher(
    settings: Settings, servers: Servers, files: VenueRules | None
) -> VenueRefresher:
    """Return what asks the venue for its rules at CIO_VENUE_RULES_URL."""
    # Imported here, as its library costs time and memory that no other role has to spend.
    from petrosa_cio.adapters.venue_http import VenueHttp  # noqa: PLC0415

    url = str(settings.venue_rules_url)
    return VenueRefresher(
        Asking(VenueHttp(url).fetch, public_part(url), settings.venue_rules_interval_s, files),
        servers.venue,
        VenueRecorder(servers.journal, fund=settings.fund, clock=clock),
        servers.announcer,
        clock=clock,
    )


@asynccontextmanager
async def feeding_regimes(
    settings: Settings, servers: Servers, stop: asyncio.Event
) -> AsyncIterator[Callable[[], list[str]]]:
    """Bring the market regime into the store while the block runs, if a data-manager is stated.

    One process at a time does, whoever holds the lease; the others wait to take over.

    Yields:
        What tells what is wrong with it, a sentence each.
    """
    if settings.data_manager_url is None:
        yield list
        return
    # Imported here, as a gate has no use for a neighbour's HTTP.
    from petrosa_cio.fleet.data_manager import open_data_manager  # noqa: PLC0415

    lease = RedisLease(servers.redis, settings.fund, "regimes")
    async with open_data_manager(settings.data_manager_url) as source:
        feed = RegimeFeed(
            source, servers.store, servers.desk, symbols=settings.regime_symbols, clock=clock
        )

        async def rounds() -> None:
            try:
                await every(settings.regime_interval_s, feed.round, stop)
            finally:
                feed.forget()

        async with asyncio.TaskGroup() as tasks:
            feeding = tasks.create_task(lease.while_held(rounds))
            yield feed.ailments
            feeding.cancel()


@asynccontextmanager
async def feeding_portfolio(
    settings: Settings, servers: Servers, stop: asyncio.Event
) -> AsyncIterator[Callable[[], list[str]]]:
    """Bring what the fund holds into the store while the block runs, if an order engine is stated.

    One process at a time does, whoever holds the lease; the others wait to take over.

    Yields:
        What tells what is doubtful of it, a sentence each.
    """
    if settings.tradeengine_url is None:
        yield list
        return
    lease = RedisLease(servers.redis, settings.fund, "portfolio")
    async with portfolio_source(settings) as source:
        feed = PortfolioFeed(source, servers.portfolio, servers.ledger)

        async def rounds() -> None:
            try:
                await every(settings.portfolio_interval_s, feed.round, stop)
            finally:
                feed.forget()

        async with asyncio.TaskGroup() as tasks:
            feeding = tasks.create_task(lease.while_held(rounds))
            yield feed.ailments
            feeding.cancel()


@asynccontextmanager
async def portfolio_source(settings: Settings) -> AsyncIterator[PortfolioSource]:
    """Open the ways to the order engine, and to the data-manager if one is stated."""
    # Imported here, as a gate has no use for a neighbour's HTTP.
    from petrosa_cio.fleet.neighbour_http import open_neighbour  # noqa: PLC0415

    timeout_s = settings.fleet_timeout_ms / 1000
    async with AsyncExitStack() as closing:
        engine = await closing.enter_async_context(
            open_neighbour(
                "tradeengine", str(settings.tradeengine_url), "CIO_TRADEENGINE_URL",
                timeout_s=timeout_s,
            )
        )  # fmt: skip
        manager = None
        if settings.data_manager_url is not None:
            manager = await closing.enter_async_context(
                open_neighbour(
                    "data-manager", settings.data_manager_url, "CIO_DATA_MANAGER_URL",
                    timeout_s=timeout_s,
                )
            )  # fmt: skip
        yield PortfolioSource(engine, manager, clock)


@dataclass(frozen=True, slots=True)
class Record:
    """Open ways to the record."""

    archive: MongoTraceStore
    checkpoints: MongoCheckpoints


@asynccontextmanager
async def open_record(settings: Settings) -> AsyncIterator[Record]:
    """Connect to MongoDB, and make sure of who may write there and of collections and indexes.

    Raises:
        Unavailable: MongoDB does not answer.
        Misconfigured: The user could change or delete records, or what keeps the chain from
            forking is missing.
    """
    async with open_mongo(str(settings.mongo_url), settings.mongo_tls_ca_file) as mongo:
        if not settings.mongo_allow_broad_role:
            refuse_broad(await rights(mongo, settings.mongo_database))
        archive = MongoTraceStore(mongo, settings.mongo_database)
        await archive.prepare()
        yield Record(archive, MongoCheckpoints(mongo, settings.mongo_database))


def refuse_broad(found: Rights) -> None:
    """Raise Misconfigured if whom the program signs in as could change or delete records."""
    if not found.is_broad:
        return
    seen = f"the user {found.user} may also {', '.join(found.excess)}"
    problem = Problem(
        "CIO_MONGO_URL",
        f"records could be changed or deleted: {seen if found.user else 'nobody signs in'}",
        "Sign in as the user that `cio audit init` makes, or set CIO_MONGO_ALLOW_BROAD_ROLE=true.",
    )
    raise Misconfigured([problem])


def audit_key_file(settings: Settings) -> Path | None:
    """Return the file with the key that signs the chain; None where there is none.

    With the stand-in for MongoDB it is one in the data folder, unless another is stated.
    """
    own = settings.data_dir / AUDIT_KEY
    return settings.audit_key_file or (own if own.exists() else None)


def audit_signer(settings: Settings) -> Signer | None:
    """Return what signs the chain; None where there is no key. Raises Misconfigured."""
    file = audit_key_file(settings)
    return None if file is None else Signer(read_key(file, AUDIT_KEY_FIELD))


def checkpointer_of(
    settings: Settings, servers: Servers, record: Record, tally: SigningTally
) -> Checkpointer:
    """Return what signs the chain of a fund now and then. Raises Misconfigured."""
    return Checkpointer(
        settings.fund,
        audit_signer(settings),
        record.archive.head,
        record.checkpoints,
        servers.announcer,
        Rhythm(settings.checkpoint_records, settings.checkpoint_interval_s),
        tally,
        clock,
    )
