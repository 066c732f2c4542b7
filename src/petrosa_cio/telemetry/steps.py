"""When the steps of a batch began and ended, on the monotonic clock."""

from collections.abc import Awaitable, Mapping
from enum import StrEnum
from time import monotonic_ns
from typing import NamedTuple, TypeVar

Result = TypeVar("Result")


class Step(StrEnum):
    """The steps of an intent's way that take time. The last four are shared by its batch."""

    PARSE = "parse"
    ASSESS = "assess"
    LEDGER = "ledger"
    JOURNAL = "journal"
    FENCE = "fence"
    PUBLISH = "publish"


class Interval(NamedTuple):
    """From when to when, in nanoseconds of the monotonic clock."""

    began_ns: int
    ended_ns: int

    @property
    def seconds(self) -> float:
        """How long it took, in seconds."""
        return (self.ended_ns - self.began_ns) / 1e9


class StepTimes:
    """The times of one batch."""

    __slots__ = ("_taken",)

    def __init__(self) -> None:
        """Begin with no step taken."""
        self._taken: dict[Step, Interval] = {}

    @property
    def taken(self) -> Mapping[Step, Interval]:
        """The steps that ended, in their order."""
        return self._taken

    async def of(self, step: Step, work: Awaitable[Result]) -> Result:
        """Return what the work returns, and note how long it took; of work that fails, nothing."""
        began_ns = monotonic_ns()
        result = await work
        self._taken[step] = Interval(began_ns, monotonic_ns())
        return result
