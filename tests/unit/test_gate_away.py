"""The gate when something it needs is away, or when it fails itself."""

from collections.abc import Iterator, Sequence

import pytest
from msgspec.structs import replace
from structlog.testing import capture_logs

from petrosa_cio.nurse.arrival import Arrival, from_delivery
from petrosa_cio.ports import Moved
from petrosa_cio.risk.claims import DecisionState, Reserved, ReserveRequest
from tests.gates import House


@pytest.fixture(autouse=True)
def logged() -> Iterator[None]:
    """Keep the tracebacks of what is made to fail off the screen."""
    with capture_logs():
        yield


@pytest.fixture
async def house() -> House:
    return await House().open()


async def test_without_a_ledger_nothing_is_decided_and_everything_comes_again(
    house: House,
) -> None:
    house.ledger.away = frozenset({"reserve"})
    arrival = house.arrive()
    await house.gate().process([arrival])
    assert house.journal.records == []
    assert [one for one, _ in house.intake.given_back] == [arrival.delivery]
    assert not house.signals.sent
    assert not house.intake.acknowledged
    assert house.tally.counts["redis away"] == 1
    assert house.tally.counts["given_back"] == 1


async def test_without_a_ledger_what_is_no_intent_is_denied_all_the_same(house: House) -> None:
    house.ledger.away = frozenset({"reserve"})
    good, bad = house.arrive(), house.arrive_bytes(b"{")
    await house.gate().process([good, bad])
    assert [one for one, _ in house.intake.given_back] == [good.delivery]
    assert house.intake.acknowledged == [bad.delivery]


async def test_a_ledger_that_lost_its_data_counts_as_away(house: House) -> None:
    house.ledger.generation = None
    await house.gate().process([house.arrive()])
    assert house.journal.records == []
    assert len(house.intake.given_back) == 1


@pytest.mark.parametrize("age_s", [60, 69])
async def test_without_a_ledger_a_stale_one_still_waits(house: House, age_s: int) -> None:
    house.ledger.away = frozenset({"reserve"})
    arrival = house.arrive()
    await house.pass_time(age_s)
    await house.gate().process([arrival])
    assert house.journal.records == []
    assert len(house.intake.given_back) == 1


async def test_without_a_ledger_one_that_is_much_too_old_is_denied_for_good(house: House) -> None:
    house.ledger.away = frozenset({"reserve"})
    old = house.arrive()
    await house.pass_time(70.001)
    young = house.arrive()
    await house.gate().process([old, young])
    assert house.kinds() == [("verdict", "deny"), ("unconfirmed", "LEDGER_UNAVAILABLE")]
    assert house.codes() == ["INTENT_STALE", "LEDGER_UNAVAILABLE"]
    assert house.intake.acknowledged == [old.delivery]
    assert [one for one, _ in house.intake.given_back] == [young.delivery]


async def test_without_ledger_and_journal_even_old_ones_wait(house: House) -> None:
    house.ledger.away, house.journal.away = frozenset({"reserve"}), True
    arrival = house.arrive()
    await house.pass_time(100)
    await house.gate().process([arrival])
    assert len(house.intake.given_back) == 1
    assert not house.intake.acknowledged


async def test_without_a_journal_there_is_no_signal(house: House) -> None:
    house.journal.away = True
    arrival, gate = house.arrive(), house.gate()
    await gate.process([arrival])
    assert not house.signals.sent
    assert "begin" not in dict(house.effects)
    assert [one for one, _ in house.intake.given_back] == [arrival.delivery]
    house.journal.away = False
    await gate.process([arrival])
    assert house.kinds() == [("verdict", "approve")]
    assert len(house.signals.sent) == 1


async def test_a_full_journal_is_no_journal(house: House) -> None:
    house.journal.room = 10
    await house.gate().process([house.arrive()])
    assert not house.signals.sent
    assert len(house.intake.given_back) == 1


async def test_a_fence_that_does_not_answer_lets_nothing_pass(house: House) -> None:
    house.ledger.away = frozenset({"begin"})
    await house.gate().process([house.arrive()])
    assert not house.signals.sent
    assert len(house.intake.given_back) == 1


