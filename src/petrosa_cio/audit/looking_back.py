"""Looks back for reports of the order engine: the stream still has what was said.

The reconciler remembers by itself what the engine spoke of. Where another took over, or this one
began its books anew after a failure, it looks among what was read already. An auditor looks for
what was said of one order.
"""

from collections.abc import AsyncGenerator, Callable
from contextlib import aclosing
from dataclasses import dataclass
from datetime import datetime

from petrosa_cio.audit.sources import StreamReading
from petrosa_cio.ports import Stored
from petrosa_cio.risk.execution import ExecutionEvent, UnreadableExecution

STEP = 1_000
"""Reports that are read together, the newest first."""

MOST_READ = 100_000
"""Reports after which the rest is left unread: what is looked for is usually seconds old."""


Read = Callable[[bytes], ExecutionEvent | UnreadableExecution]
"""Understands one report, and never raises."""


async def reported_before(
    reports: StreamReading,
    read: Read,
    wanted: frozenset[str],
    *,
    last: int,
    since: datetime,
) -> frozenset[str]:
    """Return those decisions that the engine reported. Raises Unavailable.

    Args:
        reports: The engine's reports.
        read: Understands one, and never raises.
        wanted: The decisions that are looked for.
        last: Sequence of the last report that is looked at.
        since: None of them can have been reported before that.
    """
    found: set[str] = set()
    least = max(last - MOST_READ, 0)
    async with aclosing(_newest_first(reports, least, last, since)) as steps:
        async for some in steps:
            events = [read(one.body) for one in some]
            told = {one.decision_id for one in events if isinstance(one, ExecutionEvent)}
            found |= told & wanted
            if found == wanted:
                break
    return frozenset(found)


@dataclass(frozen=True, slots=True)
class Report:
    """One report of the order engine, as it was captured.

    Attributes:
        stored: The message.
        event: What it says.
    """

    stored: Stored
    event: ExecutionEvent


async def find_reports(
    reports: StreamReading,
    read: Read,
    is_wanted: Callable[[ExecutionEvent], bool],
    *,
    since: datetime,
) -> list[Report]:
    """Return the reports that somebody looks for, the oldest first. Raises Unavailable.

    Args:
        reports: The engine's reports.
        read: Understands one, and never raises.
        is_wanted: Whether a report is looked for.
        since: Nothing is looked for before that; the stream itself keeps thirty days.
    """
    ends = await reports.ends()
    found: list[Report] = []
    steps = _newest_first(reports, max(ends.first - 1, 0), ends.last, since)
    async with aclosing(steps):
        async for some in steps:
            events = [(one, read(one.body)) for one in some if one.stored_at >= since]
            found[:0] = [
                Report(one, event)
                for one, event in events
                if isinstance(event, ExecutionEvent) and is_wanted(event)
            ]
    return found


async def _newest_first(
    reports: StreamReading, least: int, last: int, since: datetime
) -> AsyncGenerator[list[Stored]]:
    while last > least:
        after = max(last - STEP, least)
        some = await _between(reports, after, last)
        yield some
        if not some or some[0].stored_at < since:
            return
        last = after


async def _between(reports: StreamReading, after: int, last: int) -> list[Stored]:
    some: list[Stored] = []
    async with aclosing(reports.batches(after, limit=STEP)) as batches:
        async for batch in batches:
            some += [one for one in batch if one.sequence <= last]
            if batch[-1].sequence >= last:
                break
    return some
