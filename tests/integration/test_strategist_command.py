"""``cio strategist think`` on a fund of real servers."""

import asyncio
import json
from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path
from typing import Any
from uuid import uuid4

import orjson
import pytest
from pydantic_ai import models

from petrosa_cio.adapters.embedded.process import ServerProcess
from petrosa_cio.adapters.redis_connection import connect_redis
from petrosa_cio.adapters.redis_state import RedisStateStore
from petrosa_cio.errors import Misconfigured, NotAllowed
from petrosa_cio.governance.regimes import write_regime
from petrosa_cio.risk.snapshot import ANY_SYMBOL, Regime
from petrosa_cio.servers import clock
from petrosa_cio.settings import load_settings
from tests.commands import cio
from tests.deciding import load
from tests.model_server import model_server
from tests.policies import govern, with_key

pytestmark = pytest.mark.integration


@dataclass
class House:
    """A fund, and the files with the tokens of an admin and of an agent."""

    environ: dict[str, str]
    folder: Path

    async def said(self, *arguments: str, who: str = "bot") -> tuple[int, str]:
        token = ("--token-file", str(self.folder / f"{who}.token")) if who else ()
        return await asyncio.to_thread(cio, *arguments, *token, environ=self.environ)

    async def think(self, *arguments: str, who: str = "bot") -> dict[str, Any]:
        code, text = await self.said("strategist", "think", "--json", *arguments, who=who)
        assert code == 0, text
        found: dict[str, Any] = json.loads(text)
        return found


@pytest.fixture
async def house(tmp_path: Path, own_nats: ServerProcess, redis_url: str, mongo_url: str) -> House:
    fund = uuid4().hex
    environ = {
        "CIO_DATA_DIR": str(tmp_path / "data"), "CIO_FUND": fund,
        "CIO_MONGO_DATABASE": uuid4().hex, "CIO_NATS_URL": own_nats.url,
        "CIO_REDIS_URL": redis_url, "CIO_MONGO_URL": mongo_url,
        "COLUMNS": "160", **with_key(tmp_path),
    }  # fmt: skip
    await govern(load_settings(environ))
    found = House(environ, tmp_path)
    admin, agent = (str(tmp_path / f"{who}.token") for who in ("ada", "bot"))
    made = await found.said("token", "create", "ada", "--role", "admin", "--out", admin, who="")
    assert made[0] == 0, made[1]
    made = await found.said("token", "create", "bot", "--role", "agent", "--out", agent, who="ada")
    assert made[0] == 0, made[1]
    return found


async def turn_wild(house: House) -> None:
    client = connect_redis(house.environ["CIO_REDIS_URL"])
    wild = Regime("turbulent_illiquidity", Decimal("0.9"), clock(), "data-manager")
    store = RedisStateStore(client, house.environ["CIO_FUND"], timeout_s=5)
    await store.set_regime(ANY_SYMBOL, write_regime(wild))
    await client.aclose()


async def test_by_rule_dry_and_then_in_earnest(house: House) -> None:
    calm = await house.think("--dry-run")
    assert (calm["by"], calm["answer"]["kind"]) == ("playbook", "no_change")
    await turn_wild(house)

    dry = await house.think("--dry-run")
    assert (dry["decision"], dry["rule"]) == ("dry run", "regime-thin-and-wild")
    assert dry["changes"]["change"] == "tighter"
    assert "turbulent_illiquidity, confidence 0.9" in dry["briefing"]
    assert "not_made" not in dry["what_if"]
    assert dry["outcome"] is None

    with pytest.raises(NotAllowed, match="ada is a person"):
        await house.said("strategist", "think", who="ada")

    done = await house.think()
    assert (done["decision"], done["outcome"]["in_force"]) == ("in force", 2)
    again = await house.think()
    assert (again["decision"], again["answer"]["kind"]) == ("no change", "no_change")


async def test_what_people_see(house: House) -> None:
    await turn_wild(house)
    code, text = await house.said("strategist", "think", "--dry-run")
    assert code == 0
    for part in (
        "# Market regime", "Proposed by playbook, rule regime-thin-and-wild", "min_confidence",
        "Expected: drawdown_pct at most 10 after 4 h", "Nothing was proposed",
    ):  # fmt: skip
        assert part in text
    code, text = await house.said("strategist", "think")
    assert (code, "Revision 2 is in force" in text) == (0, True)


async def test_by_a_model_that_is_paid_and_recorded(
    house: House, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(models, "ALLOW_MODEL_REQUESTS", True)
    prices = tmp_path / "prices.yaml"
    prices.write_text('prices: {"openai:tested": {input: 2, output: 10}}')
    async with model_server() as server:
        house.environ |= {
            "CIO_STRATEGIST_MODELS": f"openai:tested@{server.url}",
            "CIO_STRATEGIST_OPENAI_KEY": "not-a-key-of-anybody",
        }
        with pytest.raises(Misconfigured, match="no price of openai:tested"):
            await house.think("--dry-run")
        house.environ["CIO_STRATEGIST_PRICES_FILE"] = str(prices)
        server.say("I would rather not.")
        base = load("strategist_answers.yaml")["base"]
        server.say(orjson.dumps(base | {"lasts_minutes": 60}).decode())
        done = await house.think()
    assert (done["by"], done["decision"]) == ("openai:tested", "in force")
    assert [one["outcome"] for one in done["attempts"]] == ["invalid", "answered"]
    assert done["cost_usd"] == "0.006"
    assert "not-a-key-of-anybody" not in json.dumps(done)
    assert done["unrecorded"] is None
    assert done["prompt_version"].startswith("1-")
