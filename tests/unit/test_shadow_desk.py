"""Who starts, promotes and drops a shadow, what that changes, and what it leaves behind."""

import json
from datetime import timedelta

import pytest

from petrosa_cio.adapters.memory_shadows import MemoryShadows, MemoryTail
from petrosa_cio.errors import (
    CioError,
    NotAllowed,
    PolicyRejected,
    RevisionConflict,
    ThoughtRejected,
)
from petrosa_cio.governance.actors import Actor
from petrosa_cio.governance.shadow import ShadowDesk, Stage, Started
from petrosa_cio.ports import EndingKind, ShadowCount, ShadowPage
from petrosa_cio.risk.policy import Charter
from tests.governing import ADA, ANN, BOB, BOT, EVE, NOON, OLE, THOUGHT, Fund, document

BASE, TIGHT, LOOSE = 1000, 500, 2000
CHARTER = Charter.model_validate({"bounds": {"max_order_notional_usd": 5000}})
DAY = timedelta(hours=24)


class Office:
    """A fund, and the desk where its shadows are started."""

    def __init__(self, fund: Fund) -> None:
        self.fund = fund
        self.store = MemoryShadows()
        self.tail = MemoryTail()
        self.desk = self.governed_by(CHARTER)

    def governed_by(self, charter: Charter) -> ShadowDesk:
        lifecycle = self.fund.governed_by(charter)
        return ShadowDesk(self.store, self.tail, lifecycle, self.fund.tell, self.fund.clock)

    async def start(
        self, limit: int = TIGHT, who: Actor = ANN, lasts: timedelta = DAY, thought: str = THOUGHT
    ) -> Started:
        wanted, parent = document(max_order_notional_usd=limit), await self.fund.newest()
        return await self.desk.start(who, wanted, parent=parent, thought=thought, lasts=lasts)

    async def limit_in_force(self) -> object:
        return (await self.fund.in_force()).policy.fund.max_order_notional_usd


@pytest.fixture
async def office() -> Office:
    return Office(await Fund(CHARTER).begin(max_order_notional_usd=BASE))


@pytest.mark.parametrize("limit", [TIGHT, LOOSE])
async def test_a_shadow_puts_nothing_in_force(office: Office, limit: int) -> None:
    started = await office.start(limit)
    seen = await office.desk.show()
    assert (seen.shadow, seen.stage, seen.ending) == (started.shadow, Stage.RUNNING, None)
    assert (started.shadow.number, started.shadow.parent) == (1, 1)
    assert (started.shadow.at, started.shadow.ends_at) == (NOON, NOON + DAY)
    assert started.comparison.change == ("tighter" if limit == TIGHT else "looser")
    assert (await office.limit_in_force(), await office.fund.newest()) == (BASE, 1)
    assert await office.fund.proposals.proposals() == []


@pytest.mark.parametrize("who", [ADA, ANN, OLE, BOT])
async def test_whoever_may_tighten_starts_and_drops(office: Office, who: Actor) -> None:
    await office.start(who=who)
    ended = await office.desk.drop(who, thought=THOUGHT)
    assert (ended.ending.kind, ended.ending.author) == (EndingKind.DROP, who.name)
    assert (await office.desk.show()).stage is Stage.DROPPED


async def test_who_only_looks_starts_and_ends_nothing(office: Office) -> None:
    for attempt in (
        office.start(who=EVE),
        office.desk.drop(EVE, thought=THOUGHT),
    ):
        with pytest.raises(NotAllowed, match="eve"):
            await attempt
    await office.start()
    with pytest.raises(NotAllowed, match="eve"):
        await office.desk.promote(EVE, thought=THOUGHT)
    assert (await office.desk.show()).stage is Stage.RUNNING
    assert len(office.fund.refused) == 3


async def test_each_step_leaves_a_record_with_its_thought(office: Office) -> None:
    first = (await office.start()).shadow
    await office.desk.drop(BOB, thought=THOUGHT)
    second = (await office.start(LOOSE)).shadow
    await office.store.write(
        ShadowPage(
            second.shadow_id, 1, 0, 9, NOON,
            (ShadowCount("was", "approve", "", 5), ShadowCount("would", "deny", "", 5),
             ShadowCount("kind", "", "denied", 5), ShadowCount("error", "KeyError", "", 2)),
        )
    )  # fmt: skip
    promoted = await office.desk.promote(ANN, thought=THOUGHT)
    told = [one for one in office.fund.recorded if one.subject.startswith("shadow")]
    assert [(one.subject, one.scope, one.author, one.reason) for one in told] == [
        ("shadow", first.shadow_id, "ann", THOUGHT),
        ("shadow_ending", first.shadow_id, "bob", THOUGHT),
        ("shadow", second.shadow_id, "ann", THOUGHT),
        ("shadow_ending", second.shadow_id, "ann", THOUGHT),
    ]
    assert told[0].value == first.document
    proposal = promoted.outcome.proposal
    assert proposal is not None
    assert json.loads(told[3].value) == {
        "kind": "promote",
        "became": f"proposal {proposal.proposal_id}",
        "report": {
            "decided": 5,
            "flips": {"denied": 5, "approved": 0, "smaller": 0, "larger": 0},
            "undecidable": 0,
            "errors": 2,
            "until_seq": 9,
        },
    }


