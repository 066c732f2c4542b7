"""``cio replay`` and ``cio explain`` on what a gate wrote and MongoDB keeps."""

import asyncio
import json
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path
from uuid import uuid4

import orjson
import pytest

from petrosa_cio import __version__
from petrosa_cio.adapters.mongo_connection import MongoClient, connect_mongo
from petrosa_cio.adapters.mongo_records import MongoRecords
from petrosa_cio.audit.trace import read_line
from petrosa_cio.launch import open_records
from petrosa_cio.settings import load_settings
from tests.commands import cio
from tests.gates import House
from tests.records import entry, later_line
from tests.unit.test_replay import changes_of

pytestmark = pytest.mark.integration


@dataclass
class Kept:
    """A database in the shared MongoDB, and the commands that read it."""

    client: MongoClient
    url: str
    database: str = field(default_factory=lambda: uuid4().hex)

    @property
    def environ(self) -> dict[str, str]:
        names = {"CIO_MONGO_URL": self.url, "CIO_MONGO_DATABASE": self.database, "COLUMNS": "120"}
        return names

    @property
    def records(self) -> MongoRecords:
        return MongoRecords(self.client, self.database)

    async def keep(self, *lines: bytes) -> None:
        """Store records as the drain does, as if this very version had decided."""
        ours = b'"code_version":"%s"' % __version__.encode()
        stored = [one.replace(b'"code_version":"0.1.0"', ours) for one in lines]
        traces = [read_line(one, entry(sequence=n), 0) for n, one in enumerate(stored, 1)]
        await self.client[self.database]["traces"].insert_many(traces)

    async def cio(self, *arguments: str) -> tuple[int, str]:
        return await asyncio.to_thread(cio, *arguments, environ=self.environ)


@pytest.fixture
async def kept(mongo_url: str) -> AsyncIterator[Kept]:
    client = connect_mongo(mongo_url)
    kept = Kept(client, mongo_url)
    yield kept
    await client.drop_database(kept.database)
    await client.close()


@pytest.fixture
async def house() -> House:
    return await House().open()


def line_of(house: House, place: int) -> tuple[str, bytes]:
    line = house.journal.records[place]
    return str(orjson.loads(line)["decision_id"]), line


async def test_a_decision_is_found_by_its_id_and_by_the_bots(kept: Kept, house: House) -> None:
    await house.gate().process([house.arrive(intent_id="i-1"), house.arrive(intent_id="i-2")])
    await house.gate().process([house.arrive(intent_id="i-1")])
    await kept.keep(*changes_of(house), *house.journal.records)
    equal = "1 verdict decided again: 1 equal.\n"
    decision, _ = line_of(house, 0)
    assert await kept.cio("replay", decision) == (0, equal)
    assert await kept.cio("replay", "i-2") == (0, equal)
    assert await kept.cio("replay", "i-1") == (0, "2 verdicts decided again: 2 equal.\n")
    assert await kept.cio("replay", "i-3") == (2, "No verdict was found.\n")


async def test_a_span_of_time_is_decided_again(kept: Kept, house: House) -> None:
    began = house.now()
    for _ in range(3):
        await house.gate().process([house.arrive(), house.arrive(quantity=0.1)])
        await house.pass_time(60)
    await kept.keep(*changes_of(house), *house.journal.records)
    ends = (began + timedelta(seconds=120)).isoformat()
    code, said = await kept.cio("replay", "--from", began.isoformat(), "--to", ends)
    assert (code, said) == (0, "4 verdicts decided again: 4 equal.\n")
    since = (began + timedelta(seconds=60)).replace(tzinfo=None).isoformat()
    code, said = await kept.cio("replay", "--from", since, "--to", "2100-01-01", "--json")
    assert (code, json.loads(said)["equal"]) == (0, 4)


