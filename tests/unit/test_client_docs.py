"""What docs/CLIENT.md shows and names is there."""

import re

import pytest

from petrosa_cio import client
from petrosa_cio.client import Answer, OnSilence
from tests.loading import ROOT

TEXT = (ROOT / "docs" / "CLIENT.md").read_text("utf-8")
(PROGRAM,) = re.findall(r"^```python\n(.*?)^```", TEXT, re.MULTILINE | re.DOTALL)


def test_the_program_that_is_shown_is_one() -> None:
    found: dict[str, object] = {}
    exec(compile(PROGRAM, "docs/CLIENT.md", "exec"), found)  # noqa: S102 - it is our own
    assert callable(found["trade"])


def test_every_part_of_an_answer_that_is_named_is_there() -> None:
    (table,) = re.findall(r"\| of an `Answer` .*?\n\n", TEXT, re.DOTALL)
    named = re.findall(r"^\| `(\w+)` \|", table, re.MULTILINE)
    assert len(named) > 5
    assert [name for name in named if not hasattr(Answer, name)] == []


@pytest.mark.parametrize("choice", OnSilence)
def test_every_choice_for_silence_is_explained(choice: OnSilence) -> None:
    assert f"| `OnSilence.{choice.name}`" in TEXT


def test_every_name_that_the_client_gives_away_is_there() -> None:
    assert [name for name in client.__all__ if not hasattr(client, name)] == []
