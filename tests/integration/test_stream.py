"""Live events over HTTP: nothing is skipped in silence, whatever breaks and however slow one is."""

import asyncio
import socket
from collections.abc import AsyncIterator, Mapping
from contextlib import AsyncExitStack, asynccontextmanager

import orjson
import pytest

from petrosa_cio.adapters.nats_connection import NatsAccess, connect_nats
from petrosa_cio.adapters.nats_journal import NatsJournal
from petrosa_cio.adapters.nats_streams import JOURNAL
from petrosa_cio.app import run_control
from petrosa_cio.audit.record import Change, change_record
from petrosa_cio.governance.actors import Role
from petrosa_cio.nurse.limit_warnings import LIMIT_WARNING
from petrosa_cio.servers import clock
from petrosa_cio.surfaces.api import streams
from petrosa_cio.surfaces.api.streams import MOST_OF_A_TOKEN
from tests.api import ApiHouse, answers, api_house
from tests.gates import House
from tests.sse import Reader, stream
from tests.waiting import eventually

pytestmark = pytest.mark.integration

WARNING = {
    "service": "petrosa-cio", "timestamp": 1.0, "limit": "max_gross_exposure_usd",
    "code": "GROSS_EXPOSURE_ABOVE_MAX", "scope": "gross", "band_pct": 80, "used": "80",
    "limit_value": "100", "unit": "USD", "entry": "fund", "is_refused": False,
    "decision_id": "d", "strategy": "momentum", "symbol": "BTCUSDT",
}  # fmt: skip


@pytest.fixture(scope="module")
async def house(
    tmp_path_factory: pytest.TempPathFactory, redis_url: str, mongo_url: str
) -> AsyncIterator[ApiHouse]:
    async with api_house(tmp_path_factory.mktemp("stream"), redis_url, mongo_url) as house:
        yield house


@asynccontextmanager
async def journaling(house: ApiHouse) -> AsyncIterator["Writer"]:
    nats = await connect_nats(NatsAccess(str(house.settings.nats_url)), name="writer")
    try:
        yield Writer(house, NatsJournal(nats, timeout_s=5), await House().open())
    finally:
        await nats.close()


class Writer:
    """Stands in for a gate: journals verdicts as gates do."""

    def __init__(self, house: ApiHouse, journal: NatsJournal, gate_house: House) -> None:
        self.house = house
        self.journal = journal
        self.gate_house = gate_house
        self.written = 0

    async def decide(self, *intents: Mapping[str, object]) -> list[str]:
        """Decide intents in one batch; return the decisions."""
        arrived = [
            self.gate_house.arrive(**{"intent_id": f"i{self.written}-{number}", **fields})
            for number, fields in enumerate(intents)
        ]
        await self.gate_house.gate().process(arrived)
        own = f'"fund":"{self.house.settings.fund}"'.encode()
        lines = [
            line.replace(b'"fund":"main"', own)
            for line in self.gate_house.journal.records[self.written :]
            if orjson.loads(line)["kind"] == "verdict"
        ]
        self.written = len(self.gate_house.journal.records)
        await self.journal.append(lines)
        return [orjson.loads(line)["decision_id"] for line in lines]


async def decisions(reader: Reader, count: int) -> list[str]:
    return [(await reader.next()).data["decision_id"] for _ in range(count)]


async def test_what_happens_is_told_with_all_that_belongs_to_it(house: ApiHouse) -> None:
    async with stream(house) as reader, journaling(house) as writer:
        (denied,) = await writer.decide({"confidence": 0.1})
        told = await reader.next()
        assert (told.kind, told.data["decision_id"]) == ("verdict", denied)
        assert (told.data["verdict"], told.data["codes"]) == ("deny", ["CONFIDENCE_BELOW_MIN"])
        assert told.data["reasons"] == ["CONFIDENCE_BELOW_MIN: limit=0.6, observed=0.1, entry=fund"]
        await house.told("POST", "/trading-states/halts", "ole", json={"reason": "fire"})
        state = await reader.next()
        assert state.kind == "state"
        assert (state.data["scope"], state.data["value"]) == ("fund", "halted")
        assert (state.data["author"], state.data["reason"]) == ("ole", "fire")
        assert reader.answer.headers["content-type"].startswith("text/event-stream")
        assert reader.answer.headers["cache-control"] == "no-store"


