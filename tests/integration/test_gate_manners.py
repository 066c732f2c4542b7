"""A gate and its neighbours: nobody listens, everybody asks, or it only observes."""

import time
from collections.abc import AsyncIterator
from pathlib import Path

import orjson
import pytest
from nats.aio.msg import Msg

from petrosa_cio.risk.trading_state import FUND, TradingState
from tests.integration.gate_evidence import gather
from tests.integration.gate_house import GateHouse, gate_house
from tests.integration.gate_intents import messages
from tests.waiting import eventually

pytestmark = pytest.mark.integration


@pytest.fixture
async def house(tmp_path: Path) -> AsyncIterator[GateHouse]:
    async with gate_house(tmp_path) as running:
        yield running


async def test_what_reaches_nobody_is_recorded_and_holds_nothing(house: GateHouse) -> None:
    await house.stop_listening()
    await house.start("r1")
    await house.publish(messages(200))
    await house.settled()
    evidence = await gather(house)
    evidence.check()
    assert evidence.ended("undelivered") == set(evidence.captured)
    assert evidence.kinds() == {"approve": 200}

    async def nothing_is_held() -> bool:
        return await house.ledger.exposure() == {}

    await eventually(nothing_is_held)
    assert await house.ledger.reservations() == {}

    await house.listen_for_signals()
    await house.publish(messages(10, first=200))
    await house.settled()
    evidence = await gather(house)
    evidence.check()
    assert len(evidence.signals) == 10


async def test_the_heartbeat_is_pushed_and_answered(house: GateHouse) -> None:
    beats: list[dict[str, object]] = []

    async def on_beat(message: Msg) -> None:
        if not message.reply:
            beats.append(orjson.loads(message.data))

    await house.client.subscribe("cio.heartbeat", cb=on_beat)
    await house.start("r1", heartbeat_interval_s=1)
    await eventually(lambda: len(beats) > 1)
    reply = await house.client.request("cio.heartbeat", b"", timeout=5)
    for beat in (*beats, orjson.loads(reply.data)):
        assert beat["service"] == "petrosa-cio"
        assert isinstance(beat["timestamp"], float)
        assert abs(beat["timestamp"] - time.time()) < 60  # epoch seconds, not milliseconds
        assert beat["status"] == "GOVERNANCE_ACTIVE"


async def test_a_gate_whose_ledger_is_away_says_so(house: GateHouse) -> None:
    await house.start("r1")
    await house.redis.stop()
    await eventually(lambda: house.beats["r1"]["status"] == "DEGRADED")
    await house.redis.start()
    await eventually(lambda: house.beats["r1"]["status"] == "GOVERNANCE_ACTIVE")


async def test_observing_decides_and_records_and_does_nothing_else(house: GateHouse) -> None:
    await house.start("r1", mode="observe")
    await house.publish(messages(200))
    await house.settled()
    await house.store.set_trading_state(FUND, TradingState.HALTED, reason="test", author="test")

    async def halted() -> bool:
        await house.publish(messages(1, first=1_000 + house.published))
        await house.settled()
        return "deny" in (await gather(house)).kinds()

    await eventually(halted)
    evidence = await gather(house)
    assert all(evidence.verdicts[one] for one in evidence.captured)
    assert evidence.kinds()["approve"] >= 200
    assert {one[0].record["mode"] for one in evidence.verdicts.values()} == {"observe"}
    assert not evidence.signals
    assert not evidence.later

    async def nothing_is_held() -> bool:
        return await house.ledger.exposure() == {}

    await eventually(nothing_is_held)
    assert await house.ledger.reservations() == {}
