"""The composition root: the only module that knows which parts are real.

Each role is a process of its own. ``gate`` decides intents, ``record`` stores what was decided and
settles what was executed, ``control`` answers over HTTP. They share nothing but the servers.

The module is longer than others, as all roles are wired here and nowhere else.
"""

import asyncio
import gc
import os
import re
import signal
import socket
from collections.abc import AsyncIterator, Awaitable, Callable, Coroutine
from contextlib import asynccontextmanager, suppress
from enum import StrEnum
from importlib.metadata import version as installed_version
from typing import Any

import structlog

from petrosa_cio import __version__
from petrosa_cio.adapters.mongo_traces import MongoTraceStore
from petrosa_cio.adapters.nats_connection import connect_nats
from petrosa_cio.adapters.nats_deliveries import NatsDeliveries
from petrosa_cio.adapters.nats_journal import (
    NatsJournalReader,
)
from petrosa_cio.adapters.nats_messages import NatsResponders, listen
from petrosa_cio.adapters.nats_position import NatsPosition
from petrosa_cio.adapters.nats_signals import NatsSignalBus
from petrosa_cio.adapters.nats_streams import (
    EXECUTIONS,
    INTENTS,
    JOURNAL,
)
from petrosa_cio.adapters.redis_lease import RedisLease
from petrosa_cio.alarms import telling_alerts
from petrosa_cio.audit.drain import ACK_WAIT_S as DRAIN_ACK_WAIT_S
from petrosa_cio.audit.drain import MAX_ENTRIES, Drain
from petrosa_cio.audit.gaps import STATUS_SUBJECT as COMPLETENESS_STATUS
from petrosa_cio.audit.gauges import RecordGauges
from petrosa_cio.audit.metrics import PrometheusRecordTally
from petrosa_cio.audit.record import Provenance
from petrosa_cio.audit.settler import ACK_WAIT_S as SETTLEMENT_ACK_WAIT_S
from petrosa_cio.audit.settler import CONSUMER as SETTLEMENT_CONSUMER
from petrosa_cio.audit.settler import MAX_EVENTS, Settler
from petrosa_cio.completeness import completeness_work, open_findings
from petrosa_cio.errors import Unavailable
from petrosa_cio.fleet.execution_events import parse_execution
from petrosa_cio.governance.desk import POLICY_UPDATED, STATE_UPDATED
from petrosa_cio.governance.files import load_governing
from petrosa_cio.governance.projection import LOOK_S as POLICY_LOOK_S
from petrosa_cio.governance.venue_refresh import LOOK_S as VENUE_LOOK_S
from petrosa_cio.governance.venue_rules import load_venue_rules
from petrosa_cio.guarding import guarding_policy
from petrosa_cio.losing import LossSource, watching_losses
from petrosa_cio.nurse.completeness_watch import CompletenessWatch
from petrosa_cio.nurse.door import Door
from petrosa_cio.nurse.every import every, until_stopped
from petrosa_cio.nurse.feeds import Feeds
from petrosa_cio.nurse.gate import Gate, GateOptions, World
from petrosa_cio.nurse.gauges import GateGauges, count_override_refused, count_refused
from petrosa_cio.nurse.heartbeat import Health, Heartbeat
from petrosa_cio.nurse.market import Market
from petrosa_cio.nurse.metrics import PrometheusTally
from petrosa_cio.nurse.portfolio_watch import PortfolioWatch, portfolio_problem
from petrosa_cio.nurse.price_belief import PriceBelief
from petrosa_cio.nurse.serve import serve_stream
from petrosa_cio.nurse.tracing import NO_TRACING, SampledTracing
from petrosa_cio.policies import (
    Policies,
    open_policies,
    policy_signer,
    prepare,
    trusted_keys,
)
from petrosa_cio.risk.snapshot import Snapshot
from petrosa_cio.servers import (
    Servers,
    checkpointer_of,
    clock,
    feeding_portfolio,
    feeding_regimes,
    hearing,
    nats_access,
    open_record,
    open_servers,
    recovery_of,
    venue_feed,
    venue_refresher,
)
from petrosa_cio.settings import Settings
from petrosa_cio.shadowing import shadowing
from petrosa_cio.surfaces.gate_watch import GateWatch
from petrosa_cio.surfaces.gauges import VENUE_LOOKS, ControlGauges
from petrosa_cio.telemetry.opening import watched
from petrosa_cio.telemetry.traces import TraceSink

log = structlog.get_logger()

