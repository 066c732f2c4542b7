"""A circuit breaker: who did not answer several times in a row is left alone for a while. Pure.

Closed, everything passes. After so many failures in a row it opens, and nothing passes until its
rest is over. Then it is half open: one call passes as a probe, and what becomes of it decides.
Answers that come late, of calls begun before it opened, do not close it.
"""

from collections.abc import Callable
from enum import StrEnum
from typing import Final

FAILURES: Final = 5
REST_S: Final = 30.0


class CircuitState(StrEnum):
    """Whether calls pass."""

    CLOSED = "closed"
    OPEN = "open"
    HALF_OPEN = "half open"


class Circuit:
    """Decides whether a call may be made.

    Args:
        monotonic: A clock that never goes back, in seconds.
        failures: Failures in a row after which it opens.
        rest_s: Seconds for which it then stays open.
    """

    def __init__(
        self, monotonic: Callable[[], float], *, failures: int = FAILURES, rest_s: float = REST_S
    ) -> None:
        self._monotonic = monotonic
        self._limit = failures
        self._rest_s = rest_s
        self._failed = 0
        self._opened_at: float | None = None
        self._probe: int | None = None
        self._calls = 0

    @property
    def state(self) -> CircuitState:
        """Whether calls pass now."""
        if self._opened_at is None:
            return CircuitState.CLOSED
        return CircuitState.OPEN if self.rests_for_s > 0 else CircuitState.HALF_OPEN

    @property
    def rests_for_s(self) -> float:
        """Seconds until a probe may pass; 0 where nothing has to wait."""
        if self._opened_at is None:
            return 0.0
        return max(0.0, self._opened_at + self._rest_s - self._monotonic())

    def begin(self) -> int | None:
        """Return the number of a call that may be made now; None: it may not."""
        state = self.state
        if state is CircuitState.OPEN or (
            state is CircuitState.HALF_OPEN and self._probe is not None
        ):
            return None
        self._calls += 1
        if state is CircuitState.HALF_OPEN:
            self._probe = self._calls
        return self._calls

    def end(self, call: int, *, well: bool) -> None:
        """Say what became of a call that began; each call ends once."""
        if self._opened_at is None:
            self._failed = 0 if well else self._failed + 1
            if self._failed >= self._limit:
                self._opened_at = self._monotonic()
        elif call == self._probe:
            self._probe, self._failed = None, 0
            self._opened_at = None if well else self._monotonic()
