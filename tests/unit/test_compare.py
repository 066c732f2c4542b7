"""What a change of policy does: tighter, looser, mixed or nothing."""

from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest
from pydantic import ValidationError

from petrosa_cio.risk.compare import FieldChange, compare, compare_documents
from petrosa_cio.risk.limit_kinds import Change
from petrosa_cio.risk.policy import Policy, PolicyDocument

CHANGES = [
    # A ceiling, a floor, a flag, a list, a scale
    ({"max_position_usd": 10}, {"max_position_usd": 9}, "tighter"),
    ({"max_position_usd": 10}, {"max_position_usd": 11}, "looser"),
    ({"max_position_usd": 10}, {"max_position_usd": "10.0"}, "equal"),
    ({}, {"max_position_usd": 10}, "tighter"),
    ({"max_position_usd": 10}, {}, "looser"),
    ({"min_confidence": "0.5"}, {"min_confidence": "0.6"}, "tighter"),
    ({"min_confidence": "0.5"}, {"min_confidence": "0.4"}, "looser"),
    ({"stop_loss_required": False}, {"stop_loss_required": True}, "tighter"),
    ({"stop_loss_required": True}, {"stop_loss_required": False}, "looser"),
    ({"allowed_symbols": ["BTCUSDT", "ETHUSDT"]}, {"allowed_symbols": ["BTCUSDT"]}, "tighter"),
    ({"allowed_symbols": ["BTCUSDT"]}, {"allowed_symbols": ["BTCUSDT", "ETHUSDT"]}, "looser"),
    ({"allowed_symbols": ["BTCUSDT"]}, {"allowed_symbols": ["ETHUSDT"]}, "mixed"),
    ({}, {"allowed_symbols": []}, "tighter"),
    # Who states nothing denies an oversized order
    ({}, {"on_order_above_max": "deny"}, "tighter"),
    ({}, {"on_order_above_max": "reduce"}, "looser"),
    ({"on_order_above_max": "reduce"}, {"on_order_above_max": "deny"}, "tighter"),
    ({"on_order_above_max": "reduce"}, {}, "mixed"),
    ({"on_order_above_max": "deny"}, {}, "looser"),
    # Who states nothing tolerates a clock that is 5 s ahead
    ({}, {"max_clock_skew_s": 4}, "tighter"),
    ({}, {"max_clock_skew_s": 5}, "tighter"),
    ({}, {"max_clock_skew_s": 6}, "looser"),
    ({"max_clock_skew_s": 6}, {}, "mixed"),
    ({"max_clock_skew_s": 4}, {}, "looser"),
    # Who states nothing denies what has no size
    ({}, {"unsized_order_usd": 20}, "looser"),
    ({"unsized_order_usd": 20}, {}, "mixed"),
    ({"unsized_order_usd": 20}, {"unsized_order_usd": 10}, "mixed"),
    # Together
    ({"max_position_usd": 10}, {"max_position_usd": 9, "min_confidence": "0.1"}, "tighter"),
    ({"max_position_usd": 10}, {"max_position_usd": 11, "min_confidence": "0.1"}, "mixed"),
]


@pytest.mark.parametrize(("old", "new", "change"), CHANGES)
def test_change_of_the_fund(old: dict[str, Any], new: dict[str, Any], change: str) -> None:
    comparison = compare(Policy.model_validate({"fund": old}), Policy.model_validate({"fund": new}))
    assert comparison.change == change
    assert bool(comparison.loosened) == (change in ("looser", "mixed"))


def test_every_loosened_field_is_named_with_its_place() -> None:
    old = Policy.model_validate(
        {
            "fund": {"max_position_usd": 10},
            "strategies": {"*": {"max_order_notional_usd": 10}},
            "strategy_symbols": {"momentum_v1": {"BTCUSDT": {"min_confidence": "0.5"}}},
        }
    )
    new = Policy.model_validate(
        {
            "fund": {"max_position_usd": 9},
            "strategies": {
                "*": {"max_order_notional_usd": 10},
                "momentum_v1": {"max_order_notional_usd": 20},
            },
        }
    )
    comparison = compare(old, new)
    assert comparison.change is Change.MIXED
    assert {(change.path, change.change) for change in comparison.changes} == {
        ("fund.max_position_usd", Change.TIGHTER),
        ("strategies.momentum_v1.max_order_notional_usd", Change.LOOSER),
        ("strategy_symbols.momentum_v1.BTCUSDT.min_confidence", Change.LOOSER),
    }
    assert len(comparison.loosened) == 2


