"""Opens what changes the policy and who may, for commands and surfaces: a part of composition."""

import getpass
import os
import re
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from petrosa_cio.adapters.mongo_connection import SEARCH_TIMEOUT_MS, MongoClient, connect_mongo
from petrosa_cio.adapters.mongo_proposals import MongoProposals
from petrosa_cio.adapters.mongo_records import MongoRecords
from petrosa_cio.adapters.mongo_revisions import MongoRevisions
from petrosa_cio.adapters.mongo_schema import OVERRIDES
from petrosa_cio.adapters.mongo_shadows import MongoShadows
from petrosa_cio.adapters.mongo_tail import MongoTail
from petrosa_cio.adapters.mongo_tokens import MongoTokens
from petrosa_cio.adapters.nats_when_needed import NatsWhenNeeded
from petrosa_cio.adapters.redis_connection import connect_redis
from petrosa_cio.adapters.redis_state import RedisStateStore
from petrosa_cio.errors import Misconfigured, NotAllowed, Problem
from petrosa_cio.governance.activation import PolicyActivation
from petrosa_cio.governance.actors import Actor, Role
from petrosa_cio.governance.authority import Act, check_may
from petrosa_cio.governance.desk import Desk
from petrosa_cio.governance.documents import read_charter_file
from petrosa_cio.governance.lifecycle import Activation, Lifecycle
from petrosa_cio.governance.overrides import Overrides
from petrosa_cio.governance.projection import PolicyProjection
from petrosa_cio.governance.refusals import Refusals
from petrosa_cio.governance.shadow import ShadowDesk
from petrosa_cio.governance.signed_overrides import signed_override
from petrosa_cio.governance.starter import starter_file
from petrosa_cio.governance.tokens import Tokens
from petrosa_cio.governance.what_if.stage import WhatIfStage
from petrosa_cio.policies import KEY_FIELD, policy_signer, trusted_keys
from petrosa_cio.ports import (
    Announcer,
    GovernanceStore,
    Journal,
    PolicyRevision,
    RevisionStore,
)
from petrosa_cio.risk.overrides import Override
from petrosa_cio.risk.policy import Charter, PolicyDocument
from petrosa_cio.servers import clock, nats_access
from petrosa_cio.settings import Settings

OWN_TOKEN = "admin.token"  # noqa: S105 - the name of a file
"""Name of the file in the data folder with the token of whoever tries the program out."""

SWITCH_TIMEOUT_S = 5.0
"""A person who throws a switch waits longer for Redis than an intent may."""


@dataclass(frozen=True, slots=True)
class Government:
    """What changes what governs, and who may."""

    settings: Settings
    revisions: RevisionStore
    lifecycle: Lifecycle
    shadows: ShadowDesk
    tokens: Tokens
    desk: Desk
    overrides: Overrides

    async def who_asks(self, token_file: Path | None = None) -> Actor:
        """Return who shows the token that is stated or lies in the data folder.

        Raises:
            NotAllowed: There is none, or it does not count; a record is left of it.
        """
        text = token_text(self.settings, token_file)
        if text is not None:
            return await self.tokens.who(text)
        async with Refusals(self.desk.record).recorded(machine_user(), "ask without a token"):
            raise NotAllowed(
                "nobody knows who you are: set CIO_TOKEN or CIO_TOKEN_FILE. An admin makes you a "
                "token; the first one is made with `cio token create NAME --role admin`"
            )

    async def name_of_who_may(self, act: Act, token_file: Path | None = None) -> str:
        """Return the name of whoever asks, who may do this; where no token was ever made, anyone.

        Raises:
            NotAllowed: They may not, or nobody knows who they are; a record is left of it.
        """
        if token_text(self.settings, token_file) is None and not await self.tokens.exist():
            return machine_user()
        actor = await self.who_asks(token_file)
        async with Refusals(self.desk.record).recorded(actor.name, f"act: {act}"):
            check_may(actor, act)
        return actor.name


@asynccontextmanager
async def open_government(settings: Settings) -> AsyncIterator[Government]:
    """Open MongoDB and Redis; each, and NATS, is reached when it is first needed.

    Raises:
        Misconfigured: Charter or keys are not as they must be.
    """
    async with AsyncExitStack() as closing:
        mongo = connect_mongo(
            str(settings.mongo_url), settings.mongo_tls_ca_file, answer_timeout_ms=SEARCH_TIMEOUT_MS
        )
        closing.push_async_callback(mongo.close)
        redis = connect_redis(
            str(settings.redis_url), ca_file=settings.redis_tls_ca_file, timeout_s=SWITCH_TIMEOUT_S
        )
        closing.push_async_callback(redis.aclose)
        later = nats_when_needed(settings)
        closing.push_async_callback(later.close)
        store = RedisStateStore(redis, settings.fund, timeout_s=SWITCH_TIMEOUT_S)
        yield government_of(settings, mongo, store, later, later)


