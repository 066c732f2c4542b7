"""``cio audit effectiveness`` on what a gate wrote and MongoDB keeps."""

import csv
import json
from collections.abc import AsyncIterator
from typing import Any
from uuid import uuid4

import pytest

from petrosa_cio.adapters.mongo_connection import connect_mongo
from petrosa_cio.adapters.mongo_traces import MongoTraceStore
from petrosa_cio.audit.chain import GENESIS, chained
from petrosa_cio.audit.trace import read_entries
from petrosa_cio.governance.effectiveness_report import COLUMNS
from tests.integration.test_audit_find import Record
from tests.records import entries, later_line
from tests.unit.test_effectiveness import house_of

pytestmark = pytest.mark.integration


@pytest.fixture
async def record(mongo_url: str) -> AsyncIterator[Record]:
    """Six decisions of a year under two revisions of a policy."""
    client, database = connect_mongo(mongo_url), uuid4().hex
    store = MongoTraceStore(client, database)
    await store.prepare()
    committee = await house_of()
    await committee.decide()
    await committee.decide(confidence=0.1, strategy_id="=golden")
    await committee.decide(quantity=0.03)
    policy = {"name": "tight", "fund": {"min_confidence": "0.9", "max_leverage": 2}}
    await committee.activate(policy, "pavel", "too many losses")
    await committee.decide()
    await committee.decide(action="close")
    await committee.decide(action="hold")
    committee.house.journal.records.append(later_line("d1"))
    lines = ([line] for line in committee.house.journal.records)
    await store.append(chained(GENESIS, read_entries(entries(*lines)).traces))
    environ = {"CIO_MONGO_URL": mongo_url, "CIO_MONGO_DATABASE": database, "COLUMNS": "80"}
    yield Record(client, database, environ)
    await client.drop_database(database)
    await client.close()


async def told(record: Record, *arguments: str) -> str:
    code, said = await record.cio("audit", "effectiveness", "--year", "2026", *arguments)
    assert code == 0, said
    return said


async def test_a_table_for_people(record: Record) -> None:
    said = await told(record)
    assert "What the limits of fund main did in 2026, as of record 10" in said
    assert "What befell approvals afterwards: 1 withdrawal." in said
    lines = [" ".join(line.split()) for line in said.splitlines()]
    assert "openings 1 1 2 4" in lines
    place = lines.index("min_confidence 3 1 1 0 11-22")
    assert lines[place + 1 : place + 4] == [
        "fund: 0.6 fraction",
        "revision 2 since 2026-11-22, by olga",
        "most: =golden 1",
    ]
    assert "min_confidence 1 1 1 0 11-22" in lines
    assert "Never bit: fund.max_intent_age_s, " in said.replace("\n", " ")
    assert "2026-11-22 12:05 policy 3, by pavel: too many losses" in said
    assert max(len(one) for one in said.splitlines() if not one.startswith("Never bit")) <= 80


async def test_a_row_for_each_limit_in_a_file(record: Record) -> None:
    rows = list(csv.DictReader((await told(record, "--format", "csv")).splitlines()))
    assert list(rows[0]) == list(COLUMNS)
    (old, new) = [one for one in rows if (one["entry"], one["limit"]) == ("fund", "min_confidence")]
    assert (old["value"], old["set_by"], old["versions"]) == ("0.6", "olga", "2")
    assert (old["denied_openings"], old["strategies_most_hit"]) == ("1", "'=golden 1")
    assert (new["value"], new["reason"], new["thought"]) == (
        "0.9",
        "too many losses",
        "policy-main-3",
    )
    assert old["until_utc"] == new["from_utc"] == "2026-11-22T12:05:00.000Z"


async def test_everything_for_a_program(record: Record) -> None:
    found: dict[str, Any] = json.loads(await told(record, "--format", "json"))
    assert (found["fund"], found["last_position"]) == ("main", 10)
    assert found["verdicts"]["openings"] == {"approve": 1, "reduce": 1, "deny": 2}
    assert found["verdicts"]["exits"] == {"approve": 1, "reduce": 0, "deny": 0}
    assert found["befell_approvals"] == {"withdrawal": 1}
    assert found["reasons"]["NOT_AN_ORDER"]["denied_others"] == 1
    assert [one["author"] for one in found["changes"]] == ["start", "olga", "pavel"]
    assert "fund.max_leverage" in found["never_bit"]


async def test_nothing_was_decided(record: Record) -> None:
    code, said = await record.cio("audit", "effectiveness", "--year", "2025")
    assert (code, said.splitlines()[-1]) == (0, "No verdict was given.")
    assert (await record.cio("audit", "effectiveness", "--year", "1999"))[0] == 2
    found = json.loads(await told(record, "--format", "json", "--fund", "other"))
    assert (found["limits"], found["changes"]) == ([], [])
