"""A thought is text that somebody wrote, not padding."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from petrosa_cio.governance.thought import LONGEST, SHORTEST, thought_problem
from tests.deciding import load

CASES = load("thoughts.yaml")


@pytest.mark.parametrize("case", CASES, ids=lambda case: str(case["name"]))
def test_each_text_is_a_thought_or_is_told_why_not(case: dict[str, Any]) -> None:
    assert thought_problem(case["text"] * case.get("times", 1)) == case.get("why")


@given(st.text(max_size=LONGEST + 10))
def test_no_text_is_too_odd_to_be_judged(text: str) -> None:
    if thought_problem(text) is None:
        assert SHORTEST <= len(" ".join(text.split())) <= len(text) <= LONGEST


@given(st.text(alphabet=" \n\t", max_size=200), st.sampled_from(["buy", "x", "because"]))
def test_one_word_is_none_however_it_is_spread(blanks: str, word: str) -> None:
    assert thought_problem((word + blanks + " ") * 60) is not None