def government_of(
    settings: Settings,
    mongo: MongoClient,
    store: GovernanceStore,
    journal: Journal,
    announcer: Announcer,
) -> Government:
    """Return what changes what governs, over ways to the servers that are open.

    Raises:
        Misconfigured: Charter or keys are not as they must be.
    """
    desk = Desk(store, journal, announcer, fund=settings.fund, clock=clock)
    revisions = MongoRevisions(mongo, settings.mongo_database, settings.fund)
    charter = read_charter(settings)
    projection = PolicyProjection(
        revisions, store, trusted_keys(settings), journal, announcer, clock
    )
    lifecycle = Lifecycle(
        revisions,
        MongoProposals(mongo, settings.mongo_database, settings.fund),
        _activation(settings, revisions, projection, charter),
        desk.record,
        charter=charter,
        clock=clock,
        rehearsal=WhatIfStage(MongoRecords(mongo, settings.mongo_database), clock),
    )
    token_store = MongoTokens(mongo, settings.mongo_database, settings.fund)
    tokens = Tokens(token_store, desk.record, clock)
    shadows = ShadowDesk(
        MongoShadows(mongo, settings.mongo_database, settings.fund),
        MongoTail(mongo, settings.mongo_database),
        lifecycle,
        desk.record,
        clock,
    )
    overrides = Overrides(
        MongoProposals(mongo, settings.mongo_database, settings.fund, collection=OVERRIDES),
        store,
        MongoRecords(mongo, settings.mongo_database),
        desk.record,
        sign=partial(_signed, settings),
        fund=settings.fund,
        clock=clock,
    )
    return Government(settings, revisions, lifecycle, shadows, tokens, desk, overrides)


def nats_when_needed(settings: Settings) -> NatsWhenNeeded:
    """Return journal and announcements that are connected with the first use."""
    access = nats_access(settings) if settings.nats_url else None
    return NatsWhenNeeded(access, journal_timeout_s=settings.journal_timeout_ms / 1000)


def _signed(settings: Settings, override: Override) -> bytes:
    """Return an override, signed. Raises Misconfigured where there is no key."""
    signer = policy_signer(settings)
    if signer is None:
        mend = "Name the key, or approve the override where it is."
        message = "there is no key here to sign an override with"
        raise Misconfigured([Problem(KEY_FIELD, message, mend)])
    return signed_override(override, settings.fund, signer)


class _NoKey:
    """What changes policies where there is no key to sign them with: nothing does."""

    async def activate(
        self,
        document: PolicyDocument,
        *,
        parent: int,
        author: Actor,
        thought: str,
        content_of: int | None = None,
    ) -> PolicyRevision:
        """Raise Misconfigured, whatever is to be activated."""
        mend = "Name the key, or change the policy where it is."
        message = "there is no key here to sign a policy with"
        raise Misconfigured([Problem(KEY_FIELD, message, mend)])


def _activation(
    settings: Settings,
    revisions: RevisionStore,
    projection: PolicyProjection,
    charter: Charter,
) -> Activation:
    signer = policy_signer(settings)
    if signer is None:
        return _NoKey()
    return PolicyActivation(revisions, projection, signer, charter, settings.fund, clock)


def read_charter(settings: Settings) -> Charter:
    """Return the charter of the file that is stated, else the starter. Raises Misconfigured."""
    read = read_charter_file(settings.charter_file or starter_file("charter.yaml"))
    if read.problems:
        raise Misconfigured(
            [Problem("CIO_CHARTER_FILE", one, "Mend the file.") for one in read.problems]
        )
    return read.document


def token_text(settings: Settings, token_file: Path | None = None) -> str | None:
    """Return the token that is stated; else the one in the data folder, if there is one.

    Raises:
        Misconfigured: A file that is named cannot be read, or others may read it.
    """
    if token_file is None and settings.token is not None:
        return settings.token.get_secret_value().strip()
    own = settings.data_dir / OWN_TOKEN
    file = token_file or settings.token_file or (own if own.exists() else None)
    if file is None:
        return None
    try:
        if file.stat().st_mode & 0o077:
            mend = f"chmod 600 {file}"
            raise Misconfigured([Problem("CIO_TOKEN_FILE", f"others may read {file}", mend)])
        return file.read_text("ascii").strip()
    except (OSError, ValueError) as error:
        mend = "Name a file that holds a token, or set CIO_TOKEN."
        raise Misconfigured([Problem("CIO_TOKEN_FILE", f"{file}: {error}", mend)]) from error


def machine_user() -> str:
    """Return who works here, as the machine knows them; in a container a user may have no name."""
    try:
        return getpass.getuser()
    except (KeyError, OSError):
        return f"uid {os.getuid()}"


async def make_own_token(settings: Settings) -> None:
    """Give whoever tries the program out a token in the data folder, where there is none at all.

    It is an admin's, by the name that the machine knows them by. Raises Unavailable.
    """
    own = settings.data_dir / OWN_TOKEN
    async with open_government(settings) as government:
        if own.exists() or await government.tokens.exist():
            return
        name = re.sub(r"[^A-Za-z0-9._@-]", "-", machine_user()).strip("-._@")[:64] or "owner"
        made = await government.tokens.create(
            name, Role.ADMIN, by=None, maker=machine_user(), expires_at=None
        )
        write_token(own, made.text)


def write_token(file: Path, text: str) -> None:
    """Write a token to a file that is not there yet, for its owner alone. Raises Misconfigured."""
    try:
        descriptor = os.open(file, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    except OSError as error:
        mend = "Name a file that is not there yet."
        raise Misconfigured([Problem("CIO_TOKEN_FILE", f"{file}: {error}", mend)]) from error
    with os.fdopen(descriptor, "w") as written:
        written.write(text + "\n")
