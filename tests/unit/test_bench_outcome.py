"""What is made of what a load heard: percentiles, throughput, and above all what is missing."""

import pytest

from tests.bench.load import Heard
from tests.bench.outcome import Answers, Evidence, Journaled, percentiles, problems

IDS = ["a", "b", "c"]
DUE_AT = [10.0, 11.0, 12.0]
SOUND = [
    ("signals.trading.x", "a", 10.5),
    ("cio.verdict.approve.x", "a", 10.6),
    ("cio.verdict.deny.x", "b", 11.2),
    ("cio.verdict.reduce.x", "c", 13.9),
    ("signals.trading.x", "c", 14.0),
]


JOURNALED = {"a": ["approve"], "b": ["deny"], "c": ["reduce"]}


def _judged(
    *messages: tuple[str, str, float],
    has_verdicts: bool = True,
    journaled: Journaled | None = None,
) -> Answers:
    heard = Heard(began_at=10.0, sent_at=[10.0, 11.002, 12.0], messages=list(messages))
    evidence = Evidence(IDS, heard, journaled, has_verdicts=has_verdicts)
    return evidence.answers(DUE_AT)


def test_latency_counts_from_when_an_intent_was_due_to_its_signal_or_its_denial() -> None:
    found = _judged(*SOUND)
    assert found.verdicts == {"approve": 1, "deny": 1, "reduce": 1}
    assert found.latency_ms["p50"] == pytest.approx(500)
    assert found.latency_ms["max"] == pytest.approx(2000)
    assert (found.took_s, found.first_after_s, found.per_second) == (4.0, 0.5, 0.8)
    assert found.late_ms == pytest.approx(2)
    assert problems(found) == []


def test_percentiles_are_by_nearest_rank() -> None:
    found = percentiles([float(number) for number in range(1, 1001)])
    assert found == {"p50": 500.0, "p95": 950.0, "p99": 990.0, "p99.9": 999.0, "max": 1000.0}
    assert percentiles([]) == {}


@pytest.mark.parametrize(
    ("messages", "want"),
    [
        ([], "3 intents without their one answer"),
        (SOUND[1:], "1 intents without their one answer"),
        (SOUND[:3], "1 intents without their one answer"),
        ([*SOUND, SOUND[0]], "1 signals too many"),
        ([*SOUND, ("signals.trading.x", "b", 15.0)], "1 signals too many"),
        ([*SOUND, ("signals.trading.x", "?", 15.0)], "1 messages about intents that were never"),
    ],
    ids=[
        "silence",
        "no signal",
        "no verdict",
        "signal twice",
        "denied",
        "strange",
    ],
)
def test_what_may_not_be_is_said(messages: list[tuple[str, str, float]], want: str) -> None:
    (said,) = problems(_judged(*messages))
    assert said.startswith(want)


def test_a_relay_answers_with_the_signal_alone() -> None:
    signals = [("signals.trading.x", one, 14.0) for one in IDS]
    found = _judged(*signals, has_verdicts=False)
    assert (found.verdicts, found.lost) == ({"relayed": 3}, 0)


@pytest.mark.parametrize(
    ("change", "want"),
    [
        ({}, []),
        ({"b": ["deny", "deny"]}, []),
        ({"b": []}, ["1 intents without their one answer"]),
        ({"b": ["deny", "approve"]}, ["1 decisions whose verdicts in the journal differ"]),
    ],
    ids=["sound", "repeated", "missing", "contradicted"],
)
def test_the_journal_must_have_one_verdict_of_each(
    change: dict[str, list[str]], want: list[str]
) -> None:
    assert problems(_judged(*SOUND, journaled=Journaled(JOURNALED | change))) == want


def test_where_watchers_did_not_hear_of_a_verdict_the_journal_counts() -> None:
    found = _judged(*SOUND[:2], *SOUND[3:], journaled=Journaled(JOURNALED))
    assert (found.untold, found.lost, found.verdicts["deny"]) == (1, 0, 1)


def test_a_verdict_that_watchers_hear_again_is_counted_and_allowed() -> None:
    found = _judged(*SOUND, SOUND[2])
    assert (found.retold, problems(found)) == (1, [])


def test_an_approval_that_was_not_sent_is_told_apart_from_one_that_is_lost() -> None:
    journal = Journaled()
    for decision, (kind,) in JOURNALED.items():
        journal.add({"kind": "verdict", "decision_id": decision, "verdict": {"kind": kind}})
    journal.add({"kind": "unconfirmed", "decision_id": "c", "reason": "the connection broke"})
    found = _judged(*SOUND[:3], journaled=journal)
    assert (found.unsent, found.lost) == (1, 0)
    assert problems(found) == ["1 approvals that were not sent, with a record that says why"]
