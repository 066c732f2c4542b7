"""Tells whoever follows what happens in a fund, as it happens and without a gap.

The journal is what is followed, and each follower keeps a place in it and reads on at its own pace:
a slow one holds up nobody and makes nothing wait in memory. What many want to read is read once.
A follower whose place the journal does not have any more is told so, and goes on with what it has.
Warnings about limits are told live only; of those that a follower is too slow for it is told that
some are missing.
"""

import asyncio
from collections import OrderedDict, deque
from collections.abc import AsyncGenerator, Sequence
from contextlib import aclosing

import structlog

from petrosa_cio.audit.sources import StreamReading
from petrosa_cio.errors import Unavailable
from petrosa_cio.office.live_events import Live, Place, Wanted, events_of, missed, warning_of
from petrosa_cio.ports import StreamEnds

log = structlog.get_logger()

LOOK_EVERY_S = 0.25
"""How often to see whether the journal has grown, while anybody follows."""

ENTRIES_AT_ONCE = 32
"""Journal messages that are read at once."""

KEPT_BYTES = 8_388_608
"""Size of the events that are kept for others who follow."""

MOST_WARNINGS = 256
"""Warnings that wait for one follower."""

PURGED = "the journal does not reach back to your place: read the record for what was between"
ANOTHER = "the journal was made anew: read the record for what was before it"
SHORTER = "the journal lost its end and your place with it: read the record"
GAP = "the journal has a gap here: read the record"
WARNINGS = "warnings about limits came faster than you read them"

Page = tuple[Sequence[Live], Place]
"""Some events, and where to read on."""


class _Follower:
    """What waits for one follower."""

    def __init__(self) -> None:
        self.wake = asyncio.Event()
        self.warnings: deque[Live] = deque()
        self.lost = 0

    def warn(self, event: Live) -> None:
        if len(self.warnings) < MOST_WARNINGS:
            self.warnings.append(event)
        else:
            self.lost += 1
        self.wake.set()

    def take(self) -> list[Live]:
        """Return what waits, the oldest first, and that some is missing, if it is."""
        found = list(self.warnings)
        self.warnings.clear()
        if self.lost:
            found.append(missed(f"{self.lost} {WARNINGS}", "/limits"))
            self.lost = 0
        return found


class LiveFeed:
    """The events of a fund, for any number of followers.

    Args:
        journal: Reads the journal.
        fund: The fund.
    """

    def __init__(self, journal: StreamReading, *, fund: str) -> None:
        self._journal = journal
        self._fund = fund
        self._ends: StreamEnds | None = None
        self._followers: set[_Follower] = set()
        self._turn = asyncio.Lock()
        self._kept: OrderedDict[tuple[int, int], Page] = OrderedDict()
        self._kept_bytes = 0
        self._is_away = False

    async def now(self) -> Place:
        """Return the place of what is journaled next. Raises Unavailable."""
        ends = await self._look()
        return Place(ends.created_ns, ends.last + 1)

    async def follow(self, place: Place, wanted: Wanted, *, tick_s: float) -> AsyncGenerator[Page]:
        """Iterate over what is wanted from a place on, for as long as somebody does.

        Where nothing comes for a while an empty page does, with the place that was reached.

        Args:
            place: Where to begin.
            wanted: Which events.
            tick_s: Seconds after which an empty page comes.
        """
        follower = _Follower()
        self._followers.add(follower)
        try:
            while True:
                follower.wake.clear()
                page = await self._page_if_there(place)
                found = follower.take()
                if page is not None:
                    found += page[0]
                    place = page[1]
                elif not found:
                    await _woken(follower.wake, tick_s)
                yield [one for one in found if wanted.has(one)], place
        finally:
            self._followers.discard(follower)

    def heard(self, body: bytes) -> None:
        """Take note of what is said where limits are warned of."""
        event = warning_of(body)
        if event is not None:
            for follower in self._followers:
                follower.warn(event)

    async def keep_looking(self) -> None:
        """See again and again whether the journal has grown, until cancelled."""
        while True:
            if self._followers:
                before = self._ends
                try:
                    is_new = await self._look() != before
                except Unavailable:
                    is_new = False
                if is_new:
                    for follower in self._followers:
                        follower.wake.set()
            await asyncio.sleep(LOOK_EVERY_S)

    async def _look(self) -> StreamEnds:
        try:
            ends = await self._journal.ends()
        except Unavailable as away:
            if not self._is_away:
                log.warning("journal_not_followed", detail=str(away))
            self._is_away = True
            raise
        if self._ends is not None and ends.last < self._ends.last:
            self._kept.clear()  # what it lost, others may soon stand in the place of
            self._kept_bytes = 0
        self._is_away, self._ends = False, ends
        return ends

    async def _page_if_there(self, place: Place) -> Page | None:
        """Return what is next; None where nothing is, or nothing can be read now."""
        try:
            return await self._page(place)
        except Unavailable:
            return None

    async def _page(self, place: Place) -> Page | None:
        ends = self._ends
        if ends is None or not _is_within(place, ends):
            ends = await self._look()
        created = ends.created_ns
        if place.created_ns != created:
            return _gap(ANOTHER, Place(created, max(ends.first, 1)))
        if place.sequence > ends.last + 1:
            return _gap(SHORTER, Place(created, ends.last + 1))
        if place.sequence < ends.first:
            return _gap(PURGED, Place(created, ends.first))
        return await self._read(place) if place.sequence <= ends.last else None

    async def _read(self, place: Place) -> Page | None:
        """Return the events from a place on, read once for everybody who is there."""
        key = (place.created_ns, place.sequence)
        async with self._turn:
            page = self._kept.get(key) or await self._read_anew(place)
        if page is None:
            return None
        return [one for one in page[0] if _is_beyond(one, place)], page[1]

    async def _read_anew(self, place: Place) -> Page | None:
        after, created = place.sequence - 1, place.created_ns
        async with aclosing(self._journal.batches(after, limit=ENTRIES_AT_ONCE)) as batches:
            entries = await anext(batches, None)
        if not entries:
            await self._look()  # it was purged meanwhile: the next look at it says so
            return None
        events = [] if entries[0].sequence == place.sequence else [missed(GAP, "/records")]
        for entry in entries:
            events += events_of(entry, created, fund=self._fund)
        page = events, Place(created, entries[-1].sequence + 1)
        self._keep((created, place.sequence), page)
        return page

    def _keep(self, key: tuple[int, int], page: Page) -> None:
        self._kept[key] = page
        self._kept_bytes += _size(page)
        while self._kept_bytes > KEPT_BYTES:
            _, dropped = self._kept.popitem(last=False)
            self._kept_bytes -= _size(dropped)


async def _woken(wake: asyncio.Event, tick_s: float) -> None:
    try:
        async with asyncio.timeout(tick_s):
            await wake.wait()
    except TimeoutError:
        return


def _gap(why: str, following: Place) -> Page:
    return [missed(why, "/records", following)], following


def _is_within(place: Place, ends: StreamEnds) -> bool:
    return place.created_ns == ends.created_ns and ends.first <= place.sequence <= ends.last


def _is_beyond(event: Live, place: Place) -> bool:
    after = event.following
    return after is None or (after.sequence, after.index) > (place.sequence, place.index)


def _size(page: Page) -> int:
    return sum(len(one.data) for one in page[0]) + 512
