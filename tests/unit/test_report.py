"""``cio report`` on a file of recorded intents, and how it looks."""

import json
import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
import typer

from petrosa_cio.audit.statistics import Counting
from petrosa_cio.cli.durations import duration_of
from petrosa_cio.cli.report_tables import MOST_HOURS, MOST_ROWS, by_time, show_report
from petrosa_cio.cli.showing import out
from petrosa_cio.ports import PastVerdict
from tests.commands import cio
from tests.loading import ROOT

SAMPLE = ROOT / "tests/cases/recorded_intents.jsonl"
NOON = datetime(2026, 3, 2, 12, tzinfo=UTC)


def report(*arguments: str, columns: int = 80) -> tuple[int, str]:
    return cio("report", *arguments, environ={"COLUMNS": str(columns)})


def found_in(*arguments: str) -> dict[str, Any]:
    code, said = report(str(SAMPLE), *arguments, "--json")
    assert code == 0
    found: dict[str, Any] = json.loads(said)
    return found


def test_a_file_is_decided_under_the_starter_policy() -> None:
    found = found_in()
    assert found["about"] == {
        "source": "recorded_intents.jsonl, decided here", "policy": "starter",
        "charter": "starter", "prices": "none known", "regime": "none known",
        "positions close": "never",
    }  # fmt: skip
    statistics = found["statistics"]
    assert [statistics["total"][kind] for kind in ("approve", "reduce", "deny")] == [2, 0, 3]
    assert {code: count["alone"] for code, count in statistics["by_code"].items()} == {
        "NOT_AN_ORDER": 1, "STOP_LOSS_WRONG_SIDE": 0, "CONFIDENCE_BELOW_MIN": 0,
        "NOTIONAL_ABOVE_MAX": 0, "POSITION_ABOVE_MAX": 0,
    }  # fmt: skip


def test_another_policy_and_prices_count(tmp_path: Path) -> None:
    policy = tmp_path / "policy.yaml"
    policy.write_text("fund: {unsized_order_usd: 50, max_order_notional_usd: 51}\n")
    charter = tmp_path / "charter.yaml"
    charter.write_text("name: open\n")
    files = ("--policy", str(policy), "--charter", str(charter))
    assert "NOTIONAL_ABOVE_MAX" in found_in(*files)["statistics"]["by_code"]
    (tmp_path / "candles-BTCUSDT-5m.csv").write_text(
        "time,open,high,low,close,volume\n2026-03-02T12:00:00Z,1,1,1,52000,1\n"
    )
    (tmp_path / "README.md").write_text("no candles")
    dear = found_in(*files, "--prices", str(tmp_path))
    assert dear["about"]["prices"] == "candles of 1 symbols"
    before = found_in(*files)["statistics"]["by_code"]["NOTIONAL_ABOVE_MAX"]["denied"]
    assert dear["statistics"]["by_code"]["NOTIONAL_ABOVE_MAX"]["denied"] == before + 1


def test_the_tables_fit_80_columns() -> None:
    code, said = report(str(SAMPLE))
    assert code == 0
    assert max(map(len, said.splitlines())) <= 80
    for words in ("5 verdicts: recorded_intents.jsonl", "NOT_AN_ORDER", "squeeze_watch", "ETHUSDT",
                  "2026-03-02 12h"):  # fmt: skip
        assert words in said


def test_a_picture_is_drawn_and_is_the_same_each_time(tmp_path: Path) -> None:
    first, second, third = (tmp_path / name for name in ("a.svg", "b.SVG", "c.png"))
    for file in (first, second, third):
        assert report(str(SAMPLE), "--picture", str(file))[0] == 0
    drawn = first.read_text()
    for words in ("Denials by reason", "NOT_AN_ORDER", "squeeze_watch", "5 verdicts"):
        assert words in drawn
    assert second.read_bytes() == first.read_bytes()
    assert third.read_bytes().startswith(b"\x89PNG")


def test_without_matplotlib_it_says_what_to_install(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "matplotlib", None)
    code, said = report(str(SAMPLE), "--picture", str(tmp_path / "a.svg"))
    assert (code, "pip install 'petrosa-cio[pictures]'" in said) == (1, True)


