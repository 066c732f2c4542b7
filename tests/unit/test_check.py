"""``cio check`` decides offline and says so with its exit code."""

import json
from pathlib import Path
from typing import Any

import pytest

from tests.commands import cio

INTENT = {
    "intent_id": "1", "strategy_id": "momentum_v1", "symbol": "BTCUSDT", "action": "buy",
    "confidence": 0.8, "quantity": 0.01, "price": 50000, "current_price": 50000,
    "stop_loss": 49000, "timestamp": "2026-01-02T03:04:05+00:00",
}  # fmt: skip


def check(*arguments: str, stdin: bytes = b"") -> tuple[int, str]:
    return cio("check", *arguments, stdin=stdin)


def intent(**fields: object) -> bytes:
    return json.dumps(INTENT | fields).encode()


def verdict(*arguments: str, stdin: bytes) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(check("-", "--json", *arguments, stdin=stdin)[1])
    return found


def codes(found: dict[str, Any]) -> list[str]:
    return [reason["code"] for reason in found["reasons"]]


def test_an_approval_is_0_and_a_denial_2() -> None:
    assert check("-", stdin=intent())[0] == 0
    status, output = check("-", stdin=intent(confidence=0.1))
    assert status == 2
    assert "CONFIDENCE_BELOW_MIN" in output
    assert "less confident than the policy asks for" in output


@pytest.mark.parametrize("body", [b"", b"\xff\x00", b"[]", b"{}"])
def test_what_is_no_intent_is_denied_not_a_fault(body: bytes) -> None:
    assert codes(verdict(stdin=body)) == ["INTENT_MALFORMED"]


def test_a_recorded_intent_is_read_from_its_payload(tmp_path: Path) -> None:
    file = tmp_path / "recorded.json"
    file.write_text(json.dumps({"subject": "intent.x", "payload": INTENT}))
    assert check(str(file))[0] == 0


def test_a_missing_file_is_1(tmp_path: Path) -> None:
    assert check(str(tmp_path / "none.json"))[0] == 1


def test_it_is_judged_as_if_made_this_moment_unless_told_otherwise() -> None:
    assert verdict(stdin=intent())["kind"] == "approve"
    assert codes(verdict("--now", stdin=intent())) == ["INTENT_STALE"]


def test_a_policy_of_its_own_and_a_regime(tmp_path: Path) -> None:
    policy = tmp_path / "policy.yaml"
    policy.write_text("fund: {max_order_notional_usd: 100, on_order_above_max: reduce}\n")
    charter = tmp_path / "charter.yaml"
    charter.write_text("name: open\n")
    found = verdict("--policy", str(policy), "--charter", str(charter), stdin=intent())
    assert (found["kind"], found["quantity"]) == ("reduce", "0.002")
    assert codes(verdict("--regime", "turbulent_illiquidity", stdin=intent())) == ["REGIME_VETO"]


def test_equity_and_price_may_be_stated() -> None:
    body = intent(quantity=None, position_size_pct=0.01)
    assert codes(verdict(stdin=body)) == ["SIZE_UNKNOWN"]
    found = verdict("--equity", "10000", "--reference-price", "100000", stdin=body)
    assert (found["kind"], found["quantity"], found["price"]) == ("approve", "0.001", "100000")
    for number in ("NaN", "much", "-1"):
        assert check("-", "--equity", number, stdin=body)[0] == 1
