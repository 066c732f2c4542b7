"""Reads records back from MongoDB, in the bytes in which they were journaled."""

from collections.abc import AsyncIterator, Mapping
from datetime import datetime
from typing import Any, Final

from pymongo import ASCENDING

from petrosa_cio.adapters.mongo_connection import MongoClient, reaching_mongo
from petrosa_cio.adapters.mongo_schema import TRACES
from petrosa_cio.adapters.mongo_traces import LATER_FATES

PORTION: Final = 500
"""Records that are read at a time."""

MOST_OF_ONE_NAME: Final = 100
"""Verdicts that are returned of one name: a bot that states one id for ever has very many."""


class MongoRecords:
    """The records in the traces of a database. Nothing is changed.

    Args:
        client: From `petrosa_cio.adapters.mongo_connection.connect_mongo`.
        database: Name of the database.
        timeout_s: Longest time one portion may take.

    Every method raises `Unavailable` when MongoDB is away, slow or broken.
    """

    def __init__(self, client: MongoClient, database: str, *, timeout_s: float = 30.0) -> None:
        self._traces = client[database][TRACES]
        self._timeout_s = timeout_s

    async def change(self, change_id: str) -> bytes | None:
        """Return the record of a change by its identity, or None."""
        found = await self._found({"_id": f"{change_id}:change"}, 1)
        return found[0] if found else None

    async def verdicts_called(self, name: str) -> list[bytes]:
        """Return the records of the verdicts that go by a name, the oldest first."""
        found = await self._found({"_id": name, "kind": "verdict"}, 1)
        stated = {"stated_id": name, "kind": "verdict"}
        return found or await self._found(stated, MOST_OF_ONE_NAME)

    async def later(self, decision_id: str) -> list[bytes]:
        """Return the records of what became of a decision afterwards, the oldest first."""
        # What stands for a poisoned line has no record.
        is_kept = {"record": {"$exists": True}}
        wanted = {"decision_id": decision_id, "kind": {"$ne": "verdict"}, **is_kept}
        return await self._found(wanted, MOST_OF_ONE_NAME)

    async def count(self, since: datetime, until: datetime) -> int:
        """Return how many verdicts were given from ``since`` on, before ``until``."""
        async with reaching_mongo(self._timeout_s):
            return await self._traces.count_documents(_between(since, until))

    async def verdict_records(self, since: datetime, until: datetime) -> AsyncIterator[bytes]:
        """Iterate over their records, by the moment of decision, the earliest first."""
        async for line in self._each(_between(since, until), by="at"):
            yield line

    async def later_records(self, since: datetime, until: datetime) -> AsyncIterator[bytes]:
        """Iterate over what became of approvals, journaled in a span of time, in no order."""
        span = {"journaled_at": {"$gte": since, "$lt": until}}
        wanted = {"kind": {"$in": list(LATER_FATES)}, **span}
        async for line in self._each(wanted, by="journaled_at"):
            yield line

    async def _each(self, wanted: Mapping[str, Any], *, by: str) -> AsyncIterator[bytes]:
        find = self._traces.find(wanted, {"record": True}, batch_size=PORTION)
        async with find.sort(by, ASCENDING) as found:
            while True:
                async with reaching_mongo(self._timeout_s):
                    portion = await found.to_list(PORTION)
                for one in portion:
                    yield _line(one)
                if not portion:
                    return

    async def _found(self, wanted: Mapping[str, Any], most: int) -> list[bytes]:
        async with reaching_mongo(self._timeout_s):
            found = self._traces.find(wanted, {"record": True}).sort("journaled_at", ASCENDING)
            return [_line(one) async for one in found.limit(most)]


def _between(since: datetime, until: datetime) -> dict[str, Any]:
    return {"kind": "verdict", "at": {"$gte": since, "$lt": until}}


def _line(trace: Mapping[str, Any]) -> bytes:
    return str(trace["record"]).encode()