async def test_an_approval_the_ledger_forgot_is_unconfirmed_and_never_sent(house: House) -> None:
    forgetful = Moved(won=False, state=DecisionState.NEW, detail="")

    async def begin(moves: Sequence[object], *, owner: str) -> list[Moved]:
        return [forgetful for _ in moves]

    arrival = house.arrive()
    house.ledger.begin = begin  # type: ignore[method-assign]
    await house.gate().process([arrival])
    assert not house.signals.sent
    assert house.intake.acknowledged == [arrival.delivery]
    assert b'"kind":"unconfirmed"' in house.journal.records[-1]


async def test_a_stream_that_cannot_be_told_is_no_reason_to_stop(house: House) -> None:
    house.intake.away, house.ledger.away = True, frozenset({"reserve"})
    await house.gate().process([house.arrive()])
    house.ledger.away = frozenset()
    await house.gate().process([house.arrive()])
    assert len(house.signals.sent) == 1


# --- its own failures -----------------------------------------------------------------------------


class Poison(dict[str, str]):
    """Headers that cannot be looked at."""

    def items(self) -> Iterator[object]:  # type: ignore[override]
        raise RuntimeError("poisoned")

    def get(self, *_: object) -> str:
        raise RuntimeError("poisoned")


def poisoned(house: House) -> Arrival:
    good = house.arrive()
    assert good.delivery
    return from_delivery(replace(good.delivery, headers=Poison()), fund="main")


async def test_a_message_on_which_the_gate_fails_does_not_take_its_batch_along(
    house: House,
) -> None:
    before, bad, after = house.arrive(), poisoned(house), house.arrive()
    await house.gate().process([before, bad, after])
    assert [one.decision_id for one in house.signals.sent] == [
        before.decision_id,
        after.decision_id,
    ]
    assert house.intake.acknowledged == [before.delivery, after.delivery]
    assert [one.sequence for one, _ in house.intake.given_back] == [2]


class Choosy:
    """Has the ledger fail on one decision, as a fault of our own would."""

    def __init__(self, house: House, decision_id: str) -> None:
        self.reserve, self.decision_id = house.ledger.reserve, decision_id
        house.ledger.reserve = self.choosy  # type: ignore[method-assign]

    async def choosy(self, requests: Sequence[ReserveRequest]) -> list[Reserved]:
        if any(one.decision_id == self.decision_id for one in requests):
            raise ZeroDivisionError
        return await self.reserve(requests)


async def test_a_message_on_which_the_gate_fails_alone_is_denied_for_it(house: House) -> None:
    good, bad, malformed = house.arrive(), house.arrive(), house.arrive_bytes(b"{")
    Choosy(house, bad.decision_id)
    await house.gate().process([good, bad, malformed])
    verdicts = {one["decision_id"]: one["verdict"] for one in house.records}
    assert verdicts[good.decision_id]["kind"] == "approve"
    assert verdicts[bad.decision_id]["kind"] == "deny"
    assert [one[:4] for one in verdicts[bad.decision_id]["reasons"]] == [
        ["CHECK_FAILED", "deny", None, "ZeroDivisionError"]
    ]
    assert len(house.intake.acknowledged) == 3


async def test_what_was_reserved_before_the_gate_failed_is_given_back(house: House) -> None:
    bad = house.arrive()

    async def fail() -> None:
        house.journal.before = house.feeds.refresh
        raise ZeroDivisionError

    house.journal.before = fail
    await house.gate().process([bad])
    assert house.codes() == ["CHECK_FAILED"]
    assert await house.ledger.exposure() == {}
    assert not house.signals.sent
    assert len(house.intake.acknowledged) == 1


async def test_a_failure_after_the_signal_never_sends_it_again(house: House) -> None:
    class Broken:
        async def announce(self, _messages: object) -> None:
            raise ZeroDivisionError

    house.announcer = Broken()  # type: ignore[assignment]
    await house.gate().process([house.arrive(), house.arrive()])
    assert len(house.signals.sent) == 2
    assert [kind for _, kind in house.kinds()] == ["approve", "approve"]
