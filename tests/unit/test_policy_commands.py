"""``cio policy check`` and ``cio policy test``, as a person and as a program use them."""

import json
from pathlib import Path
from typing import Any

import pytest

from petrosa_cio.governance.self_test.builders import BUILDERS
from petrosa_cio.governance.self_test.pair import Pair
from petrosa_cio.governance.starter import starter_file
from tests.commands import cio
from tests.unit.test_check import INTENT

OPEN = "name: open\n"


@pytest.fixture
def write(tmp_path: Path) -> Any:
    def written(policy: str, charter: str = OPEN) -> tuple[str, str, str]:
        (tmp_path / "policy.yaml").write_text(policy)
        (tmp_path / "charter.yaml").write_text(charter)
        return str(tmp_path / "policy.yaml"), "--charter", str(tmp_path / "charter.yaml")

    return written


def looked(*arguments: str) -> tuple[int, Any]:
    code, output = cio("policy", *arguments, "--json")
    return code, json.loads(output)


# --- check ----------------------------------------------------------------------------------------


def test_the_starter_files_may_govern_and_nothing_is_to_be_said() -> None:
    code, found = looked("check", "--strict")
    assert (code, found) == (
        0, {"policy": "starter", "charter": "starter", "errors": [], "warnings": []},
    )  # fmt: skip
    code, page = cio("policy", "check")
    assert (code, "may govern" in page) == (0, True)


def test_every_kind_of_problem_is_named_at_once(write: Any) -> None:
    code, found = looked(
        "check",
        *write(
            """
            fund: {max_order_notional_usdt: 1, min_confidence: 0.4, size_scale: 0.5,
                   unsized_order_usd: 200, max_order_notional_usd: 100}
            symbols: {btcusdt: {}, BTCUSDT: {allowed_symbols: [ETHUSDT], max_order_quantity: many}}
            strategies: {a: {max_exits_per_minute: 0}}
            """,
            "bounds: {min_confidence: 0.5, max_luck: 1}\nrequired_limits: [max_luck]",
        ),
    )
    text = "\n".join(one["message"] for one in found["errors"])
    assert code == 1
    for problem in (
        "bounds.max_luck: Extra inputs",
        "required_limits names no limit: max_luck",
        "fund.max_order_notional_usdt: Extra inputs",
        "fund.size_scale is only valid under regimes",
        "symbols.btcusdt",
        "symbols.BTCUSDT.max_order_quantity: ",
        "fund.min_confidence: is 0.4, looser than the charter's 0.5",
        "fund.unsized_order_usd: intents without a size",
        "symbols.BTCUSDT.allowed_symbols: lists ETHUSDT",
        "strategies.a.max_exits_per_minute: no exit",
    ):
        assert problem in text
    assert len(found["errors"]) == 10


def test_warnings_refuse_only_where_that_is_asked(write: Any) -> None:
    files = write("fund: {max_position_usd: 5}\nsymbols: {BTCUSDT: {max_position_usd: 6}}\n")
    code, found = looked("check", *files)
    assert (code, found["errors"]) == (0, [])
    (warning,) = found["warnings"]
    assert warning["path"] == "symbols.BTCUSDT.max_position_usd"
    assert looked("check", "--strict", *files)[0] == 1
    code, page = cio("policy", "check", *files)
    assert (code, "6 never binds: fund always states 5" in page) == (0, True)
    assert "0 errors, 1 warning" in page


def test_a_regime_that_no_feed_names_is_remarked_on(write: Any) -> None:
    files = write("regimes: {consolidation: {size_scale: 0.5}, sidewise: {size_scale: 0.5}}\n")
    code, found = looked("check", *files)
    assert (code, found["errors"]) == (0, [])
    (warning,) = found["warnings"]
    assert warning["path"] == "regimes.sidewise"
    assert "turbulent_illiquidity" in warning["fix"]


