"""What every HTTP call passes: the size and time of its body, and what a fault becomes."""

import asyncio
from collections.abc import AsyncIterator
from typing import Any, cast

import httpx2
import pytest

from petrosa_cio.errors import (
    CioError,
    Misconfigured,
    NotInForceYet,
    Problem,
    RecordRefused,
    RecordUnreadable,
    Unavailable,
)
from petrosa_cio.governance.actors import Actor, Role
from petrosa_cio.office.office import Office
from petrosa_cio.office.records import Portion
from petrosa_cio.ports import StoredRecord
from petrosa_cio.surfaces.api import route
from petrosa_cio.surfaces.api.admission import Admission, Caller
from petrosa_cio.surfaces.api.app import build_api
from petrosa_cio.surfaces.api.envelope import fault_of, status_of
from petrosa_cio.surfaces.api.guard import Guard
from petrosa_cio.surfaces.api.route import LONG_AT_ONCE, Reception
from tests.records import NOON
from tests.waiting import eventually

SECRET = "mongodb://user:hunter2@host"  # pragma: allowlist secret


class LetsIn:
    """Lets everybody in, as an admin."""

    async def admit(self, *_asked: object) -> Caller:
        return Caller(Actor("ada", Role.ADMIN), "0" * 16, None)


class Trading:
    """A kill switch that does whatever a test says."""

    def __init__(self) -> None:
        self.fault: Exception | None = None
        self.waits = asyncio.Event()
        self.waits.set()

    async def states(self) -> Any:
        await self.waits.wait()
        if self.fault is not None:
            raise self.fault
        return {"fund": None, "strategies": {}, "symbols": {}, "epoch": 0}


class Records:
    """A record whose walk stands still until it may go on, and then may break."""

    def __init__(self) -> None:
        self.may_go_on, self.walking = asyncio.Event(), 0
        self.fault: Exception | None = None

    async def portion(self, after: int, _positions: int) -> Portion:
        return Portion(after, 1, 1)

    async def walk(self, *_asked: object) -> AsyncIterator[StoredRecord]:
        self.walking += 1
        await self.may_go_on.wait()
        if self.fault is not None:
            raise self.fault
        yield StoredRecord(1, "h", "p", "verdict", NOON, NOON)


class FakeOffice:
    """An office of which only the kill switch and the record are there."""

    fund = "main"

    def __init__(self) -> None:
        self.trading = Trading()
        self.records = Records()


@pytest.fixture
def office() -> FakeOffice:
    return FakeOffice()


@pytest.fixture
async def client(office: FakeOffice) -> AsyncIterator[httpx2.AsyncClient]:
    app = build_api()
    places = asyncio.Semaphore(LONG_AT_ONCE)
    app.state.reception = Reception(cast(Admission, LetsIn()), cast(Office, office), places)
    guard = Guard(app, most_body_bytes=100, body_within_s=0.05)
    transport = httpx2.ASGITransport(app=guard)
    async with httpx2.AsyncClient(transport=transport, base_url="http://cio") as client:
        yield client


async def test_a_fault_of_the_program_is_told_without_what_it_was(
    client: httpx2.AsyncClient, office: FakeOffice
) -> None:
    office.trading.fault = ValueError(SECRET)
    answer = await client.get("/trading-states")
    assert (answer.status_code, answer.json()["error"]["code"]) == (500, "FAULT")
    assert "hunter2" not in answer.text
    assert "Traceback" not in answer.text
    assert answer.json()["trace_id"] == answer.headers["cio-trace-id"]


async def test_a_server_that_is_away_is_told_without_where_it_is(
    client: httpx2.AsyncClient, office: FakeOffice
) -> None:
    office.trading.fault = Unavailable("redis", SECRET)
    answer = await client.get("/trading-states")
    assert (answer.status_code, answer.headers["retry-after"]) == (503, "2")
    assert "hunter2" not in answer.text
    assert answer.json()["error"]["code"] == "UNAVAILABLE"


