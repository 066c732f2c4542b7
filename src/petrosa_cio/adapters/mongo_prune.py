"""What pruning does to MongoDB: it states where the chain begins, and deletes what is before."""

from collections.abc import Mapping, Sequence
from typing import Any

from pymongo.errors import DuplicateKeyError

from petrosa_cio.adapters.mongo_connection import translated
from petrosa_cio.adapters.mongo_proof import MongoProofSource


class MongoPruneStore(MongoProofSource):
    """The record as its oldest part is deleted.

    Args and failures are those of `MongoProofSource`; a user who may not delete makes it
    `Unavailable` as well.
    """

    async def state_beginning(self, name: str, fields: Mapping[str, Any]) -> None:
        """Keep the statement of where the chain begins, once by its name."""
        with translated():
            try:
                await self._beginnings.insert_one({"_id": name, **fields})
            except DuplicateKeyError:
                return

    async def remove(self, asides: Sequence[str], until: int) -> int:
        """Delete what was set aside under some names, then records up to a position.

        Returns:
            How many records were deleted.
        """
        with translated():
            if asides:
                await self._poisoned.delete_many({"_id": {"$in": list(asides)}})
            gone = await self._traces.delete_many({"seq": {"$gte": 1, "$lte": until}})
        return gone.deleted_count

    async def remove_checkpoints(self, until: int) -> None:
        """Delete the checkpoints up to a position."""
        with translated():
            await self._checkpoints.delete_many({"seq": {"$lte": until}})