def test_it_says_who_would_be_denied_for_a_missing_limit(write: Any) -> None:
    files = write(
        "symbols: {BTCUSDT: {max_position_usd: 5}}\n", "required_limits: [max_position_usd]\n"
    )
    _, found = looked("check", *files)
    (warning,) = found["warnings"]
    assert "any other strategy, any other symbol: LIMIT_NOT_SET" in warning["sentence"]


def test_a_whole_document_with_overlays_is_read(write: Any) -> None:
    document = """
    policy: {fund: {max_position_usd: 5}}
    overlays:
    - {overlay_id: night, reason: thin, expires_at: 2999-01-01T00:00:00Z,
       fund: {max_position_usd: 6}}
    """
    code, found = looked("check", *write(document))
    assert (code, found["errors"]) == (0, [])
    assert found["warnings"][0]["path"] == "overlays.night.fund.max_position_usd"
    code, shown = looked("test", *write(document))
    assert [one["status"] for one in shown] == ["bites", "shadowed"]


def test_what_is_no_yaml_is_a_problem_too(write: Any) -> None:
    for text in ("fund: {", "[]", "policy: 7"):
        code, found = looked("check", *write(text, "bounds: ["))
        assert code == 1
        assert len(found["errors"]) == 2


def test_cio_check_points_at_the_remarks(write: Any, tmp_path: Path) -> None:
    intent = tmp_path / "intent.json"
    intent.write_text(json.dumps(INTENT))
    policy, *charter = write("fund: {max_intent_age_s: 400}\n")
    _, page = cio("check", str(intent), "--policy", policy, *charter)
    assert "one remark on the policy: see `cio policy check`" in " ".join(page.split())


# --- test -----------------------------------------------------------------------------------------


def test_every_limit_of_the_starter_files_does_what_it_says() -> None:
    code, shown = looked("test")
    assert code == 0
    assert {one["status"] for one in shown} == {"bites", "shadowed", "idle"}
    own = [one for one in shown if one["entry"] != "charter" and one["status"] == "shadowed"]
    assert own == []
    code, page = cio("policy", "test", environ={"COLUMNS": "100"})
    assert code == 0
    assert "deny CONFIDENCE_BELOW_MIN" in page
    assert "0 fails" in page


def test_one_strategy_symbol_and_regime_is_asked_about(write: Any) -> None:
    files = write(
        """
        fund: {max_position_usd: 100}
        symbols: {BTCUSDT: {max_position_usd: 50}, ETHUSDT: {max_position_usd: 60}}
        strategies: {a: {min_confidence: 0.6}, b: {min_confidence: 0.7}}
        """
    )
    asked = ("--strategy", "a", "--symbol", "btcusdt", "--regime", "calm")
    _, shown = looked("test", *files, *asked)
    assert [(one["entry"], one["status"]) for one in shown] == [
        ("fund", "shadowed"), ("symbols.BTCUSDT", "bites"), ("strategies.a", "bites"),
    ]  # fmt: skip
    assert {one["place"] for one in shown[1:]} == {"a, BTCUSDT, calm"}


def test_a_limit_that_does_not_do_what_it_says_ends_with_1(
    write: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(
        BUILDERS, "min_confidence", lambda at: Pair(stops=at.trial("a good intent"))
    )
    files = write("fund: {min_confidence: 0.6}\n")
    code, (shown,) = looked("test", *files)
    assert (code, shown["status"]) == (1, "fails")
    assert "a good intent: is not stopped by it, approve" in shown["why"]
    assert "1 fails" in cio("policy", "test", *files)[1]


def test_a_policy_that_may_not_govern_is_not_tested(write: Any) -> None:
    files = write("fund: {max_exits_per_minute: 0}\n")
    with pytest.raises(Exception, match="exits are never trapped"):
        cio("policy", "test", *files)


def test_the_file_of_the_settings_is_taken_where_none_is_named() -> None:
    file = str(starter_file("policy.yaml").parent.parent.parent / "demo" / "policy.yaml")
    _, page = cio("policy", "check", environ={"CIO_POLICY_FILE": file})
    assert "policy demo, charter starter" in page
