"""The HTTP API over real servers: who may do what, and that each answer is what it says."""

import asyncio
import csv
import io
import json
from collections.abc import AsyncIterator
from typing import Any
from uuid import uuid4

import pytest

from petrosa_cio.adapters.embedded import ServerProcess
from petrosa_cio.governance.actors import Role
from petrosa_cio.office.office import Status
from petrosa_cio.offices import serving_api
from petrosa_cio.servers import open_servers
from petrosa_cio.settings import load_settings
from petrosa_cio.surfaces.api.app import rights
from petrosa_cio.surfaces.api.fleet_app import fleet_rights
from petrosa_cio.surfaces.api.route import Right
from tests.api import PEOPLE, ApiHouse, api_house
from tests.fleet import served_fleet
from tests.governing import THOUGHT
from tests.integration.governing_office import records
from tests.policies import SEED, TRUSTING
from tests.waiting import eventually

pytestmark = pytest.mark.integration

RIGHTS = [*rights(), *fleet_rights()]

LIMIT = "fund.max_order_notional_usd"
PLACES = {
    "number": "1", "proposal": "0" * 64, "symbol": "BTCUSDT", "decision": "nobody",
    "token": "0" * 16, "override": "0" * 64,
}  # fmt: skip
ENGINE = {"target": "tradeengine/BTCUSDT"}
QUERIES = {
    "/policies/comparisons": {"old": "1", "new": "1"},
    "/fleet/settings": ENGINE,
    "/fleet/settings/history": ENGINE,
    "/fleet/analyses": {"subject": "regime", "about": "BTCUSDT"},
    "/stream": {"lasts_s": "0.01"},
}


@pytest.fixture(scope="module")
async def shared(
    tmp_path_factory: pytest.TempPathFactory, redis_url: str, mongo_url: str
) -> AsyncIterator[ApiHouse]:
    """A house for tests that change nothing, beside its neighbours."""
    folder = tmp_path_factory.mktemp("api")
    async with served_fleet() as fleet, api_house(folder, redis_url, mongo_url, **fleet) as house:
        yield house


@pytest.fixture
async def house(
    tmp_path_factory: pytest.TempPathFactory, redis_url: str, mongo_url: str
) -> AsyncIterator[ApiHouse]:
    async with api_house(tmp_path_factory.mktemp("api"), redis_url, mongo_url) as house:
        yield house


def path_of(right: Right) -> str:
    return right.path.removeprefix("/api/v1").format(**PLACES)


@pytest.mark.parametrize("right", RIGHTS, ids=lambda one: f"{one.method} {one.path}")
async def test_every_route_with_every_role_and_with_none(shared: ApiHouse, right: Right) -> None:
    path = path_of(right)
    more: dict[str, Any] = {"params": QUERIES.get(path)}
    if right.method == "POST":
        more["json"] = {}  # it is judged after whoever sent it
    for who, role in PEOPLE.items():
        answer = await shared.call(right.method, path, who, **more)
        if role in right.roles:
            assert answer.status_code in (200, 404, 422), (who, answer.text)
            continue
        error = answer.json()["error"]
        assert (answer.status_code, error["code"]) == (403, "NOT_ALLOWED"), (who, answer.text)
        assert set(error["approval"]["roles"]) == set(right.roles)
    nobody = await shared.call(right.method, path, **more)
    assert nobody.status_code in (401, 429)  # the latter once it happened too often
    assert nobody.json()["success"] is False


@pytest.mark.parametrize(
    ("prefix", "listed"), [("/api/v1", rights()), ("/api", fleet_rights())], ids=["api", "fleet"]
)
async def test_the_description_names_each_route_with_its_roles(
    shared: ApiHouse, prefix: str, listed: list[Right]
) -> None:
    answer = await shared.call("GET", f"{prefix}/openapi.json", "eve")
    described = answer.json()
    assert described["security"] == [{"token": []}]
    assert described["servers"] == [{"url": prefix}]
    for right in listed:
        if right.path.endswith("openapi.json"):
            continue
        operation = described["paths"][right.path.removeprefix(prefix)][right.method.lower()]
        assert operation["x-cio-roles"] == list(right.roles)
        assert operation["summary"]
        assert operation["description"]
        assert {"401", "403", "422", "429", "500", "503"} <= operation["responses"].keys()


