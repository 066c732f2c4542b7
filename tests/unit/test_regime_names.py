"""One table of names: what leads where, and what nobody guesses."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from petrosa_cio.fleet.regime_names import NAMES, OLDER, known_name
from petrosa_cio.governance.files import load_governing


def test_the_data_managers_names_are_ours() -> None:
    assert len(NAMES) == 8
    assert {known_name(name) for name in NAMES} == NAMES
    assert load_governing(None, None).first_policy.regimes.keys() <= NAMES


@pytest.mark.parametrize(
    ("text", "name"),
    [
        ("BREAKOUT_PHASE", "breakout_phase"),
        (" Breakout-Phase ", "breakout_phase"),
        ("breakout phase", "breakout_phase"),
        ("breakout.phase", "breakout_phase"),
        ("Bullish - Acceleration", "bullish_acceleration"),
        ("trending_up", "bullish_acceleration"),
        ("BEAR", "bearish_acceleration"),
        ("Sideways", "consolidation"),
        ("High Volatility", "turbulent_illiquidity"),
        ("crash", "turbulent_illiquidity"),
        ("choppy", "transitional"),
        ("calm", "consolidation"),
    ],
)
def test_older_spellings_lead_to_them(text: str, name: str) -> None:
    assert known_name(text) == name


@pytest.mark.parametrize(
    "text",
    [
        "",
        " ",
        "_",
        "unknown",
        "Unknown",
        "neutral",
        "trending",
        "none",
        "breakout_phases",
        "bullish?",
    ],
)
def test_what_is_not_in_the_table_is_not_guessed(text: str) -> None:
    assert known_name(text) is None


def test_every_spelling_leads_to_one_name_and_says_why() -> None:
    spellings = [spelling for older in OLDER for spelling in older.spellings]
    assert len(set(spellings)) == len(spellings)
    assert NAMES.isdisjoint(spellings)
    assert all(known_name(spelling) for spelling in spellings), (
        "a spelling is not in its plain form"
    )
    assert all(older.name in NAMES and older.why for older in OLDER)


@given(st.text())
def test_any_text_is_a_known_name_or_none(text: str) -> None:
    assert known_name(text) in {None, *NAMES}
