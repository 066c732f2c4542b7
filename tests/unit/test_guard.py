"""The guard: what it says of two spans, and what it does about a revision that is out of bounds."""

from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

import orjson
import pytest

from petrosa_cio.errors import NotAllowed, Unavailable
from petrosa_cio.governance.actors import Role
from petrosa_cio.governance.guard.alert import SUBJECT, GuardAlerts, Outcome
from petrosa_cio.governance.guard.counting import FAILED, WITHOUT_POLICY, Counted
from petrosa_cio.governance.guard.judging import Bounds, Tally, out_of_bounds
from petrosa_cio.governance.guard.watch import GUARD, LATE, PolicyGuard
from petrosa_cio.governance.thought import thought_problem
from petrosa_cio.ports import JournalEntry
from petrosa_cio.risk.policy import Charter, PolicyDocument
from petrosa_cio.risk.reasons import ReasonCode
from petrosa_cio.risk.verdict import VerdictKind
from tests.deciding import load
from tests.fakes import FakeAnnouncer
from tests.governing import ADA, ANN, THOUGHT, Fund, document
from tests.policies import revision
from tests.records import verdict_line

CASES = load("guard.yaml")
WATCHED = timedelta(minutes=10)
BOUNDS = Bounds(WATCHED, least_verdicts=10, denial_rise=25, denial_share=95, failure_rise=5)
DENY, APPROVE = VerdictKind.DENY, VerdictKind.APPROVE
TOO_LARGE = ReasonCode.NOTIONAL_ABOVE_MAX


@pytest.mark.parametrize("case", CASES["cases"], ids=lambda case: case["note"])
def test_what_is_said_of_two_spans(case: dict[str, Any]) -> None:
    stated = dict(CASES["bounds"])
    bounds = Bounds(timedelta(minutes=stated.pop("watched_minutes")), **stated)
    said = out_of_bounds(Tally(**case["before"]), Tally(**case["after"]), bounds)
    if case["trips"] is None:
        assert said is None
    else:
        assert case["trips"] in (said or "")


def line(at: datetime, number: int | None, *codes: ReasonCode, **other: object) -> bytes:
    """Return the record of a verdict: a denial if it has reasons."""
    record = orjson.loads(verdict_line(None, DENY if codes else APPROVE, *codes))
    record["decision"] |= {"now": at, "policy_revision": number}
    return orjson.dumps(record | other)


def counted(*lines: bytes) -> Counted:
    """Count lines around a revision 7 that was made at noon."""
    made = revision(7)
    found = Counted(made, BOUNDS)
    found.add(JournalEntry(1, made.at, lines, ""))
    return found


NOON = revision(7).at


def ago(**span: float) -> datetime:
    return NOON - timedelta(**span)


def test_each_verdict_counts_by_its_time_and_revision() -> None:
    found = counted(
        line(ago(minutes=10, seconds=1), 6),
        line(ago(minutes=10), 5),
        line(ago(seconds=1), 6, TOO_LARGE),
        line(NOON, 7, TOO_LARGE),
        line(ago(minutes=-1), 6, TOO_LARGE),  # a gate that had not heard of it
        line(ago(minutes=-9.9), 7),
        line(ago(minutes=-10), 7, TOO_LARGE),
        line(NOON, 7, TOO_LARGE, fund="other"),
        b"no record",
    )
    assert (found.before, found.after) == (Tally(2, 1, 0), Tally(2, 1, 0))


@pytest.mark.parametrize("code", sorted(WITHOUT_POLICY))
def test_what_no_policy_has_a_part_in_is_left_out(code: ReasonCode) -> None:
    assert counted(line(NOON, 7, TOO_LARGE, code)).after == Tally()


@pytest.mark.parametrize("code", sorted(FAILED))
def test_a_policy_that_cannot_be_evaluated_fails_whatever_the_verdict_says_it_was(
    code: ReasonCode,
) -> None:
    found = counted(*(line(NOON, number, code) for number in (7, 6, None)))
    assert found.after == Tally(3, 3, 3)


def test_an_entry_is_counted_once() -> None:
    found = Counted(revision(7), BOUNDS)
    first, second = (JournalEntry(number, NOON, (line(NOON, 7),), "") for number in (1, 2))
    for entry in (first, first, second, first):
        found.add(entry)
    assert found.after == Tally(2)
    assert found.since == NOON


# --- what it does -----------------------------------------------------------------------------


