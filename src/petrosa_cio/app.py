"""The composition root: the only module that knows which parts are real.

Each role is a process of its own. ``gate`` decides intents, ``record`` stores what was decided and
settles what was executed, ``control`` answers over HTTP. They share nothing but the servers.
"""

import asyncio
import os
import re
import signal
import socket
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from enum import StrEnum
from importlib.metadata import version as installed_version

from petrosa_cio import __version__
from petrosa_cio.adapters.nats_connection import Client, NatsAccess, connect_nats
from petrosa_cio.adapters.nats_deliveries import NatsDeliveries
from petrosa_cio.adapters.nats_journal import NatsJournal, journal_is_empty, read_journal
from petrosa_cio.adapters.nats_messages import NatsAnnouncer, NatsResponders, listen
from petrosa_cio.adapters.nats_signals import NatsSignalBus
from petrosa_cio.adapters.nats_streams import (
    EXECUTIONS,
    INTENTS,
    StreamSettings,
    ensure_streams,
    replay_from_start,
)
from petrosa_cio.adapters.redis_connection import connect_redis
from petrosa_cio.adapters.redis_ledger import RedisLedger
from petrosa_cio.adapters.redis_state import RedisStateStore
from petrosa_cio.audit.record import Provenance
from petrosa_cio.audit.settler import CONSUMER as SETTLEMENT_CONSUMER
from petrosa_cio.governance.desk import POLICY_UPDATED, STATE_UPDATED, Desk
from petrosa_cio.governance.files import Governing, load_governing
from petrosa_cio.nurse.door import Door
from petrosa_cio.nurse.every import every
from petrosa_cio.nurse.feeds import Feeds
from petrosa_cio.nurse.gate import Gate, GateOptions, World
from petrosa_cio.nurse.heartbeat import Health, Heartbeat
from petrosa_cio.nurse.metrics import PrometheusTally
from petrosa_cio.nurse.recovery import BEGINNING, Recovery
from petrosa_cio.nurse.serve import serve_stream
from petrosa_cio.ports import ActivePolicy
from petrosa_cio.settings import Settings
from petrosa_cio.surfaces.gate_watch import GateWatch
from petrosa_cio.surfaces.http import create_app, serve_http

GATE_CONSUMER = "cio-gate"
HEARTBEAT_GROUP = "cio-heartbeat"
DOOR_GROUP = "cio-door"
GATE_STATUS = "cio.gate.status"
SWEEP_S = 5.0
STATUS_INTERVAL_S = 1.0
GATE_SILENT_S = 3.0
STORE_SILENT_S = 3.0
BATCHES_WAITING = 2
MAX_REPLICAS = 8


def clock() -> datetime:
    """Return the time, aware UTC: the one clock of the program."""
    return datetime.now(UTC)


def replica_name(settings: Settings) -> str:
    """Return the name of this process among its replicas, as one safe token."""
    named = settings.replica or f"{socket.gethostname()}-{os.getpid()}"
    return re.sub(r"[^A-Za-z0-9_-]", "-", named)


# --- what every role works with --------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Servers:
    """Open ways to the servers."""

    nats: Client
    ledger: RedisLedger
    store: RedisStateStore
    journal: NatsJournal
    announcer: NatsAnnouncer
    desk: Desk


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
        store = RedisStateStore(redis, settings.fund, timeout_s=timeout_s)
        journal = NatsJournal(nats, timeout_s=settings.journal_timeout_ms / 1000)
        announcer = NatsAnnouncer(nats)
        desk = Desk(store, journal, announcer, fund=settings.fund, clock=clock)
        ledger = RedisLedger(redis, settings.fund, timeout_s=timeout_s)
        yield Servers(nats, ledger, store, journal, announcer, desk)


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
    )


async def prepare(servers: Servers, governing: Governing) -> ActivePolicy:
    """Make the stores ready: mark a new fund's ledger, activate the first policy. Repeatable.

    Where the journal knows a fund and the ledger does not, the ledger was lost; it is left to be
    rebuilt, policy included.

    Raises:
        Unavailable: A server does not answer.
    """
    if await journal_is_empty(servers.nats):
        await servers.ledger.initialise(fresh=True)
    elif await servers.ledger.is_lost():
        await recovery_of(servers).recover()
    return await servers.desk.activate_first(governing.first_policy, author="start")


def recovery_of(servers: Servers) -> Recovery:
    """Return what rebuilds the ledger from the journal when it is lost."""
    return Recovery(
        servers.ledger,
        lambda: read_journal(servers.nats, since=BEGINNING),
        lambda: replay_from_start(servers.nats.jetstream(), EXECUTIONS, SETTLEMENT_CONSUMER),
        clock=clock,
    )


@asynccontextmanager
async def stopping_on_signals() -> AsyncIterator[asyncio.Event]:
    """Yield an event that is set by SIGINT and SIGTERM."""
    stop, loop = asyncio.Event(), asyncio.get_running_loop()
    signals = (signal.SIGINT, signal.SIGTERM)
    for signum in signals:
        loop.add_signal_handler(signum, stop.set)
    try:
        yield stop
    finally:
        for signum in signals:
            loop.remove_signal_handler(signum)


# --- the gate -------------------------------------------------------------------------------


