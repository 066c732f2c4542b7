"""What a gate wrote is decided again: equal, different by field, or not at all and why."""

import asyncio
import json
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import orjson
import pytest
from msgspec.structs import replace as changed_fields
from structlog.testing import capture_logs

from petrosa_cio import __version__
from petrosa_cio.audit.differences import Difference, differences
from petrosa_cio.audit.record_file import read_record_file
from petrosa_cio.audit.replay import OTHERWISE_WRITTEN, Outcome, Replay, Replayed
from petrosa_cio.errors import Unavailable
from petrosa_cio.nurse.fallback import FINAL_AFTER
from petrosa_cio.risk import decide
from petrosa_cio.risk.checks.case import Applies, Case, Finding
from petrosa_cio.risk.policy import Charter, PolicyDocument
from petrosa_cio.risk.reasons import ReasonCode
from petrosa_cio.risk.trading_state import TradingState
from petrosa_cio.settings import Settings
from tests.commands import cio
from tests.gates import POLICY, House
from tests.other_checks import run_other_checks
from tests.records import later_line
from tests.replaying import charter_change, policy_change, replay_with
from tests.unit.test_gate_away import Choosy
from tests.unit.test_record import GOLDEN


@pytest.fixture(autouse=True)
def logged() -> Iterator[None]:
    """Keep the tracebacks of what is made to fail off the screen."""
    with capture_logs():
        yield


@pytest.fixture
async def house() -> House:
    return await House().open()


def changes_of(house: House) -> list[bytes]:
    """Return the records of what governs a house."""
    book = house.feeds.snapshot().policy
    policies = [] if book is None else [policy_change(book.document, book.revision)]
    return [charter_change(house.charter), *policies]


def replay_of(house: House) -> Replay:
    return replay_with(*changes_of(house))


def verdicts_of(house: House) -> list[bytes]:
    records = house.journal.records
    return [one for one in records if orjson.loads(one)["kind"] == "verdict"]


async def are_equal(house: House) -> int:
    """Decide all verdicts of a house again, and return how many were equal."""
    found = [await replay_of(house).replay(one) for one in verdicts_of(house)]
    assert [one for one in found if one.outcome is not Outcome.EQUAL] == []
    return len(found)


# --- equal ----------------------------------------------------------------------------------------


async def test_the_golden_record_is_decided_again_to_the_same_bytes() -> None:
    document = PolicyDocument.model_validate({"policy": POLICY})
    replay = replay_with(policy_change(document, 1), charter_change(Charter()))
    for name in ("verdict", "verdict of what is no intent"):
        found = await replay.replay(orjson.dumps(GOLDEN[name]))
        assert found == Replayed(GOLDEN[name]["decision_id"], Outcome.EQUAL)


async def test_whatever_a_gate_meets_is_decided_again(house: House) -> None:
    gate = house.gate()
    big = b'{"strategy_id": "' + b"x" * 70_000 + b'"}'
    await gate.process([house.arrive(quantity=0.1), house.arrive(action="close", stop_loss=None)])
    await gate.process([house.arrive(intent_id="i"), house.arrive(intent_id="i")])
    await gate.process([house.arrive(action="hold"), house.arrive_bytes(b"\xff"), house.arrive()])
    await gate.process([house.arrive_bytes(big), house.arrive(timestamp="2020-01-01T00:00:00")])
    await house.gate(enforces=False).process([house.arrive()])
    assert await are_equal(house) == 10


async def test_a_withdrawn_verdict_is_decided_again(house: House) -> None:
    async def halt() -> None:
        house.journal.before = house.feeds.refresh
        await house.switch(TradingState.HALTED)

    house.journal.before = halt
    await house.gate().process([house.arrive()])
    assert ("withdrawal", "FUND_HALTED") in house.kinds()
    assert await are_equal(house) == 1


async def test_a_denial_without_the_ledger_is_decided_again(house: House) -> None:
    arrival = house.arrive()
    house.ledger.away = frozenset({"reserve"})
    await house.pass_time(60 + FINAL_AFTER.total_seconds() + 1)
    await house.gate().process([arrival])
    assert ReasonCode.LEDGER_UNAVAILABLE in house.codes()
    assert await are_equal(house) == 1


async def test_a_message_on_which_the_gate_failed_is_decided_again(house: House) -> None:
    bad = house.arrive()
    Choosy(house, bad.decision_id)
    await house.gate().process([bad])
    assert house.codes() == ["CHECK_FAILED"]
    assert house.records[0]["decision"]["failure"] == "ZeroDivisionError"
    assert await are_equal(house) == 1


