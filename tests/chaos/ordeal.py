"""One run: four publishers, two gates, a record role, an engine, and all going wrong around."""

import asyncio
from collections import Counter
from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack, asynccontextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path

from petrosa_cio.adapters.embedded import start_mongo
from petrosa_cio.adapters.embedded.process import ServerProcess
from petrosa_cio.adapters.key_file import make_key
from petrosa_cio.adapters.nats_connection import NatsAccess, connect_nats
from petrosa_cio.adapters.nats_position import NatsPosition
from petrosa_cio.adapters.nats_streams import INTENTS, JOURNAL
from petrosa_cio.app import DRAIN_CONSUMER, GATE_CONSUMER
from petrosa_cio.errors import Unavailable
from petrosa_cio.launch import open_desk
from petrosa_cio.risk.trading_state import FUND, TradingState
from petrosa_cio.settings import load_settings
from tests.chaos.compared import is_all_compared
from tests.chaos.engine import Reporter
from tests.chaos.intents import cues
from tests.chaos.posts import Post
from tests.chaos.publishers import Publisher
from tests.chaos.schedule import GATES, PUBLISHERS, Failure, Moment
from tests.integration.gate_house import GateHouse, gate_house
from tests.waiting import eventually

POLICY = Path(__file__).with_name("policy.yaml")
DATABASE = "chaos"
KEY = "audit.key"
GATE = ("petrosa_cio", "run", "--role", "gate")
RECORD = ("tests.chaos.record",)
MOST_WAITING = 1_000
"""Publishers pause while so many intents are undecided: else all would be captured at once."""

MOST_WHILE_HALTED = 200
"""And after so many since Redis lost its data, until the fund trades again."""

RECONCILE_AFTER_S = 5
ACKNOWLEDGE_WITHIN_S = 3
"""Shorter than servers and gates are away, so that findings come up and must end again."""

LOOK_S = 0.05
PUBLISHED_TIMEOUT_S = 1_800.0
SETTLED_TIMEOUT_S = 300.0
DRAINED_TIMEOUT_S = 600.0
COMPARED_TIMEOUT_S = 300.0
RESUME_TIMEOUT_S = 120.0

Tell = Callable[[int], None]
"""Told now and then how many intents the intake has acknowledged."""


@dataclass(frozen=True, slots=True)
class Plan:
    """What one run is.

    Attributes:
        seed: Seed of everything drawn.
        intents: How many are published.
        moments: What goes wrong.
    """

    seed: int
    intents: int
    moments: tuple[Moment, ...]


