"""The rungs in between: a real gate on plain NATS, with some of its parts in memory.

``python -m tests.bench.part_gate memory`` keeps ledger and state in memory, ``redis`` in Redis.
The journal forgets, and intents come by a plain subscription, captured by nothing.
"""

import asyncio
import os
import sys
from collections.abc import Sequence
from datetime import datetime
from typing import Protocol

from nats.aio.client import Client
from nats.aio.msg import Msg

from petrosa_cio.adapters.memory_ledger import MemoryLedger
from petrosa_cio.adapters.memory_state import MemoryStateStore
from petrosa_cio.adapters.nats_connection import NatsAccess, connect_nats
from petrosa_cio.adapters.nats_messages import NatsAnnouncer
from petrosa_cio.adapters.nats_signals import NatsSignalBus
from petrosa_cio.adapters.nats_streams import INTENTS
from petrosa_cio.adapters.redis_connection import connect_redis
from petrosa_cio.adapters.redis_ledger import RedisLedger
from petrosa_cio.adapters.redis_state import RedisStateStore
from petrosa_cio.app import SWEEP_S, gate_options, replica_name, stopping_on_signals
from petrosa_cio.cli.root import run_async, set_up_logging
from petrosa_cio.governance.files import load_governing
from petrosa_cio.governance.regimes import write_regime
from petrosa_cio.nurse.every import every
from petrosa_cio.nurse.feeds import Feeds
from petrosa_cio.nurse.gate import Gate, World
from petrosa_cio.nurse.metrics import PrometheusTally
from petrosa_cio.nurse.serve import serve_stream
from petrosa_cio.policies import trusted_keys
from petrosa_cio.ports import Delivery, GovernanceStore, Ledger
from petrosa_cio.risk.policy import PolicyDocument, canonical_json
from petrosa_cio.risk.snapshot import ANY_SYMBOL
from petrosa_cio.servers import clock
from petrosa_cio.settings import Settings, load_settings
from tests.bench.policies import calm
from tests.bench.readiness import TELL_EVERY_S, ready
from tests.fakes import WaitingDeliveries
from tests.policies import put_next

BEGAN_AT = "BENCH_BEGAN_AT"


class BenchLedger(Ledger, Protocol):
    """A ledger that can be made ready."""

    async def initialise(self, *, fresh: bool) -> str:
        """Mark it as trustworthy."""


class ForgetfulJournal:
    """Takes every record and keeps none."""

    def __init__(self) -> None:
        self._records = 0

    async def append(self, records: Sequence[bytes]) -> int:
        """Count them."""
        self._records += len(records)
        return self._records


class PlainIntake(WaitingDeliveries):
    """Intents of a plain subscription: no stream keeps them, and no acknowledgement is sent."""

    def __init__(self, captured_at: datetime) -> None:
        """Take what stands for the time of capture, so that decisions can be told by number."""
        super().__init__()
        self._captured_at = captured_at
        self._count = 0

    async def listen(self, client: Client, subjects: Sequence[str]) -> None:
        """Begin to take intents, numbered as a stream would."""
        for subject in subjects:
            await client.subscribe(
                subject, cb=self._on_message, pending_msgs_limit=-1, pending_bytes_limit=-1
            )

    async def _on_message(self, message: Msg) -> None:
        self._count += 1
        at = self._captured_at
        self.put(Delivery(message.subject, {}, message.data, INTENTS, 0, self._count, at, reply=""))

    async def acknowledge(self, deliveries: Sequence[Delivery]) -> None:
        """Nothing keeps them, so nobody needs to know."""

    async def give_back(self, deliveries: Sequence[Delivery], *, delay_s: float) -> None:
        """Put them at the end again after a delay."""
        asyncio.get_running_loop().call_later(delay_s, self.put, *deliveries)


def began_at() -> datetime:
    """Return when the measurement began, as the environment says."""
    return datetime.fromisoformat(os.environ[BEGAN_AT])


def _now_ms() -> int:
    return int(clock().timestamp() * 1000)


def _stores(settings: Settings, where: str) -> tuple[BenchLedger, GovernanceStore]:
    if where == "memory":
        store = MemoryStateStore(_now_ms)
        return MemoryLedger(_now_ms, store), store
    redis = connect_redis(str(settings.redis_url))
    timeout_s = settings.ledger_timeout_ms / 1000
    return (
        RedisLedger(redis, settings.fund, timeout_s=timeout_s),
        RedisStateStore(redis, settings.fund, timeout_s=timeout_s),
    )


async def _governed(settings: Settings, ledger: BenchLedger, store: GovernanceStore) -> Feeds:
    """Make the stores ready, as a new fund finds them, and return the picture of them."""
    governing = load_governing(settings.policy_file, settings.charter_file)
    await ledger.initialise(fresh=True)
    await store.set_regime(ANY_SYMBOL, write_regime(calm()))
    document = canonical_json(PolicyDocument(policy=governing.first_policy))
    await put_next(store, document, fund=settings.fund)
    trusted, max_age_s = trusted_keys(settings), settings.policy_max_age_s
    feeds = Feeds(store, governing.charter, trusted, clock=clock, policy_max_age_s=max_age_s)
    await feeds.refresh()
    return feeds


async def part_gate(settings: Settings, where: str, stop: asyncio.Event) -> None:
    """Decide intents until told to stop."""
    ledger, store = _stores(settings, where)
    feeds = await _governed(settings, ledger, store)
    access = NatsAccess(str(settings.nats_url))
    client, intake = await connect_nats(access, name="gate"), PlainIntake(began_at())
    announcer = NatsAnnouncer(client)
    signals = NatsSignalBus(lambda: connect_nats(access, name="signals", reconnects=False))
    world = World(
        ledger=ledger,
        journal=ForgetfulJournal(),
        signals=signals,
        intake=intake,
        announcer=announcer,
        snapshot=feeds.snapshot,
        clock=clock,
        tally=PrometheusTally(),
    )
    gate = Gate(gate_options(settings, replica_name(settings)), world)
    await intake.listen(client, settings.intent_subjects)
    await _serve(settings, gate, feeds, world, stop)
    await signals.close()
    await client.close()


async def _serve(
    settings: Settings, gate: Gate, feeds: Feeds, world: World, stop: asyncio.Event
) -> None:
    async def tell() -> None:
        await world.announcer.announce([ready(settings)])

    batch_max, in_flight = settings.batch_max, settings.batches_in_flight
    stream = serve_stream(
        gate, world.intake, stop, fund=settings.fund, batch_max=batch_max, in_flight=in_flight
    )
    async with asyncio.TaskGroup() as tasks:
        tasks.create_task(feeds.run(stop))
        tasks.create_task(every(SWEEP_S, gate.sweep, stop))
        tasks.create_task(every(TELL_EVERY_S, tell, stop))
        tasks.create_task(stream)


async def main() -> None:
    """Run until SIGINT or SIGTERM, set up by the environment as a gate is."""
    settings = load_settings(os.environ)
    set_up_logging(settings.log_level)
    async with stopping_on_signals() as stop:
        await part_gate(settings, sys.argv[1], stop)


if __name__ == "__main__":
    run_async(main())