async def test_what_is_not_there_is_told_in_the_envelope(shared: ApiHouse) -> None:
    nowhere = await shared.refused("GET", "/nowhere", "eve")
    assert (nowhere["status"], nowhere["code"]) == (404, "NO_SUCH_ROUTE")
    wrong = await shared.call("DELETE", "/whoami", "eve")
    assert (wrong.status_code, wrong.headers["allow"]) == (405, "GET")
    assert wrong.json()["error"]["code"] == "METHOD_NOT_ALLOWED"
    for path in ("/verdicts/a%0Ab/explanation", "/whoami/", "/policies/revisions/77"):
        assert (await shared.refused("GET", path, "eve"))["status"] == 404
    missing = await shared.refused("GET", "/policies/revisions/77", "eve")
    assert (missing["status"], missing["code"]) == (404, "NOT_FOUND")


async def test_answers_are_for_nobody_else(shared: ApiHouse) -> None:
    answer = await shared.call("GET", "/whoami", "eve", headers={"Origin": "https://elsewhere"})
    assert answer.headers["cache-control"] == "no-store"
    assert answer.headers["x-content-type-options"] == "nosniff"
    assert not [name for name in answer.headers if name.startswith("access-control")]
    assert "server" not in answer.headers


async def test_a_trace_is_continued(shared: ApiHouse) -> None:
    trace = "4bf92f3577b34da6a3ce929d0e0e4736"  # pragma: allowlist secret
    headers = {"traceparent": f"00-{trace}-00f067aa0ba902b7-01"}
    answer = await shared.call("GET", "/whoami", "eve", headers=headers)
    assert (answer.json()["trace_id"], answer.headers["cio-trace-id"]) == (trace, trace)


async def test_all_problems_are_told_at_once(shared: ApiHouse) -> None:
    wrong = await shared.refused("GET", "/verdicts?verdict=maybe&symbol=-&since=soon", "eve")
    assert (wrong["status"], wrong["code"]) == (422, "QUERY_REJECTED")
    assert len(wrong["problems"]) == 3
    draft = {"fields": [f"{LIMIT}=999999999", "fund.max_leverage=125"]}
    found = await shared.told("POST", "/policies/checks", json=draft)
    assert not found["may_govern"]
    assert {one["path"] for one in found["errors"]} >= {LIMIT, "fund.max_leverage"}
    body = {"reason": "", "surprise": 1}
    invalid = await shared.refused("POST", "/trading-states/halts", "ole", json=body)
    assert (invalid["code"], len(invalid["problems"])) == ("INVALID", 2)


async def test_no_secret_is_ever_told(shared: ApiHouse, capfd: pytest.CaptureFixture[str]) -> None:
    said = []
    for right in RIGHTS:
        path = path_of(right)
        params = QUERIES.get(path)
        if right.method == "GET":
            answer = await shared.call("GET", path, "ada", params=params)
            said.append(answer.text + str(answer.headers))
        bad = await shared.call(right.method, path, "ada", json={"token": "x"}, params=params)
        said.append(bad.text)
    logged = capfd.readouterr()
    told = "\n".join((*said, logged.out, logged.err))
    assert str(shared.settings.mongo_url) not in told
    assert SEED.hex() not in told
    for text in shared.tokens.values():
        assert text not in told
        assert text.removeprefix("cio_")[:20] not in told


# --- the policy -----------------------------------------------------------------------------------


async def propose(house: ApiHouse, who: str, limit: object) -> Any:
    body = {"fields": [f"{LIMIT}={limit}"], "thought": THOUGHT}
    return await house.told("POST", "/policies/proposals", who, json=body)