@dataclass
class Watched:
    """A fund whose journal is stated by the test, and its guard, which can be started anew."""

    fund: Fund = field(default_factory=Fund)
    entries: list[JournalEntry] = field(default_factory=list)
    kept: dict[str, dict[str, Any]] = field(default_factory=dict)
    trips: list[Outcome] = field(default_factory=list)
    watching_now: int = 0
    alerts_away: bool = False
    has_key: bool = True
    announcer: FakeAnnouncer = field(default_factory=FakeAnnouncer)

    def __post_init__(self) -> None:
        self.guard = self.started()

    def started(self) -> PolicyGuard:
        """Return a guard that knows nothing but what is stored."""
        alerts = GuardAlerts(self, self.announcer, self, self.fund.clock)
        activation = self.fund.activation(self.fund.charter) if self.has_key else None
        return PolicyGuard(
            self.fund.revisions, activation, self.journal, alerts, BOUNDS, self.fund.clock
        )

    async def journal(self, since: datetime) -> AsyncIterator[JournalEntry]:
        for one in self.entries:
            if one.stored_at >= since:
                yield one

    async def keep(self, documents: Sequence[dict[str, object]]) -> frozenset[str]:
        if self.alerts_away:
            raise Unavailable("mongo", "away")
        new = {str(one["_id"]): one for one in documents if str(one["_id"]) not in self.kept}
        self.kept |= new
        return frozenset(new)

    def watching(self, number: int) -> None:
        self.watching_now = number

    def tripped(self, outcome: Outcome) -> None:
        self.trips.append(outcome)

    async def decide(self, approved: int, denied: int) -> None:
        """Let the gates decide so much under the newest revision, now."""
        number, now = await self.fund.newest(), self.fund.now
        lines = [line(now, number)] * approved + [line(now, number, TOO_LARGE)] * denied
        self.entries.append(JournalEntry(len(self.entries) + 1, now, tuple(lines), ""))

    async def change(self, wanted: PolicyDocument, minutes: float = 1) -> None:
        """Put a document in force, and let some time pass."""
        await self.fund.put_in_force(wanted)
        self.fund.pass_time(minutes=minutes)

    @property
    def detail(self) -> dict[str, Any]:
        """What the one alert says."""
        (found,) = self.kept.values()
        detail: dict[str, Any] = found["detail"]
        return detail


BEFORE = document(max_order_notional_usd=1000, min_confidence="0.5")
MIXED = document(max_order_notional_usd=2000, min_confidence="0.9")
MEET = document(max_order_notional_usd=1000, min_confidence="0.9")
TIGHTER = document(max_order_notional_usd=1000, min_confidence="0.9", max_position_usd=10)


@pytest.fixture
async def watched() -> Watched:
    """A fund that approved eight of ten until its policy was mixed up a minute ago."""
    watched = Watched()
    await watched.change(BEFORE, minutes=60)
    await watched.decide(80, 20)
    watched.fund.pass_time(minutes=5)
    return watched


async def test_a_leap_of_denials_falls_back_to_the_tighter_of_both(watched: Watched) -> None:
    await watched.change(MIXED)
    await watched.decide(10, 30)
    await watched.guard.look()
    assert await watched.fund.in_force() == MEET
    newest = await watched.fund.revisions.newest()
    assert newest is not None
    assert (newest.revision, newest.author, newest.role) == (3, "guard", "agent")
    assert newest.change == "tighter"
    assert thought_problem(newest.thought) is None
    for seen in ("30 of 40 verdicts (75.0 %)", "20 of 100 verdicts (20.0 %)", "Revision 2 by ada"):
        assert seen in newest.thought
    assert watched.detail["outcome"] == Outcome.FELL_BACK
    assert (watched.trips, watched.watching_now) == ([Outcome.FELL_BACK], 0)
    assert [subject for subject, _ in watched.announcer.heard] == [SUBJECT]


async def test_its_own_revision_is_never_out_of_bounds(watched: Watched) -> None:
    await watched.change(MIXED)
    await watched.decide(10, 30)
    await watched.guard.look()
    await watched.decide(0, 100)
    for guard in (watched.guard, watched.started()):
        await guard.look()
    assert await watched.fund.newest() == 3
    assert len(watched.kept) == 1


async def test_a_quiet_revision_stays(watched: Watched) -> None:
    await watched.change(MIXED)
    await watched.decide(80, 20)
    await watched.guard.look()
    assert watched.watching_now == 2
    watched.fund.pass_time(minutes=20)
    await watched.decide(0, 100)  # after its time
    await watched.guard.look()
    assert (watched.watching_now, watched.kept) == (0, {})
    assert await watched.fund.newest() == 2


async def test_verdicts_are_added_up_from_look_to_look(watched: Watched) -> None:
    await watched.change(MIXED)
    for _ in range(3):
        await watched.guard.look()
        assert await watched.fund.newest() == 2
        await watched.decide(1, 3)
        watched.fund.pass_time(seconds=5)
    await watched.guard.look()
    assert await watched.fund.newest() == 3


