"""What every ledger promises of identities, doors and names: in memory and in Redis."""

import pytest

from petrosa_cio.ports import LeftOpen, Move
from petrosa_cio.risk.claims import DecisionState
from tests.ledgers import LedgerUnderTest, ask, ask_one, claim, deny, promote, request, withdraw

pytestmark = pytest.mark.integration


async def test_a_second_decision_with_the_same_identity_sees_the_first(
    subject: LedgerUnderTest,
) -> None:
    await ask(subject, request("a", claim(10), identity="i"))
    repeated = await ask_one(subject, request("b", claim(10), identity="i"))
    reused = await ask_one(subject, request("c", claim(10), identity="i", digest="sell"))
    assert (repeated.readings.first_decision, repeated.readings.same_content) == ("a", True)
    assert (reused.readings.first_decision, reused.readings.same_content) == ("a", False)
    assert not repeated.readings.held
    assert not reused.readings.held
    assert await subject.ledger.exposure() == {"gross": 10}


@pytest.mark.parametrize(
    ("move", "verdict"),
    [(None, ""), (promote("a"), "approve"), (deny("a"), "deny"), (withdraw("a"), "deny")],
)
async def test_the_second_sees_what_the_first_came_to(
    subject: LedgerUnderTest, move: Move | None, verdict: str
) -> None:
    await ask(subject, request("a", identity="i"))
    if move:
        await subject.ledger.begin([move], owner="me")
    answer = await ask_one(subject, request("b", identity="i"))
    assert answer.readings.first_verdict == verdict
    if move == promote("a"):
        await subject.ledger.finish([move], undelivered=frozenset())
        answer = await ask_one(subject, request("c", identity="i"))
        assert answer.readings.first_verdict == verdict


async def test_an_identity_is_registered_whatever_the_outcome(subject: LedgerUnderTest) -> None:
    await ask(subject, request("a", identity="i", hold=False))
    answer = await ask_one(subject, request("b", identity="i"))
    assert answer.readings.first_decision == "a"


async def test_an_identity_is_known_in_the_next_bucket_and_forgotten_after(
    subject: LedgerUnderTest,
) -> None:
    await ask(subject, request("a", identity="i"))
    subject.clock.advance(19 * 60_000)
    assert (await ask_one(subject, request("b", identity="i"))).readings.first_decision == "a"
    subject.clock.advance(60_000)
    assert (await ask_one(subject, request("c", identity="i"))).readings.first_decision is None


async def test_a_clock_set_back_forgets_no_identity(subject: LedgerUnderTest) -> None:
    await ask(subject, request("a", identity="i"))
    for back_ms in (1, 599_999):
        subject.clock.advance(-back_ms)
        again = await ask_one(subject, request(f"b{back_ms}", identity="i"))
        assert (again.readings.held, again.readings.first_decision) == (False, "a")


async def test_decisions_without_identity_do_not_repeat_each_other(
    subject: LedgerUnderTest,
) -> None:
    await ask(subject, request("a"))
    answer = await ask_one(subject, request("b"))
    assert answer.readings.held
    assert answer.readings.first_decision is None


async def test_a_forgotten_identity_may_be_sent_again(subject: LedgerUnderTest) -> None:
    await ask(subject, request("a", identity="i"), request("b", identity="j"))
    subject.clock.advance(599_999)
    moves = [withdraw("a", forget=True), withdraw("b")]
    await subject.ledger.begin(moves, owner="me")
    again, kept = await ask(subject, request("c", identity="i"), request("d", identity="j"))
    assert again.readings.first_decision is None
    assert kept.readings.first_decision == "b"


async def test_a_decision_without_identity_has_none_to_forget(subject: LedgerUnderTest) -> None:
    await ask(subject, request("a", claim(10)))
    (moved,) = await subject.ledger.begin([withdraw("a", forget=True)], owner="me")
    assert moved.won
    assert await subject.ledger.exposure() == {}


async def test_only_the_holder_of_an_identity_can_have_it_forgotten(
    subject: LedgerUnderTest,
) -> None:
    await ask(subject, request("a", identity="i"), request("b", identity="i"))
    await subject.ledger.begin([withdraw("b", forget=True)], owner="me")
    answer = await ask_one(subject, request("c", identity="i"))
    assert answer.readings.first_decision == "a"


@pytest.mark.parametrize(
    ("from_door", "age_ms", "swept"),
    [(True, 5_001, ["a"]), (True, 5_000, []), (False, 5_001, [])],
)
async def test_an_abandoned_door_is_swept(
    subject: LedgerUnderTest, from_door: bool, age_ms: int, swept: list[str]
) -> None:
    await ask(subject, request("a", claim(60, 100), identity="i", from_door=from_door))
    subject.clock.advance(age_ms)
    assert [one.decision_id for one in await subject.ledger.sweep()] == swept
    (moved,) = await subject.ledger.begin([promote("a")], owner="me")
    assert moved.won is not bool(swept)
    assert moved.detail == ("DEADLINE_EXCEEDED" if swept else "me")
    again = await ask_one(subject, request("b", claim(60, 100), identity="i"))
    assert again.readings.first_decision == (None if swept else "a")
    assert await subject.ledger.exposure() == {"gross": 60}
    assert await subject.ledger.sweep() == []


