"""What the demo shows: the screen at its smallest, plain lines, words for reasons, the report."""

import io
from dataclasses import replace
from decimal import Decimal

import pytest
from rich.console import Console

from petrosa_cio.demo.book import Verdict
from petrosa_cio.demo.intents import Cue
from petrosa_cio.demo.lines import LINES_A_SECOND, LineStage
from petrosa_cio.demo.report import NEXT, report
from petrosa_cio.demo.screen import ScreenStage, draw
from petrosa_cio.demo.story import CHAPTERS
from petrosa_cio.demo.summary import Latency, Proof, Row, Summary
from petrosa_cio.demo.view import View
from petrosa_cio.demo.words import PHRASES, reason_words, short_number, size_words, verdict_words
from petrosa_cio.risk.counters import GROSS, position_counter
from petrosa_cio.risk.reasons import ReasonCode

CUE = Cue(0.5, "whale", "intent.whale", {"symbol": "BTCUSDT", "action": "buy"})
CUT = ("NOTIONAL_ABOVE_MAX", "reduce", "1000", "2500.123", "", "fund", "0.02")
HALT = ("FUND_HALTED", "deny", "not halted", "halted", "fund", None, None)
VETO = ("REGIME_VETO", "deny", "none", "long", "", "regimes.crash", None)

REDUCED = Verdict(CUE, "d1", "reduce", (CUT,), "0.05", "0.02")
DENIED = Verdict(CUE, "d2", "deny", (VETO, HALT), "0.05", None)
APPROVED = Verdict(CUE, "d3", "approve", (), "0.05", "0.05")

VIEW = View(
    chapter=CHAPTERS[4],
    share=0.7,
    seconds_left=18.2,
    state="halted",
    prices={"BTCUSDT": Decimal("51600.09"), "ADAUSDT": Decimal("0.51237")},
    moves={"BTCUSDT": -0.19, "ADAUSDT": 0.02},
    exposure={
        position_counter("BTCUSDT", "long"): Decimal(4_000),
        position_counter("ADAUSDT", "short"): Decimal(1_000),
        GROSS: Decimal(5_000),
    },
    position_limit=Decimal(4_000),
    gross_limit=Decimal(16_000),
    rows=(Row("whale", 9, 1, 5, 3, ()),),
    positions=7,
    join="CIO_DATA_DIR=/folder cio halt",
)


def drawn(view: View, *latest: Verdict, width: int = 80, height: int = 24) -> str:
    console = Console(width=width, height=height, record=True, file=io.StringIO())
    console.print(draw(view, latest))
    return console.export_text()


@pytest.mark.parametrize(("width", "height"), [(80, 24), (120, 40)])
def test_everything_is_on_a_screen_of_usual_size(width: int, height: int) -> None:
    text = drawn(VIEW, APPROVED, REDUCED, DENIED, width=width, height=height)
    for words in (
        "The operator halts the fund", "fund: HALTED", "turbulent_illiquidity", "18 s to go",
        "51,600.09", "-19%", "16,000", "7 open", "whale", "0.05 → 0.02", "the fund is halted (+1)",
        "CIO_DATA_DIR=/folder cio halt",
    ):  # fmt: skip
        assert words in text, words
    assert len(text.rstrip("\n").splitlines()) == height
    assert max(map(len, text.splitlines())) == width


def test_a_bar_is_as_full_as_its_limit() -> None:
    lines = drawn(VIEW).splitlines()
    bitcoin = next(line for line in lines if "BTC" in line)
    cardano = next(line for line in lines if "ADA" in line)
    assert "████████ ░░░░░░░░" in bitcoin
    assert "░░░░░░░░ ██░░░░░░" in cardano


def test_an_exposure_over_its_limit_still_fits_its_bar() -> None:
    full = {position_counter("BTCUSDT", "long"): Decimal(9_000)}
    assert "█" * 9 not in drawn(replace(VIEW, exposure=full))


def test_a_screen_is_drawn_and_given_back() -> None:
    file = io.StringIO()
    console = Console(file=file, force_terminal=True, width=80, height=24, legacy_windows=False)
    stage = ScreenStage(console)
    stage.say("Starting ...")
    stage.begin(CHAPTERS[0])
    for number in range(50):
        stage.verdict(replace(APPROVED, requested=str(number), quantity=str(number)))
    stage.refresh(VIEW)
    stage.close()
    stage.close()
    said = file.getvalue()
    takes, gives_back = "\x1b[?1049h", "\x1b[?1049l"
    assert said.index("Starting ...") < said.index(takes) < said.index(gives_back)
    assert "BTC 49" in said
    assert "BTC 20" not in said


class Seconds:
    """A clock that is moved by hand."""

    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        return self.now


def line_stage() -> tuple[LineStage, Seconds, io.StringIO]:
    file, seconds = io.StringIO(), Seconds()
    return LineStage(Console(file=file, width=80), seconds), seconds, file