async def test_only_what_is_asked_for_is_told(house: ApiHouse) -> None:
    async with (
        stream(house, "?kind=verdict&verdict=deny&strategy=b&symbol=ethusdt") as reader,
        journaling(house) as writer,
    ):
        await writer.decide(
            {"strategy_id": "a", "symbol": "ETHUSDT", "confidence": 0.1},
            {"strategy_id": "b", "symbol": "ETHUSDT"},
            {"strategy_id": "b", "symbol": "BTCUSDT", "confidence": 0.1},
        )
        await house.told("POST", "/trading-states/halts", "ole", json={"reason": "fire"})
        (wanted,) = await writer.decide(
            {"strategy_id": "b", "symbol": "ETHUSDT", "confidence": 0.1}
        )
        assert await decisions(reader, 1) == [wanted]


async def test_what_makes_no_sense_is_refused_with_every_problem(house: ApiHouse) -> None:
    wrong = await house.refused("GET", "/stream?kind=gossip&verdict=maybe&code=NONE", "eve")
    assert (wrong["status"], len(wrong["problems"])) == (422, 3)
    for place in ("x", "1-2", "1-2-3-4", "-1-2-3", "ZZ-1-1", "1- 2-3"):
        wrong = await house.refused("GET", "/stream", "eve", headers={"Last-Event-ID": place})
        assert (wrong["status"], wrong["code"]) == (422, "QUERY_REJECTED"), place
    assert (await house.refused("GET", "/stream"))["status"] == 401


async def test_a_stream_goes_on_where_it_was_in_the_middle_of_a_batch(house: ApiHouse) -> None:
    async with journaling(house) as writer:
        async with stream(house) as reader:
            batch = await writer.decide(*({"confidence": 0.1} for _ in range(5)))
            assert await decisions(reader, 2) == batch[:2]
            place = reader.last_id
        later = await writer.decide({"confidence": 0.1})
        async with stream(house, last_id=place) as reader:
            assert await decisions(reader, 4) == batch[2:] + later


async def test_a_restart_of_the_program_loses_nothing(house: ApiHouse) -> None:
    async with AsyncExitStack() as closing:
        writer = await closing.enter_async_context(journaling(house))
        async with stream(house) as reader:
            first = await writer.decide({"confidence": 0.1})
            assert await decisions(reader, 1) == first
            house.stop.set()
            ended = await reader.rest()
        assert [one.kind for one in ended] == ["ended"]
        await house.running
        missed = await writer.decide({"confidence": 0.1}, {"confidence": 0.2})
        house.stop = asyncio.Event()
        house.running = asyncio.create_task(run_control(house.settings, house.stop))
        await eventually(lambda: answers(house.client, house.running))
        async with stream(house, last_id=reader.last_id) as again:
            assert await decisions(again, 2) == missed


async def test_a_stream_without_events_knows_its_place_too(house: ApiHouse) -> None:
    async with journaling(house) as writer:
        async with stream(house) as reader:
            place = reader.last_id
        missed = await writer.decide({"confidence": 0.1})
        async with stream(house, last_id=place) as reader:
            assert await decisions(reader, 1) == missed


