"""What fails once signals are out: nobody is denied for it, and no neighbour suffers."""

import asyncio
from collections.abc import Iterator, Sequence

import pytest
from structlog.testing import capture_logs

from petrosa_cio.nurse.arrival import Answer
from petrosa_cio.nurse.decision import Decision
from petrosa_cio.nurse.door import Door
from petrosa_cio.ports import Published, SignalMessage
from petrosa_cio.telemetry.steps import StepTimes
from tests.gates import House, intent


@pytest.fixture(autouse=True)
def logged() -> Iterator[None]:
    """Keep the tracebacks of what is made to fail off the screen."""
    with capture_logs():
        yield


@pytest.fixture
async def house() -> House:
    return await House().open()


def said_of(house: House, decision_id: str) -> list[tuple[str, str | None]]:
    """Return what the journal says of a decision: kind of record, and verdict or reason."""
    found = [one for one in house.records if one["decision_id"] == decision_id]
    return [
        (one["kind"], one["verdict"]["kind"] if one["kind"] == "verdict" else one["reason"])
        for one in found
    ]


async def test_batches_that_are_there_together_end_together(house: House) -> None:
    asked: list[int] = []
    confirm = house.signals.confirm

    async def counting(decision_ids: Sequence[str]) -> Published:
        asked.append(len(decision_ids))
        return await confirm(decision_ids)

    house.signals.confirm = counting  # type: ignore[method-assign]
    gate, arrivals = house.gate(), [house.arrive() for _ in range(3)]
    await asyncio.gather(*(gate.process([one]) for one in arrivals))
    assert asked == [3]
    assert house.intake.acknowledged == [one.delivery for one in arrivals]


async def test_what_only_watches_fails_nothing(house: House) -> None:
    async def announce(messages: Sequence[tuple[str, bytes]]) -> None:
        raise KeyError(len(messages))

    def decided(decisions: Sequence[tuple[Decision, Answer]], times: StepTimes) -> None:
        raise OSError(28, "no space left")

    house.announcer.announce = announce  # type: ignore[method-assign]
    house.tally.decided = decided  # type: ignore[method-assign]
    arrival = house.arrive()
    await house.gate().process([arrival])
    assert house.kinds() == [("verdict", "approve")]
    assert house.intake.acknowledged == [arrival.delivery]


async def test_a_failure_behind_the_signal_never_becomes_a_denial(house: House) -> None:
    async def confirm(decision_ids: Sequence[str]) -> Published:
        raise RuntimeError(len(decision_ids))

    house.signals.confirm = confirm  # type: ignore[method-assign]
    arrival = house.arrive()
    await house.gate().process([arrival])
    assert house.kinds() == [("verdict", "approve")]
    assert len(house.signals.sent) == 1
    assert [one for one, _ in house.intake.given_back] == [arrival.delivery]


async def test_an_outcome_that_cannot_be_recorded_holds_up_its_own_batch_only(
    house: House,
) -> None:
    heard, unheard = house.arrive(), house.arrive(strategy_id="unheard")

    async def confirm(decision_ids: Sequence[str]) -> Published:
        house.journal.away = True
        return Published(frozenset({unheard.decision_id}) & frozenset(decision_ids))

    house.signals.confirm = confirm  # type: ignore[method-assign]
    gate = house.gate()
    await asyncio.gather(gate.process([heard]), gate.process([unheard]))
    assert said_of(house, heard.decision_id) == [("verdict", "approve")]
    assert house.intake.acknowledged == [heard.delivery]
    assert [one for one, _ in house.intake.given_back] == [unheard.delivery]


async def test_a_round_that_is_broken_off_keeps_nobody_waiting(house: House) -> None:
    async def confirm(decision_ids: Sequence[str]) -> Published:
        raise asyncio.CancelledError(len(decision_ids))

    house.signals.confirm = confirm  # type: ignore[method-assign]
    processing = asyncio.create_task(house.gate().process([house.arrive()]))
    await asyncio.wait({processing}, timeout=10)
    assert processing.cancelled()


async def test_a_caller_whose_signal_may_be_out_is_not_told_to_try_again(house: House) -> None:
    async def send(signals: Sequence[SignalMessage], *, until: float) -> None:
        raise RuntimeError(len(signals), until)

    house.signals.send = send  # type: ignore[method-assign]
    door = Door(house.gate(), timeout_s=10, batch_max=16, clock=house.now)
    stop = asyncio.Event()
    serving = asyncio.create_task(door.serve(stop))
    assert b'"approve"' in await door.ask("cio.nurse.audit", {}, intent())
    stop.set()
    await serving
