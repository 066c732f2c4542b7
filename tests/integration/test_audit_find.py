"""``cio audit find`` and ``cio audit export`` on what gates wrote and the drain stored."""

import asyncio
import csv
import gzip
import json
import re
import sys
from collections.abc import AsyncIterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from uuid import uuid4

import pyarrow.parquet as pq  # type: ignore[import-untyped]
import pytest
from msgspec import structs

from petrosa_cio.adapters.mongo_connection import MongoClient, connect_mongo
from petrosa_cio.adapters.mongo_traces import MongoTraceStore
from petrosa_cio.audit.record import Change, change_record
from petrosa_cio.risk.reasons import ReasonCode
from petrosa_cio.risk.verdict import VerdictKind
from tests.commands import cio
from tests.gates import House
from tests.records import INTENT, NOON, keep, later_line, verdict_line

pytestmark = pytest.mark.integration

HALTED = ReasonCode.FUND_HALTED


@dataclass
class Record:
    """A record in the shared MongoDB, and the commands that read it."""

    client: MongoClient
    database: str
    environ: dict[str, str]

    async def keep(self, *lines: bytes, at: datetime = NOON) -> None:
        await keep(MongoTraceStore(self.client, self.database), *lines, at=at)

    async def cio(self, *arguments: str, stdin: bytes = b"") -> tuple[int, str]:
        return await asyncio.to_thread(cio, *arguments, stdin=stdin, environ=self.environ)

    async def find(self, *arguments: str) -> tuple[int, str]:
        return await self.cio("audit", "find", *arguments)

    async def found(self, *arguments: str) -> list[dict[str, Any]]:
        code, said = await self.find("--json", *arguments)
        assert code == 0, said
        return [json.loads(line) for line in said.splitlines() if line.startswith("{")]

    async def export(self, *arguments: str) -> tuple[int, str]:
        return await self.cio("audit", "export", *arguments)


@pytest.fixture
async def record(mongo_url: str) -> AsyncIterator[Record]:
    client, database = connect_mongo(mongo_url), uuid4().hex
    await MongoTraceStore(client, database).prepare()
    environ = {"CIO_MONGO_URL": mongo_url, "CIO_MONGO_DATABASE": database, "COLUMNS": "80"}
    yield Record(client, database, environ)
    await client.drop_database(database)
    await client.close()


async def fill(record: Record) -> None:
    golden = structs.replace(INTENT, strategy="golden", symbol="ETHUSDT", stated_id="i-2")
    await record.keep(verdict_line("d1"), verdict_line("d2", VerdictKind.DENY, HALTED))
    await record.keep(verdict_line("d3", VerdictKind.REDUCE, intent=golden))
    await record.keep(later_line("d1"))
    change = Change("policy", "2", "{}", "olga", "calmer")
    await record.keep(change_record("c1", change, at=NOON, fund="main"))


async def test_records_are_shown_newest_first(record: Record) -> None:
    await fill(record)
    code, said = await record.find()
    lines = [" ".join(line.split()) for line in said.splitlines()]
    assert (code, lines) == (
        0,
        [
            "record time, UTC what strategy symbol action why decision",
            "5 2026-11-23 12:00:00 change - - - policy 2, by olga: calmer c1",
            "4 2026-11-23 12:00:00 withdrawal - - - FUND_HALTED d1",
            "3 2026-11-23 12:00:00 reduce golden ETHUSDT buy d3",
            "2 2026-11-23 12:00:00 deny momentum BTCUSDT buy FUND_HALTED d2",
            "1 2026-11-23 12:00:00 approve momentum BTCUSDT buy d1",
        ],
    )


async def test_options_narrow(record: Record) -> None:
    await fill(record)
    for options, expected in (
        (("--strategy", "momentum", "--oldest-first"), ["d1", "d2"]),
        (("--symbol", "ethusdt"), ["d3"]),
        (("--verdict", "deny", "--verdict", "reduce"), ["d3", "d2"]),
        (("--code", "fund_halted"), ["d2"]),
        (("--kind", "change"), ["c1"]),
        (("--intent", "i-2"), ["d3"]),
        (("--decision", "d1"), ["d1", "d1"]),
        (("--fund", "main", "--from", "2026-11-23T12:00", "--to", "2026-11-24", "--limit", "1"),
         ["c1"]),
    ):  # fmt: skip
        assert [one["decision_id"] for one in await record.found(*options)] == expected
    decision_id = "0b" * 16
    await record.keep(verdict_line(decision_id))
    (one,) = await record.found("--trace", decision_id)
    assert (one["decision_id"], one["trace_id"]) == (decision_id, decision_id)


