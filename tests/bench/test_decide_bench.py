"""How long the pure core takes for one intent. Compare runs of one machine only."""

import json
from typing import Any

import pytest
from pytest_benchmark.fixture import BenchmarkFixture

from petrosa_cio.risk.decide import assess, conclude
from petrosa_cio.risk.intent import Intent
from petrosa_cio.risk.limits import LIMIT_KINDS
from petrosa_cio.risk.parse import parse_intent
from petrosa_cio.risk.verdict import Verdict, VerdictKind
from tests.deciding import NOW, Plain, load, readings_of, snapshot_of

pytestmark = pytest.mark.bench

FLEET: dict[str, Plain] = {case["note"]: case["message"] for case in load("fleet_messages.yaml")}

# Every limit there is, none of them reached by an ordinary order.
FULL: dict[str, Any] = {
    "fund": {
        "allowed_strategies": ["Hidden Order Finder", "momentum_v1"],
        "allowed_symbols": ["BTCUSDT", "ETHUSDT"],
        "allowed_actions": ["buy", "sell"],
        "allowed_order_types": ["market", "limit"],
        "max_order_notional_usd": 1_000,
        "max_order_quantity": 10,
        "on_order_above_max": "reduce",
        "unsized_order_usd": 20,
        "min_confidence": "0.5",
        "stop_loss_required": True,
        "max_intent_age_s": 60,
        "max_clock_skew_s": 2,
        "max_intents_per_second": 100,
        "max_intents_per_minute": 1_000,
        "max_exits_per_minute": 5_000,
        "max_position_usd": 10_000,
        "max_gross_exposure_usd": 100_000,
        "regime_required": True,
        "max_regime_age_s": 600,
        "min_regime_confidence": "0.5",
        "halted_denies_exits": False,
    },
    "regimes": {"*": {"regime_directions": ["long", "short"], "size_scale": 1}},
}

WORLD = {
    "trading": {"fund": "active"},
    "prices": {"BTCUSDT": 52_000, "ETHUSDT": 3_000},
    "regimes": {"*": {"name": "calm", "confidence": 0.9}},
    "equity_usd": 10_000,
}


def test_the_full_policy_states_every_limit() -> None:
    assert {field for entry in (FULL["fund"], FULL["regimes"]["*"]) for field in entry} == set(
        LIMIT_KINDS
    )


@pytest.mark.parametrize("note", FLEET)
def test_parse(benchmark: BenchmarkFixture, note: str) -> None:
    body = json.dumps(FLEET[note]).encode()
    benchmark.extra_info["bytes"] = len(body)
    assert isinstance(benchmark(parse_intent, body), Intent)


@pytest.mark.parametrize(("policy", "name"), [(FULL, "full"), ({}, "empty")], ids=["full", "empty"])
def test_assess_and_conclude(benchmark: BenchmarkFixture, policy: Plain, name: str) -> None:
    message = FLEET["a strategy on the order book, with a size and two of every spelling"]
    intent = parse_intent(json.dumps(message).encode())
    assert isinstance(intent, Intent)
    assert intent.stated_at is not None
    taken_at = intent.stated_at
    snapshot = snapshot_of({"policy": policy, "snapshot": WORLD})
    readings = readings_of(assess(intent, taken_at=NOW, snapshot=snapshot), {})

    def decide() -> Verdict:
        return conclude(assess(intent, taken_at=taken_at, snapshot=snapshot), readings)

    benchmark.extra_info["policy"] = name
    assert benchmark(decide).kind is VerdictKind.APPROVE