def test_a_picture_that_cannot_be_written_is_told(tmp_path: Path) -> None:
    code, said = report(str(SAMPLE), "--picture", str(tmp_path / "missing" / "a.svg"))
    assert (code, "cannot be written" in said) == (1, True)


@pytest.mark.parametrize(
    ("arguments", "problem"),
    [
        ((), "name a FILE"),
        ((str(SAMPLE), "--last", "24h"), "name a FILE"),
        (("--last", "24h", "--regime", "calm"), "are for a FILE"),
        (("--last", "soon"), "such as 90m, 24h or 7d"),
        ((str(SAMPLE), "--closes-after", "0h"), "such as 90m, 24h or 7d"),
        ((str(SAMPLE), "--picture", "a.gif"), ".svg or .png"),
    ],
)
def test_what_is_not_understood_is_said(arguments: tuple[str, ...], problem: str) -> None:
    code, said = report(*arguments, columns=200)
    assert (code, problem in said) == (2, True)


@pytest.mark.parametrize(
    ("arguments", "problem"),
    [
        (("missing.jsonl",), "missing.jsonl cannot be read"),
        ((str(SAMPLE), "--prices", "missing"), "The prices in missing cannot be read"),
        ((str(SAMPLE), "--prices", str(ROOT / "tests/cases")), "holds no candles"),
        ((str(SAMPLE), "--equity", "none"), "--equity: expected a number above 0"),
    ],
)
def test_what_cannot_be_read_is_said(arguments: tuple[str, ...], problem: str) -> None:
    code, said = report(*arguments, columns=200)
    assert (code, problem in said) == (1, True)


@pytest.mark.parametrize(
    ("said", "minutes"), [("90m", 90), ("24h", 1_440), (" 7D ", 10_080), ("366d", 527_040)]
)
def test_a_span_of_time(said: str, minutes: int) -> None:
    assert duration_of(said) == timedelta(minutes=minutes)


@pytest.mark.parametrize("said", ["", "h", "24", "24s", "-1h", "1.5h", "367d", "9999999m"])
def test_what_is_no_span_of_time(said: str) -> None:
    with pytest.raises(typer.BadParameter, match="such as 90m"):
        duration_of(said)


# --- many -----------------------------------------------------------------------------------------


def many(number: int) -> Counting:
    """Count one denial an hour, each of another strategy and with another code."""
    counting = Counting()
    for one in range(number):
        at = NOON + timedelta(hours=one)
        counting.add(PastVerdict(at, f"strategy {one:03}", "BTCUSDT", "deny", (f"CODE_{one:03}",)))
    return counting


def test_of_many_hours_a_row_is_a_day() -> None:
    hours = by_time(many(MOST_HOURS).statistics().by_hour)
    assert (len(hours), hours[0][0]) == (MOST_HOURS, "2026-03-02 12h")
    days = by_time(many(MOST_HOURS + 1).statistics().by_hour)
    assert [(day, shares.deny) for day, shares in days] == [
        ("2026-03-02", 12), ("2026-03-03", 24), ("2026-03-04", 13),
    ]  # fmt: skip


def test_of_many_names_the_first_are_shown() -> None:
    found = many(MOST_ROWS + 5).statistics({"withdrawal": 2})
    with out.capture() as shown:
        show_report(found, {"source": "a test"})
    assert f"strategy {MOST_ROWS - 1:03}" in shown.get()
    assert f"strategy {MOST_ROWS:03}" not in shown.get()
    assert "and 5 more, with --json" in shown.get()
    assert "What befell approvals afterwards: 2 withdrawal." in shown.get()


def test_of_nothing_there_is_nothing_to_show() -> None:
    with out.capture() as shown:
        show_report(Counting().statistics(), {"source": "a test"})
    assert shown.get().split() == ["0", "verdicts:", "a", "test"]


def test_where_nothing_was_objected_there_is_no_table_of_reasons() -> None:
    counting = Counting()
    counting.add(PastVerdict(NOON, "grid", "BTCUSDT", "approve", ()))
    with out.capture() as shown:
        show_report(counting.statistics(), {"source": "a test"})
    assert "100.0 %" in shown.get()
    assert "alone" not in shown.get()
