"""Starts the whole program, and finds it again for the commands beside it."""

import json
import secrets
import shutil
from collections.abc import AsyncIterator, Callable, Iterator, Mapping, Sequence
from contextlib import AsyncExitStack, asynccontextmanager, contextmanager
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
from petrosa_cio.adapters.mongo_connection import SEARCH_TIMEOUT_MS, MongoClient, open_mongo
from petrosa_cio.adapters.mongo_proof import MongoProofSource
from petrosa_cio.adapters.mongo_records import MongoRecords
from petrosa_cio.adapters.mongo_rights import PRUNE_ROLE, ROLE, has_user, make_role, make_user
from petrosa_cio.adapters.mongo_search import MongoSearch
from petrosa_cio.adapters.mongo_traces import MongoTraceStore
from petrosa_cio.adapters.nats_connection import connect_nats
from petrosa_cio.adapters.nats_listener import NatsListener
from petrosa_cio.adapters.nats_messages import NatsMessenger
from petrosa_cio.adapters.redis_connection import connect_redis
from petrosa_cio.adapters.redis_ledger import RedisLedger
from petrosa_cio.adapters.redis_portfolio import RedisPortfolio
from petrosa_cio.adapters.redis_rates import RedisRates
from petrosa_cio.adapters.redis_state import RedisStateStore
from petrosa_cio.adapters.redis_venue_rules import RedisVenueRules
from petrosa_cio.errors import Misconfigured, PolicyRejected, Problem
from petrosa_cio.governance.desk import Desk
from petrosa_cio.governance.documents import read_policy_document
from petrosa_cio.governance.files import load_governing
from petrosa_cio.governance.venue_rules import load_venue_rules
from petrosa_cio.government import SWITCH_TIMEOUT_S, make_own_token, nats_when_needed
from petrosa_cio.nurse.arrival import epoch_ms
from petrosa_cio.policies import (
    KEY_FIELD,
    POLICY_KEY,
    Prepared,
    open_policies,
    policy_key_file,
    policy_signer,
    prepare,
    trusted_keys,
)
from petrosa_cio.ports import ActivePolicy, PastRecords, PastVerdicts, RecordSearch
from petrosa_cio.risk.policy import PolicyDocument, canonical_json, document_hash
from petrosa_cio.servers import (
    AUDIT_KEY,
    AUDIT_KEY_FIELD,
    audit_key_file,
    audit_signer,
    clock,
    nats_access,
    open_servers,
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


@dataclass(frozen=True, slots=True)
class Running:
    """A program that is about to run: where everything is and what governs."""

    settings: Settings
    child_environ: dict[str, str]
    policy_name: str
    policy_revision: int
    policy_restored: bool
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
        keys = _own_keys(settings) if "mongo" in need else {}
        resolved = settings.model_copy(update=found | _chosen_port(settings) | keys)
        audit_signer(resolved)
        trusted = [key.hex() for key in trusted_keys(resolved).public_keys]
        resolved = resolved.model_copy(update={"policy_public_keys": tuple(trusted)})
        async with open_servers(resolved, name="start") as servers:
            signer = policy_signer(resolved)
            async with open_policies(
                resolved, servers, governing.charter, signer=signer
            ) as policies:
                prepared = await prepare(resolved, servers, governing, policies)
            active = _need_policy(prepared)
            states = await servers.store.trading_states()
        if "mongo" in need:
            await make_own_token(resolved)
        with announced(resolved), shared_metrics(resolved) as metrics:
            document = read_policy_document(active.document)
            differs = document_hash(document.policy) != document_hash(governing.first_policy)
            yield Running(
                settings=resolved,
                child_environ=child_environ(resolved) | metrics,
                policy_name=document.policy.name,
                policy_revision=active.revision,
                policy_restored=prepared.restored,
                policy_file_differs=differs,
                charter_name=governing.charter.name,
                trading_state=states.fund or "unknown, which counts as halted",
            )


def _chosen_port(settings: Settings) -> dict[str, int]:
    """Choose a port for HTTP where any will do, so that it can be told."""
    return {} if settings.http_port else {"http_port": choose_port(settings.data_dir / "http_port")}


def _own_keys(settings: Settings) -> dict[str, Path]:
    """Make the keys that sign the chain and the policies, where none is stated or made yet.

    They stand in the data folder, beside the records and the revisions themselves.
    """
    made = {
        "audit_key_file": _own_key(settings, AUDIT_KEY, AUDIT_KEY_FIELD, audit_key_file(settings)),
        "policy_key_file": _own_key(settings, POLICY_KEY, KEY_FIELD, policy_key_file(settings)),
    }
    return {name: file.resolve() for name, file in made.items()}


def _own_key(settings: Settings, name: str, field: str, found: Path | None) -> Path:
    own = settings.data_dir / name
    if found is None:
        make_key(own, field)
    return found or own


def _need_policy(prepared: Prepared) -> ActivePolicy:
    """Return the policy in force. Raises Unavailable or Misconfigured where there is none."""
    if prepared.active is not None:
        return prepared.active
    if isinstance(prepared.problem, PolicyRejected):
        mend = "Trust the key that signed it, or name the database that holds this fund's policy."
        raise Misconfigured([Problem("CIO_POLICY_PUBLIC_KEYS", str(prepared.problem), mend)])
    if prepared.problem is not None:
        raise prepared.problem
    message = "no policy is in force, and there is no key to sign the first one with"
    mend = "Make one with `cio policy key --new FILE`, and name it."
    raise Misconfigured([Problem(KEY_FIELD, message, mend)])


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
        later = nats_when_needed(settings)
        closing.push_async_callback(later.close)
        yield Desk(store, later, later, fund=settings.fund, clock=clock)


@dataclass(frozen=True, slots=True)
class Books:
    """What governs a fund and what of it is used, to be looked at."""

    store: RedisStateStore
    ledger: RedisLedger
    rates: RedisRates
    venue: RedisVenueRules
    portfolio: RedisPortfolio


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
            RedisPortfolio(redis, settings.fund, timeout_s=SWITCH_TIMEOUT_S),
        )
    finally:
        await redis.aclose()


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
    await states.put_policy(ActivePolicy(1, 1, canonical_json(document)))
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
    make_key(file, AUDIT_KEY_FIELD)
    return settings.model_copy(update={"audit_key_file": file})


def new_policy_key(settings: Settings, file: Path) -> Settings:
    """Make a key for policies in a file and return the settings with it. Raises Misconfigured."""
    make_key(file, KEY_FIELD)
    return settings.model_copy(update={"policy_key_file": file, "policy_public_keys": ()})


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
    async with open_mongo(
        str(settings.mongo_url), settings.mongo_tls_ca_file, answer_timeout_ms=SEARCH_TIMEOUT_MS
    ) as mongo:
        yield MongoRecords(mongo, settings.mongo_database)


@asynccontextmanager
async def open_search(settings: Settings) -> AsyncIterator[RecordSearch]:
    """Open the record to be searched. MongoDB is reached with the first question."""
    async with open_mongo(
        str(settings.mongo_url), settings.mongo_tls_ca_file, answer_timeout_ms=SEARCH_TIMEOUT_MS
    ) as mongo:
        yield MongoSearch(mongo, settings.mongo_database)
