"""The servers of one data folder, together: all up, or none."""

from collections.abc import AsyncIterator, Collection, Mapping
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType

from petrosa_cio.adapters.embedded.folder import locked
from petrosa_cio.adapters.embedded.mongo import start_mongo
from petrosa_cio.adapters.embedded.nats import monitoring_url, start_nats
from petrosa_cio.adapters.embedded.process import ServerProcess
from petrosa_cio.adapters.embedded.redis import start_redis

# In this order, and stopped in the opposite one: intents come in last and stop first.
_STARTERS = {"mongo": start_mongo, "redis": start_redis, "nats": start_nats}


@dataclass(frozen=True)
class EmbeddedServers:
    """The servers that run, by name; the URL of one that was not asked for is None."""

    servers: Mapping[str, ServerProcess]

    @classmethod
    @asynccontextmanager
    async def start(cls, data_dir: Path, need: Collection[str]) -> "AsyncIterator[EmbeddedServers]":
        """Run the servers named in `need` (`nats`, `redis`, `mongo`) while the block runs.

        Raises:
            AlreadyRunning: another process uses `data_dir`.
            Misconfigured: a package is not installed.
            Unavailable: a server did not come up.
        """
        async with AsyncExitStack() as stack:
            stack.enter_context(locked(data_dir))
            running: dict[str, ServerProcess] = {}
            for name, starter in _STARTERS.items():
                if name in need:
                    running[name] = await starter(data_dir / name)
                    stack.push_async_callback(running[name].stop)
            yield cls(MappingProxyType(running))

    @property
    def nats_url(self) -> str | None:
        """URL of the NATS server."""
        return self._url("nats")

    @property
    def redis_url(self) -> str | None:
        """URL of the Redis server."""
        return self._url("redis")

    @property
    def mongo_url(self) -> str | None:
        """URL of the MongoDB stand-in."""
        return self._url("mongo")

    @property
    def nats_monitoring_url(self) -> str | None:
        """URL of the monitoring endpoint of the NATS server."""
        return monitoring_url(self.servers["nats"]) if "nats" in self.servers else None

    @property
    def pids(self) -> dict[str, int]:
        """Process ids of the servers that run, by name."""
        return {name: one.pid for name, one in self.servers.items() if one.pid is not None}

    def _url(self, name: str) -> str | None:
        return self.servers[name].url if name in self.servers else None
