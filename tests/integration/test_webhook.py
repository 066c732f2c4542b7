"""The webhook beside real servers: signed, told again, and after a restart."""

import asyncio
import hmac
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from uuid import uuid4

import orjson
import pytest
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import PlainTextResponse, RedirectResponse, Response
from starlette.routing import Route

from petrosa_cio.adapters.redis_connection import connect_redis
from petrosa_cio.adapters.redis_outbox import RedisOutbox
from petrosa_cio.adapters.webhook_http import open_webhook
from petrosa_cio.alarms import telling_alerts
from petrosa_cio.audit.findings import Finding, FindingKind, finding_document
from petrosa_cio.errors import Misconfigured, Unavailable
from petrosa_cio.ports import WaitingAlert
from petrosa_cio.risk.trading_state import FUND, TradingState
from petrosa_cio.servers import Servers, clock, open_servers
from petrosa_cio.settings import Settings, child_environ, describe, load_settings
from petrosa_cio.surfaces.gate_watch import GateWatch
from tests.fleet import serving
from tests.governing import NOON
from tests.waiting import eventually

pytestmark = pytest.mark.integration

SECRET = "s" * 32
ALERT = WaitingAlert("a1", '{"kind":"undelivered"}', 0, 0)


@dataclass
class Receiver:
    """Takes what it is told as a receiver should: it looks at the signature first."""

    instead: Response | None = None
    is_silent: bool = False
    bodies: list[dict[str, object]] = field(default_factory=list)
    ids: list[str] = field(default_factory=list)
    forged: int = 0
    asked: int = 0
    over: asyncio.Event = field(default_factory=asyncio.Event)
    url: str = ""

    async def take(self, request: Request) -> Response:
        self.asked += 1
        if self.is_silent:
            await self.over.wait()
        if self.instead is not None:
            return self.instead
        body, at = await request.body(), request.headers["cio-webhook-timestamp"]
        expected = hmac.new(SECRET.encode(), at.encode() + b"." + body, "sha256").hexdigest()
        if not hmac.compare_digest(f"v1={expected}", request.headers["cio-webhook-signature"]):
            self.forged += 1
            return PlainTextResponse("", status_code=401)
        self.ids.append(request.headers["cio-webhook-id"])
        self.bodies.append(orjson.loads(body))
        return PlainTextResponse("", status_code=204)


@pytest.fixture
async def receiver() -> AsyncIterator[Receiver]:
    receiver = Receiver()
    routes = [Route("/alerts", receiver.take, methods=["POST"])]
    async with serving(Starlette(routes=routes)) as url:
        receiver.url = f"{url}/alerts"
        yield receiver
        receiver.over.set()


async def test_what_is_told_is_signed_over_time_and_body(receiver: Receiver) -> None:
    async with open_webhook(receiver.url, SECRET, clock=lambda: NOON) as webhook:
        await webhook.tell(ALERT)
    assert receiver.ids == ["a1"]
    assert receiver.bodies == [{"kind": "undelivered"}]
    async with open_webhook(receiver.url, "t" * 32, clock=clock) as stranger:
        with pytest.raises(Unavailable, match="401"):
            await stranger.tell(ALERT)
    assert receiver.forged == 1


@pytest.mark.parametrize(
    "answer",
    [
        PlainTextResponse("", status_code=500),
        PlainTextResponse("", status_code=404),
        PlainTextResponse("", status_code=304),
        RedirectResponse("http://127.0.0.1:9/"),
    ],
)
async def test_only_a_status_of_2xx_is_a_receipt(receiver: Receiver, answer: Response) -> None:
    receiver.instead = answer
    async with open_webhook(receiver.url, SECRET, clock=clock) as webhook:
        with pytest.raises(Unavailable, match="expected a status of 2xx"):
            await webhook.tell(ALERT)
    assert receiver.asked == 1


async def test_a_slow_or_absent_receiver_is_not_waited_for(receiver: Receiver) -> None:
    receiver.is_silent = True
    async with open_webhook(receiver.url, SECRET, clock=clock, timeout_s=0.2) as webhook:
        with pytest.raises(Unavailable, match="webhook"):
            await webhook.tell(ALERT)
    async with open_webhook("http://127.0.0.1:9/", SECRET, clock=clock) as nowhere:
        with pytest.raises(Unavailable, match="ConnectError"):
            await nowhere.tell(ALERT)
    with pytest.raises(Misconfigured, match="CIO_WEBHOOK_URL"):
        async with open_webhook("http://h:port", SECRET, clock=clock):
            pass


