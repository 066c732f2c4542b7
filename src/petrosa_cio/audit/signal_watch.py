"""The watch on signals: sees what is published where signals are, and tells what is not ours.

It judges a signal only when the record has everything that was journaled before it was seen, so
that a record that lags makes no rogues. It only looks: nothing is stopped by it. What it costs to
look is said in docs/decisions/0017-who-watches-the-signals.md.
"""

import asyncio
from collections import OrderedDict, deque
from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from typing import Protocol

import structlog
from msgspec.structs import replace

from petrosa_cio.audit.alerting import Findings
from petrosa_cio.audit.findings import Finding
from petrosa_cio.audit.patience import heed_cancellation, until_done
from petrosa_cio.audit.rogue import (
    Sighting,
    SignedOff,
    flood_finding,
    objection,
    overlooked_finding,
    rogue_finding,
    sighting,
)
from petrosa_cio.audit.sources import DrainPosition, StreamReading, stored_until
from petrosa_cio.errors import Unavailable

log = structlog.get_logger()

LOOK_EVERY_S = 0.5
MOST_WAITING = 50_000
"""Signals that wait to be judged; of more than that nothing is known but their number, which is a
finding."""

REMEMBERED = 100_000
"""Decisions whose signals are remembered, to know one that comes again."""

TOGETHER = 500

MOST_A_MINUTE = 1_000
"""Rogue signals that are kept one by one in a minute; more are counted, and told of together."""


class SignedOffRecords(Protocol):
    """What was signed off, by decision."""

    async def signed_off(self, decision_ids: Sequence[str]) -> Mapping[str, SignedOff]:
        """Return what the record says of some decisions. Raises Unavailable."""


class WatchTally(Protocol):
    """Counts signals. None of these may raise or wait."""

    def seen(self, signals: int) -> None:
        """Count signals that were judged."""

    def rogue(self, signals: int) -> None:
        """Count signals that are not ours."""

    def overlooked(self, signals: int) -> None:
        """Count signals that could not be judged."""

    def unavailable(self, dependency: str) -> None:
        """Count a dependency that was away."""


class SignalWatch:
    """Judges what is heard.

    Args:
        journal: The journal, of which only the end is asked.
        drain: How far the record has come.
        record: What was signed off.
        findings: Where findings go.
        tally: What is told how it goes.
        clock: The time, aware UTC.
    """

    def __init__(
        self,
        journal: StreamReading,
        drain: DrainPosition,
        record: SignedOffRecords,
        *,
        findings: Findings,
        tally: WatchTally,
        clock: Callable[[], datetime],
    ) -> None:
        self._journal = journal
        self._drain = drain
        self._record = record
        self._findings = findings
        self._tally = tally
        self._clock = clock
        self._waiting: deque[Sighting] = deque()
        self._known: OrderedDict[str, None] = OrderedDict()
        self._overlooked = 0
        self._minute, self._kept = 0, 0

    def heard(self, subject: str, reply: str, body: bytes) -> None:
        """Take note of a message. Never raises, never waits."""
        if len(self._waiting) >= MOST_WAITING:
            self._overlook(1)
            return
        seen = sighting(subject, reply, body, at=self._clock())
        decision_id = seen.decision_id
        if decision_id is not None:
            seen = replace(seen, is_again=decision_id in self._known)
            self._remember(decision_id)
        self._waiting.append(seen)

    def _overlook(self, signals: int) -> None:
        self._tally.overlooked(signals)
        self._overlooked += signals

    def _remember(self, decision_id: str) -> None:
        self._known[decision_id] = None
        if len(self._known) > REMEMBERED:
            self._known.popitem(last=False)

    async def run(self) -> None:
        """Judge until cancelled. Whatever is away is waited for."""
        while True:
            await until_done(self.look, on_unavailable=self._tally.unavailable)
            heed_cancellation()
            await asyncio.sleep(LOOK_EVERY_S)

    async def look(self) -> None:
        """Judge everything that was heard until now. Raises Unavailable; then it is kept."""
        await self._tell_overlooked()
        number = len(self._waiting)
        if not number:
            return
        last = (await self._journal.ends()).last
        if await stored_until(self._drain, last) < last:
            raise Unavailable("drain", "the record lags behind the journal")
        while number:
            some = [self._waiting[index] for index in range(min(number, TOGETHER))]
            try:
                await self._judge(some)
            except Unavailable:
                raise
            except Exception:  # it only watches, and must not end the role whose work it shares
                log.exception("signals_not_judged", signals=len(some))
                self._overlook(len(some))
            number -= len(some)
            for _ in some:
                self._waiting.popleft()

    async def _tell_overlooked(self) -> None:
        number = self._overlooked
        if number:
            await self._findings.keep([overlooked_finding(number, self._clock())])
            self._overlooked -= number

    async def _judge(self, some: Sequence[Sighting]) -> None:
        named = [one.decision_id for one in some if one.decision_id is not None]
        signed_off = await self._record.signed_off(named) if named else {}
        judged = [(one, objection(one, signed_off.get(one.decision_id or ""))) for one in some]
        rogues = [(one, why) for one, why in judged if why is not None]
        findings = self._few(rogues)
        await self._findings.keep(findings)
        self._kept += len(findings)
        self._tally.seen(len(some))
        self._tally.rogue(len(rogues))

    def _few(self, rogues: Sequence[tuple[Sighting, str]]) -> list[Finding]:
        """Return the findings about some rogue signals, but of a flood only the beginning.

        Whoever may publish where signals are must not be able to fill the database.
        """
        now = self._clock()
        minute = int(now.timestamp() // 60)
        if minute != self._minute:
            self._minute, self._kept = minute, 0
        room = max(0, MOST_A_MINUTE - self._kept)
        findings = [rogue_finding(one, why) for one, why in rogues[:room]]
        return [*findings, flood_finding(rogues[room][0], minute)] if rogues[room:] else findings
