"""Finds records in MongoDB: in pages by the moment they tell of, or all of them along the chain.

A page is looked for close by first and then further and further away, so that the server sorts
little more than it returns, whether much or little is found at a time. A walk goes along the chain,
so many positions at a time. So neither side ever holds more, however much is asked for.

What an index finds is asked in a stage of its own, before the rest: servers that know how join the
stages, others then use the index all the same.
"""

import asyncio
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from datetime import datetime, timedelta
from typing import Any, Final

import msgspec
from pymongo.errors import ExecutionTimeout
from pymongo.read_concern import ReadConcern

from petrosa_cio.adapters.mongo_connection import MongoClient, translated
from petrosa_cio.adapters.mongo_proof import MongoProofSource
from petrosa_cio.adapters.mongo_schema import TRACES
from petrosa_cio.errors import RecordUnreadable, Unavailable
from petrosa_cio.ports import Place, RecordQuery, StoredRecord

POSITIONS: Final = 1_000
"""Positions of the chain that a walk looks at in one go."""

SPANS: Final = (timedelta(minutes=1), timedelta(hours=1), timedelta(days=1), timedelta(days=30))
"""How far a page is looked for, one after the other, before it is looked for everywhere."""

ANSWER_GRACE_S: Final = 2.0
"""What the server's own time limit leaves for the answer to come."""

_EQUAL: Final = {
    "decision_id": "decision_id", "intent_id": "stated_id", "trace_id": "trace_id",
    "strategy": "strategy", "symbol": "symbol", "fund": "fund",
}  # fmt: skip
_ANY_OF: Final = {"codes": "codes", "kinds": "kind", "verdicts": "verdict"}

_FEW: Final[tuple[str, ...]] = ("decision_id", "stated_id", "trace_id")
"""Fields of which one value stands in few records."""

_MANY: Final[tuple[str, ...]] = ("codes", "strategy", "symbol", "kind", "verdict")
"""Fields of which one value stands in many; their indexes hold the moment too. The one that tells
most comes first."""

Filter = dict[str, Any]
Near = tuple[datetime, timedelta]


class MongoSearch:
    """The records in the traces of a database, to be searched. Nothing is changed.

    Args:
        client: From `petrosa_cio.adapters.mongo_connection.connect_mongo`; it must wait for an
            answer for longer than ``timeout_s``.
        database: Name of the database.
        timeout_s: Longest time one page, or one step of a walk, may take; the server stops then.

    Every method raises `Unavailable` when MongoDB is away, slow or broken.
    """

    def __init__(self, client: MongoClient, database: str, *, timeout_s: float = 20.0) -> None:
        settled = client[database].with_options(read_concern=ReadConcern("majority"))
        self._traces = settled[TRACES]
        self._chain = MongoProofSource(client, database, timeout_s=timeout_s)
        self._timeout_s = timeout_s

    async def last_position(self) -> int:
        """Return the position of the last record; 0 where there is none."""
        async with self._reaching():
            return await self._chain.last(await self._chain.signed_until())

    async def page(
        self, query: RecordQuery, *, after: Place | None, last: int, most: int
    ) -> list[StoredRecord]:
        """Return the next records that a query asks for, in its order."""
        now = asyncio.get_running_loop().time
        ends, found, before = now() + self._timeout_s, list[Filter](), list[Filter]()
        begins = await self._begins(query, after, last)
        nears = [(begins, span) for span in SPANS] if begins else []
        for near in (*nears, None):
            stages = page_stages(query, after, last, most, near)
            if len(found) == most or stages == before:
                break
            found, before = await self._found(stages, ends - now()), stages
        return [_read(one) for one in found]

    async def _begins(self, query: RecordQuery, after: Place | None, last: int) -> datetime | None:
        """Return about where a page begins, which is where it is looked for first."""
        if after is not None:
            return after.at
        async with self._reaching():
            place = {"seq": 1 if query.oldest_first else last}
            edge = (await self._traces.find_one(place, {"at": True}) or {}).get("at")
        stated = query.since if query.oldest_first else query.until
        known = [one for one in (stated, edge) if isinstance(one, datetime)]
        return (max if query.oldest_first else min)(known, default=None)

    async def walk(
        self, query: RecordQuery, *, last: int, after: int = 0
    ) -> AsyncIterator[StoredRecord]:
        """Iterate over all records that a query asks for, in the order of the chain."""
        asked = asked_of(query)
        for lowest in range(after + 1, last + 1, POSITIONS):
            places = {"$gte": lowest, "$lt": min(lowest + POSITIONS, last + 1)}
            stages = [{"$match": {"seq": places}}, {"$match": asked}, {"$sort": {"seq": 1}}]
            for one in await self._found(stages, self._timeout_s):
                yield _read(one)

    async def _found(self, stages: list[Filter], left_s: float) -> list[Filter]:
        async with self._reaching():
            if left_s <= 0:
                raise TimeoutError
            limit_ms = max(1, int(left_s * 1000))
            async with await self._traces.aggregate(stages, maxTimeMS=limit_ms) as cursor:
                return await cursor.to_list()

    @asynccontextmanager
    async def _reaching(self) -> AsyncIterator[None]:
        with translated():
            try:
                async with asyncio.timeout(self._timeout_s + ANSWER_GRACE_S):
                    yield
            except (ExecutionTimeout, TimeoutError) as slow:
                detail = f"the search took longer than {self._timeout_s:g} s; ask for less"
                raise Unavailable("mongo", detail) from slow