async def test_a_loosening_takes_two_people_and_a_tightening_none(house: ApiHouse) -> None:
    assert (await propose(house, "bot", 900))["in_force"] == 2
    waiting = await propose(house, "bot", 1500)
    assert (waiting["in_force"], waiting["needs"]["people"]) == (None, 2)
    waiting = await propose(house, "ann", 1500)
    assert waiting["needs"] == {
        "people": 1, "roles": ["admin", "risk_officer"], "cooling_off_s": None,
    }  # fmt: skip
    called = f"/policies/proposals/{waiting['proposal'][:12]}"
    reason = {"reason": "volume is back"}
    own = await house.refused("POST", f"{called}/approvals", "ann", json=reason)
    assert own["approval"] == {"would_unlock": True, "roles": ["admin", "risk_officer"]}
    early = await house.refused("POST", f"{called}/activations", "ann")
    assert (early["status"], early["approval"]["would_unlock"]) == (403, True)
    approved = await house.told("POST", f"{called}/approvals", "bob", json=reason)
    assert (approved["stage"], approved["behind"]) == ("approved", ["ann", "bob"])
    assert (await house.told("POST", f"{called}/activations", "ann")) == {"in_force": 3}
    shown = await house.told("GET", called)
    assert (shown["stage"], shown["comparison"]["change"]) == ("activated", "looser")
    assert (await house.told("GET", "/policies/active"))["revision"] == 3
    compared = await house.told("GET", "/policies/comparisons?old=1&new=3")
    assert [(one["path"], one["new"]) for one in compared["fields"]] == [(LIMIT, "1500")]


async def test_history_comes_in_pages(house: ApiHouse) -> None:
    for limit in (900, 800, 700):
        await propose(house, "ole", limit)
    first = await house.told("GET", "/policies/revisions?limit=3")
    assert [one["revision"] for one in first["items"]] == [4, 3, 2]
    rest = await house.told("GET", f"/policies/revisions?limit=3&cursor={first['cursor']}")
    assert ([one["revision"] for one in rest["items"]], rest["cursor"]) == ([1], None)


async def test_who_comes_too_late_is_in_conflict(house: ApiHouse) -> None:
    await propose(house, "ole", 900)
    document = (await house.told("GET", "/policies/active"))["document"]
    body = {"document": document, "thought": THOUGHT, "parent": 1}
    late = await house.refused("POST", "/policies/proposals", "ann", json=body)
    assert (late["status"], late["code"]) == (409, "REVISION_CONFLICT")
    same = await house.refused("POST", "/policies/proposals", "ann", json=body | {"parent": 2})
    assert (same["status"], same["code"]) == (422, "POLICY_REJECTED")


async def test_fields_for_a_time_and_back_again(house: ApiHouse) -> None:
    body = {"fields": [f"{LIMIT}=100"], "lasts_s": 7200, "thought": THOUGHT}
    assert (await house.told("POST", "/policies/proposals", "bot", json=body))["in_force"] == 2
    (overlay,) = (await house.told("GET", "/policies/active"))["document"]["overlays"]
    assert overlay["fund"] == {"max_order_notional_usd": "100"}
    back = {"to": 1, "thought": THOUGHT}
    waits = await house.told("POST", "/policies/rollbacks", "ole", json=back)
    assert (waits["in_force"], waits["change"]) == (None, "looser")
    called = f"/policies/proposals/{waits['proposal']}/rejections"
    gone = await house.told("POST", called, "ole", json={"reason": "not now"})
    assert gone["stage"] == "rejected"


async def test_a_thought_that_is_none_is_refused_and_recorded(house: ApiHouse) -> None:
    body = {"fields": [f"{LIMIT}=900"], "thought": "because " * 20}
    wrong = await house.refused("POST", "/policies/proposals", "ann", json=body)
    assert (wrong["status"], wrong["code"]) == (422, "THOUGHT_REJECTED")
    await house.refused("POST", "/tokens", "ann", json={"name": "x", "role": "admin"})
    attempts = {
        (one["change"]["author"], one["change"]["scope"])
        for one in await records(str(house.settings.nats_url))
        if one["kind"] == "change" and one["change"]["subject"] == "refused"
    }
    assert attempts == {("ann", "propose on revision 1"), ("ann", "POST /api/v1/tokens")}


# --- switches -------------------------------------------------------------------------------------


async def test_an_agent_halts_and_a_person_resumes(house: ApiHouse) -> None:
    halt = {"reason": "exchange unreachable", "strategy": "momentum v1"}
    done = await house.told("POST", "/trading-states/halts", "bot", json=halt)
    assert (done["scope"], done["state"], done["is_recorded"]) == (
        "strategy:momentum_v1", "halted", True,
    )  # fmt: skip
    reduced = {"reason": "wild", "symbol": "btcusdt"}
    await house.told("POST", "/trading-states/reductions", "bot", json=reduced)
    states = await house.told("GET", "/trading-states")
    assert states["strategies"] == {"momentum_v1": "halted"}
    assert states["symbols"] == {"BTCUSDT": "reducing"}
    both = await house.refused("POST", "/trading-states/halts", "bot", json=halt | reduced)
    assert both["status"] == 422
    resume = {"reason": "back", "strategy": "momentum v1"}
    await house.told("POST", "/trading-states/resumptions", "ole", json=resume)
    assert (await house.told("GET", "/trading-states"))["strategies"] == {}
    changes = [
        (one["change"]["subject"], one["change"]["author"], one["change"]["value"])
        for one in await records(str(house.settings.nats_url))
        if one["kind"] == "change" and one["change"]["subject"] == "trading_state"
    ]
    assert changes == [
        ("trading_state", "bot", "halted"),
        ("trading_state", "bot", "reducing"),
        ("trading_state", "ole", "active"),
    ]


