"""The journal: durable, in order, never longer than one message may be, and full at some point."""

from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from petrosa_cio.adapters.embedded.process import ServerProcess
from petrosa_cio.adapters.nats_connection import RobustClient
from petrosa_cio.adapters.nats_journal import (
    MAX_MESSAGE_BYTES,
    NatsJournal,
    journal_is_empty,
    read_journal,
    split,
)
from petrosa_cio.adapters.nats_streams import StreamSettings, ensure_streams
from petrosa_cio.errors import Unavailable
from petrosa_cio.ports import Journal
from tests.fakes import FakeJournal
from tests.neighbours import connected

ROOM = 60_000
LONG_AGO = datetime(2020, 1, 1, tzinfo=UTC)


@dataclass
class JournalUnderTest:
    """A journal, what stands in it, and the way to take it away."""

    journal: Journal
    read: Callable[[], Awaitable[Sequence[bytes]]]
    take_away: Callable[[], Awaitable[None]]


def fake_journal() -> JournalUnderTest:
    journal = FakeJournal(room=ROOM)

    async def read() -> Sequence[bytes]:
        return journal.records

    async def take_away() -> None:
        journal.away = True

    return JournalUnderTest(journal, read, take_away)


async def everything(client: RobustClient) -> list[bytes]:
    return [record async for one in read_journal(client, since=LONG_AGO) for record in one.records]


@pytest.fixture
async def real_journal(own_nats: ServerProcess) -> AsyncIterator[JournalUnderTest]:
    async with connected(own_nats.url) as client:
        await ensure_streams(client.jetstream(), StreamSettings(["i.>"], "e.>", ROOM))
        journal = NatsJournal(client, timeout_s=5)
        yield JournalUnderTest(journal, lambda: everything(client), own_nats.stop)


@pytest.fixture(params=["fake", "nats"])
def subject(request: pytest.FixtureRequest) -> JournalUnderTest:
    if request.param == "fake":
        return fake_journal()
    found: JournalUnderTest = request.getfixturevalue("real_journal")
    return found


async def test_what_is_appended_is_read_back_in_order(subject: JournalUnderTest) -> None:
    first = await subject.journal.append([b"1", b"2"])
    second = await subject.journal.append([b"3"])
    assert 0 < first < second
    assert list(await subject.read()) == [b"1", b"2", b"3"]


async def test_when_it_is_full_nothing_more_is_taken_and_nothing_is_lost(
    subject: JournalUnderTest,
) -> None:
    record, kept = b"x" * 1_000, 0
    with suppress(Unavailable):
        for kept in range(ROOM):  # noqa: B007
            await subject.journal.append([record])
    assert ROOM / 2_000 < kept <= ROOM / 1_000
    with pytest.raises(Unavailable, match="journal"):
        await subject.journal.append([record])
    assert list(await subject.read()) == [record] * kept


async def test_when_it_is_away_that_is_said(subject: JournalUnderTest) -> None:
    await subject.take_away()
    with pytest.raises(Unavailable) as away:
        await subject.journal.append([b"1"])
    assert away.value.dependency == "journal"


# --- on the wire only -----------------------------------------------------------------------------


@pytest.fixture
async def client(own_nats: ServerProcess) -> AsyncIterator[RobustClient]:
    async with connected(own_nats.url) as client:
        await ensure_streams(client.jetstream(), StreamSettings(["i.>"], "e.>", 2**26))
        yield client


@pytest.mark.integration
async def test_a_batch_is_one_message_and_a_large_one_is_split_between_records(
    client: RobustClient,
) -> None:
    journal = NatsJournal(client, timeout_s=5)
    assert await journal_is_empty(client)
    assert await journal.append([b"a", b"b", b"c"]) == 1
    assert not await journal_is_empty(client)
    large = [bytes([65 + n]) * 400_000 for n in range(5)]
    assert await journal.append(large) == 4
    entries = [one async for one in read_journal(client, since=LONG_AGO)]
    assert [one.sequence for one in entries] == [1, 2, 3, 4]
    assert [len(one.records) for one in entries] == [3, 2, 2, 1]
    assert [record for one in entries[1:] for record in one.records] == large


@pytest.mark.integration
async def test_an_empty_journal_reads_as_nothing(client: RobustClient) -> None:
    assert await everything(client) == []


@pytest.mark.integration
async def test_only_what_was_stored_since_is_read(client: RobustClient) -> None:
    journal = NatsJournal(client, timeout_s=5)
    await journal.append([b"1"])
    (first,) = [one async for one in read_journal(client, since=LONG_AGO)]
    await journal.append([b"2"])
    later = [one async for one in read_journal(client, since=first.stored_at)]
    assert [one.records for one in later][-1] == (b"2",)
    assert [one async for one in read_journal(client, since=datetime(2200, 1, 1, tzinfo=UTC))] == []


@pytest.mark.integration
async def test_streams_are_set_up_again_without_harm(client: RobustClient) -> None:
    await NatsJournal(client, timeout_s=5).append([b"1"])
    await ensure_streams(client.jetstream(), StreamSettings(["i.>", "j.>"], "e.>", 2**26))
    assert await everything(client) == [b"1"]


# --- splitting ------------------------------------------------------------------------------------

LINES = st.lists(st.binary(min_size=1, max_size=30).filter(lambda line: b"\n" not in line))


@given(records=LINES, limit=st.integers(1, 60))
def test_splitting_loses_nothing_and_keeps_to_the_limit(records: list[bytes], limit: int) -> None:
    parts = list(split(records, limit))
    assert [line for part in parts for line in part.split(b"\n")] == records
    assert all(len(part) <= limit or b"\n" not in part for part in parts)


@given(records=LINES, limit=st.integers(40, 60))
def test_no_part_could_take_the_next_record_too(records: list[bytes], limit: int) -> None:
    parts = list(split(records, limit))
    for part, after in pairwise(parts):
        assert len(part) + len(after.split(b"\n")[0]) + 2 > limit


def test_the_limit_is_below_what_any_server_takes() -> None:
    assert MAX_MESSAGE_BYTES < 1_048_576
