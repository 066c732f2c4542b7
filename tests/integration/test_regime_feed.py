"""From the data-manager's answer to the verdicts of running gates, and a person's word between."""

import asyncio
import socket
from collections import defaultdict
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import httpx2
import orjson
import pytest
from nats.aio.msg import Msg

from petrosa_cio.adapters.nats_journal import SEPARATOR
from petrosa_cio.adapters.nats_streams import JOURNAL_SUBJECT
from petrosa_cio.app import run_control
from petrosa_cio.governance.desk import Desk
from petrosa_cio.risk.snapshot import Regime
from petrosa_cio.servers import open_servers
from petrosa_cio.settings import Settings, load_settings
from tests.data_manager import FakeDataManager, data_manager, hangs, hangs_up
from tests.integration.gate_house import FUND, WIDE_POLICY, GateHouse, gate_house
from tests.integration.gate_intents import messages
from tests.policies import TRUSTING
from tests.waiting import eventually

pytestmark = pytest.mark.integration

POLICY = f"{WIDE_POLICY}regimes: {{turbulent_illiquidity: {{regime_directions: []}}}}\n"
REPLICAS = {"r1", "r2"}
VETO = ("deny", "REGIME_VETO")
APPROVE = ("approve",)
A_FEW = 20


@dataclass
class Market:
    """Gates, the data-manager that they hear of through control, and a desk."""

    house: GateHouse
    data: FakeDataManager
    desk: Desk
    settings: Settings
    changes: list[dict[str, Any]] = field(default_factory=list)
    said: dict[int, set[tuple[str, tuple[str, ...]]]] = field(
        default_factory=lambda: defaultdict(set)
    )
    counted: dict[int, int] = field(default_factory=lambda: defaultdict(int))
    number: int = 0

    async def heard(self, message: Msg) -> None:
        """Take note of what the journal is told: changes, and verdicts by group of intents."""
        for line in message.data.split(SEPARATOR):
            record = orjson.loads(line)
            if record["kind"] == "change":
                self.changes.append(record["change"])
            elif record["kind"] == "verdict":
                group = int(record["intent"]["stated_id"].removeprefix("i-")) // A_FEW
                verdict = record["verdict"]
                codes = (verdict["kind"], *(reason[0] for reason in verdict["reasons"]))
                self.said[group].add((record["replica"], codes))
                self.counted[group] += 1

    async def all_say(self, verdict: tuple[str, ...]) -> None:
        """Send a few intents at a time until both replicas decide, and all of one group alike.

        Any later group is then decided so, too: a replica never goes back to an older picture.
        """

        async def alike() -> bool:
            group, self.number = self.number // A_FEW, self.number + A_FEW
            await self.house.publish(messages(A_FEW, first=group * A_FEW))
            await eventually(lambda: self.counted[group] == A_FEW)
            return self.said[group] == {(replica, verdict) for replica in REPLICAS}

        await eventually(alike, timeout_s=60)

    async def says(self, name: str, **ends: float) -> None:
        """Say by hand which regime it is."""
        now = datetime.now(UTC)
        said = Regime(name, Decimal(1), now, "ann", now + timedelta(**ends), "drill")
        assert await self.desk.override_regime("BTCUSDT", said) is None

    def observed(self) -> list[str]:
        """Return the names of the changes that the feed recorded."""
        return [
            orjson.loads(one["value"])["name"] for one in self.changes if one["subject"] == "regime"
        ]


