"""The HTTP API over real servers: a fund with people, and calls as they make them."""

import asyncio
import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from uuid import uuid4

import httpx2

from petrosa_cio.adapters.embedded import start_nats
from petrosa_cio.adapters.mongo_connection import open_mongo
from petrosa_cio.adapters.mongo_traces import MongoTraceStore
from petrosa_cio.app import run_control
from petrosa_cio.governance.actors import Role
from petrosa_cio.governance.tokens import MadeToken
from petrosa_cio.government import open_government
from petrosa_cio.settings import Settings, load_settings
from petrosa_cio.surfaces.api.route import PREFIX
from tests.gates import House
from tests.policies import govern, with_key
from tests.records import NOON, keep
from tests.waiting import eventually

MANY = "100000"
"""Calls in a minute that no test makes."""

LARGE = 0.1
"""A quantity of 5,000 USD, over the limit of one order."""

PEOPLE = {
    "eve": Role.VIEWER,
    "ole": Role.OPERATOR,
    "ann": Role.RISK_OFFICER,
    "bob": Role.RISK_OFFICER,
    "bot": Role.AGENT,
    "ada": Role.ADMIN,
}


@dataclass
class ApiHouse:
    """A running role `control`, and the tokens of everybody who calls it.

    Who restarts it puts the new task in the place of the old one.
    """

    settings: Settings
    client: httpx2.AsyncClient
    stop: asyncio.Event
    running: asyncio.Task[None]
    tokens: dict[str, str] = field(default_factory=dict)
    decisions: list[str] = field(default_factory=list)

    def headers(self, who: str | None) -> dict[str, str]:
        return {"Authorization": f"Bearer {self.tokens[who]}"} if who else {}

    async def call(
        self, method: str, path: str, who: str | None = None, **more: Any
    ) -> httpx2.Response:
        """Call a route, by its whole path or what of it stands behind the prefix."""
        headers = self.headers(who) | more.pop("headers", {})
        whole = path if path.startswith("/api/") else f"{PREFIX}{path}"
        return await self.client.request(method, whole, headers=headers, **more)

    async def told(self, method: str, path: str, who: str = "eve", **more: Any) -> Any:
        """Return the data of a call, which must do well."""
        answer = await self.call(method, path, who, **more)
        assert answer.status_code < 300, answer.text
        body = answer.json()
        assert (body["success"], body["error"]) == (True, None)
        return body["data"]

    async def refused(self, method: str, path: str, who: str | None = None, **more: Any) -> Any:
        """Return the error of a call, which must not do well, with its status."""
        answer = await self.call(method, path, who, **more)
        assert answer.status_code >= 400, answer.text
        body = answer.json()
        assert (body["success"], body["data"]) == (False, None)
        assert body["trace_id"] == answer.headers["cio-trace-id"]
        return body["error"] | {"status": answer.status_code}

    async def hire(self, name: str, role: Role) -> MadeToken:
        """Make a token past the API."""
        async with open_government(self.settings) as government:
            maker = await government.tokens.entry_that_counts(self.tokens.get("ada", ""))
            by = None if maker is None else await government.tokens.who(self.tokens["ada"])
            made = await government.tokens.create(name, role, by=by, maker="t", expires_at=None)
        self.tokens[name] = made.text
        return made


def free_port() -> int:
    """Return a port that was free just now."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@asynccontextmanager
async def api_house(
    folder: Path, redis_url: str, mongo_url: str, **environ: str
) -> AsyncIterator[ApiHouse]:
    """Run a fund of its own with six people, a policy, and four decisions in its record."""
    nats = await start_nats(folder / "nats")
    settings = load_settings(
        {
            "CIO_DATA_DIR": str(folder / "data"), "CIO_FUND": uuid4().hex,
            "CIO_MONGO_DATABASE": uuid4().hex, "CIO_NATS_URL": nats.url,
            "CIO_REDIS_URL": redis_url, "CIO_MONGO_URL": mongo_url,
            "CIO_HTTP_PORT": str(free_port()), "CIO_API_QUESTIONS_PER_MINUTE": MANY,
            "CIO_API_CHANGES_PER_MINUTE": MANY, **with_key(folder), **environ,
        }
    )  # fmt: skip
    await govern(settings)
    stop = asyncio.Event()
    url = f"http://127.0.0.1:{settings.http_port}"
    async with httpx2.AsyncClient(base_url=url, timeout=60) as client:
        house = ApiHouse(settings, client, stop, asyncio.create_task(asyncio.sleep(0)))
        for name in ("ada", *PEOPLE):
            if name not in house.tokens:
                await house.hire(name, PEOPLE[name])
        house.decisions = await _decide(settings)
        house.running = asyncio.create_task(run_control(settings, stop))
        try:
            await eventually(lambda: answers(client, house.running))
            yield house
        finally:
            house.stop.set()
            await house.running
            async with open_mongo(str(settings.mongo_url)) as mongo:
                await mongo.drop_database(settings.mongo_database)
            await nats.stop()


async def answers(client: httpx2.AsyncClient, running: asyncio.Task[None]) -> bool:
    """Return whether the role answers by now; raise what ended it."""
    if running.done():
        running.result()
    try:
        return (await client.get("/health/liveness")).status_code == 200
    except httpx2.TransportError:
        return False


async def _decide(settings: Settings) -> list[str]:
    """Let a gate decide four intents, and keep what it recorded; return the decisions."""
    gate_house = await House().open()
    intents = (
        gate_house.arrive(),
        gate_house.arrive(confidence=0.1, intent_id="i-unsure"),
        gate_house.arrive(strategy_id="=cmd()", confidence=0.2),
        gate_house.arrive(quantity=LARGE),
    )
    await gate_house.gate().process(intents)
    own = f'"fund":"{settings.fund}"'.encode()
    lines = [line.replace(b'"fund":"main"', own) for line in gate_house.journal.records]
    async with open_mongo(str(settings.mongo_url)) as mongo:
        store = MongoTraceStore(mongo, settings.mongo_database)
        await store.prepare()
        await keep(store, *lines, at=NOON)
    return [str(one["decision_id"]) for one in gate_house.records if one["kind"] == "verdict"]
