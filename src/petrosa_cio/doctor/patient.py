"""What is examined: settings, what governs, and open ways to the servers.

A server that is away is no reason not to look at the others: whoever asks for it is told so.
"""

import asyncio
from collections.abc import AsyncIterator, Mapping
from contextlib import AsyncExitStack, asynccontextmanager
from datetime import datetime
from typing import Any

import orjson

from petrosa_cio.adapters.mongo_connection import connect_mongo
from petrosa_cio.adapters.mongo_facts import MongoFacts, mongo_facts
from petrosa_cio.adapters.nats_connection import Client, connect_nats
from petrosa_cio.adapters.nats_facts import NatsFacts
from petrosa_cio.adapters.nats_messages import NatsMessenger, listen
from petrosa_cio.adapters.nats_monitoring import NatsMonitoring
from petrosa_cio.adapters.redis_connection import Redis, connect_redis
from petrosa_cio.adapters.redis_facts import RedisFacts
from petrosa_cio.adapters.redis_ledger import RedisLedger
from petrosa_cio.adapters.redis_portfolio import RedisPortfolio
from petrosa_cio.adapters.redis_state import RedisStateStore
from petrosa_cio.adapters.redis_venue_rules import RedisVenueRules
from petrosa_cio.errors import Unavailable
from petrosa_cio.fleet.market_data import Tick, read_tick
from petrosa_cio.fleet.regime_answers import NoRegime, ObservedRegime
from petrosa_cio.governance.files import Governing
from petrosa_cio.policies import open_revisions, trusted_keys
from petrosa_cio.ports import ActivePolicy, PolicyRevision, VenueRulesMark
from petrosa_cio.risk.portfolio import PortfolioReading
from petrosa_cio.risk.trading_state import TradingStates
from petrosa_cio.servers import clock, nats_access
from petrosa_cio.settings import Settings

ANSWER_TIMEOUT_S = 3.0


