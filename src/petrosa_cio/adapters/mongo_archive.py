"""What archiving reads from MongoDB beyond a proof, and what putting an archive back writes."""

from collections.abc import AsyncIterator, Iterable, Mapping, Sequence
from datetime import datetime
from typing import Any, Final

from bson import json_util
from bson.json_util import JSONMode, JSONOptions
from pymongo import DESCENDING

from petrosa_cio.adapters.mongo_connection import MongoClient, reaching_mongo, translated
from petrosa_cio.adapters.mongo_proof import PAGE, MongoProofSource
from petrosa_cio.adapters.mongo_schema import (
    CHECKPOINTS,
    COLLECTIONS,
    POISONED,
    TRACES,
    prepare_collections,
)

Fields = Mapping[str, Any]

PLACES: Final = {"records": TRACES, "poisoned": POISONED, "checkpoints": CHECKPOINTS}
"""Where the kinds of documents of an archive stand. Any other kind is a collection's own name."""

# Exact in both directions, whatever a collection holds.
_EXACT: Final = JSONOptions(json_mode=JSONMode.CANONICAL, tz_aware=True)


class MongoArchiveSource(MongoProofSource):
    """The record as it is archived. Nothing is changed.

    Args and failures are those of `MongoProofSource`.
    """

    def __init__(self, client: MongoClient, database: str, *, timeout_s: float = 30.0) -> None:
        super().__init__(client, database, timeout_s=timeout_s)
        self._database = client[database]

    async def journaled_before(self, moment: datetime) -> int:
        """Return the position of the newest record journaled before a moment; 0 if none."""
        with translated():
            newest = await self._traces.find_one(
                {"journaled_at": {"$lt": moment}},
                {"journaled_at": True},
                sort=[("journaled_at", DESCENDING)],
            )
            if newest is None:
                return 0
            # One entry of the journal has many records.
            at = {"journaled_at": newest["journaled_at"]}
            last = await self._traces.find_one(at, {"seq": True}, sort=[("seq", DESCENDING)])
        return int(last["seq"]) if last else 0

    async def signed_before(self, seq: int) -> int:
        """Return the position of the newest checkpoint up to a position; 0 where there is none."""
        with translated():
            found = await self._checkpoints.find_one(
                {"seq": {"$gte": 1, "$lte": seq}}, {"seq": True}, sort=[("seq", DESCENDING)]
            )
        return int(found["seq"]) if found else 0

    async def others(self) -> AsyncIterator[tuple[str, Sequence[bytes]]]:
        """Iterate over what else belongs to the record: a collection's name, and lines of JSON."""
        for name in _others():
            with translated():
                async with self._database[name].find(batch_size=PAGE).sort("_id") as found:
                    while page := await self._page(found):
                        yield (
                            name,
                            [json_util.dumps(one, json_options=_EXACT).encode() for one in page],
                        )


class MongoRestoreStore(MongoProofSource):
    """The record as it is filled anew.

    Args and failures are those of `MongoProofSource`.
    """

    def __init__(self, client: MongoClient, database: str, *, timeout_s: float = 30.0) -> None:
        super().__init__(client, database, timeout_s=timeout_s)
        self._database = client[database]

    async def prepare(self) -> list[str]:
        """Make sure of collections, schemas and indexes. Raises Misconfigured where it cannot."""
        with translated():
            return await prepare_collections(self._database)

    async def content(self) -> list[str]:
        """Return the names of the collections of the record that hold anything."""
        async with reaching_mongo(self._timeout_s):
            names = [one.name for one in COLLECTIONS]
            return [name for name in names if await self._database[name].find_one() is not None]

    async def put(self, kind: str, documents: Sequence[Fields]) -> None:
        """Insert records, checkpoints or what was set aside, in order."""
        await self._insert(PLACES[kind], map(dict, documents))

    async def put_others(self, kind: str, lines: Sequence[bytes]) -> None:
        """Insert what else belongs to the record, from lines as they were archived."""
        await self._insert(kind, (json_util.loads(line, json_options=_EXACT) for line in lines))

    async def _insert(self, name: str, documents: Iterable[dict[str, Any]]) -> None:
        async with reaching_mongo(self._timeout_s):
            await self._database[name].insert_many(documents, ordered=True)


def _others() -> list[str]:
    return [one.name for one in COLLECTIONS if one.name not in PLACES.values()]
