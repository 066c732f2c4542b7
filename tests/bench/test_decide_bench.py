"""How long the pure core takes for one intent. Compare runs of one machine only."""

import json

import pytest
from pytest_benchmark.fixture import BenchmarkFixture

from petrosa_cio.risk.decide import assess, conclude
from petrosa_cio.risk.intent import Intent
from petrosa_cio.risk.limits import LIMIT_KINDS
from petrosa_cio.risk.parse import parse_intent
from petrosa_cio.risk.verdict import Verdict, VerdictKind
from tests.bench.policies import EMPTY, FULL
from tests.deciding import NOW, Plain, load, readings_of, snapshot_of

pytestmark = pytest.mark.bench

FLEET: dict[str, Plain] = {case["note"]: case["message"] for case in load("fleet_messages.yaml")}

WORLD = {
    "trading": {"fund": "active"},
    "prices": {"BTCUSDT": 52_000, "ETHUSDT": 3_000},
    "venue": {
        symbol: {
            "price": {"step": "0.01", "lowest": "0.01", "highest": "1000000"},
            "quantity": {"step": "0.0001", "lowest": "0.0001", "highest": "9000"},
            "market_quantity": {"step": "0.0001", "lowest": "0.0001", "highest": "900"},
            "min_notional_usd": "5",
            "max_notional_usd": "9000000",
            "buy_band": {"lowest": "0.8", "highest": "1.2"},
            "sell_band": {"lowest": "0.8", "highest": "1.2"},
            "brackets": [{"notional_cap_usd": "50000", "max_leverage": 125}],
        }
        for symbol in ("BTCUSDT", "ETHUSDT")
    },
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


@pytest.mark.parametrize(
    ("policy", "name"), [(FULL, "full"), (EMPTY, "empty")], ids=["full", "empty"]
)
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
