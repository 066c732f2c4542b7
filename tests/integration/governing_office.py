"""An office beside real servers: a fund with a policy in force, and people with tokens."""

import asyncio
import json
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest

from petrosa_cio.adapters.embedded import ServerProcess
from petrosa_cio.adapters.nats_connection import NatsAccess, connect_nats
from petrosa_cio.adapters.nats_journal import read_journal
from petrosa_cio.adapters.redis_connection import connect_redis
from petrosa_cio.adapters.redis_state import RedisStateStore
from petrosa_cio.governance.documents import read_policy_document
from petrosa_cio.settings import load_settings
from tests.commands import cio
from tests.governing import THOUGHT
from tests.policies import govern, with_key

LIMIT = "fund.max_order_notional_usd"


@dataclass
class Office:
    """A fund with a policy in force, and the command line of whoever has a token."""

    environ: dict[str, str]
    folder: Path
    tokens: dict[str, str] = field(default_factory=dict)

    async def cio(self, *arguments: str, who: str = "", **environ: str) -> tuple[int, str]:
        shown = {"CIO_TOKEN": self.tokens[who]} if who else {}
        return await asyncio.to_thread(cio, *arguments, environ=self.environ | shown | environ)

    async def said(self, *arguments: str, who: str = "") -> dict[str, Any]:
        """Return what a command says as JSON, which must do well."""
        code, output = await self.cio(*arguments, "--json", who=who)
        assert code == 0, output
        answer: dict[str, Any] = json.loads(output)
        return answer

    async def hire(self, name: str, role: str, by: str = "") -> None:
        made = await self.said("token", "create", name, "--role", role, who=by)
        self.tokens[name] = made["token"]

    async def propose(self, who: str, limit: object, *more: str) -> dict[str, Any]:
        change = ("--set", f"{LIMIT}={limit}", "--thought", THOUGHT)
        return await self.said("policy", "propose", *change, *more, who=who)

    async def limit_in_force(self) -> int:
        redis = connect_redis(self.environ["CIO_REDIS_URL"], timeout_s=5)
        try:
            active = await RedisStateStore(redis, self.environ["CIO_FUND"]).active_policy()
        finally:
            await redis.aclose()
        assert active is not None
        limit = read_policy_document(active.document).policy.fund.max_order_notional_usd
        assert limit is not None
        return int(limit)


async def records(url: str) -> list[dict[str, Any]]:
    """Return every record of the journal."""
    client = await connect_nats(NatsAccess(url=url), name="test")
    try:
        entries = [
            one async for one in read_journal(client, since=datetime(2020, 1, 1, tzinfo=UTC))
        ]
    finally:
        await client.close()
    return [json.loads(line) for one in entries for line in one.records]


@pytest.fixture
async def office(tmp_path: Path, own_nats: ServerProcess, redis_url: str, mongo_url: str) -> Office:
    environ = {
        "CIO_DATA_DIR": str(tmp_path / "data"), "CIO_FUND": uuid4().hex,
        "CIO_MONGO_DATABASE": uuid4().hex, "CIO_NATS_URL": own_nats.url,
        "CIO_REDIS_URL": redis_url, "CIO_MONGO_URL": mongo_url, "COLUMNS": "160",
        **with_key(tmp_path),
    }  # fmt: skip
    await govern(load_settings(environ))
    office = Office(environ, tmp_path)
    await office.hire("ada", "admin")
    for name, role in (("ann", "risk_officer"), ("bob", "risk_officer"), ("bot", "agent")):
        await office.hire(name, role, by="ada")
    return office
