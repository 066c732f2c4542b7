"""Which machine measured, and with what: a number without it says nothing."""

import asyncio
import os
import platform
import statistics
import time
from dataclasses import dataclass
from pathlib import Path

import psutil

from petrosa_cio.adapters.redis_connection import connect_redis
from tests.bench.house import Rung, house
from tests.bench.policies import Limits

SYNCS = 50
SYNC_BYTES = 4_096


@dataclass(frozen=True, slots=True)
class Machine:
    """What a measurement was made on.

    Attributes:
        processor: Model of the processor.
        cores: How many of them, as the system counts.
        memory_gib: Main memory.
        kernel: Kernel and its version.
        python: Version of Python.
        nats: Version of the NATS server.
        redis: Version of the Redis server.
        file_system: Kind of the file system that held the data.
        sync_ms: Median time of writing 4 KiB there and syncing them: what durability costs.
        busy_before: Average number of processes that ran in the minute before.
    """

    processor: str
    cores: int
    memory_gib: float
    kernel: str
    python: str
    nats: str
    redis: str
    file_system: str
    sync_ms: float
    busy_before: float

    @property
    def sentence(self) -> str:
        """All of it in a sentence."""
        return (
            f"{self.processor}, {self.cores} cores, {self.memory_gib} GiB, {self.kernel}, "
            f"Python {self.python}, nats-server {self.nats}, redis-server {self.redis}; data on "
            f"{self.file_system}, where syncing 4 KiB takes {self.sync_ms} ms; load average "
            f"before: {self.busy_before}"
        )


async def this_machine(folder: Path) -> Machine:
    """Describe this machine; servers are started in a new folder to ask for their versions."""
    busy_before = os.getloadavg()[0]
    async with house(folder, Rung.SHIPPED, Limits.NONE) as found:
        nats = found.client.connected_server_version
        nats_version = f"{nats.major}.{nats.minor}.{nats.patch}"
        redis = connect_redis(found.environ["CIO_REDIS_URL"])
        redis_version = (await redis.info("server"))["redis_version"]
        await redis.aclose()
    return Machine(
        processor=_processor(),
        cores=os.cpu_count() or 0,
        memory_gib=round(psutil.virtual_memory().total / 2**30, 1),
        kernel=f"{platform.system()} {platform.release()}",
        python=platform.python_version(),
        nats=nats_version,
        redis=redis_version,
        file_system=_file_system(folder),
        sync_ms=await asyncio.to_thread(_sync_ms, folder),
        busy_before=round(busy_before, 2),
    )


def _processor() -> str:
    """Return the model's name where the system tells it, else the architecture."""
    try:
        lines = Path("/proc/cpuinfo").read_text().splitlines()
    except OSError:
        lines = []
    named = (line.partition(":")[2].strip() for line in lines if line.startswith("model name"))
    return next(named, platform.processor() or platform.machine())


def _file_system(folder: Path) -> str:
    """Return the kind of the file system that is mounted nearest above a folder."""
    mounted = {Path(one.mountpoint): one.fstype for one in psutil.disk_partitions(all=True)}
    place = folder.resolve()
    return next((mounted[one] for one in (place, *place.parents) if one in mounted), "unknown")


def _sync_ms(folder: Path) -> float:
    took = []
    with (folder / "sync").open("wb", buffering=0) as file:
        for _ in range(SYNCS):
            before = time.perf_counter()
            file.write(bytes(SYNC_BYTES))
            os.fsync(file.fileno())
            took.append(time.perf_counter() - before)
    return round(statistics.median(took) * 1000, 3)