GATE_CONSUMER = "cio-gate"
DRAIN_CONSUMER = "cio-drain"
HEARTBEAT_GROUP = "cio-heartbeat"
DOOR_GROUP = "cio-door"
GATE_STATUS = "cio.gate.status"
SWEEP_S = 5.0
REMEMBER_S = 6 * 3600.0
STATUS_INTERVAL_S = 1.0
GAUGES_INTERVAL_S = 5.0
RESERVATIONS_INTERVAL_S = 15.0
GATE_SILENT_S = 3.0
STORE_SILENT_S = 3.0
MARKET_SILENT_S = 60.0
BATCHES_WAITING = 2
MAX_REPLICAS = 8


def replica_name(settings: Settings) -> str:
    """Return the name of this process among its replicas, as one safe token."""
    named = settings.replica or f"{socket.gethostname()}-{os.getpid()}"
    return re.sub(r"[^A-Za-z0-9_-]", "-", named)


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


async def run_gate(
    settings: Settings, stop: asyncio.Event, traces: TraceSink | None = None
) -> None:
    """Decide intents until told to stop, then finish what is begun and leave."""
    governing, replica = (
        load_governing(settings.policy_file, settings.charter_file),
        replica_name(settings),
    )
    venue_files = load_venue_rules(settings.venue_rules_files)
    market = Market(PriceBelief(jump_bps=settings.price_jump_bps), clock=clock)
    async with (
        hearing(settings, settings.market_data_subject, market.heard, name=f"market {replica}"),
        open_servers(settings, name=f"gate {replica}") as servers,
        asyncio.TaskGroup() as keeping,
    ):
        async with open_policies(settings, servers, governing.charter) as policies:
            await prepare(settings, servers, governing, policies)
        venue = venue_feed(settings, servers, venue_files)
        portfolio = PortfolioWatch(servers.portfolio)
        feeds = Feeds(
            servers.store,
            governing.charter,
            trusted_keys(settings),
            clock=clock,
            policy_max_age_s=settings.policy_max_age_s,
            prices=lambda: market.prices,
            venue_rules=lambda: venue.rules,
            held=lambda: portfolio.held,
            losses=LossSource(servers, timeout_s=STORE_SILENT_S).document,
            refused=count_refused,
            override_refused=count_override_refused,
        )
        await feeds.refresh()
        with suppress(Unavailable):  # it is tried again every second; until then none are known
            await venue.refresh()
            await portfolio.refresh()
        keeping.create_task(market.run(stop))
        keeping.create_task(venue.run(stop))
        keeping.create_task(portfolio.run(stop))
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
            tally=PrometheusTally(SampledTracing(traces) if traces else NO_TRACING),
        )
        gate = Gate(gate_options(settings, replica), world)
        await intake.start()
        log.info("ready", replica=replica, mode=settings.mode)
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
    completeness = CompletenessWatch(clock)
    heartbeat = Heartbeat(
        lambda: gate_health(servers, feeds),
        clock=clock,
        version=__version__,
        replica=replica_name(settings),
        completeness=completeness.now,
    )
    await listen(servers.nats, COMPLETENESS_STATUS, completeness.heard)
    responders = NatsResponders(servers.nats, never_to=settings.reserved_subjects)
    await responders.respond(settings.door_subject, door.ask, group=DOOR_GROUP)
    await responders.respond(settings.heartbeat_subject, heartbeat.answer, group=HEARTBEAT_GROUP)
    for subject in (STATE_UPDATED, POLICY_UPDATED):
        await listen(servers.nats, subject, lambda _: feeds.wake())

    backlog = NatsPosition(servers.nats, stream=INTENTS, consumer=GATE_CONSUMER)
    gauges = GateGauges(feeds, backlog, clock=clock)

    async def push() -> None:
        await servers.announcer.announce([(settings.heartbeat_subject, heartbeat.beat())])
        gauges.note_heartbeat()

    async def tell_control() -> None:
        await servers.announcer.announce([(GATE_STATUS, heartbeat.beat())])

    async with asyncio.TaskGroup() as tasks:
        tasks.create_task(recovery_of(servers).run(stop))
        tasks.create_task(feeds.run(stop))
        tasks.create_task(door.serve(stop))
        tasks.create_task(every(SWEEP_S, gate.sweep, stop))
        tasks.create_task(every(REMEMBER_S, servers.desk.remember, stop))
        tasks.create_task(every(settings.heartbeat_interval_s, push, stop))
        tasks.create_task(every(STATUS_INTERVAL_S, tell_control, stop))
        tasks.create_task(every(STATUS_INTERVAL_S, gauges.note_feeds, stop))
        tasks.create_task(every(GAUGES_INTERVAL_S, gauges.note_backlog, stop))
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
            "policy": policy_problem(snapshot),
            "journal": servers.journal.trouble,
            "trading_state": None if states and states.fund else "unknown, which counts as halted",
            "market_data": market_problem(snapshot),
            "portfolio": portfolio_problem(snapshot),
        }
    )


