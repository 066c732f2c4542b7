"""What would have been decided under another policy: exposure, flips, and what cannot be said."""

import asyncio
import json
from collections.abc import AsyncIterator, Callable
from datetime import datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import orjson
import pytest
from structlog.testing import capture_logs

from petrosa_cio import __version__
from petrosa_cio.errors import Misconfigured
from petrosa_cio.governance.what_if import Findings, FlipKind
from petrosa_cio.governance.what_if.exposure import Exposure
from petrosa_cio.governance.what_if.findings import MOST_FLIPS, flip_kind
from petrosa_cio.governance.what_if.order import fates_of, in_order, recorded_span
from petrosa_cio.governance.what_if.profile import MOST_POINTS, Profile
from petrosa_cio.governance.what_if.run import INCOMPLETE, TWICE
from petrosa_cio.risk.policy import PolicyDocument
from petrosa_cio.risk.reasons import Reason, ReasonCode
from petrosa_cio.risk.trading_state import TradingState
from petrosa_cio.risk.verdict import Verdict, VerdictKind
from tests.commands import cio
from tests.gates import POLICY, House
from tests.loading import ROOT
from tests.past import what_if
from tests.replaying import charter_change, policy_change
from tests.unit.test_gate_away import Choosy

SAMPLE = ROOT / "tests/cases/recorded_intents.jsonl"


@pytest.fixture
async def house() -> House:
    return await House().open()


def document(**limits: object) -> PolicyDocument:
    """Return the policy of the house with some limits of the fund stated otherwise."""
    stated = {key: value for key, value in (POLICY["fund"] | limits).items() if value is not None}
    return PolicyDocument.model_validate({"policy": POLICY | {"fund": stated}})


def records_of(house: House) -> list[bytes]:
    """Return all that is recorded of a house that had one policy."""
    governed = [charter_change(house.charter), policy_change(document(), 1)]
    return [*governed, *house.journal.records]


async def asked(house: House, **limits: object) -> Findings:
    return await what_if(records_of(house), document(**limits))


# --- exposure in two worlds -----------------------------------------------------------------------


def exposure(*lots: tuple[int, int]) -> Exposure:
    """Return the exposure of some decisions: units that were taken, units that would have been."""
    found = Exposure()
    for number, (was, would) in enumerate(lots):
        found.add(f"d{number}", was=was, would=would, void_ms=None)
    return found


def after(found: Exposure, units: int, now_ms: int = 0) -> tuple[int, int]:
    found.was_counted(units, now_ms=now_ms)
    return found.was, found.would


def test_what_nobody_recorded_is_in_both_worlds() -> None:
    assert after(exposure((100, 0)), 700) == (700, 600)


def test_the_oldest_is_closed_first() -> None:
    assert after(exposure((100, 0), (50, 50)), 50) == (50, 50)
    assert after(exposure((50, 50), (100, 0)), 100) == (100, 0)


def test_what_came_before_is_older_than_all() -> None:
    found = exposure((100, 0))
    assert after(found, 160) == (160, 60)
    assert after(found, 100) == (100, 0)


def test_a_share_of_a_size_is_closed_in_both_worlds_rounded_up() -> None:
    assert after(exposure((90, 10)), 30) == (30, 4)


def test_what_the_candidate_alone_opened_closes_with_what_is_younger() -> None:
    assert after(exposure((0, 70), (100, 100)), 40) == (40, 110)
    assert after(exposure((0, 70), (100, 100)), 0) == (0, 0)
    assert after(exposure((100, 100), (0, 70)), 0) == (0, 70)


def test_what_came_to_nothing_goes_first_and_not_before_its_time() -> None:
    def found() -> Exposure:
        made = exposure((100, 0))
        made.add("void", was=100, would=100, void_ms=60_000)
        return made

    assert after(found(), 100, now_ms=60_000) == (100, 0)
    assert after(found(), 100, now_ms=10_000) == (100, 100)


