"""The settler: brings what the engine executed into the ledger.

What a batch of reports comes to is decided once. The decision is kept together with the lots in one
step; only then the ledger is settled, each part once by its key; then the reports are acknowledged.
Whoever follows a settler that ended in between first settles what that one had decided, and finds
the reports known. Reports are taken in stream order, those of a predecessor that ended included.
"""

from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import Protocol, TypeVar

import orjson
import structlog

from petrosa_cio.audit.lots import read_lot, write_lot
from petrosa_cio.audit.patience import ConsumerPosition, left_behind, until_done
from petrosa_cio.audit.settlement import Books, SettlementOutcome, Step, after, settle
from petrosa_cio.errors import Unavailable
from petrosa_cio.ports import Delivery, Ledger, Settlement, SettlementKind
from petrosa_cio.risk.execution import ExecutionEvent, UnreadableExecution

log = structlog.get_logger()

T = TypeVar("T")

CONSUMER = "cio-settlement"
ACK_WAIT_S = 30.0
MAX_EVENTS = 64

DECIDED = "/decided"
"""Where settlements are kept beside the lots, from their decision until the ledger has them."""

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
    """Keeps what decisions hold, and what was decided of it."""

    async def load(self) -> tuple[int, Mapping[str, bytes]]:
        """Return a version and every entry by name. Raises Unavailable."""

    async def save(self, version: int, changes: Mapping[str, bytes | None]) -> bool:
        """Store entries in one step, None for those to remove, if the version is still the same.

        Returns whether it was. Raises Unavailable.
        """


class SettlerTally(Protocol):
    """Counts what the settler does. None of these may raise or wait."""

    def settled(self, outcome: SettlementOutcome) -> None:
        """Count one report by what became of it."""

    def unavailable(self, dependency: str) -> None:
        """Count a dependency that was away."""


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
        steps = await self._patiently(lambda: self._decide(batch))
        await self._patiently(self._apply)
        for delivery, step in zip(batch, steps, strict=True):
            self._tell(delivery, step.outcome)
        try:
            await self._executions.acknowledge(batch)
        except Unavailable as away:  # they come again, and are known
            self._tally.unavailable(away.dependency)

    async def _decide(self, batch: Sequence[Delivery]) -> list[Step]:
        """Decide what the reports change, and keep that. What is left of others comes first."""
        await self._apply()
        version, stored = await self._held.load()
        lots = {decision_id: read_lot(lot) for decision_id, lot in stored.items()}
        steps = self._steps(batch, Books(lots, await self._ledger.reservations()))
        changes: dict[str, bytes | None] = {}
        for step in steps:
            for decision_id, lot in step.lots.items():
                changes[decision_id] = None if lot.is_over else write_lot(lot)
        settlements = [one for step in steps for one in step.settlements]
        if settlements:
            changes[DECIDED] = orjson.dumps(settlements)
        if changes:
            await self._save(version, changes)
        return steps

    async def _apply(self) -> None:
        """Settle what was decided and not yet settled, by whomever."""
        version, stored = await self._held.load()
        decided = stored.get(DECIDED)
        if decided is not None:
            await self._ledger.settle(_read_settlements(decided))
            await self._save(version, {DECIDED: None})

    async def _save(self, version: int, changes: Mapping[str, bytes | None]) -> None:
        if not await self._held.save(version, changes):
            raise Unavailable("held", "another settler was quicker")

    def _steps(self, batch: Sequence[Delivery], books: Books) -> list[Step]:
        steps: list[Step] = []
        for delivery in batch:
            event = self._read(delivery.body)
            if isinstance(event, UnreadableExecution):
                log.error("execution_unreadable", sequence=delivery.sequence, problem=event.problem)
                steps.append(Step(SettlementOutcome.UNREADABLE))
                continue
            step = settle(event, books, sequence=delivery.sequence)
            books = after(books, step)
            steps.append(step)
        return steps

    def _tell(self, delivery: Delivery, outcome: SettlementOutcome) -> None:
        self._tally.settled(outcome)
        if outcome not in _EXPECTED:
            where = {"subject": delivery.subject, "sequence": delivery.sequence}
            log.warning("execution_not_settled", outcome=outcome, **where)

    async def _patiently(self, work: Callable[[], Awaitable[T]]) -> T:
        return await until_done(work, on_unavailable=self._tally.unavailable)


def _read_settlements(stored: bytes) -> list[Settlement]:
    return [
        Settlement(
            event_key=one["event_key"],
            kind=SettlementKind(one["kind"]),
            decision_id=one["decision_id"],
            units=one["units"],
        )
        for one in orjson.loads(stored)
    ]
