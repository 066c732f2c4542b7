"""What several gates and many bots share: the stream of intents, the limits, the kill switch."""

import asyncio
import os
from pathlib import Path

import pytest

from petrosa_cio.risk.trading_state import FUND, TradingState
from tests.integration.gate_evidence import gather
from tests.integration.gate_house import WIDE_POLICY, gate_house
from tests.integration.gate_intents import messages

pytestmark = pytest.mark.integration

MANY = int(os.environ.get("CHAOS_INTENTS", "20000"))
BURST = 4_000
LATE = 200


async def test_two_replicas_share_the_intents_and_double_none(tmp_path: Path) -> None:
    async with gate_house(tmp_path) as house:
        await house.start("r1", "r2")
        await house.publish(messages(MANY))
        await house.settled(timeout_s=100)
        evidence = await gather(house)
    evidence.check()
    assert len(evidence.captured) == MANY
    assert evidence.kinds() == {"approve": MANY}
    assert len(evidence.signals) == MANY
    replicas = {one[0].record["replica"] for one in evidence.verdicts.values()}
    assert replicas == {"r1", "r2"}


async def test_the_last_of_a_limit_is_given_away_exactly_once(tmp_path: Path) -> None:
    """Each intent is worth 50 USD, and there is room for 37 of 200."""
    policy = WIDE_POLICY.replace("90000000000", "1850")
    async with gate_house(tmp_path, policy=policy, batch_max=4) as house:
        await house.start("r1", "r2")
        await house.publish(messages(200))
        await house.settled()
        evidence = await gather(house)
        exposure = await house.ledger.exposure()
    evidence.check()
    assert evidence.kinds() == {"approve": 37, "deny": 163}
    denied = {
        tuple(evidence.final(one).codes) for one in evidence.verdicts.keys() - evidence.promoted()
    }
    assert denied == {("GROSS_EXPOSURE_ABOVE_MAX",)}
    assert exposure == {"gross": 18_500_000, "position:BTCUSDT:long": 18_500_000}


async def test_nothing_is_begun_after_a_halt_is_acknowledged(tmp_path: Path) -> None:
    """The ledger is read right after the halt was acknowledged.

    A decision leaves ``reserved`` for ``begun`` in the very step that tests the trading state, and
    only a begun one is ever sent. So a signal, however late it arrives, must be of a decision that
    had left ``reserved`` by then, on its way to the engine; any other was begun after the halt.
    What arrives after it is denied, however fast the gates were with what came before.
    """
    total = BURST + LATE
    async with gate_house(tmp_path, batch_max=16) as house:
        await house.start("r1", "r2")
        burst = asyncio.create_task(house.publish(messages(BURST)))
        await house.until_decided(BURST // 5)
        await house.store.set_trading_state(FUND, TradingState.HALTED, reason="test", author="test")
        begun = await house.in_ledger("begun", "approve")
        await burst
        await house.publish(messages(LATE, first=BURST))
        await house.settled()
        evidence = await gather(house)
    evidence.check()
    assert evidence.signalled() <= begun
    assert 0 < len(evidence.signals) <= BURST
    withdrawn = {evidence.reasons["withdrawal", one] for one in evidence.ended("withdrawal")}
    assert withdrawn <= {"FUND_HALTED"}
    denied = evidence.verdicts.keys() - evidence.promoted()
    assert {tuple(evidence.final(one).codes) for one in denied} == {("FUND_HALTED",)}
    assert len(denied) >= LATE
    assert len(evidence.signals) + len(evidence.ended("withdrawal")) + len(denied) == total
