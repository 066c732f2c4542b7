"""Looks for reports of the order engine among those that were read already.

What the engine spoke of is remembered by one process only. Where another took over, or this one
began its books anew after a failure, the stream still has what was said.
"""

from collections.abc import Callable
from contextlib import aclosing
from datetime import datetime

from petrosa_cio.audit.sources import StreamReading
from petrosa_cio.ports import Stored
from petrosa_cio.risk.execution import ExecutionEvent, UnreadableExecution

STEP = 1_000
"""Reports that are read together, the newest first."""

MOST_READ = 100_000
"""Reports after which the rest is left unread: what is looked for is usually seconds old."""


async def reported_before(
    reports: StreamReading,
    read: Callable[[bytes], ExecutionEvent | UnreadableExecution],
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
    while found != wanted and last > least:
        after = max(last - STEP, least)
        some = await _between(reports, after, last)
        events = [read(one.body) for one in some]
        told = {one.decision_id for one in events if isinstance(one, ExecutionEvent)}
        found |= told & wanted
        if not some or some[0].stored_at < since:
            break
        last = after
    return frozenset(found)


async def _between(reports: StreamReading, after: int, last: int) -> list[Stored]:
    some: list[Stored] = []
    async with aclosing(reports.batches(after, limit=STEP)) as batches:
        async for batch in batches:
            some += [one for one in batch if one.sequence <= last]
            if batch[-1].sequence >= last:
                break
    return some
