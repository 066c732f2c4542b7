"""The client of the data-manager against a real HTTP server that misbehaves in every way."""

import asyncio
import gzip
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from decimal import Decimal
from uuid import uuid4

import orjson
import pytest

from petrosa_cio.adapters.redis_connection import connect_redis
from petrosa_cio.adapters.redis_state import RedisStateStore
from petrosa_cio.doctor import Level
from petrosa_cio.doctor.patient import Patient
from petrosa_cio.doctor.regime_checks import regime_feed
from petrosa_cio.errors import Misconfigured, Unavailable
from petrosa_cio.fleet.data_manager import DataManager, open_data_manager
from petrosa_cio.fleet.regime_answers import (
    MAX_BODY_BYTES,
    NoRegime,
    ObservedRegime,
    Trouble,
)
from petrosa_cio.governance.files import load_governing
from petrosa_cio.settings import load_settings
from tests.data_manager import (
    FakeDataManager,
    Reply,
    data_manager,
    drips,
    floods,
    hangs,
    hangs_up,
    regime_answer,
    sends,
)
from tests.policies import put_next

pytestmark = pytest.mark.integration

THREE = datetime(2026, 11, 23, 3, tzinfo=UTC)
GOOD = orjson.dumps(regime_answer("BTCUSDT", at=THREE))
DETAIL = b'{"detail":"Database not available"}'


@pytest.fixture
async def fake() -> AsyncIterator[FakeDataManager]:
    async with data_manager() as fake:
        yield fake


@pytest.fixture
async def client(fake: FakeDataManager) -> AsyncIterator[DataManager]:
    async with open_data_manager(fake.url, timeout_s=10.0) as client:
        yield client


async def test_the_path_has_no_version_and_connections_are_used_again(
    fake: FakeDataManager, client: DataManager
) -> None:
    fake.says("BTCUSDT", "breakout_phase", at=THREE)
    for _ in range(3):
        found = await client.regime("BTCUSDT")
        assert found == ObservedRegime("breakout_phase", Decimal("0.9"), THREE)
    assert fake.asked == ["/analysis/regime?pair=BTCUSDT&period=1h"] * 3
    assert fake.connections == 1


async def test_nothing_known_comes_with_status_200(client: DataManager) -> None:
    assert await client.regime("DOGEUSDT") == NoRegime(Trouble.EMPTY)


@pytest.mark.parametrize(
    ("reply", "trouble"),
    [
        (sends(DETAIL, "503 Service Unavailable"), Trouble.REFUSED),
        (sends(GOOD, "500 Internal Server Error"), Trouble.REFUSED),
        (sends(DETAIL, "404 Not Found"), Trouble.REFUSED),
        (sends(GOOD, "206 Partial Content"), Trouble.REFUSED),
        (sends(b"", "302 Found", head="location: http://127.0.0.1:9/\r\n"), Trouble.REFUSED),
        (sends(b"", "204 No Content"), Trouble.REFUSED),
        (sends(b"<html>"), Trouble.MALFORMED),
        (sends(GOOD.replace(b"0.9", b"NaN")), Trouble.MALFORMED),
        (sends(gzip.compress(GOOD), head="content-encoding: gzip\r\n"), Trouble.MALFORMED),
        (sends(b" " * (MAX_BODY_BYTES + 1) + GOOD), Trouble.TOO_LARGE),
        (floods, Trouble.TOO_LARGE),
        (hangs_up, Trouble.UNREACHABLE),
        (sends(GOOD, "no status at all"), Trouble.UNREACHABLE),
    ],
)
async def test_what_is_no_regime_is_none(
    fake: FakeDataManager, client: DataManager, reply: Reply, trouble: Trouble
) -> None:
    fake.replies["BTCUSDT"] = reply
    found = await client.regime("BTCUSDT")
    assert isinstance(found, NoRegime)
    assert found.trouble is trouble, found
    fake.says("BTCUSDT", "breakout_phase", at=THREE)
    assert isinstance(await client.regime("BTCUSDT"), ObservedRegime)


@pytest.mark.parametrize("reply", [hangs, drips, sends(GOOD, length=len(GOOD) + 1)])
async def test_an_answer_has_an_end_or_none_is_waited_for(
    fake: FakeDataManager, reply: Reply
) -> None:
    fake.replies["BTCUSDT"] = reply
    async with open_data_manager(fake.url, timeout_s=0.2) as client:
        found = await client.regime("BTCUSDT")
    assert isinstance(found, NoRegime)
    assert found.trouble is Trouble.TIMED_OUT


