"""The playbook proposes by rule, says which and why, and never twice."""

from collections.abc import Mapping
from dataclasses import replace
from datetime import timedelta
from decimal import Decimal
from pathlib import Path

import pytest

from petrosa_cio.errors import Misconfigured
from petrosa_cio.governance.thought import thought_problem
from petrosa_cio.risk.compare import Comparison
from petrosa_cio.risk.limit_kinds import Change
from petrosa_cio.risk.policy import ANY
from petrosa_cio.strategist.briefing import briefing_of
from petrosa_cio.strategist.judgement import judged
from petrosa_cio.strategist.playbook import Played, play
from petrosa_cio.strategist.playbook_rules import read_playbook
from petrosa_cio.strategist.proposal import NoChange, PolicyProposal
from petrosa_cio.strategist.situation import Situation
from tests.policies import AT
from tests.strategies import counted, portfolio, regime, situation

OWN = read_playbook(None)
PEAK = Decimal(100_000)


def played(found: Situation) -> Played:
    return play(OWN, found, briefing_of(found).names)


def moved(found: Situation) -> tuple[str | None, dict[str, str | None]]:
    """Return which rule proposes, and the fields it sets; nothing where none does."""
    said = played(found)
    if isinstance(said.answer, NoChange):
        return None, {}
    return said.rule, {one.path: one.value for one in said.answer.changes}


def once_in_force(found: Situation) -> Situation:
    """Return the situation after what the playbook proposes came into force."""
    said = played(found)
    assert isinstance(said.answer, PolicyProposal)
    outcome, problems = judged(said.answer, found, briefing_of(found).names, by=str(said.rule))
    assert outcome is not None, problems
    assert _only_tightens(outcome.comparison)
    return replace(found, document=outcome.document)


def _only_tightens(comparison: Comparison) -> bool:
    return comparison.change is Change.TIGHTER


def down(equity: int, **known: object) -> Situation:
    return situation(portfolio=portfolio(str(equity)), equity_peak_usd=PEAK, **known)


@pytest.mark.parametrize(
    ("equity", "rule", "order"),
    [
        (95_001, None, None),
        (95_000, "drawdown-5", "750"),
        (90_001, "drawdown-5", "750"),
        (90_000, "drawdown-10", "500"),
        (85_001, "drawdown-10", "500"),
        (85_000, "drawdown-15", "250"),
        (10_000, "drawdown-15", "250"),
    ],
)
def test_the_ladder_of_drawdowns(equity: int, rule: str | None, order: str | None) -> None:
    by, fields = moved(down(equity))
    assert by == rule
    assert fields.get("fund.max_order_notional_usd") == order


def test_a_deeper_step_multiplies_the_usual_limit_and_not_the_narrowed_one() -> None:
    first = once_in_force(down(95_000))
    later = replace(first, at=AT + timedelta(hours=1), portfolio=portfolio("90000"))
    assert moved(later)[1]["fund.max_order_notional_usd"] == "500"


def test_what_is_in_force_is_not_proposed_again() -> None:
    again = replace(once_in_force(down(95_000)), at=AT + timedelta(minutes=5))
    said = played(again)
    assert isinstance(said.answer, NoChange)
    assert "drawdown-5" in said.answer.reason


def test_a_shallower_step_is_no_news_under_a_deeper_one() -> None:
    deep = once_in_force(down(85_000))
    better = replace(deep, at=AT + timedelta(hours=1), portfolio=portfolio("94000"))
    assert isinstance(played(better).answer, NoChange)


def test_once_its_overlay_is_over_a_rule_proposes_the_same_again() -> None:
    over = replace(once_in_force(down(95_000)), at=AT + timedelta(days=2))
    assert moved(over)[1]["fund.max_order_notional_usd"] == "750"


def test_the_regime_of_all() -> None:
    wild = situation(regimes={ANY: regime("turbulent_illiquidity")})
    assert moved(wild) == (
        "regime-thin-and-wild",
        {
            "fund.max_order_notional_usd": "500",
            "fund.max_gross_exposure_usd": "10000",
            "fund.min_confidence": "0.75",
        },
    )


def test_the_regime_of_some_symbols_and_then_of_one_more() -> None:
    wild = regime("turbulent_illiquidity")
    one = situation(regimes={"ETHUSDT": wild, "BTCUSDT": regime("consolidation")})
    assert moved(one)[1]["symbols.ETHUSDT.max_order_notional_usd"] == "500"
    both = replace(
        once_in_force(one), at=AT + timedelta(minutes=1), regimes={"ETHUSDT": wild, "BTCUSDT": wild}
    )
    assert set(moved(both)[1]) == {
        "symbols.BTCUSDT.max_order_notional_usd",
        "symbols.BTCUSDT.max_gross_exposure_usd",
        "symbols.BTCUSDT.min_confidence",
    }


