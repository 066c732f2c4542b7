"""The way to Redis: one client, its time limits, and the border where its errors become ours."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

from redis import exceptions
from redis.asyncio import BlockingConnectionPool, Redis
from redis.asyncio.retry import Retry
from redis.backoff import NoBackoff

from petrosa_cio.errors import Misconfigured, Problem, Unavailable

__all__ = ["REDIS_ERRORS", "Redis", "connect_redis", "reaching_redis", "send"]

REDIS_ERRORS: tuple[type[Exception], ...] = (
    *(
        found
        for found in vars(exceptions).values()
        if isinstance(found, type) and issubclass(found, Exception)
    ),
    OSError,  # and with it TimeoutError
)
"""Everything the library may raise; it has no single root, so all its exceptions are listed."""


def connect_redis(
    url: str, *, ca_file: Path | None = None, max_connections: int = 4, timeout_s: float = 1.0
) -> Redis:
    """Return a client for ``url`` that connects when first used; ``await client.aclose()`` ends it.

    Nothing is tried twice: a script whose answer was lost may have run, and only the caller knows
    whether asking again is safe.

    Args:
        url: ``redis://`` or, with TLS, ``rediss://``, with credentials where needed.
        ca_file: Certificates of the authorities to trust instead of the system's; TLS only.
        max_connections: Connections in the pool; further calls wait for one, within their limit.
        timeout_s: Seconds to connect and to wait for a free connection.

    Raises:
        Misconfigured: when ``ca_file`` is given for a URL without TLS, or the URL is not one.
    """
    tls = {} if ca_file is None else {"ssl_ca_certs": str(ca_file)}
    if tls and not url.startswith("rediss://"):
        raise Misconfigured([_problem("a CA file is given, but the URL does not ask for TLS")])
    try:
        pool = BlockingConnectionPool.from_url(
            url,
            max_connections=max_connections,
            timeout=timeout_s,
            # Not here: with a limit of its own the library loses a task's cancellation now and
            # then. Every call is limited by `reaching_redis`.
            socket_timeout=None,
            socket_connect_timeout=timeout_s,
            socket_keepalive=True,
            retry=Retry(NoBackoff(), 0),
            retry_on_error=[],
            protocol=2,
            **tls,
        )
    except ValueError as error:
        raise Misconfigured([_problem(str(error))]) from error
    return Redis.from_pool(pool)


def _problem(message: str) -> Problem:
    return Problem("CIO_REDIS_URL", message, "Write redis://host:6379/0, or rediss:// for TLS.")


@asynccontextmanager
async def reaching_redis(timeout_s: float) -> AsyncIterator[None]:
    """Limit the time of what is done inside and translate every error of the library.

    Raises:
        Unavailable: when Redis is away, too slow, or answers with an error.
    """
    try:
        async with asyncio.timeout(timeout_s):
            yield
    except REDIS_ERRORS as error:
        raise Unavailable("redis", f"{type(error).__name__}: {error}".rstrip(": ")) from error


async def send(client: Redis, *command: str | bytes | int) -> Any:
    """Run one command and return its raw answer; to be called within `reaching_redis`."""
    return await client.execute_command(*command)  # type: ignore[no-untyped-call]
