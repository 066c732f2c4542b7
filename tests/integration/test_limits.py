"""``cio limits`` on the Redis of a program, and on files alone."""

import asyncio
import json
from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest

from petrosa_cio.adapters.redis_connection import Redis, connect_redis
from petrosa_cio.adapters.redis_ledger import RedisLedger
from petrosa_cio.adapters.redis_rates import RedisRates
from petrosa_cio.adapters.redis_state import RedisStateStore
from petrosa_cio.governance.files import load_governing
from petrosa_cio.risk.claims import Claim, RateClaim
from petrosa_cio.risk.policy import PolicyDocument, canonical_json
from petrosa_cio.risk.shared_limits import rate_counters
from tests.commands import cio
from tests.ledgers import claim, rate, request
from tests.policies import put_next

pytestmark = pytest.mark.integration

USD = 10_000


@dataclass
class Fund:
    """A fund in the shared Redis, with the starter policy in force."""

    redis: Redis
    url: str
    name: str
    ledger: RedisLedger

    async def take(self, usd: int, counter: str, *, strategy: str = "grid", times: int = 1) -> None:
        """Let a strategy take exposure in so many decisions."""
        wanted: list[Claim | RateClaim] = [
            *(claim(usd * USD, counter=one) for one in (counter, "gross")),
            rate(1_000, 60_000, f"intents:{strategy}"),
        ]
        requests = [
            request(uuid4().hex, *wanted, strategy=strategy, token=strategy) for _ in range(times)
        ]
        answers = await self.ledger.reserve(requests)
        assert all(answer.readings.held for answer in answers)

    async def cio(self, *arguments: str, columns: int = 140) -> tuple[int, str]:
        environ = {"CIO_REDIS_URL": self.url, "CIO_FUND": self.name, "COLUMNS": str(columns)}
        return await asyncio.to_thread(cio, "limits", *arguments, environ=environ)

    async def json(self, *arguments: str) -> dict[str, Any]:
        found: dict[str, Any] = json.loads((await self.cio("--json", *arguments))[1])
        return found


@pytest.fixture
async def fund(redis_url: str) -> AsyncIterator[Fund]:
    name, redis = uuid4().hex, connect_redis(redis_url)
    ledger = RedisLedger(redis, name, timeout_s=10)
    await ledger.initialise(fresh=True)
    policy = canonical_json(PolicyDocument(policy=load_governing(None, None).first_policy))
    await put_next(RedisStateStore(redis, name), policy, fund=name)
    yield Fund(redis, redis_url, name, ledger)
    await redis.aclose()


def by_name(found: dict[str, Any]) -> dict[str, Any]:
    return {line["name"]: line for line in found["limits"]}


async def test_what_is_used_of_the_whole_fund(fund: Fund) -> None:
    await fund.take(4_500, "position:BTCUSDT:long")
    await fund.take(100, "position:ETHUSDT:short")
    code, said = await fund.cio()
    assert code == 0
    assert "policy starter, revision 1; charter starter" in said
    assert "4600 (23 %)" in said
    assert "BTCUSDT:long 4500 (90 %)" in said
    assert "ETHUSDT:short 100 (2 %)" in said
    assert "Not set: allowed_strategies, allowed_symbols" in said


async def test_the_band_of_each_use_and_room_for_it_at_80_columns(fund: Fund) -> None:
    for symbol, usd in (("ADAUSDT", 5_000), ("BTCUSDT", 4_500), ("ETHUSDT", 100)):
        await fund.take(usd, f"position:{symbol}:long")
    uses = by_name(await fund.json())["max_position_usd"]["uses"]
    assert [use["band"] for use in uses] == ["full", "80 %", "ok"]
    for columns in (80, 140):
        said = (await fund.cio(columns=columns))[1]
        lines = [
            " ".join(line.replace("━", "").replace("╸", "").split()) for line in said.split("\n")
        ]
        assert any("ADAUSDT:long 5000 (100 %) full" in line for line in lines)
        assert any("BTCUSDT:long 4500 (90 %) 80 %" in line for line in lines)
        assert any("ETHUSDT:long 100 (2 %) ok" in line for line in lines)
        assert any("max_gross_exposure_usd 20000 USD" in line for line in lines)
        by_default = load_governing(None, None).first_policy.strategies["*"]
        assert said.count("strategies.*") == len(by_default.model_fields_set)


