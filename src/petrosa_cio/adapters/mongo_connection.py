"""The way to MongoDB: one client, its time limits, and the border where its errors become ours."""

import asyncio
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from pathlib import Path
from typing import Any

from bson.errors import BSONError
from pymongo import AsyncMongoClient
from pymongo.errors import PyMongoError

from petrosa_cio.errors import Misconfigured, Problem, Unavailable

MongoClient = AsyncMongoClient[dict[str, Any]]

SELECT_TIMEOUT_MS = 2_000
SOCKET_TIMEOUT_MS = 10_000
SEARCH_TIMEOUT_MS = 30_000
"""Longer than a search may take: MongoDB breaks it off itself, and says so."""

MONGO_ERRORS = (PyMongoError, BSONError, OSError)
"""The roots of everything the library raises; TimeoutError is an OSError."""


def connect_mongo(
    url: str, tls_ca_file: Path | None = None, *, answer_timeout_ms: int = SOCKET_TIMEOUT_MS
) -> MongoClient:
    """Return a client for ``url`` that connects when first used; ``await client.close()`` ends it.

    A write is acknowledged by a majority and from the disk, as what is stored here is then dropped
    from the journal.

    Args:
        url: ``mongodb://`` or ``mongodb+srv://``, with credentials where needed.
        tls_ca_file: Certificates of the authorities to trust instead of the system's; asks for TLS.
        answer_timeout_ms: Longest wait for an answer.

    Raises:
        Misconfigured: The URL is none, or it contradicts the CA file.
    """
    tls: dict[str, Any] = (
        {} if tls_ca_file is None else {"tls": True, "tlsCAFile": str(tls_ca_file)}
    )
    try:
        return AsyncMongoClient(
            url,
            appname="petrosa-cio",
            tz_aware=True,
            w="majority",
            journal=True,
            serverSelectionTimeoutMS=SELECT_TIMEOUT_MS,
            connectTimeoutMS=SELECT_TIMEOUT_MS,
            socketTimeoutMS=answer_timeout_ms,
            **tls,
        )
    except (*MONGO_ERRORS, ValueError) as error:
        mend = "Write mongodb://host:27017, with tls=true for TLS."
        raise Misconfigured([Problem("CIO_MONGO_URL", str(error), mend)]) from error


@asynccontextmanager
async def open_mongo(
    url: str, tls_ca_file: Path | None = None, *, answer_timeout_ms: int = SOCKET_TIMEOUT_MS
) -> AsyncIterator[MongoClient]:
    """Open a client as `connect_mongo` does, and close it at the end."""
    mongo = connect_mongo(url, tls_ca_file, answer_timeout_ms=answer_timeout_ms)
    try:
        yield mongo
    finally:
        await mongo.close()


async def is_stand_in(client: MongoClient) -> bool:
    """Return whether the server is the stand-in, and not MongoDB."""
    return "secantusVersion" in await client.admin.command("buildInfo")


@contextmanager
def translated() -> Iterator[None]:
    """Raise `Unavailable` for whatever the MongoDB client raises."""
    try:
        yield
    except MONGO_ERRORS as error:
        raise Unavailable("mongo", f"{type(error).__name__}: {error}") from error


@asynccontextmanager
async def reaching_mongo(timeout_s: float) -> AsyncIterator[None]:
    """Limit the time of what is done inside and translate every error of the library.

    Raises:
        Unavailable: when MongoDB is away, too slow, or answers with an error.
    """
    with translated():
        async with asyncio.timeout(timeout_s):
            yield
