"""What-if as a stage of a proposal: a short summary of the recent record, for whoever approves.

It never keeps a proposal from being made: where the record cannot be read, or takes too long, the
summary says that it was not made, and why.
"""

import asyncio
from collections import Counter
from collections.abc import Callable, Mapping
from contextlib import aclosing
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Final

import msgspec
import structlog
from msgspec import Struct

from petrosa_cio import __version__
from petrosa_cio.audit.governing import PastGoverning
from petrosa_cio.errors import CioError
from petrosa_cio.governance.past_documents import PastDocuments
from petrosa_cio.governance.what_if.findings import Findings, FlipKind, most_first
from petrosa_cio.governance.what_if.order import fates_in_span, recorded_span
from petrosa_cio.governance.what_if.profile import Pair, usd
from petrosa_cio.governance.what_if.run import WhatIf
from petrosa_cio.ports import PastRecords
from petrosa_cio.risk.counters import GROSS
from petrosa_cio.risk.policy import PolicyDocument, document_hash

log = structlog.get_logger()

LAST_DAY: Final = timedelta(hours=24)
"""How far back the what-if of a proposal looks, unless somebody says otherwise."""

MOST_INTENTS: Final = 20_000
"""Intents that are decided again at most: a span with more is halved until it has not."""

LONGEST_S: Final = 60.0
"""Seconds that it may take."""

MOST_NAMES: Final = 10
"""Codes, strategies and symbols that a summary names, those with the most flips."""

_PAUSE_EVERY: Final = 50

NOT_ASKED: Final = "nobody asked for it"

Kinds = dict[str, int]
"""How many flips of each kind: denied, approved, smaller, larger, as it would be."""


class WhatIfSummary(Struct, frozen=True, omit_defaults=True):
    """What a proposal would have made otherwise of the recent past.

    Attributes:
        candidate_hash: SHA-256 of the document that was looked at.
        code_version: Version of the program that decided again.
        not_made: Why there is none; empty where there is one.
        since: From when on verdicts were decided again, aware UTC.
        until: Up to when.
        intents: How many were.
        undecidable: How many could not be.
        flips: Verdicts that would have been others.
        by_code: The same by reason code, the most first; not all of them.
        by_strategy: Alike, by strategy.
        by_symbol: Alike, by symbol.
        gross_peak_usd: The highest gross exposure, as it was and as it would have been, USD.
    """

    candidate_hash: str
    code_version: str
    not_made: str = ""
    since: datetime | None = None
    until: datetime | None = None
    intents: int = 0
    undecidable: int = 0
    flips: Kinds = {}
    by_code: dict[str, Kinds] = {}
    by_strategy: dict[str, Kinds] = {}
    by_symbol: dict[str, Kinds] = {}
    gross_peak_usd: tuple[Decimal, Decimal] | None = None

    @property
    def text(self) -> str:
        """The summary as JSON, as it is kept in the proposal."""
        return msgspec.json.encode(self).decode()


def read_summary(text: str) -> WhatIfSummary | None:
    """Return what a proposal keeps; None where it keeps none, as one of an older program."""
    try:
        return msgspec.json.decode(text, type=WhatIfSummary) if text else None
    except msgspec.DecodeError:
        return None


class WhatIfStage:
    """Makes the summaries of proposals."""

    def __init__(self, records: PastRecords | None, clock: Callable[[], datetime]) -> None:
        """Take the record, None where there is none, and the clock."""
        self._records = records
        self._clock = clock

    async def summary(self, document: PolicyDocument, span: timedelta | None) -> WhatIfSummary:
        """Return what a document would have made otherwise; never raises but for a cancellation.

        Args:
            document: The candidate.
            span: How far back to look; None to leave it out.
        """
        if span is None:
            return _not_made(document, NOT_ASKED)
        if self._records is None:
            return _not_made(document, "there is no record here")
        try:
            async with asyncio.timeout(LONGEST_S):
                return await _made(self._records, document, self._clock(), span)
        except TimeoutError:
            return _not_made(document, f"it took longer than {LONGEST_S:g} s")
        except CioError as error:
            return _not_made(document, str(error))
        except Exception as error:  # a fault of the program must not hold up a proposal
            log.exception("what_if_failed")
            return _not_made(document, f"it failed: {type(error).__name__}")


def _not_made(document: PolicyDocument, why: str) -> WhatIfSummary:
    return WhatIfSummary(document_hash(document), __version__, not_made=why)


async def _made(
    records: PastRecords, document: PolicyDocument, until: datetime, span: timedelta
) -> WhatIfSummary:
    while await records.count(until - span, until) > MOST_INTENTS:
        span /= 2
    since = until - span
    governing = PastGoverning(PastDocuments(records.change), instead=document)
    fates = await fates_in_span(records, since, until)
    asking, number = WhatIf(governing, fates, code_version=__version__), 0
    async with aclosing(recorded_span(records, since, until)) as lines:
        async for line in lines:
            await asking.decide(line)
            number += 1
            if number % _PAUSE_EVERY == 0:
                await asyncio.sleep(0)  # whoever serves others meanwhile shall go on
    return _summed_up(asking.findings, document, since, until)


def _summed_up(
    found: Findings, document: PolicyDocument, since: datetime, until: datetime
) -> WhatIfSummary:
    return WhatIfSummary(
        document_hash(document),
        __version__,
        since=since,
        until=until,
        intents=found.decided,
        undecidable=found.undecidable.total(),
        flips=_named(found.by_kind),
        by_code=_most(found.by_code),
        by_strategy=_most(found.by_strategy),
        by_symbol=_most(found.by_symbol),
        gross_peak_usd=usd(found.profile.peaks.get(GROSS, Pair())),
    )


def _named(kinds: Counter[FlipKind]) -> Kinds:
    return {one.name.lower(): kinds[one] for one in FlipKind if kinds[one]}


def _most(counted: Mapping[str, Counter[FlipKind]]) -> dict[str, Kinds]:
    return {name: _named(kinds) for name, kinds in list(most_first(dict(counted)))[:MOST_NAMES]}
