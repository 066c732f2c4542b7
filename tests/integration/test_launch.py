"""What a program that starts tells the commands beside it."""

from pathlib import Path
from uuid import uuid4

import pytest

from petrosa_cio.adapters.embedded import ServerProcess
from petrosa_cio.errors import Misconfigured
from petrosa_cio.governance.actors import Role
from petrosa_cio.government import open_government
from petrosa_cio.launch import discovered_settings, running
from petrosa_cio.settings import load_settings
from tests.policies import with_key

pytestmark = pytest.mark.integration


async def test_whatever_was_chosen_is_told(
    tmp_path: Path, own_nats: ServerProcess, redis_url: str, mongo_url: str
) -> None:
    folder = {"CIO_DATA_DIR": str(tmp_path), "CIO_HTTP_PORT": "0"}
    servers = {
        "CIO_NATS_URL": own_nats.url,
        "CIO_REDIS_URL": redis_url,
        "CIO_MONGO_URL": mongo_url,
    }
    own = {"CIO_FUND": uuid4().hex, "CIO_MONGO_DATABASE": uuid4().hex, **with_key(tmp_path)}
    async with running(load_settings(folder | servers | own)) as started:
        found = discovered_settings(load_settings(folder), need=["nats_url", "redis_url"])
        assert (found.nats_url, found.redis_url) == (own_nats.url, redis_url)
        assert (found.mongo_url, found.nats_monitoring_url) == (mongo_url, None)
        assert started.settings.http_port > 0
        assert started.child_environ["CIO_HTTP_PORT"] == str(started.settings.http_port)
    assert not (tmp_path / "running.json").exists()


async def test_with_the_stand_in_the_record_is_signed_without_further_ado(
    tmp_path: Path, own_nats: ServerProcess, redis_url: str
) -> None:
    environ = {
        "CIO_DATA_DIR": str(tmp_path), "CIO_NATS_URL": own_nats.url, "CIO_REDIS_URL": redis_url,
        "CIO_HTTP_PORT": "0", "CIO_FUND": uuid4().hex,
    }  # fmt: skip
    keys = set()
    for _ in range(2):
        async with running(load_settings(environ)) as started:
            file = started.settings.audit_key_file
            assert file == tmp_path / "audit.key"
            assert file.stat().st_mode & 0o777 == 0o600
            keys.add(file.read_text())
            assert started.child_environ["CIO_AUDIT_KEY_FILE"] == str(file)
    assert len(keys) == 1


async def test_a_key_that_others_may_read_stops_the_start(
    tmp_path: Path, own_nats: ServerProcess, redis_url: str
) -> None:
    (tmp_path / "key").write_text("0" * 64)
    (tmp_path / "key").chmod(0o644)
    environ = {
        "CIO_DATA_DIR": str(tmp_path), "CIO_NATS_URL": own_nats.url, "CIO_REDIS_URL": redis_url,
        "CIO_MONGO_URL": "mongodb://127.0.0.1:1/", "CIO_AUDIT_KEY_FILE": str(tmp_path / "key"),
    }  # fmt: skip
    with pytest.raises(Misconfigured, match="CIO_AUDIT_KEY_FILE"):
        async with running(load_settings(environ)):
            pass


async def test_with_the_stand_in_whoever_tries_it_out_has_a_token(
    tmp_path: Path, own_nats: ServerProcess, redis_url: str
) -> None:
    environ = {
        "CIO_DATA_DIR": str(tmp_path), "CIO_NATS_URL": own_nats.url, "CIO_REDIS_URL": redis_url,
        "CIO_HTTP_PORT": "0", "CIO_FUND": uuid4().hex,
    }  # fmt: skip
    file, texts = tmp_path / "admin.token", set()
    for _ in range(2):
        async with (
            running(load_settings(environ)) as started,
            open_government(started.settings) as government,
        ):
            assert file.stat().st_mode & 0o777 == 0o600
            texts.add(file.read_text())
            assert (await government.who_asks()).role is Role.ADMIN
            assert len(await government.tokens.listed()) == 1
            assert "CIO_TOKEN" not in started.child_environ
            file.chmod(0o644)
            with pytest.raises(Misconfigured, match="others may read"):
                await government.who_asks()
            file.chmod(0o600)
    assert len(texts) == 1