def test_lines_tell_chapter_and_verdict() -> None:
    stage, _, file = line_stage()
    stage.say("Starting ...")
    stage.begin(CHAPTERS[0])
    stage.verdict(REDUCED)
    stage.refresh(VIEW)
    stage.close()
    assert file.getvalue().splitlines() == [
        "Starting ...", "", "== A calm trend (regime: stable_accumulation)",
        f"   {CHAPTERS[0].sentence}",
        "reduce  whale           buy   BTCUSDT   0.05 → 0.02  2,500 USD in one order, limit 1,000",
    ]  # fmt: skip


def test_no_more_lines_a_second_than_one_can_read() -> None:
    stage, seconds, file = line_stage()
    for second in (0, 1):
        seconds.now = second + 0.5
        for _ in range(LINES_A_SECOND + 3):
            stage.verdict(APPROVED)
    stage.close()
    lines = file.getvalue().splitlines()
    assert lines.count("... and 3 more") == 2
    assert len(lines) == 2 * LINES_A_SECOND + 2


def test_a_chapter_has_lines_of_its_own() -> None:
    stage, _, file = line_stage()
    for _ in range(LINES_A_SECOND + 1):
        stage.verdict(APPROVED)
    stage.begin(CHAPTERS[1])
    stage.verdict(DENIED)
    said = file.getvalue()
    assert said.index("... and 1 more") < said.index("==") < said.index("deny")


@pytest.mark.parametrize(
    ("number", "shown"),
    [(None, ""), ("0", "0"), ("0E-8", "0"), ("0.05", "0.05"), ("0.00123456", "0.001235"),
     ("2500.126", "2,500"), ("1E+3", "1,000"), ("12.5", "12.5"), ("-3.21987", "-3.22")],
)  # fmt: skip
def test_numbers_are_short(number: str | None, shown: str) -> None:
    assert short_number(number) == shown


def test_a_size_that_was_not_cut_is_said_once() -> None:
    assert size_words(APPROVED) == "0.05"
    assert size_words(REDUCED) == "0.05 → 0.02"
    assert size_words(replace(APPROVED, requested=None, quantity=None)) == ""


@pytest.mark.parametrize("code", ReasonCode)
def test_every_reason_has_words(code: ReasonCode) -> None:
    reason = (code.value, "deny", "12.50 s", "77", "", None, None)
    said = reason_words(replace(DENIED, reasons=(reason,)))
    assert said
    assert "{" not in said
    assert code in PHRASES or code.replace("_", " ").lower() in said
    bare = (code.value, "deny", None, None, "", None, None)
    assert reason_words(replace(DENIED, reasons=(bare,))) == code.replace("_", " ").lower()


def test_a_reason_without_a_limit_says_what_was_seen() -> None:
    reason = ("INTENT_MALFORMED", "deny", None, "not JSON", "", None, None)
    assert reason_words(replace(DENIED, reasons=(reason,))) == "intent malformed: not JSON"


def test_an_age_is_said_in_seconds() -> None:
    reason = ("INTENT_STALE", "deny", "20 s", "120002 ms", "", None, None)
    assert reason_words(replace(DENIED, reasons=(reason,))) == "120 s old, limit 20 s"


def test_a_withdrawal_is_said_above_all() -> None:
    withdrawn = replace(APPROVED, withdrawn="POLICY_TIGHTENED")
    assert verdict_words(withdrawn) == "0.05  withdrawn before it left: policy tightened"


SUMMARY = Summary(
    seed=7,
    seconds=60.04,
    complete=True,
    rows=(Row("whale", 9, 1, 5, 3, (("NOTIONAL_ABOVE_MAX", 5), ("FUND_HALTED", 2))),),
    total=Row("all", 9, 1, 5, 3, ()),
    latency=Latency(10.9, 40.2, 188.3),
    after={"withdrawal": 1, "undelivered": 0, "unconfirmed": 0},
    engine={"filled": 4, "closed by stop loss": 2},
    proof=Proof(9, 9, 0, 9, 0),
    halts=1,
)


def reported(summary: Summary) -> str:
    console = Console(width=160, record=True, file=io.StringIO())
    console.print(report(summary))
    return console.export_text()


def test_the_report_tells_what_it_came_to() -> None:
    text = reported(SUMMARY)
    for words in (
        "60 seconds with seed 7", "notional above max 5, fund halted 2", "median 10.9 ms",
        "closed by stop loss 2, filled 4", "unconfirmed 0, undelivered 0, withdrawal 1",
        "exactly one verdict: yes (9 of 9, each journaled and stored once)", "cio run",
    ):  # fmt: skip
        assert words in text, words
    assert "broken off" not in text
    assert all(what in text for what, _ in NEXT)


def test_the_report_of_a_broken_promise_says_no() -> None:
    broken = replace(
        SUMMARY, complete=False, latency=None, engine={}, proof=Proof(9, 8, 1, 7, lost=2)
    )
    text = reported(broken)
    assert "broken off" in text
    assert "no: of 9 captured, 8 decided, 7 stored with the same verdict, 1 recorded again" in text
    assert "2 not captured at all" in text
    assert "nothing reached it" in text
    assert "intent to verdict" not in text


def test_the_summary_is_plain_for_a_program() -> None:
    plain = SUMMARY.as_json()
    assert plain["proof"] == {
        "captured": 9, "decided": 9, "repeated": 0, "stored": 9, "lost": 0,
        "every_intent_has_one_verdict": True,
    }  # fmt: skip