async def run_gate(settings: Settings, stop: asyncio.Event) -> None:
    """Decide intents until told to stop, then finish what is begun and leave."""
    governing, replica = (
        load_governing(settings.policy_file, settings.charter_file),
        replica_name(settings),
    )
    async with open_servers(settings, name=f"gate {replica}") as servers:
        await prepare(servers, governing)
        feeds = Feeds(
            servers.store,
            governing.charter,
            clock=clock,
            policy_max_age_s=settings.policy_max_age_s,
        )
        await feeds.refresh()
        intake = NatsDeliveries(
            servers.nats,
            stream=INTENTS,
            consumer=GATE_CONSUMER,
            ack_wait_s=settings.ack_wait_ms / 1000,
            max_waiting=settings.batch_max * BATCHES_WAITING * MAX_REPLICAS,
        )
        signals = NatsSignalBus(
            lambda: connect_nats(nats_access(settings), name=f"signals {replica}", reconnects=False)
        )
        world = World(
            ledger=servers.ledger,
            journal=servers.journal,
            signals=signals,
            intake=intake,
            announcer=servers.announcer,
            snapshot=feeds.snapshot,
            clock=clock,
            tally=PrometheusTally(),
        )
        gate = Gate(gate_options(settings, replica), world)
        await intake.start()
        await _serve_gate(settings, servers, gate, feeds, intake, stop)
        await intake.stop()
        await signals.close()


def gate_options(settings: Settings, replica: str) -> GateOptions:
    """Return how the gate behaves."""
    return GateOptions(
        provenance=Provenance(
            fund=settings.fund,
            replica=replica,
            mode=settings.mode,
            code_version=__version__,
            tzdata_version=installed_version("tzdata"),
        ),
        signal_template=settings.signal_subject,
        enforces=settings.mode == "enforce",
        max_intent_bytes=settings.max_intent_bytes,
    )


async def _serve_gate(
    settings: Settings,
    servers: Servers,
    gate: Gate,
    feeds: Feeds,
    intake: NatsDeliveries,
    stop: asyncio.Event,
) -> None:
    door = Door(
        gate,
        timeout_s=settings.door_timeout_ms / 1000,
        batch_max=settings.batch_max,
        clock=clock,
    )
    heartbeat = Heartbeat(
        lambda: gate_health(servers, feeds),
        clock=clock,
        version=__version__,
        replica=replica_name(settings),
    )
    responders = NatsResponders(servers.nats)
    await responders.respond(settings.door_subject, door.ask, group=DOOR_GROUP)
    await responders.respond(settings.heartbeat_subject, heartbeat.answer, group=HEARTBEAT_GROUP)
    for subject in (STATE_UPDATED, POLICY_UPDATED):
        await listen(servers.nats, subject, lambda _: feeds.wake())

    async def push() -> None:
        await servers.announcer.announce([(settings.heartbeat_subject, heartbeat.beat())])

    async def tell_control() -> None:
        await servers.announcer.announce([(GATE_STATUS, heartbeat.beat())])

    async with asyncio.TaskGroup() as tasks:
        tasks.create_task(recovery_of(servers).run(stop))
        tasks.create_task(feeds.run(stop))
        tasks.create_task(door.serve(stop))
        tasks.create_task(every(SWEEP_S, gate.sweep, stop))
        tasks.create_task(every(settings.heartbeat_interval_s, push, stop))
        tasks.create_task(every(STATUS_INTERVAL_S, tell_control, stop))
        tasks.create_task(
            serve_stream(
                gate,
                intake,
                stop,
                fund=settings.fund,
                batch_max=settings.batch_max,
                in_flight=settings.batches_in_flight,
            )
        )
    await responders.finish(timeout_s=settings.drain_timeout_s)


def gate_health(servers: Servers, feeds: Feeds) -> Health:
    """Return how the gate is, from memory."""
    snapshot, refreshed_at = feeds.snapshot(), feeds.refreshed_at
    silent = refreshed_at is None or (clock() - refreshed_at).total_seconds() > STORE_SILENT_S
    states = snapshot.trading_states
    return Health(
        {
            "nats": None if servers.nats.is_connected else "not connected",
            "redis": f"silent for more than {STORE_SILENT_S:g} s" if silent else None,
            "policy": None if snapshot.policy else "none in force",
            "trading_state": None if states and states.fund else "unknown, which counts as halted",
        }
    )


# --- control --------------------------------------------------------------------------------


async def run_control(settings: Settings, stop: asyncio.Event) -> None:
    """Answer over HTTP until told to stop."""
    loop = asyncio.get_running_loop()
    watch = GateWatch(loop.time, silent_after_s=GATE_SILENT_S)
    async with open_servers(settings, name="control") as servers:
        await listen(servers.nats, GATE_STATUS, watch.heard)

        def problems() -> list[str]:
            lost = [] if servers.nats.is_connected else ["nats: not connected"]
            return lost + watch.problems()

        app = create_app(problems, version=__version__, fund=settings.fund)
        await serve_http(app, host=settings.http_host, port=settings.http_port, stop=stop)


class Role(StrEnum):
    """The processes that the program consists of, in the order in which they start."""

    GATE = "gate"
    CONTROL = "control"


async def run_role(role: Role, settings: Settings) -> None:
    """Run one role in this process until SIGINT or SIGTERM."""
    async with stopping_on_signals() as stop:
        match role:
            case Role.GATE:
                await run_gate(settings, stop)
            case Role.CONTROL:
                await run_control(settings, stop)
