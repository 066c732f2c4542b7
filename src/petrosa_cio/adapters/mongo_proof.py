"""What a proof of the record reads from MongoDB: records and checkpoints, by position."""

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator
from datetime import UTC, datetime
from math import nan
from typing import Any, Final

from bson import MaxKey, MinKey, ObjectId, Timestamp
from bson.codec_options import CodecOptions, DatetimeConversion
from pymongo import ASCENDING, DESCENDING
from pymongo.asynchronous.cursor import AsyncCursor
from pymongo.read_concern import ReadConcern

from petrosa_cio.adapters.mongo_connection import MongoClient, is_stand_in, translated
from petrosa_cio.adapters.mongo_schema import (
    BEGINNINGS,
    CHECKPOINTS,
    POISONED,
    TRACES,
)

Fields = dict[str, Any]

PAGE: Final = 1_000

# What a stranger wrote there, whatever it is, is to be seen and not to be stumbled over.
_FORGIVING: Final = CodecOptions[Fields](
    tz_aware=True,
    datetime_conversion=DatetimeConversion.DATETIME_AUTO,
    unicode_decode_error_handler="replace",
)


_NO_PLACE: Final = {"seq": {"$not": {"$gte": 1}}}

_NO_PLACES_IN_INDEX: Final[tuple[object, ...]] = (
    None,
    {"$lt": 1},
    nan,
    {"$gte": ""},
    {"$gte": []},
    {"$gte": b""},
    {"$gte": ObjectId("0" * 24)},
    {"$gte": False},
    {"$gte": datetime.min.replace(tzinfo=UTC)},
    {"$gte": Timestamp(0, 0)},
    MinKey(),
    MaxKey(),
)


class MongoProofSource:
    """The record as it is proven. Nothing is changed.

    Args:
        client: From `petrosa_cio.adapters.mongo_connection.connect_mongo`.
        database: Name of the database.
        timeout_s: Longest time one page may take.

    Every method raises `Unavailable` when MongoDB is away, slow or broken.
    """

    def __init__(self, client: MongoClient, database: str, *, timeout_s: float = 30.0) -> None:
        settled = client[database].with_options(
            codec_options=_FORGIVING, read_concern=ReadConcern("majority")
        )
        self._traces = settled[TRACES]
        self._checkpoints = settled[CHECKPOINTS]
        self._poisoned = settled[POISONED]
        self._beginnings = settled[BEGINNINGS]
        self._timeout_s = timeout_s

    async def beginning(self) -> Fields | None:
        """Return the newest statement that the chain begins later than at 1, if there is one."""
        with translated():
            return await self._beginnings.find_one(sort=[("seq", DESCENDING)])

    async def first(self) -> int:
        """Return the lowest position of a record; 0 where there is none."""
        with translated():
            found = await self._traces.find_one(
                {"seq": {"$gte": 1}}, {"seq": True}, sort=[("seq", ASCENDING)]
            )
        return int(found["seq"]) if found else 0

    async def hash_at(self, seq: int) -> str | None:
        """Return the hash that a record states, by its position; None where there is none."""
        with translated():
            found = await self._traces.find_one({"seq": seq}, {"hash": True})
        return str(found["hash"]) if found else None

    async def changes(self, first: str, beyond: str) -> list[bytes]:
        """Return the records of changes whose identities lie in a range, as they were journaled.

        Args:
            first: The first identity.
            beyond: The first identity after them.
        """
        wanted = {"_id": {"$gte": first, "$lt": beyond}, "kind": "change"}
        with translated():
            return [
                str(one["record"]).encode()
                async for one in self._traces.find(wanted, {"record": True})
            ]

    async def last(self, since: int) -> int:
        """Return the highest position of a record; 0 where there is none.

        Args:
            since: A position that is likely to be there, which makes it quicker to find.
        """
        with translated():
            for lowest in (max(1, since), 1):
                found = await self._traces.find_one(
                    {"seq": {"$gte": lowest}}, {"seq": True}, sort=[("seq", DESCENDING)]
                )
                if found:
                    return int(found["seq"])
        return 0

    async def signed_until(self) -> int:
        """Return the highest position of a stored checkpoint; 0 where there is none."""
        with translated():
            found = await self._checkpoints.find_one(
                {"seq": {"$gte": 1}}, {"seq": True}, sort=[("seq", DESCENDING)]
            )
        return int(found["seq"]) if found else 0

    async def without_place(self) -> Fields | None:
        """Return a record that states no position, if there is one.

        The stand-in would look through everything, and answer nobody meanwhile: it is asked for
        each type of value that it has in its index, all but objects and patterns.
        """
        with translated():
            if not await is_stand_in(self._traces.database.client):
                return await self._traces.find_one(_NO_PLACE)
            for odd in _NO_PLACES_IN_INDEX:
                if found := await self._traces.find_one({"seq": odd}):
                    return found
        return None

    async def records(self, first: int, last: int) -> AsyncGenerator[list[Fields]]:
        """Iterate over the records of some positions, pages of them, the lowest position first.

        A page is what stands at so many positions, so that neither side holds more than that; it is
        asked for in one go.
        """
        for lowest in range(first, last + 1, PAGE):
            places = {"$gte": lowest, "$lt": min(lowest + PAGE, last + 1)}
            with translated():
                async with asyncio.timeout(self._timeout_s):
                    found = self._traces.find({"seq": places}, batch_size=PAGE + 1)
                    page = await found.sort("seq").to_list()
            if page:
                yield page

    async def checkpoints(self, first: int, last: int) -> AsyncIterator[list[Fields]]:
        """Iterate over the checkpoints of some positions, pages of them, the lowest first."""
        places = {"seq": {"$gte": first, "$lte": last}}
        with translated():
            async with self._checkpoints.find(places, batch_size=PAGE).sort("seq") as found:
                while page := await self._page(found):
                    yield page

    async def poisoned(self, name: str) -> Fields | None:
        """Return what was set aside under a name, if it is there."""
        with translated():
            return await self._poisoned.find_one({"_id": name})

    async def _page(self, cursor: AsyncCursor[Fields]) -> list[Fields]:
        async with asyncio.timeout(self._timeout_s):
            return await cursor.to_list(PAGE)