async def test_a_redirect_is_not_followed(fake: FakeDataManager, client: DataManager) -> None:
    async with data_manager() as elsewhere:
        elsewhere.says("BTCUSDT", "breakout_phase", at=THREE)
        target = f"{elsewhere.url}/analysis/regime?pair=BTCUSDT&period=1h"
        fake.replies["BTCUSDT"] = sends(b"", "307 Temporary", head=f"location: {target}\r\n")
        assert await client.regime("BTCUSDT") == NoRegime(Trouble.REFUSED, "status 307")
        assert elsewhere.asked == []


async def test_where_nobody_is_it_is_unreachable_and_comes_back(fake: FakeDataManager) -> None:
    async with data_manager() as gone:
        port = int(gone.url.rpartition(":")[2])
    async with open_data_manager(gone.url) as client:
        found = await client.regime("BTCUSDT")
        assert isinstance(found, NoRegime)
        assert found.trouble is Trouble.UNREACHABLE
        async with data_manager(port) as back:
            back.says("BTCUSDT", "breakout_phase", at=THREE)
            assert isinstance(await client.regime("BTCUSDT"), ObservedRegime)


async def test_one_that_hangs_holds_up_no_other(fake: FakeDataManager, client: DataManager) -> None:
    fake.replies["BTCUSDT"] = hangs
    fake.says("ETHUSDT", "consolidation", at=THREE)
    hanging = asyncio.create_task(client.regime("BTCUSDT"))
    assert isinstance(await client.regime("ETHUSDT"), ObservedRegime)
    assert not hanging.done()
    hanging.cancel()
    await asyncio.wait([hanging])


async def test_proxies_of_the_environment_are_not_asked(
    fake: FakeDataManager, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HTTP_PROXY", "http://127.0.0.1:9")
    monkeypatch.setenv("ALL_PROXY", "http://127.0.0.1:9")
    fake.says("BTCUSDT", "breakout_phase", at=THREE)
    async with open_data_manager(fake.url) as client:
        assert isinstance(await client.regime("BTCUSDT"), ObservedRegime)


@pytest.mark.parametrize("url", ["http://h:port", "http://[::1"])
async def test_a_url_that_cannot_be_meant_is_said_to_be(url: str) -> None:
    with pytest.raises(Misconfigured, match="CIO_DATA_MANAGER_URL"):
        async with open_data_manager(url):
            pass


@asynccontextmanager
async def patient_at(data: FakeDataManager, redis_url: str) -> AsyncIterator[Patient]:
    stated = {"CIO_DATA_MANAGER_URL": data.url, "CIO_REDIS_URL": redis_url}
    settings = load_settings(stated | {"CIO_FUND": uuid4().hex})
    for symbol in settings.regime_symbols:
        data.says(symbol, "consolidation")
    redis, nats = connect_redis(redis_url), Unavailable("nats", "away for a test")
    yield Patient(settings, load_governing(None, None), nats, redis)
    await redis.aclose()


async def test_the_doctor_asks_for_every_symbol(fake: FakeDataManager) -> None:
    async with patient_at(fake, "redis://127.0.0.1:1/0") as patient:
        found = await regime_feed(patient)
        assert (found.level, found.seen[:7]) == (Level.OK, "8 of 8 "), found
        fake.replies.clear()
        assert (await regime_feed(patient)).level is Level.PROBLEM


@pytest.mark.parametrize(
    ("policy", "level"),
    [(None, "ok"), (b"{}", "ok"), ({}, "warning"), ({"fund": {"max_regime_age_s": 2_700}}, "ok")],
)
async def test_the_doctor_warns_of_a_policy_under_which_a_regime_does_not_age(
    fake: FakeDataManager, redis_url: str, policy: object, level: str
) -> None:
    async with patient_at(fake, redis_url) as patient:
        if policy is not None:
            document = policy if isinstance(policy, bytes) else orjson.dumps({"policy": policy})
            client = connect_redis(redis_url)
            store = RedisStateStore(client, patient.settings.fund, timeout_s=5)
            await put_next(store, document, fund=patient.settings.fund)
            await client.aclose()
        assert (await regime_feed(patient)).level == level
