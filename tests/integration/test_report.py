"""``cio report --last`` on what gates wrote and the drain stored."""

import asyncio
import json
from collections.abc import AsyncIterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest

from petrosa_cio.adapters.mongo_connection import connect_mongo
from petrosa_cio.adapters.mongo_traces import MongoTraceStore
from petrosa_cio.errors import Misconfigured, Unavailable
from petrosa_cio.risk.reasons import ReasonCode
from petrosa_cio.risk.verdict import VerdictKind
from tests.commands import cio
from tests.records import keep, later_line, verdict_line

pytestmark = pytest.mark.integration


@dataclass
class Record:
    """A record in the shared MongoDB."""

    store: MongoTraceStore
    environ: dict[str, str]

    async def keep(self, *lines: bytes, ago: timedelta) -> None:
        at = datetime.now(UTC).replace(microsecond=0) - ago
        await keep(self.store, *lines, at=at)

    async def report(self, *arguments: str) -> tuple[int, str]:
        return await asyncio.to_thread(cio, "report", *arguments, environ=self.environ)

    async def json(self, *arguments: str) -> dict[str, Any]:
        found: dict[str, Any] = json.loads((await self.report("--json", *arguments))[1])
        return found


@pytest.fixture
async def record(mongo_url: str) -> AsyncIterator[Record]:
    client, database = connect_mongo(mongo_url), uuid4().hex
    environ = {"CIO_MONGO_URL": mongo_url, "CIO_MONGO_DATABASE": database, "COLUMNS": "80"}
    yield Record(MongoTraceStore(client, database), environ)
    await client.close()


async def test_the_last_hours_are_counted(record: Record, tmp_path: Path) -> None:
    hour = timedelta(hours=1)
    await record.keep(verdict_line("d1"), verdict_line("d2"), later_line("d2"), ago=hour)
    await record.keep(verdict_line("d3", VerdictKind.DENY, ReasonCode.FUND_HALTED), ago=hour)
    await record.keep(verdict_line("d4", VerdictKind.DENY, ReasonCode.FUND_HALTED), ago=30 * hour)
    found = await record.json("--last", "24h")
    assert found["about"] == {"source": "the record of fund main, the last 24h"}
    statistics = found["statistics"]
    assert (statistics["total"]["approve"], statistics["total"]["deny"]) == (2, 1)
    assert statistics["by_code"]["FUND_HALTED"]["alone"] == 1
    assert statistics["befell"] == {"withdrawal": 1}
    assert (await record.json("--last", "2d"))["statistics"]["total"]["deny"] == 2
    picture = tmp_path / "day.svg"
    code, said = await record.report("--last", "24h", "--picture", str(picture))
    assert (code, "What befell approvals afterwards: 1 withdrawal." in said) == (0, True)
    assert "FUND_HALTED" in picture.read_text()


async def test_a_quiet_day_is_no_fault(record: Record) -> None:
    assert await record.report("--last", "90m") == (
        0,
        "0 verdicts: the record of fund main, the last 90m\n",
    )


def test_a_record_that_cannot_be_reached_is_told(tmp_path: Path) -> None:
    with pytest.raises(Misconfigured, match="CIO_MONGO_URL"):
        cio("report", "--last", "24h", environ={"CIO_DATA_DIR": str(tmp_path)})
    with pytest.raises(Unavailable, match="mongo"):
        cio("report", "--last", "24h", environ={"CIO_MONGO_URL": "mongodb://127.0.0.1:9/"})
