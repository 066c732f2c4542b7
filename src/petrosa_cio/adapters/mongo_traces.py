"""The record of verdicts in MongoDB. Documents are inserted and found, never changed."""

import asyncio
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from datetime import datetime
from typing import Any, Final

from bson.errors import BSONError
from pymongo import ASCENDING, DESCENDING, IndexModel
from pymongo.errors import BulkWriteError

from petrosa_cio.adapters.mongo_connection import MongoClient, translated
from petrosa_cio.ports import PastVerdict
from petrosa_cio.risk.verdict import VerdictKind

TRACES: Final = "traces"
UNREADABLE: Final = "unreadable"

INDEXES: Final = (
    IndexModel([("strategy", ASCENDING), ("at", DESCENDING)]),
    IndexModel([("symbol", ASCENDING), ("at", DESCENDING)]),
    IndexModel([("verdict", ASCENDING), ("at", DESCENDING)]),
    IndexModel([("decision_id", ASCENDING)]),
    IndexModel([("journaled_at", DESCENDING)]),
)

LATER_FATES: Final = ("withdrawal", "undelivered", "unconfirmed")
"""The kinds of record that say what became of an approval."""

PORTION: Final = 1_000
"""Documents that are read at a time."""

_DUPLICATE_KEY = 11_000

_FAULTS_OF_DOCUMENTS: Final = {
    2: "bad value",
    9: "failed to parse",
    14: "type mismatch",
    52: "field name not allowed",
    121: "refused by the schema of the collection",
    10_334: "too large",
}
"""Codes with which the server refuses one document whatever the time; the rest may pass later."""


class MongoTraceStore:
    """Keeps traces, and beside them the lines that cannot be traces.

    Args:
        client: From `petrosa_cio.adapters.mongo_connection.connect_mongo`.
        database: Name of the database.
        timeout_s: Longest time a call may take.

    Every method raises `Unavailable` when MongoDB is away, slow or broken.
    """

    def __init__(self, client: MongoClient, database: str, *, timeout_s: float = 10.0) -> None:
        self._traces = client[database][TRACES]
        self._unreadable = client[database][UNREADABLE]
        self._timeout_s = timeout_s

    async def prepare(self) -> None:
        """Make sure of the indexes. Finds them as they were when repeated."""
        async with self._reaching():
            await self._traces.create_indexes(list(INDEXES))

    async def store(self, traces: Sequence[dict[str, object]]) -> int:
        """Insert records idempotently by ``_id`` and return how many were new.

        Raises:
            ValueError: At least one can never be stored as it is; which of the others were stored
                is not told, and storing them again is harmless.
        """
        if not traces:
            return 0
        async with self._reaching():
            try:
                stored = await self._traces.insert_many(traces, ordered=False)
            except BulkWriteError as error:
                return _new_of(error)
            except (BSONError, OverflowError) as error:
                raise ValueError(f"{type(error).__name__}: {error}") from error
        return len(stored.inserted_ids)

    async def set_aside(self, lines: Sequence[dict[str, object]]) -> None:
        """Keep lines that cannot be kept as traces, idempotently by ``_id``."""
        async with self._reaching():
            try:
                await self._unreadable.insert_many(lines, ordered=False)
            except BulkWriteError as error:
                _new_of(error)

    async def verdicts_of(self, decision_ids: Sequence[str]) -> Mapping[str, str]:
        """Return the stored verdicts of some decisions, by decision id."""
        wanted = {"_id": {"$in": list(decision_ids)}}
        async with self._reaching():
            found = self._traces.find(wanted, {"verdict": True})
            return {str(one["_id"]): str(one["verdict"]) async for one in found}

    async def sequence_at(self, moment: datetime) -> int:
        """Return the journal sequence of the newest trace journaled until then; 0 if none."""
        async with self._reaching():
            newest = await self._traces.find_one(
                {"journaled_at": {"$lte": moment}},
                {"journal_sequence": True},
                sort=[("journaled_at", DESCENDING)],
            )
        return int(newest["journal_sequence"]) if newest else 0

    async def verdicts(self, since: datetime, until: datetime) -> AsyncIterator[PastVerdict]:
        """Iterate over the verdicts of a span of time, in no order, some hundreds at a time."""
        wanted = {"verdict": {"$in": list(VerdictKind)}, "at": {"$gte": since, "$lt": until}}
        fields = ("at", "strategy", "symbol", "verdict", "codes")
        async with self._traces.find(
            wanted, dict.fromkeys(fields, True), batch_size=PORTION
        ) as found:
            while True:
                async with self._reaching():
                    portion = await found.to_list(PORTION)
                for one in portion:
                    yield _past_verdict(one)
                if not portion:
                    return

    async def befell(self, since: datetime, until: datetime) -> Mapping[str, int]:
        """Return how many approvals met each later fate, by kind of record, if any did."""
        fates: dict[str, int] = {}
        for kind in LATER_FATES:
            # By the journal's time, of which there is an index; it is the moment of the record.
            wanted = {"kind": kind, "journaled_at": {"$gte": since, "$lt": until}}
            async with self._reaching():
                fates[kind] = await self._traces.count_documents(wanted)
        return {kind: number for kind, number in fates.items() if number}

    @asynccontextmanager
    async def _reaching(self) -> AsyncIterator[None]:
        with translated():
            async with asyncio.timeout(self._timeout_s):
                yield


def _past_verdict(trace: Mapping[str, Any]) -> PastVerdict:
    codes = tuple(str(code) for code in trace["codes"])
    return PastVerdict(trace["at"], trace["strategy"], trace["symbol"], trace["verdict"], codes)


def _new_of(error: BulkWriteError) -> int:
    """Return how many documents of a refused batch were new, if all others were there before.

    Raises:
        BulkWriteError: again, if something else was wrong that may pass.
        ValueError: Something else was wrong with a document that will not pass.
    """
    details = error.details
    if details.get("writeConcernErrors"):
        raise error
    others = [one for one in details["writeErrors"] if one["code"] != _DUPLICATE_KEY]
    if not others:
        return int(details["nInserted"])
    if all(one["code"] in _FAULTS_OF_DOCUMENTS for one in others):
        why = {_FAULTS_OF_DOCUMENTS[one["code"]] for one in others}
        raise ValueError(", ".join(sorted(why))) from error
    raise error
