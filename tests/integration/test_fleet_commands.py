"""``cio fleet`` beside real servers and a simulated fleet: who may, and what is said of it."""

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest

from petrosa_cio.adapters.embedded import ServerProcess
from petrosa_cio.adapters.mongo_connection import connect_mongo
from petrosa_cio.adapters.mongo_schema import prepare_collections
from petrosa_cio.doctor import Level
from petrosa_cio.doctor.fleet_checks import neighbours
from petrosa_cio.doctor.patient import open_patient
from petrosa_cio.errors import NotAllowed, TooSoon
from petrosa_cio.governance.files import load_governing
from petrosa_cio.settings import load_settings
from tests.commands import cio
from tests.fleet import Analyst, Engine, Realtime, TaBot, served
from tests.governing import THOUGHT
from tests.integration.governing_office import records
from tests.policies import TRUSTING, govern

pytestmark = pytest.mark.integration


@dataclass
class Desk:
    """A fund beside a fleet, and the command line of whoever has a token."""

    environ: dict[str, str]
    engine: Engine = field(default_factory=Engine)
    ta: TaBot = field(default_factory=TaBot)
    realtime: Realtime = field(default_factory=Realtime)
    analyst: Analyst = field(default_factory=Analyst)
    tokens: dict[str, str] = field(default_factory=dict)

    async def cio(self, *arguments: str, who: str = "", code: int = 0) -> str:
        shown = {"CIO_TOKEN": self.tokens[who]} if who else {}
        found, output = await asyncio.to_thread(cio, *arguments, environ=self.environ | shown)
        assert found == code, output
        return output

    async def said(self, *arguments: str, who: str = "", code: int = 0) -> Any:
        return json.loads(await self.cio(*arguments, "--json", who=who, code=code))

    async def hire(self, name: str, role: str, by: str = "") -> None:
        made = await self.said("token", "create", name, "--role", role, who=by)
        self.tokens[name] = made["token"]

    async def changes(self) -> list[dict[str, Any]]:
        """Return the changes of the fleet in the journal."""
        lines = await records(self.environ["CIO_NATS_URL"])
        found = [one["change"] for one in lines if one["kind"] == "change"]
        return [one for one in found if one["subject"].startswith("fleet")]


@pytest.fixture
async def desk(
    tmp_path: Path, own_nats: ServerProcess, redis_url: str, mongo_url: str
) -> AsyncIterator[Desk]:
    desk = Desk(
        {
            "CIO_DATA_DIR": str(tmp_path / "data"), "CIO_FUND": uuid4().hex,
            "CIO_MONGO_DATABASE": uuid4().hex, "CIO_NATS_URL": own_nats.url,
            "CIO_REDIS_URL": redis_url, "CIO_MONGO_URL": mongo_url, "COLUMNS": "200",
            **TRUSTING,
        }
    )  # fmt: skip
    async with AsyncExitStack() as closing:
        named: dict[str, Engine | TaBot | Realtime | Analyst] = {
            "TRADEENGINE": desk.engine, "TA_BOT": desk.ta,
            "REALTIME_STRATEGIES": desk.realtime, "DATA_MANAGER": desk.analyst,
        }  # fmt: skip
        for name, neighbour in named.items():
            url = await closing.enter_async_context(served(neighbour))
            desk.environ[f"CIO_{name}_URL"] = url
        await govern(load_settings(desk.environ))
        mongo = connect_mongo(mongo_url)
        await prepare_collections(mongo[desk.environ["CIO_MONGO_DATABASE"]])
        await mongo.close()
        await desk.hire("ada", "admin")
        for name, role in (("ann", "risk_officer"), ("bob", "risk_officer"), ("bot", "agent")):
            await desk.hire(name, role, by="ada")
        yield desk


async def test_the_fleet_is_looked_at(desk: Desk) -> None:
    found = await desk.said("fleet", "discover")
    assert [(one["neighbour"], one["problem"]) for one in found] == [
        ("tradeengine", None), ("ta-bot", None), ("realtime-strategies", None),
    ]  # fmt: skip
    assert "realtime-strategies/iceberg_detector" in await desk.cio("fleet", "discover")
    shown = await desk.said("fleet", "get", "tradeengine/BTCUSDT")
    leverage = shown["settings"]["leverage"]
    assert leverage["value"] == 10
    assert leverage["facts"]["reach"] == "its check knows the default alone, whatever is stored"
    assert "slippage_tolerance_pct" in await desk.cio("fleet", "get", "tradeengine")
    assert "no change" in await desk.cio("fleet", "history", "tradeengine")
    desk.analyst.answers["regime"] = (200, {"data": {"regime": "breakout_phase"}})
    told = await desk.said("fleet", "analysis", "regime", "BTCUSDT")
    assert told["values"] == {"regime": "breakout_phase"}
    assert "states no time" in await desk.cio("fleet", "analysis", "regime", "BTCUSDT")
    desk.analyst.answers["regime"] = (200, {"data": None})
    assert "knows nothing" in await desk.cio("fleet", "analysis", "regime", "BTCUSDT")


