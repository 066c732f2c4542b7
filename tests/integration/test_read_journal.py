from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from petrosa_cio.adapters.embedded import start_nats
from petrosa_cio.adapters.nats_connection import NatsAccess, RobustClient, connect_nats
from petrosa_cio.adapters.nats_journal import NatsJournal, read_journal
from petrosa_cio.adapters.nats_streams import StreamSettings, ensure_streams

pytestmark = pytest.mark.integration

BEGINNING = datetime(1970, 1, 1, tzinfo=UTC)


@pytest.fixture
async def client(tmp_path: Path) -> AsyncIterator[RobustClient]:
    server = await start_nats(tmp_path)
    client = await connect_nats(NatsAccess(server.url), name="test")
    settings = StreamSettings(("intent.>",), "execution.events.>", 2**24)
    await ensure_streams(client.jetstream(), settings)
    yield client
    await client.close()
    await server.stop()


async def records(client: RobustClient, since: datetime) -> list[bytes]:
    return [one async for entry in read_journal(client, since=since) for one in entry.records]


@pytest.mark.parametrize("appended", [1, 2, 3])
async def test_the_whole_journal_is_read_every_time(client: RobustClient, appended: int) -> None:
    journal = NatsJournal(client, timeout_s=5)
    wanted = [b"%d" % number for number in range(appended)]
    for record in wanted:
        await journal.append([record])
    for _ in range(200):
        assert await records(client, BEGINNING) == wanted


async def test_an_empty_journal_and_one_without_anything_new_end_at_once(
    client: RobustClient,
) -> None:
    assert await records(client, BEGINNING) == []
    await NatsJournal(client, timeout_s=5).append([b"old"])
    assert await records(client, datetime.now(UTC) + timedelta(hours=1)) == []
