"""A shadow beside a gate that trades, with real servers: nothing of it is enforced, or felt."""

import asyncio
import json
import os
import sys
from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest

from petrosa_cio.adapters.embedded import ServerProcess, start_redis
from petrosa_cio.adapters.nats_connection import NatsAccess, RobustClient, connect_nats
from petrosa_cio.adapters.nats_journal import read_journal
from petrosa_cio.adapters.nats_messages import listen
from petrosa_cio.app import run_control, run_gate, run_record
from petrosa_cio.errors import CioError
from petrosa_cio.governance.shadow import Seen
from petrosa_cio.governance.what_if import FlipKind, WhatIf
from petrosa_cio.government import open_government
from petrosa_cio.settings import load_settings
from tests.commands import cio
from tests.governing import THOUGHT
from tests.policies import govern, with_key
from tests.waiting import eventually

pytestmark = [pytest.mark.integration, pytest.mark.timeout(180)]

TIGHTER = ("--set", "fund.min_confidence=0.95")
WHY = ("--thought", THOUGHT)

Run = Callable[..., Any]


@dataclass
class Shop:
    """A fund that trades, whoever listens for its signals, and the command line of its people."""

    environ: dict[str, str]
    nats: RobustClient
    signals: list[dict[str, Any]] = field(default_factory=list)
    tokens: dict[str, str] = field(default_factory=dict)
    sent: int = 0
    roles: int = 0

    @asynccontextmanager
    async def role(self, *runs: Run) -> AsyncIterator[None]:
        """Run roles while the block runs."""
        stop, settings = asyncio.Event(), load_settings(self.environ)
        working = [asyncio.create_task(run(settings, stop)) for run in runs]
        self.roles += 1
        try:
            yield
        finally:
            self.roles -= 1
            stop.set()
            await asyncio.gather(*working)

    async def send(self, number: int, **fields: object) -> None:
        """Publish intents that the policy in force approves, and wait for their signals."""
        for _ in range(number):
            self.sent += 1
            intent = {
                "intent_id": uuid4().hex, "strategy_id": "momentum", "symbol": "BTCUSDT",
                "action": "buy", "confidence": 0.8, "quantity": 0.002 + 0.0001 * self.sent,
                "price": 50_000, "current_price": 50_000, "stop_loss": 49_000,
                "timestamp": datetime.now(UTC).isoformat(),
            }  # fmt: skip
            await self.nats.publish("intent.any", json.dumps(intent | fields).encode())
        await eventually(lambda: len(self.signals) == self.sent)

    async def cio(self, *arguments: str, who: str = "") -> tuple[int, str]:
        """Run a command; where roles run here, which write too, as a process of its own."""
        shown = {"CIO_TOKEN": self.tokens[who]} if who else {}
        if not self.roles:
            return await asyncio.to_thread(cio, *arguments, environ=self.environ | shown)
        process = await asyncio.create_subprocess_exec(
            sys.executable, "-m", "petrosa_cio", *arguments,
            env=os.environ | self.environ | shown,
            stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.PIPE,
        )  # fmt: skip
        output, complaints = await process.communicate()
        assert process.returncode is not None
        return process.returncode, (output or complaints).decode()

    async def said(self, *arguments: str, who: str = "") -> dict[str, Any]:
        """Return what a command says as JSON, which must do well."""
        code, output = await self.cio(*arguments, "--json", who=who)
        assert code == 0, output
        answer: dict[str, Any] = json.loads(output)
        return answer

    async def shadow(self, *arguments: str, who: str = "ann") -> dict[str, Any]:
        return await self.said("policy", "shadow", *arguments, who=who)

    async def refused(self, *arguments: str, who: str) -> str:
        """Return what a command says that must be refused."""
        try:
            code, output = await self.cio("policy", "shadow", *arguments, who=who)
        except CioError as error:
            return str(error)
        assert code == 1, output
        return output

    async def until_seen(self, said: Callable[[Seen], bool]) -> Seen:
        """Return how the shadow stands, once it stands so."""
        async with open_government(load_settings(self.environ)) as government:

            async def seen() -> Seen | None:
                found = await government.shadows.show()
                return found if said(found) else None

            found = await eventually(seen, timeout_s=60)
        assert found is not None
        return found

    async def recorded(self) -> list[str]:
        """Return the subjects of what was recorded of shadows, in order."""
        entries = read_journal(self.nats, since=datetime(2020, 1, 1, tzinfo=UTC))
        lines = [json.loads(line) async for one in entries for line in one.records]
        subjects = [one["change"]["subject"] for one in lines if one["kind"] == "change"]
        return [one for one in subjects if one.startswith("shadow")]


