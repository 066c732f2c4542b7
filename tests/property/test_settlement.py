"""Whatever the engine reports, and however often: exposure is what the decisions hold."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime

import anyio
from hypothesis import given
from hypothesis import strategies as st

from petrosa_cio.adapters.memory_held import MemoryHeld
from petrosa_cio.audit.lots import read_lot
from petrosa_cio.audit.settlement import SettlementOutcome
from petrosa_cio.audit.settler import Settler
from petrosa_cio.ports import Delivery
from petrosa_cio.risk.execution import ExecutionEvent, ExecutionKind
from petrosa_cio.risk.intent import Direction
from tests.ledgers import claim, memory_ledger, request

NOON = datetime(2026, 11, 23, 12, tzinfo=UTC)
DECISIONS = {"a": Direction.LONG, "b": Direction.LONG, "c": Direction.SHORT}
KINDS = [ExecutionKind.FILLED, ExecutionKind.PARTIAL_FILL, ExecutionKind.REJECTED]


@st.composite
def reports(draw: st.DrawFn) -> ExecutionEvent:
    decision_id = draw(st.sampled_from([*DECISIONS, "unknown", ""]))
    return ExecutionEvent(
        kind=draw(st.sampled_from(KINDS)),
        decision_id=decision_id,
        order_id=draw(st.sampled_from("123")),
        symbol="BTCUSDT",
        direction=DECISIONS.get(decision_id, Direction.LONG),
        is_exit=draw(st.booleans()),
        quantity=draw(st.decimals("0.001", 3, places=3)),
        price=draw(st.decimals("0.00001", 100, places=5)),
        at=NOON,
    )


@dataclass
class Reports:
    """The engine's reports, as a stream with nothing behind it."""

    events: Sequence[ExecutionEvent]
    done: list[int] = field(default_factory=list)

    def deliveries(self) -> list[Delivery]:
        return [
            Delivery("execution.events.s", {}, str(n).encode(), "S", 0, n, NOON, "")
            for n in range(len(self.events))
        ]

    async def next_batch(self, limit: int) -> list[Delivery]:
        return self.deliveries()[:limit]

    async def acknowledge(self, deliveries: Sequence[Delivery]) -> None:
        self.done += [one.sequence for one in deliveries]

    async def acknowledged_until(self) -> int:
        return 0

    async def outstanding(self) -> int:
        return 0

    def read(self, body: bytes) -> ExecutionEvent:
        return self.events[int(body)]

    def settled(self, outcome: SettlementOutcome) -> None:
        """Count nothing."""

    def unavailable(self, dependency: str) -> None:
        raise AssertionError(dependency)


class Forgetful(MemoryHeld):
    """Loses what it is told, as if the process ended just before."""

    async def save(self, version: int, changes: object) -> bool:
        return True


async def exposure_after(events: Sequence[ExecutionEvent], *, crash_after: int | None) -> object:
    """Settle reports; with a crash, some of them are settled and not kept, and all come again."""
    subject = memory_ledger()
    await subject.open()
    for decision_id, side in DECISIONS.items():
        takes = claim(2_000_000, counter="gross"), claim(2_000_000, counter=side)
        await subject.ledger.reserve([request(decision_id, *takes)])
    stream, held = Reports(events), MemoryHeld()
    deliveries = stream.deliveries()
    if crash_after is not None:
        crashed = Settler(
            stream, stream, ledger=subject.ledger, held=Forgetful(), read=stream.read, tally=stream
        )
        await crashed.settle(deliveries[:crash_after])
    settler = Settler(
        stream, stream, ledger=subject.ledger, held=held, read=stream.read, tally=stream
    )
    await settler.settle(deliveries)
    await settler.settle(deliveries)
    exposure = await subject.ledger.exposure()
    reservations = await subject.ledger.reservations()
    assert exposure.get("gross", 0) == sum(reservations.values())
    for stored in (await held.load())[1].values():
        lot = read_lot(stored)
        assert 0 <= lot.units <= reservations.get(lot.decision_id, 0)
        assert lot.quantity >= 0
        assert not lot.is_over
    return exposure


@given(st.lists(reports(), max_size=12))
def test_exposure_is_the_sum_of_what_decisions_hold(events: list[ExecutionEvent]) -> None:
    async def settled() -> None:
        await exposure_after(events, crash_after=None)

    anyio.run(settled)


@given(st.lists(reports(), max_size=12), st.integers(0, 12))
def test_a_crash_before_the_lots_are_kept_changes_nothing(
    events: list[ExecutionEvent], crash_after: int
) -> None:
    async def settled() -> None:
        undisturbed = await exposure_after(events, crash_after=None)
        assert await exposure_after(events, crash_after=crash_after) == undisturbed

    anyio.run(settled)
