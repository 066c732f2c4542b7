"""Findings are kept, counted and announced, each once."""

from collections.abc import Callable, Sequence
from datetime import datetime
from typing import Protocol

import orjson
import structlog

from petrosa_cio.audit.findings import (
    Finding,
    FindingKind,
    finding_document,
    finding_id,
    over_document,
)
from petrosa_cio.audit.reckoning import Over
from petrosa_cio.ports import OVER, Announcer

log = structlog.get_logger()

ALERT_SUBJECT = "cio.audit."
"""Findings are announced here, with their kind."""

MOST_LOGGED = 20
"""Findings that are logged one by one, of those that come together."""


class FindingStore(Protocol):
    """Where findings are kept, as documents that are inserted and found, never changed."""

    async def keep(self, documents: Sequence[dict[str, object]]) -> frozenset[str]:
        """Insert documents idempotently by ``_id``; return the ids that were new."""

    async def open_among(self, ids: Sequence[str]) -> list[dict[str, object]]:
        """Return those of some findings that are kept and not over."""


class FindingsTally(Protocol):
    """Is told of findings. None of these may raise or wait."""

    def found(self, kind: FindingKind, number: int) -> None:
        """Count new findings."""


class Findings:
    """Keeps findings, and tells of those that are new."""

    def __init__(
        self,
        fund: str,
        alerts: FindingStore,
        announcer: Announcer,
        tally: FindingsTally,
        clock: Callable[[], datetime],
    ) -> None:
        """Take where they go and who is told."""
        self._fund = fund
        self._alerts = alerts
        self._announcer = announcer
        self._tally = tally
        self._clock = clock

    async def keep(self, findings: Sequence[Finding]) -> None:
        """Keep findings, announce and count the new ones. Raises Unavailable."""
        if not findings:
            return
        now = self._clock()
        documents = [finding_document(one, fund=self._fund, found_at=now) for one in findings]
        by_id = {str(one["_id"]): one for one in documents}
        new = await self._alerts.keep(list(by_id.values()))
        found = [one for name, one in by_id.items() if name in new]
        for one in found:
            self._tally.found(FindingKind(str(one["kind"])), 1)
        for one in found[:MOST_LOGGED]:
            log.warning(
                "record_gap", **{key: one[key] for key in ("kind", "decision_id", "detail")}
            )
        if len(found) > MOST_LOGGED:
            log.warning("record_gaps", more=len(found) - MOST_LOGGED)
        await self._announcer.announce(
            [(f"{ALERT_SUBJECT}{one['kind']}", orjson.dumps(one)) for one in found]
        )

    async def end(self, over: Sequence[Over]) -> None:
        """Note which findings are over, of those that were kept. Raises Unavailable."""
        why = {finding_id(self._fund, kind, about): reason for kind, about, reason in over}
        kept = await self._alerts.open_among(list(why)) if why else []
        now = self._clock()
        ends = [over_document(one, why=why[str(one["_id"])], found_at=now) for one in kept]
        if ends:
            await self._alerts.keep(ends)
            await self._announcer.announce(
                [(f"{ALERT_SUBJECT}{OVER}", orjson.dumps(one)) for one in ends]
            )