async def test_a_door_that_has_ended_is_not_swept(subject: LedgerUnderTest) -> None:
    await ask(subject, request("a", identity="i", from_door=True), request("b", from_door=True))
    await ask(subject, request("w", from_door=True))
    await subject.ledger.begin([promote("a"), deny("b"), withdraw("w")], owner="me")
    await subject.ledger.finish([promote("a"), withdraw("w")], undelivered=frozenset())
    subject.clock.advance(60_000)
    assert await subject.ledger.sweep() == []
    answer = await ask_one(subject, request("c", identity="i"))
    assert answer.readings.first_decision == "a"


@pytest.mark.parametrize(
    ("move", "age_ms", "state", "detail"),
    [
        (promote("a"), 10_001, DecisionState.BEGUN, "me"),
        (promote("a"), 10_000, None, ""),
        (withdraw("a"), 5_001, DecisionState.WITHDRAWN, "CHECK_FAILED"),
        (withdraw("a"), 5_000, None, ""),
    ],
)
async def test_what_nobody_recorded_is_told_until_it_is_finished(
    subject: LedgerUnderTest, move: Move, age_ms: int, state: DecisionState | None, detail: str
) -> None:
    asked = request("a", claim(60, 100), from_door=True)
    await ask(subject, asked)
    await subject.ledger.begin([move], owner="me")
    subject.clock.advance(age_ms)
    found = [] if state is None else [LeftOpen("a", asked.taken_at_ms, state, detail)]
    for _ in range(2):
        assert await subject.ledger.sweep() == found
    held = await subject.ledger.exposure()
    await subject.ledger.finish([move], undelivered=frozenset())
    subject.clock.advance(60_000)
    assert await subject.ledger.sweep() == []
    assert await subject.ledger.exposure() == held


async def test_a_swept_door_comes_again_until_it_is_finished(subject: LedgerUnderTest) -> None:
    await ask(subject, request("a", claim(60, 100), from_door=True))
    subject.clock.advance(5_001)
    (left,) = await subject.ledger.sweep()
    assert (left.state, left.detail) == (DecisionState.WITHDRAWN, "DEADLINE_EXCEEDED")
    assert await subject.ledger.sweep() == []
    subject.clock.advance(5_001)
    assert await subject.ledger.sweep() == [left]


async def test_a_begun_door_that_expired_still_holds_what_it_may_have_sent(
    subject: LedgerUnderTest,
) -> None:
    await ask(subject, request("a", claim(60, 100), from_door=True))
    await subject.ledger.begin([promote("a")], owner="me")
    await subject.forget_decisions()
    (left,) = await subject.ledger.sweep()
    assert left.state is DecisionState.BEGUN
    assert await subject.ledger.sweep() == [left]
    await subject.ledger.finish([promote("a")], undelivered=frozenset())
    assert await subject.ledger.sweep() == []
    assert await subject.ledger.exposure() == {"gross": 60}


async def test_what_an_expired_door_held_is_released(subject: LedgerUnderTest) -> None:
    await ask(subject, request("a", claim(60, 100), from_door=True))
    await subject.forget_decisions()
    (left,) = await subject.ledger.sweep()
    assert (left.state, left.detail) == (DecisionState.WITHDRAWN, "DEADLINE_EXCEEDED")
    assert await subject.ledger.sweep() == [left]
    await subject.ledger.finish([withdraw("a")], undelivered=frozenset())
    assert await subject.ledger.sweep() == []
    assert await subject.ledger.exposure() == {}


async def test_a_decision_that_expired_while_open_holds_once(subject: LedgerUnderTest) -> None:
    await ask(subject, request("a", claim(60, 100)))
    await subject.forget_decisions()
    answer = await ask_one(subject, request("a", claim(40, 100)))
    assert answer.readings.held
    assert await subject.ledger.exposure() == {"gross": 40}


async def test_two_names_may_not_share_a_token(subject: LedgerUnderTest) -> None:
    await ask(subject, request("a", strategy="A B", token="A_B"))
    other, same = await ask(
        subject,
        request("b", strategy="A.B", token="A_B"),
        request("c", strategy="A B", token="A_B"),
    )
    assert other.readings.name_holder == "A B"
    assert not other.readings.held
    assert same.readings.name_holder is None


async def test_a_refused_strategy_takes_no_token(subject: LedgerUnderTest) -> None:
    await ask(subject, request("a", strategy="A B", token="A_B", hold=False))
    answer = await ask_one(subject, request("b", strategy="A.B", token="A_B"))
    assert answer.readings.name_holder is None
