"""Whatever the engine reports, and however often: exposure is what the decisions hold."""

import asyncio
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any, cast

from hypothesis import given
from hypothesis import strategies as st

from petrosa_cio.adapters.memory_held import MemoryHeld
from petrosa_cio.audit.lots import Lot, read_lot
from petrosa_cio.audit.settlement import SettlementOutcome
from petrosa_cio.audit.settler import Settler
from petrosa_cio.ports import Delivery, Ledger, Settlement
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


def stories(events: list[ExecutionEvent]) -> list[ExecutionEvent]:
    """Leave out exits that come before any fill: told again afterwards, they would be good news."""
    opened: set[str] = set()
    story = []
    for event in events:
        if event.is_exit and event.decision_id not in opened:
            continue
        if event.kind is not ExecutionKind.REJECTED:
            opened.add(event.decision_id)
        story.append(event)
    return story


STORIES = st.lists(reports(), max_size=12).map(stories)


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


class Crash(Exception):
    """The process ends here."""


class Fragile(MemoryHeld):
    """Lots and a ledger that are written to a number of times, and then the process ends.

    It ends before or after the last write takes effect.
    """

    def __init__(self, ledger: Ledger, writes: int | None, *, takes_effect: bool) -> None:
        super().__init__()
        self._ledger = ledger
        self.writes = writes
        self._takes_effect = takes_effect

    def _is_last(self) -> bool:
        if self.writes is None:
            return False
        self.writes -= 1
        return self.writes == 0

    async def save(self, version: int, changes: Mapping[str, bytes | None]) -> bool:
        is_last = self._is_last()
        if is_last and not self._takes_effect:
            raise Crash
        saved = await super().save(version, changes)
        if is_last:
            raise Crash
        return saved

    async def settle(self, settlements: Sequence[Settlement]) -> list[bool]:
        is_last = self._is_last()
        if is_last and not self._takes_effect:
            raise Crash
        applied = await self._ledger.settle(settlements)
        if is_last:
            raise Crash
        return applied

    def __getattr__(self, name: str) -> Any:
        return getattr(self._ledger, name)


@dataclass
class Result:
    """What is held in the end."""

    exposure: dict[str, int]
    lots: list[Lot]


async def result_of(
    events: Sequence[ExecutionEvent],
    sizes: Sequence[int],
    *,
    writes: int | None = None,
    takes_effect: bool = False,
) -> Result:
    """Settle reports in batches, perhaps with a crash after some writes, and all of them twice."""
    subject = memory_ledger()
    await subject.open()
    for decision_id, side in DECISIONS.items():
        takes = claim(2_000_000, counter="gross"), claim(2_000_000, counter=side)
        await subject.ledger.reserve([request(decision_id, *takes)])
    stream = Reports(events)
    held = Fragile(subject.ledger, writes, takes_effect=takes_effect)

    async def settle_all(batches: Sequence[Sequence[Delivery]]) -> None:
        ledger = cast("Ledger", held)
        settler = Settler(
            stream, stream, ledger=ledger, held=held, read=stream.read, tally=stream
        )  # fmt: skip
        for batch in batches:
            await settler.settle(batch)

    deliveries = stream.deliveries()
    ends = [sum(sizes[: n + 1]) for n in range(len(sizes))]
    batches = [deliveries[max(0, end - size) : end] for end, size in zip(ends, sizes, strict=True)]
    with suppress(Crash):
        await settle_all(batches)
    held.writes = None
    # What was acknowledged does not come again, and the rest comes in one batch.
    await settle_all([[one for one in deliveries if one.sequence not in stream.done]])
    once = await subject.ledger.exposure()
    await settle_all([deliveries[len(deliveries) // 2 :]])
    reservations = await subject.ledger.reservations()
    lots = [read_lot(lot) for lot in (await held.load())[1].values()]
    exposure = await subject.ledger.exposure()
    assert exposure == once
    assert exposure.get("gross", 0) == sum(reservations.values())
    for lot in lots:
        assert 0 <= lot.units <= reservations[lot.decision_id]
        assert lot.quantity >= 0
        assert not lot.is_over
    return Result(exposure, sorted(lots, key=lambda lot: lot.decision_id))


SIZES = st.lists(st.integers(1, 5), max_size=5)


@given(STORIES, SIZES)
def test_exposure_is_the_sum_of_what_decisions_hold(
    events: list[ExecutionEvent], sizes: list[int]
) -> None:
    async def settled() -> None:
        assert await result_of(events, sizes) == await result_of(events, [])

    asyncio.run(settled())


@given(STORIES, SIZES, st.integers(1, 12), st.booleans())
def test_a_crash_changes_nothing(
    events: list[ExecutionEvent], sizes: list[int], writes: int, takes_effect: bool
) -> None:
    async def settled() -> None:
        crashed = await result_of(events, sizes, writes=writes, takes_effect=takes_effect)
        assert crashed == await result_of(events, sizes)

    asyncio.run(settled())
