"""Puts together what decides under a shadow: a part of the role ``control``.

It is there and not in a gate, or beside the drain, as it may cost time and fail: then nothing that
money or the record waits for is in its interpreter.
"""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from petrosa_cio import __version__
from petrosa_cio.adapters.mongo_connection import MongoClient, open_mongo
from petrosa_cio.adapters.mongo_records import MongoRecords
from petrosa_cio.adapters.mongo_shadows import MongoShadows
from petrosa_cio.adapters.mongo_tail import MongoTail
from petrosa_cio.adapters.redis_lease import RedisLease
from petrosa_cio.governance.shadow import ShadowWalk
from petrosa_cio.governance.shadow.metrics import PrometheusShadowTally
from petrosa_cio.governance.shadow.walk import LOOK_S
from petrosa_cio.nurse.every import every
from petrosa_cio.servers import Servers, clock
from petrosa_cio.settings import Settings

LEASE = "shadow"


def walk_of(settings: Settings, mongo: MongoClient) -> ShadowWalk:
    """Return what decides again under the newest shadow of a fund."""
    return ShadowWalk(
        MongoShadows(mongo, settings.mongo_database, settings.fund),
        MongoTail(mongo, settings.mongo_database),
        MongoRecords(mongo, settings.mongo_database).change,
        tally=PrometheusShadowTally(),
        clock=clock,
        code_version=__version__,
    )


@asynccontextmanager
async def shadowing(
    settings: Settings, servers: Servers, stop: asyncio.Event
) -> AsyncIterator[None]:
    """Decide under the newest shadow while the block runs, if a MongoDB is stated.

    One process at a time does, whoever holds the lease. Whatever fails is logged and counted, and
    tried again; it never ends the block.
    """
    if settings.mongo_url is None:
        yield
        return
    async with open_mongo(str(settings.mongo_url), settings.mongo_tls_ca_file) as mongo:
        walk = walk_of(settings, mongo)
        lease = RedisLease(servers.redis, settings.fund, LEASE)
        async with asyncio.TaskGroup() as tasks:
            walking = tasks.create_task(lease.while_held(lambda: every(LOOK_S, walk.look, stop)))
            yield
            walking.cancel()
