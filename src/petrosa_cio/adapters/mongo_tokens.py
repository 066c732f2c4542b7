"""API tokens in MongoDB, hashed. Tokens and revocations are inserted and found, never changed."""

from collections.abc import Mapping
from dataclasses import asdict
from typing import Any

from pymongo import ASCENDING
from pymongo.errors import DuplicateKeyError
from pymongo.read_concern import ReadConcern

from petrosa_cio.adapters.mongo_connection import MongoClient, reaching_mongo
from petrosa_cio.adapters.mongo_schema import REVOCATIONS, TOKENS
from petrosa_cio.ports import Revocation, TokenEntry


class MongoTokens:
    """Holds the tokens of a fund.

    Args:
        client: From `petrosa_cio.adapters.mongo_connection.connect_mongo`.
        database: Name of the database.
        fund: The fund.
        timeout_s: Longest time a call may take.

    Every method raises `Unavailable` when MongoDB is away, slow or broken.
    """

    def __init__(
        self, client: MongoClient, database: str, fund: str, *, timeout_s: float = 10.0
    ) -> None:
        settled = client[database].with_options(read_concern=ReadConcern("majority"))
        self._tokens = settled[TOKENS]
        self._revocations = settled[REVOCATIONS]
        self._fund = fund
        self._timeout_s = timeout_s

    async def add_token(self, entry: TokenEntry) -> bool:
        """Keep a token; return False if one of that short name is there."""
        fields = asdict(entry)
        return await self._insert(self._tokens, fields.pop("token_id"), fields)

    async def token(self, token_id: str) -> TokenEntry | None:
        """Return what is kept of a token, or None."""
        async with reaching_mongo(self._timeout_s):
            found = await self._tokens.find_one({"_id": self._name(token_id)})
        return _entry(found) if found else None

    async def tokens(self) -> list[TokenEntry]:
        """Return every token, the oldest first."""
        order = [("made_at", ASCENDING), ("_id", ASCENDING)]
        async with reaching_mongo(self._timeout_s):
            found = await self._tokens.find({"fund": self._fund}).sort(order).to_list(None)
        return [_entry(one) for one in found]

    async def revoke(self, revocation: Revocation) -> bool:
        """Keep a revocation; return False if it was revoked before."""
        fields = asdict(revocation)
        return await self._insert(self._revocations, fields.pop("token_id"), fields)

    async def revocations(self) -> dict[str, Revocation]:
        """Return every revocation by the short name of its token."""
        async with reaching_mongo(self._timeout_s):
            found = await self._revocations.find({"fund": self._fund}).to_list(None)
        read = (Revocation(**_fields(one)) for one in found)
        return {one.token_id: one for one in read}

    async def _insert(self, collection: Any, token_id: str, fields: dict[str, Any]) -> bool:
        document = {"_id": self._name(token_id), "fund": self._fund, **fields}
        async with reaching_mongo(self._timeout_s):
            try:
                await collection.insert_one(document)
            except DuplicateKeyError:
                return False
        return True

    def _name(self, token_id: str) -> str:
        return f"{self._fund}-{token_id}"


def _fields(stored: Mapping[str, Any]) -> dict[str, Any]:
    kept = {name: value for name, value in stored.items() if name not in ("_id", "fund")}
    return {"token_id": str(stored["_id"]).rpartition("-")[2], **kept}


def _entry(stored: Mapping[str, Any]) -> TokenEntry:
    return TokenEntry(**_fields(stored))
