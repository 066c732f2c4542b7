"""``cio venue show`` and ``--venue-rules``: what the venue asks, without any server."""

import json
from pathlib import Path

import pytest

from petrosa_cio.errors import Misconfigured
from tests.commands import cio
from tests.loading import ROOT
from tests.venues import exchange_info, symbol_entry

EXAMPLES = ROOT / "examples" / "venue"
FUTURES = ("--venue-rules", str(EXAMPLES / "futures.json"))
BRACKETS = ("--venue-rules", str(EXAMPLES / "brackets.json"))
WIDE = {"COLUMNS": "120"}


def lines(*arguments: str) -> list[str]:
    code, said = cio("venue", "show", *arguments, environ=WIDE)
    assert code == 0
    return [" ".join(line.replace("│", " ").split()) for line in said.splitlines()]


def test_futures_are_told_in_words() -> None:
    said = lines("btcusdt", *FUTURES, *BRACKETS)
    assert "orders taken" in said
    assert "price of a limit order in steps of 0.5, at least 500, at most 5000000 USD" in said
    assert "smallest value 90 USD" in said
    assert "largest value no rule" in said
    assert "price of a buy at least 0.94 times, at most 1.06 times the market price" in said
    assert "leverage 40 up to 700,000 USD" in said


def test_spot_is_told_in_words() -> None:
    said = lines("BTCUSDT", "--venue-rules", str(EXAMPLES / "spot.json"))
    assert "quantity at market at most 120.5 units" in said
    assert "largest value 8000000 USD, but not at market" in said
    assert "leverage not known" in said


def test_what_is_wound_up_takes_no_orders() -> None:
    assert "orders not taken now" in lines("OLDUSDT", *FUTURES)


def test_a_program_reads_json() -> None:
    code, said = cio("venue", "show", "BTCUSDT", "--json", *FUTURES)
    assert (code, json.loads(said)["price"]["step"]) == (0, "0.5")


def test_a_symbol_that_is_not_known_is_1() -> None:
    code, said = cio("venue", "show", "XYZUSDT", *FUTURES)
    assert (code, "3 symbols are known" in said) == (1, True)
    code, said = cio("venue", "show", "XYZUSDT")
    assert (code, "No rules are stated" in said) == (1, True)


def test_the_files_of_the_settings_count_where_none_is_named() -> None:
    environ = {"CIO_VENUE_RULES_FILES": FUTURES[1]}
    assert cio("venue", "show", "BTCUSDT", environ=environ)[0] == 0


def test_check_and_explain_read_the_files(tmp_path: Path) -> None:
    file = tmp_path / "venue.json"
    file.write_bytes(exchange_info(symbol_entry(filters={"LOT_SIZE": None})))
    for command in ("check", "explain"):
        example = str(ROOT / "examples" / "first-intent.json")
        with pytest.raises(Misconfigured, match="LOT_SIZE is missing"):
            cio(command, example, "--venue-rules", str(file))
        assert cio(command, example, *FUTURES)[0] == 0
