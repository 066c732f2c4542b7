"""The settler: brings what the engine executed into the ledger.

The ledger is settled first, each report once by its key; then the lots are kept; then the reports
are acknowledged. A crash in between only repeats: the ledger knows the keys, and the lots are as
they were before. Reports are taken in stream order, those of a predecessor that ended included.
"""

from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol, TypeVar

import structlog

from petrosa_cio.audit.lots import Lot, read_lot, write_lot
from petrosa_cio.audit.patience import ConsumerPosition, left_behind, until_done
from petrosa_cio.audit.settlement import Books, SettlementOutcome, Step, after, settle
from petrosa_cio.errors import Unavailable
from petrosa_cio.ports import Delivery, Ledger
from petrosa_cio.risk.execution import ExecutionEvent, UnreadableExecution

log = structlog.get_logger()

T = TypeVar("T")

CONSUMER = "cio-settlement"
ACK_WAIT_S = 30.0
MAX_EVENTS = 64

_EXPECTED = frozenset(
    {SettlementOutcome.SETTLED, SettlementOutcome.WITHOUT_EFFECT, SettlementOutcome.REPEATED}
)


class Executions(Protocol):
    """The durable stream of the engine's reports."""

    async def next_batch(self, limit: int) -> list[Delivery]:
        """Wait for at least one delivery and return up to ``limit`` that are there."""

    async def acknowledge(self, deliveries: Sequence[Delivery]) -> None:
        """Say that these are finished for good."""


class HeldStore(Protocol):
    """Keeps what decisions hold."""

    async def load(self) -> tuple[int, Mapping[str, bytes]]:
        """Return a version and every lot by decision. Raises Unavailable."""

    async def save(self, version: int, changes: Mapping[str, bytes | None]) -> bool:
        """Store lots, None for those that are over, if the version is still the same.

        Returns whether it was. Raises Unavailable.
        """


class SettlerTally(Protocol):
    """Counts what the settler does. None of these may raise or wait."""

    def settled(self, outcome: SettlementOutcome) -> None:
        """Count one report by what became of it."""

    def unavailable(self, dependency: str) -> None:
        """Count a dependency that was away."""


@dataclass(frozen=True, slots=True)
class _Plan:
    """What a batch of reports comes to."""

    steps: tuple[Step, ...]
    changes: Mapping[str, Lot]


class Settler:
    """Settles what was executed, until cancelled.

    Args:
        executions: The engine's reports, by the settler's own durable consumer.
        position: How far that consumer has come.
        ledger: What holds the reservations.
        held: What keeps the lots.
        read: Understands one report; never raises.
        tally: What is told how it goes.
    """

    def __init__(
        self,
        executions: Executions,
        position: ConsumerPosition,
        *,
        ledger: Ledger,
        held: HeldStore,
        read: Callable[[bytes], ExecutionEvent | UnreadableExecution],
        tally: SettlerTally,
    ) -> None:
        self._executions = executions
        self._position = position
        self._ledger = ledger
        self._held = held
        self._read = read
        self._tally = tally

    async def run(self) -> None:
        """Settle until cancelled. Whatever is away is waited for."""
        batch = await self._patiently(lambda: left_behind(self._next_batch, self._position))
        while True:
            await self.settle(batch)
            batch = await self._patiently(self._next_batch)

    async def _next_batch(self) -> list[Delivery]:
        return await self._executions.next_batch(MAX_EVENTS)

    async def settle(self, batch: Sequence[Delivery]) -> None:
        """Settle some reports and acknowledge them. Does not return before."""
        if not batch:
            return
        plan = await self._patiently(lambda: self._settle_once(batch))
        for delivery, step in zip(batch, plan.steps, strict=True):
            self._tell(delivery, step.outcome)
        try:
            await self._executions.acknowledge(batch)
        except Unavailable as away:  # they come again, and are known
            self._tally.unavailable(away.dependency)

    async def _settle_once(self, batch: Sequence[Delivery]) -> _Plan:
        version, stored = await self._held.load()
        lots = {decision_id: read_lot(lot) for decision_id, lot in stored.items()}
        books = Books(lots, await self._ledger.reservations())
        plan = self._plan(batch, books)
        await self._ledger.settle([one for step in plan.steps for one in step.settlements])
        changes = {
            key: None if lot.is_over else write_lot(lot) for key, lot in plan.changes.items()
        }
        if changes and not await self._held.save(version, changes):
            raise Unavailable("held", "another settler was quicker")
        return plan

    def _plan(self, batch: Sequence[Delivery], books: Books) -> _Plan:
        steps: list[Step] = []
        changes: dict[str, Lot] = {}
        for delivery in batch:
            event = self._read(delivery.body)
            if isinstance(event, UnreadableExecution):
                log.error("execution_unreadable", sequence=delivery.sequence, problem=event.problem)
                steps.append(Step(SettlementOutcome.UNREADABLE))
                continue
            step = settle(event, books, sequence=delivery.sequence)
            books = after(books, step)
            steps.append(step)
            changes |= step.lots
        return _Plan(tuple(steps), changes)

    def _tell(self, delivery: Delivery, outcome: SettlementOutcome) -> None:
        self._tally.settled(outcome)
        if outcome not in _EXPECTED:
            where = {"subject": delivery.subject, "sequence": delivery.sequence}
            log.warning("execution_not_settled", outcome=outcome, **where)

    async def _patiently(self, work: Callable[[], Awaitable[T]]) -> T:
        return await until_done(work, on_unavailable=self._tally.unavailable)
