"""The guard beside real servers: a gate decides, a revision does harm, the tighter one governs."""

from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager, suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from uuid import uuid4

import orjson
import pytest
from nats.errors import NoRespondersError

from petrosa_cio import guarding
from petrosa_cio.adapters.embedded import ServerProcess
from petrosa_cio.adapters.mongo_connection import open_mongo
from petrosa_cio.adapters.mongo_schema import ALERTS
from petrosa_cio.adapters.nats_connection import Client, NatsAccess, connect_nats
from petrosa_cio.app import run_control, run_gate
from petrosa_cio.governance.documents import read_policy_document
from petrosa_cio.policies import Policies, open_policies
from petrosa_cio.ports import PolicyRevision
from petrosa_cio.risk.policy import Charter, PolicyDocument
from petrosa_cio.servers import open_servers
from petrosa_cio.settings import Settings, load_settings
from tests.integration.test_whole_way import role
from tests.policies import ANN, SIGNER, THOUGHT, TRUSTING, govern, with_key
from tests.waiting import eventually

pytestmark = pytest.mark.integration

ENOUGH = 20
"""Verdicts that the guard needs here to say anything."""

POLICY = """\
schema_version: 1
name: guarded
fund:
  max_order_notional_usd: 1000
  min_confidence: 0.5
  max_gross_exposure_usd: 900000
"""
SMALL, LARGE = 500, 1500


@dataclass
class Guarded:
    """A fund with a gate, and whoever changes its policy or asks at its door."""

    settings: Settings
    policies: Policies
    bot: Client
    asked: int = 0

    @asynccontextmanager
    async def control(self, *, has_key: bool = True) -> AsyncIterator[None]:
        """Run the role that the guard is a part of."""
        key = {} if has_key else {"policy_key_file": None}
        async with role(run_control, self.settings.model_copy(update=key)):
            yield

    async def change(self, **fund: object) -> PolicyRevision:
        """Put other limits of the fund in force, as if people had agreed."""
        assert self.policies.activation is not None
        newest = await self.newest()
        document = orjson.loads(newest.document)
        document["policy"]["fund"] |= fund
        return await self.policies.activation.activate(
            PolicyDocument.model_validate(document),
            parent=newest.revision,
            author=ANN,
            thought=THOUGHT,
        )

    async def newest(self) -> PolicyRevision:
        newest = await self.policies.revisions.newest()
        assert newest is not None
        return newest

    async def ask(self, worth: int = SMALL, confidence: float = 0.8) -> str:
        """Ask for an order of so many USD, and return the verdict."""
        self.asked += 1
        intent = {
            "intent_id": uuid4().hex, "strategy_id": "momentum", "symbol": "BTCUSDT",
            "action": "buy", "confidence": confidence, "stop_loss": 49_000, "price": 50_000,
            "quantity": worth / 50_000 + self.asked / 1e6, "current_price": 50_000,
            "timestamp": datetime.now(UTC).isoformat(),
        }  # fmt: skip
        reply = await self.bot.request("cio.nurse.audit", orjson.dumps(intent), timeout=10)
        return str(orjson.loads(reply.data)["verdict"])

    async def answers(self) -> bool:
        """Return whether the gate is at its door."""
        with suppress(NoRespondersError):
            return bool(await self.ask())
        return False

    async def decided(self, verdict: str, worth: int = SMALL) -> None:
        """Ask until enough orders of so many USD got this verdict.

        A few more, as the fence withdraws what was approved just before a tighter revision.
        """
        for _ in range(ENOUGH + 5):
            await self.answered(verdict, worth)

    async def answered(self, verdict: str, worth: int = SMALL, confidence: float = 0.8) -> None:
        """Ask until the gate answers this."""

        async def is_so() -> bool:
            return await self.ask(worth, confidence) == verdict

        await eventually(is_so)

    async def alerts(self) -> dict[int, str]:
        """Return what the guard told: the outcome by revision."""
        async with open_mongo(str(self.settings.mongo_url)) as mongo:
            found = mongo[self.settings.mongo_database][ALERTS].find({"kind": "policy_guard"})
            return {one["detail"]["revision"]: one["detail"]["outcome"] async for one in found}

    async def fallen_back(self, to: int) -> PolicyRevision:
        """Wait until the guard told of a revision of its own, and return it."""

        async def told() -> bool:
            return to - 1 in await self.alerts()

        await eventually(told)
        newest = await self.newest()
        assert newest.revision == to
        return newest