# --- beside the program ---------------------------------------------------------------------------


@asynccontextmanager
async def telling(settings: Settings, gates: GateWatch) -> AsyncIterator[Servers]:
    stop = asyncio.Event()
    async with (
        open_servers(settings, name="test") as servers,
        telling_alerts(settings, servers, gates, consumer="nobody", stop=stop),
    ):
        yield servers
        stop.set()


def finding_of(settings: Settings) -> bytes:
    one = Finding(FindingKind.UNDELIVERED, uuid4().hex, datetime.now(UTC), {}, "d1")
    return orjson.dumps(finding_document(one, fund=settings.fund, found_at=datetime.now(UTC)))


@pytest.fixture
def settings(nats_url: str, redis_url: str, receiver: Receiver) -> Settings:
    return load_settings(
        {
            "CIO_NATS_URL": nats_url,
            "CIO_REDIS_URL": redis_url,
            "CIO_FUND": uuid4().hex,
            "CIO_WEBHOOK_URL": receiver.url,
            "CIO_WEBHOOK_SECRET": SECRET,
        }
    )


async def test_findings_and_switches_are_told(settings: Settings, receiver: Receiver) -> None:
    async with telling(settings, GateWatch(lambda: 0.0, silent_after_s=3)) as servers:
        await servers.announcer.announce([("cio.audit.undelivered", finding_of(settings))])
        await servers.announcer.announce([("cio.audit.status", b'{"status":"clean"}')])
        await servers.desk.switch(FUND, TradingState.HALTED, reason="a test", author="ann")
        await eventually(lambda: len(receiver.bodies) == 2)
    told = {str(one["kind"]): one for one in receiver.bodies}
    assert told.keys() == {"undelivered", "trading_state"}
    assert told["trading_state"]["detail"]["author"] == "ann"  # type: ignore[index]


async def test_what_was_not_told_is_told_after_a_restart(
    settings: Settings, receiver: Receiver, redis_url: str
) -> None:
    receiver.instead = PlainTextResponse("", status_code=503)
    gates = GateWatch(lambda: 0.0, silent_after_s=3)
    async with telling(settings, gates) as servers:
        await servers.announcer.announce([("cio.audit.undelivered", finding_of(settings))])
        await eventually(lambda: receiver.asked > 0)
    client = connect_redis(redis_url, timeout_s=5)
    outbox = RedisOutbox(client, settings.fund, room=9, timeout_s=5)
    assert await outbox.waiting() == 1
    receiver.instead = None
    async with telling(settings, gates):
        await eventually(lambda: len(receiver.bodies) == 1, timeout_s=60)
    assert await outbox.waiting() == 0
    await client.aclose()


async def test_without_an_address_nothing_is_started(settings: Settings) -> None:
    silent = settings.model_copy(update={"webhook_url": None})
    async with telling(silent, GateWatch(lambda: 0.0, silent_after_s=3)):
        pass


def test_address_and_secret_go_together() -> None:
    with pytest.raises(Misconfigured, match="go together"):
        load_settings({"CIO_WEBHOOK_URL": "https://example.org/alerts"})
    with pytest.raises(Misconfigured, match="at least 32"):
        load_settings({"CIO_WEBHOOK_URL": "https://example.org/", "CIO_WEBHOOK_SECRET": SECRET[:5]})


def test_nothing_secret_of_it_is_shown() -> None:
    stated = {"CIO_WEBHOOK_URL": "https://example.org/in/T0KEN", "CIO_WEBHOOK_SECRET": SECRET}
    settings = load_settings(stated)
    shown = dict(describe(settings))
    assert shown["CIO_WEBHOOK_URL"] == "https://example.org/..."
    assert SECRET not in str(shown) + repr(settings)
    assert "T0KEN" not in str(shown) + repr(settings)
    assert child_environ(settings)["CIO_WEBHOOK_SECRET"] == SECRET
