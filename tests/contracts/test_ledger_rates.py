"""What every ledger promises of rates: in memory and in Redis."""

import random

import pytest

from tests.ledgers import LedgerUnderTest, ask, ask_one, rate, request

pytestmark = pytest.mark.integration


async def test_the_window_slides_to_the_millisecond(subject: LedgerUnderTest) -> None:
    counts = []
    for number, wait_ms in enumerate([0, 400, 400, 199, 1, 0]):
        subject.clock.advance(wait_ms)
        answer = await ask_one(subject, request(str(number), rate(3, 1_000)))
        counts.append((answer.readings.rates[0], answer.readings.held))
    assert counts == [(0, True), (1, True), (2, True), (3, False), (2, True), (3, False)]


async def test_several_windows_share_a_counter_and_an_event_counts_once(
    subject: LedgerUnderTest,
) -> None:
    seen = []
    for number in range(4):
        answer = await ask_one(subject, request(str(number), rate(2, 1_000), rate(3, 60_000)))
        seen.append((answer.readings.rates, answer.readings.held))
        subject.clock.advance(600)
    assert seen == [((0, 0), True), ((1, 1), True), ((1, 2), True), ((1, 3), False)]


async def test_an_event_over_one_rate_counts_for_none(subject: LedgerUnderTest) -> None:
    await ask(subject, request("a", rate(0, counter="x"), rate(5, counter="y")))
    answer = await ask_one(subject, request("b", rate(5, counter="y")))
    assert answer.readings.rates == (0,)


async def test_a_denied_intent_counts_as_an_event(subject: LedgerUnderTest) -> None:
    await ask(subject, request("a", rate(5), hold=False))
    answer = await ask_one(subject, request("b", rate(5)))
    assert answer.readings.rates == (1,)


async def test_a_lower_ceiling_does_not_make_the_ledger_forget(subject: LedgerUnderTest) -> None:
    for number in range(4):
        await ask(subject, request(f"a{number}", rate(5, 60_000)))
        subject.clock.advance(1_000)
    answer = await ask_one(subject, request("b", rate(9, 1)))
    assert answer.readings.rates == (0,)
    lower, higher = await ask(
        subject, request("c", rate(2, 60_000)), request("d", rate(10, 60_000))
    )
    assert lower.readings.rates == (2,)
    assert higher.readings.rates == (5,)


async def test_a_clock_set_back_forgets_no_event(subject: LedgerUnderTest) -> None:
    await ask(subject, *(request(f"a{n}", rate(9)) for n in range(3)))
    subject.clock.advance(-500)
    await ask(subject, request("b", rate(9)))
    answer = await ask_one(subject, request("c", rate(9)))
    assert answer.readings.rates == (4,)


async def test_a_long_list_is_counted_exactly(subject: LedgerUnderTest) -> None:
    dice = random.Random(7)  # noqa: S311 (no secret)
    times: list[int] = []
    for step in range(12):
        size = dice.randint(1, 150)
        requests = [request(f"{step}-{n}", rate(10_000, 60_000)) for n in range(size)]
        await ask(subject, *requests)
        times += [subject.clock.now_ms] * size
        subject.clock.advance(dice.randint(1, 7_000))
        window = dice.randint(1, 60_000)
        answer = await ask_one(subject, request(f"ask-{step}", rate(10_000, window), rate(0)))
        start = subject.clock.now_ms - window
        assert answer.readings.rates == (sum(at > start for at in times), 0)