async def test_a_flood_is_decided_again(house: House) -> None:
    await house.activate(POLICY | {"fund": POLICY["fund"] | {"max_intents_per_minute": 1}})
    gate = house.gate()
    for _ in range(4):
        await gate.process([house.arrive()])
    assert house.records[-1]["decision"]["flood"] == {"rate": 0, "tried": 2}
    assert "a flood of more than 2" in str(house.records[-1]["verdict"])
    assert await are_equal(house) == 4


async def test_a_decision_that_another_attempt_concludes_is_decided_again(house: House) -> None:
    arrival = house.arrive()

    async def fail_once() -> None:
        house.journal.before = house.feeds.refresh
        house.journal.records.clear()
        await house.pass_time(1)
        await house.gate("gate-2").process([arrival])

    house.journal.before = fail_once
    await house.gate().process([arrival])
    first, *_ = house.records
    assert first["replica"] == "gate-2"
    assert first["decision"]["now"] < house.now().isoformat()
    assert await are_equal(house) >= 1


async def test_without_a_policy_the_charter_alone_is_needed() -> None:
    house = House(charter=Charter.model_validate({"bounds": {"halted_denies_exits": True}}))
    await house.ledger.initialise(fresh=True)
    await house.feeds.refresh()
    await house.switch(TradingState.HALTED)
    await house.feeds.refresh()
    await house.gate().process([house.arrive(), house.arrive(action="close")])
    assert "FUND_HALTED" in house.codes()
    assert await are_equal(house) == 2


# --- different ------------------------------------------------------------------------------------


async def replayed_one(house: House, **fields: object) -> tuple[Replay, bytes]:
    await house.gate().process([house.arrive(**fields)])
    return replay_of(house), house.journal.records[0]


