"""No sequence of what one alone does, or agents and viewers together, loosens any limit."""

import asyncio
from contextlib import suppress
from dataclasses import dataclass
from decimal import Decimal
from typing import cast

from hypothesis import given, settings
from hypothesis import strategies as st

from petrosa_cio.errors import CioError
from petrosa_cio.governance.actors import Actor, Role
from petrosa_cio.risk.policy import Charter
from tests.governing import THOUGHT, Fund, document

START = {"max_order_notional_usd": 1000, "min_confidence": "0.6"}
AGENTS = (Actor("a1", Role.AGENT), Actor("a2", Role.AGENT), Actor("eve", Role.VIEWER))
ANN = (Actor("ann", Role.RISK_OFFICER), Actor("ANN", Role.ADMIN), Actor("ann", Role.OPERATOR))
ONE_PERSON = (*ANN, *ANN, *AGENTS)
OFTEN = ("propose",) * 3 + ("approve",) * 4 + ("activate",) * 4 + ("wait", "reject", "rollback")
WAIT_H = 12


@dataclass(frozen=True)
class Deed:
    """One thing that somebody tries."""

    who: Actor
    what: str
    notional: int
    confidence: str
    which: int
    hours: int


def deeds(actors: tuple[Actor, ...], *, longest_h: int) -> st.SearchStrategy[list[Deed]]:
    return st.lists(
        st.builds(
            Deed,
            st.sampled_from(actors),
            st.sampled_from(OFTEN),
            st.sampled_from((900, 1000, 1100, 3000)),
            st.sampled_from(("0.5", "0.6", "0.6", "0.7")),
            st.sampled_from((0, 0, 0, 1, 2)),
            st.sampled_from((0, longest_h // 9, longest_h)),
        ),
        min_size=8,
        max_size=30,
    )


async def tried(fund: Fund, deed: Deed) -> None:
    """Do one deed, as far as it is allowed."""
    lifecycle, newest = fund.lifecycle, await fund.newest()
    proposals = [one.proposal.proposal_id for one in await lifecycle.listed()]
    called = proposals[deed.which % len(proposals)] if proposals else "none"
    if deed.what == "wait":
        fund.pass_time(hours=deed.hours)
    elif deed.what == "propose":
        wanted = document(max_order_notional_usd=deed.notional, min_confidence=deed.confidence)
        await lifecycle.propose(deed.who, wanted, parent=newest, thought=THOUGHT)
    elif deed.what == "rollback":
        await lifecycle.rollback(deed.who, deed.which or None, thought=THOUGHT)
    elif deed.what == "activate":
        await lifecycle.activate(deed.who, called)
    else:
        take = lifecycle.approve if deed.what == "approve" else lifecycle.reject
        await take(deed.who, called, reason="why not")


async def never_looser(charter: Charter, doings: list[Deed]) -> None:
    fund = await Fund(charter).begin(**START)
    notional, confidence = Decimal(1000), Decimal("0.6")
    for deed in doings:
        with suppress(CioError):
            await tried(fund, deed)
        limits = (await fund.in_force()).policy.fund
        now_notional = cast(Decimal, limits.max_order_notional_usd)
        now_confidence = cast(Decimal, limits.min_confidence)
        assert now_notional <= notional
        assert now_confidence >= confidence
        notional, confidence = now_notional, now_confidence


@given(deeds(AGENTS, longest_h=100))
@settings(max_examples=100)
def test_agents_and_viewers_loosen_nothing(doings: list[Deed]) -> None:
    asyncio.run(never_looser(Charter(), doings))


@given(deeds(ONE_PERSON, longest_h=100))
@settings(max_examples=100)
def test_one_person_with_agents_loosens_nothing(doings: list[Deed]) -> None:
    asyncio.run(never_looser(Charter(), doings))


@given(deeds(AGENTS, longest_h=100))
@settings(max_examples=100)
def test_agents_loosen_nothing_where_one_person_decides(doings: list[Deed]) -> None:
    asyncio.run(never_looser(Charter(people=1, cooling_off_hours=WAIT_H), doings))


@given(deeds(ONE_PERSON, longest_h=0))
@settings(max_examples=100)
def test_where_one_person_decides_nothing_is_loosened_before_the_wait(doings: list[Deed]) -> None:
    asyncio.run(never_looser(Charter(people=1, cooling_off_hours=WAIT_H), doings))
