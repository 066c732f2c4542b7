"""What the Strategist says is read and judged, and told back with every problem."""

from datetime import timedelta

import orjson
import pytest

from petrosa_cio.governance.thought import thought_problem
from petrosa_cio.risk.limit_kinds import Change
from petrosa_cio.strategist.briefing import briefing_of
from petrosa_cio.strategist.judgement import (
    LONGEST_ANSWER,
    MOST_PROBLEMS,
    judged,
    problems_of,
    read_answer,
)
from petrosa_cio.strategist.proposal import NoChange, PolicyProposal
from petrosa_cio.strategist.situation import Situation
from tests.deciding import Plain, load
from tests.policies import AT
from tests.strategies import document_with, situation

FILE = load("strategist_answers.yaml")
CASES = {case["note"]: case for case in FILE["cases"]}


def in_force() -> Situation:
    overlay = {
        "overlay_id": "20261123T080000Z-strategist-quiet",
        "reason": "thin books",
        "expires_at": (AT + timedelta(hours=4)).isoformat(),
        "fund": {"max_order_notional_usd": "700"},
    }
    return situation(document=document_with([overlay]))


@pytest.mark.parametrize("note", CASES)
def test_an_answer_is_judged(note: str) -> None:
    case: Plain = CASES[note]
    answer, wrong = read_answer(orjson.dumps(FILE["base"] | case.get("says", {})).decode())
    assert wrong == []
    assert isinstance(answer, PolicyProposal)
    now = in_force()
    found, problems = judged(answer, now, briefing_of(now).names)
    expected = case.get("problems", [])
    assert len(problems) == len(expected), problems
    for problem, part in zip(problems, expected, strict=True):
        assert part in problem
    moved = [one.path for one in found.comparison.changes] if found else []
    assert moved == case.get("moves", [])
    assert (found is None) == bool(expected)


def test_ending_an_overlay_loosens() -> None:
    says = {"changes": [{"path": "overlays.O1", "value": None}]}
    answer = PolicyProposal.model_validate(FILE["base"] | says)
    now = in_force()
    found, _ = judged(answer, now, briefing_of(now).names)
    assert found is not None
    assert found.comparison.change is Change.LOOSER


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("{", "Invalid JSON"),
        ("I cannot help with that.", "Invalid JSON"),
        ('{"kind": "halt"}', "does not match any of the expected tags"),
        ('{"kind": "no_change", "reason": ""}', "at least 1 character"),
        ('{"kind": "no_change", "reason": "x", "also": 1}', "Extra inputs"),
        ('{"kind": "proposal"}', "Field required"),
        ("x" * (LONGEST_ANSWER + 1), "more than 100000 characters"),
        ("[" * 5_000, "Invalid JSON"),
    ],
)
def test_what_is_no_answer_is_told_why(text: str, told: str) -> None:
    answer, problems = read_answer(text)
    assert answer is None
    assert 1 <= len(problems) <= MOST_PROBLEMS
    assert any(told in one for one in problems)


def test_an_answer_may_stand_in_a_fence() -> None:
    answer, problems = read_answer('```json\n{"kind": "no_change", "reason": "calm"}\n```\n')
    assert answer == NoChange(reason="calm")
    assert problems == []


def test_no_change_has_no_problems() -> None:
    now = in_force()
    assert problems_of(NoChange(reason="calm"), now, briefing_of(now).names) == []


def test_the_thought_of_the_cases_is_one() -> None:
    assert thought_problem(FILE["base"]["thought_trace"]) is None