@pytest.fixture
async def shop(tmp_path: Path, own_nats: ServerProcess, mongo_url: str) -> AsyncIterator[Shop]:
    async with AsyncExitStack() as closing:
        redis = await start_redis(tmp_path / "redis")
        closing.push_async_callback(redis.stop)
        nats = await connect_nats(NatsAccess(own_nats.url), name="bot and engine")
        closing.push_async_callback(nats.close)
        environ = {
            "CIO_DATA_DIR": str(tmp_path / "data"), "CIO_FUND": uuid4().hex,
            "CIO_MONGO_DATABASE": uuid4().hex, "CIO_NATS_URL": own_nats.url,
            "CIO_REDIS_URL": redis.url, "CIO_MONGO_URL": mongo_url, "CIO_HTTP_PORT": "0",
            "COLUMNS": "160", **with_key(tmp_path),
        }  # fmt: skip
        await govern(load_settings(environ))
        shop = Shop(environ, nats)
        await listen(nats, "signals.trading.*", lambda body: shop.signals.append(json.loads(body)))
        for name, role, by in (
            ("ada", "admin", ""), ("ann", "risk_officer", "ada"), ("bot", "agent", "ada"),
            ("eve", "viewer", "ada"),
        ):  # fmt: skip
            made = await shop.said("token", "create", name, "--role", role, who=by)
            shop.tokens[name] = made["token"]
        yield shop


@pytest.fixture
async def trading(shop: Shop) -> AsyncIterator[Shop]:
    async with shop.role(run_gate, run_record):
        yield shop


def decided(number: int) -> Callable[[Seen], bool]:
    return lambda seen: seen.report.findings.decided == number


async def test_what_it_would_deny_is_traded_and_told_and_a_restart_counts_nothing_twice(
    trading: Shop,
) -> None:
    async with trading.role(run_control):
        started = await trading.shadow("start", *TIGHTER, *WHY, who="bot")
        assert (started["shadow"], started["change"]) == (1, "tighter")
        assert "one at a time" in await trading.refused("start", *TIGHTER, *WHY, who="ann")
        await trading.send(4)
        seen = await trading.until_seen(decided(4))
        assert seen.report.findings.by_kind == {FlipKind.DENIED: 4}
    await trading.send(3)  # while nobody follows
    await trading.until_seen(lambda seen: seen.behind > 0)
    async with trading.role(run_control):
        await trading.send(2, confidence=0.99)
        await trading.until_seen(decided(9))
        shown = await trading.shadow("show")
        report = shown["report"]
        assert report["verdicts"]["approve"] == {"was": 9, "would": 2}
        assert report["by_code"]["CONFIDENCE_BELOW_MIN"]["denied"] == report["flipped"] == 7
        assert report["by_strategy"]["momentum"]["denied"] == 7
        assert report["by_symbol"]["BTCUSDT"]["denied"] == 7
        assert (shown["stage"], shown["errors"], shown["trouble"]) == ("running", {}, None)
        code, page = await trading.cio("policy", "shadow", "show")
        assert (code, "7 flip: 7 approved, would be denied" in page) == (0, True), page
        flipped = {flip["decision_id"] for flip in report["flips"]}
        assert len(flipped) == 7
        assert flipped < {one["decision_id"] for one in trading.signals}
        assert len(trading.signals) == 9
        assert (await trading.shadow("drop", *WHY, who="bot"))["stage"] == "dropped"
        assert (await trading.shadow("show"))["stage"] == "dropped"


async def test_one_that_fails_on_each_intent_is_not_felt(
    trading: Shop, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(*_: object) -> object:
        raise ZeroDivisionError("a fault of the candidate")

    monkeypatch.setattr(WhatIf, "decide", broken)
    await trading.shadow("start", *TIGHTER, *WHY)
    async with trading.role(run_control):
        await trading.send(5)
        seen = await trading.until_seen(lambda seen: seen.report.errors.total() == 5)
        assert (seen.report.errors, seen.report.findings.decided) == ({"ZeroDivisionError": 5}, 0)
        code, page = await trading.cio("policy", "shadow", "show")
        assert (code, "No verdict is decided again yet." in page) == (0, True)
        await trading.send(2)
        await trading.until_seen(lambda seen: seen.report.errors.total() == 7)


async def test_it_is_promoted_as_every_change_is(shop: Shop) -> None:
    for arguments in (("start", *TIGHTER, *WHY), ("promote", *WHY), ("drop", *WHY)):
        await shop.refused(*arguments, who="eve")
    await shop.shadow("start", "--set", "fund.max_order_notional_usd=1500", "--for", "2h", *WHY)
    waits = await shop.shadow("promote", *WHY, who="bot")
    assert (waits["in_force"], waits["change"]) == (None, "looser")
    shown = await shop.shadow("show")
    assert (shown["stage"], shown["became"]) == ("promoted", f"proposal {waits['proposal']}")
    await shop.shadow("start", *TIGHTER, *WHY)
    _, page = await shop.cio("policy", "shadow", "promote", *WHY, who="bot")
    assert "Revision 2 is in force." in page
    assert "Shadow 2 is promoted as revision 2." in page
    await shop.shadow("start", "--set", "fund.min_confidence=0.97", *WHY)
    await shop.said("policy", "propose", "--set", "fund.min_confidence=0.96", *WHY, who="bot")
    assert "revision 3 is the newest" in await shop.refused("promote", *WHY, who="ann")
    assert (await shop.shadow("show"))["stage"] == "running"

    expected = ["shadow", "shadow_ending", "shadow", "shadow_ending", "shadow"]
    assert await shop.recorded() == expected
