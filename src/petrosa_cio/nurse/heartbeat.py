"""The heartbeat: pushed at intervals, and answered from memory to whoever asks.

The order engine stops trading when it hears nothing valid for a minute: it wants an object with
``service`` and a ``timestamp`` in epoch seconds.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime

import orjson

SERVICE = "petrosa-cio"
ACTIVE = "GOVERNANCE_ACTIVE"
DEGRADED = "DEGRADED"


@dataclass(frozen=True, slots=True)
class Health:
    """How a process is: each dependency by name, with None for well or what is wrong with it."""

    dependencies: Mapping[str, str | None]

    @property
    def problems(self) -> list[str]:
        """What is wrong, a sentence each; empty when all is well."""
        return [f"{name}: {problem}" for name, problem in self.dependencies.items() if problem]


class Heartbeat:
    """Says how this process is."""

    def __init__(
        self,
        health: Callable[[], Health],
        *,
        clock: Callable[[], datetime],
        version: str,
        replica: str,
        completeness: Callable[[], Mapping[str, object]],
    ) -> None:
        """Take where the health comes from, who this is, and how complete the record is."""
        self._health = health
        self._clock = clock
        self._version = version
        self._replica = replica
        self._completeness = completeness

    def beat(self) -> bytes:
        """Return the heartbeat of this moment."""
        health = self._health()
        return orjson.dumps(
            {
                "service": SERVICE,
                "timestamp": self._clock().timestamp(),
                "version": self._version,
                "status": DEGRADED if health.problems else ACTIVE,
                "replica": self._replica,
                "dependencies": {
                    name: problem or "ok" for name, problem in health.dependencies.items()
                },
                "completeness": self._completeness(),
            }
        )

    async def answer(self, _subject: str, _headers: dict[str, str], _body: bytes) -> bytes:
        """Answer whoever asks, from memory."""
        return self.beat()
