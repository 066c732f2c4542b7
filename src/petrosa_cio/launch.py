"""Starts the whole program, and finds it again for the commands beside it."""

import json
import secrets
import shutil
from collections.abc import AsyncIterator, Callable, Iterator, Mapping, Sequence
from contextlib import AsyncExitStack, asynccontextmanager, contextmanager, suppress
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

import structlog

from petrosa_cio.adapters.embedded import EmbeddedServers
from petrosa_cio.adapters.embedded.folder import choose_port
from petrosa_cio.adapters.key_file import make_key
from petrosa_cio.adapters.memory_ledger import MemoryLedger
from petrosa_cio.adapters.memory_state import MemoryStateStore
from petrosa_cio.adapters.mongo_checkpoints import MongoCheckpoints
from petrosa_cio.adapters.mongo_connection import MongoClient, open_mongo
from petrosa_cio.adapters.mongo_proof import MongoProofSource
from petrosa_cio.adapters.mongo_records import MongoRecords
from petrosa_cio.adapters.mongo_rights import PRUNE_ROLE, ROLE, has_user, make_role, make_user
from petrosa_cio.adapters.mongo_search import MongoSearch
from petrosa_cio.adapters.mongo_traces import MongoTraceStore
from petrosa_cio.adapters.nats_connection import RobustClient, connect_nats
from petrosa_cio.adapters.nats_journal import NatsJournal
from petrosa_cio.adapters.nats_listener import NatsListener
from petrosa_cio.adapters.nats_messages import NatsAnnouncer, NatsMessenger
from petrosa_cio.adapters.redis_connection import connect_redis
from petrosa_cio.adapters.redis_ledger import RedisLedger
from petrosa_cio.adapters.redis_rates import RedisRates
from petrosa_cio.adapters.redis_state import RedisStateStore
from petrosa_cio.adapters.redis_venue_rules import RedisVenueRules
from petrosa_cio.errors import Misconfigured, Problem, Unavailable
from petrosa_cio.governance.desk import Desk
from petrosa_cio.governance.documents import read_policy_document
from petrosa_cio.governance.files import load_governing
from petrosa_cio.governance.venue_rules import load_venue_rules
from petrosa_cio.nurse.arrival import epoch_ms
from petrosa_cio.ports import PastRecords, PastVerdicts, RecordSearch
from petrosa_cio.risk.policy import PolicyDocument, canonical_json, document_hash
from petrosa_cio.servers import (
    AUDIT_KEY,
    audit_key_file,
    audit_signer,
    clock,
    nats_access,
    open_servers,
    prepare,
)
from petrosa_cio.settings import Settings, child_environ, variable

log = structlog.get_logger()

RUNNING_NOTE = "running.json"

NOTED = ("nats_url", "nats_monitoring_url", "redis_url", "mongo_url")
"""The settings that the note holds."""

RECORD_USER = "petrosa-cio-record"
"""The user that `cio audit init` makes, unless another name is stated."""

PASSWORD_BYTES = 24

PROOF_TIMEOUT_MS = 300_000
"""A server without the right index looks through all records to find one that has no place."""

SEARCH_TIMEOUT_MS = 30_000
"""Longer than a search may take: MongoDB breaks it off itself, and says so."""

SWITCH_TIMEOUT_S = 5.0
"""A person who throws a switch waits longer for Redis than an intent may."""


@dataclass(frozen=True, slots=True)
class Running:
    """A program that is about to run: where everything is and what governs."""

    settings: Settings
    child_environ: dict[str, str]
    policy_name: str
    policy_revision: int
    policy_file_differs: bool
    charter_name: str
    trading_state: str