@asynccontextmanager
async def control(settings: Settings) -> AsyncIterator[int]:
    """Run the role control in this process; yield its port."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = int(probe.getsockname()[1])
    stop = asyncio.Event()
    own = settings.model_copy(update={"http_port": port})
    running = asyncio.create_task(run_control(own, stop))
    try:
        yield port
    finally:
        stop.set()
        await running


@pytest.fixture
async def market(tmp_path: Path) -> AsyncIterator[Market]:
    async with gate_house(tmp_path, policy=POLICY, batch_max=4) as house, data_manager() as data:
        settings = load_settings(
            {
                "CIO_NATS_URL": house.nats.url,
                "CIO_REDIS_URL": house.redis.url,
                "CIO_FUND": FUND,
                "CIO_DATA_MANAGER_URL": data.url,
                "CIO_REGIME_SYMBOLS": "BTCUSDT,ETHUSDT",
                "CIO_REGIME_INTERVAL_S": "1",
                **TRUSTING,
            }
        )
        async with open_servers(settings, name="desk") as servers:
            market = Market(house, data, servers.desk, settings)
            await house.client.subscribe(JOURNAL_SUBJECT, cb=market.heard)
            yield market


async def test_the_feed_and_a_person_change_what_running_gates_decide(market: Market) -> None:
    data = market.data
    await market.house.start(*REPLICAS)
    data.says("BTCUSDT", "consolidation")
    async with control(market.settings), control(market.settings):
        await eventually(lambda: market.observed() == ["consolidation"])
        await market.all_say(APPROVE)

        data.says("BTCUSDT", "Turbulent Illiquidity")
        await market.all_say(VETO)
        await market.says("consolidation", hours=1)
        await market.all_say(APPROVE)
        await market.desk.clear_override("BTCUSDT", reason="over", author="ann")
        await market.all_say(VETO)

        data.says("BTCUSDT", "balanced_market", at=datetime.now(UTC) - timedelta(hours=1))
        asked = data.asked_about("BTCUSDT")
        await eventually(lambda: data.asked_about("BTCUSDT") > asked + 1)
        await market.all_say(VETO)  # an older row takes nobody back in time

        data.says("BTCUSDT", "balanced_market")
        await market.all_say(APPROVE)
        await market.says("turbulent_illiquidity", hours=1)
        await market.all_say(VETO)
        await market.says("turbulent_illiquidity", seconds=1)
        await market.all_say(APPROVE)  # it ends by itself
    assert market.observed() == ["consolidation", "turbulent_illiquidity", "balanced_market"]
    assert data.most_at_once <= 2


async def test_one_process_asks_at_a_time_and_another_takes_over(market: Market) -> None:
    data = market.data
    async with control(market.settings):
        await eventually(lambda: data.asked_about("BTCUSDT") > 1)
        async with control(market.settings):
            asked = data.asked_about("BTCUSDT")
            await eventually(lambda: data.asked_about("BTCUSDT") > asked + 2)
            assert data.connections <= 2  # one for each symbol, of one process
        data.says("BTCUSDT", "breakout_phase")
    async with control(market.settings):
        await eventually(lambda: market.observed() == ["breakout_phase"], timeout_s=30)


async def test_a_neighbour_that_fails_is_noted_and_keeps_nobody_from_deciding(
    market: Market,
) -> None:
    market.data.says("ETHUSDT", "consolidation")
    market.data.replies["BTCUSDT"] = hangs_up
    await market.house.start("r1")
    async with control(market.settings) as port:

        async def noted() -> list[str] | None:
            with suppress(httpx2.TransportError):
                async with httpx2.AsyncClient() as http:
                    answer = await http.get(f"http://127.0.0.1:{port}/health/readiness")
                if answer.status_code == httpx2.codes.OK:
                    return list(answer.json().get("notes", []))
            return None

        (note,) = await eventually(noted) or []
        assert note.startswith("regime feed: BTCUSDT: unreachable")
        await eventually(lambda: market.observed() == ["consolidation"])
        market.data.says("BTCUSDT", "consolidation")
        await eventually(lambda: len(market.observed()) == 2)


async def test_control_ends_at_once_though_a_neighbour_hangs(market: Market) -> None:
    market.data.replies["BTCUSDT"] = hangs
    async with control(market.settings):
        await eventually(lambda: market.data.asked_about("BTCUSDT"))
    assert market.data.asked_about("BTCUSDT") == 1