async def test_another_check_is_seen_by_the_field_that_it_changes(
    house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    replay, record = await replayed_one(house, confidence=0.1)

    def stricter(run: Callable[[Case], Finding | None]) -> Callable[[Case], Finding | None]:
        def check(case: Case) -> Finding | None:
            found = run(case)
            return found and changed_fields(found, limit="0.9")

        return check

    changed = {
        reach: tuple(
            replace(one, run=stricter(one.run))
            if one.code is ReasonCode.CONFIDENCE_BELOW_MIN
            else one
            for one in checks
        )
        for reach, checks in decide.CHECKS_WITHIN.items()
    }
    assert set(changed) == set(Applies)
    run_other_checks(monkeypatch, changed)
    found = await replay.replay(record)
    assert found.outcome is Outcome.DIFFERENT
    assert list(map(str, found.differences)) == [
        "decision.assessment.reasons[0].limit: 0.6 -> 0.9",
        "verdict.reasons[0].limit: 0.6 -> 0.9",
    ]


def leaves(value: object, *path: Any) -> Iterator[tuple[Any, ...]]:
    if isinstance(value, dict | list):
        inside = value.items() if isinstance(value, dict) else enumerate(value)
        for key, inner in inside:
            yield from leaves(inner, *path, key)
    else:
        yield path


SAID = ("intent", "verdict", "assessment")
"""The parts of a record that say what came out; the others say what went in."""


async def test_whatever_is_changed_of_what_came_out_is_seen(house: House) -> None:
    replay, line = await replayed_one(house, quantity=0.05)
    tried = 0
    for path in leaves(orjson.loads(line)):
        if path[0] not in SAID and (len(path) == 1 or path[1] not in SAID):
            continue
        changed = at = orjson.loads(line)
        for step in path[:-1]:
            at = at[step]
        at[path[-1]] = 77 if at[path[-1]] != 77 else 78
        found = await replay.replay(orjson.dumps(changed))
        assert [one.recorded for one in found.differences] == ["77"], path
        tried += 1
    assert tried > 40


@pytest.mark.parametrize(
    ("path", "value", "code"),
    [
        (("decision", "snapshot", "trading_states", "fund"), "halted", "FUND_HALTED"),
        (("decision", "snapshot", "policy_untrusted"), "it is another", "POLICY_UNTRUSTED"),
        (("decision", "now"), "2027-01-01T00:00:00+00:00", "INTENT_STALE"),
        (("decision", "settings", "max_intent_bytes"), 100, "INTENT_MALFORMED"),
        (("readings", "name_holder"), "other", "STRATEGY_NAME_COLLIDES"),
        (("readings", "held"), False, "CHECK_FAILED"),
    ],
)
async def test_whatever_decided_is_decided_by(
    house: House, path: tuple[str, ...], value: object, code: str
) -> None:
    replay, line = await replayed_one(house)
    changed = at = orjson.loads(line)
    for step in path[:-1]:
        at = at[step]
    at[path[-1]] = value
    found = await replay.replay(orjson.dumps(changed))
    assert Difference("verdict.kind", "approve", "deny") in found.differences
    assert code in {one.now for one in found.differences}


async def test_a_body_that_was_changed_is_seen_by_its_hash(house: House) -> None:
    replay, line = await replayed_one(house)
    found = await replay.replay(line.replace(b"49000", b"49001"))
    assert "source.body_sha256" in {one.path for one in found.differences}


async def test_other_bytes_are_not_the_same(house: House) -> None:
    replay, line = await replayed_one(house)
    found = await replay.replay(json.dumps(orjson.loads(line)).encode())
    assert found.differences == (OTHERWISE_WRITTEN,)


async def test_a_flood_of_a_rate_that_is_not_in_force_is_decided_in_full(house: House) -> None:
    replay, line = await replayed_one(house)
    changed = orjson.loads(line)
    changed["decision"]["flood"] = {"rate": 9, "tried": 5}
    assert (await replay.replay(orjson.dumps(changed))).outcome is Outcome.EQUAL


def test_differences_name_what_is_absent_and_what_is_of_another_type() -> None:
    found = differences({"a": [1], "b": 1, "c": ["X", 2]}, {"a": [1, 2], "b": True, "c": None})
    assert list(map(str, found)) == ["a[1]: (absent) -> 2", "b: 1 -> True", "c: X -> none"]


# --- not to be decided again ----------------------------------------------------------------------


async def why_not(replay: Replay, record: object) -> tuple[str, ...]:
    line = record if isinstance(record, bytes) else orjson.dumps(record)
    found = await replay.replay(line)
    assert found.outcome is Outcome.IMPOSSIBLE
    assert not found.differences
    return found.missing


async def test_what_is_missing_is_named(house: House) -> None:
    _, line = await replayed_one(house)
    decision = orjson.loads(line)["decision"]
    policy, charter = decision["policy_hash"], decision["charter_hash"]
    assert await why_not(replay_with(), line) == (
        f"the charter with the hash {charter} is in no record",
        f"policy revision 1 ({policy}) is in no record",
    )
    another = PolicyDocument.model_validate({"policy": {"name": "another"}})
    changes = policy_change(another, 1), charter_change(house.charter)
    assert await why_not(replay_with(*changes), line) == (
        f"policy revision 1 ({policy}) is recorded with another hash",
    )
    broken = changes_of(house)[1].replace(b"max_order_notional_usd", b"max_order_notional_xyz")
    assert len(await why_not(replay_with(broken, charter_change(house.charter)), line)) == 1
    assert await why_not(replay_with(*changes_of(house), code_version="9.9.9"), line) == (
        "it was decided by version 0.1.0; this program is 9.9.9",
    )


@pytest.mark.parametrize(
    ("change", "why"),
    [
        ({"schema_version": 2}, "its schema is 2; this program knows 1"),
        ({"code_version": "0.0.9"}, "it was decided by version 0.0.9; this program is 0.1.0"),
        ({"kind": "withdrawal"}, "it is the record of a withdrawal, not of a verdict"),
        ({"readings": {}}, "the record is not complete: KeyError 'used'"),
        ({"source": None}, "the record is not complete: TypeError"),
    ],
)
async def test_a_record_that_is_not_ours_is_not_decided_again(
    house: House, change: dict[str, object], why: str
) -> None:
    replay, line = await replayed_one(house)
    (found,) = await why_not(replay, orjson.loads(line) | change)
    assert found.startswith(why)


@pytest.mark.parametrize(
    ("field", "value", "why"),
    [
        ("charter_hash", None, "the record names no charter"),
        ("venue_rules_hash", "ab", "the venue's rules with the hash ab are in no record"),
        ("settings", None, "it does not say by which settings it was decided: it is of an older "),
        (
            "settings",
            {"code_version": "0.0.9", "max_intent_bytes": 65_536},
            "it was decided by version 0.0.9; this program is 0.1.0",
        ),
    ],
)
async def test_a_decision_that_does_not_say_by_what_is_not_decided_again(
    house: House, field: str, value: object, why: str
) -> None:
    replay, line = await replayed_one(house)
    record = orjson.loads(line)
    record["decision"][field] = value
    (found,) = await why_not(replay, record)
    assert found.startswith(why)


async def test_a_message_of_which_only_the_beginning_was_kept(house: House) -> None:
    replay, line = await replayed_one(house)
    record = orjson.loads(line)
    record["source"]["body_bytes"] += 1
    length = record["source"]["body_bytes"]
    assert await why_not(replay, record) == (f"only the beginning of its {length} bytes was kept",)


@pytest.mark.parametrize("line", [b"{", b"[]", b"7", b"{}"])
async def test_what_is_no_record_is_not_decided_again(line: bytes) -> None:
    assert len(await why_not(replay_with(), line)) == 1


# --- the command ----------------------------------------------------------------------------------


async def written(tmp_path: Path, *lines: bytes) -> str:
    """Write records into a file, as if this very version had decided."""
    ours = [one.replace(b'"code_version":"0.1.0"', _version()) for one in lines]
    file = tmp_path / "records.jsonl"
    file.write_bytes(b"\n".join(ours))
    return str(file)


def _version() -> bytes:
    return b'"code_version":"%s"' % __version__.encode()


async def told(tmp_path: Path, *lines: bytes, as_json: bool = False) -> tuple[int, str]:
    """Let the command decide a file's records again, with no server anywhere."""
    arguments = ["replay", "--file", await written(tmp_path, *lines)]
    environ = {"CIO_DATA_DIR": str(tmp_path), "CIO_MONGO_URL": ""}
    return await asyncio.to_thread(
        cio, *arguments, *(["--json"] if as_json else []), environ=environ
    )


async def test_a_file_of_records_and_what_governed(house: House, tmp_path: Path) -> None:
    await house.gate().process([house.arrive(), house.arrive(quantity=0.1)])
    lines = [*changes_of(house), *house.journal.records, later_line("d")]
    assert await told(tmp_path, *lines) == (0, "2 verdicts decided again: 2 equal.\n")


async def test_a_difference_ends_with_one(house: House, tmp_path: Path) -> None:
    await house.gate().process([house.arrive()])
    (record,) = house.journal.records
    broken = orjson.dumps(orjson.loads(record) | {"verdict": {"kind": "deny"}})
    lines = [*changes_of(house), broken, *[b'{"kind": "verdict", "decision_id": "x"}'] * 11]
    code, said = await told(tmp_path, *lines)
    assert code == 1
    assert "verdict.kind: deny -> approve" in said
    assert "12 verdicts decided again: 1 different, 11 cannot be decided again." in said
    assert "and 1 more, cannot be decided again" in said
    code, said = await told(tmp_path, *lines, as_json=True)
    found = json.loads(said)
    assert (found["equal"], found["different"], found["impossible"]) == (0, 1, 11)
    assert found["first_different"][0]["differences"][0]["path"] == "verdict.kind"
    assert len(found["first_impossible"]) == 10


async def test_what_cannot_be_decided_again_ends_with_two(house: House, tmp_path: Path) -> None:
    await house.gate().process([house.arrive()])
    code, said = await told(tmp_path, *house.journal.records)
    assert (code, "is in no record" in said) == (2, True)
    assert await told(tmp_path, b"{}") == (2, "No verdict was found.\n")
    code, said = await told(tmp_path, b"[")
    assert (code, "holds no records" in said) == (2, True)


@pytest.mark.parametrize(
    "arguments",
    [(), ("i-1", "--file", "x"), ("i-1", "--to", "2026-01-01"), ("--from", "yesterday")],
)
def test_a_question_that_makes_no_sense_is_refused(arguments: tuple[str, ...]) -> None:
    assert cio("replay", *arguments)[0] == 2


class Away:
    """A record that cannot be reached."""

    async def verdicts_called(self, name: str) -> list[bytes]:
        raise Unavailable("mongo", f"asked for {name}")


@asynccontextmanager
async def away(_: Settings) -> AsyncIterator[Away]:
    yield Away()


def test_a_store_that_is_away_is_no_difference(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("petrosa_cio.cli.replay.open_records", away)
    code, said = cio("replay", "i-1", environ={"CIO_MONGO_URL": "mongodb://127.0.0.1:9/"})
    assert (code, "CIO_MONGO_URL" in said) == (2, True)


def test_a_trace_and_a_record_over_several_lines_are_read() -> None:
    record = {"kind": "verdict", "decision_id": "d"}
    line = orjson.dumps(record)
    for content in (
        line,
        json.dumps(record, indent=2).encode(),
        orjson.dumps({"_id": "d", "record": line.decode()}),
    ):
        assert read_record_file(content).verdicts == [line]
    for content in (b"[1]", b'{"record": "[]"}', b"nonsense"):
        with pytest.raises(ValueError, match=r"records|record|JSON|expected|unexpected"):
            read_record_file(content)
