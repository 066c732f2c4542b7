"""What was decided, read from the record: in memory and in MongoDB."""

from collections.abc import AsyncIterator
from datetime import datetime, timedelta
from typing import Protocol
from uuid import uuid4

import pytest

from petrosa_cio.adapters.mongo_connection import connect_mongo
from petrosa_cio.adapters.mongo_traces import PORTION, MongoTraceStore
from petrosa_cio.audit.record import RecordKind
from petrosa_cio.ports import PastVerdict, PastVerdicts
from petrosa_cio.risk.parse import Malformed
from petrosa_cio.risk.reasons import ReasonCode
from petrosa_cio.risk.verdict import VerdictKind
from tests.fakes import FakePast
from tests.records import NOON, Appendable, later_line, verdict_line
from tests.records import keep as kept

HOUR = timedelta(hours=1)
DENIED = (VerdictKind.DENY, ReasonCode.FUND_HALTED, ReasonCode.INTENT_STALE)


class Past(PastVerdicts, Appendable, Protocol):
    """A record that can be written as well."""


@pytest.fixture(params=["memory", "mongo"])
async def past(request: pytest.FixtureRequest, mongo_url: str) -> AsyncIterator[Past]:
    if request.param == "memory":
        yield FakePast()
        return
    client = connect_mongo(mongo_url)
    store = MongoTraceStore(client, uuid4().hex)
    await store.prepare()
    yield store
    await client.close()


async def keep(past: Past, *lines: bytes, at: datetime = NOON) -> None:
    await kept(past, *lines, at=at)


async def read(
    past: Past, since: datetime = NOON - HOUR, until: datetime = NOON + HOUR
) -> list[PastVerdict]:
    return [one async for one in past.verdicts(since, until)]


async def test_a_verdict_is_read_with_every_code(past: Past) -> None:
    await keep(past, verdict_line("d1", *DENIED))
    assert await read(past) == [
        PastVerdict(NOON, "momentum", "BTCUSDT", "deny", ("FUND_HALTED", "INTENT_STALE"))
    ]


async def test_what_states_no_name_has_none(past: Past) -> None:
    await keep(past, verdict_line("d1", *DENIED, intent=Malformed("no JSON")))
    (found,) = await read(past)
    assert (found.strategy, found.symbol) == (None, None)


async def test_the_span_begins_with_its_start_and_ends_before_its_end(past: Past) -> None:
    for number in range(3):
        await keep(past, verdict_line(f"d{number}"), at=NOON + number * HOUR)
    found = await read(past, NOON, NOON + 2 * HOUR)
    assert sorted(one.at for one in found) == [NOON, NOON + HOUR]


async def test_more_verdicts_than_are_read_at_a_time(past: Past) -> None:
    many = 2 * PORTION + 1
    await keep(past, *(verdict_line(f"d{number}") for number in range(many)))
    assert len(await read(past)) == many


async def test_nothing_was_decided(past: Past) -> None:
    assert await read(past) == []
    assert await past.befell(NOON - HOUR, NOON + HOUR) == {}


async def test_what_befell_approvals_is_counted_by_kind(past: Past) -> None:
    await keep(past, *(verdict_line(name) for name in ("d1", "d2", "d3")))
    await keep(past, later_line("d1"), later_line("d2"))
    await keep(past, later_line("d3", RecordKind.UNDELIVERED))
    await keep(past, later_line("d4", RecordKind.UNCONFIRMED), at=NOON + 3 * HOUR)
    assert await past.befell(NOON - HOUR, NOON + HOUR) == {"withdrawal": 2, "undelivered": 1}
    assert len(await read(past)) == 3
