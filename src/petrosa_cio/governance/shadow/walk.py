"""The walk of a shadow along the chain of records: each verdict is decided again, a moment later.

Nothing waits for it. It reads what the drain stored, in portions, and writes a page for each: what
the candidate would have said there. A page is the only thing that counts, and its number is taken
once. So whoever goes on after a restart, or beside one that lost its lease, counts nothing twice
and leaves nothing out: the pages say how far the shadow is. What they hold is decided once more
without being counted, because the ledger of the candidate's world lives in memory alone.
"""

import asyncio
from collections import Counter
from collections.abc import Awaitable, Callable, Coroutine, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from itertools import takewhile
from typing import Any, Final, Protocol, TypeVar

import structlog

from petrosa_cio.audit.governing import PastGoverning
from petrosa_cio.audit.patience import heed_cancellation
from petrosa_cio.audit.record import RecordKind
from petrosa_cio.errors import PolicyRejected, Unavailable
from petrosa_cio.governance.past_documents import PastDocuments
from petrosa_cio.governance.shadow.candidate import candidate_of, ends
from petrosa_cio.governance.shadow.metrics import Where
from petrosa_cio.governance.shadow.pages import page_of
from petrosa_cio.governance.what_if import Findings, WhatIf
from petrosa_cio.governance.what_if.order import fates_of, in_order
from petrosa_cio.governance.what_if.two_worlds import Fate
from petrosa_cio.ports import ChainLine, RecordTail, Shadow, ShadowPage, ShadowStore

log = structlog.get_logger()

T = TypeVar("T")

SETTLES: Final = timedelta(seconds=5)
"""How long a verdict waits: what became of it is recorded by then, and what came before it."""

LATE: Final = timedelta(minutes=1)
"""A verdict is journaled no later than that after its moment of decision."""

PORTION: Final = 500
"""Records that are looked at together: more make fewer pages, and longer ones."""

LOOK_S: Final = 2.0
"""Seconds between two looks for new records."""


class ShadowTally(Protocol):
    """Counts what a shadow does. None of these may raise or wait."""

    def runs(self, runs: bool) -> None:
        """Show whether a shadow is decided now."""

    def kept(self, findings: Findings, errors: Mapping[str, int]) -> None:
        """Count what was found in a stretch, once it is stored."""

    def failed(self, where: Where) -> None:
        """Count an error."""

    def lags(self, seconds: float) -> None:
        """Show how far the shadow is behind."""


@dataclass(slots=True)
class _Walked:
    """How far a shadow is, and the two worlds as they are there.

    Attributes:
        shadow: The shadow.
        asking: What decides again.
        fates: What it is told of approvals that came to nothing.
        after: Position of the last record that was looked at.
        pages: Pages that are stored.
        is_done: Whether the last page is.
        is_behind_others: Whether another process stored a page first.
    """

    shadow: Shadow
    asking: WhatIf
    fates: dict[str, Fate]
    after: int
    pages: int = 0
    is_done: bool = False
    is_behind_others: bool = False


@dataclass(slots=True)
class _Found:
    """What was found in a stretch."""

    findings: Findings = field(default_factory=Findings)
    errors: Counter[str] = field(default_factory=Counter)


