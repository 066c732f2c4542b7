"""Opens the ways to the policy's revisions and keys, and makes the stores ready for a fund."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

import structlog

from petrosa_cio.adapters.key_file import read_key
from petrosa_cio.adapters.mongo_connection import connect_mongo
from petrosa_cio.adapters.mongo_revisions import MongoRevisions
from petrosa_cio.adapters.nats_journal import journal_is_empty
from petrosa_cio.errors import Misconfigured, PolicyRejected, Problem, Unavailable
from petrosa_cio.governance.activation import PolicyActivation
from petrosa_cio.governance.actors import Actor, Role
from petrosa_cio.governance.files import Governing
from petrosa_cio.governance.projection import PolicyProjection
from petrosa_cio.governance.signing import PolicySigner, TrustedKeys
from petrosa_cio.ports import ActivePolicy, RevisionStore
from petrosa_cio.risk.policy import Charter
from petrosa_cio.servers import Servers, clock, recovery_of
from petrosa_cio.settings import Settings

log = structlog.get_logger()

POLICY_KEY = "policy.key"
"""Name of the key file in the data folder."""

STARTER = Actor("start", Role.ADMIN)
"""Who makes the first revision: whoever starts the program, of a file that they chose."""

KEY_FIELD = "CIO_POLICY_KEY_FILE"


@dataclass(frozen=True, slots=True)
class Policies:
    """The policy of one fund: its revisions, and how they come into force.

    Attributes:
        revisions: Every revision.
        projection: Brings the newest one to the gates.
        activation: Makes new ones; None where there is no key.
    """

    revisions: RevisionStore
    projection: PolicyProjection
    activation: PolicyActivation | None


@dataclass(frozen=True, slots=True)
class Prepared:
    """What was found or made when the stores were made ready.

    Attributes:
        active: The policy in force; None where there is none that a trusted key has signed.
        restored: Whether it was put back from MongoDB.
        problem: Why the newest revision could not be brought into force, if so.
    """

    active: ActivePolicy | None
    restored: bool
    problem: Unavailable | PolicyRejected | None


def policy_key_file(settings: Settings) -> Path | None:
    """Return the file with the key that signs policies; None where there is none."""
    own = settings.data_dir / POLICY_KEY
    return settings.policy_key_file or (own if own.exists() else None)


def policy_signer(settings: Settings) -> PolicySigner | None:
    """Return what signs policies; None where there is no key.

    Raises:
        Misconfigured: The key cannot be used, or is none of those that are trusted.
    """
    file = policy_key_file(settings)
    if file is None:
        return None
    signer = PolicySigner(read_key(file, KEY_FIELD))
    public, trusted = signer.public_key.hex(), settings.policy_public_keys
    if trusted and public not in trusted:
        message = f"it lacks {public}, the public key of {file}: no gate would trust what it signs"
        mend = f"Add that key, or name another file as {KEY_FIELD}."
        raise Misconfigured([Problem("CIO_POLICY_PUBLIC_KEYS", message, mend)])
    return signer


def trusted_keys(settings: Settings) -> TrustedKeys:
    """Return whose signature under a policy counts.

    Raises:
        Misconfigured: Nobody's does, so that no policy could ever be in force.
    """
    stated = [bytes.fromhex(key) for key in settings.policy_public_keys]
    signer = None if stated else policy_signer(settings)
    keys = stated or ([signer.public_key] if signer else [])
    if not keys:
        message = "no key is trusted, so no policy could be in force"
        mend = f"Set it to what `cio policy key` shows, or set {KEY_FIELD}."
        raise Misconfigured([Problem("CIO_POLICY_PUBLIC_KEYS", message, mend)])
    return TrustedKeys(settings.fund, keys)


@asynccontextmanager
async def open_revisions(settings: Settings) -> AsyncIterator[MongoRevisions]:
    """Open every revision of the policy: MongoDB alone. It is reached with the first question."""
    mongo = connect_mongo(str(settings.mongo_url), settings.mongo_tls_ca_file)
    try:
        yield MongoRevisions(mongo, settings.mongo_database, settings.fund)
    finally:
        await mongo.close()


@asynccontextmanager
async def open_policies(
    settings: Settings, servers: Servers, charter: Charter, *, signer: PolicySigner | None = None
) -> AsyncIterator[Policies | None]:
    """Open the policy of a fund: None where no MongoDB is stated, so that nothing can change it.

    Raises:
        Misconfigured: No key is trusted.
    """
    trusted = trusted_keys(settings)
    if settings.mongo_url is None:
        yield None
        return
    async with open_revisions(settings) as revisions:
        yield policies_of(revisions, servers, trusted, charter, signer)


def policies_of(
    revisions: RevisionStore,
    servers: Servers,
    trusted: TrustedKeys,
    charter: Charter,
    signer: PolicySigner | None,
) -> Policies:
    """Return the policy of a fund, with its revisions wherever they are."""
    projection = PolicyProjection(
        revisions, servers.store, trusted, servers.journal, servers.announcer, clock
    )
    if signer is None:
        return Policies(revisions, projection, None)
    activation = PolicyActivation(revisions, projection, signer, charter, servers.fund, clock)
    return Policies(revisions, projection, activation)


async def prepare(
    settings: Settings, servers: Servers, governing: Governing, policies: Policies | None
) -> Prepared:
    """Make the stores ready: mark a new fund's ledger, bring the policy in force. Repeatable.

    The newest revision is put into Redis where it is not; where there is none and there is a key,
    the policy of the file becomes the first one. Policy and charter are recorded, so that whoever
    decides again can look them up. Where the journal knows a fund and the ledger does not, the
    ledger was lost; it is rebuilt, policy included.

    Raises:
        Unavailable: NATS or Redis does not answer.
        Misconfigured: Redis holds another policy already than MongoDB.
    """
    if await journal_is_empty(servers.nats):
        await servers.ledger.initialise(fresh=True)
    elif await servers.ledger.is_lost():
        await recovery_of(servers).recover()
    restored, problem = False, None
    if policies is not None:
        try:
            restored = await _brought(settings, governing, policies)
        except (Unavailable, PolicyRejected) as error:
            if isinstance(error, Unavailable) and error.dependency != "mongo":
                raise
            log.error("policy_not_in_step", problem=str(error), consequence="it cannot change")
            problem = error
    await servers.desk.record_charter(governing.charter, author=STARTER.name)
    active = await servers.store.active_policy()
    if active is None or trusted_keys(settings).problem_with(active) is not None:
        log.error("no_policy", consequence="everything is denied until one is in force")
        active = None
    return Prepared(active, restored, problem)


async def _brought(settings: Settings, governing: Governing, policies: Policies) -> bool:
    """Bring the newest revision to the gates; return whether it was put back."""
    restored = await policies.projection.look()
    if policies.activation is not None:
        file = settings.policy_file or "the starter policy that comes with the program"
        first = governing.first_policy
        await policies.activation.activate_first(first, author=STARTER, file=str(file))
    return restored is not None
