"""The record for whoever asks: verdicts, what became of them, and how complete it is."""

import asyncio
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any, Protocol

import orjson

from petrosa_cio.audit.findings import Document
from petrosa_cio.audit.gaps import BooksMark, Gaps, OpenFindings, read_gaps
from petrosa_cio.audit.recorded import RecordedVerdict, read_recorded
from petrosa_cio.audit.search import Finder
from petrosa_cio.errors import NotFound, RecordUnreadable
from petrosa_cio.governance.effectiveness_report import read_effectiveness, report_object
from petrosa_cio.office.alerts import kinds_of, newest_first
from petrosa_cio.ports import PastRecords, Place, RecordQuery, RecordSearch, StoredRecord
from petrosa_cio.risk.explain import Explanation, explain

LARGEST_PORTION = 100_000
"""Positions of the chain that one export looks at."""

EXAMPLES = 5
"""Findings of each kind that are shown."""

AT_ONCE = 50
"""Records that are looked at before others get their turn."""


class Checkpoints(Protocol):
    """Knows the signed checkpoints of the chain. Raises Unavailable."""

    async def newest(self) -> Mapping[str, Any] | None:
        """Return the fields of the newest checkpoint; None where there is none."""


@dataclass(frozen=True, slots=True)
class Portion:
    """A part of the chain, to be exported.

    Attributes:
        after: It begins beyond this position.
        until: It ends with this one; the next portion begins beyond it.
        last: The last position of the whole record when it was asked for.
    """

    after: int
    until: int
    last: int


@dataclass(frozen=True, slots=True)
class Explained:
    """A verdict as it is recorded, in plain words, and what became of it.

    Attributes:
        found: The verdict.
        words: What it says.
        afterwards: What became of it, and what came under its name again.
    """

    found: RecordedVerdict
    words: Explanation
    afterwards: tuple[str, ...]


class Records:
    """Answers questions about the record. Every method raises `Unavailable` when it is away."""

    def __init__(  # noqa: PLR0913 - it is one thing that is kept in several places
        self,
        search: RecordSearch,
        past: PastRecords,
        checkpoints: Checkpoints,
        *,
        books: BooksMark,
        findings: OpenFindings,
        fund: str,
        clock: Callable[[], datetime],
    ) -> None:
        """Take where records, checkpoints and findings are, the fund and the clock."""
        self._search = _Considerate(search)
        self._checkpoints = checkpoints
        self._books = books
        self._findings = findings
        self._fund = fund
        self._clock = clock
        self.past = past
        self.finder = Finder(self._search)

    async def explained(self, name: str) -> Explained:
        """Return the first verdict of a decision or an intent, in plain words.

        Raises:
            NotFound: There is none of that name; a verdict is recorded some seconds after it.
            RecordUnreadable: It is not as this program writes them.
        """
        called = map(orjson.loads, await self.past.verdicts_called(name))
        verdicts = [one for one in called if one.get("fund") == self._fund]
        if not verdicts:
            raise NotFound(f"no decision or intent in the record is called {name!r}")
        first, *others = verdicts
        later = map(orjson.loads, await self.past.later(first["decision_id"]))
        told = [f"Afterwards: {one['kind']}, {one.get('reason')}." for one in later]
        told += [
            f"The same id came again: {one['verdict']['kind']}, decision {one['decision_id']}."
            for one in others
        ]
        try:
            found = read_recorded(first)
        except ValueError as error:
            raise RecordUnreadable(name, str(error)) from error
        return Explained(found, explain(found.intent, found.verdict), tuple(told))

    async def portion(self, after: int, positions: int) -> Portion:
        """Return which part of the chain an export is of."""
        last = await self._search.last_position()
        return Portion(after, max(after, min(last, after + positions)), last)

    def walk(self, query: RecordQuery, portion: Portion) -> AsyncIterator[StoredRecord]:
        """Iterate over the records of a portion, in the order of the chain."""
        return self._search.walk(query, last=portion.until, after=portion.after)

    async def gaps(self, hours: float) -> tuple[Gaps, dict[str, list[Document]]]:
        """Return how complete the record is, with some findings of each kind."""
        now, fund = self._clock(), self._fund
        found = await read_gaps(fund, self._books, self._findings, at=now, hours=hours)
        shown = {
            kind: await self._findings.examples(fund, kind, found.since, most=EXAMPLES)
            for kind, number in found.open.items()
            if number
        }
        return found, shown

    async def alerts(self, kinds: Sequence[str], hours: float, most: int) -> list[dict[str, Any]]:
        """Return alerts that are not over, so many of each kind, the newest first.

        Args:
            kinds: Which; all where none is stated.
            hours: Found so far back.
            most: How many of each.

        Raises:
            QueryRejected: There is no such kind.
        """
        since = self._clock() - timedelta(hours=hours)
        found: list[Document] = []
        for kind in kinds_of(kinds):
            found += await self._findings.examples(self._fund, kind, since, most=most)
        return newest_first(found)

    async def newest_checkpoint(self) -> Mapping[str, Any]:
        """Return the newest signed checkpoint. Raises NotFound."""
        found = await self._checkpoints.newest()
        if found is None:
            raise NotFound("the chain has no checkpoint yet")
        return {name: value for name, value in found.items() if name != "_id"}

    async def effectiveness(self, year: int) -> dict[str, object]:
        """Return what each limit did in a calendar year, UTC."""
        span = datetime(year, 1, 1, tzinfo=UTC), datetime(year + 1, 1, 1, tzinfo=UTC)
        return report_object(*await read_effectiveness(self._search, self._fund, *span))


class _Considerate:
    """A search whose long walks let others have their turn."""

    def __init__(self, search: RecordSearch) -> None:
        self._search = search

    async def last_position(self) -> int:
        return await self._search.last_position()

    async def page(
        self, query: RecordQuery, *, after: Place | None, last: int, most: int
    ) -> list[StoredRecord]:
        return await self._search.page(query, after=after, last=last, most=most)

    async def walk(
        self, query: RecordQuery, *, last: int, after: int = 0
    ) -> AsyncIterator[StoredRecord]:
        seen = 0
        async for one in self._search.walk(query, last=last, after=after):
            yield one
            seen += 1
            if seen % AT_ONCE == 0:
                await asyncio.sleep(0)
