"""What every test may ask for: real servers, started once and only if a test wants them."""

import os
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings
from pydantic_ai import models

import petrosa_cio.cli.main  # noqa: F401 - commands stand in the order in which they are loaded
from petrosa_cio.adapters.embedded import start_mongo, start_nats, start_redis
from petrosa_cio.adapters.embedded.process import ServerProcess

# Properties take the time they need: nothing here measures. In CI a change is judged by what it
# changes, so the examples are the same each time; everywhere else they are new ones.
settings.register_profile(
    "patient",
    deadline=None,
    suppress_health_check=[HealthCheck.too_slow],
    derandomize="CI" in os.environ,
)
settings.load_profile("patient")

# No test asks a language model; those of the asking itself allow it for servers of their own.
models.ALLOW_MODEL_REQUESTS = False


@pytest.fixture(scope="session")
def anyio_backend() -> str:
    return "asyncio"


@pytest.fixture(scope="session")
def servers_dir(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("servers")


@pytest.fixture(scope="session")
async def nats_url(anyio_backend: str, servers_dir: Path) -> AsyncIterator[str]:
    """A NATS server with JetStream that all tests share: name your streams apart."""
    server = await start_nats(servers_dir / "nats")
    yield server.url
    await server.stop()


@pytest.fixture(scope="session")
async def redis_url(anyio_backend: str, servers_dir: Path) -> AsyncIterator[str]:
    """A Redis server that all tests share: name your keys apart."""
    server = await start_redis(servers_dir / "redis")
    yield server.url
    await server.stop()


@pytest.fixture(scope="session")
async def mongo_url(anyio_backend: str, servers_dir: Path) -> AsyncIterator[str]:
    """A MongoDB stand-in that all tests share: name your databases apart."""
    server = await start_mongo(servers_dir / "mongo")
    yield server.url
    await server.stop()


@pytest.fixture
async def own_nats(tmp_path: Path) -> AsyncIterator[ServerProcess]:
    """A NATS server of one test's own, which it may stop, freeze and start again."""
    server = await start_nats(tmp_path / "nats")
    yield server
    await server.stop()