def policy_problem(snapshot: Snapshot) -> str | None:
    """Return what is wrong with the policy, if anything is."""
    if snapshot.policy is None or snapshot.policy_confirmed_at is None:
        return "none in force"
    if snapshot.policy_untrusted is not None:
        return f"the store offers one that cannot be trusted: {snapshot.policy_untrusted}"
    age_s = (snapshot.now - snapshot.policy_confirmed_at).total_seconds()
    return f"not confirmed for {age_s:.0f} s" if age_s > snapshot.policy_max_age_s else None


def market_problem(snapshot: Snapshot) -> str | None:
    """Return what is wrong with the market data, where there were prices and are no more."""
    observed = [price.observed_at for price in snapshot.reference_prices.values()]
    silent_s = (snapshot.now - max(observed)).total_seconds() if observed else 0.0
    return f"no price for {silent_s:.0f} s" if silent_s > MARKET_SILENT_S else None


# --- the record -----------------------------------------------------------------------------


async def run_record(settings: Settings, stop: asyncio.Event) -> None:
    """Store what was decided and settle what was executed, until told to stop.

    One process does each at a time, whoever holds its lease; the others wait to take over.
    """
    tally = PrometheusRecordTally()
    async with (
        open_servers(settings, name="record") as servers,
        open_record(settings) as record,
        open_findings(settings) as findings,
    ):
        drain = await _drain(servers, record.archive, tally)
        settler = await _settler(servers, tally)
        position = _drain_position(servers)
        gauges = RecordGauges(position, record.archive, servers.ledger)
        by_lease = {
            "drain": drain.run,
            "settler": settler.run,
            "checkpoints": checkpointer_of(settings, servers, record, tally).run,
        }
        async with completeness_work(settings, servers, findings, position, stop) as completeness:
            work = [
                RedisLease(servers.redis, settings.fund, name).while_held(one)
                for name, one in by_lease.items()
            ] + [
                every(GAUGES_INTERVAL_S, gauges.note_lag, stop),
                every(GAUGES_INTERVAL_S, gauges.note_poisoned, stop),
                every(RESERVATIONS_INTERVAL_S, gauges.note_reservations, stop),
            ]
            await _until_one_ends([*work, *completeness], stop)


async def _until_one_ends(work: list[Coroutine[Any, Any, None]], stop: asyncio.Event) -> None:
    """Do all of this until one ends or the process is told to stop; raises what one raised."""
    working = [asyncio.create_task(one) for one in work]
    stopping = asyncio.create_task(stop.wait())
    await asyncio.wait([*working, stopping], return_when=asyncio.FIRST_COMPLETED)
    for task in (*working, stopping):
        task.cancel()
    await asyncio.wait(working)
    failed = [task.exception() for task in working if not task.cancelled()]
    if any(failed):
        raise next(error for error in failed if error)


async def _drain(servers: Servers, archive: MongoTraceStore, tally: PrometheusRecordTally) -> Drain:
    deliveries = NatsDeliveries(
        servers.nats,
        stream=JOURNAL,
        consumer=DRAIN_CONSUMER,
        ack_wait_s=DRAIN_ACK_WAIT_S,
        max_waiting=MAX_ENTRIES * BATCHES_WAITING,
    )
    await deliveries.start()
    return Drain(
        NatsJournalReader(servers.nats, deliveries),
        _drain_position(servers),
        archive,
        tally=tally,
        clock=clock,
    )


def _drain_position(servers: Servers) -> NatsPosition:
    return NatsPosition(servers.nats, stream=JOURNAL, consumer=DRAIN_CONSUMER)


async def _settler(servers: Servers, tally: PrometheusRecordTally) -> Settler:
    deliveries = NatsDeliveries(
        servers.nats,
        stream=EXECUTIONS,
        consumer=SETTLEMENT_CONSUMER,
        ack_wait_s=SETTLEMENT_ACK_WAIT_S,
        max_waiting=MAX_EVENTS * BATCHES_WAITING,
    )
    await deliveries.start()
    return Settler(
        deliveries,
        NatsPosition(servers.nats, stream=EXECUTIONS, consumer=SETTLEMENT_CONSUMER),
        ledger=servers.ledger,
        held=servers.held,
        read=parse_execution,
        tally=tally,
    )