def test_a_specific_entry_looser_than_the_default_loosens() -> None:
    old = Policy.model_validate({"symbols": {"*": {"max_position_usd": 10}}})
    new = Policy.model_validate(
        {"symbols": {"*": {"max_position_usd": 10}, "BTCUSDT": {"max_position_usd": 20}}}
    )
    assert compare(old, new).change is Change.LOOSER
    assert compare(new, old).change is Change.TIGHTER


def test_an_entry_of_a_strategy_and_a_symbol_is_compared_with_itself() -> None:
    old, new = (
        Policy.model_validate(
            {"strategy_symbols": {"momentum_v1": {"BTCUSDT": {"max_position_usd": usd}}}}
        )
        for usd in (10, 9)
    )
    (tightened,) = compare(old, new).changes
    path = "strategy_symbols.momentum_v1.BTCUSDT.max_position_usd"
    assert tightened == FieldChange(path, Change.TIGHTER, Decimal(10), Decimal(9))
    assert compare(new, old).loosened == (
        FieldChange(path, Change.LOOSER, Decimal(9), Decimal(10)),
    )


NOON = datetime(2026, 11, 23, 12, tzinfo=UTC)


def document(*overlays: dict[str, Any], **fund: object) -> PolicyDocument:
    return PolicyDocument.model_validate({"policy": {"fund": fund}, "overlays": overlays})


def overlay(hours: float = 1, name: str = "calm-down", **fund: object) -> dict[str, Any]:
    ends = NOON + timedelta(hours=hours)
    return {"overlay_id": name, "reason": "drill", "expires_at": ends, "fund": fund}


OVERLAYS = [
    ("none before, none after", document(), document(), {}),
    ("a new one", document(), document(overlay(max_position_usd=5)),
     {"overlays.calm-down.fund.max_position_usd": "tighter"}),
    ("one taken away", document(overlay(max_position_usd=5)), document(),
     {"overlays.calm-down.fund.max_position_usd": "looser"}),
    ("one that is over", document(overlay(0, max_position_usd=5)), document(), {}),
    ("one that was over before it came", document(), document(overlay(-1, max_position_usd=5)), {}),
    ("an earlier end", document(overlay(2, max_position_usd=5)),
     document(overlay(1, max_position_usd=5)), {"overlays.calm-down.expires_at": "looser"}),
    ("a later end", document(overlay(1, max_position_usd=5)),
     document(overlay(2, max_position_usd=5)), {"overlays.calm-down.expires_at": "tighter"}),
    ("a later end of what lets more pass", document(overlay(1, on_order_above_max="reduce")),
     document(overlay(2, on_order_above_max="reduce")), {"overlays.calm-down.expires_at": "mixed"}),
    ("another name for the same", document(overlay(max_position_usd=5)),
     document(overlay(max_position_usd=5, name="other")),
     {"overlays.calm-down.fund.max_position_usd": "looser",
      "overlays.other.fund.max_position_usd": "tighter"}),
    ("a looser policy under a new overlay", document(max_position_usd=5),
     document(overlay(max_position_usd=1), max_position_usd=9),
     {"fund.max_position_usd": "looser", "overlays.calm-down.fund.max_position_usd": "tighter"}),
]  # fmt: skip


@pytest.mark.parametrize(("name", "old", "new", "found"), OVERLAYS)
def test_overlays_are_compared_by_name(
    name: str, old: PolicyDocument, new: PolicyDocument, found: dict[str, str]
) -> None:
    comparison = compare_documents(old, new, NOON)
    assert {one.path: one.change for one in comparison.changes} == found, name
    assert comparison.tightens == bool({"tighter", "mixed"} & set(found.values()))


def test_two_overlays_of_one_name_are_no_document() -> None:
    with pytest.raises(ValidationError, match="overlays stated twice: calm-down"):
        document(overlay(max_position_usd=5), overlay(2, max_position_usd=6))
