"""Which cases a benchmark runs, what it sends, and where it puts its tables."""

from datetime import UTC, datetime
from pathlib import Path

import orjson
import pytest
from typer.testing import CliRunner

from tests.bench.__main__ import app
from tests.bench.cases import Choice, cases
from tests.bench.house import Rung
from tests.bench.intents import FLEET, STEADY, maker, stated_id
from tests.bench.load import Heard
from tests.bench.machine import Machine
from tests.bench.measuring import Case, Kind, Measured
from tests.bench.outcome import Evidence
from tests.bench.policies import FULL, Limits
from tests.bench.report import BEGIN, END, write_json, write_markdown
from tests.bench.usage import Usage

BOTH = [Limits.EVERY, Limits.FIRST]
MACHINE = Machine("a processor", 2, 4.0, "Linux 1", "3.11", "2", "6", "ext4", 0.2, 0.1)


def _measured() -> Measured:
    heard = Heard(began_at=10.0, sent_at=[10.0], messages=[("cio.verdict.deny.x", "a", 10.5)])
    found = Evidence(["a"], heard, None, has_verdicts=True).answers([10.0])
    used = Usage({"gate-1": 1.0, "gate-2": 2.0, "load": 0.5}, 0.25, {"gate-1": [70.0, 90.0, 80.0]})
    case = Case(Rung.SHIPPED, Kind.PACED, 1, rate=500, replicas=2, mix=FLEET, limits=Limits.FIRST)
    return Measured(case, found, used, ["1 thing went wrong"], captured_s=0.75)


def test_a_document_gets_the_tables_between_its_marks_and_keeps_the_rest(tmp_path: Path) -> None:
    document = tmp_path / "benchmarks.md"
    document.write_text(f"before\n{BEGIN}\nold\n{END}\nafter\n")
    write_markdown(document, MACHINE, [_measured()])
    once = document.read_text()
    write_markdown(document, MACHINE, [_measured()])
    assert document.read_text() == once
    assert once.startswith(f"before\n{BEGIN}\n")
    assert once.endswith(f"{END}\nafter\n")
    assert "old" not in once
    assert (
        "| 4 | first | 1 fleet, 500/s | 2 | 2 | 500.0 | 500.0 | 500.0 | 500.0 | 500.0 | 1 | 0 |"
        in once
    )
    assert "| 4 | first | 1 fleet, 500/s | 2 | 3.0 |  |  | 0.5 | 0.2 | 70 90 80 |" in once
    assert "1 thing went wrong" in once
    assert "a processor, 2 cores" in once


def test_a_document_without_marks_is_refused_before_anything_is_measured(tmp_path: Path) -> None:
    document = tmp_path / "benchmarks.md"
    document.write_text("nothing here\n")
    result = CliRunner().invoke(app, ["--write", str(document)])
    assert result.exit_code == 2
    assert BEGIN in " ".join(result.output.split())
    assert document.read_text() == "nothing here\n"


def test_the_file_has_every_sample(tmp_path: Path) -> None:
    write_json(tmp_path / "new" / "out.json", MACHINE, [_measured()])
    (one,) = orjson.loads((tmp_path / "new" / "out.json").read_bytes())["measured"]
    assert one["case"]["rung"] == Rung.SHIPPED
    assert one["usage"]["rss_mib"]["gate-1"] == [70.0, 90.0, 80.0]


def test_replicas_mixes_backlogs_and_the_long_watch_are_for_what_is_shipped() -> None:
    choice = Choice(
        [Rung.RELAY, Rung.SHIPPED], [500, 5_000], 20, 50_000, [1, 2], [STEADY, FLEET], BOTH, 10
    )
    found = list(cases(choice))
    assert [(one.kind, one.intents) for one in found if one.rung is Rung.RELAY] == [
        (Kind.PACED, 10_000),
        (Kind.PACED, 50_000),
        (Kind.BURST, 50_000),
    ]
    assert [one.kind for one in found if one.replicas == 2] == [
        Kind.PACED, Kind.PACED, Kind.BURST, Kind.BACKLOG,
    ]  # fmt: skip
    assert [one.replicas for one in found if one.mix == FLEET] == [1] * 4
    assert [(one.rung, one.replicas, one.mix) for one in found if one.limits is Limits.FIRST] == [
        (Rung.SHIPPED, 1, STEADY)
    ] * 4
    assert found[-1] == Case(Rung.SHIPPED, Kind.PACED, 120_000, rate=200)


def test_what_a_policy_states_is_named() -> None:
    every, first = Limits.EVERY.policy, Limits.FIRST.policy
    assert first["regimes"] == every["regimes"] == FULL["regimes"]
    assert first["fund"].items() < every["fund"].items() < FULL["fund"].items()
    assert len(first["fund"]) == 21
    assert not Limits.NONE.policy


@pytest.mark.parametrize("mix", [STEADY, FLEET])
def test_intents_are_of_the_fleets_size_with_ids_and_a_time_of_their_own(mix: str) -> None:
    make, at = maker(mix), datetime.now(UTC)
    made = [make(number, at.timestamp()) for number in range(80)]
    bodies = [orjson.loads(body) for _, body in made]
    assert all(subject.startswith(("intent.", "cio.intent.")) for subject, _ in made)
    assert 500 < sum(len(body) for _, body in made) / len(made) < 1_000
    stated = [one.get("intent_id") or one.get("signal_id") for one in bodies]
    assert all(one in {None, stated_id(number)} for number, one in enumerate(stated))
    times = {one["timestamp"] for one in bodies if "timestamp" in one}
    assert times == {at.isoformat()}


def test_a_file_of_recorded_intents_can_be_sent(tmp_path: Path) -> None:
    recording = tmp_path / "recorded.jsonl"
    recording.write_bytes(b'{"subject": "intent.x", "payload": {"intent_id": "1", "symbol": "S"}}')
    subject, body = maker(str(recording))(7, 0.0)
    assert (subject, orjson.loads(body)) == ("intent.x", {"intent_id": stated_id(7), "symbol": "S"})


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (["--rungs", "0,7"], "7: write whole numbers of 0 to 4"),
        (["--rates", "fast"], "fast: write whole numbers"),
        (["--replicas", "0"], "0: write whole numbers of 1 to 8"),
        (["--rungs", ""], "name at least one"),
        (["--mixes", "no-such-file"], "no-such-file"),
        (["--limits", "all"], "all: write none, first, every"),
    ],
)
def test_a_wrong_option_is_named(options: list[str], said: str) -> None:
    result = CliRunner().invoke(app, options)
    assert result.exit_code == 2
    assert said in " ".join(result.output.split())
