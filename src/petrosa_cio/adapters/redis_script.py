"""The Lua scripts: how they are put together from their files, and how they are run."""

import hashlib
from collections.abc import Callable
from importlib.resources import files
from typing import Any

from redis.asyncio import Redis
from redis.exceptions import NoScriptError

from petrosa_cio.adapters.ledger_times import LUA_CONSTANTS
from petrosa_cio.adapters.redis_connection import reaching_redis, send


class Script:
    """One script of `lua/`, made of the constants and the named files.

    Args:
        *names: File names without ``.lua``, in order; the last one is the script proper.
    """

    def __init__(self, *names: str) -> None:
        folder = files("petrosa_cio.adapters") / "lua"
        texts = [(folder / f"{name}.lua").read_text(encoding="utf-8") for name in names]
        self.text = "\n".join([LUA_CONSTANTS, *texts])
        self.sha = hashlib.sha1(self.text.encode(), usedforsecurity=False).hexdigest()


class ScriptRunner:
    """Runs scripts on the keys of one fund.

    Args:
        client: The way to Redis.
        fund: Names the keys; one fund is one slot of a cluster.
        timeout_s: Longest time a call may take.
        clock_ms: Replaces the server's own clock, in tests only.
    """

    def __init__(
        self,
        client: Redis,
        fund: str,
        *,
        timeout_s: float,
        clock_ms: Callable[[], int] | None = None,
    ) -> None:
        self._client = client
        self._generation_key = f"cio:{{{fund}}}:generation"
        self._timeout_s = timeout_s
        self._clock_ms = clock_ms

    async def is_marked(self) -> bool:
        """Return whether the generation marker is there. Raises Unavailable."""
        async with reaching_redis(self._timeout_s):
            return bool(await send(self._client, "EXISTS", self._generation_key))

    async def run(self, script: Script, *arguments: str | bytes | int) -> Any:
        """Run a script and return its raw answer.

        A server that was restarted does not know the script: then nothing has run, and it is sent
        whole. Nothing else is tried again.

        Raises:
            Unavailable: when Redis is away, too slow, or answers with an error.
        """
        now = "" if self._clock_ms is None else self._clock_ms()
        sent = (1, self._generation_key, now, *arguments)
        async with reaching_redis(self._timeout_s):
            try:
                return await send(self._client, "EVALSHA", script.sha, *sent)
            except NoScriptError:
                return await send(self._client, "EVAL", script.text, *sent)
