"""Who is let in over HTTP, how often, and for how long a token is believed."""

from dataclasses import dataclass, field
from datetime import datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from petrosa_cio.adapters.memory_proposals import MemoryTokens
from petrosa_cio.errors import NotAllowed, NotKnown, TooMany, Unavailable
from petrosa_cio.governance.actors import Role
from petrosa_cio.governance.authority import Act
from petrosa_cio.governance.refusals import Refusals
from petrosa_cio.governance.tokens import Tokens
from petrosa_cio.ports import TokenEntry
from petrosa_cio.surfaces.api.admission import (
    BELIEVED_S,
    FAILURES_PER_MINUTE,
    HALT_BELIEVED_S,
    Admission,
    Caller,
    Pace,
)
from petrosa_cio.surfaces.api.rates import Rates
from tests.governing import ADA, Fund


class AwayTokens(MemoryTokens):
    """Tokens in a store that goes away when it is told to."""

    is_away = False
    asked = 0

    async def token(self, token_id: str) -> TokenEntry | None:
        self.asked += 1
        if self.is_away:
            raise Unavailable("mongo", "away for a test")
        return await super().token(token_id)


@dataclass
class Gatehouse:
    """An admission, and what it recorded."""

    pace: Pace = field(default_factory=lambda: Pace(600, 60))

    def __post_init__(self) -> None:
        self.fund, self.store, self.seconds = Fund(), AwayTokens(), 0.0
        self.tokens = Tokens(self.store, self.fund.tell, self.fund.clock)
        self.admission = Admission(
            self.tokens,
            Refusals(self.fund.tell),
            self.pace,
            monotonic=lambda: self.seconds,
            clock=self.fund.clock,
        )

    def pass_time(self, seconds: float) -> None:
        self.seconds += seconds
        self.fund.pass_time(seconds=seconds)

    async def hire(self, name: str, role: Role, expires_at: datetime | None = None) -> str:
        by = None if name == "ada" else ADA
        made = await self.tokens.create(name, role, by=by, maker="t", expires_at=expires_at)
        return made.text

    async def admit(self, token: str | None, act: Act = Act.LOOK, address: str = "a") -> Caller:
        header = None if token is None else f"Bearer {token}"
        return await self.admission.admit(header, address, act, f"{act}")


@pytest.fixture
async def house() -> Gatehouse:
    house = Gatehouse()
    await house.hire("ada", Role.ADMIN)
    return house


async def test_who_shows_a_token_is_known_by_it(house: Gatehouse) -> None:
    token = await house.hire("ole", Role.OPERATOR)
    caller = await house.admission.admit(f"bearer  {token} ", "a", Act.RESUME, "resume")
    assert (caller.actor.name, caller.actor.role) == ("ole", Role.OPERATOR)


@pytest.mark.parametrize(
    "header", [None, "", "Bearer", "Bearer ", "Basic b2xlOnNlY3JldA==", "Bearer cio_é", "cio_x"]
)
async def test_what_is_no_token_lets_nobody_in(house: Gatehouse, header: str | None) -> None:
    with pytest.raises(NotKnown):
        await house.admission.admit(header, "a", Act.LOOK, "look")
    assert house.fund.recorded[-1].author == "unknown"


async def test_a_role_that_may_not_is_refused_and_recorded(house: Gatehouse) -> None:
    token = await house.hire("bot", Role.AGENT)
    with pytest.raises(NotAllowed) as refused:
        await house.admit(token, Act.RESUME)
    assert refused.value.roles == ("admin", "operator", "risk_officer")
    assert house.fund.recorded[-1].author == "bot"


async def test_a_token_is_asked_about_once_in_a_while(house: Gatehouse) -> None:
    token = await house.hire("eve", Role.VIEWER)
    for _ in range(5):
        await house.admit(token)
    assert house.store.asked == 1
    house.pass_time(BELIEVED_S)
    await house.admit(token)
    assert house.store.asked == 2


async def test_a_revocation_is_heeded_within_two_seconds(house: Gatehouse) -> None:
    token = await house.hire("eve", Role.VIEWER)
    caller = await house.admit(token)
    await house.tokens.revoke(ADA, caller.token_id, reason="left")
    house.pass_time(BELIEVED_S)
    with pytest.raises(NotKnown):
        await house.admit(token)


async def test_a_token_that_ended_is_not_believed_a_moment_longer(house: Gatehouse) -> None:
    ends = house.fund.now + timedelta(seconds=1)
    token = await house.hire("eve", Role.VIEWER, ends)
    await house.admit(token)
    house.pass_time(1)
    with pytest.raises(NotKnown):
        await house.admit(token)