async def test_a_persons_word_on_the_regime(house: ApiHouse) -> None:
    said = {"regime": "calm", "lasts_s": 600, "reason": "quiet", "thought": THOUGHT}
    path = "/regimes/BTCUSDT/overrides"
    done = await house.told("POST", path, "ole", json=said)
    assert (done["regime"], done["confidence"]) == ("consolidation", "1")
    (line,) = (await house.told("GET", "/regimes"))["items"]
    assert (line["symbol"], line["source"], line["observed"]) == ("BTCUSDT", "ole", None)
    odd = await house.refused("POST", path, "ole", json=said | {"regime": "odd"})
    assert (odd["status"], odd["code"]) == (422, "REJECTED")
    clear = {"reason": "over"}
    gone = await house.told("POST", "/regimes/BTCUSDT/clearings", "ole", json=clear)
    assert gone["ended"] == "consolidation"
    assert (await house.told("GET", "/regimes"))["items"] == []


async def test_limits_and_status_are_those_in_force(shared: ApiHouse) -> None:
    found = await shared.told("GET", "/limits?strategy=momentum&symbol=btcusdt")
    row = next(one for one in found["limits"] if one["name"] == "max_order_notional_usd")
    assert (row["value"], row["entry"], found["use_is_known"]) == ("1000", "fund", True)
    status = await shared.told("GET", "/status")
    assert (status["ready"], status["policy_revision"]) == (False, 1)
    assert status["problems"] == ["no gate has been heard for 3 s"]
    codes = {one["code"] for one in (await shared.told("GET", "/controls"))["items"]}
    assert {"FUND_HALTED", "INTENT_MALFORMED"} <= codes


# --- tokens ---------------------------------------------------------------------------------------


async def test_a_token_is_made_shown_once_and_revoked_within_seconds(house: ApiHouse) -> None:
    made = await house.told("POST", "/tokens", "ada", json={"name": "zoe", "role": "operator"})
    house.tokens["zoe"] = made["token"]
    who = await house.told("GET", "/whoami", "zoe")
    assert (who["name"], who["role"]) == ("zoe", "operator")
    assert "resume" in who["may"]
    assert "tokens" not in who["may"]
    listed = (await house.call("GET", "/tokens", "zoe")).text
    assert made["token"] not in listed
    gone = f"/tokens/{made['token_id']}/revocations"
    told = await house.told("POST", gone, "ada", json={"reason": "left"})
    assert told["revoked"] == {"by": "ada", "reason": "left"}

    async def refused() -> bool:
        return (await house.call("GET", "/whoami", "zoe")).status_code == 401

    await eventually(refused)
    again = await house.refused("POST", gone, "ada", json={"reason": "left"})
    assert (again["status"], again["message"]) == (
        403, f"{made['token_id']} was revoked before",
    )  # fmt: skip


async def test_strangers_are_recorded_a_few_times_and_hinder_nobody(house: ApiHouse) -> None:
    statuses = []
    for _ in range(12):
        headers = {"Authorization": "Bearer cio_" + "a" * 58, "X-Forwarded-For": "10.0.0.1"}
        answer = await house.call("GET", "/whoami", headers=headers)
        statuses.append(answer.status_code)
    assert statuses == [401] * 10 + [429] * 2
    assert int(answer.headers["retry-after"]) >= 1
    assert (await house.call("GET", "/whoami", "eve")).status_code == 200
    tried = [
        one["change"]["scope"]
        for one in await records(str(house.settings.nats_url))
        if one["kind"] == "change" and one["change"]["author"] == "unknown"
    ]
    assert tried == ["show a token that does not count, over HTTP from 127.0.0.1"] * 10


