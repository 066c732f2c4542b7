"""How checks are judged, and that one which goes wrong hides no other."""

import asyncio
from datetime import UTC, datetime, timedelta
from decimal import Decimal

import pytest

from petrosa_cio.adapters.nats_journal import MAX_MESSAGE_BYTES
from petrosa_cio.adapters.redis_connection import connect_redis
from petrosa_cio.cli.doctor import exit_code_of
from petrosa_cio.doctor.examination import CHECKS, Check, make_checks
from petrosa_cio.doctor.findings import Finding, Level, Result, note, problem, warning, well
from petrosa_cio.doctor.nats_checks import is_new_enough, judge_room, judge_size
from petrosa_cio.doctor.patient import Patient
from petrosa_cio.doctor.regime_checks import judge_answers, regime_feed
from petrosa_cio.doctor.store_checks import judge_clock
from petrosa_cio.errors import Unavailable
from petrosa_cio.fleet.regime_answers import NoRegime, ObservedRegime, Trouble
from petrosa_cio.governance.files import load_governing
from petrosa_cio.settings import load_settings

NOON = datetime(2026, 3, 2, 12, tzinfo=UTC)


@pytest.mark.parametrize(
    ("used", "room", "level"),
    [(0, -1, "ok"), (79, 100, "ok"), (80, 100, "warning"), (100, 100, "problem")],
)
def test_room_in_the_journal(used: int, room: int, level: str) -> None:
    assert judge_room(used, room).level == level


@pytest.mark.parametrize(
    ("max_payload", "max_intent", "level"),
    [
        (1_048_576, 65_536, "ok"),
        (MAX_MESSAGE_BYTES + 1, MAX_MESSAGE_BYTES + 1, "warning"),
        (MAX_MESSAGE_BYTES, 65_536, "problem"),
    ],
)
def test_the_size_of_messages(max_payload: int, max_intent: int, level: str) -> None:
    assert judge_size(max_payload, max_intent).level == level


@pytest.mark.parametrize(
    ("version", "is_enough"),
    [("2.13.9", False), ("2.14.0", True), ("2.15.1", True), ("3.0.0", True)],
)
def test_how_new_nats_must_be(version: str, is_enough: bool) -> None:
    assert is_new_enough(version) is is_enough


@pytest.mark.parametrize(
    ("off_s", "level", "said"),
    [
        (0.0, "ok", "agrees"),
        (0.5, "ok", "0.500 s ahead of"),
        (-0.5, "ok", "0.500 s behind"),
        (1.0, "warning", "1.000 s ahead of"),
        (-4.9, "warning", "4.900 s behind"),
        (5.0, "problem", "5.000 s ahead of"),
    ],
)
def test_clocks(off_s: float, level: str, said: str) -> None:
    found = judge_clock("Redis", NOON + timedelta(seconds=off_s), NOON, NOON)
    assert (found.level, said in found.seen) == (level, True)


def test_a_clock_that_was_read_meanwhile_agrees() -> None:
    later = NOON + timedelta(seconds=2)
    assert judge_clock("NATS", NOON + timedelta(seconds=1), NOON, later).level is Level.OK


def regime(s_ago: float, name: str = "consolidation") -> ObservedRegime:
    return ObservedRegime(name, Decimal(1), NOON - timedelta(seconds=s_ago))


REFUSED = NoRegime(Trouble.REFUSED, "status 503")


@pytest.mark.parametrize(
    ("answers", "level", "said"),
    [
        ([regime(60), regime(9_000)], "ok", "2 of 2 symbols; the newest, S0, is 1 minutes old"),
        ([regime(2_700)], "ok", "45 minutes"),
        ([regime(2_700.1), regime(9_000)], "problem", "45 minutes"),
        ([regime(-5)], "ok", "1 of 1"),
        ([regime(-5.1)], "problem", "clock is ahead"),
        ([regime(60), REFUSED], "warning", "nothing of S1 (refused)"),
        ([regime(60), regime(60, "odd")], "warning", 'nobody knows: "odd"'),
        ([REFUSED, REFUSED], "problem", "(refused: status 503)"),
        ([NoRegime(Trouble.EMPTY)], "problem", "the regime of no symbol"),
        ([NoRegime(Trouble.EMPTY), REFUSED], "problem", "(empty)"),
    ],
)
def test_answers_about_the_regime(
    answers: list[ObservedRegime | NoRegime], level: str, said: str
) -> None:
    found = judge_answers({f"S{number}": one for number, one in enumerate(answers)}, NOON)
    assert (found.level, said in found.seen) == (level, True), found


@pytest.mark.parametrize(
    ("findings", "code", "strictly"),
    [
        ([], 0, 0),
        ([well("x"), note("x")], 0, 0),
        ([well("x"), warning("x", "y")], 0, 1),
        ([problem("x", "y"), well("x")], 1, 1),
    ],
)
def test_exit_codes(findings: list[Finding], code: int, strictly: int) -> None:
    results = [Result("one", finding) for finding in findings]
    assert exit_code_of(results, strict=False) == code
    assert exit_code_of(results, strict=True) == strictly


def test_every_check_has_a_name_of_its_own_and_a_question() -> None:
    assert len({check.name for check in CHECKS}) == len(CHECKS)
    assert all(check.question.endswith("?") or "?" in check.question for check in CHECKS)


# --- checks that go wrong -------------------------------------------------------------------------


async def patient() -> Patient:
    redis = connect_redis("redis://127.0.0.1:1/0")
    settings = load_settings({"CIO_REDIS_URL": "redis://127.0.0.1:1/0"})
    governing = load_governing(None, None)
    return Patient(settings, governing, Unavailable("nats", "away for a test"), redis)


async def fine(_: Patient) -> Finding:
    """All right?"""
    return well("here")


async def broken(_: Patient) -> Finding:
    """Broken?"""
    raise RuntimeError("of itself")


async def away(one: Patient) -> Finding:
    """There?"""
    return well(one.nats.version)


async def hanging(_: Patient) -> Finding:
    """Does it end?"""
    await asyncio.Event().wait()
    return well("never")


async def test_every_check_is_made_whatever_becomes_of_the_others() -> None:
    looks = {"fine": fine, "broken": broken, "away": away, "hanging": hanging}
    checks = [Check(name, look) for name, look in looks.items()]
    found = await make_checks(checks, await patient(), timeout_s=0.05)
    assert [(one.check, one.finding.level.value) for one in found] == [
        ("fine", "ok"), ("broken", "problem"), ("away", "note"), ("hanging", "problem"),
    ]  # fmt: skip
    seen = [one.finding.seen for one in found]
    assert seen[1:] == [
        "the check failed: RuntimeError: of itself",
        "not known: nats: away for a test",
        "no answer within 0.05 s",
    ]


async def test_without_any_server_the_servers_are_the_problems() -> None:
    found = await make_checks(CHECKS, await patient())
    by_level = {
        level: [one.check for one in found if one.finding.level is level] for level in Level
    }
    assert by_level[Level.PROBLEM] == ["NATS", "Redis", "gate"]
    assert by_level[Level.OK] == ["settings"]
    assert not by_level[Level.WARNING]


async def test_without_a_data_manager_nobody_is_asked_for_the_regime() -> None:
    found = await regime_feed(await patient())
    assert (found.level, "CIO_DATA_MANAGER_URL" in found.mend) == (Level.NOTE, True)