class ShadowWalk:
    """Decides again, under the newest shadow, what was recorded while it runs.

    Args:
        store: Shadows and their pages.
        tail: The chain of records.
        find: Finds the record of a change by its identity: charters and venue's rules of then.
        tally: What is told how it goes.
        clock: The time, aware UTC.
        code_version: Version of this program.
    """

    def __init__(
        self,
        store: ShadowStore,
        tail: RecordTail,
        find: Callable[[str], Awaitable[bytes | None]],
        *,
        tally: ShadowTally,
        clock: Callable[[], datetime],
        code_version: str,
    ) -> None:
        self._store = store
        self._tail = tail
        self._find = find
        self._tally = tally
        self._clock = clock
        self._code_version = code_version
        self._walked: dict[str, _Walked] = {}

    async def look(self) -> None:
        """Go on as far as there are records that have settled.

        The shadow before the newest is walked to its end too, as somebody may start the next one
        before what was decided last has settled.

        Raises:
            Unavailable: MongoDB is away. The next look goes on from the last page that was stored.
        """
        shadows = await self._reached(self._store.recent(limit=2))
        if not shadows:
            self._tally.runs(False)
        self._walked = {
            one.shadow_id: self._walked[one.shadow_id]
            for one in shadows
            if one.shadow_id in self._walked
        }
        for shadow in reversed(shadows):
            await self._reached(self._follow(shadow))

    async def _reached(self, work: Coroutine[Any, Any, T]) -> T:
        try:
            return await work
        except Exception as error:
            self._tally.failed(Where.STORE if isinstance(error, Unavailable) else Where.WALK)
            raise

    async def _follow(self, shadow: Shadow) -> None:
        """Go on with one shadow. What does not end well begins anew at its last page.

        Part of a page may be in the two worlds then, and nobody knows which.
        """
        walked = self._walked.pop(shadow.shadow_id, None)
        try:
            walked = walked or await self._begun(shadow)
        except PolicyRejected as unusable:
            self._tally.failed(Where.CANDIDATE)
            log.error("shadow_unusable", shadow=shadow.number, problem=str(unusable))
            return
        while await self._next_page(walked):
            heed_cancellation()
        if not walked.is_behind_others:
            self._walked[shadow.shadow_id] = walked

    async def _begun(self, shadow: Shadow) -> _Walked:
        """Return a shadow as far as its pages go, with both worlds as they are there."""
        documents, fates = PastDocuments(self._find), dict[str, Fate]()
        governing = PastGoverning(documents, instead=candidate_of(shadow))
        asking = WhatIf(governing, fates, code_version=self._code_version, may_repeat=False)
        pages = await self._store.pages(shadow.shadow_id)
        after = pages[-1].until_seq if pages else await self._tail.before(shadow.at)
        walked = _Walked(shadow, asking, fates, after, len(pages))
        walked.is_done = bool(pages) and pages[-1].is_last
        if not walked.is_done:
            for page in pages:
                most = page.until_seq - page.after_seq
                lines = await self._tail.lines(page.after_seq, most=most)
                await self._at_half_speed(self._decided(walked, lines, await self._until(shadow)))
                heed_cancellation()
        return walked

    async def _until(self, shadow: Shadow) -> datetime:
        return ends(shadow, await self._store.ending(shadow.shadow_id))

    async def _next_page(self, walked: _Walked) -> bool:
        """Decide and keep the next page; return whether there may be another."""
        shadow, until = walked.shadow, await self._until(walked.shadow)
        now = self._clock()
        self._tally.runs(now < until)
        lines = [] if walked.is_done else await self._tail.lines(walked.after, most=PORTION)
        settled = list(takewhile(lambda one: one.journaled_at <= now - SETTLES, lines))
        if not settled:
            self._tally.lags(0)
            return False
        self._tally.lags((now - SETTLES - settled[0].journaled_at).total_seconds())
        found = await self._at_half_speed(self._decided(walked, settled, until))
        last = settled[-1]
        place = ShadowPage(
            shadow.shadow_id, walked.pages + 1, walked.after, last.seq, last.journaled_at
        )
        is_last = last.journaled_at > until + LATE
        page = page_of(place, found.findings, found.errors, is_last=is_last)
        if not await self._store.write(page):
            walked.is_behind_others = True
            return False
        self._tally.kept(found.findings, found.errors)
        walked.after, walked.pages, walked.is_done = last.seq, page.number, is_last
        return len(settled) == len(lines) and not is_last

    async def _decided(
        self, walked: _Walked, lines: Sequence[ChainLine], until: datetime
    ) -> _Found:
        """Decide again what a shadow judges of some records, in the ledger's order."""
        shadow, found = walked.shadow, _Found()
        verdicts = [
            one
            for one in lines
            if one.kind == RecordKind.VERDICT
            and one.fund == shadow.fund
            and shadow.at <= one.at < until
        ]
        befell = await self._tail.befell([str(one.decision_id) for one in verdicts])
        walked.fates.clear()
        walked.fates.update(fates_of(befell))
        walked.asking.findings = found.findings
        for line in in_order(str(one.record).encode() for one in verdicts):
            try:
                await walked.asking.decide(line)
            except Unavailable:
                raise
            except Exception as error:
                if not found.errors:  # one is enough to see why
                    log.exception("shadow_cannot_decide", shadow=shadow.number)
                found.errors[type(error).__name__] += 1
            await asyncio.sleep(0)  # whatever else this process does comes first
        return found

    async def _at_half_speed(self, work: Awaitable[_Found]) -> _Found:
        """Do some work, and then nothing for as long: half a processor is left to others."""
        now = asyncio.get_running_loop().time
        began = now()
        found = await work
        await asyncio.sleep(now() - began)
        return found