async def test_an_agent_tightens_and_the_journal_has_it_before_and_after(desk: Desk) -> None:
    set_it = ("fleet", "set", "ta-bot", "--set", "min_confidence=0.7", "--thought", THOUGHT)
    done = await desk.said(*set_it, who="bot")
    assert done["report"]["effect"] == "applied"
    assert done["report"]["seen"] == {"min_confidence": "0.7"}
    first, second = await desk.changes()
    assert (first["subject"], first["author"], first["reason"]) == ("fleet_setting", "bot", THOUGHT)
    assert second["subject"] == "fleet_outcome"
    with pytest.raises(TooSoon):
        await desk.cio(*set_it[:4], "min_confidence=0.8", *set_it[5:], who="bot")
    assert "petrosa-cio:bot" in await desk.cio("fleet", "history", "ta-bot")


async def test_two_people_loosen_and_one_program_uses_it(desk: Desk) -> None:
    asked = await desk.said(
        "fleet", "set", "ta-bot", "--set", 'symbols=["BTCUSDT","SOLUSDT"]',
        "--thought", THOUGHT, who="ann",
    )  # fmt: skip
    assert (asked["report"], asked["change"]) == (None, "looser")
    name = asked["proposal"]
    with pytest.raises(NotAllowed):
        await desk.cio("fleet", "apply", name, who="ann")
    with pytest.raises(NotAllowed):
        await desk.cio("fleet", "approve", name, "--reason", "mine", who="ann")
    approved = await desk.said("fleet", "approve", name[:12], "--reason", "agreed", who="bob")
    assert (approved["stage"], approved["behind"]) == ("approved", ["ann", "bob"])
    assert "applied" in await desk.cio("fleet", "apply", name, who="ann")
    assert desk.ta.settings["symbols"] == ["BTCUSDT", "SOLUSDT"]
    assert [one["stage"] for one in await desk.said("fleet", "proposals")] == ["used"]
    assert "used" in await desk.cio("fleet", "proposals")


async def test_what_is_not_done_ends_with_one(desk: Desk) -> None:
    desk.ta.shows_old = True
    said = await desk.cio(
        "fleet", "set", "ta-bot", "--set", "max_positions=5", "--thought", THOUGHT,
        who="ann", code=1,
    )  # fmt: skip
    assert "not_seen" in said
    assert "max_positions shows 10 instead of 5" in said


async def test_a_rollback_waits_where_it_loosens_and_can_be_rejected(desk: Desk) -> None:
    desk.engine.remember((None, None), {"leverage": 8}, "ann")
    desk.engine.remember((None, None), {"leverage": 3}, "ann")
    back = ("fleet", "rollback", "tradeengine", "--to", "1", "--thought", THOUGHT)
    assert "waits for people" in await desk.cio(*back, who="ann")
    (waiting,) = await desk.said("fleet", "proposals")
    assert (waiting["settings"], waiting["before"]) == ({"leverage": 8}, {"leverage": 3})
    name = waiting["proposal"]
    rejected = await desk.said("fleet", "reject", name, "--reason", "no", who="bob")
    assert rejected["stage"] == "rejected"


@pytest.mark.parametrize("field", ["leverage", "leverage=1"])
async def test_a_setting_is_stated_once_with_a_value(field: str) -> None:
    twice = ("--set", "leverage=2") if "=" in field else ()
    code, said = cio("fleet", "set", "tradeengine", "--set", field, *twice, "--thought", THOUGHT)
    assert (code, "NAME=VALUE" in said) == (2, True)


async def test_the_doctor_says_which_neighbour_is_silent(desk: Desk) -> None:
    governing = load_governing(None, None)
    async with open_patient(load_settings(desk.environ), governing) as patient:
        assert (await neighbours(patient)).level is Level.OK
    away = desk.environ | {"CIO_TA_BOT_URL": "http://127.0.0.1:9"}
    async with open_patient(load_settings(away), governing) as patient:
        found = await neighbours(patient)
    assert found.level is Level.WARNING
    assert "ta-bot" in found.seen
    unstated = {one: text for one, text in desk.environ.items() if not one.endswith("_URL")}
    servers = {one: desk.environ[one] for one in ("CIO_NATS_URL", "CIO_REDIS_URL")}
    async with open_patient(load_settings(unstated | servers), governing) as patient:
        assert (await neighbours(patient)).level is Level.NOTE