def test_what_is_withdrawn_is_taken_out_once() -> None:
    found = exposure((10, 10))
    lot = found.add("d", was=0, would=70, void_ms=None)
    found.withdraw(lot)
    found.withdraw(lot)
    assert (found.was, found.would) == (10, 10)


# --- flips ----------------------------------------------------------------------------------------


def verdict(quantity: str | None, *codes: ReasonCode, denied: bool = False) -> Verdict:
    kind = VerdictKind.DENY if denied else VerdictKind.REDUCE if codes else VerdictKind.APPROVE
    size = None if quantity is None else Decimal(quantity)
    return Verdict(kind, tuple(Reason(code) for code in codes), size)


@pytest.mark.parametrize(
    ("was", "would", "kind"),
    [
        (verdict("1"), verdict("1.0"), None),
        (verdict("1"), verdict("1", ReasonCode.NOTIONAL_ABOVE_MAX), None),
        (verdict("1"), verdict("0.5"), FlipKind.SMALLER),
        (verdict("1"), verdict("2"), FlipKind.LARGER),
        (verdict(None), verdict("2"), FlipKind.SMALLER),
        (verdict("2"), verdict(None), FlipKind.LARGER),
        (verdict("1"), verdict(None, denied=True), FlipKind.DENIED),
        (verdict(None, denied=True), verdict("1"), FlipKind.APPROVED),
        (verdict(None, denied=True), verdict(None, denied=True), None),
    ],
)
def test_how_a_verdict_changes(was: Verdict, would: Verdict, kind: FlipKind | None) -> None:
    assert flip_kind(was, would) is kind


async def test_a_tighter_limit_denies_and_says_why(house: House) -> None:
    await house.gate().process([house.arrive(confidence=0.7), house.arrive(confidence=0.9)])
    found = await asked(house, min_confidence="0.8")
    (flip,) = found.flips
    assert (flip.kind, flip.strategy, flip.symbol) == (FlipKind.DENIED, "momentum", "BTCUSDT")
    assert (flip.codes, flip.quantities) == (("CONFIDENCE_BELOW_MIN",), (Decimal("0.01"), None))
    assert flip.policy_revision == 1
    assert "observed=0.7" in flip.reasons[0]
    assert (found.was.approve, found.would.approve) == (2, 1)
    assert found.by_revision == {"1": {FlipKind.DENIED: 1}}


async def test_room_that_nobody_takes_is_there_for_others(house: House) -> None:
    for confidence in (0.7, 0.7, 0.9):
        await house.pass_time(1)
        await house.gate().process([house.arrive(quantity=0.02, confidence=confidence)])
    candidate = {"max_gross_exposure_usd": "2000", "min_confidence": "0.8"}
    found = await asked(house, **candidate)
    assert [one.kind for one in found.flips] == [FlipKind.DENIED, FlipKind.DENIED]
    assert found.profile.peaks["gross"].was == 30_000_000
    assert found.profile.peaks["gross"].would == 10_000_000


async def test_a_size_changes(house: House) -> None:
    await house.gate().process([house.arrive(quantity=0.1)])
    smaller = await asked(house, max_order_notional_usd="500")
    assert [(one.kind, one.codes) for one in smaller.flips] == [
        (FlipKind.SMALLER, ("NOTIONAL_ABOVE_MAX",))
    ]
    larger = await asked(house, max_order_notional_usd="2000")
    assert [one.kind for one in larger.flips] == [FlipKind.LARGER]


async def test_another_reason_is_no_flip(house: House) -> None:
    await house.gate().process([house.arrive(confidence=0.5)])
    found = await asked(house, allowed_symbols=["ETHUSDT"])
    assert (found.flipped, found.other_reasons) == (0, 1)


async def test_without_a_policy_then_there_is_none_now() -> None:
    house = House()
    await house.ledger.initialise(fresh=True)
    await house.feeds.refresh()
    await house.gate().process([house.arrive()])
    assert house.codes() == ["POLICY_MISSING"]
    assert (await asked(house)).flipped == 0


