"""What is shown of chaos runs."""

from io import StringIO
from pathlib import Path

import orjson
from rich.console import Console

from tests.chaos.ordeal import Plan
from tests.chaos.report import COLUMNS, markdown, row, show, write_json
from tests.chaos.result import Result

FOUND = Result(
    plan=Plan(7, 50_000, ()),
    took_s=99.6,
    captured=50_003,
    verdicts={"approve": 40_000, "deny": 10_003},
    done={"gate killed": 5, "NATS restarted": 2},
    received=39_500,
    unconfirmed=500,
    doubted=20,
    chain="proven",
    problems=[f"d{number}: more than one signal" for number in range(25)],
)


def test_a_row_has_a_number_for_each_column() -> None:
    cells = dict(zip(COLUMNS, row(FOUND), strict=True))
    assert (cells["seed"], cells["captured"], cells["s"]) == ("7", "50,003", "100")
    assert (cells["reduce"], cells["gate"], cells["drain"], cells["NATS"]) == ("0", "5", "0", "2")
    assert (cells["unconfirmed"], cells["but sent"], cells["chain"]) == ("500", "20", "proven")
    head, rule, line = markdown([FOUND]).splitlines()
    assert head.count("|") == rule.count("|") == line.count("|")


def test_what_is_wrong_is_shown_but_not_without_end() -> None:
    console = Console(file=StringIO(), width=200)
    show(console, [FOUND])
    said = console.file.getvalue()  # type: ignore[attr-defined]
    assert "seed 7: d19: more than one signal" in said
    assert "d20" not in said
    assert "and 5 more" in said


def test_everything_is_written_for_a_program(tmp_path: Path) -> None:
    write_json(tmp_path / "new" / "out.json", [FOUND])
    (written,) = orjson.loads((tmp_path / "new" / "out.json").read_bytes())["results"]
    assert (written["plan"]["seed"], len(written["problems"])) == (7, 25)
