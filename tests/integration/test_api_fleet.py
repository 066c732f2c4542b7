"""What the fleet's own dashboard and tools are answered, and the routes of its settings."""

from collections.abc import AsyncIterator
from typing import Any

import orjson
import pytest

from tests.api import LARGE, ApiHouse, api_house
from tests.fleet import served_fleet
from tests.governing import THOUGHT
from tests.integration.governing_office import records

pytestmark = pytest.mark.integration

LIMIT = "fund.max_order_notional_usd"
ENGINE = {"target": "tradeengine/BTCUSDT"}
WANTED = {"strategy_id": "momentum v1", "position_size_usd": 500, "leverage": 1}


@pytest.fixture
async def house(
    tmp_path_factory: pytest.TempPathFactory, redis_url: str, mongo_url: str
) -> AsyncIterator[ApiHouse]:
    folder = tmp_path_factory.mktemp("fleet")
    async with served_fleet() as fleet, api_house(folder, redis_url, mongo_url, **fleet) as house:
        yield house


async def shown(house: ApiHouse, path: str, who: str = "eve") -> Any:
    answer = await house.call("GET", f"/api/dashboard/{path}", who)
    assert answer.status_code == 200, answer.text
    return answer.json()


# --- the dashboard --------------------------------------------------------------------------------


async def test_the_dashboard_shows_decisions_in_its_own_words(house: ApiHouse) -> None:
    found = await shown(house, "decisions/recent?window=30d")
    assert (found["window"], found["strategy_id"], found["is_all"]) == ("30d", None, True)
    rows = {one["decision_id"]: one for one in found["decisions"]}
    assert rows.keys() == set(house.decisions)
    fine, unsure, other, large = (rows[one] for one in house.decisions)
    assert [one["action"] for one in (fine, unsure, other, large)] == ["execute", *["veto"] * 3]
    assert unsure["confidence"] == 0.1
    assert "CONFIDENCE_BELOW_MIN" in unsure["reasoning_trace"]
    of_one = await shown(house, "decisions/recent?window=30d&strategy_id=%3Dcmd()")
    assert [one["decision_id"] for one in of_one["decisions"]] == [other["decision_id"]]


async def test_the_dashboard_is_told_nothing_that_is_not_known(house: ApiHouse) -> None:
    spend = await shown(house, "llm-spend")
    assert (spend["total_cost_usd"], spend["buckets"]) == (0, [])
    assert "no language model is asked" in spend["note"]
    parts = {
        one["subsystem"]: one for one in (await shown(house, "evaluator/verdicts"))["subsystems"]
    }
    assert parts["gate"]["verdict"] == "unhealthy"
    assert "no gate has been heard" in parts["gate"]["evidence"]
    assert parts["record"]["verdict"] == "unknown"
    assert "no reconciler" in parts["record"]["evidence"]


async def test_without_a_token_nothing_is_shown_and_probes_answer(house: ApiHouse) -> None:
    nobody = await house.call("GET", "/api/dashboard/llm-spend")
    assert nobody.status_code == 401
    detail = nobody.json()["detail"]
    assert (detail["title"], detail["status"]) == ("NOT_KNOWN", 401)
    wrong = await house.call("GET", "/api/dashboard/decisions/recent?window=2h", "eve")
    assert (wrong.status_code, wrong.json()["detail"]["title"]) == (422, "INVALID")
    nowhere = await house.call("GET", "/api/dashboard/nowhere", "eve")
    assert (nowhere.status_code, nowhere.json()["error"]["code"]) == (404, "NO_SUCH_ROUTE")
    alive = await house.client.get("/health/liveness")
    assert (alive.status_code, alive.json()) == (200, {"status": "ok"})
    ready = await house.client.get("/health/readiness")
    assert (ready.status_code, ready.json()["ready"]) == (503, False)


async def test_to_register_a_strategy_allows_nothing(house: ApiHouse) -> None:
    async def registered(**more: object) -> Any:
        answer = await house.call("POST", "/api/admission/register", "bot", json=WANTED | more)
        assert answer.status_code == 201, answer.text
        return answer.json()

    before = await house.told("GET", "/limits?strategy=momentum%20v1")
    said = await registered(submitted_by="zoe", strategy_revision_id="srev_1")
    held = {one["limit"]: one for one in said["limits"]}
    assert said["registered_by"] == "bot"
    assert all(one["fits"] for one in held.values())
    greedy = await registered(position_size_usd=10**9, leverage=100)
    assert not greedy["fits"]
    assert not {one["limit"]: one for one in greedy["limits"]}["max_gross_exposure_usd"]["fits"]
    assert await house.told("GET", "/limits?strategy=momentum%20v1") == before
    assert (await house.told("GET", "/policies/active"))["revision"] == 1
    kept = [
        one["change"]
        for one in await records(str(house.settings.nats_url))
        if one["kind"] == "change" and one["change"]["subject"] == "admission"
    ]
    assert [(one["scope"], one["author"], one["reason"]) for one in kept] == [
        ("momentum_v1", "bot", "asked for by zoe"),
        ("momentum_v1", "bot", "asked for by bot"),
    ]
    assert orjson.loads(kept[0]["value"])["position_size_usd"] == "500"
    halt = {"reason": "wild", "strategy": "momentum v1"}
    await house.told("POST", "/trading-states/halts", "bot", json=halt)
    halted = await registered()
    assert (halted["fits"], halted["strategy_state"]) == (False, "halted")
    for wrong in ({"leverage": 0.5}, {"position_size_usd": -1}, {"position_size_usd": "NaN"}):
        answer = await house.call("POST", "/api/admission/register", "bot", json=WANTED | wrong)
        assert answer.status_code == 422, answer.text


