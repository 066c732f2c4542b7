"""The what-if of a proposal: what whoever approves is shown, and that nothing waits for it."""

import asyncio
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from decimal import Decimal

import orjson
import pytest
from structlog.testing import capture_logs

from petrosa_cio import __version__
from petrosa_cio.errors import NotAllowed, RevisionConflict, Unavailable
from petrosa_cio.governance.proposals import proposal_id_of
from petrosa_cio.governance.what_if import stage
from petrosa_cio.governance.what_if.stage import (
    LAST_DAY,
    NOT_ASKED,
    WhatIfStage,
    WhatIfSummary,
    read_summary,
)
from petrosa_cio.ports import Proposal
from petrosa_cio.risk.policy import PolicyDocument, document_hash
from tests.gates import POLICY, House
from tests.governing import ANN, BOB, OLE, THOUGHT, Fund
from tests.governing import document as fund_document
from tests.replaying import charter_change, policy_change


@dataclass
class PastOf:
    """Records of a house, as the store of records gives them back.

    Whenever they were made, they stand at the beginning of the span that is asked for.
    """

    lines: list[bytes]
    more: int = 0
    asked: list[timedelta] = field(default_factory=list)
    before: Callable[[], object] = lambda: None
    ends: datetime | None = None

    async def count(self, since: datetime, until: datetime) -> int:
        self.before()
        self.asked.append(until - since)
        found = [one async for one in self.verdict_records(since, until)]
        return len(found) + self.more // len(self.asked)

    async def verdict_records(self, since: datetime, until: datetime) -> AsyncIterator[bytes]:
        goes_on, self.ends = since == self.ends, until
        for line in [] if goes_on else self._of(since, until, "verdict"):
            yield line

    async def later_records(self, since: datetime, until: datetime) -> AsyncIterator[bytes]:
        for line in self._of(since, until, "withdrawal", "undelivered", "unconfirmed"):
            yield line

    def _of(self, since: datetime, until: datetime, *kinds: str) -> list[bytes]:
        return [line for line in self.lines if orjson.loads(line)["kind"] in kinds]

    async def change(self, change_id: str) -> bytes | None:
        records = {orjson.loads(line)["decision_id"]: line for line in self.lines}
        return records.get(change_id)

    async def verdicts_called(self, name: str) -> list[bytes]:
        return []

    async def later(self, decision_id: str) -> list[bytes]:
        return []


def document(**limits: object) -> PolicyDocument:
    """Return the policy of the house with some limits of the fund stated otherwise."""
    return PolicyDocument.model_validate({"policy": POLICY | {"fund": POLICY["fund"] | limits}})


@pytest.fixture
async def past() -> PastOf:
    """Four intents, of which two are too doubtful for the policy of the house."""
    house = await House().open()
    gate = house.gate()
    for number, confidence in enumerate((0.5, 0.55, 0.7, 0.9)):
        quantity = 0.01 + number / 10_000
        await gate.process([house.arrive(confidence=confidence, quantity=quantity)])
    governed = [charter_change(house.charter), policy_change(document(), 1)]
    return PastOf([*governed, *house.journal.records])


@pytest.fixture
async def fund(past: PastOf) -> Fund:
    fund = await Fund().begin(min_confidence="0.6", max_position_usd=9000)
    fund.lifecycle = fund.governed_by(fund.charter, WhatIfStage(past, fund.clock))
    return fund


LOOSER = document(min_confidence="0.5")


async def proposed(fund: Fund, what_if: timedelta | None = LAST_DAY) -> Proposal:
    wanted = fund_document(min_confidence="0.5", max_position_usd=9000)
    outcome = await fund.lifecycle.propose(
        ANN, wanted, parent=await fund.newest(), thought=THOUGHT, what_if=what_if
    )
    assert outcome.proposal is not None
    return outcome.proposal


async def test_it_says_what_would_flip_and_why(past: PastOf) -> None:
    fund = Fund()
    found = await WhatIfStage(past, fund.clock).summary(LOOSER, timedelta(hours=6))
    assert found.not_made == ""
    assert (found.intents, found.undecidable) == (4, 0)
    assert found.flips == {"approved": 2}
    assert found.by_code == {"CONFIDENCE_BELOW_MIN": {"approved": 2}}
    assert found.by_strategy == {"momentum": {"approved": 2}}
    assert found.by_symbol == {"BTCUSDT": {"approved": 2}}
    assert (found.until, found.since) == (fund.now, fund.now - timedelta(hours=6))
    assert (found.candidate_hash, found.code_version) == (document_hash(LOOSER), __version__)
    was, would = found.gross_peak_usd or (Decimal(0), Decimal(0))
    assert 0 < was < would


async def test_what_decides_as_it_was_decided_flips_nothing(past: PastOf) -> None:
    found = await WhatIfStage(past, Fund().clock).summary(document(), LAST_DAY)
    assert (found.intents, found.flips, found.by_code) == (4, {}, {})


