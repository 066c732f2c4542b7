"""The border to Redis: nothing of the library's passes it."""

import asyncio
from pathlib import Path

import pytest
from redis import exceptions
from redis.asyncio import SSLConnection

from petrosa_cio.adapters.redis_connection import connect_redis, reaching_redis
from petrosa_cio.errors import LedgerLost, Misconfigured, Unavailable

RAISED = [
    *(
        found
        for found in vars(exceptions).values()
        if isinstance(found, type) and issubclass(found, Exception)
    ),
    OSError,
    TimeoutError,
    ConnectionResetError,
]


@pytest.mark.parametrize("raised", RAISED, ids=lambda raised: raised.__qualname__)
async def test_every_exception_of_the_library_becomes_unavailable(raised: type[Exception]) -> None:
    with pytest.raises(Unavailable) as found:
        async with reaching_redis(1):
            # Made without its constructor, as each wants other arguments.
            raise raised.__new__(raised)
    assert found.value.dependency == "redis"
    assert raised.__name__ in found.value.detail


async def test_the_list_of_exceptions_is_not_empty() -> None:
    assert len(RAISED) > 30


async def test_what_takes_too_long_becomes_unavailable() -> None:
    with pytest.raises(Unavailable):
        async with reaching_redis(0):
            await asyncio.Event().wait()


async def test_our_own_errors_pass() -> None:
    with pytest.raises(LedgerLost):
        async with reaching_redis(1):
            raise LedgerLost


async def test_a_bug_is_not_hidden() -> None:
    with pytest.raises(KeyError):
        async with reaching_redis(1):
            raise KeyError


async def test_nothing_is_tried_twice_and_every_wait_ends() -> None:
    client = connect_redis("redis://127.0.0.1:1/0", max_connections=3, timeout_s=0.7)
    pool = client.connection_pool
    assert pool.max_connections == 3
    connection = pool.make_connection()  # type: ignore[no-untyped-call]
    assert connection.retry.get_retries() == 0
    assert (connection.socket_timeout, connection.socket_connect_timeout) == (None, 0.7)
    await client.aclose()


async def test_tls_trusts_the_given_authority() -> None:
    client = connect_redis("rediss://127.0.0.1:1/0", ca_file=Path("ca.pem"))
    connection = client.connection_pool.make_connection()  # type: ignore[no-untyped-call]
    assert isinstance(connection, SSLConnection)
    assert connection.ssl_context.ca_certs == "ca.pem"
    assert connection.ssl_context.check_hostname
    await client.aclose()


@pytest.mark.parametrize(
    ("url", "ca_file"),
    [("redis://127.0.0.1:1/0", Path("ca.pem")), ("http://127.0.0.1:1", None)],
)
async def test_an_address_that_cannot_be_meant_stops_the_program(
    url: str, ca_file: Path | None
) -> None:
    with pytest.raises(Misconfigured):
        connect_redis(url, ca_file=ca_file)