def asked_of(query: RecordQuery) -> Filter:
    """Return what MongoDB is asked for, wherever in the record it stands."""
    equal = {field: getattr(query, name) for name, field in _EQUAL.items()}
    asked: Filter = {field: value for field, value in equal.items() if value is not None}
    for name, field in _ANY_OF.items():
        values = sorted(getattr(query, name))
        if values:
            asked[field] = values[0] if len(values) == 1 else {"$in": values}
    return asked | _moments(query.since, query.until)


def page_stages(
    query: RecordQuery, after: Place | None, last: int, most: int, near: Near | None = None
) -> list[Filter]:
    """Return how a page is asked for.

    Args:
        query: What is asked for.
        after: Where the page before ended; None for the first.
        last: Position of the last record that counts.
        most: Most records to return.
        near: About where the page begins, and how far from there to look; None for everywhere.
    """
    forward = query.oldest_first
    rest = asked_of(query) | {"seq": {"$lte": last}}
    rest.pop("at", None)
    first = next((name for name in (*_FEW, *_MANY) if name in rest), None)
    indexed = {first: rest.pop(first)} if first else {}
    (rest if first in _FEW else indexed).update(_moments(*_reach(query, after, near)))
    if after is not None:
        beyond = "$gt" if forward else "$lt"
        rest["$or"] = [{"at": {beyond: after.at}}, {"at": after.at, "seq": {beyond: after.seq}}]
    way = 1 if forward else -1
    return [
        {"$match": indexed},
        {"$match": rest},
        {"$sort": {"at": way, "seq": way}},
        {"$limit": most},
    ]


def _reach(
    query: RecordQuery, after: Place | None, near: Near | None
) -> tuple[datetime | None, datetime | None]:
    """Return from which moment on, and before which, a page is looked for."""
    since, until = query.since, query.until
    if query.oldest_first:
        edge = near and _shifted(*near)
        return after.at if after else since, min(
            (one for one in (until, edge) if one), default=None
        )
    edge = near and _shifted(near[0], -near[1])
    until = _shifted(after.at, _MILLISECOND) if after else until
    return max((one for one in (since, edge) if one), default=None), until


def _shifted(moment: datetime, span: timedelta) -> datetime | None:
    """Return a moment that lies so far away; None where no calendar reaches."""
    try:
        return moment + span
    except OverflowError:
        return None


_MILLISECOND: Final = timedelta(milliseconds=1)


def _moments(since: datetime | None, until: datetime | None) -> Filter:
    span = {"$gte": since, "$lt": until}
    stated = {operator: moment for operator, moment in span.items() if moment is not None}
    return {"at": stated} if stated else {}


def _read(trace: Mapping[str, Any]) -> StoredRecord:
    try:
        return msgspec.convert(trace, StoredRecord)
    except msgspec.ValidationError as error:
        raise RecordUnreadable(trace.get("seq"), str(error)) from error
