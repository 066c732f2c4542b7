"""Reads along the chain of records in MongoDB, while the drain continues it. Nothing is changed."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any, Final

import msgspec
from pymongo import ASCENDING, DESCENDING
from pymongo.read_concern import ReadConcern

from petrosa_cio.adapters.mongo_connection import MongoClient, reaching_mongo
from petrosa_cio.adapters.mongo_schema import TRACES
from petrosa_cio.adapters.mongo_traces import LATER_FATES
from petrosa_cio.errors import RecordUnreadable
from petrosa_cio.ports import ChainLine

_FIELDS: Final = dict.fromkeys(
    ("seq", "kind", "at", "journaled_at", "decision_id", "fund", "record"), True
)


class MongoTail:
    """The traces of a database, in the order of the chain.

    Args:
        client: From `petrosa_cio.adapters.mongo_connection.connect_mongo`.
        database: Name of the database.
        timeout_s: Longest time a call may take.

    Every method raises `Unavailable` when MongoDB is away, slow or broken.
    """

    def __init__(self, client: MongoClient, database: str, *, timeout_s: float = 10.0) -> None:
        settled = client[database].with_options(read_concern=ReadConcern("majority"))
        self._traces = settled[TRACES]
        self._timeout_s = timeout_s

    async def last(self) -> int:
        """Return the position of the last record; 0 where there is none."""
        return await self._position({}, [("seq", DESCENDING)])

    async def before(self, moment: datetime) -> int:
        """Return the position of the last record that was journaled before a moment; 0 if none."""
        newest_first = [("journaled_at", DESCENDING), ("seq", DESCENDING)]
        return await self._position({"journaled_at": {"$lt": moment}}, newest_first)

    async def lines(self, after: int, *, most: int) -> list[ChainLine]:
        """Return the records at the next ``most`` positions, in order, as far as there are any.

        Raises:
            RecordUnreadable: One of them is not as this program writes them.
        """
        wanted = {"seq": {"$gt": after, "$lte": after + most}}
        async with reaching_mongo(self._timeout_s):
            found = self._traces.find(wanted, _FIELDS).sort("seq", ASCENDING)
            return [_line(one) async for one in found]

    async def befell(self, decision_ids: Sequence[str]) -> list[bytes]:
        """Return the records of what became of some approvals afterwards, in no order."""
        wanted = {"decision_id": {"$in": list(decision_ids)}, "kind": {"$in": list(LATER_FATES)}}
        async with reaching_mongo(self._timeout_s):
            found = self._traces.find(wanted | {"record": {"$exists": True}}, {"record": True})
            return [str(one["record"]).encode() async for one in found]

    async def _position(self, wanted: Mapping[str, Any], order: list[tuple[str, int]]) -> int:
        async with reaching_mongo(self._timeout_s):
            found = await self._traces.find_one(wanted, {"seq": True}, sort=order)
        return int(found["seq"]) if found else 0


def _line(trace: Mapping[str, Any]) -> ChainLine:
    try:
        return msgspec.convert(trace, ChainLine)
    except msgspec.ValidationError as error:
        raise RecordUnreadable(trace.get("seq"), str(error)) from error