class Patient:
    """Everything that the checks look at."""

    def __init__(
        self, settings: Settings, governing: Governing, nats: Client | Unavailable, redis: Redis
    ) -> None:
        """Take the settings, the files, and the ways to NATS, or why there is none, and Redis."""
        self.settings = settings
        self.governing = governing
        self._nats = nats
        self.redis = RedisFacts(redis, timeout_s=ANSWER_TIMEOUT_S)
        self._store = RedisStateStore(redis, settings.fund, timeout_s=ANSWER_TIMEOUT_S)
        self._ledger = RedisLedger(redis, settings.fund, timeout_s=ANSWER_TIMEOUT_S)
        self._portfolio = RedisPortfolio(redis, settings.fund, timeout_s=ANSWER_TIMEOUT_S)
        self._venue = RedisVenueRules(redis, settings.fund, timeout_s=ANSWER_TIMEOUT_S)
        self._beating: asyncio.Task[Mapping[str, Any]] | None = None

    @property
    def nats(self) -> NatsFacts:
        """The NATS server. Raises Unavailable."""
        return NatsFacts(self._client)

    @property
    def _client(self) -> Client:
        if isinstance(self._nats, Unavailable):
            raise self._nats
        return self._nats

    @property
    def monitoring(self) -> NatsMonitoring | None:
        """The monitoring endpoint of the NATS server; None where none is stated."""
        url = self.settings.nats_monitoring_url
        return None if url is None else NatsMonitoring(url, timeout_s=ANSWER_TIMEOUT_S)

    async def heartbeat(self) -> Mapping[str, Any]:
        """Return what a gate says of itself; asked once, whoever wants to know.

        Raises:
            Unavailable: NATS is away, or no gate answers.
        """
        if self._beating is None:
            self._beating = asyncio.create_task(self._beat())
        return await asyncio.shield(self._beating)

    async def _beat(self) -> Mapping[str, Any]:
        subject = self.settings.heartbeat_subject
        asking = NatsMessenger(self._client)
        answer = orjson.loads(await asking.ask(subject, b"", timeout_s=ANSWER_TIMEOUT_S))
        return answer if isinstance(answer, dict) else {}

    async def ledger_is_lost(self) -> bool:
        """Return whether the ledger's marker is missing. Raises Unavailable."""
        return await self._ledger.is_lost()

    async def active_policy(self) -> ActivePolicy | None:
        """Return the policy in force. Raises Unavailable."""
        return await self._store.active_policy()

    async def newest_revision(self) -> PolicyRevision | None:
        """Return the newest revision of the policy in MongoDB. Raises Unavailable."""
        if self.settings.mongo_url is None:
            raise Unavailable("mongo", "CIO_MONGO_URL is not set")
        async with open_revisions(self.settings) as revisions:
            return await revisions.newest()

    def distrust(self, policy: ActivePolicy) -> str | None:
        """Return why no trusted key has signed a policy; None if one has. Raises Misconfigured."""
        return trusted_keys(self.settings).problem_with(policy)

    async def trading_states(self) -> TradingStates:
        """Return the kill switch. Raises Unavailable."""
        return await self._store.trading_states()

    async def why(self, scope: str) -> str:
        """Return who last switched a scope and why, in words; empty where nobody did."""
        stated = (await self._store.trading_state_reasons()).get(scope)
        if stated is None:
            return ""
        switched = orjson.loads(stated)
        return f"by {switched['author']}: {switched['reason']}"

    async def venue_rules_mark(self) -> VenueRulesMark | None:
        """Return which version of the venue's rules the store holds. Raises Unavailable."""
        return await self._venue.venue_rules_mark()

    async def portfolio(self) -> PortfolioReading | None:
        """Return what the fund was last seen to hold. Raises Unavailable."""
        return await self._portfolio.portfolio()

    async def first_tick(self, *, within_s: float) -> Tick | None:
        """Listen to the market data for a while, and return the first tick, if there is one.

        Raises:
            Unavailable: NATS is away.
        """
        first: asyncio.Future[Tick] = asyncio.get_running_loop().create_future()

        def heard(body: bytes) -> None:
            tick = read_tick(body)
            if isinstance(tick, Tick) and not first.done():
                first.set_result(tick)

        await listen(self._client, self.settings.market_data_subject, heard)
        try:
            async with asyncio.timeout(within_s):
                return await first
        except TimeoutError:
            return None

    async def observed_regimes(self) -> Mapping[str, ObservedRegime | NoRegime] | None:
        """Return what the data-manager says of each symbol; None where none is stated.

        Raises:
            Misconfigured: Its URL cannot be meant.
        """
        url, symbols = self.settings.data_manager_url, self.settings.regime_symbols
        if url is None:
            return None
        # Imported here: the gate is a command too, and has no use for a neighbour's HTTP.
        from petrosa_cio.fleet.data_manager import open_data_manager  # noqa: PLC0415

        async with open_data_manager(
            url, timeout_s=ANSWER_TIMEOUT_S, connections=len(symbols)
        ) as source:
            found = await asyncio.gather(*(source.regime(symbol) for symbol in symbols))
        return dict(zip(symbols, found, strict=True))

    async def neighbours(self) -> Mapping[str, str | None]:
        """Return why each stated neighbour gives no answer, by name; None where it gives one.

        Raises:
            Misconfigured: A URL cannot be meant.
        """
        # Imported here: the gate is a command too, and has no use for a neighbour's HTTP.
        from petrosa_cio.neighbourhood import silent_neighbours  # noqa: PLC0415

        return await silent_neighbours(self.settings, timeout_s=ANSWER_TIMEOUT_S)

    async def mongo(self) -> MongoFacts | None:
        """Return what MongoDB is like; None where no server is stated. Raises Unavailable."""
        if self.settings.mongo_url is None:
            return None
        client = connect_mongo(self.settings.mongo_url, self.settings.mongo_tls_ca_file)
        try:
            return await mongo_facts(client)
        finally:
            await client.close()

    def now(self) -> datetime:
        """Return the time of this machine, aware UTC."""
        return clock()


@asynccontextmanager
async def open_patient(settings: Settings, governing: Governing) -> AsyncIterator[Patient]:
    """Open the ways to all servers that are stated, as far as they are there."""
    async with AsyncExitStack() as closing:
        redis = connect_redis(
            str(settings.redis_url), ca_file=settings.redis_tls_ca_file, timeout_s=ANSWER_TIMEOUT_S
        )
        closing.push_async_callback(redis.aclose)
        nats: Client | Unavailable
        try:
            nats = await connect_nats(nats_access(settings), name="cio doctor", reconnects=False)
            closing.push_async_callback(nats.close)
        except Unavailable as away:
            nats = away
        yield Patient(settings, governing, nats, redis)