@asynccontextmanager
async def running(settings: Settings) -> AsyncIterator[Running]:
    """Start the servers that are not configured, make the stores ready, and say what is there.

    Raises:
        Misconfigured: Policy, charter or data folder are not as they must be.
        Unavailable: A configured server cannot be reached.
    """
    governing = load_governing(settings.policy_file, settings.charter_file)
    load_venue_rules(settings.venue_rules_files)  # each role reads them; wrong ones stop it here
    for remark in governing.remarks:
        log.warning("policy_remark", about=remark.path, remark=remark.sentence, mend=remark.fix)
    stated = {"nats": settings.nats_url, "redis": settings.redis_url, "mongo": settings.mongo_url}
    need = {name for name, url in stated.items() if url is None}
    async with EmbeddedServers.start(settings.data_dir, need=need) as embedded:
        urls = {"nats_url": embedded.nats_url, "redis_url": embedded.redis_url}
        urls["mongo_url"] = embedded.mongo_url
        urls["nats_monitoring_url"] = embedded.nats_monitoring_url
        found = {name: url for name, url in urls.items() if url}
        key = _own_key(settings) if "mongo" in need else {}
        resolved = settings.model_copy(update=found | _chosen_port(settings) | key)
        audit_signer(resolved)
        async with open_servers(resolved, name="start") as servers:
            active = await prepare(servers, governing)
            states = await servers.store.trading_states()
        with announced(resolved), shared_metrics(resolved) as metrics:
            document = read_policy_document(active.document)
            differs = document_hash(document.policy) != document_hash(governing.first_policy)
            yield Running(
                settings=resolved,
                child_environ=child_environ(resolved) | metrics,
                policy_name=document.policy.name,
                policy_revision=active.revision,
                policy_file_differs=differs,
                charter_name=governing.charter.name,
                trading_state=states.fund or "unknown, which counts as halted",
            )


def _chosen_port(settings: Settings) -> dict[str, int]:
    """Choose a port for HTTP where any will do, so that it can be told."""
    return {} if settings.http_port else {"http_port": choose_port(settings.data_dir / "http_port")}


def _own_key(settings: Settings) -> dict[str, Path]:
    """Make the key that signs the chain in the data folder, where none is stated or made yet."""
    if settings.audit_key_file is None and audit_key_file(settings) is None:
        make_key(settings.data_dir / AUDIT_KEY)
    file = audit_key_file(settings)
    return {"audit_key_file": file.resolve()} if file else {}


@contextmanager
def announced(settings: Settings) -> Iterator[None]:
    """Leave a note in the data folder of where the servers are, for commands beside the program."""
    note = settings.data_dir / RUNNING_NOTE
    note.touch(mode=0o600)
    found = {name: getattr(settings, name) for name in NOTED}
    note.write_text(json.dumps({name: url for name, url in found.items() if url}))
    try:
        yield
    finally:
        note.unlink(missing_ok=True)


@contextmanager
def shared_metrics(settings: Settings) -> Iterator[dict[str, str]]:
    """Give the roles a folder in which to keep their counters for one exposition."""
    folder = settings.data_dir / "metrics"
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    yield {"PROMETHEUS_MULTIPROC_DIR": str(folder.resolve())}
    shutil.rmtree(folder, ignore_errors=True)


def discovered_settings(settings: Settings, *, need: Sequence[str]) -> Settings:
    """Fill in the servers of the program that runs in the data folder, where none are stated.

    Args:
        settings: What is stated.
        need: Fields without which the command cannot do its work.

    Raises:
        Misconfigured: A needed one is not stated and no program runs there.
    """
    try:
        found = json.loads((settings.data_dir / RUNNING_NOTE).read_text())
    except (OSError, ValueError):
        found = {}
    stated = {name: url for name in found if (url := getattr(settings, name))}
    filled = settings.model_copy(update=found | stated)
    message = f"no program runs in the data folder {settings.data_dir}, and it is not set"
    mend = "Start `cio run`, or say where the server is."
    missing = [name for name in need if getattr(filled, name) is None]
    if missing:
        raise Misconfigured([Problem(variable(name), message, mend) for name in missing])
    return filled


@asynccontextmanager
async def open_desk(settings: Settings) -> AsyncIterator[Desk]:
    """Open what a switch needs: Redis. NATS is only looked for once the switch is thrown."""
    async with AsyncExitStack() as closing:
        redis = connect_redis(
            str(settings.redis_url), ca_file=settings.redis_tls_ca_file, timeout_s=SWITCH_TIMEOUT_S
        )
        closing.push_async_callback(redis.aclose)
        store = RedisStateStore(redis, settings.fund, timeout_s=SWITCH_TIMEOUT_S)
        later = _NatsWhenNeeded(settings)
        closing.push_async_callback(later.close)
        yield Desk(store, later, later, fund=settings.fund, clock=clock)