async def test_the_time_until_now_is_asked_for(record: Record) -> None:
    now = datetime.now(UTC).replace(microsecond=0)
    await record.keep(verdict_line("d1"), at=now - timedelta(days=2))
    await record.keep(verdict_line("d2"), verdict_line("d3"), at=now - timedelta(hours=1))
    assert [one["decision_id"] for one in await record.found("--last", "24h")] == ["d3", "d2"]
    _, said = await record.find("--last", "24h", "--limit", "1")
    again = re.search(r"--from (\S+) for --last, --cursor (\S+)", said)
    assert again
    rest = await record.found("--from", again[1], "--cursor", again[2])
    assert [one["decision_id"] for one in rest] == ["d2"]
    assert (await record.find("--last", "24h", "--to", "2026-11-23"))[0] == 2


async def test_pages_follow_on_each_other(record: Record) -> None:
    await fill(record)
    found, cursor = list[str](), list[str]()
    for _ in range(9):
        code, said = await record.find("--json", "--limit", "2", *cursor)
        assert code == 0
        found += [json.loads(one)["decision_id"] for one in said.splitlines() if one[0] == "{"]
        more = re.search(r"There is more: the same with (--cursor) (\S+)", said)
        if not more:
            break
        cursor = [*more.groups()]
    assert found == ["c1", "d1", "d3", "d2", "d1"]
    code, said = await record.find("--strategy", "golden", *cursor)
    assert (code, "--cursor: it belongs to another search" in said) == (2, True)


async def test_what_is_not_found_is_said(record: Record) -> None:
    assert await record.find("--strategy", "nobody") == (0, "Nothing was found.\n")


async def test_everything_wrong_with_a_search_is_said_at_once(record: Record) -> None:
    code, said = await record.find(
        "--verdict", "denied", "--code", "HALTED", "--from", "now", "--trace", "7"
    )
    assert code == 2
    for option in ("--verdict: there is no denied", "--code: there is no HALTED",
                   "--from: expected a time", "--trace: expected 32"):  # fmt: skip
        assert option in said


async def test_what_is_found_can_be_explained_and_decided_again(
    record: Record, tmp_path: Path
) -> None:
    house = await House().open()
    await house.gate().process([house.arrive(intent_id="i-1", quantity=0.1)])
    await record.keep(house.journal.records[0])
    code, line = await record.find("--json", "--intent", "i-1")
    assert code == 0
    code, said = await record.cio("explain", "-", stdin=line.encode())
    assert (code, "momentum wants to buy 0.1 BTCUSDT" in said) == (0, True)
    file = tmp_path / "found.jsonl"
    file.write_text(line)
    _, said = await record.cio("replay", "--file", str(file))
    assert "1 verdict decided again" in said


async def test_what_stands_for_a_poisoned_line_is_no_obstacle(
    record: Record, tmp_path: Path
) -> None:
    await record.keep(b"odd", verdict_line("d1"))
    _, said = await record.find("--kind", "poisoned")
    assert "poisoned" in said
    file = tmp_path / "found.jsonl"
    file.write_text((await record.find("--json"))[1])
    _, said = await record.cio("replay", "--file", str(file))
    assert "1 verdict decided again" in said


# --- export ---------------------------------------------------------------------------------------


