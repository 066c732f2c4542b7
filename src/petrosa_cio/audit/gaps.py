"""How complete the record is, at one moment: for people, the heartbeat and metrics."""

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Protocol

import orjson
from msgspec import Struct
from prometheus_client import Gauge

from petrosa_cio.audit.books import MARK, Summary, read_summary
from petrosa_cio.audit.findings import GAPS, Document, FindingKind

STATUS_SUBJECT = "cio.audit.status"
"""How complete the record is, is announced here every few seconds."""

SHOWN_H = 24
"""Hours back for which findings count, unless asked otherwise."""

SILENT_AFTER = timedelta(seconds=60)
"""Where nothing younger than that is compared, completeness is not known."""

OPEN = Gauge(
    "cio_findings_open", "Findings of the last 24 hours that are not over, by kind.", ["kind"],
    multiprocess_mode="mostrecent",
)  # fmt: skip
for _kind in FindingKind:
    OPEN.labels(_kind)


class Completeness(StrEnum):
    """How complete the record is."""

    CLEAN = "clean"
    GAPS = "gaps"
    NOT_CHECKED = "not_checked"


class Gaps(Struct, frozen=True):
    """What is known of the record's completeness.

    Attributes:
        books: What the reconciler counted; None where none has begun.
        open: Findings that are not over, by kind.
        since: When the oldest of them may have been found.
        at: When this was asked.
    """

    books: Summary | None
    open: Mapping[str, int]
    since: datetime
    at: datetime

    @property
    def number(self) -> int:
        """How many open findings are gaps."""
        return sum(self.open[kind] for kind in GAPS)

    @property
    def why_not_checked(self) -> str | None:
        """Return why nothing can be said, if so."""
        if self.books is None or self.books.checked_at is None:
            return "no reconciler has finished a round; is `cio run --role record` running?"
        age = self.at - self.books.checked_at
        if age > SILENT_AFTER:
            return f"nothing of the last {age.total_seconds():.0f} s is compared"
        return None

    @property
    def status(self) -> Completeness:
        """Say it in one word. What is not checked is not clean, whatever was found."""
        if self.number:
            return Completeness.GAPS
        return Completeness.NOT_CHECKED if self.why_not_checked else Completeness.CLEAN


class BooksMark(Protocol):
    """Where the reconciler keeps how far it is. Raises Unavailable."""

    async def entry(self, name: str) -> bytes | None:
        """Return one entry; None where there is none of that name."""


class OpenFindings(Protocol):
    """The findings. Raises Unavailable."""

    async def open_since(
        self, fund: str, kinds: Sequence[str], since: datetime
    ) -> Mapping[str, int]:
        """Return how many findings of some kinds that were made since then are not over."""

    async def examples(self, fund: str, kind: str, since: datetime, *, most: int) -> list[Document]:
        """Return some of the newest findings of a kind that are not over."""


async def read_gaps(
    fund: str, books: BooksMark, findings: OpenFindings, *, at: datetime, hours: float = SHOWN_H
) -> Gaps:
    """Return how complete the record of a fund is. Raises Unavailable."""
    since = at - timedelta(hours=hours)
    mark = await books.entry(MARK)
    kinds = [str(kind) for kind in FindingKind]
    counted = await findings.open_since(fund, kinds, since)
    return Gaps(read_summary(mark) if mark else None, counted, since, at)


def status_of(gaps: Gaps) -> bytes:
    """Return what is announced, as JSON, and show it as metrics."""
    for kind, number in gaps.open.items():
        OPEN.labels(kind).set(number)
    until = gaps.books and gaps.books.checked_until
    status = {"status": gaps.status, "gaps": gaps.number, "checked_until": until}
    return orjson.dumps(status | {"at": gaps.at})
