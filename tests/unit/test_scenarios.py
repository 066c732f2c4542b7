"""The simulated days: they repeat themselves, and the Strategist matters in them."""

import asyncio
from pathlib import Path

import pytest
from typer.testing import CliRunner

from petrosa_cio.risk.limit_kinds import Change
from tests.scenarios.__main__ import MARKS, app
from tests.scenarios.book import FEE
from tests.scenarios.day import EQUITY_USD, Day, Mind, Outcome
from tests.scenarios.market import Phase, Scenario, make_paths, read_scenarios
from tests.scenarios.minds import MINDS, NOBODY, PLAYBOOK, SCRIPT

SCENARIOS = read_scenarios()
SHORT = Scenario(
    "short",
    "A short fall.",
    (
        Phase(30, 0, 6, "balanced_market"),
        Phase(60, -30, 20, "turbulent_illiquidity"),
    ),
    shock_at=30,
)


def passed(scenario: Scenario, mind: Mind, seed: int = 7) -> Outcome:
    return asyncio.run(Day(scenario, seed, mind).run())


@pytest.mark.parametrize("name", SCENARIOS)
def test_a_day_has_a_price_for_every_minute_and_its_shock_within_it(name: str) -> None:
    scenario = SCENARIOS[name]
    paths = make_paths(scenario, 1)
    assert {len(path) for path in paths.values()} == {scenario.minutes} == {1440}
    assert scenario.shock_at is None or scenario.shock_at < scenario.minutes
    assert scenario.is_calm is (scenario.shock_at is None)


def test_the_same_seed_gives_the_same_day_and_another_one_another() -> None:
    again = [passed(SHORT, MINDS[PLAYBOOK]) for _ in range(2)]
    assert again[0] == again[1]
    assert passed(SHORT, MINDS[PLAYBOOK], seed=8).equity != again[0].equity


def test_nobody_changes_nothing_and_others_react_within_the_fall() -> None:
    assert passed(SHORT, MINDS[NOBODY]).events == []
    for mind in (PLAYBOOK, SCRIPT):
        found = passed(SHORT, MINDS[mind])
        assert {one.change for one in found.events} == {Change.TIGHTER}
        assert found.reacted_after(SHORT.shock_at) == 10


def test_until_somebody_changes_the_policy_days_of_one_seed_are_alike() -> None:
    alone, led = passed(SHORT, MINDS[NOBODY]), passed(SHORT, MINDS[PLAYBOOK])
    first = led.events[0].minute + 1
    assert alone.equity[:first] == led.equity[:first]
    assert alone.equity[-1] != led.equity[-1]


def test_a_market_that_does_not_move_costs_the_fees_alone() -> None:
    still = Scenario("still", "Nothing moves.", (Phase(120, 0, 0, "balanced_market"),))
    found = passed(still, MINDS[NOBODY])
    assert found.approvals > 0
    most = found.approvals * 3_000 * FEE * 2
    assert EQUITY_USD - most <= found.equity[-1] < EQUITY_USD


def test_an_outage_lets_nothing_through_and_fills_nothing() -> None:
    phases = (
        Phase(60, 0, 6, "balanced_market"),
        Phase(60, 0, 6, "balanced_market", is_outage=True),
    )
    found = passed(Scenario("away", "The exchange goes.", phases), MINDS[NOBODY])
    assert len(set(found.equity[60:])) == 1


def test_the_command_writes_table_and_picture(tmp_path: Path) -> None:
    (tmp_path / "SCENARIOS.md").write_text(f"before\n{MARKS[0]}\nold\n{MARKS[1]}\nafter\n")
    args = ["--only", "calm", "--seeds", "1", "--write", str(tmp_path)]
    ran = CliRunner().invoke(app, args, catch_exceptions=False)
    assert ran.exit_code == 0
    written = (tmp_path / "SCENARIOS.md").read_text()
    assert "| calm | playbook |" in written
    assert "old" not in written
    assert written.startswith("before\n")
    assert written.endswith("after\n")
    assert (tmp_path / "scenarios.png").read_bytes().startswith(b"\x89PNG")


def test_a_scenario_that_nobody_knows_is_refused_by_name() -> None:
    ran = CliRunner().invoke(app, ["--only", "crush"])
    assert ran.exit_code == 2
    assert "crush" in ran.output