@pytest.mark.parametrize(
    ("said", "error", "match"),
    [
        ({"limit": 6000}, PolicyRejected, "charter"),
        ({"limit": BASE}, PolicyRejected, "nothing changes"),
        ({"thought": "because"}, ThoughtRejected, "100 characters"),
        ({"lasts": timedelta(days=8)}, PolicyRejected, "at most 7 days"),
        ({"lasts": timedelta()}, PolicyRejected, "at most 7 days"),
    ],
)
async def test_what_could_not_be_proposed_is_not_tried(
    office: Office, said: dict[str, object], error: type[CioError], match: str
) -> None:
    with pytest.raises(error, match=match):
        await office.start(**said)  # type: ignore[arg-type]
    with pytest.raises(NotAllowed, match="nobody has started"):
        await office.desk.show()
    assert len(office.fund.refused) == 1


async def test_a_candidate_of_an_old_revision_is_a_conflict(office: Office) -> None:
    await office.fund.put_in_force(document(max_order_notional_usd=900))
    with pytest.raises(RevisionConflict):
        await office.desk.start(
            ANN, document(max_order_notional_usd=TIGHT), parent=1, thought=THOUGHT, lasts=DAY
        )


async def test_there_is_one_at_a_time(office: Office) -> None:
    await office.start()
    with pytest.raises(NotAllowed, match=r"shadow 1 of ann runs until 2026-11-24T12:00.*drop it"):
        await office.start(LOOSE, who=BOT)
    await office.desk.drop(BOB, thought=THOUGHT)
    assert (await office.start(LOOSE)).shadow.number == 2
    assert (await office.desk.show(1)).stage is Stage.DROPPED
    with pytest.raises(NotAllowed, match="no shadow 3"):
        await office.desk.show(3)


async def test_of_two_that_start_at_once_one_runs(office: Office) -> None:
    running = (await office.start()).shadow
    recent = office.store.recent

    async def nothing_yet(*, limit: int) -> list[object]:
        return []

    office.store.recent = nothing_yet  # type: ignore[method-assign, assignment]
    with pytest.raises(NotAllowed, match="somebody else has just started shadow 1"):
        await office.start(LOOSE)
    office.store.recent = recent  # type: ignore[method-assign]
    assert (await office.desk.show()).shadow == running


async def test_it_ends_by_itself(office: Office) -> None:
    await office.start(lasts=timedelta(hours=1))
    office.fund.pass_time(hours=1)
    assert (await office.desk.show()).stage is Stage.OVER
    assert (await office.start(LOOSE)).shadow.number == 2


async def test_what_tightens_is_promoted_into_force_at_once(office: Office) -> None:
    await office.start(TIGHT)
    promoted = await office.desk.promote(BOT, thought=THOUGHT)
    assert promoted.outcome.revision is not None
    assert (promoted.outcome.revision.author, promoted.ended.ending.became) == (
        "strategist", "revision 2",
    )  # fmt: skip
    assert await office.limit_in_force() == TIGHT
    assert (await office.desk.show()).stage is Stage.PROMOTED


async def test_what_loosens_waits_for_people_after_its_promotion(office: Office) -> None:
    await office.start(LOOSE, who=BOT)
    promoted = await office.desk.promote(BOT, thought=THOUGHT)
    assert (promoted.outcome.revision, await office.limit_in_force()) == (None, BASE)
    proposal = promoted.outcome.proposal
    assert proposal is not None
    lifecycle = office.fund.lifecycle
    for who in (ANN, BOB):
        await lifecycle.approve(who, proposal.proposal_id, reason="the shadow did well")
    await lifecycle.activate(ANN, proposal.proposal_id)
    assert await office.limit_in_force() == LOOSE


async def test_one_that_is_over_is_still_promoted_and_one_that_ended_is_not(office: Office) -> None:
    await office.start(TIGHT)
    office.fund.pass_time(hours=30)
    await office.desk.promote(ANN, thought=THOUGHT)
    for attempt in (office.desk.promote, office.desk.drop):
        with pytest.raises(NotAllowed, match="shadow 1 is promoted"):
            await attempt(ANN, thought=THOUGHT)


async def test_where_the_policy_changed_meanwhile_the_shadow_runs_on(office: Office) -> None:
    await office.start(TIGHT)
    await office.fund.put_in_force(document(max_order_notional_usd=900))
    with pytest.raises(RevisionConflict):
        await office.desk.promote(ANN, thought=THOUGHT)
    assert (await office.desk.show()).stage is Stage.RUNNING
    assert await office.limit_in_force() == 900


async def test_a_promotion_is_judged_by_the_charter_as_it_is_then(office: Office) -> None:
    await office.start(LOOSE)
    desk = office.governed_by(Charter.model_validate({"bounds": {"max_order_notional_usd": 1500}}))
    with pytest.raises(PolicyRejected, match="charter"):
        await desk.promote(ANN, thought=THOUGHT)


async def test_without_one_there_is_nothing_to_end(office: Office) -> None:
    with pytest.raises(NotAllowed, match="no shadow to drop"):
        await office.desk.drop(ANN, thought=THOUGHT)
    with pytest.raises(NotAllowed, match="no shadow to promote"):
        await office.desk.promote(ANN, thought=THOUGHT)
    await office.start()
    with pytest.raises(ThoughtRejected):
        await office.desk.drop(ANN, thought="no")


async def test_what_was_changed_in_the_store_is_neither_shown_as_sound_nor_promoted(
    office: Office,
) -> None:
    await office.start(TIGHT)
    stored = office.store._shadows[1]
    object.__setattr__(stored, "document", stored.document.replace("500", "4000"))
    assert "was changed" in str((await office.desk.show()).trouble)
    with pytest.raises(PolicyRejected, match="was changed"):
        await office.desk.promote(ANN, thought=THOUGHT)
    assert await office.limit_in_force() == BASE
