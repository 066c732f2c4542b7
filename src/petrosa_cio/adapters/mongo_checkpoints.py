"""Where checkpoints are kept in MongoDB. They are inserted and found, never changed."""

from collections.abc import Mapping
from typing import Any

from pymongo import DESCENDING
from pymongo.errors import DuplicateKeyError
from pymongo.read_concern import ReadConcern

from petrosa_cio.adapters.mongo_connection import MongoClient, reaching_mongo
from petrosa_cio.adapters.mongo_schema import CHECKPOINTS, TRACES


class MongoCheckpoints:
    """Keeps checkpoints, and tells what the chain says at a place.

    Args:
        client: From `petrosa_cio.adapters.mongo_connection.connect_mongo`.
        database: Name of the database.
        timeout_s: Longest time a call may take.

    Every method raises `Unavailable` when MongoDB is away, slow or broken.
    """

    def __init__(self, client: MongoClient, database: str, *, timeout_s: float = 10.0) -> None:
        settled = client[database].with_options(read_concern=ReadConcern("majority"))
        self._traces = settled[TRACES]
        self._checkpoints = settled[CHECKPOINTS]
        self._timeout_s = timeout_s

    async def newest(self) -> Mapping[str, Any] | None:
        """Return the fields of the checkpoint of the highest position, if there is one."""
        async with reaching_mongo(self._timeout_s):
            return await self._checkpoints.find_one(sort=[("seq", DESCENDING)])

    async def hash_at(self, seq: int) -> str | None:
        """Return the hash that a record states, by its position; None where there is none."""
        async with reaching_mongo(self._timeout_s):
            found = await self._traces.find_one({"seq": seq}, {"hash": True})
        return str(found["hash"]) if found else None

    async def store(self, name: str, fields: Mapping[str, Any]) -> bool:
        """Keep the fields of a checkpoint; return False if one of that name is there."""
        async with reaching_mongo(self._timeout_s):
            try:
                await self._checkpoints.insert_one({"_id": name, **fields})
            except DuplicateKeyError:
                return False
        return True