# --- the record -----------------------------------------------------------------------------------


async def test_verdicts_come_in_pages(shared: ApiHouse) -> None:
    first = await shared.told("GET", "/verdicts?limit=2&oldest_first=true")
    rest = await shared.told(
        "GET", "/verdicts", params={"limit": 2, "oldest_first": True, "cursor": first["cursor"]}
    )
    found = [one["decision_id"] for one in (*first["items"], *rest["items"])]
    assert (found, rest["cursor"]) == (shared.decisions, None)
    denied = await shared.told("GET", "/verdicts?verdict=deny&code=CONFIDENCE_BELOW_MIN")
    assert {one["verdict"] for one in denied["items"]} == {"deny"}
    assert len(denied["items"]) == 2
    other = await shared.refused("GET", f"/verdicts?verdict=deny&cursor={first['cursor']}", "eve")
    assert other["code"] == "QUERY_REJECTED"


async def test_a_verdict_is_found_and_explained(shared: ApiHouse) -> None:
    unsure = shared.decisions[1]
    found = await shared.told("GET", f"/verdicts/{unsure}")
    assert found["items"][0]["intent_id"] == "i-unsure"
    for name in (unsure, "i-unsure"):
        told = await shared.told("GET", f"/verdicts/{name}/explanation")
        assert (told["decision_id"], told["verdict"]) == (unsure, "deny")
        assert told["reasons"][0]["code"] == "CONFIDENCE_BELOW_MIN"
    nobody = await shared.refused("GET", "/verdicts/nobody/explanation", "eve")
    assert (nobody["status"], nobody["code"]) == (404, "NOT_FOUND")


async def test_the_record_is_exported_in_portions(shared: ApiHouse) -> None:
    after, found = 0, []
    while True:
        params = {"form": "jsonl", "positions": 2, "after": after}
        answer = await shared.call("GET", "/records/exports", "eve", params=params)
        assert answer.headers["content-type"] == "application/x-ndjson"
        found += [json.loads(line) for line in answer.text.splitlines()]
        after, last = (int(answer.headers[f"cio-export-{name}"]) for name in ("until", "last"))
        if after == last:
            break
    assert [one["decision_id"] for one in found] == shared.decisions
    answer = await shared.call("GET", "/records/exports?form=csv&verdict=deny", "eve")
    rows = list(csv.DictReader(io.StringIO(answer.text)))
    assert [one["strategy"] for one in rows] == ["momentum", "'=cmd()", "momentum"]


async def test_the_past_is_tried_within_bounds(shared: ApiHouse) -> None:
    span = {"since": "2026-11-23T00:00:00Z", "until": "2026-11-24T00:00:00Z"}
    found = await shared.told("POST", "/policies/what-ifs", json=span)
    assert sum(found["undecidable"].values()) == 4  # decided under another fund's charter
    wrong = span | {"until": "2026-12-24T00:00:00Z"}
    long = await shared.refused("POST", "/policies/what-ifs", "eve", json=wrong)
    assert (long["status"], long["code"]) == (422, "QUERY_REJECTED")


async def test_what_limits_did_and_whether_anything_is_missing(shared: ApiHouse) -> None:
    year = await shared.told("GET", "/audits/effectiveness?year=2026")
    assert year["verdicts"]["openings"] == {"approve": 1, "reduce": 0, "deny": 3}
    gaps = await shared.told("GET", "/audits/gaps")
    assert (gaps["status"], gaps["gaps"]) == ("not_checked", 0)


async def test_everybody_is_who_the_token_says(shared: ApiHouse) -> None:
    for name, role in PEOPLE.items():
        who = await shared.told("GET", "/whoami", name)
        assert (who["name"], Role(who["role"])) == (name, role)


async def test_without_mongodb_there_is_no_api_as_nobody_could_be_known(
    own_nats: ServerProcess, redis_url: str
) -> None:
    environ = {"CIO_NATS_URL": own_nats.url, "CIO_REDIS_URL": redis_url, "CIO_FUND": uuid4().hex}
    settings = load_settings(environ | TRUSTING)

    def status() -> Status:
        return Status("1", "enforce", 0, (), ())

    async with (
        open_servers(settings, name="test") as servers,
        serving_api(settings, servers, status, asyncio.Event()) as api,
    ):
        assert api == {}
