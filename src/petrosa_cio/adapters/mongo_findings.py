"""What completeness asks of MongoDB: the records of decisions, and the findings about them.

Records are only read here. Findings are inserted and found, never changed; the
collections are made with those of the record.
"""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any, Final

from pymongo import DESCENDING
from pymongo.errors import BulkWriteError

from petrosa_cio.adapters.mongo_connection import MongoClient, reaching_mongo
from petrosa_cio.adapters.mongo_schema import ALERTS, TRACES
from petrosa_cio.ports import OVER, Kept

VERDICT: Final = "verdict"

ASKED_TOGETHER = 500
"""Decisions that are asked for in one call."""

_DUPLICATE_KEY = 11_000
_LOOKED_AT = 100
_OF_A_TRACE = (
    "decision_id", "kind", "verdict", "journal_sequence", "journal_index", "journaled_at",
)  # fmt: skip


class MongoFindings:
    """Reads the record and keeps findings.

    Args:
        client: From `petrosa_cio.adapters.mongo_connection.connect_mongo`.
        database: Name of the database.
        timeout_s: Longest time a call may take.

    Every method raises `Unavailable` when MongoDB is away, slow or broken.
    """

    def __init__(self, client: MongoClient, database: str, *, timeout_s: float = 10.0) -> None:
        self._traces = client[database][TRACES]
        self._alerts = client[database][ALERTS]
        self._timeout_s = timeout_s

    # --- the record ----------------------------------------------------------------------------

    async def kept(self, decision_ids: Sequence[str]) -> Mapping[str, Kept]:
        """Return what is kept of some decisions; what is not kept is left out.

        However many these are, a call asks for a portion: else a slow server would never be done in
        time, and would be asked for all of it again and again.
        """
        wanted, found = list(set(decision_ids)), dict[str, Kept]()
        for first in range(0, len(wanted), ASKED_TOGETHER):
            found |= await self._kept(wanted[first : first + ASKED_TOGETHER])
        return found

    async def _kept(self, decision_ids: Sequence[str]) -> dict[str, Kept]:
        wanted = {"decision_id": {"$in": decision_ids}}
        found: dict[str, Kept] = {}
        async with reaching_mongo(self._timeout_s):
            async for one in self._traces.find(wanted, dict.fromkeys(_OF_A_TRACE, True)):
                before = found.get(one["decision_id"], Kept("", {}))
                place = (int(one["journal_sequence"]), int(one["journal_index"]))
                places = before.places | {str(one["kind"]): place}
                is_verdict = one["kind"] == VERDICT
                found[one["decision_id"]] = Kept(
                    str(one["verdict"]) if is_verdict else before.verdict,
                    places,
                    one["journaled_at"] if is_verdict else before.journaled_at,
                )
        return found

    async def records_of(self, decision_ids: Sequence[str]) -> Mapping[str, str]:
        """Return the records of the verdicts of some decisions, as JSON text."""
        wanted = {"_id": {"$in": list(set(decision_ids))}, "kind": VERDICT}
        async with reaching_mongo(self._timeout_s):
            found = self._traces.find(wanted, {"record": True})
            return {str(one["_id"]): str(one["record"]) async for one in found}

    # --- findings ------------------------------------------------------------------------------

    async def keep(self, documents: Sequence[dict[str, object]]) -> frozenset[str]:
        """Insert documents idempotently by ``_id``; return the ids that were new."""
        ids = [str(one["_id"]) for one in documents]
        if not ids:
            return frozenset()
        async with reaching_mongo(self._timeout_s):
            try:
                await self._alerts.insert_many(documents, ordered=False)
            except BulkWriteError as error:
                faults = error.details["writeErrors"]
                if any(one["code"] != _DUPLICATE_KEY for one in faults):
                    raise
                return frozenset(ids) - {ids[one["index"]] for one in faults}
        return frozenset(ids)

    async def open_among(self, ids: Sequence[str]) -> list[dict[str, object]]:
        """Return those of some findings that are kept and not over."""
        async with reaching_mongo(self._timeout_s):
            found = await self._alerts.find({"_id": {"$in": list(ids)}}).to_list()
            return await self._not_over(found)

    async def open_since(
        self, fund: str, kinds: Sequence[str], since: datetime
    ) -> Mapping[str, int]:
        """Return how many findings of some kinds that were made since then are not over."""
        async with reaching_mongo(self._timeout_s):
            return {kind: await self._number(fund, kind, since) for kind in kinds}

    async def _number(self, fund: str, kind: str, since: datetime) -> int:
        of_fund = {"fund": fund}
        made = of_fund | {"kind": kind, "found_at": {"$gte": since}}
        over = of_fund | {"of": kind, "began_at": {"$gte": since}}
        number = int(await self._alerts.count_documents(made))
        return number - int(await self._alerts.count_documents(over)) if number else 0

    async def examples(
        self, fund: str, kind: str, since: datetime, *, most: int
    ) -> list[dict[str, object]]:
        """Return some of the newest findings of a kind that are not over."""
        wanted = {"fund": fund, "kind": kind, "found_at": {"$gte": since}}
        async with reaching_mongo(self._timeout_s):
            found = self._alerts.find(wanted, sort=[("found_at", DESCENDING)], limit=_LOOKED_AT)
            return (await self._not_over(await found.to_list()))[:most]

    async def _not_over(self, found: Sequence[dict[str, Any]]) -> list[dict[str, object]]:
        ends = [f"{one['_id']}:{OVER}" for one in found]
        over = self._alerts.find({"_id": {"$in": ends}}, {"ends": True})
        ended = {str(one["ends"]) async for one in over}
        return [one for one in found if one["_id"] not in ended]
