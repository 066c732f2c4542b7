"""API tokens: who people and agents are, and what each is trusted with.

A token is 256 random bits, with a prefix by which secret scanners know it and a checksum by which
a mistyped one is known at once. It is shown once; what is kept is its SHA-256. A slow hash, as
passwords need one, would protect nothing here: nobody can guess 256 random bits. Nothing is ever
changed: to revoke a token is one more document.
"""

import re
import secrets
from base64 import b32decode, b32encode
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from hashlib import sha256
from hmac import compare_digest
from typing import Final
from zlib import crc32

from petrosa_cio.audit.record import Change
from petrosa_cio.errors import NotAllowed, NotFound
from petrosa_cio.governance.actors import Actor, Role
from petrosa_cio.governance.authority import Act, check_may, same_person
from petrosa_cio.governance.proposals import to_the_millisecond
from petrosa_cio.governance.refusals import Refusals, Tell
from petrosa_cio.ports import Revocation, TokenEntry, TokenStore

PREFIX: Final = "cio_"
SECRET_BYTES: Final = 32
ID_DIGITS: Final = 16

_FORM: Final = re.compile(r"cio_[a-z2-7]{58}")
_NAME: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9._@-]{0,63}")
OWN_NAMES: Final = frozenset({"guard", "start", "unknown"})
"""Names under which the program itself acts, or knows nobody: no token is of these."""

UNKNOWN: Final = "unknown"
"""Who tries a token that is none: what is written of it must not help to find one."""


@dataclass(frozen=True, slots=True)
class MadeToken:
    """A token that was just made.

    Attributes:
        text: The token itself, to be shown once.
        entry: What is kept of it.
        unrecorded: Why it could not be recorded, if so; it counts all the same.
    """

    text: str
    entry: TokenEntry
    unrecorded: str | None = None

    def __repr__(self) -> str:
        return f"MadeToken({self.entry.token_id})"


@dataclass(frozen=True, slots=True)
class ListedToken:
    """What is known of one token, and whether it counts.

    Attributes:
        entry: What is kept of it.
        revocation: That it was revoked, if it was.
        counts: Whether whoever shows it now is believed.
    """

    entry: TokenEntry
    revocation: Revocation | None
    counts: bool


def new_token_text() -> str:
    """Return a new token."""
    secret = secrets.token_bytes(SECRET_BYTES)
    return PREFIX + _written(secret + _checksum(secret))


def is_token(text: str) -> bool:
    """Return whether a text is a token, as far as its form and checksum tell."""
    if not _FORM.fullmatch(text):
        return False
    written = text.removeprefix(PREFIX)
    read = b32decode(written.upper() + "=" * (-len(written) % 8))
    secret, checksum = read[:SECRET_BYTES], read[SECRET_BYTES:]
    return compare_digest(checksum, _checksum(secret)) and _written(read) == written


def _checksum(secret: bytes) -> bytes:
    return crc32(PREFIX.encode() + secret).to_bytes(4, "big")


def _written(raw: bytes) -> str:
    return b32encode(raw).decode().rstrip("=").lower()


def hash_of(text: str) -> str:
    """Return what is kept of a token, hexadecimal."""
    return sha256(text.encode()).hexdigest()


def actor_of(entry: TokenEntry) -> Actor:
    """Return who shows a token."""
    return Actor(entry.name, Role(entry.role))