@dataclass
class Ordeal:
    """A run while it goes on.

    Attributes:
        plan: What it is.
        house: Servers but MongoDB, gates, and the engine that listens.
        mongo: The MongoDB stand-in.
        reporter: Reports what the engine hears.
        publishers: The four.
        gates: The two posts of gates.
        drain: The post of the role record.
        done: How often each failure was brought about.
    """

    plan: Plan
    house: GateHouse
    mongo: ServerProcess
    reporter: Reporter
    tell: Tell
    publishers: list[Publisher] = field(default_factory=list)
    gates: list[Post] = field(default_factory=list)
    done: Counter[Failure] = field(default_factory=Counter)

    def __post_init__(self) -> None:
        self.gates = [Post(self.house, f"gate-{number}", *GATE) for number in range(GATES)]
        self.drain = Post(self.house, "record", *RECORD)
        self.settings = load_settings(self.house.environ)
        self._acknowledged = 0
        self._moved = asyncio.Event()
        self._is_over = False
        self._halted_at: int | None = None
        self._may_go = asyncio.Event()
        self._one_at_a_time = {name: asyncio.Lock() for name in ("redis", "nats", "mongo")}

    async def run(self) -> None:
        """Publish everything while everything goes wrong, and wait until all of it is settled."""
        async with asyncio.TaskGroup() as keeping:
            holders = [post.fill() for post in self.gates]
            await eventually(lambda: all(map(self.house.is_ready, holders)), timeout_s=60)
            posts = [*zip(self.gates, holders, strict=True), (self.drain, self.drain.fill())]
            kept = [keeping.create_task(post.keep(holder)) for post, holder in posts]
            kept.append(keeping.create_task(self._hold_back()))
            kept.append(keeping.create_task(self.reporter.run()))
            await self._go_through()
            await self._settle()
            for task in kept:
                task.cancel()

    async def _go_through(self) -> None:
        async with asyncio.timeout(PUBLISHED_TIMEOUT_S), asyncio.TaskGroup() as failing:
            for moment in self.plan.moments:
                failing.create_task(self._in_its_time(moment))
            async with asyncio.TaskGroup() as publishing:
                for publisher in self.publishers:
                    publishing.create_task(publisher.run(self._may_go))
            self._is_over = True
            self._moved.set()

    def note_acknowledged(self) -> None:
        """Take note that the intake has one more intent."""
        self._acknowledged += 1
        if self._is_halted_for_long:
            self._may_go.clear()
        self._moved.set()
        self._moved = asyncio.Event()

    async def _reached(self, intents: int) -> None:
        while self._acknowledged < intents and not self._is_over:
            await self._moved.wait()

    async def _hold_back(self) -> None:
        """Let publishers wait while the gates are far behind; bots are not that patient."""
        position = NatsPosition(self.house.client, stream=INTENTS, consumer=GATE_CONSUMER)
        while True:
            waiting = MOST_WAITING
            with suppress(Unavailable):
                waiting = await position.waiting() + await position.outstanding()
            if waiting < MOST_WAITING and not self._is_halted_for_long:
                self._may_go.set()
            else:
                self._may_go.clear()
            self.tell(self._acknowledged)
            await asyncio.sleep(LOOK_S)

    @property
    def _is_halted_for_long(self) -> bool:
        halted_at = self._halted_at
        return halted_at is not None and self._acknowledged - halted_at > MOST_WHILE_HALTED

    # --- what goes wrong ----------------------------------------------------------------------

    async def _in_its_time(self, moment: Moment) -> None:
        await self._reached(moment.at)
        match moment.failure:
            case Failure.GATE_KILLED:
                self.gates[moment.which].kill()
            case Failure.DRAIN_KILLED:
                self.drain.kill()
            case Failure.REDIS_RESTARTED:
                await self._restart_redis(moment)
            case Failure.REDIS_EMPTIED:
                await self._restart_redis(moment, emptied=True)
            case Failure.NATS_RESTARTED:
                await self._restart_nats(moment)
            case Failure.MONGO_STOPPED:
                await self._stop_mongo(moment)
            case Failure.CLOCK_WRONG:
                await self._put_clock_wrong(moment)
        self.done[moment.failure] += 1

    async def _restart_redis(self, moment: Moment, *, emptied: bool = False) -> None:
        async with self._one_at_a_time["redis"]:
            self.house.redis.kill()
            if emptied:
                self._halted_at = self._acknowledged
                self.house.redis.wipe()
            await asyncio.sleep(moment.away_s)
            await self.house.redis.start()
            if emptied:
                await self._resume()

    async def _restart_nats(self, moment: Moment) -> None:
        async with self._one_at_a_time["nats"]:
            self._may_go.clear()
            await self.house.nats.stop()
            await asyncio.sleep(moment.away_s)
            await self.house.nats.start()

    async def _stop_mongo(self, moment: Moment) -> None:
        async with self._one_at_a_time["mongo"]:
            await self.mongo.stop()
            await self._reached(moment.until)
            await self.mongo.start()

    async def _put_clock_wrong(self, moment: Moment) -> None:
        self.publishers[moment.which].off_s = moment.off_s
        await self._reached(moment.until)
        self.publishers[moment.which].off_s = 0

    async def _resume(self) -> None:
        """Do what `cio resume` does, once a lost ledger is rebuilt."""

        async def is_rebuilt() -> bool:
            with suppress(Unavailable):
                return not await self.house.ledger.is_lost()
            return False

        async def is_trading() -> bool:
            with suppress(Unavailable):
                if not await is_rebuilt():
                    return False
                async with open_desk(self.settings) as desk:
                    await desk.switch(
                        FUND, TradingState.ACTIVE, reason="looked at it", author="chaos"
                    )
                return (await self.house.store.trading_states()).fund is TradingState.ACTIVE
            return False

        await eventually(is_trading, timeout_s=RESUME_TIMEOUT_S)
        self._halted_at = None

    # --- how it ends --------------------------------------------------------------------------

    async def _settle(self) -> None:
        """Wait until every intent is decided, every record stored, and all of it compared."""
        last, _ = max(max(one.acknowledged) for one in self.publishers)
        await self.house.settled(at_least=last, timeout_s=SETTLED_TIMEOUT_S)
        drained = NatsPosition(self.house.client, stream=JOURNAL, consumer=DRAIN_CONSUMER)

        async def all_stored() -> bool:
            with suppress(Unavailable):
                return not await drained.waiting() and not await drained.outstanding()
            return False

        async def all_compared() -> bool:
            with suppress(Unavailable):
                return self.reporter.is_done and await is_all_compared(self.house, self.settings)
            return False

        await eventually(all_stored, timeout_s=DRAINED_TIMEOUT_S)
        await self.house.quiet()
        await eventually(all_compared, timeout_s=COMPARED_TIMEOUT_S)


@asynccontextmanager
async def ordeal(folder: Path, plan: Plan, tell: Tell) -> AsyncIterator[Ordeal]:
    """Open everything of a run in a folder; end all of it afterwards."""
    folder.mkdir(parents=True)
    make_key(folder / KEY)
    async with AsyncExitStack() as closing:
        mongo = await start_mongo(folder / "mongo")
        closing.push_async_callback(mongo.stop)
        house = await closing.enter_async_context(
            gate_house(
                folder,
                policy=POLICY.read_text(),
                mongo_url=mongo.url,
                mongo_database=DATABASE,
                audit_key_file=folder / KEY,
                checkpoint_interval_s=1,
                reconcile_after_s=RECONCILE_AFTER_S,
                acknowledge_within_s=ACKNOWLEDGE_WITHIN_S,
            )
        )
        reports = await connect_nats(NatsAccess(house.nats.url), name="reports")
        closing.push_async_callback(reports.close)
        found = Ordeal(plan, house, mongo, Reporter(reports, house.signals), tell)
        for number in range(PUBLISHERS):
            client = await connect_nats(NatsAccess(house.nats.url), name=f"publisher {number}")
            closing.push_async_callback(client.close)
            script = cues(plan.seed, number, plan.intents // PUBLISHERS)
            found.publishers.append(Publisher(client, script, found.note_acknowledged))
        yield found