async def test_a_record_in_a_file_is_decided_by_what_the_store_knows(
    kept: Kept, house: House, tmp_path_factory: pytest.TempPathFactory
) -> None:
    await house.gate().process([house.arrive()])
    await kept.keep(*changes_of(house), *house.journal.records)
    stored = await kept.client[kept.database]["traces"].find_one({"kind": "verdict"})
    assert stored
    file = tmp_path_factory.mktemp("records") / "record.json"
    file.write_text(stored["record"])
    assert (await kept.cio("replay", "--file", str(file)))[0] == 0


async def test_a_verdict_is_explained_by_its_id(kept: Kept, house: House) -> None:
    await house.gate().process([house.arrive(intent_id="i-1", quantity=0.1)])
    await house.gate().process([house.arrive(intent_id="i-1", quantity=0.1)])
    first, _ = line_of(house, 0)
    await kept.keep(*house.journal.records, later_line(first))
    again = next(
        identity
        for one in house.records
        if one["kind"] == "verdict" and (identity := one["decision_id"]) != first
    )
    for name in ("i-1", first):
        code, said = await kept.cio("explain", name)
        assert code == 0
        assert f"Decision {first}" in said
        assert "momentum wants to buy 0.1 BTCUSDT" in said
        assert "would pass: " in said
        assert "Afterwards: withdrawal, FUND_HALTED." in said
        assert (f"The same id came again: deny, decision {again}." in said) == (name == "i-1")
    found = json.loads((await kept.cio("explain", first, "--json"))[1])
    assert found["afterwards"] == ["Afterwards: withdrawal, FUND_HALTED."]
    code, said = await kept.cio("explain", "i-9")
    assert (code, "is no file, and no decision or intent in the record" in said) == (1, True)
    code, said = await kept.cio("explain", "i-9.json")
    assert (code, "i-9.json cannot be read" in said) == (1, True)


async def test_records_come_back_in_the_bytes_that_were_journaled(kept: Kept, house: House) -> None:
    await house.gate().process([house.arrive(), house.arrive()])
    changes = changes_of(house)
    await kept.keep(*changes, *house.journal.records)
    settings = load_settings(kept.environ)
    async with open_records(settings) as records:
        identity = orjson.loads(changes[0])["decision_id"]
        assert await records.change(identity) == changes[0]
        assert await records.change("policy-main-9") is None
        span = house.now(), house.now() + timedelta(milliseconds=1)
        found: Sequence[bytes] = [one async for one in records.verdict_records(*span)]
        assert await records.count(*span) == len(found) == 2
        assert await records.count(*(one + timedelta(seconds=1) for one in span)) == 0


async def test_a_span_of_time_is_decided_under_a_candidate(
    kept: Kept, house: House, tmp_path: Path
) -> None:
    house.signals.listening = False
    for _ in range(3):
        await house.gate().process([house.arrive(), house.arrive(confidence=0.65)])
        await house.pass_time(3_000)
    await kept.keep(*changes_of(house), *house.journal.records)
    span = ("--from", "2020-01-01", "--to", house.now().isoformat())
    code, said = await kept.cio("policy", "what-if", *span)
    assert (code, "6 verdicts decided again" in said, "Nothing flips." in said) == (0, True, True)
    candidate, charter = tmp_path / "candidate.yaml", tmp_path / "charter.yaml"
    candidate.write_text("fund: {min_confidence: 0.7, max_order_notional_usd: 1000}\n")
    charter.write_text("name: open\n")
    files = (str(candidate), "--charter", str(charter), "--json")
    code, said = await kept.cio("policy", "what-if", *files, *span)
    found = json.loads(said)["what_if"]
    assert (code, found["decided"], found["by_kind"]["denied"]) == (0, 6, 3)
    assert found["highest_usd"]["gross"] == {"was": "1000", "would": "500"}


async def test_what_if_without_the_record_says_so(mongo_url: str) -> None:
    environ = {"CIO_MONGO_URL": "mongodb://127.0.0.1:9/"}
    code, said = await asyncio.to_thread(cio, "policy", "what-if", "--last", "24h", environ=environ)
    assert code == 1
    assert "CIO_MONGO_URL" in said
