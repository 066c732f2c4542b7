"""Whether the reconciler has compared everything, and what it found that is still open."""

from collections import defaultdict
from collections.abc import Mapping

from petrosa_cio.adapters.mongo_connection import MongoClient
from petrosa_cio.adapters.mongo_schema import ALERTS
from petrosa_cio.adapters.nats_reading import NatsReading
from petrosa_cio.adapters.nats_streams import EXECUTIONS, INTENTS, JOURNAL
from petrosa_cio.audit.books import Books, StreamName, read_books
from petrosa_cio.audit.findings import FindingKind
from petrosa_cio.completeness import books_of
from petrosa_cio.ports import OVER
from petrosa_cio.settings import Settings
from tests.integration.gate_house import GateHouse

STREAMS = {
    StreamName.INTENTS: INTENTS,
    StreamName.JOURNAL: JOURNAL,
    StreamName.EXECUTIONS: EXECUTIONS,
}


async def is_all_compared(house: GateHouse, settings: Settings) -> bool:
    """Return whether every stream is compared to its end, and nothing is waited for any more.

    Raises Unavailable.
    """
    books = read_books(*await books_of(settings, house.redis_client).load())
    if books is None or books.awaited or books.doubled:
        return False
    return all([await _is_read(house, books, name) for name in StreamName])


async def _is_read(house: GateHouse, books: Books, name: StreamName) -> bool:
    ends = await NatsReading(house.client, STREAMS[name]).ends()
    read = books.progress.get(name)
    return read is not None and (read.created_ns, read.sequence) == (ends.created_ns, ends.last)


async def open_findings(mongo: MongoClient, database: str) -> Mapping[FindingKind, frozenset[str]]:
    """Return what findings that are not over are about, by kind: decisions, else their names."""
    kept = [one async for one in mongo[database][ALERTS].find({})]
    over = {one["ends"] for one in kept if one["kind"] == OVER}
    found: dict[FindingKind, set[str]] = defaultdict(set)
    for one in kept:
        if one["kind"] != OVER and one["_id"] not in over:
            found[FindingKind(one["kind"])].add(one["decision_id"] or one["_id"])
    return {kind: frozenset(about) for kind, about in found.items()}