@dataclass(frozen=True, slots=True)
class Books:
    """What governs a fund and what of it is used, to be looked at."""

    store: RedisStateStore
    ledger: RedisLedger
    rates: RedisRates
    venue: RedisVenueRules


@asynccontextmanager
async def open_books(settings: Settings) -> AsyncIterator[Books]:
    """Open what a person looks at: Redis alone. It is reached with the first question."""
    redis = connect_redis(
        str(settings.redis_url), ca_file=settings.redis_tls_ca_file, timeout_s=SWITCH_TIMEOUT_S
    )
    try:
        yield Books(
            RedisStateStore(redis, settings.fund, timeout_s=SWITCH_TIMEOUT_S),
            RedisLedger(redis, settings.fund, timeout_s=SWITCH_TIMEOUT_S),
            RedisRates(redis, settings.fund, timeout_s=SWITCH_TIMEOUT_S),
            RedisVenueRules(redis, settings.fund, timeout_s=SWITCH_TIMEOUT_S),
        )
    finally:
        await redis.aclose()


class _NatsWhenNeeded:
    """Journal and announcements over a connection that is opened by the first of them."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._client: RobustClient | None = None

    async def append(self, records: Sequence[bytes]) -> int:
        """Write records durably. Raises Unavailable."""
        journal = NatsJournal(
            await self._connected(), timeout_s=self._settings.journal_timeout_ms / 1000
        )
        return await journal.append(records)

    async def announce(self, messages: Sequence[tuple[str, bytes]]) -> None:
        """Publish what live watchers may want to know; what cannot be sent is dropped."""
        with suppress(Unavailable):
            await NatsAnnouncer(await self._connected()).announce(messages)

    async def close(self) -> None:
        """Close the connection, if there is one."""
        if self._client is not None:
            await self._client.close()

    async def _connected(self) -> RobustClient:
        if self._settings.nats_url is None:
            raise Unavailable("nats", "CIO_NATS_URL is not set")
        if self._client is None:
            access = nats_access(self._settings)
            self._client = await connect_nats(access, name="cio", reconnects=False)
        return self._client


@asynccontextmanager
async def open_messenger(settings: Settings) -> AsyncIterator[NatsMessenger]:
    """Open what a bot has: a way to publish intents and to ask. Raises Unavailable."""
    nats = await connect_nats(nats_access(settings), name="cio")
    try:
        yield NatsMessenger(nats)
    finally:
        await nats.close()


@asynccontextmanager
async def open_listener(settings: Settings) -> AsyncIterator[NatsListener]:
    """Open what a watcher has: a way to hear what is announced. Raises Unavailable."""
    nats = await connect_nats(nats_access(settings), name="cio watch")
    try:
        yield NatsListener(nats)
    finally:
        await nats.close()


async def empty_ledger(now: datetime) -> MemoryLedger:
    """Return a ledger in memory in which nothing is taken, at one moment."""
    ledger = MemoryLedger(lambda: epoch_ms(now), MemoryStateStore(lambda: epoch_ms(now)))
    await ledger.initialise(fresh=True)
    return ledger


async def rehearsal_ledger(clock_ms: Callable[[], int], document: PolicyDocument) -> MemoryLedger:
    """Return a ledger in memory in which nothing is taken and this policy is in force.

    Args:
        clock_ms: Its clock, epoch milliseconds.
        document: The policy, which becomes the first revision.
    """
    states = MemoryStateStore(clock_ms)
    ledger = MemoryLedger(clock_ms, states)
    await ledger.initialise(fresh=True)
    await states.activate(canonical_json(document), parent=0, tightens=True)
    return ledger


@asynccontextmanager
async def open_past(settings: Settings) -> AsyncIterator[PastVerdicts]:
    """Open what a report reads: the record in MongoDB. It is reached with the first question."""
    async with open_mongo(str(settings.mongo_url), settings.mongo_tls_ca_file) as mongo:
        yield MongoTraceStore(mongo, settings.mongo_database)


@dataclass(frozen=True, slots=True)
class Initialised:
    """What was made for the record in MongoDB.

    Attributes:
        done: What was done, a sentence each.
        database: The database.
        user: The user who may only insert and find.
        password: The user's password where it was made up here, to be shown once.
        prune_user: The user who may delete what is archived and old enough, if one was asked for.
        prune_password: That user's password, alike.
    """

    done: list[str]
    database: str
    user: str
    password: str | None
    prune_user: str | None = None
    prune_password: str | None = None


async def init_record(
    settings: Settings,
    admin_url: str,
    user: str,
    password: str | None,
    prune_user: str | None = None,
) -> Initialised:
    """Make collections, schemas, indexes, the roles and their users; repeatable.

    Args:
        settings: The settings.
        admin_url: MongoDB, signed in as somebody who may make all that.
        user: Who may only insert and find.
        password: Its password; None to make one up for a new user.
        prune_user: Who may delete; None for nobody. A new one gets a password that is made up.

    Raises:
        Unavailable: MongoDB is away, or refuses.
        Misconfigured: The database holds records from before they were chained.
    """
    database = settings.mongo_database
    async with open_mongo(admin_url, settings.mongo_tls_ca_file) as mongo:
        done = await MongoTraceStore(mongo, database).prepare()
        done += [await make_role(mongo, database, role) for role in (ROLE, PRUNE_ROLE)]
        made_up = None if password else await _new_password(mongo, database, user)
        done.append(await make_user(mongo, database, user, password or made_up))
        if prune_user is None:
            return Initialised(done, database, user, made_up)
        pruning = await _new_password(mongo, database, prune_user)
        done.append(await make_user(mongo, database, prune_user, pruning, PRUNE_ROLE))
        return Initialised(done, database, user, made_up, prune_user, pruning)


async def _new_password(mongo: MongoClient, database: str, user: str) -> str | None:
    """Return a password for a user who is not there yet; None for one who is."""
    is_there = await has_user(mongo, database, user)
    return None if is_there else secrets.token_urlsafe(PASSWORD_BYTES)


def new_audit_key(settings: Settings, file: Path) -> Settings:
    """Make a key in a file and return the settings with it. Raises Misconfigured."""
    make_key(file)
    return settings.model_copy(update={"audit_key_file": file})


async def newest_checkpoint(settings: Settings) -> Mapping[str, Any] | None:
    """Return the fields of the newest checkpoint; None where there is none. Raises Unavailable."""
    async with open_mongo(str(settings.mongo_url), settings.mongo_tls_ca_file) as mongo:
        return await MongoCheckpoints(mongo, settings.mongo_database).newest()


@asynccontextmanager
async def open_proof(settings: Settings) -> AsyncIterator[MongoProofSource]:
    """Open the record to be proven: MongoDB alone. It is reached with the first question."""
    async with open_mongo(
        str(settings.mongo_url), settings.mongo_tls_ca_file, answer_timeout_ms=PROOF_TIMEOUT_MS
    ) as mongo:
        yield MongoProofSource(mongo, settings.mongo_database)


@asynccontextmanager
async def open_records(settings: Settings) -> AsyncIterator[PastRecords]:
    """Open the records of what was decided. MongoDB is reached with the first question."""
    async with open_mongo(str(settings.mongo_url), settings.mongo_tls_ca_file) as mongo:
        yield MongoRecords(mongo, settings.mongo_database)


@asynccontextmanager
async def open_search(settings: Settings) -> AsyncIterator[RecordSearch]:
    """Open the record to be searched. MongoDB is reached with the first question."""
    async with open_mongo(
        str(settings.mongo_url), settings.mongo_tls_ca_file, answer_timeout_ms=SEARCH_TIMEOUT_MS
    ) as mongo:
        yield MongoSearch(mongo, settings.mongo_database)
