"""Revisions of the policy in MongoDB. They are inserted and found, never changed.

The number of a revision is part of its ``_id``, so that of two that would both be the next one only
one is stored. What is read is what the majority of a replica set has, and an insertion is
acknowledged by it: a revision that was in force is never taken back.
"""

from collections.abc import Mapping
from dataclasses import asdict
from typing import Any

from pymongo import DESCENDING
from pymongo.errors import DuplicateKeyError
from pymongo.read_concern import ReadConcern

from petrosa_cio.adapters.mongo_connection import MongoClient, reaching_mongo
from petrosa_cio.adapters.mongo_schema import POLICIES
from petrosa_cio.errors import Unavailable
from petrosa_cio.ports import ChangedField, PolicyRevision


class MongoRevisions:
    """Keeps every revision of one fund's policy.

    Args:
        client: From `petrosa_cio.adapters.mongo_connection.connect_mongo`.
        database: Name of the database.
        fund: The fund.
        timeout_s: Longest time a call may take.

    Every method raises `Unavailable` when MongoDB is away, slow or broken, or holds what is no
    revision.
    """

    def __init__(
        self, client: MongoClient, database: str, fund: str, *, timeout_s: float = 5.0
    ) -> None:
        settled = client[database].with_options(read_concern=ReadConcern("majority"))
        self._policies = settled[POLICIES]
        self._fund = fund
        self._timeout_s = timeout_s

    async def newest(self) -> PolicyRevision | None:
        """Return the newest revision, or None where there is none."""
        found = await self.history(limit=1)
        return found[0] if found else None

    async def revision(self, number: int) -> PolicyRevision | None:
        """Return one revision, or None where there is none of that number."""
        async with reaching_mongo(self._timeout_s):
            found = await self._policies.find_one({"_id": self._name_of(number)})
        return None if found is None else _read(found)

    async def history(self, *, before: int | None = None, limit: int = 50) -> list[PolicyRevision]:
        """Return revisions, the newest first: those below ``before``, at most ``limit``."""
        below = {} if before is None else {"revision": {"$lt": before}}
        async with reaching_mongo(self._timeout_s):
            found = self._policies.find({"fund": self._fund, **below})
            newest_first = found.sort("revision", DESCENDING).limit(limit)
            return [_read(one) async for one in newest_first]

    async def add(self, revision: PolicyRevision) -> bool:
        """Add a revision; return False if one of its number is there."""
        document = {"_id": self._name_of(revision.revision), **asdict(revision)}
        async with reaching_mongo(self._timeout_s):
            try:
                await self._policies.insert_one(document | {"diff": list(document["diff"])})
            except DuplicateKeyError:  # by an insertion of ours that was sent twice, perhaps
                return await self.revision(revision.revision) == revision
        return True

    def _name_of(self, number: int) -> str:
        return f"{self._fund}-{number}"


def _read(found: Mapping[str, Any]) -> PolicyRevision:
    fields = {name: value for name, value in found.items() if name != "_id"}
    try:
        diff = tuple(ChangedField(**one) for one in fields.pop("diff"))
        return PolicyRevision(**fields, diff=diff)
    except (KeyError, TypeError) as error:
        raise Unavailable("mongo", f"{found['_id']} is no revision: {error}") from error