async def test_a_slow_reader_holds_up_nobody_and_is_cut_off(
    house: ApiHouse, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It takes nothing at all; what it does not take waits in the journal, not in memory."""
    monkeypatch.setattr(streams, "TAKEN_WITHIN_S", 0.2)
    call = f"GET /api/v1/stream HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {house.tokens['bot']}"
    with socket.socket() as slow:
        slow.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        slow.connect(("127.0.0.1", house.settings.http_port))
        slow.sendall(f"{call}\r\n\r\n".encode())
        async with stream(house) as quick, journaling(house) as writer:
            for _ in range(40):
                written = await writer.decide(*({"confidence": 0.1} for _ in range(250)))
                assert await decisions(quick, len(written)) == written
        assert await eventually(lambda: hold_all_places(house, "bot"))


async def hold_all_places(house: ApiHouse, who: str) -> bool:
    """Return whether somebody may open as many streams as a token may, and so holds none."""
    async with AsyncExitStack() as closing:
        for _ in range(MOST_OF_A_TOKEN):
            answer = house.client.stream("GET", "/api/v1/stream", headers=house.headers(who))
            if (await closing.enter_async_context(answer)).status_code != 200:
                return False
    return True


async def test_where_the_journal_does_not_reach_back_it_is_said(house: ApiHouse) -> None:
    async with journaling(house) as writer:
        async with stream(house) as reader:
            place = reader.last_id
        await writer.decide({"confidence": 0.1})
        kept = await writer.decide({"confidence": 0.2})
        nats = await connect_nats(NatsAccess(str(house.settings.nats_url)), name="purge")
        last = (await nats.jetstream().stream_info(JOURNAL)).state.last_seq
        await nats.jetstream().purge_stream(JOURNAL, seq=last)
        async with stream(house, last_id=place) as reader:
            told = await reader.next()
            assert told.kind == "missed"
            assert "does not reach back" in told.data["why"]
            assert told.data["read"] == "/records"
            assert await decisions(reader, 1) == kept
        elsewhere = "1" + place
        async with stream(house, last_id=elsewhere) as reader:
            told = await reader.next()
            assert "made anew" in told.data["why"]
            assert await decisions(reader, 1) == kept
        created, sequence, _ = place.split("-")
        async with stream(house, last_id=f"{created}-{int(sequence) + 99}-0") as reader:
            told = await reader.next()
            assert "lost its end" in told.data["why"]
        await nats.close()


async def test_what_others_write_is_not_told_and_what_nobody_can_read_is_told_as_missing(
    house: ApiHouse,
) -> None:
    async with stream(house) as reader, journaling(house) as writer:
        change = Change("trading_state", "fund", "halted", "ann", "x")
        other = change_record("c", change, at=clock(), fund="another")
        await writer.journal.append([other, b"{]", b"[]"])
        told = [await reader.next() for _ in range(2)]
        assert [one.kind for one in told] == ["missed", "missed"]
        assert told[0].data["why"] == "a line of the journal cannot be read"


async def test_limits_that_fill_are_told_live(house: ApiHouse) -> None:
    async with stream(house, "?kind=limit_warning&strategy=momentum") as reader:
        nats = await connect_nats(NatsAccess(str(house.settings.nats_url)), name="gate")
        place = reader.last_id
        await nats.publish(LIMIT_WARNING, b"noise")
        await nats.publish(LIMIT_WARNING, orjson.dumps(WARNING | {"strategy": "other"}))
        await nats.publish(LIMIT_WARNING, orjson.dumps(WARNING))
        told = await reader.next()
        assert (told.kind, told.data) == ("limit_warning", WARNING)
        assert reader.last_id == place
        await nats.close()


async def test_a_revoked_token_ends_its_stream(house: ApiHouse) -> None:
    made = await house.hire("tim", Role.VIEWER)
    async with stream(house, who="tim") as reader, stream(house) as other:
        path = f"/tokens/{made.entry.token_id}/revocations"
        await house.told("POST", path, "ada", json={"reason": "left"})
        ended = await reader.rest()
        assert [one.kind for one in ended] == ["ended"]
        assert ended[0].data == {"why": "the token counts no more"}
        async with journaling(house) as writer:
            written = await writer.decide({"confidence": 0.1})
            assert await decisions(other, 1) == written
    assert (await house.refused("GET", "/stream", "tim"))["status"] == 401


async def test_a_token_holds_few_streams_open(house: ApiHouse) -> None:
    await house.hire("may", Role.VIEWER)
    async with AsyncExitStack() as closing:
        for _ in range(MOST_OF_A_TOKEN):
            await closing.enter_async_context(stream(house, who="may"))
        refused = await house.refused("GET", "/stream", "may")
        assert (refused["status"], refused["code"]) == (429, "TOO_MANY")
        async with stream(house, who="ole"):
            pass
    assert await eventually(lambda: hold_all_places(house, "may"))