async def test_it_reads_again_as_it_was_kept(past: PastOf) -> None:
    found = await WhatIfStage(past, Fund().clock).summary(LOOSER, LAST_DAY)
    assert read_summary(found.text) == found


@pytest.mark.parametrize("text", ["", "{}", "no JSON", '{"candidate_hash": 1}'])
def test_what_does_not_read_is_none(text: str) -> None:
    assert read_summary(text) is None


async def test_a_span_with_too_many_intents_is_halved(past: PastOf) -> None:
    past.more = 5 * stage.MOST_INTENTS  # half as many are there when it is asked again
    found = await WhatIfStage(past, Fund().clock).summary(LOOSER, timedelta(hours=8))
    assert found.until is not None
    assert found.since is not None
    assert found.until - found.since < timedelta(hours=4)
    hours = [one / timedelta(hours=1) for one in past.asked]
    assert hours[:3] == [8, 4, 2]


@pytest.mark.parametrize(
    ("error", "why"),
    [
        (Unavailable("mongo", "away"), "mongo: away"),
        (ValueError("x"), "it failed: ValueError"),
    ],
)
async def test_where_the_record_cannot_be_read_it_says_so(
    past: PastOf, error: Exception, why: str
) -> None:
    def fail() -> None:
        raise error

    past.before = fail
    with capture_logs():
        found = await WhatIfStage(past, Fund().clock).summary(LOOSER, LAST_DAY)
    assert found.not_made == why
    assert found.candidate_hash == document_hash(LOOSER)


async def test_what_takes_too_long_is_given_up(
    past: PastOf, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def count(since: datetime, until: datetime) -> int:
        await asyncio.Event().wait()
        return 0

    monkeypatch.setattr(stage, "LONGEST_S", 0.01)
    monkeypatch.setattr(past, "count", count)
    found = await WhatIfStage(past, Fund().clock).summary(LOOSER, LAST_DAY)
    assert found.not_made == "it took longer than 0.01 s"


# --- in a proposal --------------------------------------------------------------------------------


async def test_a_loosening_carries_its_summary_to_whoever_approves(fund: Fund) -> None:
    made = await proposed(fund)
    seen = (await fund.lifecycle.look_up(made.proposal_id)).proposal
    summary = read_summary(seen.what_if)
    assert summary is not None
    assert summary.flips == {"approved": 2}
    assert summary.candidate_hash == document_hash(
        fund_document(min_confidence="0.5", max_position_usd=9000)
    )


async def test_a_tightening_waits_for_no_what_if(fund: Fund, past: PastOf) -> None:
    wanted = fund_document(min_confidence="0.9", max_position_usd=9000)
    outcome = await fund.lifecycle.propose(ANN, wanted, parent=1, thought=THOUGHT)
    assert outcome.revision is not None
    assert past.asked == []


async def test_it_can_be_left_out(fund: Fund, past: PastOf) -> None:
    summary = read_summary((await proposed(fund, None)).what_if)
    assert summary is not None
    assert (summary.not_made, past.asked) == (NOT_ASKED, [])


async def test_a_record_that_is_away_holds_up_no_proposal(fund: Fund, past: PastOf) -> None:
    def away() -> None:
        raise Unavailable("mongo", "slow")

    past.before = away
    made = await proposed(fund)
    assert (await fund.lifecycle.approve(BOB, made.proposal_id, reason="x")).stage == "approved"
    assert (await fund.lifecycle.activate(OLE, made.proposal_id)).revision == 2
    summary = read_summary(made.what_if)
    assert summary is not None
    assert "slow" in summary.not_made


async def test_whoever_changes_the_summary_changes_the_proposal(fund: Fund) -> None:
    made = await proposed(fund)
    harmless = WhatIfSummary("0" * 64, __version__, intents=4).text
    forged = replace(made, what_if=harmless)
    fund.proposals._proposals[made.proposal_id] = forged
    with pytest.raises(NotAllowed, match="was changed after it was made"):
        await fund.lifecycle.approve(BOB, made.proposal_id, reason="nothing flips")


async def test_a_proposal_of_an_older_program_keeps_its_name(fund: Fund) -> None:
    made = await proposed(fund)
    older = replace(made, what_if="")
    assert proposal_id_of(older) == proposal_id_of(replace(older, proposal_id="x"))
    assert proposal_id_of(older) != made.proposal_id


async def test_a_change_that_came_meanwhile_is_a_conflict(fund: Fund, past: PastOf) -> None:
    """A what-if takes a while: what it was made from may be gone by then."""
    other = fund_document(min_confidence="0.7", max_position_usd=9000)
    waiting: list[asyncio.Task[None]] = []
    counted = past.count

    async def count(since: datetime, until: datetime) -> int:
        if not waiting:
            waiting.append(asyncio.ensure_future(fund.put_in_force(other)))
            await waiting[0]
        return await counted(since, until)

    past.count = count  # type: ignore[method-assign]
    with pytest.raises(RevisionConflict):
        await proposed(fund)
    assert await fund.lifecycle.listed() == []
