"""Opens the office of a fund for the surfaces of the role ``control``: a part of composition."""

import asyncio
import time
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import AsyncExitStack, asynccontextmanager

import structlog

from petrosa_cio import __version__
from petrosa_cio.adapters.mongo_checkpoints import MongoCheckpoints
from petrosa_cio.adapters.mongo_connection import SEARCH_TIMEOUT_MS, connect_mongo
from petrosa_cio.adapters.mongo_findings import MongoFindings
from petrosa_cio.adapters.mongo_records import MongoRecords
from petrosa_cio.adapters.mongo_search import MongoSearch
from petrosa_cio.adapters.redis_connection import connect_redis
from petrosa_cio.adapters.redis_ledger import RedisLedger
from petrosa_cio.adapters.redis_rates import RedisRates
from petrosa_cio.adapters.redis_state import RedisStateStore
from petrosa_cio.completeness import books_of
from petrosa_cio.following import following
from petrosa_cio.governance.refusals import Refusals
from petrosa_cio.government import (
    SWITCH_TIMEOUT_S,
    government_of,
    nats_when_needed,
    read_charter,
)
from petrosa_cio.neighbourhood import open_configuration
from petrosa_cio.office.admissions import Admissions
from petrosa_cio.office.limits import Looked
from petrosa_cio.office.office import Office, Status
from petrosa_cio.office.policies import Policies
from petrosa_cio.office.records import Records
from petrosa_cio.office.regimes import Regimes
from petrosa_cio.office.trading import Trading
from petrosa_cio.ports import Announcer, Journal
from petrosa_cio.servers import Servers, clock
from petrosa_cio.settings import Settings
from petrosa_cio.surfaces.api.admission import Admission, Pace
from petrosa_cio.surfaces.api.app import api_of, reception_of
from petrosa_cio.surfaces.api.fleet_app import FLEET_PREFIX, fleet_api_of
from petrosa_cio.surfaces.api.guard import Guard
from petrosa_cio.surfaces.api.route import PREFIX
from petrosa_cio.surfaces.api.streams import OpenStreams
from petrosa_cio.surfaces.mcp.ways import over_http, over_stdio

log = structlog.get_logger()

NOT_HEARD = "nobody listens to gates here: `cio doctor` says whether one decides"
"""What an agent over standard input is told of gates."""

CONNECTIONS = 8
"""To Redis. They are the office's own, so that no question holds up what keeps the policy."""


@asynccontextmanager
async def open_office(
    settings: Settings, journal: Journal, announcer: Announcer, status: Callable[[], Status]
) -> AsyncIterator[Office]:
    """Open MongoDB and Redis for whoever asks; each is reached with the first question.

    Args:
        settings: The settings; they name a MongoDB.
        journal: Where what changes is recorded.
        announcer: What tells others of it.
        status: Says how the program is.

    Raises:
        Misconfigured: Charter or keys are not as they must be.
    """
    async with AsyncExitStack() as closing:
        mongo = connect_mongo(
            str(settings.mongo_url),
            settings.mongo_tls_ca_file,
            answer_timeout_ms=SEARCH_TIMEOUT_MS,
        )
        closing.push_async_callback(mongo.close)
        redis = connect_redis(
            str(settings.redis_url),
            ca_file=settings.redis_tls_ca_file,
            max_connections=CONNECTIONS,
            timeout_s=SWITCH_TIMEOUT_S,
        )
        closing.push_async_callback(redis.aclose)
        fund, database, timeout_s = settings.fund, settings.mongo_database, SWITCH_TIMEOUT_S
        store = RedisStateStore(redis, fund, timeout_s=timeout_s)
        government = government_of(settings, mongo, store, journal, announcer)
        charter, desk = read_charter(settings), government.desk
        fleet = await closing.enter_async_context(open_configuration(settings, government))
        looked = Looked(
            store,
            RedisLedger(redis, fund, timeout_s=timeout_s),
            RedisRates(redis, fund, timeout_s=timeout_s),
        )
        yield Office(
            fund=fund,
            policies=Policies(government.revisions, government.lifecycle, charter, clock),
            trading=Trading(desk, store),
            regimes=Regimes(desk, store, clock),
            records=Records(
                MongoSearch(mongo, database),
                MongoRecords(mongo, database),
                MongoCheckpoints(mongo, database),
                books=books_of(settings, redis),
                findings=MongoFindings(mongo, database),
                fund=fund,
                clock=clock,
            ),
            looked=looked,
            shadows=government.shadows,
            overrides=government.overrides,
            fleet=fleet,
            admissions=Admissions(looked, charter, desk.record, clock),
            tokens=government.tokens,
            refusals=Refusals(desk.record),
            status=status,
            clock=clock,
        )


@asynccontextmanager
async def serving_api(
    settings: Settings, servers: Servers, status: Callable[[], Status], stop: asyncio.Event
) -> AsyncIterator[Mapping[str, Guard]]:
    """Open the HTTP API, by the prefix of each part, the longest first.

    There is none where no MongoDB is stated, as nobody could be known then.

    Args:
        settings: The settings.
        servers: What the office works with.
        status: Says how the program is.
        stop: Ends the streams that are open.

    Raises:
        Misconfigured: Charter or keys are not as they must be.
    """
    if settings.mongo_url is None:
        log.warning("no_http_api", why="CIO_MONGO_URL is not set, so no token is known")
        yield {}
        return
    pace = Pace(settings.api_questions_per_minute, settings.api_changes_per_minute)
    async with open_office(settings, servers.journal, servers.announcer, status) as office:
        admission = Admission(
            office.tokens, office.refusals, pace, monotonic=time.monotonic, clock=clock
        )
        reception = reception_of(admission, office)
        async with over_http(reception) as route, following(servers) as feed:
            yield {
                PREFIX: api_of(reception, feed, OpenStreams(stop), [route]),
                FLEET_PREFIX: fleet_api_of(reception),
            }


async def serve_agent(settings: Settings, token: str) -> None:
    """Serve one agent over standard input and output, until the input ends.

    NATS is only connected to once something is to be recorded, so nobody listens to gates here.

    Args:
        settings: The settings; they name a MongoDB.
        token: The token that the agent shows.

    Raises:
        Misconfigured: Charter or keys are not as they must be.
    """

    def status() -> Status:
        return Status(__version__, settings.mode, 0, (NOT_HEARD,), ())

    pace = Pace(settings.api_questions_per_minute, settings.api_changes_per_minute)
    async with AsyncExitStack() as closing:
        later = nats_when_needed(settings)
        closing.push_async_callback(later.close)
        office = await closing.enter_async_context(open_office(settings, later, later, status))
        admission = Admission(
            office.tokens,
            office.refusals,
            pace,
            monotonic=time.monotonic,
            clock=clock,
            way="MCP",
        )
        await over_stdio(reception_of(admission, office), token)
