"""What people see of found records and of what limits did, on a terminal of 80 columns."""

from datetime import timedelta
from io import StringIO

import pytest

from petrosa_cio.audit.record import Change, RecordKind, change_record
from petrosa_cio.cli import audit_find, effectiveness_tables
from petrosa_cio.cli.showing import PipedConsole
from petrosa_cio.ports import RecordQuery, StoredRecord
from petrosa_cio.risk.parse import Malformed
from petrosa_cio.risk.reasons import ReasonCode
from petrosa_cio.risk.verdict import VerdictKind
from tests.fakes import FakeSearch
from tests.records import NOON, keep, later_line, verdict_line
from tests.unit.test_effectiveness import Committee, house_of

DECISION = "0b" * 16


@pytest.fixture
def screen(monkeypatch: pytest.MonkeyPatch) -> StringIO:
    """A terminal, and what stands on it."""
    file = StringIO()
    terminal = PipedConsole(
        file=file, force_terminal=True, width=80, highlight=False, color_system=None
    )
    for module in (audit_find, effectiveness_tables):
        monkeypatch.setattr(module, "out", terminal)
    return file


def lines_on(screen: StringIO) -> list[str]:
    return [" ".join(line.split()) for line in screen.getvalue().splitlines()]


async def stored(*lines: bytes) -> list[StoredRecord]:
    record = FakeSearch()
    await keep(record, *lines, at=NOON)
    return [one async for one in record.walk(RecordQuery(), last=len(lines))]


async def test_records_are_stacked_where_there_is_no_room(screen: StringIO) -> None:
    codes = (ReasonCode.SYMBOL_NOT_ALLOWED_FOR_STRATEGY, ReasonCode.FUND_HALTED)
    change = Change("policy", "2", "{}", "olga", "calmer")
    audit_find._show(
        await stored(
            verdict_line(DECISION, VerdictKind.DENY, *codes), later_line("d1"), b"odd",
            change_record("c1", change, at=NOON, fund="main"),
            verdict_line("d2", intent=Malformed("no JSON")),
        )
    )  # fmt: skip
    assert lines_on(screen)[3:-1] == [
        "1 2026-11-23 deny momentum SYMBOL_NOT_ALLOWED_FOR_STRATEGY",
        "12:00:00 BTCUSDT buy FUND_HALTED",
        DECISION,
        "2 2026-11-23 withdrawal - FUND_HALTED",
        "12:00:00 - d1",
        "3 2026-11-23 poisoned - -",
        "12:00:00 -",
        "4 2026-11-23 change - policy 2, by olga: calmer",
        "12:00:00 - c1",
        "5 2026-11-23 approve - d2",
        "12:00:00 -",
    ]
    assert max(map(len, screen.getvalue().splitlines())) <= 80


async def shown(committee: Committee, screen: StringIO) -> list[str]:
    effectiveness_tables.show_effectiveness(await committee.counted(), 7)
    return lines_on(screen)


async def test_what_limits_did_fits(screen: StringIO) -> None:
    committee = await house_of()
    for number in range(12):
        change = Change("trading_state", "symbol:BTCUSDT", "halted", "ann", f"reason {number}")
        committee.note(f"h{number}", change)
    await committee.decide(confidence=0.1)
    future = committee.house.now() + timedelta(seconds=60)
    await committee.decide(timestamp=future.isoformat())
    await committee.house.gate(enforces=False).process([committee.house.arrive(intent_id="i-1")])
    committee.house.journal.records.append(later_line("d9", RecordKind.UNDELIVERED))
    said = await shown(committee, screen)
    assert "1 of them were observed only, and stopped nothing." in said
    assert "What befell approvals afterwards: 1 undelivered." in said
    place = said.index("max_clock_skew_s - 1 1 0 11-22")
    assert said[place + 1] == "built in: 5 seconds"
    assert "2026-11-22 12:00 trading_state symbol:BTCUSDT is halted, by ann: reason 11" in said
    assert said[-1] == "and 4 before, with --format json"
    assert max(map(len, screen.getvalue().splitlines())) <= 80


async def test_a_quiet_year_says_so(screen: StringIO) -> None:
    committee = await Committee().open()
    committee.house.journal.records.clear()
    await committee.decide()
    said = await shown(committee, screen)
    assert said[-1] == "Nothing that governs was changed."
    assert "Never bit: none." in said
