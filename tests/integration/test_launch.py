"""What a program that starts tells the commands beside it."""

from pathlib import Path

import pytest

from petrosa_cio.launch import discovered_settings, running
from petrosa_cio.settings import load_settings

pytestmark = pytest.mark.integration


async def test_whatever_was_chosen_is_told(tmp_path: Path) -> None:
    folder = tmp_path / "data"
    stated = load_settings({"CIO_DATA_DIR": str(folder), "CIO_HTTP_PORT": "0"})
    async with running(stated) as started:
        found = discovered_settings(stated, need=["nats_url", "redis_url", "mongo_url"])
        assert found.nats_url == started.settings.nats_url
        assert found.mongo_url == started.settings.mongo_url
        assert (found.nats_monitoring_url or "").startswith("http://127.0.0.1:")
        assert started.settings.http_port > 0
        assert started.child_environ["CIO_HTTP_PORT"] == str(started.settings.http_port)
    assert not (folder / "running.json").exists()
