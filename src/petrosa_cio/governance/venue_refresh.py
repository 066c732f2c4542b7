"""Keeps the stored rules of the venue as the venue states them now.

What the venue answers is believed with reluctance: an answer that does not read, that is empty, or
that has lost many of the symbols it had, changes nothing; the good one stays, and grows old. Before
a new version may decide anything it is in the journal.
"""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from hashlib import sha256
from urllib.parse import urlsplit

import orjson
import structlog

from petrosa_cio.errors import Unavailable, VenueRulesRejected
from petrosa_cio.fleet.venue_files import read_venue
from petrosa_cio.governance.desk import STATE_UPDATED
from petrosa_cio.governance.venue_rules import VenueRecorder, completed, pack
from petrosa_cio.ports import Announcer, VenueRulesMark, VenueRulesStore
from petrosa_cio.risk.venue import VenueRules

log = structlog.get_logger()

LOOK_S = 60.0
"""Seconds between two looks; so soon is an answer that failed asked for again."""

LEAST_KEPT = 0.8
"""An answer with less than this share of the symbols of the one before is not believed."""


class Refreshed(StrEnum):
    """What a look came to."""

    NOT_DUE = "not_due"
    CONFIRMED = "confirmed"
    CHANGED = "changed"
    UNAVAILABLE = "unavailable"
    UNREADABLE = "unreadable"
    SHRUNKEN = "shrunken"


def public_part(url: str) -> str:
    """Return an address without what may be secret in it: user, password and query's values."""
    parts = urlsplit(url)
    query = "?" + sha256(parts.query.encode()).hexdigest()[:8] if parts.query else ""
    return f"{parts.scheme}://{parts.netloc.rpartition('@')[2]}{parts.path}{query}"


@dataclass(frozen=True, slots=True)
class Asking:
    """Whom to ask for the rules, and how often.

    Attributes:
        fetch: Asks; raises Unavailable.
        source: Who that is; another one begins anew, whatever its number of symbols.
        interval_s: Seconds from one answer to the next question.
        files: What files know besides.
    """

    fetch: Callable[[], Awaitable[bytes]]
    source: str
    interval_s: int
    files: VenueRules | None = None


class VenueRefresher:
    """Asks the venue for its rules, when it is time to.

    Args:
        asking: Whom to ask.
        store: Where the good ones are.
        recorder: Where each version is written first.
        announcer: Who tells that they changed.
        clock: The time, aware UTC.
    """

    def __init__(
        self,
        asking: Asking,
        store: VenueRulesStore,
        recorder: VenueRecorder,
        announcer: Announcer,
        *,
        clock: Callable[[], datetime],
    ) -> None:
        self._store = store
        self._recorder = recorder
        self._announcer = announcer
        self._asking = asking
        self._clock = clock

    async def look(self) -> Refreshed:
        """Ask the venue if it is time to, and return what that came to.

        Raises:
            Unavailable: The store or the journal is away; nothing has changed.
        """
        known = await self._store.venue_rules_mark()
        if known is not None and known.source != self._asking.source:
            known = None
        interval = timedelta(seconds=self._asking.interval_s)
        if known is not None and self._clock() - known.confirmed_at < interval:
            return Refreshed.NOT_DUE
        try:
            body = await self._asking.fetch()
            answer, rules, packed = await asyncio.to_thread(self._read, body)
        except Unavailable as away:
            log.warning("venue_rules_not_fetched", detail=str(away))
            return Refreshed.UNAVAILABLE
        except VenueRulesRejected as rejected:
            log.error("venue_rules_unreadable", problems=rejected.problems[:10])
            return Refreshed.UNREADABLE
        if known is not None and len(answer.symbols) < LEAST_KEPT * known.answered_symbols:
            log.error("venue_rules_shrunken", was=known.answered_symbols, now=len(answer.symbols))
            return Refreshed.SHRUNKEN
        return await self._take_over(rules, packed, answered_symbols=len(answer.symbols))

    def _read(self, body: bytes) -> tuple[VenueRules, VenueRules, str]:
        """Return the answer, what it is together with the files, and that packed."""
        answer = read_venue([("the venue's answer", body)])
        rules = completed(answer, self._asking.files)
        return answer, rules, pack(rules)

    async def _take_over(
        self, rules: VenueRules, packed: str, *, answered_symbols: int
    ) -> Refreshed:
        held = await self._store.venue_rules_mark()
        is_new = held is None or held.content_hash != rules.content_hash
        await self._recorder.record(rules, author=self._asking.source)
        mark = VenueRulesMark(
            content_hash=rules.content_hash,
            source=self._asking.source,
            confirmed_at=self._clock(),
            symbols=len(rules.symbols),
            answered_symbols=answered_symbols,
        )
        await self._store.set_venue_rules(mark, packed.encode())
        if not is_new:
            return Refreshed.CONFIRMED
        told = {"subject": "venue_rules", "hash": rules.content_hash, "symbols": mark.symbols}
        await self._announcer.announce([(STATE_UPDATED, orjson.dumps(told))])
        log.info("venue_rules_changed", symbols=mark.symbols, hash=rules.content_hash)
        return Refreshed.CHANGED
