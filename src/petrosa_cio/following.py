"""Opens the live events of a fund for the role ``control``: a part of composition."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from petrosa_cio.adapters.nats_messages import listen
from petrosa_cio.adapters.nats_reading import NatsReading
from petrosa_cio.adapters.nats_streams import JOURNAL
from petrosa_cio.nurse.limit_warnings import LIMIT_WARNING
from petrosa_cio.office.live import LiveFeed
from petrosa_cio.servers import Servers


@asynccontextmanager
async def following(servers: Servers) -> AsyncIterator[LiveFeed]:
    """Follow the journal and the warnings about limits while the block runs."""
    feed = LiveFeed(NatsReading(servers.nats, JOURNAL), fund=servers.fund)
    await listen(servers.nats, LIMIT_WARNING, feed.heard)
    async with asyncio.TaskGroup() as tasks:
        looking = tasks.create_task(feed.keep_looking())
        yield feed
        looking.cancel()
