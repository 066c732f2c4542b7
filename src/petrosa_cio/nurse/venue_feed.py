"""Keeps the venue's rules in a gate's memory: from files, or from the store of those asked for.

The store is looked at every second, and only which version it holds; a new version is read once.
One that does not read, or is not what its hash says, is never taken over. The rules of files decide
from the moment on in which they are in the journal, so that a record's hash can be looked up.
"""

import asyncio
from collections.abc import Callable
from datetime import datetime

import structlog
from prometheus_client import Gauge

from petrosa_cio.governance.venue_rules import VenueRecorder, unpack
from petrosa_cio.nurse.every import every
from petrosa_cio.ports import VenueRulesStore
from petrosa_cio.risk.venue import VenueRules

log = structlog.get_logger()

REFRESH_S = 1.0
FROM_FILES = "files"

CONFIRMED = Gauge(
    "cio_venue_rules_confirmed_timestamp_seconds",
    "When the venue last stated its rules, or their files were read, epoch seconds; 0 without any.",
    multiprocess_mode="mostrecent",
)
SYMBOLS = Gauge(
    "cio_venue_symbols", "Symbols whose venue rules are known.", multiprocess_mode="mostrecent"
)


class VenueFeed:
    """The venue's rules as a gate knows them.

    Args:
        files: The rules in files; None where none are named.
        store: Where rules that are asked for are held; None where nobody asks.
        recorder: Where the rules of files are written.
        clock: The time, aware UTC.
    """

    def __init__(
        self,
        files: VenueRules | None,
        store: VenueRulesStore | None,
        recorder: VenueRecorder,
        *,
        clock: Callable[[], datetime],
    ) -> None:
        self._files = files
        self._store = store
        self._recorder = recorder
        self._clock = clock
        self._rules: VenueRules | None = None

    @property
    def rules(self) -> VenueRules | None:
        """The rules, or None where nobody stated any."""
        return self._rules

    async def run(self, stop: asyncio.Event) -> None:
        """Look every second, until told to stop."""
        await every(REFRESH_S, self.refresh, stop)

    async def refresh(self) -> None:
        """Record what files say, and take over what the store holds. Raises Unavailable."""
        if self._store is not None:
            await self._take_over(self._store)
        if self._rules is None and self._files is not None:
            await self._recorder.record(self._files, author=FROM_FILES)
            self._put_in_force(self._files, self._clock())

    async def _take_over(self, store: VenueRulesStore) -> None:
        mark = await store.venue_rules_mark()
        if mark is None:
            return
        known = self._rules.content_hash if self._rules else ""
        if mark.content_hash != known:
            found = _read(await store.venue_rules_document())
            if found is None or found.content_hash != mark.content_hash:
                return  # it does not read, or changed between the two looks
            self._put_in_force(found, mark.confirmed_at)
        CONFIRMED.set(mark.confirmed_at.timestamp())

    def _put_in_force(self, rules: VenueRules, confirmed_at: datetime) -> None:
        self._rules = rules
        SYMBOLS.set(len(rules.symbols))
        CONFIRMED.set(confirmed_at.timestamp())
        log.info("venue_rules_in_force", symbols=len(rules.symbols), hash=rules.content_hash)


def _read(document: bytes | None) -> VenueRules | None:
    try:
        return None if document is None else unpack(document)
    except ValueError as error:
        log.error("venue_rules_unreadable", detail=str(error))
        return None
