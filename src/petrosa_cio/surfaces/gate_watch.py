"""What the gates say of themselves every second."""

from collections.abc import Callable
from dataclasses import dataclass

import orjson

ACTIVE = "GOVERNANCE_ACTIVE"


@dataclass(frozen=True, slots=True)
class Beat:
    """The last heartbeat of one replica, and when it was heard, in monotonic seconds."""

    status: str
    dependencies: dict[str, str]
    heard_at: float


class GateWatch:
    """Keeps the last heartbeat of every gate."""

    def __init__(self, monotonic: Callable[[], float], *, silent_after_s: float) -> None:
        """Take a monotonic clock and the seconds after which a gate counts as gone."""
        self._monotonic = monotonic
        self._silent_after_s = silent_after_s
        self._beats: dict[str, Beat] = {}

    def heard(self, body: bytes) -> None:
        """Take note of a heartbeat; anything else on its subject is passed by."""
        try:
            beat = orjson.loads(body)
            replica, dependencies = str(beat["replica"]), dict(beat["dependencies"])
            self._beats[replica] = Beat(str(beat["status"]), dependencies, self._monotonic())
        except (orjson.JSONDecodeError, KeyError, TypeError, ValueError):
            return

    def problems(self) -> list[str]:
        """Return why no gate is ready, a sentence each; empty when at least one is."""
        self._forget_silent()
        if any(beat.status == ACTIVE for beat in self._beats.values()):
            return []
        if not self._beats:
            return [f"no gate has been heard for {self._silent_after_s:g} s"]
        return [
            f"gate {replica}: {ailment}"
            for replica, beat in sorted(self._beats.items())
            for ailment in _ailments(beat)
        ]

    def ailing(self, dependency: str) -> list[str]:
        """Return what gates say is wrong with one dependency, a sentence each."""
        self._forget_silent()
        told = {who: beat.dependencies.get(dependency, "ok") for who, beat in self._beats.items()}
        return [f"gate {who}: {said}" for who, said in sorted(told.items()) if said != "ok"]

    @property
    def heard_lately(self) -> int:
        """How many gates are heard."""
        self._forget_silent()
        return len(self._beats)

    def _forget_silent(self) -> None:
        now = self._monotonic()
        self._beats = {
            replica: beat
            for replica, beat in self._beats.items()
            if now - beat.heard_at <= self._silent_after_s
        }


def _ailments(beat: Beat) -> list[str]:
    """Return what ails a gate that is not active: never nothing."""
    named = sorted(beat.dependencies.items())
    return [f"{name}: {state}" for name, state in named if state != "ok"] or [beat.status]