async def test_a_file_is_written_as_its_name_says(record: Record, tmp_path: Path) -> None:
    await fill(record)
    names = {name: tmp_path / f"all.{name}" for name in ("csv", "csv.gz", "jsonl", "jsonl.gz")}
    for file in (*names.values(), tmp_path / "all.parquet"):
        code, said = await record.export(str(file))
        assert (code, said) == (0, f"5 records are in {file}.\n")
        assert file.stat().st_mode & 0o777 == 0o600
    as_csv = list(csv.DictReader(names["csv"].read_text("utf-8").splitlines()))
    assert [one["decision_id"] for one in as_csv] == ["d1", "d2", "d3", "d1", "c1"]
    assert gzip.decompress(names["csv.gz"].read_bytes()) == names["csv"].read_bytes()
    as_jsonl = [json.loads(line) for line in names["jsonl"].read_text("utf-8").splitlines()]
    assert gzip.decompress(names["jsonl.gz"].read_bytes()) == names["jsonl"].read_bytes()
    as_parquet = pq.read_table(tmp_path / "all.parquet").to_pylist()
    traces = record.client[record.database]["traces"]
    hashes = [one["hash"] async for one in traces.find({}).sort("seq")]
    for rows in (as_csv, as_jsonl, as_parquet):
        assert [one["hash"] for one in rows] == hashes
        assert [int(one["seq"]) for one in rows] == [1, 2, 3, 4, 5]
    assert sorted(one.name for one in tmp_path.iterdir()) == sorted(
        ["all.parquet", *(f"all.{name}" for name in names)]
    )


async def test_a_part_is_written_with_the_records(record: Record, tmp_path: Path) -> None:
    await fill(record)
    file = tmp_path / "part"
    options = ("--verdict", "deny", "--strategy", "momentum", "--format", "jsonl")
    assert (await record.export(str(file), *options, "--with-record"))[0] == 0
    (row,) = [json.loads(line) for line in file.read_text("utf-8").splitlines()]
    assert json.loads(row["record"])["decision_id"] == row["decision_id"] == "d2"
    empty = tmp_path / "none.csv"
    assert await record.export(str(empty), "--strategy", "nobody") == (
        0,
        f"0 records are in {empty}.\n",
    )
    assert len(empty.read_text("utf-8").splitlines()) == 1


async def test_standard_output_is_clean(record: Record) -> None:
    await fill(record)
    code, said = await record.export("-", "--format", "jsonl", "--decision", "d1")
    *lines, last = said.splitlines()
    assert (code, [json.loads(one)["kind"] for one in lines]) == (0, ["verdict", "withdrawal"])
    assert last == "2 records."


async def test_a_file_that_is_there_is_not_written_over(record: Record, tmp_path: Path) -> None:
    await fill(record)
    file = tmp_path / "all.csv"
    file.write_text("mine")
    code, said = await record.export(str(file))
    assert (code, "is there already" in " ".join(said.split())) == (2, True)
    assert file.read_text() == "mine"
    assert (await record.export(str(file), "--force"))[0] == 0
    assert file.read_text("utf-8").startswith("seq,hash,prev_hash,")


@pytest.mark.parametrize("name", ["all.csv", "all.jsonl.gz", "all.parquet"])
async def test_what_fails_leaves_no_file(record: Record, tmp_path: Path, name: str) -> None:
    await fill(record)
    traces = record.client[record.database]["traces"]
    await record.client[record.database].command("collMod", "traces", validator={})
    await traces.update_one({"seq": 3}, {"$set": {"record": "{"}})
    with pytest.raises(Exception, match="record 3 cannot be read"):
        await record.export(str(tmp_path / name))
    assert list(tmp_path.iterdir()) == []


async def test_what_cannot_be_written_is_said(record: Record, tmp_path: Path) -> None:
    code, said = await record.export(str(tmp_path / "missing" / "all.csv"))
    assert (code, "cannot be written" in said) == (1, True)
    for file in ("all.txt", "all", "-", "all.parquet.gz"):
        assert (await record.export(str(file)))[0] == 2
    assert (await record.export("-", "--format", "parquet"))[0] == 2


async def test_without_pyarrow_it_says_what_to_install(
    record: Record, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delitem(sys.modules, "petrosa_cio.audit.export_parquet", raising=False)
    monkeypatch.setitem(sys.modules, "pyarrow", None)
    code, said = await record.export(str(tmp_path / "all.parquet"))
    assert (code, "pip install 'petrosa-cio[parquet]'" in said) == (1, True)