async def test_a_restart_forgets_nothing(watched: Watched) -> None:
    await watched.change(MIXED)
    await watched.decide(2, 7)
    await watched.guard.look()
    assert await watched.fund.newest() == 2
    watched.fund.pass_time(minutes=1)
    await watched.decide(0, 1)
    watched.fund.pass_time(minutes=12)  # nobody watched meanwhile
    await watched.started().look()
    assert await watched.fund.in_force() == MEET


async def test_what_is_long_past_is_not_judged(watched: Watched) -> None:
    await watched.change(MIXED)
    await watched.decide(0, 100)
    watched.fund.now += 2 * WATCHED + LATE
    await watched.guard.look()
    assert (await watched.fund.newest(), watched.kept) == (2, {})


async def test_where_the_new_one_is_tighter_it_only_tells(watched: Watched) -> None:
    await watched.change(TIGHTER)
    await watched.decide(0, 40)
    for guard in (watched.guard, watched.guard, watched.started()):
        await guard.look()
    assert await watched.fund.in_force() == TIGHTER
    assert watched.trips == [Outcome.ALREADY_TIGHTER]
    assert "cio policy rollback --to 1`, which takes approval" in watched.detail["then"]


async def test_without_a_key_it_says_what_a_person_is_to_run(watched: Watched) -> None:
    watched.has_key = False
    await watched.change(MIXED)
    await watched.decide(0, 40)
    guard = watched.started()
    for _ in range(2):
        await guard.look()
    assert (watched.trips, await watched.fund.newest()) == ([Outcome.NO_KEY], 2)
    assert "`cio policy rollback --to 1 --tighter`" in watched.detail["then"]
    done = await watched.fund.lifecycle.rollback(ANN, 1, thought=THOUGHT, tighter=True)
    assert done.revision is not None
    assert (done.proposal, await watched.fund.in_force()) == (None, MEET)


async def test_what_cannot_govern_is_told(watched: Watched) -> None:
    """As where the charter was narrowed since, and no policy was made to fit it."""
    await watched.change(MIXED)
    await watched.decide(0, 40)
    watched.fund.charter = Charter.model_validate({"bounds": {"max_order_notional_usd": 500}})
    await watched.started().look()
    assert (watched.trips, await watched.fund.newest()) == ([Outcome.REFUSED], 2)
    assert "looser than the charter's 500" in watched.detail["then"]


async def test_no_name_in_a_policy_keeps_it_from_falling_back(watched: Watched) -> None:
    hidden = {"a\u200bb": {"min_confidence": "0.9"}}
    fund = {"max_order_notional_usd": 2000, "min_confidence": "0.9"}
    stated = {"policy": {"name": "test", "fund": fund, "strategies": hidden}}
    await watched.change(PolicyDocument.model_validate(stated))
    await watched.decide(0, 40)
    await watched.guard.look()
    newest = await watched.fund.revisions.newest()
    assert newest is not None
    assert newest.author == GUARD.name
    assert "strategies.a?b.min_confidence" in newest.thought


async def test_an_alert_that_could_not_be_kept_is_kept_later(watched: Watched) -> None:
    await watched.change(MIXED)
    await watched.decide(0, 40)
    watched.alerts_away = True
    with pytest.raises(Unavailable):
        await watched.guard.look()
    assert await watched.fund.newest() == 3
    watched.alerts_away = False
    watched.fund.pass_time(hours=3)
    await watched.started().look()
    assert watched.detail["outcome"] == Outcome.FELL_BACK


async def test_the_first_revision_has_nothing_to_fall_back_to() -> None:
    watched = Watched()
    await watched.change(BEFORE)
    await watched.decide(0, 100)
    await watched.guard.look()
    assert (await watched.fund.newest(), watched.kept) == (1, {})


async def test_what_waits_for_mongodb_is_done_when_it_is_back(watched: Watched) -> None:
    """However late that is: what was seen is not forgotten as long as the program runs."""
    await watched.change(MIXED)
    await watched.decide(0, 40)
    guard, earlier = watched.started(), watched.fund.revisions.revision

    async def away(number: int) -> None:
        raise Unavailable("mongo", f"revision {number} cannot be read")

    watched.fund.revisions.revision = away  # type: ignore[method-assign]
    with pytest.raises(Unavailable):
        await guard.look()
    watched.fund.revisions.revision = earlier  # type: ignore[method-assign]
    watched.fund.pass_time(hours=2)
    await guard.look()
    assert await watched.fund.in_force() == MEET


async def test_nobody_gets_a_token_of_the_guards_name(watched: Watched) -> None:
    tokens = watched.fund.tokens
    await tokens.create("ada", Role.ADMIN, by=None, maker="root", expires_at=None)
    for name in (GUARD.name, "Guard", "start"):
        with pytest.raises(NotAllowed, match="program's own"):
            await tokens.create(name, Role.AGENT, by=ADA, maker="", expires_at=None)
