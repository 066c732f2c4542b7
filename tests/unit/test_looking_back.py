"""Looking for reports that were read already: as far back as it can matter, and no further."""

from collections.abc import AsyncGenerator
from dataclasses import dataclass, field
from datetime import timedelta

import orjson
import pytest

from petrosa_cio.audit.looking_back import find_reports, reported_before
from petrosa_cio.fleet.execution_events import parse_execution
from petrosa_cio.ports import Stored, StreamEnds
from tests.records import NOON


@dataclass
class Reports:
    """A stream with a report a second, some of which are gone."""

    number: int
    first: int = 1
    read: list[int] = field(default_factory=list)

    async def ends(self) -> StreamEnds:
        return StreamEnds(0, self.first, self.number)

    async def batches(self, after: int, *, limit: int) -> AsyncGenerator[list[Stored]]:
        self.read.append(after)
        sequences = range(max(after + 1, self.first), self.number + 1)
        for at in range(0, len(sequences), 2):
            yield [stored(one) for one in sequences[at : at + 2]]


def stored(sequence: int) -> Stored:
    event = {"event_type": "placed", "decision_id": f"d{sequence}"}
    body = orjson.dumps(event) if sequence % 2 else b"no report"
    return Stored(sequence, NOON + timedelta(seconds=sequence), "execution.events.x", body)


async def found(reports: Reports, *wanted: str, last: int = 9, since_s: int = 0) -> set[str]:
    since = NOON + timedelta(seconds=since_s)
    names = frozenset(wanted)
    return set(await reported_before(reports, parse_execution, names, last=last, since=since))


@pytest.fixture(autouse=True)
def small_steps(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("petrosa_cio.audit.looking_back.STEP", 3)


async def test_it_reads_back_until_everything_is_found() -> None:
    reports = Reports(20)
    assert await found(reports, "d9", "d5") == {"d9", "d5"}
    assert reports.read == [6, 3]


async def test_what_was_not_said_is_not_found() -> None:
    reports = Reports(20)
    assert await found(reports, "d2", "d3", "d11", "strange") == {"d3"}
    assert reports.read == [6, 3, 0]


async def test_it_reads_no_further_back_than_it_can_have_been_said() -> None:
    reports = Reports(20)
    assert await found(reports, "strange", since_s=5) == set()
    assert reports.read == [6, 3]


async def test_it_ends_where_the_stream_begins() -> None:
    reports = Reports(20, first=7)
    assert await found(reports, "d7", "d1") == {"d7"}
    assert reports.read == [6, 3]


async def test_it_does_not_read_for_ever(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("petrosa_cio.audit.looking_back.MOST_READ", 4)
    reports = Reports(20)
    assert await found(reports, "d7", "d1") == {"d7"}
    assert reports.read == [6, 5]


async def test_where_nothing_was_read_nothing_is_found() -> None:
    assert await found(Reports(20), "d1", last=0) == set()


async def looked_for(reports: Reports, *wanted: str, since_s: int = 0) -> list[int]:
    since = NOON + timedelta(seconds=since_s)
    found = await find_reports(
        reports, parse_execution, lambda event: event.decision_id in wanted, since=since
    )
    return [one.stored.sequence for one in found]


async def test_reports_are_found_wherever_they_are_the_oldest_first() -> None:
    assert await looked_for(Reports(20), "d1", "d19", "d9", "d4") == [1, 9, 19]
    assert await looked_for(Reports(20, first=8), "d1", "d9") == [9]
    assert await looked_for(Reports(0), "d1") == []


async def test_nothing_is_looked_for_before_a_moment() -> None:
    reports = Reports(20)
    assert await looked_for(reports, "d1", "d13", "d17", since_s=14) == [17]
    assert min(reports.read) >= 11
