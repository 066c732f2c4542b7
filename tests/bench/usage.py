"""What processes use while something is measured: processor time and resident memory."""

import asyncio
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

import psutil

from tests.bench.load import Heard

SAMPLE_EVERY_S = 1.0
MIB = 1024 * 1024


@dataclass(frozen=True, slots=True)
class Usage:
    """What was used in one measurement.

    Attributes:
        cpu_s: Processor seconds by process.
        others_cpu_s: Processor seconds of everything else on the machine, this harness left out:
            where it is not small, the measurement was disturbed.
        rss_mib: Resident memory by process: a sample a second, in MiB.
    """

    cpu_s: dict[str, float]
    others_cpu_s: float
    rss_mib: dict[str, list[float]]


@dataclass
class Watch:
    """Watches processes while the block runs; `pids` may name more of them as time goes by."""

    pids: Callable[[], Mapping[str, int]]
    _before: dict[int, float] = field(default_factory=dict)
    _rss: dict[str, list[float]] = field(default_factory=dict)

    async def __aenter__(self) -> "Watch":
        self._before = {pid: _cpu_s(psutil.Process(pid)) for pid in self.pids().values()}
        self._machine, self._own, self._at = _busy_s(), time.process_time(), time.monotonic()
        self._sampling = asyncio.create_task(self._sample())
        return self

    async def __aexit__(self, *_: object) -> None:
        self._sampling.cancel()

    def usage(self, heard: Heard) -> Usage:
        """Return what was used since the start; of the load, by what it says of itself."""
        cpu_s = {
            name: _cpu_s(psutil.Process(pid)) - self._before.get(pid, 0.0)
            for name, pid in self.pids().items()
        }
        cpu_s["load"] = heard.cpu_s
        own_s = time.process_time() - self._own + heard.making_cpu_s
        others_s = _busy_s() - self._machine - own_s - sum(cpu_s.values())
        return Usage(cpu_s, max(others_s, 0.0), self._rss)

    async def _sample(self) -> None:
        while True:
            for name, pid in self.pids().items():
                rss = psutil.Process(pid).memory_info().rss
                self._rss.setdefault(name, []).append(round(rss / MIB, 1))
            await asyncio.sleep(SAMPLE_EVERY_S)


def _cpu_s(process: psutil.Process) -> float:
    times = process.cpu_times()
    return float(times.user + times.system)


def _busy_s() -> float:
    times = psutil.cpu_times()
    return float(sum(times) - times.idle - getattr(times, "iowait", 0.0) - times.guest)
