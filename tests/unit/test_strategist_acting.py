"""What the Strategist thinks goes the way of every agent's change, and is recorded."""

import json
from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest

from petrosa_cio.errors import NotAllowed, RevisionConflict
from petrosa_cio.governance.documents import read_policy_document
from petrosa_cio.risk.policy import ANY
from petrosa_cio.strategist.acting import SUBJECT, Acted, act
from petrosa_cio.strategist.playbook_rules import read_playbook
from petrosa_cio.strategist.situation import Situation
from petrosa_cio.strategist.thinking import Strategist, Thought
from tests.governing import ANN, BOT, EVE, THOUGHT, Fund
from tests.strategies import CHARTER, DOCUMENT, portfolio, regime, situation

WILD = {ANY: regime("turbulent_illiquidity")}
MIND = Strategist(read_playbook(None), None, most_tokens=6_000)


async def fund_with_policy() -> Fund:
    fund = Fund(charter=CHARTER)
    await fund.activation(CHARTER).activate(DOCUMENT, parent=0, author=ANN, thought=THOUGHT)
    return fund


async def seen(fund: Fund, **known: object) -> Situation:
    newest = await fund.revisions.newest()
    assert newest is not None
    document = read_policy_document(newest.document.encode())
    return situation(at=fund.now, revision=newest.revision, document=document, **known)


async def acted(fund: Fund, thought: Thought) -> Acted:
    return await act(fund.lifecycle, fund.tell, BOT, thought, what_if=None)


def thoughts(fund: Fund) -> list[dict[str, Any]]:
    return [json.loads(one.value) for one in fund.recorded if one.subject == SUBJECT]


async def test_what_tightens_is_in_force_and_the_thought_names_the_revision() -> None:
    fund = await fund_with_policy()
    thought = await MIND.think(await seen(fund, regimes=WILD))
    found = await acted(fund, thought)
    newest = await fund.revisions.newest()
    assert newest is not None
    assert (found.decision, newest.revision) == ("in force", 2)
    assert (newest.author, newest.role) == ("strategist", "agent")
    (told,) = thoughts(fund)
    assert (told["decision"], told["revision"], told["rule"]) == (
        "in force", 2, "regime-thin-and-wild",
    )  # fmt: skip
    assert told["briefing_sha256"] == thought.briefing.content_hash
    assert told["answer"]["expected"]["metric"] == "drawdown_pct"
    assert told["cost_usd"] == "0"


async def test_what_loosens_waits_for_people_and_is_not_proposed_twice() -> None:
    fund = await fund_with_policy()
    down = {"portfolio": portfolio("90000"), "equity_peak_usd": Decimal(100_000)}
    await acted(fund, await MIND.think(await seen(fund, **down)))
    fund.now += timedelta(hours=7)
    first = await acted(fund, await MIND.think(await seen(fund)))
    assert first.decision == "waits for people"
    assert first.outcome is not None
    assert first.outcome.proposal is not None
    again = await acted(fund, await MIND.think(await seen(fund)))
    assert again.decision == "waits already"
    assert again.waiting == first.outcome.proposal
    assert len(await fund.lifecycle.listed()) == 1
    told = [(one["decision"], one.get("proposal")) for one in thoughts(fund)[1:]]
    name = first.outcome.proposal.proposal_id
    assert told == [("waits for people", name), ("waits already", name)]


async def test_no_change_is_recorded_and_changes_nothing() -> None:
    fund = await fund_with_policy()
    found = await acted(fund, await MIND.think(await seen(fund)))
    assert found == Acted("no change")
    assert [one["decision"] for one in thoughts(fund)] == ["no change"]
    newest = await fund.revisions.newest()
    assert newest is not None
    assert newest.revision == 1


@pytest.mark.parametrize("person", [ANN, EVE])
async def test_no_person_stands_behind_what_a_program_thought(person: Any) -> None:
    fund = await fund_with_policy()
    thought = await MIND.think(await seen(fund, regimes=WILD))
    with pytest.raises(NotAllowed, match="acts as an agent alone"):
        await act(fund.lifecycle, fund.tell, person, thought)
    assert thoughts(fund) == []


async def test_a_policy_that_changed_meanwhile_is_a_conflict_and_the_thought_says_so() -> None:
    fund = await fund_with_policy()
    thought = await MIND.think(await seen(fund, regimes=WILD))
    await acted(fund, thought)
    with pytest.raises(RevisionConflict):
        await acted(fund, thought)
    assert [one["decision"] for one in thoughts(fund)] == ["in force", "refused: REVISION_CONFLICT"]