async def test_openings_of_the_candidate_alone_reach_nobody_where_nobody_listens(
    house: House,
) -> None:
    house.signals.listening = False
    for confidence in (0.7, 0.5, 0.5):
        await house.pass_time(5)
        await house.gate().process([house.arrive(confidence=confidence)])
    found = await asked(house, min_confidence="0.4")
    assert found.by_kind == {FlipKind.APPROVED: 2}
    assert found.profile.peaks["gross"].would == 5_000_000


async def test_only_the_first_flips_are_kept(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("petrosa_cio.governance.what_if.findings.MOST_FLIPS", 1)
    await house.gate().process([house.arrive(), house.arrive()])
    found = await asked(house, min_confidence="0.95")
    assert (found.flipped, len(found.flips), MOST_FLIPS) == (2, 1, 1_000)


# --- what cannot be said --------------------------------------------------------------------------


async def test_what_no_check_decided_is_counted_apart(house: House) -> None:
    with capture_logs():
        bad = house.arrive()
        Choosy(house, bad.decision_id)
        await house.gate().process([bad])
    found = await asked(house)
    assert found.undecidable == {"the gate failed on the message": 1}
    assert found.decided == 0


async def test_a_flood_and_an_absent_ledger_are_counted_apart(house: House) -> None:
    limits = POLICY | {"fund": POLICY["fund"] | {"max_intents_per_minute": 1}}
    await house.activate(limits)
    gate = house.gate()
    for _ in range(4):
        await gate.process([house.arrive()])
    late = house.arrive()
    house.ledger.away = frozenset({"reserve"})
    with capture_logs():
        await house.pass_time(200)
        await house.gate("gate-2").process([late])
    second = policy_change(PolicyDocument.model_validate({"policy": limits}), 2)
    found = await what_if([*records_of(house), second], document())
    assert found.undecidable == {
        "it was part of a flood, which is denied without a check": 2,
        "the ledger was away": 1,
    }


async def test_a_message_that_was_too_long_is_denied_for_that_again(house: House) -> None:
    await house.gate().process([house.arrive_bytes(b'{"a": "' + b"x" * 70_000 + b'"}')])
    found = await asked(house)
    assert (found.decided, found.flipped, found.other_reasons) == (1, 0, 0)


def without_settings(record: dict[str, Any]) -> None:
    del record["decision"]["settings"]


def of_another_schema(record: dict[str, Any]) -> None:
    record["schema_version"] = 99


def of_another_charter(record: dict[str, Any]) -> None:
    record["decision"]["charter_hash"] = "0" * 64


def without_readings_for_its_claims(record: dict[str, Any]) -> None:
    record["readings"]["used"] = []


@pytest.mark.parametrize(
    ("spoil", "why"),
    [
        (without_settings, "it is of an older program"),
        (of_another_schema, "it is of another schema"),
        (of_another_charter, f"the charter with the hash {'0' * 64} is in no record"),
        (without_readings_for_its_claims, INCOMPLETE),
    ],
)
async def test_a_record_that_does_not_tell_enough_is_counted_apart(
    house: House, spoil: Callable[[dict[str, Any]], None], why: str
) -> None:
    await house.gate().process([house.arrive(), house.arrive(quantity=0.02)])
    *before, last = records_of(house)
    record = orjson.loads(last)
    spoil(record)
    found = await what_if([*before, orjson.dumps(record)], document())
    assert (found.decided, dict(found.undecidable)) == (1, {why: 1})


async def test_the_first_verdict_of_a_decision_stands(house: House) -> None:
    await house.gate().process([house.arrive()])
    found = await what_if([*records_of(house), house.journal.records[0]], document())
    assert (found.decided, dict(found.undecidable)) == (1, {TWICE: 1})


async def test_another_version_is_told(house: House) -> None:
    await house.gate().process([house.arrive()])
    found = await what_if(records_of(house), document(), version="9.9.9")
    assert (found.other_versions, found.flipped) == (1, 0)


# --- order and time -------------------------------------------------------------------------------


async def test_verdicts_stand_in_the_ledgers_order(house: House) -> None:
    for _ in range(3):
        await house.gate().process([house.arrive(), house.arrive()])
        await house.pass_time(1)
    lines = house.journal.records
    assert in_order(reversed(lines)) == lines
    assert in_order([lines[0], b"{}"]) == [b"{}", lines[0]]


class Stored:
    """The record of verdicts, by the moment of decision; it says what it was asked for."""

    def __init__(self, lines: list[bytes]) -> None:
        self.at = [
            (datetime.fromisoformat(orjson.loads(one)["decision"]["now"]), one) for one in lines
        ]
        self.spans: list[tuple[datetime, datetime]] = []

    async def count(self, since: datetime, until: datetime) -> int:
        return sum(since <= at < until for at, _ in self.at)

    async def verdict_records(self, since: datetime, until: datetime) -> AsyncIterator[bytes]:
        self.spans.append((since, until))
        for at, line in self.at:
            if since <= at < until:
                yield line


async def test_a_long_span_is_read_in_parts(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("petrosa_cio.governance.what_if.order.AT_A_TIME", 4)
    monkeypatch.setattr("petrosa_cio.governance.what_if.order.PORTION", timedelta(minutes=5))
    began = house.now()
    for _ in range(12):
        await house.gate().process([house.arrive(), house.arrive()])
        await house.pass_time(100)
    lines = [one for one in house.journal.records if b'"kind":"verdict"' in one]
    stored: Any = Stored(lines)
    found = [one async for one in recorded_span(stored, began, house.now())]
    assert found == lines
    assert len(stored.spans) > 2
    assert [end for _, end in stored.spans[:-1]] == [begin for begin, _ in stored.spans[1:]]


async def test_years_without_a_verdict_are_passed_in_a_few_steps(house: House) -> None:
    await house.gate().process([house.arrive()])
    stored: Any = Stored(house.journal.records)
    since, until = house.now() - timedelta(days=3_000), house.now() + timedelta(seconds=1)
    found = [one async for one in recorded_span(stored, since, until)]
    assert found == house.journal.records
    assert len(stored.spans) < 20


async def test_what_came_to_nothing_is_known(house: House) -> None:
    house.signals.listening = False
    await house.gate().process([house.arrive()])
    verdict, undelivered = house.journal.records
    ((decision_id, fate),) = fates_of([undelivered]).items()
    assert orjson.loads(verdict)["decision_id"] == decision_id
    assert fate.unheard


def test_a_long_profile_has_longer_steps() -> None:
    profile = Profile()
    for minute in range(0, 10 * MOST_POINTS, 2):
        profile.decided(minute * 60_000, was=True, would=False)
        profile.exposed(minute * 60_000, "gross", minute, 0, is_gross=True)
    points = profile.points()
    assert len(points) <= MOST_POINTS
    assert sum(one.intents for one in points) == 5 * MOST_POINTS
    assert sum(one.promoted[0] for one in points) == 5 * MOST_POINTS
    assert max(one.gross_usd[0] for one in points) == Decimal(10 * MOST_POINTS - 2) / 10_000
    assert Profile().points() == []


# --- the command ----------------------------------------------------------------------------------


@pytest.fixture
def careful(tmp_path: Path) -> Path:
    """Write a candidate that asks for more confidence than the starter policy does."""
    starter = (ROOT / "src/petrosa_cio/governance/starter/policy.yaml").read_text()
    file = tmp_path / "careful.yaml"
    named = starter.replace("name: starter", "name: careful")
    file.write_text(named.replace("min_confidence: 0.6", "min_confidence: 0.99"))
    return file


def ask(*arguments: object) -> tuple[int, str]:
    return cio("policy", "what-if", *map(str, arguments), environ={"COLUMNS": "80"})


def test_recorded_intents_do_not_flip_under_their_own_policy() -> None:
    code, said = ask("--intents", SAMPLE)
    assert (code, "Nothing flips." in said) == (0, True)
    assert "5 verdicts decided again" in said


def test_recorded_intents_flip_under_a_candidate(careful: Path) -> None:
    code, said = ask(careful, "--intents", SAMPLE, "--closes-after", "4h")
    assert code == 0
    assert "What if: careful" in said
    assert "2 flip: 2 approved, would be denied." in said
    assert max(len(line) for line in said.splitlines() if " ─" in line) <= 80


def test_a_program_gets_all_of_it(careful: Path) -> None:
    code, said = ask(careful, "--intents", SAMPLE, "--json")
    found = json.loads(said)["what_if"]
    assert (code, found["flipped"], found["decided"]) == (0, 2, 5)
    assert found["by_kind"] == {"denied": 2, "approved": 0, "smaller": 0, "larger": 0}
    assert found["verdicts"]["approve"] == {"was": 2, "would": 0}
    assert found["highest_usd"]["gross"]["would"] == "0"
    assert {one["kind"] for one in found["flips"]} == {FlipKind.DENIED}
    assert sum(one["intents"] for one in found["profile"]) == 5


def test_a_picture_is_drawn(careful: Path, tmp_path: Path) -> None:
    pictures = [tmp_path / name for name in ("a.svg", "b.svg", "c.png")]
    for file in pictures:
        assert ask(careful, "--intents", SAMPLE, "--picture", file)[0] == 0
    first, second, third = (file.read_bytes() for file in pictures)
    assert first == second
    assert b"CONFIDENCE_BELOW_MIN" in first
    assert third.startswith(b"\x89PNG")


async def test_records_in_a_file_are_decided_again(house: House, tmp_path: Path) -> None:
    await house.gate().process([house.arrive(), house.arrive(confidence=0.1)])
    ours = b'"code_version":"%s"' % __version__.encode()
    lines = [line.replace(b'"code_version":"0.1.0"', ours) for line in records_of(house)]
    file = tmp_path / "records.jsonl"
    file.write_bytes(b"\n".join(lines))
    code, said = await asyncio.to_thread(ask, "--records", file)
    assert (code, "Nothing flips." in said) == (0, True)


async def test_what_flips_without_a_candidate_is_a_failure(house: House, tmp_path: Path) -> None:
    await house.gate().process([house.arrive()])
    *before, last = records_of(house)
    record = orjson.loads(last)
    record["verdict"] |= {"kind": "deny", "quantity": None}
    file = tmp_path / "records.jsonl"
    file.write_bytes(b"\n".join([*before, orjson.dumps(record)]))
    code, said = await asyncio.to_thread(ask, "--records", file)
    assert (code, "1 flip: 1 denied, would be approved." in said) == (1, True)


def test_what_is_asked_must_be_one_thing(careful: Path, tmp_path: Path) -> None:
    assert ask(careful)[0] == 2
    assert ask(careful, "--last", "24h", "--intents", SAMPLE)[0] == 2
    assert ask(careful, "--to", "2026-01-01", "--intents", SAMPLE)[0] == 2
    assert ask(careful, "--last", "24h", "--against", careful)[0] == 2
    assert ask(careful, "--intents", SAMPLE, "--picture", tmp_path / "a.pdf")[0] == 2


def test_a_candidate_that_may_not_govern_is_refused(tmp_path: Path) -> None:
    file = tmp_path / "loose.yaml"
    file.write_text("fund: {max_order_notional_usd: 999999999}\n")
    with pytest.raises(Misconfigured, match="looser than the charter's"):
        ask(file, "--intents", SAMPLE)


async def test_halts_are_as_they_were(house: House) -> None:
    await house.switch(TradingState.HALTED)
    await house.feeds.refresh()
    await house.gate().process([house.arrive()])
    assert (await asked(house, min_confidence="0.1")).flipped == 0
