"""How the ledger in memory forgets: by whole buckets, as Redis does, by the clock it is given."""

from tests.ledgers import ask_one, memory_ledger, promote, request

MINUTE_MS = 60_000


async def test_a_decision_is_forgotten_with_its_bucket() -> None:
    subject = memory_ledger()
    await subject.open()
    await ask_one(subject, request("a"))
    subject.clock.advance(30 * MINUTE_MS - 1)
    assert (await subject.ledger.begin([promote("a")], owner="me"))[0].won
    subject.clock.advance(1)
    assert (await subject.ledger.begin([promote("a")], owner="me"))[0].state == "new"


async def test_an_identity_that_outlives_its_decision_still_refuses_another() -> None:
    subject = memory_ledger()
    await subject.open()
    await ask_one(subject, request("early"))
    subject.clock.advance(25 * MINUTE_MS)
    await ask_one(subject, request("a", identity="i"))
    subject.clock.advance(6 * MINUTE_MS)
    answer = await ask_one(subject, request("b", identity="i"))
    assert answer.readings.first_decision == "a"
    assert answer.readings.first_verdict == ""
    assert not answer.readings.held
