"""Two replicas race for what was approved lately: of the same, of opposites, of too many."""

import asyncio
from itertools import count
from pathlib import Path

import pytest

from petrosa_cio.risk.trading_state import Scope, ScopeKind, TradingState
from tests.integration.gate_evidence import Evidence, gather
from tests.integration.gate_house import WIDE_POLICY, GateHouse, gate_house
from tests.integration.gate_intents import body, message
from tests.integration.test_gate_door import all_ends_known
from tests.waiting import eventually

pytestmark = pytest.mark.integration

RACES = 40


def policy(**limits: object) -> str:
    return WIDE_POLICY + "".join(f"  {name}: {value}\n" for name, value in limits.items())


def symbol(number: int) -> str:
    return f"RACE{number:03d}USDT"


def denied(evidence: Evidence) -> set[tuple[str, ...]]:
    """Return which reasons denials have."""
    others = evidence.verdicts.keys() - evidence.promoted()
    return {tuple(evidence.final(one).codes) for one in others}


async def raced(house: GateHouse, intents: list[tuple[str, bytes]]) -> Evidence:
    """Let two gates race for intents, one or two a batch, and see what became of them."""
    await house.start("r1", "r2")
    await house.publish(intents)
    await house.settled()
    evidence = await gather(house)
    evidence.check()
    return evidence


