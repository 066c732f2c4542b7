import asyncio
import json
import os
import signal
import sys
from collections.abc import AsyncIterator
from pathlib import Path

import nats
import pytest
from pymongo import AsyncMongoClient
from redis.asyncio import Redis

from petrosa_cio.adapters.embedded import (
    EmbeddedServers,
    ServerProcess,
    start_mongo,
    start_nats,
    start_redis,
)
from petrosa_cio.adapters.embedded import nats as embedded_nats
from petrosa_cio.adapters.embedded.folder import locked, prepare
from petrosa_cio.errors import AlreadyRunning, Misconfigured, Unavailable
from tests.integration.processes import alive, python
from tests.waiting import eventually

pytestmark = pytest.mark.integration

ALL = {"nats", "redis", "mongo"}
OWNER = """
import asyncio, json, sys
from pathlib import Path
from petrosa_cio.adapters.embedded import EmbeddedServers

async def main():
    async with EmbeddedServers.start(Path(sys.argv[1]), {"nats", "redis", "mongo"}) as servers:
        print(json.dumps(servers.pids), flush=True)
        await asyncio.Event().wait()

asyncio.run(main())
"""


@pytest.fixture
async def redis_server(tmp_path: Path) -> AsyncIterator[ServerProcess]:
    server = await start_redis(tmp_path / "redis")
    yield server
    await server.stop()


async def test_all_three_serve_and_nothing_is_left_after(tmp_path: Path) -> None:
    async with EmbeddedServers.start(tmp_path, ALL) as servers:
        pids = servers.pids
        assert set(pids) == ALL
        await write_to_each(servers)
    assert not [name for name, pid in pids.items() if alive(pid)]


async def write_to_each(servers: EmbeddedServers) -> None:
    connection = await nats.connect(servers.nats_url or "")
    await connection.jetstream().add_stream(name="TRY", subjects=["try"])
    await connection.jetstream().publish("try", b"hello")
    await connection.close()
    async with Redis.from_url(servers.redis_url or "") as redis:
        assert await redis.config_get("maxmemory-policy") == {"maxmemory-policy": "noeviction"}
        assert await redis.config_get("appendonly") == {"appendonly": "yes"}
    async with AsyncMongoClient[dict[str, object]](servers.mongo_url) as mongo:
        await mongo.trial.documents.insert_one({"hello": 1})


async def test_a_second_start_finds_the_same_ports_and_data(tmp_path: Path) -> None:
    async with EmbeddedServers.start(tmp_path, {"redis"}) as first:
        await write_and_close(first.redis_url or "")
    async with EmbeddedServers.start(tmp_path, {"redis"}) as second:
        assert second.redis_url == first.redis_url
        assert (second.nats_url, second.mongo_url) == (None, None)
        assert await read_and_close(second.redis_url or "") == b"yes"


async def write_and_close(url: str) -> None:
    async with Redis.from_url(url) as redis:
        await redis.set("kept", "yes")


async def read_and_close(url: str) -> object:
    async with Redis.from_url(url) as redis:
        return await redis.get("kept")


async def test_a_restart_keeps_port_and_data(redis_server: ServerProcess) -> None:
    await write_and_close(redis_server.url)
    before = redis_server.pid
    await redis_server.restart()
    assert redis_server.pid != before
    assert await read_and_close(redis_server.url) == b"yes"


async def test_a_wiped_server_comes_back_empty(redis_server: ServerProcess) -> None:
    await write_and_close(redis_server.url)
    redis_server.kill()
    redis_server.wipe()
    await redis_server.restart()
    assert await read_and_close(redis_server.url) is None


async def test_a_running_server_is_not_wiped(redis_server: ServerProcess) -> None:
    with pytest.raises(RuntimeError, match="stop redis"):
        redis_server.wipe()


async def test_a_killed_nats_server_comes_back_with_what_it_acknowledged(tmp_path: Path) -> None:
    server = await start_nats(tmp_path)
    connection = await nats.connect(server.url)
    await connection.jetstream().add_stream(name="TRY", subjects=["try"])
    await connection.jetstream().publish("try", b"hello")
    await connection.close()
    server.kill()
    await server.restart()
    connection = await nats.connect(server.url)
    assert (await connection.jetstream().stream_info("TRY")).state.messages == 1
    await connection.close()
    await server.stop()


async def test_a_killed_mongo_server_comes_back_with_its_documents(tmp_path: Path) -> None:
    server = await start_mongo(tmp_path)
    async with AsyncMongoClient[dict[str, object]](server.url) as mongo:
        await mongo.trial.documents.insert_one({"hello": 1})
    server.kill()
    await server.restart()
    async with AsyncMongoClient[dict[str, object]](server.url) as mongo:
        assert await mongo.trial.documents.count_documents({}) == 1
    await server.stop()


async def test_a_data_folder_has_one_owner(tmp_path: Path) -> None:
    async with EmbeddedServers.start(tmp_path, set()):
        with pytest.raises(AlreadyRunning, match=rf"pid {os.getpid()}\b.*CIO_DATA_DIR"):
            async with EmbeddedServers.start(tmp_path, set()):
                pass
    async with EmbeddedServers.start(tmp_path, set()):
        pass


@pytest.mark.parametrize("place", ["a file", "a file/below"])
def test_a_data_folder_that_cannot_be_one_is_said_to_be_wrong(tmp_path: Path, place: str) -> None:
    (tmp_path / "a file").touch()
    with pytest.raises(Misconfigured, match="CIO_DATA_DIR"), locked(tmp_path / place):
        pass


async def test_a_stranger_on_the_port_is_not_taken_for_the_server(
    tmp_path: Path, redis_server: ServerProcess
) -> None:
    with pytest.raises(Unavailable, match=f"port {redis_server.port} is taken"):
        await start_redis(tmp_path / "other", port=redis_server.port)


async def test_a_server_that_cannot_start_says_why(tmp_path: Path) -> None:
    async def never(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> bool:
        return False

    _, port = prepare(tmp_path, None)
    command = [sys.executable, "-c", "print('no luck'); raise SystemExit(3)"]
    server = ServerProcess("odd", "odd://", port, tmp_path, command, never)
    with pytest.raises(Unavailable, match="odd: ended with code 3\nno luck"):
        await server.start()


async def test_a_missing_package_is_told_with_its_cure(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(embedded_nats, "files", lambda name: [])
    monkeypatch.setattr(embedded_nats, "sys", type("Python", (), {"executable": "/nowhere/python"}))
    monkeypatch.setenv("PATH", "")
    with pytest.raises(Misconfigured, match=r"petrosa-cio\[embedded\].*CIO_NATS_URL"):
        await start_nats(tmp_path)


async def test_the_servers_die_with_an_owner_that_is_killed_and_start_again(tmp_path: Path) -> None:
    async with python(OWNER, tmp_path) as owner:
        assert owner.stdout
        pids = json.loads(await owner.stdout.readline())
        assert set(pids) == ALL
        owner.send_signal(signal.SIGKILL)
        await owner.wait()
        async with EmbeddedServers.start(tmp_path, ALL) as servers:
            assert servers.pids.keys() == pids.keys()
    await eventually(lambda: not [pid for pid in pids.values() if alive(pid)])
