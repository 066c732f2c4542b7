"""What the order engine reports of a strategy's orders, while somebody follows."""

import asyncio
import logging
from collections import deque
from collections.abc import AsyncGenerator, AsyncIterator
from typing import Final

from petrosa_cio.client.faults import ReportsMissed
from petrosa_cio.fleet.execution_events import parse_execution
from petrosa_cio.risk.execution import ExecutionEvent, ExecutionKind, UnreadableExecution

log = logging.getLogger(__name__)

MOST_KEPT: Final = 1_000
"""Reports that are kept for whoever reads them later."""

ENDED: Final = frozenset({ExecutionKind.FILLED, ExecutionKind.REJECTED})
"""After these no more is to come of an order."""


class Reports:
    """The reports that came since the following began; any number may read them.

    The engine may tell the same twice: tell them apart by ``order_id``, kind and quantity.
    """

    def __init__(self) -> None:
        self._kept: deque[ExecutionEvent] = deque(maxlen=MOST_KEPT)
        self._count = 0
        self._broken = ""
        self._news = asyncio.Event()

    async def __aiter__(self) -> AsyncIterator[ExecutionEvent]:
        """Iterate over every report, waiting for each. Raises ReportsMissed."""
        place = 0
        while True:
            news = self._news
            forgotten = self._count - len(self._kept)
            if place < forgotten:
                raise ReportsMissed(f"more than {MOST_KEPT} reports came before they were read")
            if place < self._count:
                place += 1
                yield self._kept[place - forgotten - 1]
                continue
            if self._broken:
                raise ReportsMissed(self._broken)
            await news.wait()

    async def of(self, decision_id: str) -> AsyncGenerator[ExecutionEvent]:
        """Iterate over the reports of one decision, until its order is filled or rejected.

        Raises:
            ReportsMissed: Some of them were.
        """
        async for report in self:
            if report.decision_id == decision_id:
                yield report
                if report.kind in ENDED:
                    return

    def hear(self, body: bytes) -> None:
        """Take note of a report; one that cannot be read is logged."""
        report = parse_execution(body)
        if isinstance(report, UnreadableExecution):
            log.warning("a report of the order engine cannot be read: %s", report.problem)
            return
        self._kept.append(report)
        self._count += 1
        self._wake()

    def break_off(self, why: str) -> None:
        """Take note that reports are missed from here on."""
        self._broken = self._broken or why
        self._wake()

    def _wake(self) -> None:
        self._news.set()
        self._news = asyncio.Event()