@pytest.mark.parametrize(
    ("result", "fields"),
    [
        (("-1500", "-500"), {"strategies.S1.max_order_notional_usd": "400"}),
        (("-1500", "-499"), {}),
        (("-5000", "4000"), {}),
    ],
)
def test_a_losing_strategy(result: tuple[str, str], fields: Mapping[str, str]) -> None:
    found = situation(portfolio=portfolio(results={"momentum_v1": result, "other": ("1", "1")}))
    assert moved(found)[1] == fields


@pytest.mark.parametrize(
    ("denied", "before", "rule"),
    [(45, 20, "denial-spike"), (44, 20, None), (45, None, None)],
)
def test_a_spike_of_denials(denied: int, before: int | None, rule: str | None) -> None:
    earlier = None if before is None else counted(100 - before, before)
    assert moved(situation(verdicts=counted(100 - denied, denied), before=earlier))[0] == rule


def test_too_few_denials_are_no_spike() -> None:
    assert moved(situation(verdicts=counted(9, 90), before=counted(99, 0)))[0] is None


def test_nothing_known_moves_nothing() -> None:
    assert moved(situation()) == (None, {})
    assert moved(situation(portfolio=portfolio(None), equity_peak_usd=PEAK)) == (None, {})
    assert moved(situation(portfolio=portfolio("1"))) == (None, {})


@pytest.mark.parametrize(("hours", "rule"), [(5.9, None), (6.0, "quiet-recovery")])
def test_after_quiet_hours_the_policy_of_people_is_asked_back(
    hours: float, rule: str | None
) -> None:
    over = replace(
        once_in_force(down(95_000)), at=AT + timedelta(hours=hours), portfolio=portfolio("99000")
    )
    assert moved(over)[0] == rule
    if rule:
        said = played(over).answer
        assert isinstance(said, PolicyProposal)
        outcome, _ = judged(said, over, briefing_of(over).names)
        assert outcome is not None
        assert outcome.comparison.change is Change.LOOSER
        assert outcome.document.overlays == ()


@pytest.mark.parametrize(
    "found",
    [
        down(85_000),
        situation(regimes={ANY: regime("turbulent_illiquidity")}),
        situation(portfolio=portfolio(results={"momentum_v1": ("-5000", "0")})),
    ],
)
def test_each_thought_is_one_and_the_same_each_time(found: Situation) -> None:
    said = played(found).answer
    assert isinstance(said, PolicyProposal)
    assert thought_problem(said.thought_trace) is None
    assert played(found).answer == said


@pytest.mark.parametrize(
    ("old", "new", "told"),
    [
        ("{drawdown_pct: 15}", "{drawdown_pct: 15, loss_pct: 1}", "expected one of regimes"),
        ("{drawdown_pct: 15}", "{drawdown: 15}", "Extra inputs"),
        ("{max_order_notional_usd: 0.25,", "{max_order_notional_usd: 1.25,", "less than 1"),
        ("{max_order_notional_usd: 0.25,", "{size_scale: 0.25,", "no limit of which the lowest"),
        ("{min_confidence: 0.75}", "{max_leverage: 1}", "no limit of which the highest"),
        ("name: drawdown-10", "name: drawdown-15", "two rules have one name"),
        ("{quiet_hours: 6}", "{loss_pct: 6}", "for every rule but one with quiet_hours"),
        ("lasts_minutes: 1440", "", "what tightens says lasts_minutes"),
        ("version: 1", "version: [", "while parsing"),
    ],
)
def test_a_playbook_that_is_none_is_told_why(tmp_path: Path, old: str, new: str, told: str) -> None:
    own = Path(read_playbook.__code__.co_filename).with_name("playbook.yaml").read_text("utf-8")
    assert old in own
    file = tmp_path / "playbook.yaml"
    file.write_text(own.replace(old, new), "utf-8")
    with pytest.raises(Misconfigured, match=told) as raised:
        read_playbook(file)
    assert raised.value.problems[0].field == "CIO_STRATEGIST_PLAYBOOK_FILE"


def test_a_playbook_that_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(Misconfigured, match="No such file"):
        read_playbook(tmp_path / "none.yaml")


def test_a_copy_of_the_playbook_reads_alike(tmp_path: Path) -> None:
    own = Path(read_playbook.__code__.co_filename).with_name("playbook.yaml")
    assert read_playbook(own) == OWN