# --- control --------------------------------------------------------------------------------


async def run_control(settings: Settings, stop: asyncio.Event) -> None:
    """Answer over HTTP, bring in market regimes, decide under a shadow, until told to stop."""
    # Loaded here: it takes more than a second, which gates save.
    from petrosa_cio.office.office import Status  # noqa: PLC0415
    from petrosa_cio.offices import serving_api  # noqa: PLC0415
    from petrosa_cio.surfaces.http import create_app, serve_http  # noqa: PLC0415

    loop = asyncio.get_running_loop()
    watch = GateWatch(loop.time, silent_after_s=GATE_SILENT_S)
    venue_files = load_venue_rules(settings.venue_rules_files)
    governing = load_governing(settings.policy_file, settings.charter_file)
    signer = policy_signer(settings)
    async with (
        open_servers(settings, name="control") as servers,
        open_policies(settings, servers, governing.charter, signer=signer) as policies,
        feeding_regimes(settings, servers, stop) as of_regimes,
        feeding_portfolio(settings, servers, stop) as of_portfolio,
        shadowing(settings, servers, stop),
        telling_alerts(settings, servers, watch, consumer=DRAIN_CONSUMER, stop=stop),
    ):
        await prepare(settings, servers, governing, policies)
        await listen(servers.nats, GATE_STATUS, watch.heard)

        def problems() -> list[str]:
            lost = [] if servers.nats.is_connected else ["nats: not connected"]
            return lost + watch.problems()

        def notes() -> list[str]:
            return of_regimes() + of_portfolio()

        def status() -> Status:
            return Status(
                __version__, settings.mode, watch.heard_lately, tuple(problems()), tuple(notes())
            )

        async with (
            serving_api(settings, servers, status, stop) as api,
            asyncio.TaskGroup() as tasks,
        ):
            app = create_app(
                problems, version=__version__, fund=settings.fund, notes=notes, api=api
            )
            tasks.create_task(every(STATUS_INTERVAL_S, ControlGauges(watch).note, stop))
            if policies is not None:
                tasks.create_task(every(POLICY_LOOK_S, _keeping(policies), stop))
            if policies is not None and settings.guard_minutes:
                guarding = guarding_policy(settings, servers, policies, stop)
                tasks.create_task(until_stopped(guarding, stop))
            watching = watching_losses(settings, servers, governing.charter, stop)
            tasks.create_task(until_stopped(watching, stop))
            if settings.venue_rules_url:
                refresher = venue_refresher(settings, servers, venue_files)

                async def look() -> None:
                    VENUE_LOOKS.labels(await refresher.look()).inc()

                lease = RedisLease(servers.redis, settings.fund, "venue")
                asking = lease.while_held(lambda: every(VENUE_LOOK_S, look, stop))
                tasks.create_task(until_stopped(asking, stop))
            tasks.create_task(
                serve_http(app, host=settings.http_host, port=settings.http_port, stop=stop)
            )


def _keeping(policies: Policies) -> Callable[[], Awaitable[None]]:
    """Return what keeps the gates at the newest revision of the policy."""

    async def keep_policy_in_force() -> None:
        await policies.projection.look()

    return keep_policy_in_force


class Role(StrEnum):
    """The processes that the program consists of, in the order in which they start."""

    GATE = "gate"
    RECORD = "record"
    CONTROL = "control"


GARBAGE_THRESHOLDS = (50_000, 20, 50)
"""A batch makes thousands of values that all die with it; to look for cycles in them is wasted."""


async def run_role(role: Role, settings: Settings) -> None:
    """Run one role in this process until SIGINT or SIGTERM."""
    gc.freeze()
    gc.set_threshold(*GARBAGE_THRESHOLDS)
    replica = replica_name(settings)
    async with stopping_on_signals() as stop:
        with watched(settings, role=role, replica=replica, decides=role is Role.GATE) as traces:
            await _run(role, settings, stop, traces)


async def _run(
    role: Role, settings: Settings, stop: asyncio.Event, traces: TraceSink | None
) -> None:
    match role:
        case Role.GATE:
            await run_gate(settings, stop, traces)
        case Role.RECORD:
            await run_record(settings, stop)
        case Role.CONTROL:
            await run_control(settings, stop)