async def test_of_the_same_content_exactly_one_passes(tmp_path: Path) -> None:
    limits = policy(min_seconds_between_repeats=600)
    async with gate_house(tmp_path, policy=limits, batch_max=2) as house:
        same = [message(n, strategy_id="one", symbol=symbol(n // 4)) for n in range(4 * RACES)]
        evidence = await raced(house, same)
    assert evidence.kinds() == {"approve": RACES, "deny": 3 * RACES}
    assert denied(evidence) == {("CONTENT_REPEATED",)}
    assert {one.body["symbol"] for one in evidence.signals} == {symbol(n) for n in range(RACES)}


def opposites() -> list[tuple[str, bytes]]:
    """Return a buy and a stronger sell for each of some symbols, by different strategies."""
    return [
        message(
            n,
            symbol=symbol(n // 2),
            action="sell" if n % 2 else "buy",
            confidence=0.9 if n % 2 else 0.8,
            stop_loss=51_000 if n % 2 else 49_000,
        )
        for n in range(2 * RACES)
    ]


async def test_of_two_opposites_the_first_passes(tmp_path: Path) -> None:
    limits = policy(min_seconds_between_opposites=600)
    async with gate_house(tmp_path, policy=limits, batch_max=2) as house:
        evidence = await raced(house, opposites())
    assert evidence.kinds() == {"approve": RACES, "deny": RACES}
    assert denied(evidence) == {("SIGNAL_CONFLICT",)}
    assert len({one.body["symbol"] for one in evidence.signals}) == len(evidence.signals) == RACES


async def test_of_two_opposites_the_stronger_passes_and_the_weaker_unless_it_was_sent(
    tmp_path: Path,
) -> None:
    limits = policy(min_seconds_between_opposites=600, on_conflict="strongest_wins")
    async with gate_house(tmp_path, policy=limits, batch_max=16) as house:
        evidence = await raced(house, opposites())
    sides = [one.body["action"] for one in evidence.signals]
    assert sides.count("sell") == RACES
    reasons = {evidence.reasons["withdrawal", one] for one in evidence.ended("withdrawal")}
    assert reasons == {"SIGNAL_CONFLICT"}
    assert denied(evidence) <= {("SIGNAL_CONFLICT",)}
    weaker = sides.count("buy") + len(evidence.ended("withdrawal"))
    assert weaker + evidence.kinds()["deny"] == RACES


async def test_of_two_opposites_neither_passes_unless_it_was_sent(tmp_path: Path) -> None:
    limits = policy(min_seconds_between_opposites=600, on_conflict="both_denied")
    async with gate_house(tmp_path, policy=limits, batch_max=16) as house:
        evidence = await raced(house, opposites())
    assert denied(evidence) == {("SIGNAL_CONFLICT",)}
    assert evidence.kinds() == {"approve": RACES, "deny": RACES}
    assert len(evidence.signals) + len(evidence.ended("withdrawal")) == RACES
    assert evidence.ended("withdrawal")


async def test_at_the_door_who_is_overruled_is_told_so(tmp_path: Path) -> None:
    limits = policy(min_seconds_between_opposites=600, on_conflict="both_denied")
    async with gate_house(tmp_path, policy=limits) as house:
        await house.start("r1", "r2")
        answers = await asyncio.gather(
            *(house.ask(content, timeout_s=20) for _, content in opposites())
        )
        sent = [one for one in answers if one["verdict"] == "approve"]
        await eventually(lambda: len(house.signals) == len(sent))
        await all_ends_known(house)
        evidence = await gather(house)
    evidence.check()
    losers = [one for one in answers if one not in sent]
    assert {one["verdict"] for one in losers} == {"deny"}
    assert all("SIGNAL_CONFLICT" in str(one["reasons"]) for one in losers)
    assert evidence.signalled() == {one["decision_id"] for one in sent}


async def test_one_too_many_pauses_the_strategy_everywhere_until_a_person_resumes(
    tmp_path: Path,
) -> None:
    strategy = Scope(ScopeKind.STRATEGY, "looping")
    async with gate_house(tmp_path, policy=policy(max_same_executions_per_day=5)) as house:
        await house.start("r1", "r2")
        for number in range(5):
            answer = await house.ask(body(number, strategy_id="looping"))
            assert answer["verdict"] == "approve"
        many = [message(n, strategy_id="looping") for n in range(10, 110)]
        await house.publish(many)
        await house.settled()
        states = await house.store.trading_states()
        assert states.strategies == {"looping": TradingState.PAUSED}
        exit_passes = await house.ask(body(200, strategy_id="looping", action="close"))
        assert exit_passes["verdict"] == "approve"
        other = await house.ask(body(201, strategy_id="other"))
        assert other["verdict"] == "approve"
        await house.store.set_trading_state(
            strategy, TradingState.ACTIVE, reason="looked", author="ann"
        )

        numbers = count(1_000)

        async def passes() -> bool:
            answer = await house.ask(body(next(numbers), strategy_id="looping"))
            return answer["verdict"] == "approve"

        await eventually(passes)
        evidence = await gather(house)
    evidence.check()
    assert denied(evidence) <= {
        ("REPEATED_EXECUTION",), ("STRATEGY_PAUSED",), ("STRATEGY_PAUSED", "REPEATED_EXECUTION"),
    }  # fmt: skip
    pauses = [one["change"] for one in evidence.changes if one["change"]["value"] == "paused"]
    assert len(pauses) == 1
    assert pauses[0]["scope"] == "strategy:looping"
    named = pauses[0]["reason"].removeprefix("REPEATED_EXECUTION in decision ")
    assert evidence.final(named).record["readings"]["paused"]


async def test_prices_that_drift_are_stopped_across_replicas(tmp_path: Path) -> None:
    limits = policy(max_drift_bps_per_hour=100)
    async with gate_house(tmp_path, policy=limits, batch_max=2) as house:
        walked = [
            message(n, price=50_000 + 100 * n, current_price=50_000 + 100 * n) for n in range(20)
        ]
        evidence = await raced(house, walked)
    assert denied(evidence) == {("COLLAR_DRIFT",)}
    prices = [float(str(one.body["current_price"])) for one in evidence.signals]
    assert max(prices) <= min(prices) * 1.01


async def test_rates_of_symbol_and_fund_are_shared_by_replicas(tmp_path: Path) -> None:
    limits = policy(max_fund_intents_per_minute=30, max_symbol_intents_per_minute=20)
    async with gate_house(tmp_path, policy=limits, batch_max=4) as house:
        one = [message(n, symbol="BTCUSDT") for n in range(60)]
        other = [message(n, symbol="ETHUSDT") for n in range(60, 120)]
        evidence = await raced(house, [*one, *other])
    assert evidence.kinds() == {"approve": 30, "deny": 90}
    assert {code for codes in denied(evidence) for code in codes} == {"RATE_ABOVE_MAX"}
    symbols = [str(one.body["symbol"]) for one in evidence.signals]
    assert symbols.count("BTCUSDT") <= 20