@pytest.fixture
async def guarded(
    tmp_path: Path,
    own_nats: ServerProcess,
    redis_url: str,
    mongo_url: str,
    monkeypatch: pytest.MonkeyPatch,
) -> AsyncIterator[Guarded]:
    monkeypatch.setattr(guarding, "LOOK_S", 0.1)
    (tmp_path / "policy.yaml").write_text(POLICY)
    (tmp_path / "charter.yaml").write_text("schema_version: 1\nname: open\n")
    environ = {
        "CIO_DATA_DIR": str(tmp_path / "data"), "CIO_FUND": uuid4().hex, "CIO_HTTP_PORT": "0",
        "CIO_MONGO_DATABASE": uuid4().hex, "CIO_NATS_URL": own_nats.url,
        "CIO_REDIS_URL": redis_url, "CIO_MONGO_URL": mongo_url, "COLUMNS": "160",
        "CIO_POLICY_FILE": str(tmp_path / "policy.yaml"),
        "CIO_CHARTER_FILE": str(tmp_path / "charter.yaml"),
        "CIO_GUARD_MIN_VERDICTS": str(ENOUGH), **TRUSTING, **with_key(tmp_path),
    }  # fmt: skip
    settings = load_settings(environ)
    await govern(settings)
    async with AsyncExitStack() as closing:
        servers = await closing.enter_async_context(open_servers(settings, name="test"))
        policies = await closing.enter_async_context(
            open_policies(settings, servers, Charter(), signer=SIGNER)
        )
        assert policies is not None
        bot = await connect_nats(NatsAccess(own_nats.url), name="bot")
        closing.push_async_callback(bot.close)
        await closing.enter_async_context(role(run_gate, settings))
        guarded = Guarded(settings, policies, bot)
        await eventually(guarded.answers)
        yield guarded


async def test_a_revision_that_makes_denials_leap_gives_way_to_the_tighter_of_both(
    guarded: Guarded,
) -> None:
    async with guarded.control():
        await guarded.decided("approve")
        await guarded.change(max_order_notional_usd=2000, min_confidence=0.9)
        await guarded.answered("approve", LARGE, confidence=0.95)
        await guarded.decided("deny")
        made = await guarded.fallen_back(to=3)
    assert (made.author, made.role, made.change) == ("guard", "agent", "tighter")
    assert "were denied" in made.thought
    limits = read_policy_document(made.document.encode()).policy.fund
    assert limits.max_order_notional_usd == 1000
    assert str(limits.min_confidence) == "0.9"
    await guarded.answered("deny", LARGE, confidence=0.95)
    await guarded.answered("approve", SMALL, confidence=0.95)
    assert await guarded.alerts() == {2: "fell_back"}


async def test_a_restart_in_the_middle_forgets_nothing(guarded: Guarded) -> None:
    async with guarded.control():
        await guarded.decided("approve")
        await guarded.change(max_order_notional_usd=2000, min_confidence=0.9)
        await guarded.answered("approve", LARGE, confidence=0.95)
    await guarded.decided("deny")
    assert (await guarded.newest()).revision == 2
    async with guarded.control():
        assert (await guarded.fallen_back(to=3)).author == "guard"


async def test_a_quiet_revision_stays_and_a_worse_one_after_it_does_not(guarded: Guarded) -> None:
    async with guarded.control():
        await guarded.decided("approve")
        await guarded.change(max_order_notional_usd=2000)
        await guarded.decided("approve", LARGE)
        await guarded.change(max_order_notional_usd=3000, min_confidence=0.9)
        await guarded.decided("deny")
        made = await guarded.fallen_back(to=4)
        assert read_policy_document(made.document.encode()).policy.fund.max_order_notional_usd == (
            2000
        )
    assert await guarded.alerts() == {3: "fell_back"}


async def test_what_only_tightened_stays_and_is_told(guarded: Guarded) -> None:
    async with guarded.control():
        await guarded.decided("approve")
        await guarded.change(min_confidence=0.9)
        await guarded.decided("deny")
        await eventually(guarded.alerts)
    assert await guarded.alerts() == {2: "already_tighter"}
    assert (await guarded.newest()).revision == 2


async def test_without_a_key_it_only_tells(guarded: Guarded) -> None:
    async with guarded.control(has_key=False):
        await guarded.decided("approve")
        await guarded.change(max_order_notional_usd=2000, min_confidence=0.9)
        await guarded.decided("deny")
        await eventually(guarded.alerts)
    assert await guarded.alerts() == {2: "no_key"}
    assert (await guarded.newest()).revision == 2
