"""The record of verdicts in MongoDB. Documents are inserted and found, never changed.

The end of the chain is read as the majority of a replica set has it, and written so: what is built
on is never taken back. Traces are inserted in order, and the server stops at the first that it
refuses; so a place is only ever taken after the place before it.
"""

from collections.abc import AsyncIterator, Collection, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any, Final

import bson
from bson.errors import BSONError
from pymongo import DESCENDING
from pymongo.errors import BulkWriteError
from pymongo.read_concern import ReadConcern

from petrosa_cio.adapters.mongo_connection import MongoClient, reaching_mongo, translated
from petrosa_cio.adapters.mongo_schema import CHECKPOINTS, POISONED, TRACES, prepare_collections
from petrosa_cio.ports import Appended, Head, PastVerdict
from petrosa_cio.risk.verdict import VerdictKind

Document = dict[str, object]

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


LATELY: Final = (timedelta(hours=1), timedelta(days=1), None)
"""How far back to look for a trace, one after the other: some servers sort all that they find."""


class MongoTraceStore:
    """Keeps traces, and beside them the lines that cannot be traces.

    Args:
        client: From `petrosa_cio.adapters.mongo_connection.connect_mongo`.
        database: Name of the database.
        timeout_s: Longest time a call may take.

    Every method raises `Unavailable` when MongoDB is away, slow or broken.
    """

    def __init__(self, client: MongoClient, database: str, *, timeout_s: float = 10.0) -> None:
        self._database = client[database]
        settled = self._database.with_options(read_concern=ReadConcern("majority"))
        self._traces = settled[TRACES]
        self._poisoned = settled[POISONED]
        self._checkpoints = settled[CHECKPOINTS]
        self._timeout_s = timeout_s
        self._seen = 0

    async def prepare(self) -> list[str]:
        """Make sure of collections, schemas and indexes; repeatable. Return what was made sure of.

        Raises:
            Misconfigured: What keeps the chain from forking is missing.
        """
        with translated():
            return await prepare_collections(self._database)

    async def head(self) -> Head | None:
        """Return the end of the chain; None where there is no record.

        It is looked for behind what is known of it, else behind the newest checkpoint, as some
        servers sort all that they look through.
        """
        async with reaching_mongo(self._timeout_s):
            since = self._seen or await self._signed_until()
            last = await self._last(since) or await self._last(1)
        self._seen = int(last["seq"]) if last else 0
        return Head(self._seen, str(last["hash"])) if last else None

    async def _signed_until(self) -> int:
        found = await self._checkpoints.find_one({}, {"seq": True}, sort=[("seq", DESCENDING)])
        return int(found["seq"]) if found else 1

    async def _last(self, since: int) -> Mapping[str, Any] | None:
        behind = {"seq": {"$gte": since}}
        return await self._traces.find_one(
            behind, {"seq": True, "hash": True}, sort=[("seq", DESCENDING)]
        )

    async def append(self, traces: Sequence[Document]) -> Appended:
        """Insert chained traces in order, and stop at the first whose place is taken."""
        async with reaching_mongo(self._timeout_s):
            try:
                await self._traces.insert_many(traces, ordered=True)
            except BulkWriteError as error:
                return _appended(error)
            except (BSONError, OverflowError) as error:
                return _not_encoded(traces, error)
        return Appended(len(traces))

    async def stored(self, ids: Sequence[str]) -> Collection[str]:
        """Return which of some traces are stored."""
        async with reaching_mongo(self._timeout_s):
            found = self._traces.find({"_id": {"$in": list(ids)}}, {"_id": True})
            return {str(one["_id"]) async for one in found}

    async def set_aside(self, lines: Sequence[Document]) -> int:
        """Keep poisoned lines, idempotently by ``_id``, and return how many were new."""
        async with reaching_mongo(self._timeout_s):
            try:
                await self._poisoned.insert_many(lines, ordered=False)
            except BulkWriteError as error:
                return _new_of(error)
        return len(lines)

    async def poisoned(self) -> int:
        """Return how many lines are set aside."""
        async with reaching_mongo(self._timeout_s):
            return await self._database[POISONED].estimated_document_count()

    async def verdicts_of(self, decision_ids: Sequence[str]) -> Mapping[str, str]:
        """Return the stored verdicts of some decisions, by decision id."""
        wanted = {"_id": {"$in": list(decision_ids)}, "verdict": {"$exists": True}}
        async with reaching_mongo(self._timeout_s):
            found = self._traces.find(wanted, {"verdict": True})
            return {str(one["_id"]): str(one["verdict"]) async for one in found}

    async def sequence_at(self, moment: datetime) -> int:
        """Return the journal sequence of the newest trace journaled until then; 0 if none."""
        for lately in LATELY:
            since = {} if lately is None else {"$gt": moment - lately}
            async with reaching_mongo(self._timeout_s):
                newest = await self._traces.find_one(
                    {"journaled_at": {"$lte": moment, **since}},
                    {"journal_sequence": True},
                    sort=[("journaled_at", DESCENDING)],
                )
            if newest:
                return int(newest["journal_sequence"])
        return 0

    async def verdicts(self, since: datetime, until: datetime) -> AsyncIterator[PastVerdict]:
        """Iterate over the verdicts of a span of time, in no order, some hundreds at a time."""
        wanted = {"verdict": {"$in": list(VerdictKind)}, "at": {"$gte": since, "$lt": until}}
        fields = ("at", "strategy", "symbol", "verdict", "codes")
        async with self._traces.find(
            wanted, dict.fromkeys(fields, True), batch_size=PORTION
        ) as found:
            while True:
                async with reaching_mongo(self._timeout_s):
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
            async with reaching_mongo(self._timeout_s):
                fates[kind] = await self._traces.count_documents(wanted)
        return {kind: number for kind, number in fates.items() if number}


def _past_verdict(trace: Mapping[str, Any]) -> PastVerdict:
    codes = tuple(str(code) for code in trace["codes"])
    return PastVerdict(trace["at"], trace["strategy"], trace["symbol"], trace["verdict"], codes)


def _appended(error: BulkWriteError) -> Appended:
    """Return what an interrupted insertion came to.

    Raises:
        BulkWriteError: again, if what was wrong may pass.
    """
    first, stored = _fault_of(error), int(error.details["nInserted"])
    if first["code"] == _DUPLICATE_KEY:
        return Appended(stored)
    if first["code"] in _FAULTS_OF_DOCUMENTS:
        return Appended(stored, int(first["index"]), _FAULTS_OF_DOCUMENTS[first["code"]])
    raise error


def _fault_of(error: BulkWriteError) -> Mapping[str, Any]:
    if error.details.get("writeConcernErrors"):
        raise error
    faults: list[Mapping[str, Any]] = error.details["writeErrors"]
    return faults[0]


def _not_encoded(traces: Sequence[Document], error: Exception) -> Appended:
    """Find the trace that the driver could not encode. Nothing is known of what was stored."""
    for index, trace in enumerate(traces):
        try:
            bson.encode(trace)
        except (BSONError, OverflowError) as odd:
            return Appended(0, index, f"{type(odd).__name__}: {odd}")
    raise error


def _new_of(error: BulkWriteError) -> int:
    """Return how many documents of a refused batch were new, if all others were there before."""
    _fault_of(error)
    if any(one["code"] != _DUPLICATE_KEY for one in error.details["writeErrors"]):
        raise error
    return int(error.details["nInserted"])
