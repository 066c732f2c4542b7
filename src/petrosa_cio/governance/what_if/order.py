"""Recorded verdicts in the order in which the ledger was asked, and what became of them."""

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator, Iterable, Iterator
from contextlib import aclosing
from datetime import datetime, timedelta
from heapq import heappop, heappush

import msgspec
import orjson
from msgspec import Struct

from petrosa_cio.audit.record import RecordKind
from petrosa_cio.governance.what_if.two_worlds import Fate
from petrosa_cio.ports import PastRecords

AT_A_TIME = 2_000
"""Records that are handed on while the next ones are asked for."""

PORTION = timedelta(hours=1)
"""Asked for at once: not much, as a server may look at all of it before its first answer."""

LATE_MS = 60_000
"""The ledger's time of a verdict is not further than that from its moment of decision."""

FATES_LATER = timedelta(hours=1)
"""What became of the last approvals is journaled after them."""

Place = tuple[int, str, int]


class _Readings(Struct):
    time_ms: int


class _Source(Struct):
    stored_at: str
    sequence: int


class _Decision(Struct):
    now: datetime


class _Line(Struct):
    source: _Source
    decision: _Decision
    readings: _Readings | None


_LINES = msgspec.json.Decoder(_Line)


def place_of(line: bytes) -> Place:
    """Return where a verdict stands: by the ledger's time, then as its batch came in the stream.

    A line that is no complete record stands at the beginning.
    """
    try:
        found = _LINES.decode(line)
    except msgspec.DecodeError:
        return 0, "", 0
    source, readings = found.source, found.readings
    time_ms = _epoch_ms(found.decision.now) if readings is None else readings.time_ms
    return time_ms, source.stored_at, source.sequence


def in_order(lines: Iterable[bytes]) -> list[bytes]:
    """Return records of verdicts in the ledger's order."""
    return sorted(lines, key=place_of)


async def recorded_span(
    records: PastRecords, since: datetime, until: datetime
) -> AsyncGenerator[bytes, None]:
    """Iterate over the records of verdicts of a span of time, in the ledger's order.

    Held are those of a few minutes. The next ones come while whoever asks is busy with these, so
    it is to be closed by who does not go on to the end.

    Raises:
        Unavailable: The record is away.
    """
    waiting: list[tuple[Place, bytes]] = []
    async with aclosing(_ahead(_by_decision(records, since, until))) as portions:
        async for lines in portions:
            for line in lines:
                heappush(waiting, (place_of(line), line))
            # Whatever comes was decided later than all of these, but for two clocks' difference.
            for line in _before(waiting, max(place_of(line)[0] for line in lines) - 2 * LATE_MS):
                yield line
    while waiting:
        yield heappop(waiting)[1]


async def _by_decision(
    records: PastRecords, since: datetime, until: datetime
) -> AsyncIterator[bytes]:
    length = PORTION
    while since < until:
        ends, found = since + min(length, until - since), 0
        async for line in records.verdict_records(since, ends):
            found += 1
            yield line
        # Where hardly anything happened, years are passed in a few steps.
        since, length = ends, PORTION if found >= AT_A_TIME else 2 * length


async def _ahead(lines: AsyncIterator[bytes]) -> AsyncGenerator[list[bytes], None]:
    """Hand lines on in portions, of which the next one is fetched meanwhile."""
    coming = asyncio.create_task(_some(lines))
    try:
        while portion := await coming:
            coming = asyncio.create_task(_some(lines))
            await asyncio.sleep(0)  # so that it is asked for before these are looked at
            yield portion
    finally:
        coming.cancel()
        await asyncio.gather(coming, return_exceptions=True)


async def _some(lines: AsyncIterator[bytes]) -> list[bytes]:
    found: list[bytes] = []
    async for line in lines:
        found.append(line)
        if len(found) == AT_A_TIME:
            break
    return found


def _before(waiting: list[tuple[Place, bytes]], time_ms: int) -> Iterator[bytes]:
    while waiting and waiting[0][0][0] < time_ms:
        yield heappop(waiting)[1]


async def fates_in_span(records: PastRecords, since: datetime, until: datetime) -> dict[str, Fate]:
    """Return which approvals of a span of time came to nothing, by decision. Raises Unavailable."""
    found = records.later_records(since, until + FATES_LATER)
    return fates_of([line async for line in found])


def fates_of(lines: Iterable[bytes]) -> dict[str, Fate]:
    """Return which approvals came to nothing, by decision.

    One of which nobody knows whether it was sent may have been.

    Args:
        lines: Records of what became of approvals.
    """
    fates: dict[str, Fate] = {}
    for line in lines:
        record = orjson.loads(line)
        kind = record["kind"]
        if kind in (RecordKind.WITHDRAWAL, RecordKind.UNDELIVERED):
            at_ms = _epoch_ms(datetime.fromisoformat(record["at"]))
            unheard = kind == RecordKind.UNDELIVERED
            fates.setdefault(str(record["decision_id"]), Fate(at_ms, unheard))
    return fates


def _epoch_ms(instant: datetime) -> int:
    return int(instant.timestamp() * 1000)
