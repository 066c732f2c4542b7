"""A policy as people write it."""

from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

import pytest
from hypothesis import given

from petrosa_cio.errors import PolicyRejected
from petrosa_cio.governance.documents import read_policy_file
from petrosa_cio.governance.files import load_governing
from petrosa_cio.governance.policy_text import policy_text, with_fields, with_overlay
from petrosa_cio.risk.limits import LimitSet
from petrosa_cio.risk.policy import Policy, PolicyDocument, canonical_json
from tests.governing import document
from tests.property.worlds import DOCUMENTS

END = datetime(2026, 11, 23, 14, tzinfo=UTC)


def again(folder: Path, one: PolicyDocument) -> bytes:
    file = folder / "policy.yaml"
    file.write_text(policy_text(one), "utf-8")
    found = read_policy_file(file)
    assert found.problems == ()
    return canonical_json(found.document)


def test_the_starter_is_read_as_it_was_written(tmp_path: Path) -> None:
    starter = PolicyDocument(policy=load_governing(None, None).first_policy)
    narrowed = with_overlay(
        starter, ["fund.min_confidence=0.75"], overlay_id="a", reason="thin: é", expires_at=END
    )
    for one in (starter, narrowed):
        assert again(tmp_path, one) == canonical_json(one)


@given(DOCUMENTS)
def test_every_document_is_read_as_it_was_written(
    tmp_path_factory: pytest.TempPathFactory, one: PolicyDocument
) -> None:
    assert again(tmp_path_factory.mktemp("text"), one) == canonical_json(one)


@pytest.mark.parametrize(
    ("field", "at"),
    [
        ("fund.max_position_usd=5.50", lambda policy: policy.fund),
        ("symbols.BTCUSDT.max_position_usd = 5.50", lambda policy: policy.symbols["BTCUSDT"]),
        ("strategies.my.bot.max_position_usd=5.50", lambda policy: policy.strategies["my.bot"]),
        ("regimes.calm.max_position_usd=5.50", lambda policy: policy.regimes["calm"]),
        (
            "strategy_symbols.my.bot.*.max_position_usd=5.50",
            lambda policy: policy.strategy_symbols["my.bot"]["*"],
        ),
    ],
)
def test_one_field_is_set_and_taken_away(field: str, at: Callable[[Policy], LimitSet]) -> None:
    before = document(max_order_notional_usd=1000)
    after = with_fields(before, [field])
    assert str(at(after.policy).max_position_usd) == "5.50"
    gone = with_fields(after, [field.partition("=")[0] + "="])
    assert at(gone.policy).max_position_usd is None
    assert after.policy.fund.max_order_notional_usd == 1000


@pytest.mark.parametrize(
    "field",
    [
        "fund.max_position_usd", "max_position_usd=5", "fund=5", "fund.a.b=5", "symbols.BTCUSDT=5",
        "strategy_symbols.a.max_position_usd=5", "overlays.none=", "charter.bounds.x=5",
        "fund.max_luck=5", "fund.max_position_usd=many", "fund.max_position_usd=",
        "fund.max_position_usd=[", "schema_version=2",
    ],
)  # fmt: skip
def test_what_is_no_field_is_refused(field: str) -> None:
    with pytest.raises(PolicyRejected):
        with_fields(document(), [field])


def test_an_overlay_is_put_beside_others_and_taken_away() -> None:
    one = with_overlay(
        document(), ["fund.min_confidence=0.7"], overlay_id="a.1", reason="thin", expires_at=END
    )
    two = with_overlay(
        one, ["symbols.BTCUSDT.max_position_usd=1"], overlay_id="b", reason="thin", expires_at=END
    )
    assert [each.overlay_id for each in two.overlays] == ["a.1", "b"]
    assert [each.overlay_id for each in with_fields(two, ["overlays.a.1="]).overlays] == ["b"]
    with pytest.raises(PolicyRejected, match="stated twice"):
        with_overlay(one, [], overlay_id="a.1", reason="thin", expires_at=END)
