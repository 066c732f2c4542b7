"""A journal whose disk is full: nothing is acknowledged that is not kept."""

import resource
from contextlib import suppress

import pytest

from petrosa_cio.adapters.embedded.process import ServerProcess
from petrosa_cio.adapters.nats_connection import NatsAccess, connect_nats
from petrosa_cio.adapters.nats_journal import NatsJournal, journal_span
from petrosa_cio.adapters.nats_streams import StreamSettings, ensure_streams
from petrosa_cio.errors import Unavailable
from tests.waiting import eventually

pytestmark = pytest.mark.integration

STREAMS = StreamSettings(["intent.>"], "execution.events.>", 100_000_000)


async def test_what_finds_no_room_is_not_acknowledged_and_the_rest_is_kept(
    own_nats: ServerProcess,
) -> None:
    """A limit on the server's files stands for the end of its disk; both end a write."""
    nats = await connect_nats(NatsAccess(own_nats.url), name="test")
    await ensure_streams(nats.jetstream(), STREAMS)
    journal, kept = NatsJournal(nats, timeout_s=1.0), 0
    assert own_nats.pid
    _, hard = resource.prlimit(own_nats.pid, resource.RLIMIT_FSIZE)
    resource.prlimit(own_nats.pid, resource.RLIMIT_FSIZE, (20_000, hard))
    with suppress(Unavailable):
        for _ in range(100):
            kept = await journal.append([b"x" * 1_000])
    assert 0 < kept < 100
    assert journal.trouble
    await own_nats.stop()
    await own_nats.start()

    async def is_back() -> bool:
        try:
            return await journal.append([b"y"]) > kept
        except Unavailable:
            return False

    await eventually(is_back)
    assert (await journal_span(nats))[0] == 1
    assert journal.trouble is None
    await nats.close()