async def test_the_rates_of_one_strategy(fund: Fund) -> None:
    await fund.take(1, "position:BTCUSDT:long", times=30)
    found = by_name(await fund.json("--strategy", "grid", "--symbol", "btcusdt"))
    (per_minute,) = found["max_intents_per_minute"]["uses"]
    assert per_minute == {
        "about": "intents:grid", "used": "30", "limit": 60, "share": "0.5000", "band": "50 %",
    }  # fmt: skip
    assert found["max_exits_per_minute"]["uses"][0]["used"] == "0"
    long, short = found["max_position_usd"]["uses"]
    assert (long["used"], short["used"]) == ("30", "0")
    assert not by_name(await fund.json())["max_intents_per_minute"]["uses"]


async def test_events_that_left_a_window_are_not_counted(fund: Fund) -> None:
    rates = RedisRates(fund.redis, fund.name)
    seconds, _ = await fund.redis.time()
    key, now_ms = f"cio:{{{fund.name}}}:rate:intents:grid", seconds * 1000
    for age_ms in (70_000, 40_000, 30_000):
        await fund.redis.lpush(key, now_ms - age_ms)
    events = await rates.events(rate_counters("grid", "*"))
    assert events["max_intents_per_second"] == 0
    assert events["max_intents_per_minute"] == 2
    assert events["max_exits_per_minute"] == 0


async def test_the_regime_in_force_counts_unless_another_is_asked_about(fund: Fund) -> None:
    store = RedisStateStore(fund.redis, fund.name)
    regime = {"name": "transitional", "confidence": "1", "source": "x"}
    document = json.dumps(regime | {"observed_at": "2026-03-02T12:00:00+00:00"}).encode()
    await store.set_regime("BTCUSDT", document)
    found = await fund.json("--symbol", "BTCUSDT")
    assert found["regime"] == "transitional"
    assert by_name(found)["size_scale"]["entry"] == "regimes.transitional"
    asked = await fund.json("--symbol", "BTCUSDT", "--regime", "turbulent_illiquidity")
    assert by_name(asked)["regime_directions"]["value"] == []


async def test_a_lost_ledger_hides_use_but_no_limit(fund: Fund) -> None:
    await fund.redis.delete(f"cio:{{{fund.name}}}:generation")
    code, said = await fund.cio()
    assert (code, "What is used is not known" in said) == (0, True)
    assert "max_gross_exposure_usd" in said


async def test_without_a_policy_the_charter_holds(redis_url: str, fund: Fund) -> None:
    nobody = Fund(fund.redis, redis_url, uuid4().hex, fund.ledger)
    code, said = await nobody.cio()
    assert (code, "the charter alone: no policy is in force" in said) == (0, True)
    assert "The charter requires max_intents_per_minute and nobody sets it here" in said


def test_a_file_needs_no_server(tmp_path: Path) -> None:
    policy, charter = tmp_path / "policy.yaml", tmp_path / "charter.yaml"
    policy.write_text("symbols: {BTCUSDT: {max_position_usd: 700}}\n")
    charter.write_text("name: open\n")
    arguments = ("--policy", str(policy), "--charter", str(charter), "--symbol", "BTCUSDT")
    code, said = cio("limits", *arguments, "--json")
    found = json.loads(said)
    assert (code, found["use_is_known"], found["charter"]) == (0, False, "open")
    line = by_name(found)["max_position_usd"]
    assert (line["value"], line["entry"], line["uses"]) == ("700", "symbols.BTCUSDT", [])


def test_trading_hours_are_shown_as_they_are_written(tmp_path: Path) -> None:
    policy = tmp_path / "policy.yaml"
    policy.write_text("fund: {trading_hours: [tue 08:00-20:00, mon 08:00-20:00]}\n")
    _, said = cio("limits", "--policy", str(policy), "--json")
    assert by_name(json.loads(said))["trading_hours"]["value"] == ["mon-tue 08:00-20:00"]
    _, said = cio("limits", "--policy", str(policy))
    assert "mon-tue 08:00-20:00" in said
