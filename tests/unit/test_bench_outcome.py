"""What is made of what a load heard: percentiles, throughput, and above all what is missing."""

import pytest

from tests.bench.load import Heard
from tests.bench.outcome import Answers, answers, percentiles, problems

NUMBERS = {"a": 0, "b": 1, "c": 2}
DUE_AT = [10.0, 11.0, 12.0]
SOUND = [
    ("signals.trading.x", "a", 10.5),
    ("cio.verdict.approve.x", "a", 10.6),
    ("cio.verdict.deny.x", "b", 11.2),
    ("cio.verdict.reduce.x", "c", 13.9),
    ("signals.trading.x", "c", 14.0),
]


def _judged(*messages: tuple[str, str, float], has_verdicts: bool = True) -> Answers:
    heard = Heard(began_at=10.0, sent_at=[10.0, 11.002, 12.0], messages=list(messages))
    return answers(heard, NUMBERS, due_at=DUE_AT, has_verdicts=has_verdicts)


def test_latency_counts_from_when_an_intent_was_due_to_its_signal_or_its_denial() -> None:
    found = _judged(*SOUND)
    assert found.verdicts == {"approve": 1, "deny": 1, "reduce": 1}
    assert found.latency_ms["p50"] == pytest.approx(500)
    assert found.latency_ms["max"] == pytest.approx(2000)
    assert (found.took_s, found.first_after_s, found.per_second) == (4.0, 0.5, 0.8)
    assert found.late_ms == pytest.approx(2)
    assert problems(found, None, []) == []


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
        ([*SOUND, SOUND[0]], "1 answers too many"),
        ([*SOUND, SOUND[2]], "1 answers too many"),
        ([*SOUND, ("signals.trading.x", "b", 15.0)], "1 answers too many"),
        ([*SOUND, ("signals.trading.x", "?", 15.0)], "1 messages about intents that were never"),
    ],
    ids=[
        "silence",
        "no signal",
        "no verdict",
        "signal twice",
        "verdict twice",
        "denied",
        "strange",
    ],
)
def test_what_may_not_be_is_said(messages: list[tuple[str, str, float]], want: str) -> None:
    (said,) = problems(_judged(*messages), None, [])
    assert said.startswith(want)


def test_a_relay_answers_with_the_signal_alone() -> None:
    signals = [("signals.trading.x", one, 14.0) for one in NUMBERS]
    found = _judged(*signals, has_verdicts=False)
    assert (found.verdicts, found.lost) == ({"relayed": 3}, 0)


@pytest.mark.parametrize(
    ("journaled", "wrong"),
    [
        ({"a": ["approve"], "b": ["deny", "deny"]}, 0),
        ({"a": ["approve"]}, 1),
        ({"a": ["approve"], "b": ["deny", "approve"]}, 1),
    ],
    ids=["repeated", "missing", "contradicted"],
)
def test_the_journal_must_have_one_verdict_of_each(
    journaled: dict[str, list[str]], wrong: int
) -> None:
    said = problems(_judged(*SOUND), journaled, ["a", "b"])
    expected = ["1 decisions without their one verdict in the journal"]
    assert said == expected[:wrong]