# --- overrides, shadows, neighbours ---------------------------------------------------------------


async def test_an_override_takes_two_people(house: ApiHouse) -> None:
    body = {"denied": house.decisions[3], "lifts": ["NOTIONAL_ABOVE_MAX"], "thought": THOUGHT}
    waits = await house.told("POST", "/overrides", "ann", json=body)
    called, reason = f"/overrides/{waits['override'][:12]}", {"reason": "I looked"}
    own = await house.refused("POST", f"{called}/approvals", "ann", json=reason)
    assert (own["status"], own["code"]) == (403, "NOT_ALLOWED")
    one = await house.told("GET", called)
    assert (one["stage"], orjson.loads(one["message"])["quantity"]) == ("open", LARGE)
    done = await house.told("POST", f"{called}/approvals", "bob", json=reason)
    assert (done["stage"], done["behind"]) == ("approved", ["ann", "bob"])
    late = await house.refused("POST", f"{called}/rejections", "bob", json=reason)
    assert late["status"] == 403
    listed = await house.told("GET", "/overrides")
    assert [row["stage"] for row in listed["items"]] == ["approved"]
    nobody = await house.refused("GET", f"/overrides/{'0' * 12}", "eve")
    assert (nobody["status"], nobody["code"]) == (404, "NOT_FOUND")


async def test_a_shadow_is_started_shown_promoted_and_dropped(house: ApiHouse) -> None:
    path, body = "/policies/shadows", {"fields": [f"{LIMIT}=900"], "thought": THOUGHT}
    none = await house.refused("GET", f"{path}/newest", "eve")
    assert none["status"] == 404
    started = await house.told("POST", path, "bot", json=body)
    assert (started["shadow"], started["change"]) == (1, "tighter")
    twice = await house.refused("POST", path, "ann", json=body)
    assert twice["status"] == 403
    assert (await house.told("GET", f"{path}/1"))["stage"] == "running"
    thought = {"thought": THOUGHT}
    gone = await house.told("POST", f"{path}/newest/endings", "ole", json=thought)
    assert (gone["shadow"], gone["stage"]) == (1, "dropped")
    looser = body | {"fields": [f"{LIMIT}=1500"]}
    await house.told("POST", path, "bot", json=looser)
    answer = await house.call("POST", f"{path}/newest/promotions", "bot", json=thought)
    assert answer.status_code == 202
    promoted = answer.json()["data"]
    assert (promoted["in_force"], promoted["needs"]["people"], promoted["shadow"]) == (None, 2, 2)
    assert (await house.told("GET", f"{path}/newest"))["stage"] == "promoted"


async def test_a_neighbours_loosening_waits_and_is_applied_once(house: ApiHouse) -> None:
    found = (await house.told("GET", "/fleet/neighbours"))["items"]
    assert [one["problem"] for one in found] == [None, None, None]
    leverage = (await house.told("GET", "/fleet/settings", params=ENGINE))["settings"]["leverage"]
    assert leverage["facts"]["direction"] == "higher risks more"
    body = ENGINE | {"settings": {"leverage": leverage["value"] + 1}, "thought": THOUGHT}
    answer = await house.call("POST", "/fleet/settings/changes", "ann", json=body)
    assert answer.status_code == 202, answer.text
    waits = answer.json()["data"]
    assert (waits["report"], waits["needs"]["people"]) == (None, 1)
    called, reason = f"/fleet/proposals/{waits['proposal'][:12]}", {"reason": "agreed"}
    early = await house.refused("POST", f"{called}/applications", "ole")
    assert early["status"] == 403
    done = await house.told("POST", f"{called}/approvals", "bob", json=reason)
    assert done["behind"] == ["ann", "bob"]
    sent = await house.told("POST", f"{called}/applications", "ole")
    assert sent["effect"] in ("applied", "stored_unread")
    assert sent["achieved"] is (sent["effect"] == "applied")
    again = await house.refused("POST", f"{called}/rejections", "bob", json=reason)
    assert again["status"] == 403
    soon = ENGINE | {"settings": {"leverage": 1}, "thought": THOUGHT}
    refused = await house.refused("POST", "/fleet/settings/changes", "ann", json=soon)
    assert (refused["status"], refused["code"]) == (429, "TOO_SOON")
    past = (await house.told("GET", "/fleet/settings/history", params=ENGINE))["items"]
    assert past[0]["changed_by"] == "petrosa-cio:ann"
    assert [one["stage"] for one in (await house.told("GET", "/fleet/proposals"))["items"]] == [
        "used"
    ]
    asked = {"subject": "regime", "about": "BTCUSDT"}
    assert (await house.told("GET", "/fleet/analyses", params=asked))["values"] is None


async def test_a_number_without_an_end_is_no_setting(house: ApiHouse) -> None:
    body = b'{"target": "tradeengine", "settings": {"leverage": NaN}, "thought": "%s"}'
    headers = {"Content-Type": "application/json"}
    content = body % THOUGHT.encode()
    wrong = await house.refused(
        "POST", "/fleet/settings/changes", "ann", content=content, headers=headers
    )
    assert (wrong["status"], wrong["code"]) == (422, "SETTING_REJECTED")


async def test_alerts_are_found_open_ones_alone(house: ApiHouse) -> None:
    assert (await house.told("GET", "/audits/alerts?kind=policy_guard"))["items"] == []
    wrong = await house.refused("GET", "/audits/alerts?kind=fire", "eve")
    assert (wrong["status"], wrong["code"]) == (422, "QUERY_REJECTED")