class Tokens:
    """Makes, knows and revokes the tokens of a fund.

    Every method raises `Unavailable` when MongoDB is away: then nobody is believed.
    """

    def __init__(self, store: TokenStore, tell: Tell, clock: Callable[[], datetime]) -> None:
        """Take the store, what records, and the clock."""
        self._store = store
        self._tell = tell
        self._clock = clock
        self._refusals = Refusals(tell)

    async def exist(self) -> bool:
        """Return whether any token was ever made for the fund."""
        return bool(await self._store.tokens())

    async def who(self, text: str) -> Actor:
        """Return who shows a token. Raises NotAllowed; why is the same for all that do not count.

        What was tried is recorded, the token not.
        """
        entry = await self.entry_that_counts(text)
        if entry is not None:
            return actor_of(entry)
        async with self._refusals.recorded(UNKNOWN, "show a token that does not count"):
            raise NotAllowed("the token is not known, was revoked, or has expired")

    async def entry_that_counts(self, text: str) -> TokenEntry | None:
        """Return what is kept of a token that counts now, else None. Nothing is recorded."""
        entry = await self._entry_of(text)
        return None if entry and entry.token_id in await self._store.revocations() else entry

    async def _entry_of(self, text: str) -> TokenEntry | None:
        if not is_token(text):
            return None
        digest = hash_of(text)
        entry = await self._store.token(digest[:ID_DIGITS])
        if entry is None or not compare_digest(entry.token_hash, digest):
            return None
        expired = entry.expires_at is not None and self._clock() >= entry.expires_at
        return None if expired else entry

    async def create(
        self, name: str, role: Role, *, by: Actor | None, maker: str, expires_at: datetime | None
    ) -> MadeToken:
        """Make a token.

        Args:
            name: Whose it is to be.
            role: What they are trusted with.
            by: Who makes it; None is only allowed for the first of a fund, which is an admin's.
            maker: What the first one is recorded to be made by.
            expires_at: From when on it does not count any more; None for never.

        Raises:
            NotAllowed: Whoever asks may not, or the name is none, or it is that of an agent and
                would become a person's, or the other way.
        """
        who = by.name if by else maker
        async with self._refusals.recorded(who, f"make a token for {name!r} as {role}"):
            known = await self._store.tokens()
            _check_maker(by, role, is_first=not known, expires=expires_at is not None)
            if not _NAME.fullmatch(name):
                raise NotAllowed("a name is of letters, digits and . _ @ -, at most 64 of them")
            if name.casefold() in OWN_NAMES:
                raise NotAllowed(f"{name} is a name of the program's own: choose another")
            for one in known:
                was_agent, is_agent = one.role == Role.AGENT, role is Role.AGENT
                if same_person(one.name, name) and was_agent != is_agent:
                    raise NotAllowed(f"{name} is known as {one.role}: choose another name")
            text = new_token_text()
            digest = hash_of(text)
            made_at = to_the_millisecond(self._clock())
            entry = TokenEntry(
                digest[:ID_DIGITS], digest, name, role.value, who, made_at, expires_at
            )
            if not await self._store.add_token(entry):
                raise NotAllowed("a token of that short name is there: try again")
        told = Change("token", entry.token_id, f"{name}: {role}", who, "made")
        return MadeToken(text, entry, await self._tell(told))

    async def revoke(self, by: Actor, token_id: str, *, reason: str) -> ListedToken:
        """Let a token count no more, for good.

        Raises:
            NotAllowed: Whoever asks may not, there is no such token or it was revoked before, or it
                is the last one that may make others.
        """
        async with self._refusals.recorded(by.name, f"revoke token {token_id}"):
            check_may(by, Act.TOKENS)
            listed = {one.entry.token_id: one for one in await self.listed()}
            if token_id not in listed:
                raise NotFound(f"there is no token {token_id!r}: see `cio token list`")
            admins = [one for one in listed.values() if one.counts and _is_lasting_admin(one)]
            if [one.entry.token_id for one in admins] == [token_id]:
                raise NotAllowed("it is the last token of an admin: make another first")
            revocation = Revocation(token_id, by.name, reason, to_the_millisecond(self._clock()))
            if not await self._store.revoke(revocation):
                raise NotAllowed(f"{token_id} was revoked before")
        await self._tell(Change("token", token_id, "", by.name, reason))
        return ListedToken(listed[token_id].entry, revocation, counts=False)

    async def listed(self) -> list[ListedToken]:
        """Return every token and whether it counts, the oldest first."""
        revoked, now = await self._store.revocations(), self._clock()
        return [
            ListedToken(
                one,
                revoked.get(one.token_id),
                one.token_id not in revoked and (one.expires_at is None or now < one.expires_at),
            )
            for one in await self._store.tokens()
        ]


def _is_lasting_admin(listed: ListedToken) -> bool:
    return listed.entry.role == Role.ADMIN and listed.entry.expires_at is None


def _check_maker(by: Actor | None, role: Role, *, is_first: bool, expires: bool) -> None:
    if by is not None:
        check_may(by, Act.TOKENS)
    elif not is_first:
        raise NotAllowed("tokens are made by an admin, who shows a token")
    elif role is not Role.ADMIN or expires:
        raise NotAllowed("the first token is an admin's, and does not expire")