async def test_while_mongodb_is_away_who_was_known_may_halt_and_nothing_else(
    house: Gatehouse,
) -> None:
    token, other = await house.hire("ole", Role.OPERATOR), await house.hire("bot", Role.AGENT)
    await house.admit(token)
    house.store.is_away = True
    house.pass_time(HALT_BELIEVED_S - 1)
    assert (await house.admit(token, Act.HALT)).actor.name == "ole"
    for act in (Act.LOOK, Act.RESUME, Act.PROPOSE):
        with pytest.raises(Unavailable):
            await house.admit(token, act)
    with pytest.raises(Unavailable):  # it was never seen here
        await house.admit(other, Act.HALT)
    house.pass_time(1)
    with pytest.raises(Unavailable):
        await house.admit(token, Act.HALT)


async def test_a_viewer_who_was_known_does_not_halt(house: Gatehouse) -> None:
    token = await house.hire("eve", Role.VIEWER)
    await house.admit(token)
    house.store.is_away = True
    house.pass_time(BELIEVED_S)
    with pytest.raises(NotAllowed):
        await house.admit(token, Act.HALT)


async def test_strangers_are_slowed_down_and_hinder_nobody(house: Gatehouse) -> None:
    token = await house.hire("eve", Role.VIEWER)
    recorded = len(house.fund.recorded)
    for _ in range(FAILURES_PER_MINUTE):
        with pytest.raises(NotKnown):
            await house.admit("cio_x")
    with pytest.raises(TooMany) as waits:
        await house.admit("cio_x")
    assert waits.value.retry_after_s == 6
    assert len(house.fund.recorded) - recorded == FAILURES_PER_MINUTE
    await house.admit(token)
    with pytest.raises(NotKnown):
        await house.admit("cio_x", address="b")


async def test_strangers_of_many_addresses_are_slowed_down_all_the_same(house: Gatehouse) -> None:
    recorded = len(house.fund.recorded)
    for number in range(200):
        with pytest.raises((NotKnown, TooMany)):
            await house.admit(None, address=str(number))
    assert len(house.fund.recorded) - recorded == 6 * FAILURES_PER_MINUTE


async def test_questions_changes_and_halts_are_counted_apart() -> None:
    house = Gatehouse(Pace(questions=3, changes=1))
    token = await house.hire("ada", Role.ADMIN)
    for act, most in ((Act.LOOK, 3), (Act.PROPOSE, 1), (Act.HALT, 1)):
        for _ in range(most):
            await house.admit(token, act)
        with pytest.raises(TooMany):
            await house.admit(token, act)
    house.pass_time(20)
    await house.admit(token)
    with pytest.raises(TooMany) as waits:
        await house.admit(token, Act.HALT)
    assert waits.value.retry_after_s == 40


@given(
    per_minute=st.integers(1, 600),
    pauses=st.lists(st.floats(0, 30, allow_nan=False), min_size=1, max_size=200),
)
def test_nobody_gets_more_turns_than_are_given(per_minute: int, pauses: list[float]) -> None:
    now, taken = 0.0, 0
    rates = Rates(lambda: now)
    for pause in pauses:
        now += pause
        wait_s = rates.wait_s("questions", "eve", per_minute)
        assert wait_s >= 0
        taken += wait_s == 0
    assert taken <= per_minute + now * per_minute / 60 + 1e-6


@given(per_minute=st.integers(1, 600), begins=st.floats(0, 1e6, allow_nan=False))
def test_who_waits_as_told_gets_a_turn(per_minute: int, begins: float) -> None:
    now = begins
    rates = Rates(lambda: now)
    for _ in range(per_minute):
        assert rates.wait_s("changes", "ole", per_minute) == 0
    wait_s = rates.wait_s("changes", "ole", per_minute)
    assert wait_s == max(1, -(-60 // per_minute))
    now += wait_s
    assert rates.wait_s("changes", "ole", per_minute) == 0


def test_of_many_those_longest_unseen_are_forgotten() -> None:
    rates = Rates(lambda: 0.0, most=2)
    for who in ("a", "b", "c"):
        assert rates.wait_s("x", who, 1) == 0
    assert rates.wait_s("x", "c", 1) > 0
    assert rates.wait_s("x", "a", 1) == 0


async def test_an_agent_that_was_known_passes_the_door_to_halt_while_nobody_can_look(
    house: Gatehouse,
) -> None:
    bot = await house.hire("bot", Role.AGENT)
    await house.admission.know(f"Bearer {bot}", "a")
    house.store.is_away = True
    house.pass_time(BELIEVED_S)
    await house.admission.know(f"Bearer {bot}", "a")
    assert (await house.admit(bot, Act.HALT)).actor.name == "bot"
    with pytest.raises(Unavailable):
        await house.admit(bot, Act.LOOK)
    with pytest.raises(NotKnown):
        await house.admission.know(None, "a")
