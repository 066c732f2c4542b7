"""The HTTP surface, asked in process."""

import asyncio
import socket
from collections.abc import AsyncIterator
from pathlib import Path

import httpx2
import pytest
from prometheus_client.parser import text_string_to_metric_families

from petrosa_cio.errors import Misconfigured
from petrosa_cio.nurse.decision import withdrawn_answer
from petrosa_cio.nurse.metrics import PrometheusTally
from petrosa_cio.ports import Published
from petrosa_cio.surfaces.http import create_app, serve_http
from tests.gates import House
from tests.waiting import eventually


@pytest.fixture
def problems() -> list[str]:
    return []


@pytest.fixture
async def client(problems: list[str]) -> AsyncIterator[httpx2.AsyncClient]:
    app = create_app(lambda: problems, version="1.2.3", fund="main")
    transport = httpx2.ASGITransport(app=app)
    async with httpx2.AsyncClient(transport=transport, base_url="http://cio") as client:
        yield client


async def test_it_is_alive_whatever_ails_it(
    client: httpx2.AsyncClient, problems: list[str]
) -> None:
    problems.append("redis: silent")
    answer = await client.get("/health/liveness")
    assert (answer.status_code, answer.json()) == (200, {"status": "ok"})


async def test_it_is_ready_when_nothing_ails_it(client: httpx2.AsyncClient) -> None:
    answer = await client.get("/health/readiness")
    assert (answer.status_code, answer.json()) == (200, {"ready": True, "reasons": []})


async def test_it_is_not_ready_and_says_why(
    client: httpx2.AsyncClient, problems: list[str]
) -> None:
    problems += ["nats: not connected", "no gate has been heard for 3 s"]
    answer = await client.get("/health/readiness")
    assert answer.status_code == 503
    assert answer.json() == {"ready": False, "reasons": problems}
    problems.clear()
    assert (await client.get("/health/readiness")).status_code == 200


async def test_what_keeps_nobody_from_deciding_is_noted() -> None:
    app = create_app(list, version="1", fund="main", notes=lambda: ["regime feed: away"])
    transport = httpx2.ASGITransport(app=app)
    async with httpx2.AsyncClient(transport=transport, base_url="http://cio") as client:
        answer = await client.get("/health/readiness")
    assert answer.status_code == 200
    assert answer.json() == {"ready": True, "reasons": [], "notes": ["regime feed: away"]}


async def test_it_says_its_version_and_its_fund(client: httpx2.AsyncClient) -> None:
    answer = await client.get("/version")
    assert answer.json() == {"service": "petrosa-cio", "version": "1.2.3", "fund": "main"}


async def counted(client: httpx2.AsyncClient) -> dict[str, float]:
    answer = await client.get("/metrics")
    assert answer.headers["content-type"].startswith("text/plain")
    return {
        " ".join((sample.name, *map(str, sample.labels.values()))): sample.value
        for family in text_string_to_metric_families(answer.text)
        for sample in family.samples
    }


async def test_it_shows_what_the_gate_counts(client: httpx2.AsyncClient) -> None:
    tally, house = PrometheusTally(), await House().open()
    await house.gate().process([house.arrive(), house.arrive(confidence=0.1)])
    ((((approved, approval), denied), times),) = house.tally.batches
    before = await counted(client)
    withdrawn = withdrawn_answer(approved, "FUND_HALTED")
    tally.decided([(approved, approval), (approved, withdrawn), denied], times)
    tally.published(5, Published(frozenset("ab"), frozenset("c")))
    tally.unconfirmed(2)
    tally.given_back(7)
    tally.unavailable("redis")
    after = await counted(client)
    grown = {name: value - before.get(name, 0) for name, value in after.items()}
    expected = {
        "cio_verdicts_total approve": 1,
        "cio_verdicts_total deny": 2,
        "cio_reasons_total CONFIDENCE_BELOW_MIN deny": 1,
        "cio_verdict_latency_seconds_count": 3,
        "cio_intent_age_seconds_count": 3,
        "cio_batch_intents_sum": 3,
        "cio_step_duration_seconds_count ledger": 1,
        "cio_step_duration_seconds_count journal": 1,
        "cio_step_duration_seconds_count fence": 1,
        "cio_step_duration_seconds_count publish": 1,
        "cio_signals_total": 5,
        "cio_undelivered_total": 2,
        "cio_unconfirmed_total": 3,
        "cio_withdrawn_total": 1,
        "cio_given_back_total": 7,
        "cio_unavailable_total redis": 1,
    }
    assert {name: grown.get(name) for name in expected} == expected


async def test_counters_of_all_processes_are_shown_where_they_share_a_folder(
    client: httpx2.AsyncClient, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PROMETHEUS_MULTIPROC_DIR", str(tmp_path))
    assert await counted(client) == {}


async def test_what_is_not_there_is_not_found(client: httpx2.AsyncClient) -> None:
    assert (await client.get("/")).status_code == 404
    assert (await client.get("/docs")).status_code == 404


# --- listening ------------------------------------------------------------------------------------


@pytest.fixture
def port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


async def test_it_serves_until_told_to_stop(port: int) -> None:
    app = create_app(list, version="1", fund="main")
    stop = asyncio.Event()
    serving = asyncio.create_task(serve_http(app, host="127.0.0.1", port=port, stop=stop))
    async with httpx2.AsyncClient(base_url=f"http://127.0.0.1:{port}") as client:

        async def alive() -> bool:
            try:
                return (await client.get("/health/liveness")).status_code == 200
            except httpx2.TransportError:
                return False

        await eventually(alive)
    stop.set()
    await serving


async def test_a_port_that_is_taken_is_said_to_be(port: int) -> None:
    app = create_app(list, version="1", fund="main")
    with socket.create_server(("127.0.0.1", port)), pytest.raises(Misconfigured) as wrong:
        await serve_http(app, host="127.0.0.1", port=port, stop=asyncio.Event())
    (problem,) = wrong.value.problems
    assert problem.field == "CIO_HTTP_PORT"
    assert str(port) in problem.message
