"""Commands as scripts use them: exit codes, JSON, help, completion. No server is asked."""

import json
from pathlib import Path
from typing import Any

import pytest
import typer

from petrosa_cio.cli import completion
from petrosa_cio.cli.exit_codes import EXIT_CODES, ExitCode
from petrosa_cio.cli.help_pages import flowing
from petrosa_cio.cli.root import app
from petrosa_cio.cli.send import exit_code_of
from petrosa_cio.errors import Misconfigured
from tests.commands import cio
from tests.gates import House
from tests.unit.test_check import INTENT

ROOT: Any = typer.main.get_command(app)


def paths_of(group: Any, above: str = "") -> list[str]:
    """Return every command as it is typed, those of groups within groups among them."""
    return [
        path
        for name, command in sorted(group.commands.items())
        for path in (
            paths_of(command, f"{above}{name} ")
            if hasattr(command, "commands")
            else [f"{above}{name}"]
        )
    ]


COMMANDS = paths_of(ROOT)


def test_the_help_groups_commands_in_the_order_of_need() -> None:
    code, page = cio("--help", environ={"COLUMNS": "120"})
    places = [page.index(f"─ {panel} ─") for panel in ("Run", "Try", "Look", "Switch")]
    assert (code, places) == (0, sorted(places))


@pytest.mark.parametrize("command", COMMANDS)
def test_every_command_shows_examples_and_its_exit_codes(command: str) -> None:
    code, page = cio(*command.split(), "--help", environ={"COLUMNS": "200"})
    assert code == 0
    assert f"cio {command}" in page.partition("Examples:")[2]
    assert "Exit code 0" in " ".join(page.split())


def test_a_text_flows() -> None:
    assert flowing("One\n  two.\n\nThree\nfour.\n") == "One two.\n\nThree four."


def test_every_exit_code_is_told() -> None:
    assert list(EXIT_CODES) == list(ExitCode)


@pytest.mark.parametrize(
    ("verdicts", "code"),
    [
        ([], 0),
        (["approve", "reduce"], 0),
        (["approve", "deny"], 2),
        (["deny", "RETRY_SAFE"], 1),
    ],
)
def test_what_was_answered_is_in_the_exit_code_of_send(verdicts: list[str], code: int) -> None:
    assert exit_code_of(verdicts) == code


# --- explain --------------------------------------------------------------------------------------


def explained(content: bytes, *arguments: str) -> tuple[int, str]:
    return cio("explain", "-", *arguments, stdin=content)


def test_an_intent_is_explained() -> None:
    code, said = explained(json.dumps(INTENT | {"confidence": 0.1}).encode())
    assert code == 2
    assert "momentum_v1 wants to buy 0.01 BTCUSDT at 50000 USD, worth 500 USD" in said
    assert "1. The strategy's confidence is 0.1, and at least 0.6 is asked for." in said
    assert "limit: min_confidence, stated by the policy's entry fund." in said
    assert "when to change it: Weak signals lose money" in said
    assert explained(json.dumps(INTENT).encode())[0] == 0


def test_an_explanation_for_a_program() -> None:
    found = json.loads(explained(json.dumps(INTENT | {"quantity": 2}).encode(), "--json")[1])
    assert found["verdict"] == "deny"
    assert (
        found["explanation"]["instead"] == "With a quantity of 0.02 or less it would have passed."
    )
    codes = [one["code"] for one in found["explanation"]["reasons"]]
    assert codes == ["NOTIONAL_ABOVE_MAX", "POSITION_ABOVE_MAX", "GROSS_EXPOSURE_ABOVE_MAX"]


def test_whoever_closes_is_told_that_the_engine_cannot() -> None:
    code, said = explained(json.dumps(INTENT | {"action": "close"}).encode())
    assert (code, "cannot execute `close`" in said) == (0, True)
    assert "cannot execute" not in explained(json.dumps(INTENT).encode())[1]


def test_a_watched_verdict_is_not_taken_for_an_intent() -> None:
    code, said = explained(
        json.dumps({"decision_id": "a", "codes": [], "verdict": "deny"}).encode()
    )
    assert (code, "as `cio watch` shows it" in said) == (1, True)


async def test_a_recorded_verdict_is_explained_as_it_was() -> None:
    house = await House().open()
    await house.gate().process([house.arrive(quantity=0.1, confidence=0.1)])
    (record,) = house.journal.records
    for content in (record, json.dumps({**json.loads(record), "record": record.decode()}).encode()):
        code, said = explained(content)
        assert code == 2
        assert "under policy revision 1" in said
        assert "momentum wants to buy 0.1 BTCUSDT" in said
        assert "CONFIDENCE_BELOW_MIN (deny)" in said
        assert "NOTIONAL_ABOVE_MAX (reduce)" in said


async def test_a_record_of_nonsense_is_explained_too() -> None:
    house = await House().open()
    await house.gate().process([house.arrive_bytes(b"\xff")])
    code, said = explained(house.journal.records[0])
    assert (code, "The message is no intent." in said) == (2, True)


def test_what_is_no_json_is_no_intent() -> None:
    code, said = explained(b"nonsense")
    assert (code, "The message is no intent." in said) == (2, True)


def test_half_a_record_is_no_record() -> None:
    code, said = explained(b'{"kind": "verdict", "decision_id": "x", "decision": {}}')
    assert (code, "The record cannot be read." in said) == (1, True)


# --- watch ----------------------------------------------------------------------------------------


def test_a_reason_code_that_does_not_exist_is_refused() -> None:
    code, said = cio("watch", "--code", "fund_halt", environ={"COLUMNS": "200"})
    assert (code, "did you mean FUND_HALTED?" in said) == (2, True)
    code, said = cio("watch", "--code", "zzz", environ={"COLUMNS": "200"})
    assert (code, "docs/CONTROLS.md" in said) == (2, True)


def test_without_a_program_there_is_nothing_to_watch(tmp_path: Path) -> None:
    with pytest.raises(Misconfigured, match="CIO_NATS_URL"):
        cio("watch", environ={"CIO_DATA_DIR": str(tmp_path)})


# --- completion -----------------------------------------------------------------------------------


def test_the_shell_is_offered_what_the_policy_names(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    policy = tmp_path / "policy.yaml"
    policy.write_text(
        "fund: {allowed_symbols: [BTCUSDT, ETHUSDT], allowed_strategies: [grid]}\n"
        "symbols: {'*': {max_position_usd: 1}, BNBUSDT: {max_position_usd: 1}}\n"
        "strategy_symbols: {momentum: {BTCUSDT: {max_position_usd: 1}}}\n"
        "regimes: {calm: {size_scale: 1}}\n"
    )
    monkeypatch.setenv("CIO_POLICY_FILE", str(policy))
    assert completion.strategies("") == ["grid", "momentum"]
    assert completion.symbols("b") == ["BNBUSDT", "BTCUSDT"]
    assert completion.regimes("c") == ["calm", "consolidation"]
    assert completion.codes("fund") == ["FUND_HALTED"]
    monkeypatch.setenv("CIO_POLICY_FILE", str(tmp_path / "missing.yaml"))
    assert completion.strategies("") == []
