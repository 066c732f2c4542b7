"""A lease: of all processes that want to do a thing, one does it at a time.

It rests on clocks that run equally fast, as every lease does. So it keeps two from doing the same
work, but is no proof that they never do: what is done under it must bear being done twice.
"""

import asyncio
import secrets
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager, suppress
from typing import Final

import structlog
from redis.asyncio import Redis

from petrosa_cio.adapters.redis_connection import reaching_redis, send
from petrosa_cio.adapters.redis_script import Script, ScriptRunner
from petrosa_cio.errors import Unavailable

log = structlog.get_logger()

RENEW: Final = Script("clock", "renew_lease")
RELEASE: Final = Script("clock", "release_lease")

_TRIES_IN_A_LEASE: Final = 10
_RENEWALS_IN_A_LEASE: Final = 3


class RedisLease:
    """The right to do one thing, until it expires.

    Args:
        client: From `petrosa_cio.adapters.redis_connection.connect_redis`.
        fund: The fund whose thing it is.
        name: What is done.
        length_s: Seconds after which a holder that fell silent has lost it.
        timeout_s: Longest time a call may take.
    """

    def __init__(
        self, client: Redis, fund: str, name: str, *, length_s: float = 10.0, timeout_s: float = 0.5
    ) -> None:
        self._client = client
        self._key = f"cio:{{{fund}}}:lease:{name}"
        self._name = name
        self._length_s = length_s
        self._timeout_s = timeout_s
        self._runner = ScriptRunner(client, fund, timeout_s=timeout_s)

    async def while_held(self, work: Callable[[], Awaitable[None]]) -> None:
        """Do some work whenever this process holds the lease: wait, do it, be stopped, again.

        Returns when the work ends by itself.
        """
        while True:
            try:
                async with self.hold():
                    return await work()
            except Unavailable as lost:
                log.warning("lease_lost", lease=self._name, detail=lost.detail)

    @asynccontextmanager
    async def hold(self) -> AsyncIterator[None]:
        """Wait for the lease, and hold it while the block runs.

        Raises:
            Unavailable: The lease was lost; the block was cancelled before it expired for others.
        """
        owner = secrets.token_hex(8)
        limit = asyncio.timeout_at(await self._waited_for(owner))
        try:
            async with limit:
                renewing = asyncio.create_task(self._renew(owner, limit))
                try:
                    yield
                finally:
                    renewing.cancel()
                    await asyncio.wait([renewing])
        except TimeoutError as error:
            if limit.expired():
                raise Unavailable("lease", f"{self._name} is another's or unknown") from error
            raise
        finally:
            with suppress(Unavailable):  # else it expires
                await self._runner.run(RELEASE, self._name, owner)

    async def _waited_for(self, owner: str) -> float:
        """Wait until the lease is ours and return when it ends, by this loop's clock."""
        while True:
            asked_at = asyncio.get_running_loop().time()
            with suppress(Unavailable):
                if await self._take(owner):
                    return asked_at + self._length_s
            _heed_cancellation()
            await asyncio.sleep(self._length_s / _TRIES_IN_A_LEASE)

    async def _take(self, owner: str) -> bool:
        length_ms = int(self._length_s * 1000)
        async with reaching_redis(self._timeout_s):
            return bool(await send(self._client, "SET", self._key, owner, "NX", "PX", length_ms))

    async def _renew(self, owner: str, limit: asyncio.Timeout) -> None:
        """Move the end of the lease on, as long as it is ours; where that fails it just comes."""
        now = asyncio.get_running_loop().time
        while not limit.expired():
            await asyncio.sleep(self._length_s / _RENEWALS_IN_A_LEASE)
            asked_at, held = now(), None
            with suppress(Unavailable):
                length_ms = int(self._length_s * 1000)
                held = await self._runner.run(RENEW, self._name, owner, length_ms)
            _heed_cancellation()
            if held == 0:
                return limit.reschedule(now())
            if held and not limit.expired():
                limit.reschedule(asked_at + self._length_s)


def _heed_cancellation() -> None:
    # On Python 3.11 `asyncio.wait_for`, and so the driver, may swallow a cancellation.
    task = asyncio.current_task()
    if task is not None and task.cancelling():
        raise asyncio.CancelledError