async def test_a_question_that_takes_too_long_is_broken_off(
    client: httpx2.AsyncClient, office: FakeOffice, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(route, "ANSWER_WITHIN_S", 0.05)
    office.trading.waits.clear()
    answer = await client.get("/trading-states")
    assert (answer.status_code, answer.json()["error"]["code"]) == (504, "TOO_SLOW")


async def test_a_body_that_is_too_large_is_not_read(client: httpx2.AsyncClient) -> None:
    async def portions() -> AsyncIterator[bytes]:
        for _ in range(3):
            yield b" " * 50

    for content in (b" " * 101, portions()):
        answer = await client.post(
            "/trading-states/halts", content=content, headers={"Content-Type": "application/json"}
        )
        assert (answer.status_code, answer.json()["error"]["code"]) == (413, "BODY_TOO_LARGE")


async def test_a_body_that_comes_too_slowly_is_not_waited_for(client: httpx2.AsyncClient) -> None:
    never = asyncio.Event()

    async def portions() -> AsyncIterator[bytes]:
        yield b"{"
        await never.wait()

    answer = await client.post(
        "/trading-states/halts", content=portions(), headers={"Content-Type": "application/json"}
    )
    assert (answer.status_code, answer.json()["error"]["code"]) == (408, "BODY_TOO_SLOW")


async def test_a_body_that_is_no_text_cannot_be_read(client: httpx2.AsyncClient) -> None:
    answer = await client.post(
        "/trading-states/halts", content=b"\xff{}", headers={"Content-Type": "application/json"}
    )
    assert (answer.status_code, answer.json()["error"]["code"]) == (400, "BODY_UNREADABLE")


async def test_what_was_sent_is_not_told_back(client: httpx2.AsyncClient) -> None:
    answer = await client.post("/trading-states/halts", json={"reason": 7, "x": "hunter2"})
    assert answer.status_code == 422
    assert "hunter2" not in answer.text


@pytest.mark.parametrize(
    ("error", "status", "hides"),
    [
        (NotInForceYet(4, SECRET), 503, True),
        (Misconfigured([Problem("CIO_X", SECRET, "-")]), 503, True),
        (RecordRefused("it is held"), 409, False),
        (RecordUnreadable(3, "odd"), 500, False),
        (CioError("odd"), 500, False),
    ],
)
def test_what_each_error_becomes(error: CioError, status: int, hides: bool) -> None:
    fault = fault_of(error)
    assert (status_of(error), fault.code) == (status, error.code)
    assert "hunter2" not in fault.message
    assert hides or fault.message == str(error)


async def test_long_exports_hold_up_nobody_but_each_other(
    client: httpx2.AsyncClient, office: FakeOffice
) -> None:
    exports = [asyncio.create_task(client.get("/records/exports")) for _ in range(LONG_AT_ONCE)]
    await eventually(lambda: office.records.walking == LONG_AT_ONCE)
    assert (await client.get("/trading-states")).status_code == 200
    refused = await client.get("/records/exports")
    assert (refused.status_code, refused.json()["error"]["code"]) == (429, "TOO_MANY")
    assert refused.headers["retry-after"] == "5"
    office.records.may_go_on.set()
    assert {one.status_code for one in await asyncio.gather(*exports)} == {200}
    assert (await client.get("/records/exports")).json()["seq"] == 1


async def test_an_export_that_breaks_is_no_whole_answer_and_gives_its_place_back(
    client: httpx2.AsyncClient, office: FakeOffice
) -> None:
    office.records.may_go_on.set()
    office.records.fault = Unavailable("mongo", "away for a test")
    for _ in range(LONG_AT_ONCE + 1):
        with pytest.raises(RuntimeError, match="already started"):  # the connection ends
            await client.get("/records/exports")
    office.records.fault = None
    assert (await client.get("/records/exports")).status_code == 200
