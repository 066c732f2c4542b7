"""Shadows in MongoDB, and what became of them. They are inserted and found, never changed.

The number of a shadow, and of a page, is part of its ``_id``: of two shadows that would both be the
next one, and of two pages of one stretch, one is stored. A shadow ends once, as its ending stands
under its name.
"""

from collections.abc import Mapping
from datetime import datetime
from typing import Any, TypeVar

import msgspec
from pymongo import ASCENDING, DESCENDING
from pymongo.asynchronous.collection import AsyncCollection
from pymongo.errors import DuplicateKeyError
from pymongo.read_concern import ReadConcern

from petrosa_cio.adapters.mongo_connection import MongoClient, reaching_mongo
from petrosa_cio.adapters.mongo_schema import SHADOW_ENDINGS, SHADOW_PAGES, SHADOWS
from petrosa_cio.errors import Unavailable
from petrosa_cio.ports import Shadow, ShadowEnding, ShadowFlip, ShadowPage

T = TypeVar("T")

Stored = dict[str, Any]


class MongoShadows:
    """Holds the shadows of a fund.

    Args:
        client: From `petrosa_cio.adapters.mongo_connection.connect_mongo`.
        database: Name of the database.
        fund: The fund.
        timeout_s: Longest time a call may take.

    Every method raises `Unavailable` when MongoDB is away, slow or broken, or holds what this
    program did not write.
    """

    def __init__(
        self, client: MongoClient, database: str, fund: str, *, timeout_s: float = 10.0
    ) -> None:
        settled = client[database].with_options(read_concern=ReadConcern("majority"))
        self._shadows = settled[SHADOWS]
        self._endings = settled[SHADOW_ENDINGS]
        self._pages = settled[SHADOW_PAGES]
        self._fund = fund
        self._timeout_s = timeout_s

    async def start(self, shadow: Shadow) -> bool:
        """Keep a shadow; return False if another one has its number."""
        name = f"{self._fund}-{shadow.number}"
        if await self._added(self._shadows, {"_id": name, **_plain(shadow)}):
            return True
        return await self.shadow(shadow.number) == shadow  # an insertion of ours, sent twice

    async def recent(self, *, limit: int) -> list[Shadow]:
        """Return the newest shadows, the highest number first."""
        async with reaching_mongo(self._timeout_s):
            found = self._shadows.find({"fund": self._fund}).sort("number", DESCENDING)
            return [_read(one, Shadow) async for one in found.limit(limit)]

    async def shadow(self, number: int) -> Shadow | None:
        """Return one shadow, or None where there is none of that number."""
        async with reaching_mongo(self._timeout_s):
            found = await self._shadows.find_one({"_id": f"{self._fund}-{number}"})
        return None if found is None else _read(found, Shadow)

    async def end(self, ending: ShadowEnding) -> bool:
        """Keep what was made of a shadow; return False if something else was before."""
        stored = {**_plain(ending), "fund": self._fund}
        name = stored.pop("shadow_id")
        if await self._added(self._endings, {"_id": name, **stored}):
            return True
        return await self.ending(ending.shadow_id) == ending

    async def ending(self, shadow_id: str) -> ShadowEnding | None:
        """Return what was made of a shadow, or None."""
        async with reaching_mongo(self._timeout_s):
            found = await self._endings.find_one({"_id": shadow_id, "fund": self._fund})
        return None if found is None else _read({**found, "shadow_id": found["_id"]}, ShadowEnding)

    async def write(self, page: ShadowPage) -> bool:
        """Keep a page; return False if one of its number is there."""
        name = f"{page.shadow_id}-{page.number}"
        return await self._added(self._pages, {"_id": name, "fund": self._fund, **_plain(page)})

    async def pages(self, shadow_id: str) -> list[ShadowPage]:
        """Return the pages of a shadow in order, without their flips."""
        wanted = {"shadow_id": shadow_id, "fund": self._fund}
        async with reaching_mongo(self._timeout_s):
            found = self._pages.find(wanted, {"flips": False}).sort("number", ASCENDING)
            return [_read(one, ShadowPage) async for one in found]

    async def flips(self, shadow_id: str, *, limit: int) -> list[ShadowFlip]:
        """Return the newest flips of a shadow, the last decided first."""
        wanted = {"shadow_id": shadow_id, "fund": self._fund, "flips.0": {"$exists": True}}
        flips: list[ShadowFlip] = []
        async with reaching_mongo(self._timeout_s):
            found = self._pages.find(wanted, {"flips": True}).sort("number", DESCENDING)
            async for page in found.limit(limit):
                flips += reversed(_read(page["flips"], list[ShadowFlip]))
        return flips[:limit]

    async def _added(self, collection: AsyncCollection[Stored], document: Stored) -> bool:
        async with reaching_mongo(self._timeout_s):
            try:
                await collection.insert_one(document)
            except DuplicateKeyError:
                return False
        return True


def _plain(kept: Shadow | ShadowEnding | ShadowPage) -> Stored:
    stored: Stored = msgspec.to_builtins(kept, builtin_types=(datetime,))
    return stored


def _read(found: Mapping[str, Any] | list[Any], kind: type[T]) -> T:
    try:
        return msgspec.convert(found, kind)
    except msgspec.ValidationError as error:
        raise Unavailable("mongo", f"what it holds of a shadow does not read: {error}") from error
